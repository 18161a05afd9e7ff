/* sizes.c - how sizes of images are written, and which of them have networks that double their maps. */
#include <stdio.h>

#include "core/base/local.h"
#include "gan/nets/networks_internal.h"

net_size net_square(int side)
{
	return (net_size){side, side};
}

int net_size_shorter(net_size s)
{
	return MIN(s.h, s.w);
}

bool net_size_is(net_size s, int side)
{
	return s.h == side && s.w == side;
}

char *net_size_print(net_size s, char *buf, size_t size)
{
	if (s.h == s.w)
		snprintf(buf, size, "%d", s.h);
	else
		snprintf(buf, size, "[%d, %d]", s.h, s.w);
	return buf;
}

net_size net_size_times(net_size s, int doublings)
{
	return doublings < 0 ? (net_size){s.h >> -doublings, s.w >> -doublings}
		: (net_size){s.h << doublings, s.w << doublings};
}

/* ---- the rule ---- */

/* Sides of the first map: 4 is the original's, 7 that of MNIST; 5 and 6 fill the gap between two doublings, so that
 * the shorter side says how many blocks there are. The longer side may be of any ratio. */
enum { BASE_LEAST = 4, BASE_MOST = 7, SIDE_MOST = 2048 };

int net_halvings(net_size size, net_size *base)
{
	const int shorter = net_size_shorter(size);
	int n = 0;
	*base = size;
	if (shorter < BASE_LEAST || MAX(size.h, size.w) > SIDE_MOST)
		return 0;
	while (shorter >> n > BASE_MOST)
		n++;
	*base = net_size_times(size, -n);
	const net_size again = net_size_times(*base, n);
	return n < STAGES_MAX - 1 && again.h == size.h && again.w == size.w ? n : 0;
}

bool net_size_refuse(net_size size, const char *why, fault *e)
{
	char given[32];
	return fault_word(e, "size", net_size_print(size, given, sizeof given), "%s", why);
}

/* ---- what is told of a size that does not fit ---- */

enum { NEAREST = 3 };

typedef struct nearest {
	net_size size[NEAREST];
	int n;
} nearest;

static void offer(nearest *l, net_size s)
{
	net_size base;
	for (int i = 0; i < l->n; i++)
		if (l->size[i].h == s.h && l->size[i].w == s.w)
			return;
	if (l->n < NEAREST && net_halvings(s, &base))
		l->size[l->n++] = s;
}

/* What is dh rows and dw columns away from s, whatever the signs. */
static void offer_around(nearest *l, net_size s, int dh, int dw)
{
	for (int k = 0; k < 4; k++)
		offer(l, (net_size){s.h + (k & 1 ? dh : -dh), s.w + (k & 2 ? dw : -dw)});
}

/* The fitting sizes that differ least from s, in pixels of both sides together, and of equals first those that keep a
 * side; of a square, squares. */
static nearest find_nearest(net_size s)
{
	nearest l = {.n = 0};
	s = (net_size){MAX(0, MIN(s.h, SIDE_MOST)), MAX(0, MIN(s.w, SIDE_MOST))};
	for (int d = 0; d <= SIDE_MOST && l.n < 2; d++) {
		if (s.h == s.w) {
			offer(&l, net_square(s.h - d));
			offer(&l, net_square(s.h + d));
			continue;
		}
		offer_around(&l, s, 0, d);
		for (int dh = d; dh > 0; dh--)
			offer_around(&l, s, dh, d - dh);
	}
	return l;
}

bool net_check_halvings(net_size size, fault *e)
{
	char why[256], one[32];
	net_size base;
	if (net_halvings(size, &base))
		return true;
	if (net_size_is(size, 0))
		return net_size_refuse(size, "must be given: 4 to 7 times 2^blocks, as 28, 32, 48, 64, 96 or 128", e);
	const nearest l = find_nearest(size);
	int at = snprintf(why, sizeof why, "%s; nearest %s ", size.h == size.w ? "must be 4 to 7 times 2^blocks"
		: "the shorter side must be 4 to 7 times 2^blocks, the other a multiple of 2^blocks",
		l.n > 1 ? "are" : "is");
	for (int i = 0; i < l.n; i++)
		at += snprintf(why + at, sizeof why - (size_t)at, "%s%s", i ? ", " : "",
			net_size_print(l.size[i], one, sizeof one));
	return net_size_refuse(size, why, e);
}
