/* attention.h - softmax attention and its derivatives, a block of the score matrix at a time.
 *
 * Per sample (or head) g < G, queries n < N, keys m < M:
 *	S = scale Q K'   lse[n] = log sum_m e^S[n,m]   P = e^(S - lse)   O = P V
 * S is made again wherever it is needed, BLOCK_ROWS x BLOCK_KEYS at a time, in cache; nothing of size
 * N M exists. Work is cut by shape alone, so that the bits do not depend on the number of threads.
 * Layouts: q [G,N,d], k [G,M,d], v [G,M,c], o and dy [G,N,c], lse and delta [G,N].
 *
 * Keys may stand on a map of rows x cols, M = rows * cols. A query then has rows + cols more channels,
 * a logit for each row and each column: S[n, i*cols + j] += q[n, d + i] + q[n, d + rows + j],
 * with scale = 1. Gradients like q have the same channels. */
#ifndef SAGAN_CORE_KERNELS_ATTENTION_H
#define SAGAN_CORE_KERNELS_ATTENTION_H

#include "core/base/base.h"

typedef struct attention_sizes {
	int64_t G, N, M, d, c;
	int64_t rows, cols;                          /* of the map of keys; 0: no positions */
	real scale;
} attention_sizes;

/* What is given; the forward pass needs q, k and v only. */
typedef struct attention_in {
	const real *q, *k, *v;
	const real *dy, *lse, *delta;                /* delta: see attention_gradient */
	const real *a, *b, *e;                       /* like q, k and v: for attention_second */
} attention_in;

/* Results, each written whole. attention_gradient: q, k, v. attention_second: all. */
typedef struct attention_out {
	real *q, *k, *v, *dy, *lse, *delta;
} attention_out;

/* o = P V and lse, by the running maximum and sum of arXiv 1805.02867 over blocks of keys. */
void attention_forward(const attention_sizes *s, const attention_in *in, real *o, real *lse, void *scratch);

/* With D = dy V' - delta and T = scale P * D (elements):
 *	q = T K    k = T' Q    v = P' dy
 * These are the derivatives of <dy, O> + <dlse, lse> when delta[n] = <dy[n], O[n]> - dlse[n]. */
void attention_gradient(const attention_sizes *s, const attention_in *in, attention_out out, void *scratch);

/* Derivatives of F = <a, T K> + <b, T' Q> + <e, P' dy> in the six inputs of attention_gradient. With
 * W = a K' + Q b', Y = scale P * W and Z = P * (scale W * D + dy e'):
 *	q = scale Z K + T b    k = scale Z' Q + T' a    v = Y' dy    dy = Y V + P e
 *	lse[n] = -sum_m Z[n,m]    delta[n] = -sum_m Y[n,m] */
void attention_second(const attention_sizes *s, const attention_in *in, attention_out out, void *scratch);

/* Bytes of workspace (64-byte aligned) for the pool as it is. */
size_t attention_forward_scratch(const attention_sizes *s);
size_t attention_gradient_scratch(const attention_sizes *s);
size_t attention_second_scratch(const attention_sizes *s);

#endif
