/* networks_internal.h - what the network families share: a network is stages in a row, with attention
 * after some of them, and an end.
 *
 * A stage is what gives a map of a size: G's first is the projection of z. networks.c walks the
 * stages; a family says how many there are, what each registers and how it is applied. */
#ifndef SAGAN_GAN_NETS_NETWORKS_INTERNAL_H
#define SAGAN_GAN_NETS_NETWORKS_INTERNAL_H

#include "gan/nets/networks.h"
#include "layers/conv.h"
#include "layers/dense.h"

enum { STAGES_MAX = 10 };

typedef struct net_stage {
	net_size map;
	int64_t channels;                            /* that the stage gives */
	int64_t out;                                 /* and that the next one gets: a layer after it may change the
	                                              * width. Set when the stage is started */
} net_stage;

/* The generator or the discriminator of a family. */
typedef struct net_half {
	size_t body;                                 /* bytes of the struct with the layers */
	int (*stages)(const net_config *c, net_stage *out);  /* at most STAGES_MAX; returns how many */
	void (*stage_init)(network *n, int i);
	/* `with` is what the norms of the stage follow: see cond_norm_apply. */
	node *(*stage_apply)(graph *g, const network *n, int i, node *x, node *with, mode m);
	void (*end_init)(network *n);
	node *(*end_apply)(graph *g, const network *n, node *x, node *label, mode m);
} net_half;

typedef struct net_family {
	net_half half[2];                            /* by enum net_side */
	bool (*check_size)(net_size size, fault *e);     /* false: no network of the family has it */
	bool (*check)(const net_config *c, fault *e);        /* what else only this family refuses; NULL: nothing */
	void (*defaults)(net_config *c);             /* c->size is set */
	bool (*d_batch_norm)(const net_config *c);   /* whether D has batch norm of its own; NULL: never */
	const size_t *ignores;                       /* places in net_config of what it never looks at, ended by 0 */
} net_family;

/* The families, each a record family_NAME in the file of its networks, and the names that its networks are known by:
 * NAME, or NAME and a size. */
#define NET_FAMILIES(F) \
	F(resnet, "resnet", "resnet28", "resnet32") \
	F(official, "official64", "official128") \
	F(dcgan, "dcgan", "dcgan64") \
	F(mnistgans, "mnistgans28")
#define FAMILY_RECORD(name, ...) extern const net_family family_##name;
NET_FAMILIES(FAMILY_RECORD)
#undef FAMILY_RECORD

/* What brings the map before a replaced stage to the stage's size and width: norm and ReLU (G), ReLU (D), a 1x1
 * convolution, nearest upsampling or average pooling. */
typedef struct net_bridge {
	char name[32];
	cond_norm norm;                              /* G only */
	conv conv;
	int factor;                                  /* of the resizing; 1: none */
} net_bridge;

struct network {
	net_config cfg;
	const net_half *half;
	module *m;                                   /* own */
	net_stage stage[STAGES_MAX];
	int stages;
	int stage_params[STAGES_MAX];                /* parameters registered when stage i and its layer are */
	placed_layer layer[LAYERS_MAX];
	net_bridge bridge[LAYERS_MAX];               /* of layers that replace their stage */
	int after[LAYERS_MAX];                       /* stage that layer i follows */
	int layers;
	enum net_side side;
	bool sn;                                     /* spectral norm in this half */
	embedding shared;                            /* e(y), where G's norms follow it */
	int64_t vector;                              /* while stages are started: what the norms of this one follow */
	void *body;                                  /* own: the family's layers */
};

/* ---- placed_layers.c ---- */

bool placed_layers_check(const net_config *c, enum net_side side, const net_half *half, fault *e);
/* Registers stage i, or what stands instead of it, and the layer after it; applies the same. */
bool stage_start(network *n, int i, fault *e);
node *stage_run(graph *g, const network *n, int i, node *x, node *with, mode m, node **maps);

/* ---- sizes.c ---- */

/* n when size = base * 2^n (of both sides, put into *base), n >= 1 and the shorter side of base is 4 to 7; else 0. */
int net_halvings(net_size size, net_size *base);
bool net_check_halvings(net_size size, fault *e);    /* a family's check_size: whether there is such an n */
bool net_size_refuse(net_size size, const char *why, fault *e);       /* "size = 30: why" */
net_size net_size_times(net_size s, int halvings);   /* both sides doubled so often; below 0: halved */

/* ---- networks.c ---- */

/* The piece of the latent that stage i of G has. Of the first, what its map is made of. */
typedef struct net_piece {
	int64_t at, length;
} net_piece;
net_piece net_latent(const network *n, int i);

/* How kernels start: gain applies to the kinds that have one. */
init net_init(const net_config *c, double gain);
sn_options net_sn(const network *n);
bn_options net_bn(const net_config *c);

/* Options of a k x k convolution over `in` channels: the network's start, spectral norm, a bias. And of one whose
 * kernel is a whole map, without zeros around. */
conv_options net_conv(const network *n, int64_t in, int64_t filters, int k, double gain);
conv_options net_conv_map(const network *n, int64_t in, int64_t filters, net_size map);
dense_options net_dense(const network *n, int64_t in, int64_t units);
init net_embedding(const net_config *c);             /* of the projection table [K,C] */
layer_specs net_layer_at(int place);                 /* the official self-attention at one map */

/* Batch norm of the stage that is started: modulated, conditional (with cfg.classes) or plain, as the settings say. */
void net_norm(network *n, cond_norm *c, const char *name, int64_t C);

#endif
