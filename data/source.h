/* source.h - files of others, plain or gzipped, read with suspicion; and the names in folders. On the disk, or in an
 * archive that is held in memory: `in`, NULL for the disk. Paths in an archive begin with its own ("set.zip/train/1").
 *
 * Private to data/. The only file that knows zlib.h is source.c. */
#ifndef SAGAN_DATA_SOURCE_H
#define SAGAN_DATA_SOURCE_H

#include "core/base/file.h"

/* The files of an archive in memory (data/bundle.h). */
typedef struct bundle bundle;

/* As core/base/file.h's file_type. */
enum file_type type_of(const bundle *in, const char *path);

/* A regular file read from start to end; gzip is recognised by content and unpacked. */
typedef struct source source;

source *source_open(const bundle *in, const char *path, fault *e);   /* new/free (source_close); NULL with e set */
void source_close(source *s);                        /* NULL allowed */
/* Exactly n bytes, or false, and e says at which byte the file ended or is damaged. */
bool source_read(source *s, void *to, int64_t n, fault *e);
/* Up to n bytes, fewer at the end; returns how many, -1 with e set when the file is damaged. */
int64_t source_read_some(source *s, void *to, int64_t n, fault *e);
/* Nothing may be left; checks the sum of a .gz. */
bool source_end(source *s, fault *e);
/* Bytes of contents of a file that is not packed, else -1: what a .gz says of itself is not believed. */
int64_t source_size(const source *s);
/* Bytes that deflate can make of one, at most: the longest match (258 bytes) in the shortest code (2 bits), as zlib's
 * manual says. */
enum { DEFLATE_DENSEST = 1032 };

/* What may come out of one file of a set, however often it was packed: so many times its bytes on the disk, and some
 * megabytes for small ones. Of the sets that are passed around, drawn shapes are packed best (dSprites, an npz: 115
 * times); deflate in deflate would reach a million. */
enum { PACKED_FACTOR = 256, PACKED_FREE = 64 << 20 };
bool packed_most(const char *path, int64_t *most, fault *e);            /* INT64_MAX of a folder */
bool packed_check(const char *path, double bytes, fault *e);

/* No contents can be longer than this: the size, or for gzip 1032 times that (deflate's densest
 * code). What a header claims is compared with it before memory is taken. */
int64_t source_most(const source *s);
/* Bytes of the whole contents, unpacking a .gz once; refuses more than `most`, and *n is more then. */
bool file_length(const bundle *in, const char *path, int64_t most, int64_t *n, fault *e);

/* The first bytes of a file as they are stored, at most `most`: *x [*n], new/free; NULL when it failed. */
bool bytes_read(const bundle *in, const char *path, int64_t most, uint8_t **x, int64_t *n, fault *e);
/* Bytes as they are stored; false when it is no regular file or cannot be looked at. */
bool bytes_count(const bundle *in, const char *path, int64_t *n, fault *e);

/* How many bytes of a text's beginning are UTF-8's byte order mark, which Windows' editors put there: 3 or 0. */
size_t text_mark(const void *text, size_t n);

/* Names in a folder, sorted by bytes, without those that begin with a dot. */
typedef struct names {
	int64_t n;
	char **name;                                 /* own */
	int64_t hidden;                              /* in the folder that was listed, besides these */
} names;
bool names_list(names *l, const bundle *in, const char *folder, fault *e);
bool names_add(names *l, const char *name, fault *e);
void names_free(names *l);
/* "a, b, c", cut to buf. Returns buf. */
char *names_print(const names *l, char *buf, size_t size);

/* The path of a name in a folder, which may end with a slash. new; free() */
char *path_join(const char *folder, const char *name, fault *e);
/* The other way round: what path_join put behind the folder, in path. */
const char *path_below(const char *folder, const char *path);

#endif
