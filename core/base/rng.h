/* rng.h - explicit random streams: Philox4x32-10 (Salmon et al., SC'11, doi 10.1145/2063384.2063405).
 *
 * A stream is a key and a counter, nothing more: copying the struct copies the stream, and storing it in
 * a checkpoint resumes it. Element i of a uniform or normal fill depends only on (seed, purpose, counter, i), so
 * such fills run in parallel with the same bits. Use one stream per purpose: then a new user of random numbers does
 * not shift the others.
 *
 * Each call moves the stream on by whole blocks of four 32-bit words.
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

/* A stream at its beginning, by value: nothing to free. `purpose` is any text; its hash (FNV-1a, 64 bits) is kept. */
rng rng_new(uint64_t seed, const char *purpose);

/* One number each, from one block. */
uint32_t rng_u32(rng *r);
double rng_uniform(rng *r);                          /* [0,1), 32 bits */
double rng_normal(rng *r);                           /* mean 0, deviation 1, Box-Muller */
/* A whole number 0..n-1, each as likely as the others. Takes another block where one gives no fair result, which is
 * rare. n outside 1..2^32 - 1 is a bug and stops the program. */
int64_t rng_below(rng *r, int64_t n);

/* Fill x[0..n) from ceil(n/4) blocks, on the pool. */
void rng_fill_uniform(rng *r, real *x, int64_t n);   /* [0,1), 24 bits */
void rng_fill_normal(rng *r, real *x, int64_t n);    /* mean 0, deviation 1, Box-Muller */
/* The same, but only elements first .. first + n of a fill of `total` go into x[0..n); the stream moves on as by all of
 * them. So several users, each with a copy of the stream, draw together what one would. */
void rng_part_uniform(rng *r, real *x, int64_t n, int64_t first, int64_t total);
void rng_part_normal(rng *r, real *x, int64_t n, int64_t first, int64_t total);
/* The same as rng_fill_normal, but values with |x| > limit are drawn again until they are within (the truncation trick,
 * arXiv 1809.11096): these draws take more blocks, on the calling thread. limit <= 0 is a bug. */
void rng_fill_truncated(rng *r, real *x, int64_t n, double limit);
/* order[0..n) = 0, 1, .., n-1 in random order (Fisher-Yates), by n calls of rng_below. n < 2^32. */
void rng_permutation(rng *r, int64_t *order, int64_t n);
/* m of the numbers 0 to n-1 in ascending order, from the stream of a seed and a purpose: a random one of each of m
 * stretches that are as equal as whole numbers allow; with m = n all. Of a set that is sorted by class, and of one
 * where classes take turns, each class has its share among them. 0 <= m <= n < 2^32. [m], new/free. NULL with e set:
 * no memory. */
int64_t *rng_subset(uint64_t seed, const char *purpose, int64_t m, int64_t n, fault *e);

/* out = the four words of one block: the generator itself, public so that it can be compared with other programs. */
void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

SAGAN_END
#endif
