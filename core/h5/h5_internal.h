/* h5_internal.h - what the files behind h5.h share: the only header that includes hdf5.h. */
#ifndef SAGAN_CORE_H5_H5_INTERNAL_H
#define SAGAN_CORE_H5_H5_INTERNAL_H

#include "core/base/file.h"
#include "core/h5/h5.h"

#include <hdf5.h>

enum {
	DEPTH_MAX = 64,                              /* groups in a path: a loop of hard links ends here */
	PATH_SIZE = 4096,
	NAMES_MAX = 1 << 20,                         /* members of a group */
	TEXT_MAX = 64 << 20,                         /* bytes of a text attribute */
	LIST_MAX = 1 << 20,                          /* values of a list attribute */
};

struct h5 {
	char *path;                                  /* own; where it is, or will be */
	hid_t file;
	bool writing;
	bool failed;                                 /* a write failed: never commit */
	uint64_t size;                               /* bytes of the file read */
	void *image;                                 /* writing: own, the file; reading: borrow */
	size_t image_size;                           /* reading only */
	file_draft *draft;                           /* own; of h5_create_large */
};

/* Before anything else in every public function: the error stack is a thread's own. */
void h5_quiet(void);

/* "file: /path in the file: what is wrong"; returns false. */
bool h5_fail(const h5 *f, const char *path, fault *e, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The library's innermost complaint. */
const char *h5_reason(char text[256]);

/* One step of a path: [*from, end) is the next name. False at the end of the path. */
bool h5_next_name(const char **from, const char **end);

/* Copies path up to `end` so that the library sees one prefix at a time. */
const char *h5_path_prefix(const char *path, const char *end, char text[PATH_SIZE]);

/* Depth, length and names of a path are allowed. */
bool h5_path_sane(const h5 *f, const char *path, fault *e);

/* Opens what is there by hard links only, or H5I_INVALID_HID with e set. */
hid_t h5_object(h5 *f, const char *path, fault *e);

/* There is a group at path, which is known to be no link. */
bool h5_is_group(const h5 *f, const char *path);

/* Creation lists: no times, members and attributes in the order they were made. */
hid_t h5_creation_list(hid_t class);

#endif
