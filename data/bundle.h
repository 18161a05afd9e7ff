/* bundle.h - the files of an archive, held in memory under paths that begin with the archive's own. Private to data/.
 *
 * The archive is unpacked by a confined child process; nothing touches the disk. What unpacks to more than
 * PACKED_FACTOR times the archive's size (and PACKED_FREE), or than half of this machine's memory, is refused. */
#ifndef SAGAN_DATA_BUNDLE_H
#define SAGAN_DATA_BUNDLE_H

#include "data/source.h"

/* *yes: a regular file is an archive, plain or packed. False with e set: it cannot be opened. */
bool bundle_is(const char *path, bool *yes, fault *e);

/* new/free; NULL with e set: damaged, too large, no memory. */
bundle *bundle_open(const char *path, fault *e);
void bundle_free(bundle *b);                         /* NULL allowed */
int64_t bundle_size(const bundle *b);                /* bytes of all files */
int64_t bundle_files(const bundle *b);               /* how many */
int64_t bundle_links(const bundle *b);               /* links in it, which are not followed */

enum file_type bundle_type(const bundle *b, const char *path);
/* The bytes [*n] of a file, NULL when there is none; borrowed. */
const uint8_t *bundle_bytes(const bundle *b, const char *path, int64_t *n);
/* Adds the names in a folder to l, in any order, without those that begin with a dot. */
bool bundle_list(const bundle *b, const char *folder, names *l, fault *e);

#endif
