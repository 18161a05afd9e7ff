/* geometry.h - random affine maps of images, as matrices: augment.c joins those that follow each other to one and
 * resamples once, with op_warp (as arXiv 2006.06676, appendix B). */
#ifndef SAGAN_GAN_LOSS_GEOMETRY_H
#define SAGAN_GAN_LOSS_GEOMETRY_H

#include "core/graph/graph.h"

/* A map for each sample: six nodes [B,1], in the order of op_warp. */
typedef struct affine {
	node *m[6];
} affine;

/* What is drawn for a map and what it makes of that. u [B,draws]: uniform in [0,1), or normal. */
typedef struct affine_kind {
	int draws;
	bool normal;
	affine (*of)(graph *g, const shape *image, node *u);
} affine_kind;

/* Where 2 u < 1 left and right are exchanged. */
extern const affine_kind affine_flip;
/* By 0, 1, 2 or 3 quarters. */
extern const affine_kind affine_rotate90;
/* Whole pixels, up to an eighth of the side each way: rows, columns. */
extern const affine_kind affine_shift;
/* 2^(0.2 u) times as large. */
extern const affine_kind affine_scale;
/* By the angle of the vector u: any, all as likely. */
extern const affine_kind affine_rotate;
/* Columns 2^(0.2 u) times as wide, rows as much narrower. */
extern const affine_kind affine_stretch;
/* u/8 of the side: rows, columns. */
extern const affine_kind affine_fraction;

affine affine_identity(graph *g, int64_t B);
/* First a, then b, as an image sees it. */
affine affine_then(graph *g, const affine *a, const affine *b);
/* a where share [B,1] is 1, else b where it is 0. */
affine affine_either(graph *g, const affine *a, const affine *b, node *share);
node *affine_apply(graph *g, const affine *a, node *x);      /* x [B,H,W,C] -> same */

#endif
