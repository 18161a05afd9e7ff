/* files.h - whole files, folders, and a disk that is full: for tests with libcheck, which fail where these do. */
#ifndef SAGAN_TESTS_FILES_H
#define SAGAN_TESTS_FILES_H

#include "core/base/base.h"

/* All bytes of a file, new/free, and a 0 behind them; their number in n, if not NULL. */
void *file_bytes(const char *path, size_t *n);
void file_store(const char *path, const void *x, size_t n);
bool files_equal(const char *a, const char *b);
/* Whether the text stands somewhere in bytes [n]. */
bool bytes_hold(const char *bytes, size_t n, const char *text);

/* The same for a file of this name in a folder, and in two. */
bool file_exists(const char *folder, const char *name);
void *file_bytes_in(const char *folder, const char *name, size_t *n);
bool files_equal_in(const char *a, const char *b, const char *name);
/* How many files and folders a folder holds. */
int files_in(const char *folder);

/* From here on this process is an ordinary user, to whom the folder of the test (scratch.h) belongs. */
enum { NOBODY = 65534 };
void become_nobody(void);

/* From here on no file grows beyond so many bytes: the write fails as on a full disk. Until disk_free. */
void disk_full(size_t bytes);
void disk_free(void);

#endif
