/* networks.h - generators and discriminators: chosen and sized by plain settings.
 *
 * A network owns its module (parameters and states) and the layers that read it. Applying one makes nodes of a graph,
 * which the network must outlive; it may stand in several graphs. Images are [B,H,W,C] in [-1,1]. */
#ifndef SAGAN_GAN_NETS_NETWORKS_H
#define SAGAN_GAN_NETS_NETWORKS_H

#include "layers/types/catalogue.h"
#include "layers/attention.h"
#include "layers/module.h"
#include "layers/norm.h"

SAGAN_BEGIN

/* Which of the two networks of a GAN: G makes images of latents, D tells real images from made ones. */
enum net_side { NET_G, NET_D };
const char *net_side_name(enum net_side side);       /* "generator", "discriminator" */

/* The networks by the names that a config knows them by, ended by NULL. */
extern const char *const net_name[];

enum upsampling { UPSAMPLE_NEAREST, UPSAMPLE_BILINEAR };
enum d_skip {
	SKIP_LINEAR,                                 /* skips of D's blocks take x */
	SKIP_RELU                                    /* relu(x), as programs compute whose ReLU overwrites x */
};
enum net_init {
	NET_XAVIER,                                  /* glorot uniform; times init_gain in the 3x3 of the blocks */
	NET_ORTHOGONAL,                              /* arXiv 1312.6120, times init_gain likewise */
	NET_N02,                                     /* normal with deviation 0.02 */
	NET_HE,                                      /* INIT_HE_FAN_OUT (layers/module.h), times init_gain likewise */
	NET_TORCH                                    /* PyTorch's defaults, biases too */
};
/* What gain and bias of G's batch norms follow. The class is a row of a table in each norm, or one vector e(y) that
 * all share. */
enum net_modulation {
	MODULATE_LABEL,                              /* the class, if there are any (arXiv 1707.00683) */
	MODULATE_LATENT,                             /* e(y) and z (self-modulation, arXiv 1810.01365) */
	MODULATE_CHUNKS                              /* e(y) and a piece of z of each stage's own; the first stage
	                                              * makes its map of its piece (BigGAN, arXiv 1809.11096) */
};
/* Their names, by enum value, ended by NULL. */
extern const char *const upsampling_name[], *const d_skip_name[], *const net_init_name[], *const net_modulation_name[];

/* Height and width of images and maps. A map is called by its shorter side: layer_spec.at, "attention16". */
typedef struct net_size {
	int h, w;
} net_size;
net_size net_square(int side);
int net_size_shorter(net_size s);
bool net_size_is(net_size s, int side);              /* a square of this side */
char *net_size_print(net_size s, char *buf, size_t size);    /* "32", "[96, 64]"; returns buf */

typedef struct net_config {
	/* keep. A family, or one of net_name: resnet and dcgan (sizes of doublings, see net_config_default), official
	 * (64, 128, 256), mnistgans (28). */
	const char *network;
	net_size size;
	int channels;                                /* of the image: 1 or 3 */
	int classes;                                 /* 0: unconditional */
	int latent;                                  /* Z */
	int g_width, d_width;                        /* base width of G, of D */

	layer_specs g_layers, d_layers;              /* after the first stage whose map has the size, or instead of
	                                              * it */
	double layer_gamma;                          /* where gamma starts; NAN: the layer type's own start */

	bool g_sn, d_sn;                             /* spectral norm in G, in D */
	int sn_iterations;
	double sn_eps;                               /* > 0 */

	double bn_keep, bn_eps;                      /* see layers/norm.h */
	double bn_last_keep;                         /* of G's last batch norm; 0 means bn_keep */
	enum cond_form cbn_form;
	bool cbn_sn;                                 /* with g_sn: spectral norm of the tables (kernels) of batch
	                                              * norm, too */
	enum net_modulation modulation;              /* but for label, gain is always 1 + something */
	int class_vector;                            /* length of e(y); not looked at for label or without classes */

	enum upsampling up;                          /* resnet */
	enum d_skip d_skip;                          /* resnet */
	bool d_batch_norm;                           /* dcgan: batch norm in D (arXiv 1511.06434) */
	double d_slope;                              /* dcgan: slope of D's leaky ReLU */

	enum net_init init;
	double init_gain;                            /* > 0 */
} net_config;

/* The published settings of a network of a size, with attention in the published places. `name` may contain the size
 * (resnet28, resnet32, official128, dcgan64, mnistgans28); `size` is then zero or the same. `name` is kept in *out.
 * Of resnet and dcgan the shorter side is 4, 5, 6 or 7 times 2^blocks, and the other is a multiple of 2^blocks:
 * 32 = 4 * 2^3, [96, 64] = [6, 4] * 2^4. False with e set: an unknown network, or a size that it has not ("size = 30:
 * must be 4 to 7 times 2^blocks; nearest are 28, 32"). */
bool net_config_default(const char *name, net_size size, net_config *out, fault *e);

/* Whether both networks can be built with these settings; else false, with e set: sizes, widths, channels, layers and
 * their places ("layer at 7: G has maps of 14, 28"). */
bool net_config_check(const net_config *c, fault *e);
/* Its two parts, for callers that say which setting is at fault. net_settings_check looks at everything but the layers;
 * the place of its error is the name of the field (fault_is_at(e, "size")). net_layers_check looks at the layers of one
 * network, when the rest is right. */
bool net_settings_check(const net_config *c, fault *e);
bool net_layers_check(const net_config *c, enum net_side side, fault *e);

/* Whether the network's own D has batch norm, so that its value of an image depends on the others in the batch. Means
 * something only for settings that net_config_check allows; layers in d_layers are not looked at. */
bool net_mixes_samples(const net_config *c);

/* Whether networks of the family of c never look at the setting at that place in net_config, as at
 * offsetof(net_config, d_slope) in resnet. */
bool net_ignores(const net_config *c, size_t setting);

typedef struct network network;

/* Registers all layers and draws initial values from `r` (borrow). c is copied. new/free. NULL with e set: what
 * net_config_check refuses, or no memory. */
network *network_new(const net_config *c, enum net_side side, rng *r, fault *e);
void network_free(network *n);
enum net_side network_side(const network *n);
module *network_module(const network *n);            /* borrow */
const net_config *network_config(const network *n);  /* borrow */
shape network_input(const network *n, int64_t batch);        /* G: latents [B,Z]; D: images [B,H,W,C] */

/* G: x = latents [B,Z] -> images [B,H,W,C]; D: x = images [B,H,W,C] -> logits [B]. label [B], whole numbers
 * 0..classes-1, or [B,classes], shares of classes; NULL when there are none. maps: NULL, or room for
 * network_placed_layers nodes: each becomes the scores of its attention layer (layers/types/catalogue.h), or NULL when
 * that has none. */
node *network_apply(graph *g, const network *n, node *x, node *label, mode m, node **maps);
/* The layers of g_layers or d_layers, in order of application, borrowed. Another index is a bug. */
int network_placed_layers(const network *n);
const placed_layer *network_placed_layer(const network *n, int i);

/* A network is stages in a row and an end; D's first stage is at the image. network_stage_params: how many parameters
 * the first k stages have, 0 <= k <= stages, with the layers placed after them. They are the first ones. */
int network_stages(const network *n);
int network_stage_params(const network *n, int k);

/* One line of `sagan info`: a layer as applied to one image. */
typedef struct layer_row {
	char path[96];                               /* "block1/conv1" */
	shape out;                                   /* of the layer's last value, B = 1 */
	int64_t params;
	double mac;                                  /* multiply-adds of its products, forward */
} layer_row;

/* Rows in order of application; returns how many there are, of which at most max are written, or -1 with e set. */
int network_layers(const network *n, layer_row *rows, int max, fault *e);

SAGAN_END
#endif
