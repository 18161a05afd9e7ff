/* fuzz_hdf5.c - images and labels in HDF5. libhdf5 itself dies of some files (confine.h): libFuzzer's -fork=1
 * -ignore_crashes=1 goes on after them. */
#include "tests/fuzz/targets.h"

void fuzz_hdf5(const uint8_t *x, size_t n)
{
	fuzz_data(fuzz_file("data.h5", x, n), "hdf5");
}
