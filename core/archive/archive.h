/* archive.h - archives (zip, and tar plain or packed) read and zip archives written: archive.c and pack.c alone know
 * libarchive. Nothing is ever unpacked onto a disk.
 *
 * libarchive reads what strangers made: files of theirs are walked in a confined child (core/base/confine.h). It packs
 * in a child, too: without memory for a name it ends its process. */
#ifndef SAGAN_CORE_ARCHIVE_ARCHIVE_H
#define SAGAN_CORE_ARCHIVE_ARCHIVE_H

#include "core/base/base.h"
#include "core/base/file.h"

enum { ARCHIVE_HEAD = 512 };                         /* first bytes that tell the kind */

/* What kind of archive begins with these n bytes ("zip", "tar"), NULL: none that is read. A file packed by xz, bzip2 or
 * zstd counts as a tar. What is packed by gzip may be anything: look at its contents. */
const char *archive_kind(const uint8_t *head, size_t n);

/* A regular file of an archive, while archive_walk stands at it. */
typedef struct archive_file archive_file;
/* Its name, with folders, as the archive gives it: not empty, and that is all. */
const char *archive_name(const archive_file *f);
/* Its contents: *bytes [*n], new/free. False with e set: damaged, encrypted, or larger than `limit`, which is compared
 * with what the archive says before memory is taken, and with what comes. */
bool archive_bytes(archive_file *f, size_t limit, void **bytes, size_t *n, fault *e);

/* Calls fn for each regular file in turn, until it returns false. False with e set, "LABEL: reason": no archive,
 * damaged, or fn's error. Links are not followed; *links (NULL: not wanted) counts them. */
typedef bool (*archive_fn)(void *ctx, archive_file *f, fault *e);
bool archive_walk_path(const char *path, archive_fn fn, void *ctx, int64_t *links, fault *e);
bool archive_walk_bytes(const char *label, const void *x, size_t n, archive_fn fn, void *ctx, fault *e);

/* The one file `name` of the archive x[0..n): *bytes [*size], new/free. Refuses as archive_bytes does, a name that
 * stands twice, and archives of more than 1000 files. */
bool archive_extract(const char *label, const void *x, size_t n, const char *name, size_t limit, void **bytes,
	size_t *size, fault *e);

typedef struct archive_member {
	const char *name;
	const void *bytes;
	size_t n;
} archive_member;

/* A zip archive of m[0..count), stored, of 1980: the same bytes for the same members. *bytes [*size], new/free. */
bool archive_pack(const char *label, const archive_member *m, int count, void **bytes, size_t *size, fault *e);

/* The same written piece by piece into a draft (borrow), for members that are larger than memory. A member's pieces
 * must have `n` bytes together. new/free: archive_draft_end, which says whether all is in the draft. */
typedef struct archive_draft archive_draft;
archive_draft *archive_draft_new(file_draft *to, fault *e);
bool archive_draft_member(archive_draft *a, const char *name, int64_t n, fault *e);
bool archive_draft_write(archive_draft *a, const void *bytes, size_t n, fault *e);
bool archive_draft_end(archive_draft *a, fault *e);  /* frees a; NULL allowed, which is no success */

#endif
