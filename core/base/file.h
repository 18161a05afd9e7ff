/* file.h - what is at a path, and putting a whole file in place so that nobody ever sees half of it.
 *
 * A path to write to may be a new file or an old one, a link to either, a character device, a pipe, or "-", which is
 * standard output. Files are replaced, with their owner and mode; devices and pipes are written into. Folders, sockets,
 * disks and write-protected files are refused. */
#ifndef SAGAN_CORE_BASE_FILE_H
#define SAGAN_CORE_BASE_FILE_H

#include <stdio.h>

#include "core/base/base.h"

/* Makes bytes[0..n) the content of path: writes them to a temporary file (temporary.h) in the same folder, syncs it,
 * renames it to path and syncs the folder. False with e set when that fails (full disk, no permission, no memory): the
 * line begins with the path, unless memory is out; the temporary file is removed and an older file at path is
 * untouched. */
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

/* Removes what killed processes left in a folder: their temporary files. Writing into a folder does so, too. */
void file_remove_leftovers(const char *folder);

/* A regular file to add to, made where it is missing. NULL with e set. */
FILE *file_open_append(const char *path, fault *e);

/* A regular file to be read: NULL with errno and e set where there is none, where it cannot be read, and for everything
 * that could wait for ever, as a pipe does. */
FILE *file_open_read(const char *path, fault *e);

/* A stream whose bytes become a text in memory, *text [*n] and a 0: it is there after file_end_text, new/free. NULL
 * without memory. open_memstream will not do: its stream (glibc 2.36) forgets that memory was out, and a text with a
 * hole looks whole. */
FILE *file_begin_text(char **text, size_t *n);
/* Ends it. False, and *text is NULL: memory was out at some time. f may be NULL. */
bool file_end_text(FILE *f, char **text);

/* The whole content of a regular file of at most `limit` bytes: *bytes [*n], new/free. An error names the path. */
bool file_read(const char *path, size_t limit, void **bytes, size_t *n, fault *e);

/* The names in a folder but "." and "..", in no order. False with e set when not all of them could be read. */
typedef struct file_names {
	char **name;                                 /* own; [n] */
	int n;
} file_names;
bool file_names_list(const char *folder, file_names *l, fault *e);
void file_names_free(file_names *l);

/* Makes the folder and those above it that are missing. The folder that a file lies in: file_make_parents, nothing for
 * one in the working directory. */
bool file_make_folders(const char *folder, fault *e);
bool file_make_parents(const char *path, fault *e);

/* "~" and "~/..." with the home folder (HOME) in place of the tilde, other paths as they are. Returns buf; a path
 * that does not fit is cut, and no file system would have opened it. */
char *file_from_home(const char *path, char *buf, size_t size);

/* The whole path from the root, without links and dots: new/free. NULL with e set: nothing is there. */
char *file_real_path(const char *path, fault *e);

/* Whether writing to one is writing to the other, also where nothing lies there yet: the same names, or links. */
bool file_same(const char *a, const char *b);
/* Whether a name ends so, letters of either case: what a file is called says what it is to be. */
bool name_ends(const char *name, const char *end);

/* Whether writing to path writes to the file `over`, or into it where that is a folder, however deep; also where
 * nothing lies at path yet. */
bool file_lies_in(const char *path, const char *over);

enum file_type { FILE_MISSING, FILE_UNKNOWN, FILE_REGULAR, FILE_FOLDER, FILE_OTHER };
/* Follows links. FILE_UNKNOWN: it cannot be looked at now (no permission for a folder on the way, a disk that fails);
 * errno says why, and so does opening it. */
enum file_type file_type(const char *path);

#endif
