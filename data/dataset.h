/* dataset.h - a set of images in memory, whatever kind of file it came from.
 *
 * Pixels are kept as stored, one byte each, [n,h,w,c] with c 1 (gray) or 3 (RGB); the loader maps
 * them to [-1,1]. Kinds: MNIST-like IDX, CIFAR-10/100 binary batches, folders of PNGs, HDF5. Files
 * come from strangers: sizes and labels are checked before memory is taken, and a wrong file ends
 * in one line that names it, what is wrong and what is allowed. */
#ifndef SAGAN_DATA_DATASET_H
#define SAGAN_DATA_DATASET_H

#include "data/picture/resize.h"

SAGAN_BEGIN

enum data_split { SPLIT_TRAIN, SPLIT_TEST, SPLIT_ALL, SPLITS };

/* Their names in a config, by enum value, ended by NULL. */
extern const char *const data_split_name[];          /* train test all */

/* A kind of data set. The records, ended by NULL, are in the files of their readers; the first, "auto", has none and means:
 * the first one that knows the files. */
typedef struct data_format data_format;
extern const data_format *const data_formats[];      /* each begins with its name, for WORDS_AT */

/* All zero is a good default: recognise, training part, as stored. */
typedef struct dataset_options {
	const char *format;                          /* a name of data_formats; NULL: auto */
	enum data_split split;
	int h, w;                                    /* wanted size; 0: as stored */
	enum data_resize resize;
	int channels;                                /* 1 or 3; 0: as stored */
	bool coarse;                                 /* CIFAR-100: the 20 coarse classes */
	int64_t limit;                               /* the first `limit` images; 0: all */
} dataset_options;

enum {
	DATA_CLASSES_MAX = 1 << 16,
};

typedef struct dataset {
	char kind[32];                               /* "idx", "cifar10", .. the name of its format */
	char *path;                                  /* own; as given */
	int64_t n;
	int h, w, c;
	int classes;                                 /* 0 without labels */
	uint8_t *pixels;                             /* own; [n,h,w,c] */
	int32_t *label;                              /* own; [n] in 0..classes-1, or NULL */
	char **class_name;                           /* own; [classes], or NULL without labels */
	int64_t ignored;                             /* PNG folder: files that are not .png */
} dataset;

/* Reads a file or folder; `o` NULL: defaults. new/free. An IDX folder has train-images..,
 * train-labels.., t10k-images.., t10k-labels.. (plain or .gz; class names, if any, in classes.txt),
 * a CIFAR folder data_batch_*.bin and test_batch.bin, or train.bin and test.bin (plain or .gz). A
 * PNG folder has one subfolder per class or just images; images come from the classes in turn, so
 * that a limit keeps them balanced. An HDF5 file has the data sets images and labels. The last two
 * may be divided into train and test (folders, groups); if they are not, they have no test part.
 * A single IDX or CIFAR file is read whatever the split. */
dataset *dataset_open(const char *path, const dataset_options *o, fault *e);
void dataset_free(dataset *d);

/* Bytes of one image, of all. */
int64_t dataset_image_bytes(const dataset *d);
int64_t dataset_bytes(const dataset *d);

/* FNV-1a (64 bits) over sizes, labels and pixels: whether a resumed run sees the same data. */
uint64_t dataset_checksum(const dataset *d);

SAGAN_END
#endif
