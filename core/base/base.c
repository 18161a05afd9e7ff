/* base.c - errors, memory, the nearest word, shapes. */
#define _DEFAULT_SOURCE                              /* madvise */
#include "core/base/base.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/local.h"

enum { LARGE_PAGE = 2 << 20 };                       /* bytes; of Linux on x86-64, and on arm64 with pages of 4 KB */

#define MEMORY "out of memory"

bool fault_is_memory(const fault *e)
{
	return strstr(e->text, MEMORY) != NULL;
}

bool fault_is_now(const fault *e)
{
	return fault_is_memory(e) || strstr(e->text, FAULT_NOW) != NULL;
}

/* The text may be one of the arguments, or the place a part of them: everything is written aside first. */
static bool fault_write(fault *e, const char *place, const char *between, const char *fmt, va_list args)
{
	char text[sizeof e->text];
	if (!e)
		return false;
	const size_t n = (size_t)snprintf(text, sizeof text, "%s%s", place, between), at = MIN(n, sizeof text - 1);
	vsnprintf(text + at, sizeof text - at, fmt, args);
	e->place = (int)MIN(strlen(place), at);
	e->reason = (int)at;
	memcpy(e->text, text_plain(text, 0), sizeof text);
	return false;
}

bool fault_set(fault *e, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fault_write(e, "", "", fmt, args);
	va_end(args);
	return false;
}

bool fault_at(fault *e, const char *place, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fault_write(e, place, ": ", fmt, args);
	va_end(args);
	return false;
}

bool fault_word(fault *e, const char *place, const char *value, const char *fmt, ...)
{
	char between[64];
	va_list args;
	snprintf(between, sizeof between, " = %.58s: ", value);
	va_start(args, fmt);
	fault_write(e, place, between, fmt, args);
	va_end(args);
	return false;
}

double plain_nan(double x)
{
	return isnan(x) ? fabs(x) : x;
}

bool fault_value(fault *e, const char *place, double value, const char *fmt, ...)
{
	char between[40];
	va_list args;
	snprintf(between, sizeof between, " = %.9g: ", value);
	va_start(args, fmt);
	fault_write(e, place, between, fmt, args);
	va_end(args);
	return false;
}

/* The same at every try, as long as nobody changes what lies there. */
static bool is_of_the_path(int why)
{
	return why == ENOENT || why == ENOTDIR || why == EISDIR || why == ELOOP || why == ENAMETOOLONG || why == EINVAL;
}

bool fault_read(fault *e, const char *path)
{
	const int why = errno;
	fault_at(e, path, "%s%s", is_of_the_path(why) ? "" : FAULT_NOW ": ", strerror(why));
	errno = why;
	return false;
}

bool fault_is_at(const fault *e, const char *place)
{
	return strlen(place) == (size_t)e->place && memcmp(e->text, place, (size_t)e->place) == 0;
}

const char *fault_reason(const fault *e)
{
	return e->text + e->reason;
}

bool fault_take(fault *e, const fault *told)
{
	if (!e)
		return false;
	*e = *told;
	e->text[sizeof e->text - 1] = '\0';
	const int n = (int)strlen(text_plain(e->text, 0));
	e->reason = MAX(0, MIN(e->reason, n));
	e->place = MAX(0, MIN(e->place, e->reason));
	return false;
}

void bug_abort(const char *file, int line, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "sagan: bug at %s:%d: ", file, line);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

void *mem_new(size_t n, size_t size, fault *e)
{
	void *p = NULL;
	if (size == 0 || n <= SIZE_MAX / size)
		p = malloc(MAX(n * size, 1));
	if (!p)
		fault_set(e, MEMORY ": %zu elements of %zu bytes", n, size);
	return p;
}

bool memory_is_there(size_t bytes)
{
	void *volatile p = malloc(bytes);            /* volatile: a pair of malloc and free may be left out */
	free(p);
	return p;
}

void *mem_zero(size_t n, size_t size, fault *e)
{
	void *p = NULL;
	if (size == 0 || n <= SIZE_MAX / size)
		p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		fault_set(e, MEMORY ": %zu elements of %zu bytes", n, size);
	return p;
}

/* Values of two large pages and more lie in such where the system has them: passes over memory then wait less for
 * addresses (2 to 8 % of a layer's training pass). */
void *mem_aligned(size_t bytes, fault *e)
{
	const size_t align = bytes >= 2 * LARGE_PAGE ? LARGE_PAGE : 64;
	size_t rounded = (MAX(bytes, 1) + align - 1) & ~(align - 1);
	void *p = rounded < bytes ? NULL : aligned_alloc(align, rounded);
	if (!p)
		fault_set(e, MEMORY ": %zu bytes", bytes);
#ifdef MADV_HUGEPAGE
	else if (align == LARGE_PAGE)
		madvise(p, rounded, MADV_HUGEPAGE);  /* a wish: what comes of it does not matter */
#endif
	return p;
}

double machine_memory(void)
{
	return (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
}

char *text_copy(const char *s, fault *e)
{
	size_t n = strlen(s) + 1;
	char *p = mem_new(n, 1, e);
	if (p)
		memcpy(p, s, n);
	return p;
}

enum { WORD_MAX = 63 };                              /* longer words are not corrected */

/* Edits that turn a into b, a swap of neighbours counting as one (optimal string alignment). Three
 * rows of the table are alive: row[i % 3][j] is the distance of the first i and j letters. */
static int edit_distance(const char *a, int na, const char *b, int nb)
{
	int row[3][WORD_MAX + 1];
	for (int j = 0; j <= nb; j++)
		row[0][j] = j;
	for (int i = 1; i <= na; i++) {
		int *now = row[i % 3];
		const int *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
		now[0] = i;
		for (int j = 1; j <= nb; j++) {
			int best = last[j - 1] + (a[i - 1] != b[j - 1]);
			best = MIN(best, MIN(last[j], now[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, before[j - 2] + 1);
			now[j] = best;
		}
	}
	return row[na % 3][nb];
}

const char *text_closest(const char *word, const char *const *list, int n)
{
	const char *best = NULL;
	size_t nw = strlen(word);
	int nearest = MAX((int)MIN(nw, WORD_MAX) / 3, 1) + 1;
	for (int i = 0; i < n; i++) {
		size_t ni = strlen(list[i]);
		if (nw > WORD_MAX || ni > WORD_MAX || ni == 0)
			continue;
		int d = edit_distance(word, (int)nw, list[i], (int)ni);
		if (d < nearest && d < (int)nw) {
			nearest = d;
			best = list[i];
		}
	}
	return best;
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

bool shape_is_valid(const shape *s, char *why, size_t size)
{
	const int64_t limit = INT64_MAX / (int64_t)sizeof(double);
	int64_t count = 1;
	for (int i = 0; i < s->rank; i++) {
		if (s->dim[i] < 1) {
			snprintf(why, size, "shape %s: axis %d must be at least 1", shape_print(s).s, i);
			return false;
		}
		if (s->dim[i] > limit / count) {
			snprintf(why, size, "shape %s has too many elements", shape_print(s).s);
			return false;
		}
		count *= s->dim[i];
	}
	return true;
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
