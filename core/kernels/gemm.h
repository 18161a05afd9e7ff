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

/* Whether tiles suit the shape: nearly a vector in m and n, not both stored transposed. */
bool gemm_suits(const gemm_shape *s);

/* Whether the epilogue may be used: a is stored as it is. */
bool gemm_has_epilogue(const gemm_shape *s);

/* `scratch` (borrow) is 64-byte aligned and has the bytes of the function above it, for the pool as it is. bias of e
 * is [n], residual like c. */
size_t gemm_scratch(const tile_kernels *t, const gemm_shape *s);
void gemm(const tile_kernels *t, const gemm_shape *s, const real *a, const real *b, epilogue e, real *c,
	  void *scratch);

#endif
