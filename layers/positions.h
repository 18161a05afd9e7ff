/* positions.h - what a query adds to its score of a key by the key's place: learned tables for rows and columns.
 *
 * Relative (arXiv 2101.11605): one vector per displacement, a query at (y,x) and a key at (p,q) have
 *	logit = Q.r_height[:, p-y+PH-1] + Q.r_width[:, q-x+PW-1]
 * Absolute: one vector per row and column, logit = Q.(r_height[:,p] + r_width[:,q]). Tables are shared
 * by all heads and samples. Cost N (PH + PW) d: the products with rows and with columns are made apart and added.
 * From keras_cv_attention_models 687943d, botnet/botnet.py, RelativePositionalEmbedding; its state 07209e2 has the same
 * tables in the order of width_first. */
#ifndef SAGAN_LAYERS_POSITIONS_H
#define SAGAN_LAYERS_POSITIONS_H

#include "layers/module.h"

SAGAN_BEGIN

typedef struct position_options {
	int64_t position_height, position_width;     /* PH and PW, the map of keys, raised to H and W where they are
	                                              * smaller; a width of 0 is the height given */
	bool use_absolute_pos;
	bool dynamic_shape;                          /* logits of the first H x W keys only */
	bool width_first;                            /* r_width is created before r_height, as in 07209e2 */
} position_options;

typedef struct positions {
	char name[32];                               /* "": its tables are those of the layer around it */
	buffer *r_height, *r_width;                  /* [d,2PH-1], [d,2PW-1]; absolute: [d,PH], [d,PW] */
	int64_t H, W, PH, PW, d;                     /* queries, keys, width of a head */
	position_options opt;
} positions;

/* Registers name/r_height and name/r_width, normal with deviation 1/sqrt(d), for queries on a map of H x W with d
 * channels a head. Wrong: a size below 1. */
void positions_init(module *m, positions *p, const char *name, int64_t H, int64_t W, int64_t d,
		    position_options opt);

/* q [..,H,W,d], at least one leading axis -> [..,H,W,PH,PW], or [..,H,W,H,W] with dynamic_shape.
 * Wrong: another map or width than built for. */
node *positions_apply(graph *g, const positions *p, node *q);

/* The two parts, to be added where they are needed: [G,H,W,PH,1] and [G,H,W,1,PW] for q [G,H,W,d]. */
void positions_parts(graph *g, const positions *p, node *q, node **rows, node **columns);

/* Fills p's tables, after module_alloc, from those of the same layer on another map: bilinear along the length,
 * half-pixel centres, no antialiasing (the original's load_resized_pos_emb). Borrows both. False with e set: another d,
 * or no memory; r_height may then be loaded already. */
bool positions_load(positions *p, const buffer *r_height, const buffer *r_width, fault *e);
/* The same for one table: dst [d,L] from src [d,any length]. */
bool position_table_load(buffer *dst, const buffer *src, fault *e);

SAGAN_END
#endif
