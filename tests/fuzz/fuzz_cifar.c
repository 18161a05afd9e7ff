/* fuzz_cifar.c - CIFAR's binary files; the first byte says which of the two sets. */
#include <stdio.h>

#include "tests/fuzz/targets.h"

void fuzz_cifar(const uint8_t *x, size_t n)
{
	static const char *const name[] = {"data_batch_1.bin", "train.bin"}, *const format[] = {"cifar10", "cifar100"};
	char other[512];
	if (n == 0)
		return;
	snprintf(other, sizeof other, "%s/%s", fuzz_folder(), name[!(x[0] & 1)]);
	remove(other);
	fuzz_file(name[x[0] & 1], x + 1, n - 1);
	fuzz_data(fuzz_folder(), format[x[0] & 1]);
}
