/* gaze.h - where the attention layers of a network look, for one input of it: a latent of the generator, an image of
 * the discriminator.
 *
 * gaze_look runs the network once; gaze_view then shows the map of any layer and head, as one matrix of positions that
 * ask and positions that are looked at. Layers that see a window only have zeros elsewhere. */
#ifndef SAGAN_GAN_SAMPLE_GAZE_H
#define SAGAN_GAN_SAMPLE_GAZE_H

#include "gan/nets/networks.h"

SAGAN_BEGIN

typedef struct gaze gaze;

/* How much each query of one layer takes of each key, for one image. All that it points at is borrowed from the gaze;
 * map until the next view. */
typedef struct attention_view {
	const char *layer, *type;                    /* "attention16", "mhsa" */
	int head, heads;                             /* head -1: the mean of all */
	int qh, qw, kh, kw;                          /* sizes of the queries' map and of the keys' */
	/* Rows are a softmax: not below 0, their sum 1, or less where a window reaches over the map's edge. False:
	 * weights of any sign and sum. */
	bool shares;
	const real *map;                             /* [qh*qw, kh*kw] */
	const real *image;                           /* [H,W,C]: gaze_image */
} attention_view;

/* keep: n. Parameters may change between two looks; nothing here changes them. Batch norm takes its running statistics.
 * new/free. NULL with e set: no memory. */
gaze *gaze_new(const network *n, fault *e);
void gaze_free(gaze *g);

/* How many layers have maps, and how many heads the i-th of them has. Another index is a bug. */
int gaze_layers(const gaze *g);
int gaze_heads(const gaze *g, int layer);
const char *gaze_layer_name(const gaze *g, int layer);        /* "attention16"; borrow */

/* x: a latent [Z], or an image [H,W,C] in [-1,1]; label: a class that exists, or anything where there are none. */
void gaze_look(gaze *g, const real *x, int label);

/* The image of the last look, [H,W,C]: that G made, that D was shown; borrow. */
const real *gaze_image(const gaze *g);

/* The map of the last look; the head may be -1. False with e set: no memory, or a map of more than GAZE_MAP_MAX
 * numbers. A view before the first look is a bug. */
#define GAZE_MAP_MAX (INT64_C(1) << 28)
bool gaze_view(gaze *g, int layer, int head, attention_view *out, fault *e);

/* What people call a head of a layer, counted from 1: "head 2 of 4", "mean of 4 heads" of head -1, and "" where there
 * is only one. Returns buf, for which 48 bytes suffice. */
char *gaze_head_name(int head, int heads, char *buf, size_t size);

SAGAN_END
#endif
