/* fuzz_gif.c - GIF files. */
#include "tests/fuzz/targets.h"

void fuzz_gif(const uint8_t *x, size_t n)
{
	fuzz_picture(x, n);
}
