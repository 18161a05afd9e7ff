/* record.c - the checksum, a byte at a time, and the frame around the data of a record. */
#include "gan/log/record.h"

/* 0x1edc6f41 with its bits in the reverse order. */
#define POLYNOMIAL 0x82f63b78u
/* TensorFlow, core/lib/hash/crc32c: kMaskDelta. */
#define MASK 0xa282ead8u

/* The checksum of one byte. No table that threads would have to share: an event has few bytes beside a step. */
static uint32_t of_byte(uint32_t x)
{
	for (int bit = 0; bit < 8; bit++)
		x = x & 1 ? x >> 1 ^ POLYNOMIAL : x >> 1;
	return x;
}

uint32_t crc32c(const void *x, size_t n)
{
	uint32_t table[256], crc = UINT32_MAX;
	const uint8_t *p = x;
	for (uint32_t i = 0; i < 256; i++)
		table[i] = of_byte(i);
	for (size_t i = 0; i < n; i++)
		crc = crc >> 8 ^ table[(crc ^ p[i]) & 0xff];
	return ~crc;
}

uint32_t crc32c_masked(const void *x, size_t n)
{
	const uint32_t crc = crc32c(x, n);
	return (crc >> 15 | crc << 17) + MASK;
}

static void put_little(uint8_t *to, uint64_t x, int bytes)
{
	for (int i = 0; i < bytes; i++)
		to[i] = (uint8_t)(x >> (8 * i));
}

void record_frame(const void *x, size_t n, uint8_t head[RECORD_HEAD], uint8_t tail[RECORD_TAIL])
{
	put_little(head, n, 8);
	put_little(head + 8, crc32c_masked(head, 8), 4);
	put_little(tail, crc32c_masked(x, n), 4);
}
