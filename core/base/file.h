/* file.h - what is at a path, and putting a whole file in place so that nobody ever sees half of it. */
#ifndef SAGAN_CORE_BASE_FILE_H
#define SAGAN_CORE_BASE_FILE_H

#include "core/base/base.h"

/* Makes bytes[0..n) the content of path: written to "<path>.tmp.<pid>", synced, renamed over path,
 * directory synced. On failure (full disk, no permission, ..) returns false, fills e with one line that
 * begins with the path, removes the temporary file and leaves an older file untouched. */
bool file_replace(const char *path, const void *bytes, size_t n, fault *e);

enum file_type { FILE_MISSING, FILE_REGULAR, FILE_FOLDER, FILE_OTHER };
enum file_type file_type(const char *path);          /* follows links */

#endif
