/* buffer.h - storage that outlives graphs: a parameter, a moment, a running mean, an input batch. */
#ifndef SAGAN_CORE_GRAPH_BUFFER_H
#define SAGAN_CORE_GRAPH_BUFFER_H

#include "core/base/base.h"

SAGAN_BEGIN

typedef struct buffer {
	char *name;                                  /* own; "generator/block1/conv1/kernel" */
	shape s;
	real *x;                                     /* [s]: read and write it between runs of a plan, never in one */
	bool owns;                                   /* x; false: it lies in a module's block */
	bool common;                                 /* the same for all slices of a batch, as parameters are */
} buffer;

/* A buffer of zeros; the name is copied. NULL with e set: a size of s below 1, more elements than can be counted, or no
 * memory. new/free. */
buffer *buffer_new(const char *name, shape s, fault *e);
void buffer_free(buffer *b);

/* Copies the whole contents, shape_count(&b->s) elements: b->x = x, and x = b->x. */
void buffer_write(buffer *b, const real *x);
void buffer_read(const buffer *b, real *x);

SAGAN_END
#endif
