/* networks.h - generators and discriminators: chosen and sized by plain settings.
 *
 * A network owns its module (parameters and states) and the layers that read it. Applying one appends
 * nodes; the same network may stand in several graphs. Images are [B,H,W,C] in [-1,1]. */
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
	SKIP_RELU                                    /* relu(x): parity with in-place ReLU */
};
enum net_init {
	NET_XAVIER,                                  /* glorot uniform, init_gain in the blocks' 3x3, else 1 */
	NET_ORTHOGONAL,                              /* arXiv 1312.6120 */
	NET_N02,                                     /* N(0, 0.02) */
	NET_HE,                                      /* truncated normal, sqrt(2/fan_out) */
	NET_TORCH                                    /* PyTorch's defaults, biases too */
};
/* Their names, by enum value, ended by NULL. */
extern const char *const upsampling_name[], *const d_skip_name[], *const net_init_name[];

typedef struct net_config {
	/* resnet (base*2^blocks, base 4 or 7: resnet28, resnet32, 64, 128 of one width), official (64, 128,
	 * 256), dcgan, mnistgans (28). keep. */
	const char *network;
	int size;                                    /* height and width */
	int channels;                                /* of the image: 1 or 3 */
	int classes;                                 /* 0: unconditional */
	int latent;                                  /* Z */
	int g_width, d_width;                        /* base width of G, of D */

	layer_specs g_layers, d_layers;              /* after the first stage whose map has the size, or instead of it */
	double layer_gamma;                      /* start of gamma; NAN: the variant's own */

	bool g_sn, d_sn;                             /* spectral norm in G, in D */
	int sn_iterations;
	double sn_eps;                               /* > 0 */

	double bn_keep, bn_eps;                      /* see layers/norm.h */
	double bn_last_keep;                         /* of G's last batch norm; 0 means bn_keep */
	enum cond_form cbn_form;
	bool cbn_sn;                                 /* one_plus tables under SN (with g_sn) */

	enum upsampling up;                            /* resnet */
	enum d_skip d_skip;                          /* resnet */
	bool d_batch_norm;                           /* dcgan: batch norm in D (arXiv 1511.06434) */
	double d_slope;                              /* dcgan: slope of D's leaky ReLU */

	enum net_init init;
	double init_gain;                            /* > 0 */
} net_config;

/* The published settings of a network and size: "resnet" 32 and so on. Attention in the published
 * places. `name` may also be written with its size: resnet28, resnet32, official128, dcgan64,
 * mnistgans28; size 0 then takes it from there. Refuses unknown networks and sizes that do not come
 * out whole ("size = 30: must be 4 * 2^blocks or 7 * 2^blocks (28, 32, 56, 64, ...)"). */
bool net_config_default(const char *name, int size, net_config *out, fault *e);

/* Everything that can be wrong with the settings, without building anything: sizes, widths, places of
 * attention ("layer at 7: G has maps of 14, 28"), variants, channels. */
bool net_config_check(const net_config *c, fault *e);
/* Its two parts, for who wants to say which setting is at fault: everything but the places, whose errors have the
 * name of the field as their place (fault_is_at(e, "size")); and the places in one network, when the rest is right. */
bool net_settings_check(const net_config *c, fault *e);
bool net_layers_check(const net_config *c, enum net_side side, fault *e);

/* D's value of one image depends on the others in the batch: its own layers have batch norm. Wrong for a
 * config that net_config_check refuses. */
bool net_mixes_samples(const net_config *c);

typedef struct network network;

/* Registers all layers and draws initial values from `r` (borrow). new/free. */
network *network_new(const net_config *c, enum net_side side, rng *r, fault *e);
void network_free(network *n);
enum net_side network_side(const network *n);
module *network_module(const network *n);
const net_config *network_config(const network *n);
shape network_input(const network *n, int64_t batch);        /* G: latents [B,Z]; D: images [B,H,W,C] */

/* G: x = latents [B,Z] -> images [B,H,W,C]; D: x = images [B,H,W,C] -> logits [B]. label [B], NULL when there are no
 * classes. maps: NULL, or room for one node per attention layer, which receives its map, or NULL when it has none
 * over all positions. */
node *network_apply(graph *g, const network *n, node *x, node *label, mode m, node **maps);
int network_placed_layers(const network *n);
const placed_layer *network_placed_layer(const network *n, int i);

/* One line of `sagan info`: a layer as applied to one image. */
typedef struct layer_row {
	char path[96];                               /* "block1/conv1" */
	shape out;                                   /* of the layer's last value, B = 1 */
	int64_t params;
	double mac;                                  /* multiply-adds of its products, forward */
} layer_row;

/* Rows in order of application; returns how many there are (at most max are written), or -1. */
int network_layers(const network *n, layer_row *rows, int max, fault *e);

SAGAN_END
#endif
