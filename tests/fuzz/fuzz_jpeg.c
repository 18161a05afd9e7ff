/* fuzz_jpeg.c - JPEG files. */
#include "tests/fuzz/targets.h"

void fuzz_jpeg(const uint8_t *x, size_t n)
{
	fuzz_picture(x, n);
}
