/* rng.c - Philox4x32-10 streams and what is drawn from them.
 *
 * Every word is a function of (seed, purpose, counter), so blocks are computed many at a time, in
 * vector code, and the chunks of a fill run on the pool in any order. */
#include "core/base/rng.h"
#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/portable.h"
#include "core/base/thread.h"
#include "core/base/vecmath.h"

#include <string.h>
#include <tgmath.h>

enum {
	BLOCKS = 64,                                 /* computed together: whole vectors at every level, in L1 */
	WORDS = 4 * BLOCKS,
	FILL_GRAIN = 1 << 13,                        /* elements per chunk, a multiple of WORDS: drawing one costs
	                                              * more than an element of a pass (SPAN_GRAIN). No result depends
	                                              * on it */
};

/* Salmon et al. 2011, table 2 and section 4.3: multipliers and the Weyl sequence of the key. */
#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u
enum { PHILOX_ROUNDS = 10 };

/* The four words of one block. Unrolled, so that a loop over blocks becomes vector code. */
static inline void philox(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0, uint32_t k1,
	uint32_t out[4])
{
	UNROLL(10)
	for (int n = 0; n < PHILOX_ROUNDS; n++) {
		uint64_t p0 = (uint64_t)PHILOX_M0 * c0;
		uint64_t p1 = (uint64_t)PHILOX_M1 * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += PHILOX_W0;
		k1 += PHILOX_W1;
	}
	out[0] = c0;
	out[1] = c1;
	out[2] = c2;
	out[3] = c3;
}

void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1], out);
}

/* Words of BLOCKS blocks from `first` on, in stream order: out[4*i + j] is word j of first + i. */
static CLONES(philox_blocks, (const rng *r, uint64_t first, uint32_t out[WORDS]), (r, first, out))
{
	const uint32_t p0 = (uint32_t)r->purpose, p1 = (uint32_t)(r->purpose >> 32);
	const uint32_t k0 = (uint32_t)r->seed, k1 = (uint32_t)(r->seed >> 32);
	const uint32_t low = (uint32_t)first, high = (uint32_t)(first >> 32);
	for (uint32_t i = 0; i < BLOCKS; i++)
		philox(low + i, high + (low + i < low), p0, p1, k0, k1, out + 4 * i);
}

/* FNV-1a, 64 bits (draft-eastlake-fnv): equal names give equal streams on every machine. */
static uint64_t hash_name(const char *s)
{
	uint64_t h = 0xcbf29ce484222325u;
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3u;
	return h;
}

rng rng_new(uint64_t seed, const char *purpose)
{
	return (rng){.seed = seed, .purpose = hash_name(purpose)};
}

/* The next block; the stream moves on by one. */
static void next_block(rng *r, uint32_t word[4])
{
	uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
	uint32_t counter[4] = {
		(uint32_t)r->counter, (uint32_t)(r->counter >> 32),
		(uint32_t)r->purpose, (uint32_t)(r->purpose >> 32),
	};
	philox4x32(counter, key, word);
	r->counter++;
}

uint32_t rng_u32(rng *r)
{
	uint32_t word[4];
	next_block(r, word);
	return word[0];
}

double rng_uniform(rng *r)
{
	return rng_u32(r) * 0x1p-32;
}

/* Multiplication and rejection (Lemire, arXiv 1805.10941): of the 2^32 words, the 2^32 mod n that
 * would favour some results are drawn again, first from the rest of the block. */
int64_t rng_below(rng *r, int64_t n)
{
	must(n > 0 && n < ((int64_t)1 << 32), "rng_below: n = %lld", (long long)n);
	uint32_t reject = (uint32_t)((((uint64_t)1 << 32) - (uint64_t)n) % (uint64_t)n);
	for (;;) {
		uint32_t word[4];
		next_block(r, word);
		for (int j = 0; j < 4; j++) {
			uint64_t product = (uint64_t)word[j] * (uint64_t)n;
			if ((uint32_t)product >= reject)
				return (int64_t)(product >> 32);
		}
	}
}

/* Box-Muller: u in (0,1], v in [0,1) => sqrt(-2 ln u) cos(2 pi v). */
double rng_normal(rng *r)
{
	uint32_t word[4];
	next_block(r, word);
	double u = (word[0] + 1.0) * 0x1p-32, v = word[1] * 0x1p-32;
	return sqrt(-2.0 * portable_log(u)) * portable_cos_turns(v);
}

/* ---- fills ---- */

/* Words of WORDS elements to values. */
typedef void (*convert_fn)(const uint32_t *word, real *x);

typedef struct fill {
	const rng *r;
	real *x;
	int64_t first;                               /* x[0] is this element of the whole fill */
	convert_fn convert;
} fill;

static CLONES(to_uniform, (const uint32_t *word, real *x), (word, x))
{
	for (int i = 0; i < WORDS; i++)
		x[i] = (real)(int32_t)(word[i] >> 8) * (real)0x1p-24;
}

/* Words 0, 1 of a block make elements 0, 1, words 2, 3 make 2, 3: radius from the even word, angle
 * from the odd one. The radius word keeps its 32 bits where real can hold them: the smaller u, the
 * further the tail (|x| <= 6.66). */
static CLONES(to_normal, (const uint32_t *word, real *x), (word, x))
{
	enum { PAIRS = WORDS / 2 };
	real radius[PAIRS], turn[PAIRS], c[PAIRS], s[PAIRS];
	for (int i = 0; i < PAIRS; i++) {
		/* Two exact halves: vector units convert signed words only. */
		real high = (real)(int32_t)(word[2 * i] >> 16), low = (real)(int32_t)(word[2 * i] & 0xffff);
		radius[i] = high * (real)0x1p-16 + (low + (real)0.5) * (real)0x1p-32;
		turn[i] = (real)(int32_t)(word[2 * i + 1] >> 8) * (real)0x1p-24;
	}
	vec_log(radius, radius, PAIRS);
	vec_sincos_turns(s, c, turn, PAIRS);
	for (int i = 0; i < PAIRS; i++) {
		real length = sqrt((real)-2 * radius[i]);
		x[2 * i] = length * c[i];
		x[2 * i + 1] = length * s[i];
	}
}

static void fill_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const fill *f = ctx;
	uint32_t word[WORDS];
	for (int64_t i = lo, n; i < hi; i += n) {
		const int64_t skip = (f->first + i) % 4;
		philox_blocks(f->r, f->r->counter + (uint64_t)(f->first + i) / 4, word);
		n = MIN(hi - i, WORDS - skip);
		if (n == WORDS) {
			f->convert(word, f->x + i);
		} else {
			real all[WORDS];
			f->convert(word, all);
			memcpy(f->x + i, all + skip, (size_t)n * sizeof(real));
		}
	}
}

static void fill_part(rng *r, real *x, int64_t n, int64_t first, int64_t total, convert_fn convert)
{
	must(first >= 0 && first + n <= total, "elements %lld to %lld of %lld random numbers", (long long)first,
		(long long)(first + n), (long long)total);
	fill f = {r, x, first, convert};
	parallel_for(n, FILL_GRAIN, fill_chunk, &f);
	r->counter += (uint64_t)(total + 3) / 4;
}

void rng_part_uniform(rng *r, real *x, int64_t n, int64_t first, int64_t total)
{
	fill_part(r, x, n, first, total, to_uniform);
}

void rng_part_normal(rng *r, real *x, int64_t n, int64_t first, int64_t total)
{
	fill_part(r, x, n, first, total, to_normal);
}

void rng_fill_uniform(rng *r, real *x, int64_t n)
{
	fill_part(r, x, n, 0, n, to_uniform);
}

void rng_fill_normal(rng *r, real *x, int64_t n)
{
	fill_part(r, x, n, 0, n, to_normal);
}

/* One draw of the normal conditioned on |x| <= limit. Rejecting normals wastes most draws when the
 * limit is small; a uniform one on [-limit, limit], kept with probability e^(-x*x/2), has the same
 * distribution and wins below sqrt(pi/2), where both are kept equally often. */
static double draw_truncated(rng *r, double limit)
{
	for (;;) {
		if (limit > 1.2533) {
			double x = rng_normal(r);
			if (fabs(x) <= limit)
				return x;
		} else {
			double x = limit * (2 * rng_uniform(r) - 1);
			if (rng_uniform(r) < portable_exp(-0.5 * x * x))
				return x;
		}
	}
}

void rng_fill_truncated(rng *r, real *x, int64_t n, double limit)
{
	must(limit > 0, "truncated normal: limit %g", limit);
	rng_fill_normal(r, x, n);
	/* In order on one thread: how many draws an element takes shifts those after it. */
	for (int64_t i = 0; i < n; i++)
		if (fabs((double)x[i]) > limit)
			x[i] = (real)draw_truncated(r, limit);
}

void rng_permutation(rng *r, int64_t *order, int64_t n)
{
	for (int64_t i = 0; i < n; i++) {
		int64_t j = rng_below(r, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
}

int64_t *rng_subset(uint64_t seed, const char *purpose, int64_t m, int64_t n, fault *e)
{
	must(m >= 0 && m <= n, "rng_subset: %lld of %lld", (long long)m, (long long)n);
	rng r = rng_new(seed, purpose);
	int64_t *which = mem_new((size_t)m, sizeof *which, e);
	for (int64_t i = 0, lo = 0; which && i < m; i++) {
		const int64_t hi = (i + 1) * n / m;
		which[i] = lo + rng_below(&r, hi - lo);
		lo = hi;
	}
	return which;
}
