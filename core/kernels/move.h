/* move.h - a copy between two strided boxes, which is what broadcasting, permuting, padding, slicing
 * and concatenating are. */
#ifndef SAGAN_CORE_KERNELS_MOVE_H
#define SAGAN_CORE_KERNELS_MOVE_H

#include "core/base/base.h"

/* dst[i0*ds[0] + i1*ds[1] + ..] = src[i0*ss[0] + i1*ss[1] + ..] for 0 <= ik < n[k]. */
typedef struct move {
	real *dst;
	const real *src;
	int rank;
	int64_t n[RANK_MAX], ds[RANK_MAX], ss[RANK_MAX];

	/* Set by move_run: */
	int outer;                                   /* axes that the cursor walks */
	int64_t parts, part;                         /* pieces of the axis behind them, and their length */
} move;

/* Strides of a row-major value of shape s, into stride[0..rank). */
void move_strides(const shape *s, int64_t *stride);

/* Runs the copy on the pool. Fill in dst, src, rank, n, ds and ss; the boxes must not overlap. Axes that
 * lie behind each other in both boxes are joined, so that runs are as long as the shapes allow. */
void move_run(move *m);

#endif
