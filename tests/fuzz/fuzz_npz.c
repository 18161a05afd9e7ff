/* fuzz_npz.c - numpy's files: archives of arrays, or one array. */
#include "tests/fuzz/targets.h"

void fuzz_npz(const uint8_t *x, size_t n)
{
	fuzz_data(fuzz_file("data.npz", x, n), "numpy");
}
