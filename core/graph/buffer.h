/* buffer.h - storage that outlives graphs: a parameter, a moment, a running mean, an input batch. */
#ifndef SAGAN_CORE_GRAPH_BUFFER_H
#define SAGAN_CORE_GRAPH_BUFFER_H

#include "core/base/base.h"

SAGAN_BEGIN

typedef struct buffer {
	char *name;                                  /* own; "generator/block1/conv1/kernel" */
	shape s;
	real *x;                                     /* [s]: read and write it between runs of a plan, never in one */
	bool owns;                                   /* false: x lies in a module's block */
} buffer;

buffer *buffer_new(const char *name, shape s, fault *e);     /* zeros; new/free */
void buffer_free(buffer *b);

/* The whole contents, s elements, in and out. */
void buffer_write(buffer *b, const real *x);
void buffer_read(const buffer *b, real *x);

SAGAN_END
#endif
