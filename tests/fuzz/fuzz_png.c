/* fuzz_png.c - PNG files. */
#include "tests/fuzz/targets.h"

void fuzz_png(const uint8_t *x, size_t n)
{
	fuzz_picture(x, n);
}
