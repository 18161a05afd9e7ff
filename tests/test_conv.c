/* test_conv.c - the convolution kernels against seven loops, their adjoints, and each other's bits. */
#include <check.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/conv.h"
#include "core/kernels/conv_form.h"
#include "core/graph/ops.h"
#include "core/base/thread.h"
#include "tests/suite.h"

/* {b, h, w, cin, ho, wo, cout, kh, kw, sh, sw, top, left, groups, want, resize}; bottom and right follow. */
static const conv_shape geometry[] = {
	{2, 8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0},        /* the hot families */
	{2, 16, 16, 40, 8, 8, 72, 4, 4, 2, 2, 1, 1, 1, 0, 0},
	{3, 4, 4, 32, 4, 4, 32, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{5, 7, 7, 16, 7, 7, 16, 3, 3, 1, 1, 1, 1, 1, 0, 0},        /* pixels that do not fill tiles */
	{2, 9, 7, 5, 9, 7, 24, 1, 1, 1, 1, 0, 0, 1, 0, 0},         /* a matrix product */
	{3, 9, 8, 6, 5, 4, 20, 1, 1, 2, 2, 0, 0, 1, 0, 0},         /* 1x1 with stride */
	{2, 12, 12, 3, 12, 12, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0},     /* first layers */
	{2, 11, 13, 1, 11, 13, 33, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{3, 8, 8, 3, 4, 4, 48, 4, 4, 2, 2, 1, 1, 1, 0, 0},
	{2, 12, 12, 64, 12, 12, 3, 3, 3, 1, 1, 1, 1, 1, 0, 0},     /* last layers */
	{2, 11, 13, 33, 11, 13, 1, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{2, 9, 9, 20, 5, 5, 4, 3, 3, 2, 2, 1, 1, 1, 0, 0},
	{2, 9, 9, 20, 9, 9, 2, 5, 5, 1, 1, 2, 2, 1, 0, 0},
	{1, 4, 4, 17, 1, 1, 1, 4, 4, 1, 1, 0, 0, 1, 0, 0},         /* DCGAN's last and first */
	{1, 1, 1, 19, 4, 4, 23, 4, 4, 1, 1, 3, 3, 1, 0, 0},
	{2, 10, 9, 12, 5, 3, 10, 5, 4, 2, 3, 2, 1, 1, 0, 0},       /* different strides, odd sizes */
	{2, 10, 9, 12, 4, 3, 10, 2, 2, 3, 4, 0, 0, 1, 0, 0},       /* stride beyond kernel: pixels unused */
	{1, 8, 9, 7, 10, 8, 18, 3, 5, 1, 1, 3, 1, 1, 0, 0},        /* asymmetric padding */
	{2, 7, 8, 9, 4, 4, 11, 3, 3, 2, 2, 0, 0, 1, 0, 0},         /* TensorFlow SAME: zeros after only */
	{1, 6, 6, 8, 3, 9, 16, 4, 1, 1, 1, 0, 2, 1, 0, 0},         /* zeros further out than the kernel */
	{1, 5, 5, 4, 13, 13, 6, 3, 3, 1, 1, 5, 5, 1, 0, 0},
	{1, 40, 33, 16, 40, 33, 16, 3, 3, 1, 1, 1, 1, 1, 0, 0},    /* several bands */
	{1, 37, 20, 24, 19, 10, 40, 4, 4, 2, 2, 2, 1, 1, 0, 0},
	{20, 2, 3, 16, 2, 3, 16, 3, 3, 1, 1, 1, 1, 1, 0, 0},       /* several images per item */
	{24, 16, 16, 8, 16, 16, 16, 3, 3, 1, 1, 1, 1, 1, 0, 0},    /* many chunks of partial sums */
	{2, 8, 8, 16, 8, 8, 24, 3, 3, 1, 1, 1, 1, 4, 0, 0},        /* groups */
	{2, 9, 8, 96, 5, 4, 64, 4, 4, 2, 2, 1, 1, 2, 0, 0},
	{2, 6, 6, 12, 6, 6, 8, 1, 1, 1, 1, 0, 0, 4, 0, 0},
	{2, 9, 9, 37, 9, 9, 37, 3, 3, 1, 1, 1, 1, 37, 0, 0},       /* depthwise */
	{2, 9, 9, 20, 5, 5, 60, 3, 3, 2, 2, 1, 1, 20, 0, 0},
	{1, 8, 7, 6, 8, 7, 6, 5, 3, 1, 1, 2, 1, 6, 0, 0},
	{1, 9, 10, 16, 9, 10, 33, 3, 3, 1, 1, 1, 1, 1, 0, 0},   /* Winograd's forms: tiles over the edge */
	{3, 14, 11, 40, 12, 9, 32, 3, 3, 1, 1, 0, 0, 1, 0, 0},  /* no zeros around */
	{2, 8, 9, 36, 10, 10, 48, 3, 3, 1, 1, 2, 1, 1, 0, 0},   /* more zeros at one side */
	{1, 6, 6, 300, 6, 6, 17, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{17, 16, 16, 32, 16, 16, 32, 3, 3, 1, 1, 1, 1, 1, 0, 0},        /* several chunks */
	{2, 8, 8, 36, 4, 4, 24, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{3, 6, 10, 17, 3, 5, 40, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},         /* tiles over the edge */
	{1, 2, 2, 3, 1, 1, 5, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{9, 16, 16, 16, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{2, 4, 6, 36, 8, 12, 24, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{3, 5, 3, 17, 10, 6, 40, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{1, 1, 1, 3, 2, 2, 5, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{2, 5, 4, 20, 10, 8, 3, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},       /* to colours */
	{9, 8, 8, 16, 16, 16, 16, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
};

enum { WANTS = CONV_DIRECT + 1, CASES = COUNT(geometry) * WANTS };

/* Case i: a geometry, and what is wanted of it: CONV_DIRECT where all of it is direct whatever is wanted. */
static conv_shape case_of(int i)
{
	conv_shape s = geometry[i / WANTS];
	s.want = (conv_want)(i % WANTS);
	bool direct = true;
	wino_name form;
	for (int use = CONV_FORWARD; use <= CONV_DW; use++)
		direct &= !conv_form_of(&s, (conv_use)use, &form);
	s.want = direct ? CONV_DIRECT : s.want;
	return s;
}

/* The same as the case of CONV_DIRECT, which is tested as such. */
static bool repeats(int i, const conv_shape *s)
{
	return s->want != (conv_want)(i % WANTS);
}

/* 3x3 kernels of stride 1 for each form that can, whether the table would choose it or not. */
static const conv_shape plain[] = {
	{1, 1, 1, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{1, 4, 4, 1, 4, 4, 300, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{1, 3, 5, 300, 3, 5, 2, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{2, 7, 9, 3, 7, 9, 5, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{2, 8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{1, 10, 6, 9, 8, 4, 31, 3, 3, 1, 1, 0, 0, 1, 0, 0},
	{3, 5, 6, 17, 13, 14, 8, 3, 3, 1, 1, 5, 4, 1, 0, 0},
	{1, 2, 17, 12, 3, 16, 7, 3, 3, 1, 1, 1, 0, 1, 0, 0},
	{20, 16, 12, 16, 16, 12, 24, 3, 3, 1, 1, 1, 1, 1, 0, 0},
	{1, 2, 2, 1, 1, 1, 1, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{1, 8, 8, 1, 4, 4, 300, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{1, 6, 10, 300, 3, 5, 2, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{2, 14, 18, 3, 7, 9, 5, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{2, 8, 8, 64, 4, 4, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{20, 16, 12, 16, 8, 6, 24, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF},
	{1, 1, 1, 1, 2, 2, 1, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{1, 4, 4, 1, 8, 8, 300, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{1, 3, 5, 300, 6, 10, 2, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{2, 7, 9, 3, 14, 18, 5, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{2, 4, 4, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
	{20, 8, 6, 16, 16, 12, 24, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE},
};

typedef struct arrays {
	int64_t nx, nw, ny;
	real *x, *w, *y;
} arrays;

static real *filled(int64_t n, unsigned seed)
{
	real *x = mem_aligned((size_t)n * sizeof(real), NULL);
	ck_assert_ptr_nonnull(x);
	uint64_t state = seed * 2654435761u + 1;
	for (int64_t i = 0; i < n; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		x[i] = (real)((double)(state >> 33) / 2147483648.0 * 2 - 1);
	}
	return x;
}

static arrays arrays_new(const conv_shape *s)
{
	arrays a = {
		.nx = s->b * s->h * s->w * s->cin, .ny = s->b * s->ho * s->wo * s->cout,
		.nw = (int64_t)s->kh * s->kw * (s->cin / s->groups) * s->cout,
	};
	a.x = filled(a.nx, 1);
	a.w = filled(a.nw, 2);
	a.y = filled(a.ny, 3);
	return a;
}

static void arrays_free(arrays *a)
{
	free(a->x);
	free(a->w);
	free(a->y);
}

enum kind { FORWARD, DX, DW, KINDS };
static const char *const kind_name[] = {"forward", "dx", "dw"};

/* The definition, in double: every pair that meets adds a product where the kind wants it. */
static void naive(enum kind kind, const conv_shape *s, const arrays *a, double *out)
{
	int64_t cig = s->cin / s->groups, cog = s->cout / s->groups;
	const int64_t n[] = {a->ny, a->nx, a->nw};
	memset(out, 0, (size_t)n[kind] * sizeof(double));
	/* Pixels of the output before pooling, and of the image after doubling; how many of them are one pixel. */
	const int out_by = s->resize == CONV_HALF ? 2 : 1, in_by = s->resize == CONV_DOUBLE ? 2 : 1;
	const int64_t ho = s->ho * out_by, wo = s->wo * out_by, hi = s->h * in_by, wi = s->w * in_by;
	for (int64_t p = 0; p < s->b * ho * wo; p++) {
		int64_t j = p % wo, i = p / wo % ho, b = p / wo / ho;
		for (int64_t t = 0; t < s->kh * s->kw; t++) {
			int64_t h = i * s->sh - s->top + t / s->kw, v = j * s->sw - s->left + t % s->kw;
			if (h < 0 || h >= hi || v < 0 || v >= wi)
				continue;
			for (int64_t o = 0; o < s->cout; o++)
				for (int64_t c = 0; c < cig; c++) {
					int64_t y = ((b * s->ho + i / out_by) * s->wo + j / out_by) * s->cout + o;
					int64_t x = ((b * s->h + h / in_by) * s->w + v / in_by) * s->cin +
						    o / cog * cig + c;
					int64_t w = (t * cig + c) * s->cout + o;
					if (kind == FORWARD)
						out[y] += (double)a->x[x] * (double)a->w[w];
					else if (kind == DX)
						out[x] += (double)a->y[y] * (double)a->w[w];
					else
						out[w] += (double)a->x[x] * (double)a->y[y];
				}
		}
	}
}

static int64_t count_of(enum kind kind, const arrays *a)
{
	return kind == FORWARD ? a->ny : kind == DX ? a->nx : a->nw;
}

/* So many bytes, all of them those of NaN. */
static void *filled_with_nan(size_t bytes)
{
	void *x = mem_aligned(bytes, NULL);
	ck_assert_ptr_nonnull(x);
	memset(x, 0xff, bytes);
	return x;
}

enum { BEHIND = 16 };                                /* elements behind a result, which nothing may write */

static real *result_new(int64_t n)
{
	return filled_with_nan((size_t)(n + BEHIND) * sizeof(real));
}

static void nothing_is_written_behind(const real *out, int64_t n)
{
	unsigned char nan[BEHIND * sizeof(real)];
	memset(nan, 0xff, sizeof nan);
	ck_assert_msg(memcmp(out + n, nan, sizeof nan) == 0, "something was written behind the result");
}

/* The kernel of a kind into a new array. All memory is exactly as large as asked for and full of NaN. */
static real *run(enum kind kind, const tile_kernels *k, const conv_shape *s, const arrays *a, epilogue e)
{
	const conv_room room = conv_room_of(k, s, (conv_use)kind);
	real *out = result_new(count_of(kind, a));
	void *scratch = filled_with_nan(room.scratch), *work = filled_with_nan(room.packing);
	real *packed = filled_with_nan(room.packed), *w = room.packed ? packed : a->w;
	if (room.packed)
		conv_pack(k, s, (conv_use)kind, a->w, packed, work);
	if (kind == FORWARD)
		conv_forward(k, s, a->x, w, e, out, scratch);
	else if (kind == DX)
		conv_dx(k, s, a->y, w, out, scratch);
	else
		conv_dw(k, s, a->x, a->y, out, scratch);
	nothing_is_written_behind(out, count_of(kind, a));
	free(work);
	free(packed);
	free(scratch);
	return out;
}

/* The same by a form. */
static real *run_form(enum kind kind, wino_name f, const tile_kernels *k, const conv_shape *s, const arrays *a)
{
	const conv_room room = wino_room(k, f, s, (conv_use)kind);
	real *out = result_new(count_of(kind, a)), *packed = filled_with_nan(room.packed);
	void *scratch = filled_with_nan(room.scratch), *work = filled_with_nan(room.packing);
	if (kind != DW)
		wino_pack(k, f, s, (conv_use)kind, a->w, packed, work);
	if (kind == FORWARD)
		wino_forward(k, f, s, a->x, packed, (epilogue){0}, out, scratch);
	else if (kind == DX)
		wino_dx(k, f, s, a->y, packed, out, scratch);
	else
		wino_dw(k, f, s, a->x, a->y, out, scratch);
	nothing_is_written_behind(out, count_of(kind, a));
	free(work);
	free(packed);
	free(scratch);
	return out;
}

/* Sums of K products of numbers below 1: the error grows like sqrt(K) roundings of the partial sums,
 * which are about sqrt(K)/3. */
static double tolerance(enum kind kind, const conv_shape *s)
{
	double taps = (double)s->kh * s->kw, eps = sizeof(real) == 4 ? 1.2e-7 : 2.3e-16;
	double terms = kind == FORWARD ? taps * (double)s->cin
		     : kind == DX      ? taps * (double)s->cout
				       : (double)(s->b * s->ho * s->wo);
	if (s->resize)                               /* a coarse pixel takes part in four times as many terms */
		terms *= 4;
	return eps * (terms + 4);
}

/* The levels that there are, in order: each has all that the one before has. */
static int levels(const tile_kernels **k)
{
	int n = 0;
	for (int l = 0; l < LEVELS; l++)
		if (level_has(l))
			k[n++] = tile_at(l);
	return n;
}

/* How many times the tolerance of the direct sum a form may have: its matrices enlarge and take away again. Measured
 * over these shapes, worst error / tolerance: direct 0.5, F(2x2,3x3) 0.3, F(4x4,3x3) 5.8. */
static const double enlarges[WINO_FORMS] = {
	[WINO_F2] = 1, [WINO_F4] = 12, [WINO_F4_UNIT] = 1, [WINO_HALF] = 1, [WINO_DOUBLE] = 1,
	[WINO_HALF4] = 2,
};

static double tolerance_of(enum kind kind, const conv_shape *s)
{
	wino_name form;
	const bool direct = !conv_form_of(s, (conv_use)kind, &form);
	return tolerance(kind, s) * (direct ? 1 : enlarges[form]);
}

/* Every form, at every level, for shapes of every kind. */
START_TEST(forms_equal_seven_loops)
{
	const conv_shape *s = &plain[_i];
	const tile_kernels *k[3];
	const int n = levels(k);
	arrays a = arrays_new(s);
	for (int kind = 0; kind < KINDS; kind++) {
		double *want = mem_zero((size_t)count_of(kind, &a), sizeof(double), NULL);
		naive(kind, s, &a, want);
		for (int f = 0; f < WINO_FORMS * n; f++) {
			const wino_name form = (wino_name)(f / n);
			if (!wino_can(form, s, (conv_use)kind))
				continue;
			real *got = run_form(kind, form, k[f % n], s, &a);
			const double most = enlarges[form] * tolerance(kind, s);
			for (int64_t i = 0; i < count_of(kind, &a); i++)
				if (!(fabs((double)got[i] - want[i]) <= most))
					ck_abort_msg("shape %d, form %d, %s, %s: element %lld is %.9g, should be %.9g",
						     _i, form, kind_name[kind], level_name((cpu_level)(f % n)),
						     (long long)i, (double)got[i], want[i]);
			free(got);
		}
		free(want);
	}
	arrays_free(&a);
}
END_TEST

/* The kernels of case i at all levels against `want`. */
static void compare(int i, enum kind kind, const arrays *a, const double *want)
{
	const conv_shape c = case_of(i), *s = &c;
	const tile_kernels *k[3];
	const int n = repeats(i, s) ? 0 : levels(k);
	for (int l = 0; l < n; l++) {
		real *got = run(kind, k[l], s, a, (epilogue){0});
		const double most = tolerance_of(kind, s);
		for (int64_t j = 0; j < count_of(kind, a); j++)
			if (!(fabs((double)got[j] - want[j]) <= most))
				ck_abort_msg("geometry %d, %s, %s: element %lld is %.9g, should be %.9g", i,
					     kind_name[kind], level_name((cpu_level)l), (long long)j, (double)got[j],
					     want[j]);
		free(got);
	}
}

START_TEST(kernels_equal_seven_loops)
{
	arrays a = arrays_new(&geometry[_i]);
	for (int kind = 0; kind < KINDS; kind++) {
		double *want = mem_zero((size_t)count_of(kind, &a), sizeof(double), NULL);
		naive(kind, &geometry[_i], &a, want);
		for (int wants = 0; wants < WANTS; wants++)
			compare(_i * WANTS + wants, kind, &a, want);
		free(want);
	}
	arrays_free(&a);
}
END_TEST

/* Weights that were packed for one image serve any number of images: what is packed does not depend on it. */
START_TEST(weights_packed_for_one_image_serve_all)
{
	conv_shape s = case_of(_i), one = s;
	one.b = 1;
	arrays a = arrays_new(&s);
	const tile_kernels *k = tile_best();
	for (int kind = FORWARD; kind <= DX; kind++) {
		const conv_use use = (conv_use)kind;
		const conv_room room = conv_room_of(k, &s, use), less = conv_room_of(k, &one, use);
		const size_t bytes = (size_t)count_of(kind, &a) * sizeof(real);
		real *packed = filled_with_nan(less.packed), *w = less.packed ? packed : a.w;
		real *out = filled_with_nan(bytes), *want = run(kind, k, &s, &a, (epilogue){0});
		void *scratch = filled_with_nan(room.scratch), *work = filled_with_nan(less.packing);
		ck_assert_uint_eq(room.packed, less.packed);
		if (less.packed)
			conv_pack(k, &one, use, a.w, packed, work);
		if (kind == FORWARD)
			conv_forward(k, &s, a.x, w, (epilogue){0}, out, scratch);
		else
			conv_dx(k, &s, a.y, w, out, scratch);
		ck_assert_msg(!memcmp(out, want, bytes), "case %d, %s", _i, kind_name[kind]);
		free(work);
		free(scratch);
		free(want);
		free(out);
		free(packed);
	}
	arrays_free(&a);
}
END_TEST

static double dot(const real *a, const real *b, int64_t n)
{
	double s = 0;
	for (int64_t i = 0; i < n; i++)
		s += (double)a[i] * (double)b[i];
	return s;
}

/* <conv(x,w), dy> = <x, dx(dy,w)> = <w, dw(x,dy)> */
START_TEST(adjoints_are_adjoint)
{
	const conv_shape c = case_of(_i), *s = &c;
	if (repeats(_i, s))
		return;
	arrays a = arrays_new(s);
	real *y = run(FORWARD, tile_best(), s, &a, (epilogue){0});
	real *dx = run(DX, tile_best(), s, &a, (epilogue){0});
	real *dw = run(DW, tile_best(), s, &a, (epilogue){0});
	double want = dot(y, a.y, a.ny), size = sqrt(dot(y, y, a.ny) * dot(a.y, a.y, a.ny));
	double eps = sizeof(real) == 4 ? 1e-6 : 1e-14;
	ck_assert_double_le(fabs(dot(dx, a.x, a.nx) - want), eps * size);
	ck_assert_double_le(fabs(dot(dw, a.w, a.nw) - want), eps * size);
	free(y);
	free(dx);
	free(dw);
	arrays_free(&a);
}
END_TEST

START_TEST(threads_change_no_bit)
{
	const conv_shape c = case_of(_i), *s = &c;
	if (repeats(_i, s))
		return;
	arrays a = arrays_new(s);
	for (int kind = 0; kind < KINDS; kind++) {
		real *one = run(kind, tile_best(), s, &a, (epilogue){0});
		for (int threads = 2; threads <= 4; threads += 2) {
			ck_assert(pool_start(threads, NULL));
			real *many = run(kind, tile_best(), s, &a, (epilogue){0});
			pool_stop();
			ck_assert_msg(!memcmp(one, many, (size_t)count_of(kind, &a) * sizeof(real)),
				      "geometry %d, %s: %d threads", _i, kind_name[kind], threads);
			free(many);
		}
		free(one);
	}
	arrays_free(&a);
}
END_TEST

/* How the work is cut into items depends on the number of images and on sizes that should stay in a cache (CONV_L2 and
 * its like): an image alone is cut otherwise than among others, and has the same bits. Sums over images, dw, have
 * not. */
START_TEST(the_cut_changes_no_bit)
{
	const conv_shape c = case_of(_i), *s = &c;
	if (repeats(_i, s))
		return;
	conv_shape one = *s;
	one.b = 1;
	const arrays a = arrays_new(s);
	for (int kind = FORWARD; kind <= DX; kind++) {
		real *all = run(kind, tile_best(), s, &a, (epilogue){0});
		for (int64_t b = 0; b < s->b; b++) {
			const int64_t nx = a.nx / s->b, ny = a.ny / s->b, n = kind == FORWARD ? ny : nx;
			const arrays mine = {nx, a.nw, ny, a.x + b * nx, a.w, a.y + b * ny};
			real *alone = run(kind, tile_best(), &one, &mine, (epilogue){0});
			ck_assert_msg(!memcmp(alone, all + b * n, (size_t)n * sizeof(real)),
				      "geometry %d, %s: image %d of %d", _i, kind_name[kind], (int)b, (int)s->b);
			free(alone);
		}
		free(all);
	}
	free(a.x);
	free(a.w);
	free(a.y);
}
END_TEST

/* Vectors run across channels, so their width changes no sum; FMA at both levels. */
START_TEST(v3_and_v4_give_the_same_bits)
{
	if (!level_has(LEVEL_V4))
		return;
	const conv_shape c = case_of(_i), *s = &c;
	if (repeats(_i, s))
		return;
	arrays a = arrays_new(s);
	for (int kind = 0; kind < KINDS; kind++) {
		real *narrow = run(kind, tile_at(LEVEL_V3), s, &a, (epilogue){0});
		real *wide = run(kind, tile_at(LEVEL_V4), s, &a, (epilogue){0});
		ck_assert_msg(!memcmp(narrow, wide, (size_t)count_of(kind, &a) * sizeof(real)),
			      "geometry %d, %s", _i, kind_name[kind]);
		free(narrow);
		free(wide);
	}
	arrays_free(&a);
}
END_TEST

/* The epilogue in the tile does to each sum what a pass afterwards does. */
START_TEST(epilogue_equals_passes)
{
	const conv_shape c = case_of(_i), *s = &c;
	if (repeats(_i, s))
		return;
	arrays a = arrays_new(s);
	real *bias = filled(s->cout, 7), *residual = filled(a.ny, 8);
	const tile_kernels *k[3];
	int n = levels(k);
	for (int mask = 0; mask < 8; mask++) {
		epilogue e = {
			.bias = mask & 1 ? bias : NULL, .residual = mask & 2 ? residual : NULL,
			.act = mask & 4, .slope = (real)0.25,
		};
		const tile_kernels *level = k[mask % n];
		real *want = run(FORWARD, level, s, &a, (epilogue){0});
		real *got = run(FORWARD, level, s, &a, e);
		for (int64_t i = 0; i < a.ny; i++) {
			real v = want[i];
			if (e.bias)
				v += bias[i % s->cout];
			if (e.residual)
				v += residual[i];
			if (e.act)
				v = v > 0 ? v : v * e.slope;
			if (!(got[i] == v))
				ck_abort_msg("geometry %d, epilogue %d: element %lld", _i, mask, (long long)i);
		}
		free(want);
		free(got);
	}
	free(bias);
	free(residual);
	arrays_free(&a);
}
END_TEST

START_TEST(same_padding_is_tensorflows)
{
	static const struct {
		int64_t n;
		int k, s, before, after;
	} row[] = {
		{32, 3, 1, 1, 1}, {32, 3, 2, 0, 1}, {33, 3, 2, 1, 1}, {32, 4, 2, 1, 1}, {7, 4, 1, 1, 2},
		{28, 5, 2, 1, 2}, {5, 1, 2, 0, 0}, {1, 3, 1, 1, 1}, {4, 2, 3, 0, 1},
	};
	for (int i = 0; i < COUNT(row); i++) {
		int before, after;
		pad_same_tf(row[i].n, row[i].k, row[i].s, &before, &after);
		ck_assert_int_eq(before, row[i].before);
		ck_assert_int_eq(after, row[i].after);
	}
}
END_TEST

/* What a wrong node is told. */
static const struct {
	int kind;
	int64_t a[4], b[4];                          /* the two inputs */
	conv_geometry c;
	int64_t p, q;                                /* h, w of dx; kh, kw of dw */
	const char *says;
} wrong[] = {
	{FORWARD, {2, 8, 8, 6}, {3, 3, 4, 8}, {1, 1, 1, 1, 1, 1, 1, 0}, 0, 0,
	 "image has 6 channels, the kernel [3,3,4,8] with groups = 1 takes 4"},
	{FORWARD, {2, 8, 8, 6}, {3, 3, 2, 8}, {1, 1, 1, 1, 1, 1, 3, 0}, 0, 0,
	 "groups = 3 must divide the input channels (6) and the output channels (8)"},
	{FORWARD, {2, 4, 4, 4}, {5, 3, 4, 8}, {1, 1, 0, 0, 0, 0, 1, 0}, 0, 0,
	 "kernel 5 x 3 is larger than the image with its padding, 4 x 4"},
	{FORWARD, {2, 4, 4, 4}, {3, 3, 4, 8}, {0, 1, 0, 0, 0, 0, 1, 0}, 0, 0, "stride is 0 x 1"},
	{FORWARD, {2, 4, 4, 4}, {3, 3, 4, 8}, {1, 1, -1, 0, 0, 0, 1, 0}, 0, 0, "padding is -1, 0, 0, 0"},
	{FORWARD, {2, 4, 4, 4}, {3, 3, 4, 8}, {1, 1, 0, 0, 0, 0, 0, 0}, 0, 0, "groups is 0"},
	{FORWARD, {2, 4, 4, 4}, {3, 3, 4, 8}, {1, 1, 1, 1, 1, 1, 1, 3}, 0, 0, "resize is 3: must be 0, 2 or -2"},
	{FORWARD, {2, 4, 4, 4}, {3, 3, 4, 8}, {1, 1, 1, 1, 0, 1, 1, 2}, 0, 0,
	 "with resizing a kernel must be 3 x 3, of stride 1, with one zero at each side, in one group"},
	{FORWARD, {2, 4, 5, 4}, {3, 3, 4, 8}, {1, 1, 1, 1, 1, 1, 1, -2}, 0, 0,
	 "image is 4 x 5: to be pooled, its sides must be even"},
	{DX, {2, 4, 4, 8}, {4, 4, 3, 8}, {2, 2, 1, 1, 1, 1, 1, 0}, 10, 8,
	 "the output gradient is 4 x 4, this geometry gives 5 x 4"},
	{DX, {2, 4, 4, 8}, {4, 4, 3, 7}, {2, 2, 1, 1, 1, 1, 1, 0}, 8, 8,
	 "kernel must have the shape [kh,kw,Cin/groups,8], not [4,4,3,7]"},
	{DW, {2, 8, 8, 3}, {3, 4, 4, 8}, {2, 2, 1, 1, 1, 1, 1, 0}, 4, 4,
	 "batch of the image is 2, of the output gradient 3"},
	{DW, {2, 8, 8, 3}, {2, 4, 4, 8}, {2, 2, 1, 1, 1, 1, 1, 0}, 5, 4,
	 "the output gradient is 4 x 4, this geometry gives 3 x 4"},
};

START_TEST(wrong_shapes_are_refused)
{
	fault e = {.text = ""};
	graph *g = graph_new(NULL);
	node *a = op_fill(g, shape_of(4, wrong[_i].a), 1), *b = op_fill(g, shape_of(4, wrong[_i].b), 1);
	if (wrong[_i].kind == FORWARD)
		op_conv2d(g, a, b, wrong[_i].c);
	else if (wrong[_i].kind == DX)
		op_conv2d_dx(g, a, b, wrong[_i].c, wrong[_i].p, wrong[_i].q);
	else
		op_conv2d_dw(g, a, b, wrong[_i].c, (int)wrong[_i].p, (int)wrong[_i].q);
	ck_assert(!graph_ok(g, &e));
	ck_assert_msg(strstr(e.text, wrong[_i].says), "\"%s\" does not say \"%s\"", e.text, wrong[_i].says);
	graph_free(g);
}
END_TEST

int main(void)
{
#ifdef __GLIBC__
	/* Memory that is given back and taken again would be cleared each time: that took half of the time. */
	mallopt(M_MMAP_THRESHOLD, 32 << 20);
	mallopt(M_TRIM_THRESHOLD, 512 << 20);
#endif
	const suite_test tests[] = {
		{forms_equal_seven_loops, COUNT(plain)},
		{kernels_equal_seven_loops, COUNT(geometry)},
		{weights_packed_for_one_image_serve_all, CASES},
		{adjoints_are_adjoint, CASES},
		{threads_change_no_bit, CASES},
		{the_cut_changes_no_bit, CASES},
		{v3_and_v4_give_the_same_bits, CASES},
		{epilogue_equals_passes, CASES},
		{wrong_shapes_are_refused, COUNT(wrong)},
		{same_padding_is_tensorflows, 1},
	};
	return suite_run("conv", tests, COUNT(tests), 60);
}
