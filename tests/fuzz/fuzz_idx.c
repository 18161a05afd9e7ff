/* fuzz_idx.c - MNIST's files: two bytes say how many of the rest are images; what follows is the labels. */
#include "core/base/local.h"
#include "tests/fuzz/targets.h"

void fuzz_idx(const uint8_t *x, size_t n)
{
	if (n < 2)
		return;
	const size_t images = MIN((size_t)(x[0] | x[1] << 8), n - 2);
	fuzz_file("train-images-idx3-ubyte", x + 2, images);
	fuzz_file("train-labels-idx1-ubyte", x + 2 + images, n - 2 - images);
	fuzz_data(fuzz_folder(), "idx");
}
