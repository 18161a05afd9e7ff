/* dataset.h - a set of images in memory, whatever kind of file it came from.
 *
 * Pixels are one byte each, [n,h,w,c] with c 1 (gray) or 3 (RGB); the loader maps them to [-1,1]. Kinds: MNIST-like
 * IDX, CIFAR-10/100, folders of pictures, numpy, HDF5, and zip and tar archives of these. Files come from strangers:
 * sizes are checked before memory is taken, labels before they are used, and a wrong file ends in one line that names
 * it, what is wrong and what is allowed. */
#ifndef SAGAN_DATA_DATASET_H
#define SAGAN_DATA_DATASET_H

#include "core/base/words.h"
#include "data/picture/resize.h"

SAGAN_BEGIN

enum data_split { SPLIT_TRAIN, SPLIT_TEST, SPLIT_ALL, SPLITS };

/* Their names in a config, by enum value, ended by NULL. */
extern const char *const data_split_name[];          /* train test all */

/* What the numbers of files of named arrays mean; auto: a statistic of all values decides (data/range.h). */
enum data_range { RANGE_AUTO, RANGE_0_1, RANGE_SIGNED, RANGE_0_255, RANGE_0_65535, RANGES };
extern const char *const data_range_name[];          /* auto 0..1 -1..1 0..255 0..65535; ended by NULL */
#define DATA_RANGE_WORDS WORDS(data_range_name + 1)  /* without auto */

/* A kind of data set, by its reader. The first record, "auto", has no reader: it stands for the first of the others
 * that recognises the files. Ended by NULL. */
typedef struct data_format data_format;
extern const data_format *const data_formats[];      /* each begins with its name, for WORDS_AT_OLD */
extern const word_renamed data_formats_renamed[];

/* {0} is a good default: the kind is recognised, and images of the training part are kept as stored. */
typedef struct dataset_options {
	const char *format;                          /* a name of data_formats, old or new; NULL: auto */
	enum data_split split;
	int h, w;                                    /* wanted size, both or neither; 0: as stored */
	enum data_resize resize;
	int channels;                                /* 1 or 3; 0: as stored */
	bool coarse;                                 /* CIFAR-100: the 20 coarse classes */
	int64_t limit;                               /* the first `limit` images; 0: all */
	/* Files of named arrays: what the numbers mean, and the arrays' names. NULL, "" or "auto": found out; labels
	 * "none": read without. Where several IDX sets lie in a folder (EMNIST), images names one ("emnist-digits"). */
	enum data_range range;
	const char *images, *labels;
	/* Names of the classes: "cat, dog, bird", or a file with a name in each line. NULL, "" or "auto": as the data
	 * say. */
	const char *class_names;
	const char *background;                      /* behind transparent pixels (data_colour); NULL: white */
	uint64_t seed;                               /* stacked: of the draws */
} dataset_options;

/* Colours that have names, ended by NULL; what a colour may be, for lists of words. */
typedef struct data_colour_name {
	const char *name;
	uint8_t rgb[3];
} data_colour_name;
extern const data_colour_name data_colours[];
#define DATA_COLOUR_WORDS {&data_colours[0].name, sizeof data_colours[0], false, "#rrggbb", NULL}

/* A colour for people: one of these words, or six digits. False with e set: it is none of them. */
bool data_colour(const char *text, uint8_t rgb[3], fault *e);

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
	char **class_name;                           /* own, each and all; [classes], or NULL without labels */
	char **note;                                 /* own; [notes]: what the reader decided or passed over */
	int notes;
} dataset;

/* Labels of NAME.idx lie in NAME-labels.idx, where MNIST's own names do not say so. */
#define IDX_LABELS_ENDING "-labels.idx"

/* Reads a file or folder; `o` NULL: defaults. new/free. NULL with e set: path cannot be read, is of no known kind, is
 * damaged, does not fit the options or this machine's memory.
 *	IDX folder     train-images.., train-labels.., t10k-images.., t10k-labels.. (plain or .gz); class names, if any,
 *	               in classes.txt
 *	CIFAR folder   data_batch_*.bin and test_batch.bin, or train.bin and test.bin (plain or .gz); or the pickles of
 *	               the version for Python, which have no ending
 *	pictures       a folder of PNG, JPEG, WebP and GIF files: one subfolder per class (with folders in it or not),
 *	               or just images; they are taken from the classes in turn, so that a limit keeps them balanced.
 *	               With StyleGAN's dataset.json beside them the labels stand there
 *	numpy          .npz, a folder of .npy, or one of them: arrays, as in HDF5
 *	HDF5 file      arrays of images and labels, found by their names
 *	"stacked"      by name only: three random images of a gray set, which the path leads to, as red, green and blue
 *	               (data/stacked.c)
 * A zip or tar archive (also packed by gzip, bzip2, xz or zstd) is read as the folder that it holds, in memory. Where a
 * path or archive leads to a folder in which a single data set lies, deeper, that one is read (MNIST/raw).
 * Pictures, numpy and HDF5 may be divided into train and test (folders, groups); undivided ones have no test part. A
 * single IDX or CIFAR file is read whatever the split. */
dataset *dataset_open(const char *path, const dataset_options *o, fault *e);
void dataset_free(dataset *d);

/* Bytes of one image, of all. */
int64_t dataset_image_bytes(const dataset *d);
int64_t dataset_bytes(const dataset *d);

/* Mean and standard deviation of all pixels, 0 black and 1 white. */
void dataset_moments(const dataset *d, double *mean, double *deviation);

/* FNV-1a (64 bits) over sizes, labels and pixels: tells whether a resumed run sees the same data. */
uint64_t dataset_checksum(const dataset *d);

SAGAN_END
#endif
