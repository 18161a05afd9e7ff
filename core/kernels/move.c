/* move.c - copies between strided boxes: axes merged first, then rows, fills or tiles on the pool. */
#include "core/kernels/move.h"

#include <string.h>

#include "core/base/clones.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/kernels/tile.h"

enum { TILE = 32 };                                  /* transposes: both sides of a tile stay in L1 */

void move_strides(const shape *s, int64_t *stride)
{
	int64_t step = 1;
	for (int i = s->rank - 1; i >= 0; i--) {
		stride[i] = step;
		step *= s->dim[i];
	}
}

/* Drops axes of size 1 and joins axes k, k+1 that are one longer axis in both boxes. */
static void move_merge(move *m)
{
	int r = 0;
	for (int k = 0; k < m->rank; k++) {
		if (m->n[k] == 1)
			continue;
		bool joins = r > 0 && m->ds[r - 1] == m->ds[k] * m->n[k] &&
			     m->ss[r - 1] == m->ss[k] * m->n[k];
		if (joins)
			m->n[r - 1] *= m->n[k];
		else
			m->n[r++] = m->n[k];
		m->ds[r - 1] = m->ds[k];
		m->ss[r - 1] = m->ss[k];
	}
	if (r == 0) {                                /* a single element */
		m->n[0] = m->ds[0] = m->ss[0] = 1;
		r = 1;
	}
	m->rank = r;
}

/* Where outer row r begins in both boxes, stepped like an odometer. */
typedef struct cursor {
	int64_t i[RANK_MAX];
	int64_t d, s;
} cursor;

static cursor cursor_at(const move *m, int64_t r)
{
	cursor c = {.d = 0};
	for (int k = m->outer - 1; k >= 0; k--) {
		c.i[k] = r % m->n[k];
		r /= m->n[k];
		c.d += c.i[k] * m->ds[k];
		c.s += c.i[k] * m->ss[k];
	}
	return c;
}

static void cursor_next(const move *m, cursor *c)
{
	for (int k = m->outer - 1; k >= 0; k--) {
		c->d += m->ds[k];
		c->s += m->ss[k];
		if (++c->i[k] < m->n[k])
			return;
		c->i[k] = 0;
		c->d -= m->n[k] * m->ds[k];
		c->s -= m->n[k] * m->ss[k];
	}
}

/* d = s [n], the short ones as two pieces that may overlap. */
static void run_copy_whole(real *d, const real *s, int64_t n)
{
	enum { FOUR = 4 * (int)sizeof(real), EIGHT = 8 * (int)sizeof(real) };
	if (n >= 16) {
		memcpy(d, s, (size_t)n * sizeof *d);
	} else if (n >= 8) {
		memcpy(d, s, EIGHT);
		memcpy(d + n - 8, s + n - 8, EIGHT);
	} else if (n >= 4) {
		memcpy(d, s, FOUR);
		memcpy(d + n - 4, s + n - 4, FOUR);
	} else
		for (int64_t i = 0; i < n; i++)
			d[i] = s[i];
}

static void run_copy(real *d, const real *s, int64_t n, int64_t ds, int64_t ss)
{
	if (ds == 1 && ss == 1) {
		run_copy_whole(d, s, n);
	} else if (ds == 1 && ss == 0) {
		const real v = *s;
		for (int64_t i = 0; i < n; i++)
			d[i] = v;
	} else {
		for (int64_t i = 0; i < n; i++)
			d[i * ds] = s[i * ss];
	}
}

static void move_rows(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const move *m = ctx;
	const int last = m->rank - 1;
	cursor c = cursor_at(m, lo / m->parts);
	int64_t p = lo % m->parts;
	for (int64_t i = lo; i < hi; i++) {
		int64_t at = p * m->part, n = MIN(m->part, m->n[last] - at);
		run_copy(m->dst + c.d + at * m->ds[last], m->src + c.s + at * m->ss[last], n,
			 m->ds[last], m->ss[last]);
		if (++p == m->parts) {
			p = 0;
			cursor_next(m, &c);
		}
	}
}

/* The last axis walks the result, the one before it walks the source. */
static void move_tile(const move *m, real *d, const real *s, int64_t nj)
{
	const int last = m->rank - 1;
	const int64_t n = m->n[last], dl = m->ds[last], sl = m->ss[last];
	const int64_t dj = m->ds[last - 1], sj = m->ss[last - 1];
	for (int64_t l0 = 0; l0 < n; l0 += TILE) {
		int64_t l1 = MIN(n, l0 + TILE);
		if (dl == 1 && sj == 1) {
			tile_best()->transpose(d + l0, dj, s + l0 * sl, sl, nj, l1 - l0);
			continue;
		}
		for (int64_t j = 0; j < nj; j++)
			for (int64_t l = l0; l < l1; l++)
				d[j * dj + l * dl] = s[j * sj + l * sl];
	}
}

static void move_tiles(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const move *m = ctx;
	const int j = m->rank - 2;
	for (int64_t i = lo; i < hi; i++) {
		cursor c = cursor_at(m, i / m->parts);
		int64_t at = i % m->parts * m->part;
		move_tile(m, m->dst + c.d + at * m->ds[j], m->src + c.s + at * m->ss[j],
			  MIN(m->part, m->n[j] - at));
	}
}

/* The axis along which the source is contiguous, when that is not the last one; else -1. */
static int transposed_axis(const move *m)
{
	if (m->ss[m->rank - 1] <= 1)
		return -1;
	for (int k = 0; k < m->rank - 1; k++)
		if (m->ss[k] == 1)
			return k;
	return -1;
}

/* Exchanges axes a and b: the order of axes is free, only their strides say where values lie. */
static void move_exchange(move *m, int a, int b)
{
	int64_t *const field[] = {m->n, m->ds, m->ss};
	for (int f = 0; f < COUNT(field); f++) {
		int64_t t = field[f][a];
		field[f][a] = field[f][b];
		field[f][b] = t;
	}
}

void move_run(move *m)
{
	move_merge(m);
	const int j = transposed_axis(m);
	if (j >= 0)
		move_exchange(m, j, m->rank - 2);
	m->outer = m->rank - (j >= 0 ? 2 : 1);
	m->part = j >= 0 ? TILE : SPAN_GRAIN;
	m->parts = (m->n[m->outer] + m->part - 1) / m->part;
	int64_t items = m->parts, size = MIN(m->part, m->n[m->outer]);
	for (int k = 0; k < m->outer; k++)
		items *= m->n[k];
	if (j >= 0)
		size *= m->n[m->rank - 1];
	parallel_for(items, MAX(1, SPAN_GRAIN / size), j >= 0 ? move_tiles : move_rows, m);
}
