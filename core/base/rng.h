/* rng.h - explicit random streams: Philox4x32-10 (Salmon et al., SC'11, doi 10.1145/2063384.2063405).
 *
 * A stream is a key and a counter, nothing more: copying the struct copies the stream, storing it in
 * a checkpoint resumes it, and element i of a fill depends only on (seed, purpose, counter, i), so
 * fills run in parallel with the same bits. One stream per purpose, so that a new consumer does not
 * shift the others.
 *
 * First block of Philox for key 0, counter 0: 6627e8d5 e169c58d bc57ac4c 9b00dbd8 (Random123's
 * kat_vectors); asserted in the tests. */
#ifndef SAGAN_CORE_BASE_RNG_H
#define SAGAN_CORE_BASE_RNG_H

#include "core/base/base.h"

SAGAN_BEGIN

typedef struct rng {
	uint64_t seed;                               /* the key */
	uint64_t purpose;                            /* upper half of the counter: which stream */
	uint64_t counter;                            /* lower half: the next block of four words */
} rng;

rng rng_new(uint64_t seed, const char *purpose);     /* purpose is hashed (FNV-1a, 64 bits) */

/* One draw each; every call consumes one block. */
uint32_t rng_u32(rng *r);
double rng_uniform(rng *r);                          /* [0,1), 32 bits */
int64_t rng_below(rng *r, int64_t n);                /* 0..n-1, n < 2^32, unbiased */
double rng_normal(rng *r);

/* Fill x[0..n): consume ceil(n/4) blocks, run on the pool. */
void rng_fill_uniform(rng *r, real *x, int64_t n);   /* [0,1), 24 bits */
void rng_fill_normal(rng *r, real *x, int64_t n);    /* mean 0, deviation 1, Box-Muller */
/* Standard normal conditioned on |x| <= limit, by resampling (truncation trick, arXiv 1809.11096). */
void rng_fill_truncated(rng *r, real *x, int64_t n, double limit);
/* 0, 1, .., n-1 in random order (Fisher-Yates). */
void rng_permutation(rng *r, int64_t *order, int64_t n);

/* The four words of one block: the generator itself, public for the known-answer test. */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

SAGAN_END
#endif
