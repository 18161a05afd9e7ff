/* arrays_internal.h - between the two files behind arrays.h: which arrays are read, and as what. */
#ifndef SAGAN_DATA_ARRAYS_INTERNAL_H
#define SAGAN_DATA_ARRAYS_INTERNAL_H

#include "data/arrays.h"

enum { ARRAY_PATH = 256 };

/* Images and labels that belong together. */
typedef struct array_part {
	char images[ARRAY_PATH], labels[ARRAY_PATH]; /* paths; "" without labels */
	array_info info;                             /* of the images */
	array_info label_info;
	int64_t n, h, w, c;                          /* c as stored: 1, 3 or 4 */
	bool planes;                                 /* [n,c,h,w] */
	int64_t label_width;                         /* 1, or k of one-hot labels [n,k]; 0 without */
	bool guessed;                                /* the labels: by their shape, not by their name */
} array_part;

typedef struct array_parts {
	array_part part[2];
	int n;
	bool divided;                                /* part[SPLIT_TRAIN] and part[SPLIT_TEST]; else part[0] is all.
	                                              * A part that the file has not got has n = 0 */
	char others[200];                            /* images of parts that are none of the two, or "" */
} array_parts;

/* How messages about labels end. */
#define WITHOUT_LABELS "; data.labels: none (or --labels none) reads without"

/* Finds the arrays by the names that the options give, by known names, or because only one array can be meant.
 * `path`: of the file, begins messages. */
bool arrays_find(array_parts *p, void *file, const array_reader *r, const char *path, const dataset_options *o,
	fault *e);

#endif
