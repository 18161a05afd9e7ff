/* file.h - what is at a path, and putting a whole file in place so that nobody ever sees half of it. */
#ifndef SAGAN_CORE_BASE_FILE_H
#define SAGAN_CORE_BASE_FILE_H

#include "core/base/base.h"

/* Makes bytes[0..n) the content of path: writes them to "<path>.tmp.<pid>", syncs it, renames it to path and syncs the
 * folder. False with e set when that fails (full disk, no permission, no memory): the line begins with the path, unless
 * memory is out; the temporary file is removed and an older file at path is untouched. Where path is a link, the file
 * that it leads to is replaced; a fifo, a device or a link to nothing is refused. */
bool file_replace(const char *path, const void *bytes, size_t n, fault *e);

/* The same without waiting for the disk, for the many files of a folder; file_settle then waits for all of them. */
bool file_replace_later(const char *path, const void *bytes, size_t n, fault *e);
void file_settle(void);

/* A file that is written piece by piece, and then replaces what is at path as file_replace does. */
typedef struct file_draft file_draft;
file_draft *file_draft_new(const char *path, fault *e);       /* new/free; NULL with e set */
const char *file_draft_path(const file_draft *d);    /* of the temporary file, which others may write, too; borrow */
bool file_draft_write(file_draft *d, const void *bytes, size_t n, fault *e);
bool file_draft_commit(file_draft *d, fault *e);     /* frees d, also when it fails */
void file_draft_free(file_draft *d);                 /* the temporary file goes; NULL allowed */

/* The whole content of a regular file of at most `limit` bytes: *bytes [*n], new/free. An error names the path. */
bool file_read(const char *path, size_t limit, void **bytes, size_t *n, fault *e);

/* Makes the folder and those above it that are missing. The folder that a file lies in: file_make_parents, nothing for
 * one in the working directory. */
bool file_make_folders(const char *folder, fault *e);
bool file_make_parents(const char *path, fault *e);

/* "~" and "~/..." with the home folder (HOME) in place of the tilde, other paths as they are. Returns buf; a path
 * that does not fit is cut, and no file system would have opened it. */
char *file_from_home(const char *path, char *buf, size_t size);

/* The whole path from the root, without links and dots: new/free. NULL with e set: nothing is there. */
char *file_real_path(const char *path, fault *e);

enum file_type { FILE_MISSING, FILE_REGULAR, FILE_FOLDER, FILE_OTHER };
/* Follows links. FILE_MISSING also when the path cannot be looked at (no permission for a folder on the way). */
enum file_type file_type(const char *path);

#endif
