/* folder.h - the pictures of a folder: what folder.c finds and pictures.c reads. Nothing else includes it. */
#ifndef SAGAN_DATA_FOLDER_H
#define SAGAN_DATA_FOLDER_H

#include <pthread.h>

#include "data/dataset_internal.h"
#include "data/labels.h"
#include "data/passed.h"
#include "data/picture/picture.h"
#include "data/source.h"

typedef struct picture {
	char *path;                                  /* own */
	int32_t label;
	int64_t rank;                                /* within its class */
	picture_size size;
} picture;

typedef struct pictures {
	const bundle *in;                            /* borrow; NULL: on the disk */
	int64_t n, room;
	passed_over passed;                          /* own */
	char odd[256];                               /* a class that is called as a part, or "" */
	char mixed[256];                             /* a class in which parts lie, or "" */
	picture *p;                                  /* own */
	names classes;
	names parts;                                 /* folders to read images from */
	char *other;                                 /* own; the part that is not read, or NULL */
	bool bare;                                   /* the test part is read, and has no labels where others have */
	label_list list;                             /* own; dataset.json, if there is one */
	/* while they are read: */
	dataset *d;                                  /* borrow */
	enum data_resize resize;
	picture_options how;
	pthread_mutex_t lock;                        /* guards what follows */
	int64_t first_bad;                           /* lowest picture that failed, or n */
	fault bad;
} pictures;

/* Finds them, in the order in which they are taken, and the names of their classes: one subfolder per class or just
 * pictures, of the parts that are asked for, or as dataset.json says. `in` of l is set, the rest 0. */
bool pictures_find(pictures *l, const char *root, const dataset_options *o, fault *e);

#endif
