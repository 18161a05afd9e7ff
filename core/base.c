#include "core/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool error_set(error *e, const char *fmt, ...)
{
	if (!e)
		return false;
	va_list args;
	va_start(args, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, args);
	va_end(args);
	return false;
}

void bug(const char *file, int line, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "sagan: bug at %s:%d: ", file, line);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

void *mem_new(size_t n, size_t size, error *e)
{
	void *p = NULL;
	if (size == 0 || n <= SIZE_MAX / size)
		p = malloc(n * size ? n * size : 1);
	if (!p)
		error_set(e, "out of memory: %zu elements of %zu bytes", n, size);
	return p;
}

void *mem_zero(size_t n, size_t size, error *e)
{
	void *p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		error_set(e, "out of memory: %zu elements of %zu bytes", n, size);
	return p;
}

void *mem_aligned(size_t bytes, error *e)
{
	size_t rounded = (MAX(bytes, 1) + 63) & ~(size_t)63;
	void *p = rounded < bytes ? NULL : aligned_alloc(64, rounded);
	if (!p)
		error_set(e, "out of memory: %zu bytes", bytes);
	return p;
}

char *text_copy(const char *s, error *e)
{
	size_t n = strlen(s) + 1;
	char *p = mem_new(n, 1, e);
	if (p)
		memcpy(p, s, n);
	return p;
}

shape shape_of(int rank, const int64_t *dim)
{
	must(rank >= 0 && rank <= RANK_MAX, "shape of rank %d", rank);
	shape s = {.rank = rank};
	for (int i = 0; i < RANK_MAX; i++)
		s.dim[i] = i < rank ? dim[i] : 1;
	return s;
}

shape shape_scalar(void)
{
	return shape_of(0, NULL);
}

int64_t shape_count(const shape *s)
{
	int64_t n = 1;
	for (int i = 0; i < s->rank; i++)
		n *= s->dim[i];
	return n;
}

bool shape_equal(const shape *a, const shape *b)
{
	if (a->rank != b->rank)
		return false;
	for (int i = 0; i < a->rank; i++)
		if (a->dim[i] != b->dim[i])
			return false;
	return true;
}

int64_t shape_last(const shape *s)
{
	return s->rank ? s->dim[s->rank - 1] : 1;
}

shape_text shape_print(const shape *s)
{
	shape_text t;
	int n = snprintf(t.s, sizeof t.s, "[");
	for (int i = 0; i < s->rank && n < SHAPE_TEXT - 24; i++)
		n += snprintf(t.s + n, sizeof t.s - (size_t)n, i ? ",%lld" : "%lld", (long long)s->dim[i]);
	snprintf(t.s + n, sizeof t.s - (size_t)n, "]");
	return t;
}
