/* fuzz_webp.c - WebP files. */
#include "tests/fuzz/targets.h"

void fuzz_webp(const uint8_t *x, size_t n)
{
	fuzz_picture(x, n);
}
