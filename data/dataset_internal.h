/* dataset_internal.h - what the readers of data/ share and nothing else includes. */
#ifndef SAGAN_DATA_DATASET_INTERNAL_H
#define SAGAN_DATA_DATASET_INTERNAL_H

#include "data/dataset.h"

/* The file or folder that a reader reads: on the disk, or in an archive that is held in memory. */
typedef struct bundle bundle;
typedef struct place {
	char *path;                                  /* own */
	bundle *in;                                  /* own; NULL: on the disk */
} place;
void place_free(place *p);

/* A reader. A new format is a file with its record, and a line in data/dataset.c. */
struct data_format {
	const char *name;                            /* in a config; must stay the first field */
	const char *what;                            /* in messages: "IDX (MNIST)"; NULL: said by another record */
	/* Fills d (path and kind are set) with images as stored, at most o->limit. */
	bool (*read)(dataset *d, const place *p, const dataset_options *o, fault *e);
	/* Whether a file is of this kind: by its first n bytes (at most FORMAT_HEAD), or by the length of its contents
	 * where the kind has no signature; only such kinds are told it. NULL: no single file is. */
	bool (*is_file)(const uint8_t *head, int64_t n, int64_t length);
	/* Whether a folder with an entry of this name, a folder or not, is of this kind. NULL: no folder is. */
	bool (*is_folder)(const char *name, bool folder);
	bool arrays;                                 /* the options images, labels and range are of it */
	bool sets;                                   /* images names one of several sets */
	bool coarse;                                 /* so is that one */
	bool by_length;                              /* is_file knows no signature: it is asked last */
};
enum { FORMAT_HEAD = 8192 + 8 };                     /* HDF5's signature may come that late */

/* A name that was given; NULL: none, or "auto". */
const char *data_wish(const char *option);

/* Three gray images in one; new/free (dataset_free). */
dataset *stacked_open(const char *path, const dataset_options *o, fault *e);

/* The formats from the second on, of which any folder may be of the last resort, pictures. */
extern const data_format format_auto, format_pictures, format_numpy;

/* Where the data set lies that path leads to: the file, or the folder, or the one folder in it that holds a data set
 * (MNIST/raw); new/free (place_free). *f: as asked for; where that is auto, what lies there. False with e set, and
 * nothing to free. */
bool format_find(const char *path, place *p, const data_format **f, fault *e);

/* Folders that archives and file managers leave behind. */
bool folder_is_left_behind(const char *name);

/* is_file for kinds with a signature of k bytes. */
bool head_is(const uint8_t *head, int64_t n, const char *signature, int64_t k);

/* Sets the sizes and takes memory for n images of h x w x c and, if wanted, labels. Checks that the
 * sizes are sane and that this machine can hold them. */
bool dataset_reserve(dataset *d, int64_t n, int64_t h, int64_t w, int64_t c, bool labels, fault *e);

/* Class names from a text file, one per line; empty lines do not count. `want` 0: any number. Sets
 * d->classes and d->class_name. A missing file is fine and changes nothing. */
bool class_names_read(dataset *d, const bundle *in, const char *path, int want, fault *e);

/* Names the classes of d by a text of names (data/class_names.h). More names than classes make more classes; fewer are
 * an error that `where` begins. Earlier names are replaced. */
bool class_names_set(dataset *d, const char *text, const char *where, fault *e);
/* Labels that begin with 1 become classes that begin with 0, which keep their labels as names; a note says it. `least`:
 * the least label of all parts; d->classes is one more than the greatest. */
bool labels_from_0(dataset *d, int least, fault *e);

/* FNV-1a over more bytes; the sum of none is DATA_FNV. */
#define DATA_FNV UINT64_C(0xcbf29ce484222325)
uint64_t data_fnv(uint64_t sum, const void *bytes, size_t n);

/* What people call the part for training, and the one for testing. The first that is there counts; NULL ends a list. */
extern const char *const data_train_words[], *const data_test_words[];

/* The colour behind transparent pixels; the options have been checked. */
void background_of(const dataset_options *o, uint8_t rgb[3]);

/* Something that a person should know of the reading; "warning: .." where it may spoil a training. */
bool dataset_note(dataset *d, fault *e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* That n images become images of c channels; nothing of none. */
bool dataset_note_colours(dataset *d, int64_t n, int c, fault *e);

/* min(n, limit), when there is one. */
int64_t limit_of(const dataset_options *o, int64_t n);

/* Whether so many bytes fit into this machine's memory; `what` begins the message. */
bool memory_check(const char *what, double bytes, fault *e);

#endif
