/* exif.c - the one thing that Exif says and a training must know: how the camera was held.
 *
 * The block is a TIFF file: "II" (little-endian) or "MM", 42, the place of a directory; there a count and entries of 12
 * bytes, tag, type, count, value. (Exif 2.3, 4.6.2) */
#include <string.h>

#include "core/base/local.h"
#include "data/picture/picture_internal.h"

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, ENTRY = 12 };

typedef struct block {
	const uint8_t *x;
	size_t n;
	bool big;                                    /* "MM" */
} block;

/* A number of k bytes; 0 beyond the end. */
static uint32_t number(const block *b, size_t at, size_t k)
{
	uint32_t v = 0;
	if (at > b->n || b->n - at < k)
		return 0;
	for (size_t i = 0; i < k; i++)
		v = v << 8 | b->x[at + (b->big ? i : k - 1 - i)];
	return v;
}

int exif_orientation(const uint8_t *x, size_t n)
{
	static const char mark[] = "Exif\0";         /* some write JPEG's into WebP and PNG, too */
	if (n > sizeof mark && memcmp(x, mark, sizeof mark) == 0)
		x += sizeof mark, n -= sizeof mark;
	if (n < 8 || (memcmp(x, "II", 2) != 0 && memcmp(x, "MM", 2) != 0))
		return 1;
	const block b = {x, n, x[0] == 'M'};
	const size_t directory = number(&b, 4, 4);
	if (number(&b, 2, 2) != 42)
		return 1;
	const uint32_t entries = number(&b, directory, 2);
	for (uint32_t i = 0; i < entries; i++) {
		const size_t at = directory + 2 + (size_t)i * ENTRY;
		if (number(&b, at, 2) != TAG_ORIENTATION)
			continue;
		const uint32_t v = number(&b, at + 8, 2);
		return number(&b, at + 2, 2) == TYPE_SHORT && v >= 1 && v <= 8 ? (int)v : 1;
	}
	return 1;
}
