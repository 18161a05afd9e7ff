/* fuzz_pickle.c - Python's pickles, as CIFAR's files for Python are. */
#include <stdlib.h>

#include "data/pickle.h"
#include "tests/fuzz/targets.h"

void fuzz_pickle(const uint8_t *x, size_t n)
{
	fault e = {.text = ""};
	int64_t *v = NULL, count;
	names l = {0};
	pickle *p = pickle_open(NULL, fuzz_file("data_batch_1", x, n), &e);
	fuzz_told(p != NULL, &e);
	if (p) {
		fuzz_told(pickle_numbers(p, "labels", &v, &count, &e), &e);
		fuzz_told(pickle_texts(p, "filenames", &l, &e), &e);
		pickle_array(p, "data", &count);
	}
	names_free(&l);
	free(v);
	pickle_free(p);
}
