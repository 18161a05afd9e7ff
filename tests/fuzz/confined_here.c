/* confined_here.c - core/base/confine.h without a child: the work is done at once, in this process, so that a crash is
 * one. There are no limits. */
#include "core/base/confine.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

struct confine_out {
	uint8_t *x;
	size_t n, room, taken;
};

struct confine {
	confine_out out;
	bool good;
	fault why;
};

bool confine_put(confine_out *o, const void *x, size_t n)
{
	if (o->room - o->n < n) {
		const size_t room = 2 * o->room + n;
		uint8_t *more = realloc(o->x, room);
		if (!more)
			return false;
		o->x = more;
		o->room = room;
	}
	if (n)
		memcpy(o->x + o->n, x, n);
	o->n += n;
	return true;
}

bool confine_flush(confine_out *o)
{
	(void)o;
	return true;
}

bool confine_within(void)
{
	return true;
}

bool confine_sealed(void)
{
	return false;
}

confine_limits confine_limits_for(int64_t n, double memory)
{
	(void)n, (void)memory;
	return (confine_limits){0};
}

void confine_anew(confine *c)
{
	(void)c;
}

confine *confine_start(const char *label, confine_fn fn, void *ctx, const confine_limits *l, fault *e)
{
	(void)label, (void)l;
	confine *c = mem_zero(1, sizeof *c, e);
	if (c)
		c->good = fn(ctx, &c->out, &c->why);
	return c;
}

bool confine_take(confine *c, void *x, size_t n)
{
	const size_t k = MIN(n, c->out.n - c->out.taken);
	if (k)
		memcpy(x, c->out.x + c->out.taken, k);
	c->out.taken += k;
	return k == n;
}

void confine_stop(confine *c)
{
	if (c)
		free(c->out.x);
	free(c);
}

bool confine_end(confine *c, fault *e)
{
	const bool good = c && c->good;
	if (c && !good)
		fault_take(e, &c->why);
	confine_stop(c);
	return good;
}
