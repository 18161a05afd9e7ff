/* conv_resized.c - 3x3 convolution with pooling behind it, or with doubling before it, as direct sums.
 *
 * Per axis, with taps w[0..2], w outside of them zero, and c = conv3(x):
 *   c[2i] + c[2i+1]     = sum over a of x[2i-1+a] w4[a],       w4[a] = w[a] + w[a-1]
 *   conv3(u)[i]         = sum over m of x[m] w'[i - 2m + 1],   w'[a] = w[2-a] + w[3-a],   u[j] = x[j/2]
 * The first is a convolution of 4 taps, stride 2 and one zero on each side, the second the adjoint of one, with w4
 * turned by half a turn: 16 multiplications per coarse pixel where there were 36. */
#include "core/kernels/conv_internal.h"
#include "core/base/thread.h"

enum { GRAIN = 8 };                                  /* input channels of a piece of widening and narrowing */

typedef struct widening {
	int64_t cin, cout;                           /* w is [3,3,cin,cout] */
	bool turned;                                 /* w4 is [4,4,cout,cin] and turned, or [4,4,cin,cout] */
	const real *from;
	real *to;
} widening;

/* Row c of tap t of w, and of tap t of w4: its first element, and the step between output channels. */
static int64_t row_at(const widening *v, int t, int64_t c)
{
	return (t * v->cin + c) * v->cout;
}

static int64_t wide_row_at(const widening *v, int t, int64_t c, int64_t *step)
{
	*step = v->turned ? v->cin : 1;
	return v->turned ? (15 - t) * v->cin * v->cout + c : row_at(v, t, c);
}

/* Input channels [lo,hi) of w4, from w: tap (y,x) of w adds to the taps (y,x) to (y+1,x+1) of w4. */
static void widen(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const widening *v = ctx;
	int64_t step;
	for (int64_t c = lo; c < hi; c++) {
		for (int t = 0; t < 16; t++) {
			real *to = v->to + wide_row_at(v, t, c, &step);
			for (int64_t o = 0; o < v->cout; o++)
				to[o * step] = 0;
		}
		for (int i = 0; i < 9 * 4; i++) {
			const int t = i / 4;
			const real *from = v->from + row_at(v, t, c);
			real *to = v->to + wide_row_at(v, (t / 3 + i / 2 % 2) * 4 + t % 3 + i % 2, c, &step);
			for (int64_t o = 0; o < v->cout; o++)
				to[o * step] += from[o];
		}
	}
}

/* Its adjoint: input channels [lo,hi) of dw, from dw4. */
static void narrow(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const widening *v = ctx;
	int64_t step;
	for (int64_t c = lo; c < hi; c++)
		for (int i = 0; i < 9 * 4; i++) {
			const int t = i / 4;
			real *to = v->to + row_at(v, t, c);
			const int wide = (t / 3 + i / 2 % 2) * 4 + t % 3 + i % 2;
			const real *from = v->from + wide_row_at(v, wide, c, &step);
			for (int64_t o = 0; o < v->cout; o++)
				to[o] = (i % 4 ? to[o] : 0) + from[o * step];
		}
}

/* The convolution of 4x4 and stride 2: from fine to coarse. */
static conv_shape halving_of(const conv_shape *s)
{
	conv_shape h = *s;
	if (s->resize == CONV_DOUBLE) {
		h.h = s->ho, h.w = s->wo, h.cin = s->cout;
		h.ho = s->h, h.wo = s->w, h.cout = s->cin;
	}
	h.kh = h.kw = 4;
	h.sh = h.sw = 2;
	h.resize = CONV_SAME;
	return h;
}

static int64_t wide_size(const conv_shape *s)
{
	return scratch_piece(16 * s->cin * s->cout);
}

/* Of the halving, where it computes forward or dx. */
static bool is_adjoint(const conv_shape *s, conv_use use)
{
	return (use == CONV_DX) != (s->resize == CONV_DOUBLE);
}

conv_room conv_resized_room(const tile_kernels *k, const conv_shape *s, conv_use use)
{
	const conv_shape h = halving_of(s);
	const size_t wide = (size_t)wide_size(s) * sizeof(real);
	if (use == CONV_DW)
		return (conv_room){.scratch = wide + conv_direct_dw_scratch(k, &h)};
	conv_room room = conv_direct_room(k, &h, is_adjoint(s, use));
	room.packing += wide;
	return room;
}

void conv_resized_pack(const tile_kernels *k, const conv_shape *s, conv_use use, const real *w, real *packed,
		       void *scratch)
{
	const conv_shape h = halving_of(s);
	real *wide = scratch;
	widening v = {s->cin, s->cout, s->resize == CONV_DOUBLE, w, wide};
	parallel_for(s->cin, GRAIN, widen, &v);
	conv_direct_pack(k, &h, is_adjoint(s, use), wide, packed, wide + wide_size(s));
}

void conv_resized(const tile_kernels *k, const conv_shape *s, conv_use use, const real *a, const real *b, epilogue e,
		  real *out, void *scratch)
{
	const conv_shape h = halving_of(s);
	const bool doubles = s->resize == CONV_DOUBLE;
	if (use != CONV_DW) {
		conv_direct(k, &h, is_adjoint(s, use), a, b, e, out, scratch);
		return;
	}
	real *wide = scratch;
	widening v = {s->cin, s->cout, doubles, wide, out};
	conv_direct_dw(k, &h, doubles ? b : a, doubles ? a : b, wide, wide + wide_size(s));
	parallel_for(s->cin, GRAIN, narrow, &v);
}
