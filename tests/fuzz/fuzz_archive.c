/* fuzz_archive.c - zip and tar, plain or packed, with any data set in them. */
#include "data/bundle.h"
#include "tests/fuzz/targets.h"

void fuzz_archive(const uint8_t *x, size_t n)
{
	fault e = {.text = ""};
	bool is = false;
	const char *path = fuzz_file("data.zip", x, n);
	fuzz_told(bundle_is(path, &is, &e), &e);
	bundle *b = is ? bundle_open(path, &e) : NULL;
	fuzz_told(!is || b, &e);
	bundle_free(b);
	if (b)
		fuzz_data(path, "auto");
}
