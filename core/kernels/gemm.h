/* gemm.h - matrix products of whole arrays on register tiles and the pool.
 *
 * c [batch,m,n] = a' [batch,m,k] b' [batch,k,n], row-major. Work is cut by shape alone, so the bits do not depend
 * on the number of threads, and are the same on every level with FMA. */
#ifndef SAGAN_CORE_KERNELS_GEMM_H
#define SAGAN_CORE_KERNELS_GEMM_H

#include "core/kernels/tile.h"

typedef struct gemm_shape {
	int64_t batch, m, n, k;
	bool ta, tb;                                 /* a is stored [batch,k,m], b [batch,n,k] */
} gemm_shape;

/* Whether tiles suit the shape: neither m nor n is shorter than 8, and not both factors are stored transposed. Else
 * thin.h does it. */
bool gemm_suits(const gemm_shape *s);

/* Whether the epilogue may be used: tiles suit the shape, and a is not stored transposed. */
bool gemm_has_epilogue(const gemm_shape *s);

/* Bytes of workspace, for the pool as it is. */
size_t gemm_scratch(const tile_kernels *t, const gemm_shape *s);
/* c from a and b, for a shape that gemm_suits. `scratch` (borrow): gemm_scratch bytes, 64-byte aligned. bias of e is
 * [n], residual like c; e is {0} where gemm_has_epilogue says no. */
void gemm(const tile_kernels *t, const gemm_shape *s, const real *a, const real *b, epilogue e, real *c,
	  void *scratch);

#endif
