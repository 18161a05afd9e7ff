/* buffer.c - storage that outlives graphs. */
#include "core/graph/buffer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

buffer *buffer_new(const char *name, shape s, fault *e)
{
	char why[256];
	if (!shape_is_valid(&s, why, sizeof why)) {
		fault_set(e, "buffer %.200s: %s", name, why);
		return NULL;
	}
	buffer *b = mem_zero(1, sizeof *b, e);
	if (!b)
		return NULL;
	size_t bytes = (size_t)shape_count(&s) * sizeof(real);
	b->s = s;
	b->owns = true;
	b->name = text_copy(name, e);
	b->x = mem_aligned(bytes, e);
	if (!b->name || !b->x) {
		buffer_free(b);
		return NULL;
	}
	memset(b->x, 0, bytes);
	return b;
}

void buffer_free(buffer *b)
{
	if (!b)
		return;
	if (b->owns)
		free(b->x);
	free(b->name);
	free(b);
}

void buffer_write(buffer *b, const real *x)
{
	memcpy(b->x, x, (size_t)shape_count(&b->s) * sizeof(real));
}

void buffer_read(const buffer *b, real *x)
{
	memcpy(x, b->x, (size_t)shape_count(&b->s) * sizeof(real));
}
