/* fuzz_gz.c - a file that may be packed by gzip, read in pieces to its end; and how long it says that it is. */
#include "data/source.h"
#include "tests/fuzz/targets.h"

void fuzz_gz(const uint8_t *x, size_t n)
{
	enum { MOST = 1 << 20 };
	const char *path = fuzz_file("file.gz", x, n);
	static uint8_t piece[1000];
	fault e = {.text = ""};
	int64_t length, read = 0, k;
	source *s = source_open(NULL, path, &e);
	fuzz_told(s != NULL, &e);
	if (!s)
		return;
	while ((k = source_read_some(s, piece, sizeof piece, &e)) > 0 && read < MOST)
		read += k;
	fuzz_told(k >= 0 && source_end(s, &e), &e);
	source_close(s);
	fuzz_told(file_length(NULL, path, MOST, &length, &e), &e);
}
