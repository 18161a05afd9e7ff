/* zip.h - a zip archive in memory, both ways: the only file that knows libzip. */
#ifndef SAGAN_GAN_KERAS_FILE_ZIP_H
#define SAGAN_GAN_KERAS_FILE_ZIP_H

#include "core/base/base.h"

typedef struct zip_member {
	const char *name;
	const void *bytes;
	size_t n;
} zip_member;

/* An archive of m[0..count), stored, without times: *bytes [*size], new/free. `label` begins messages. */
bool zip_pack(const char *label, const zip_member *m, int count, void **bytes, size_t *size, fault *e);

/* The member `name` of the archive zip[0..n): *bytes [*size], new/free. A member that says it is larger
 * than `limit`, or turns out to be, is refused before memory is taken; so are encrypted ones, names that
 * stand twice, compressions other than deflate, and archives of more than 1000 members. */
bool zip_extract(const char *label, const void *zip, size_t n, const char *name, size_t limit, void **bytes,
		 size_t *size, fault *e);

#endif
