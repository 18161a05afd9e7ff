/* dataset_internal.h - what the readers of data/ share and nothing else includes. */
#ifndef SAGAN_DATA_DATASET_INTERNAL_H
#define SAGAN_DATA_DATASET_INTERNAL_H

#include "data/dataset.h"

/* Fills d (path and kind are set) with images as stored, at most o->limit. */
typedef bool (*reader_fn)(dataset *d, const dataset_options *o, error *e);
bool idx_read(dataset *d, const dataset_options *o, error *e);
bool cifar10_read(dataset *d, const dataset_options *o, error *e);
bool cifar100_read(dataset *d, const dataset_options *o, error *e);
bool pngs_read(dataset *d, const dataset_options *o, error *e);      /* converts to the wanted size too */
bool hdf5_read(dataset *d, const dataset_options *o, error *e);

/* Sets the sizes and takes memory for n images of h x w x c and, if wanted, labels. Checks that the
 * sizes are sane and that this machine can hold them. */
bool dataset_reserve(dataset *d, int64_t n, int64_t h, int64_t w, int64_t c, bool labels, error *e);

/* Class names from a text file, one per line; empty lines do not count. `want` 0: any number. Sets
 * d->classes and d->class_name. A missing file is fine and changes nothing. */
bool class_names_read(dataset *d, const char *path, int want, error *e);

/* min(n, limit), when there is one. */
int64_t limit_of(const dataset_options *o, int64_t n);

/* Bytes of a dataset's pixels must fit into this machine's memory; `what` begins the message. */
bool memory_check(const char *what, double bytes, error *e);

#endif
