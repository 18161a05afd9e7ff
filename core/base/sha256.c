/* sha256.c - see sha256.h. Names of variables are those of FIPS 180-4, section 6.2. */
#include "core/base/sha256.h"

#include <stdio.h>
#include <string.h>

#include "core/base/local.h"

/* The first 32 bits of the fractional parts of the cube roots of the first 64 primes. */
static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static uint32_t turn(uint32_t x, int n)
{
	return x >> n | x << (32 - n);
}

static void schedule_of(const uint8_t *p, uint32_t w[64])
{
	for (int t = 0; t < 16; t++)
		w[t] = (uint32_t)p[4 * t] << 24 | (uint32_t)p[4 * t + 1] << 16 | (uint32_t)p[4 * t + 2] << 8
			| p[4 * t + 3];
	for (int t = 16; t < 64; t++) {
		const uint32_t s0 = turn(w[t - 15], 7) ^ turn(w[t - 15], 18) ^ w[t - 15] >> 3;
		const uint32_t s1 = turn(w[t - 2], 17) ^ turn(w[t - 2], 19) ^ w[t - 2] >> 10;
		w[t] = s1 + w[t - 7] + s0 + w[t - 16];
	}
}

/* The variables a to h are v[0] to v[7], seven of which only move up by one in a round: here the names move instead, so
 * that unrolled they stay in registers. */
#define V(k) v[((k) + 64 - t) % 8]
static void add_block(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], v[8];
	schedule_of(p, w);
	memcpy(v, h, sizeof v);
#ifndef __clang__
#pragma GCC unroll 64
#endif
	for (int t = 0; t < 64; t++) {
		const uint32_t a = V(0), e = V(4);
		const uint32_t choose = (e & V(5)) ^ (~e & V(6)), most = (a & V(1)) ^ (a & V(2)) ^ (V(1) & V(2));
		const uint32_t t1 = V(7) + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + choose + K[t] + w[t];
		const uint32_t t2 = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + most;
		V(3) += t1;
		V(7) = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}
#undef V

/* The square roots of the first 8 primes, likewise. */
sha256 sha256_new(void)
{
	return (sha256){.h = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
	}};
}

void sha256_add(sha256 *s, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	while (n > 0) {
		const size_t at = s->length % 64, k = MIN(n, 64 - at);
		memcpy(s->block + at, p, k);
		s->length += k;
		p += k;
		n -= k;
		if (at + k == 64)
			add_block(s->h, s->block);
	}
}

/* A 1 bit, zeros, and the length in bits as the last eight bytes of a block. */
void sha256_text(const sha256 *so_far, char text[SHA256_TEXT])
{
	static const uint8_t zeros[64], one = 0x80;
	sha256 s = *so_far;
	uint8_t bits[8];
	for (int i = 0; i < 8; i++)
		bits[i] = (uint8_t)(s.length * 8 >> (56 - 8 * i));
	sha256_add(&s, &one, 1);
	sha256_add(&s, zeros, (64 + 56 - s.length % 64) % 64);
	sha256_add(&s, bits, sizeof bits);
	for (int i = 0; i < 8; i++)
		snprintf(text + 8 * i, 9, "%08x", (unsigned)s.h[i]);
}
