/* arrays.h - sets of images in a file of named arrays (HDF5, npz): which array holds the images and which the labels,
 * what their axes are, what their numbers mean.
 *
 * Private to data/. A kind of file is an array_reader; arrays_read does the rest, in a confined child process
 * (core/base/confine.h), because libraries crash on damaged files of strangers.
 *
 * Images: [n,h,w], [n,h,w,c] or [n,c,h,w], c 1, 3 or 4 (RGB with opacity), bytes or other numbers (data/range.h).
 * Labels: one whole number per image, [n] or [n,1], or [n,k] with a single 1 in each row. A file may be divided into
 * a part for training and one for testing: groups "train/images", or names such as "x_train", "test_labels",
 * "train_set_x". */
#ifndef SAGAN_DATA_ARRAYS_H
#define SAGAN_DATA_ARRAYS_H

#include "data/dataset_internal.h"
#include "data/source.h"

typedef struct array_info {
	shape s;
	bool numbers;                                /* whole or floating-point ones; else only listed */
	bool bytes;                                  /* stored as unsigned bytes */
	const char *type;                            /* as numpy calls it */
} array_info;

/* One kind of file. The functions run in the child; `file` is what open returned. Each returns false with e set, "PATH:
 * reason". Rows are those of the first axis. */
typedef struct array_reader {
	void *(*open)(const place *p, fault *e);
	void (*close)(void *file);                   /* NULL allowed */
	/* Paths of all arrays: "/train/images" or "x_train". Members that are none may be listed, too. */
	bool (*list)(void *file, names *paths, fault *e);
	bool (*stat)(void *file, const char *path, array_info *out, fault *e);
	bool (*rows_u8)(void *file, const char *path, int64_t lo, int64_t hi, uint8_t *x, int64_t count, fault *e);
	bool (*rows_real)(void *file, const char *path, int64_t lo, int64_t hi, real *x, int64_t count, fault *e);
	bool (*rows_f64)(void *file, const char *path, int64_t lo, int64_t hi, double *x, int64_t count, fault *e);
} array_reader;

/* Fills d, whose path and kind are set. */
bool arrays_read(dataset *d, const place *p, const dataset_options *o, const array_reader *r, fault *e);

#endif
