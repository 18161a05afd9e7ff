/* hdf_internal.h - what the files behind h5.h share: the only header that includes hdf5.h. */
#ifndef SAGAN_CORE_H5_HDF_INTERNAL_H
#define SAGAN_CORE_H5_HDF_INTERNAL_H

#include "core/h5/hdf.h"

#include <hdf5.h>

enum {
	DEPTH_MAX = 64,                              /* groups in a path: a loop of hard links ends here */
	PATH_SIZE = 4096,
	NAMES_MAX = 1 << 20,                         /* members of a group */
	TEXT_MAX = 64 << 20,                         /* bytes of a text attribute */
	LIST_MAX = 1 << 20,                          /* values of a list attribute */
};

struct hdf {
	char *path;                                  /* own; where it is, or will be */
	hid_t file;
	bool writing, on_disk;
	bool failed;                                 /* a write failed: never commit */
	uint64_t size;                               /* bytes of the file read */
	void *image;                                 /* writing: own, the file; reading: borrow */
	size_t image_size;                           /* reading only */
	void *copy;                                  /* own; reading: the image of a file that is removed, or NULL */
	char group[PATH_SIZE];                       /* the last one that hard links alone were found to lead to; "" */
	hid_t group_id;                              /* own; it, open */
	struct kept_set *kept;                       /* own; data sets that are open until they are read */
	int nkept, next_kept;
};

/* Before anything else in every public function: the error stack is a thread's own. */
void hdf_quiet(void);

/* "file: /path in the file: what is wrong"; returns false. */
bool hdf_fail(const hdf *f, const char *path, fault *e, const char *fmt, ...) PRINTF_LIKE(4, 5);

/* The library's innermost complaint, or that it has no memory or a call of the system failed. */
const char *hdf_reason(char text[REASON]);

/* One step of a path: [*from, end) is the next name. False at the end of the path. */
bool hdf_next_name(const char **from, const char **end);

/* Copies path up to `end` so that the library sees one prefix at a time. */
const char *hdf_path_prefix(const char *path, const char *end, char text[PATH_SIZE]);

/* Depth, length and names of a path are allowed. */
bool hdf_path_sane(const hdf *f, const char *path, fault *e);

/* Opens what is there by hard links only, or H5I_INVALID_HID with e set. */
hid_t hdf_object(hdf *f, const char *path, fault *e);

/* There is a group at path, which is known to be no link. */
bool hdf_is_group(const hdf *f, const char *path);

/* hdf_stat of what is read soon: a data set stays open until then, so that it is found and opened once. */
bool hdf_look(hdf *f, const char *path, h5_info *out, fault *e);

/* Closes what is open in the file, as it must be before the file is closed. */
void hdf_let_go(hdf *f);

/* Creation lists: no times, members and attributes in the order they were made. */
hid_t hdf_creation_list(hid_t class);

#endif
