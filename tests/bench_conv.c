/* bench_conv.c - speed of the convolution kernels: GFLOP/s and percent of the FMA peak of a core.
 *
 * [SAGAN_LEVEL=LEVEL] bench_conv [THREADS [NAME-PART]]: one line per geometry and form, forward, dx, dw; medians, or
 * the best times with BEST in the environment; one thread: of processor time. Rates are those of the direct sum,
 * whatever a form really multiplies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/kernels/conv.h"
#include "core/kernels/wino.h"
#include "core/base/thread.h"
#include "tests/stopwatch.h"

typedef struct row {
	const char *name;
	conv_shape s;
} row;

static const row rows[] = {
	{"3x3 32x32 64", {64, 32, 32, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 16x16 64", {64, 16, 16, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 8x8 64", {64, 8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 32x32 128", {32, 32, 32, 128, 32, 32, 128, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 16x16 128", {64, 16, 16, 128, 16, 16, 128, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 8x8 128", {64, 8, 8, 128, 8, 8, 128, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 16x16 32", {64, 16, 16, 32, 16, 16, 32, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 16x16 16", {64, 16, 16, 16, 16, 16, 16, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 8x8 64 b1", {1, 8, 8, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 32x32 64 b1", {1, 32, 32, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 16x16 256", {16, 16, 16, 256, 16, 16, 256, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"4x4s2 32-16 64", {64, 32, 32, 64, 16, 16, 64, 4, 4, 2, 2, 1, 1, 1, 0, 0}},
	{"4x4s2 16-8 64", {64, 16, 16, 64, 8, 8, 64, 4, 4, 2, 2, 1, 1, 1, 0, 0}},
	{"4x4s2 8-4 64", {64, 8, 8, 64, 4, 4, 64, 4, 4, 2, 2, 1, 1, 1, 0, 0}},
	{"4x4s2 16-8 256", {16, 16, 16, 256, 8, 8, 256, 4, 4, 2, 2, 1, 1, 1, 0, 0}},
	{"3x3 32x32 64 pool", {64, 32, 32, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 16x16 64 pool", {64, 16, 16, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 8x8 64 pool", {64, 8, 8, 64, 4, 4, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 28x28 64 pool", {64, 28, 28, 64, 14, 14, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 14x14 64 pool", {64, 14, 14, 64, 7, 7, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 32x32 128 pool", {32, 32, 32, 128, 16, 16, 128, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 32x32 256 pool", {16, 32, 32, 256, 16, 16, 256, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 16x16 256 pool", {16, 16, 16, 256, 8, 8, 256, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 16x16 32 pool", {64, 16, 16, 32, 8, 8, 32, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 16x16 16 pool", {64, 16, 16, 16, 8, 8, 16, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 16x16 8 pool", {64, 16, 16, 8, 8, 8, 8, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 8x8 64 b1 pool", {1, 8, 8, 64, 4, 4, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 32x32 64 b1 pool", {1, 32, 32, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 4x4 64 pool", {64, 4, 4, 64, 2, 2, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_HALF}},
	{"3x3 16x16 64 up", {64, 16, 16, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 8x8 64 up", {64, 8, 8, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 4x4 64 up", {64, 4, 4, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 7x7 64 up", {64, 7, 7, 64, 14, 14, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 8x8 128 up", {64, 8, 8, 128, 16, 16, 128, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 8x8 16 up", {64, 8, 8, 16, 16, 16, 16, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 8x8 8 up", {64, 8, 8, 8, 16, 16, 8, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 4x4 64 b1 up", {1, 4, 4, 64, 8, 8, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"3x3 16x16 64 b1 up", {1, 16, 16, 64, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1, 0, CONV_DOUBLE}},
	{"1x1 32x32 64", {64, 32, 32, 64, 32, 32, 64, 1, 1, 1, 1, 0, 0, 1, 0, 0}},
	{"1x1 16x16 64-8", {64, 16, 16, 64, 16, 16, 8, 1, 1, 1, 1, 0, 0, 1, 0, 0}},
	{"1x1 14x14 32-4", {64, 14, 14, 32, 14, 14, 4, 1, 1, 1, 1, 0, 0, 1, 0, 0}},
	{"3x3 32x32 64-3", {64, 32, 32, 64, 32, 32, 3, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 32x32 3-64", {64, 32, 32, 3, 32, 32, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 28x28 1-64", {64, 28, 28, 1, 28, 28, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 28x28 64-1", {64, 28, 28, 64, 28, 28, 1, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"4x4s2 32-16 3-64", {64, 32, 32, 3, 16, 16, 64, 4, 4, 2, 2, 1, 1, 1, 0, 0}},
	{"3x3 128x128 64 b1", {1, 128, 128, 64, 128, 128, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 7x7 64", {64, 7, 7, 64, 7, 7, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 4x4 64", {64, 4, 4, 64, 4, 4, 64, 3, 3, 1, 1, 1, 1, 1, 0, 0}},
	{"3x3 16x16 dw64", {64, 16, 16, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 64, 0, 0}},
	{"3x3 16x16 64 g4", {64, 16, 16, 64, 16, 16, 64, 3, 3, 1, 1, 1, 1, 4, 0, 0}},
};

/* DIRECT, or one of wino_name. */
enum { DIRECT = -1 };

static const char *const form_name[] = {"", " F2", " F4", " F4 unit", " 25", " 25", " 81"};

typedef struct arrays {
	real *x, *w, *y;
	real *packed;
	void *packing, *scratch;
} arrays;

typedef struct job {
	int form;
	conv_use use;
	const tile_kernels *k;
	const conv_shape *s;
	const arrays *a;
} job;

static void pack(const job *j)
{
	if (j->form == DIRECT)
		conv_pack(j->k, j->s, j->use, j->a->w, j->a->packed, j->a->packing);
	else
		wino_pack(j->k, j->form, j->s, j->use, j->a->w, j->a->packed, j->a->packing);
}

/* With packing, as a training step has it. */
static void run(const void *ctx)
{
	const job *j = ctx;
	const arrays *a = j->a;
	const epilogue none = {0};
	const real *w = a->packed ? a->packed : a->w;
	if (a->packed)
		pack(j);
	if (j->form == DIRECT && j->use == CONV_FORWARD)
		conv_forward(j->k, j->s, a->x, w, none, a->y, a->scratch);
	else if (j->form == DIRECT && j->use == CONV_DX)
		conv_dx(j->k, j->s, a->y, w, a->x, a->scratch);
	else if (j->form == DIRECT)
		conv_dw(j->k, j->s, a->x, a->y, a->w, a->scratch);
	else if (j->use == CONV_FORWARD)
		wino_forward(j->k, j->form, j->s, a->x, w, none, a->y, a->scratch);
	else if (j->use == CONV_DX)
		wino_dx(j->k, j->form, j->s, a->y, w, a->x, a->scratch);
	else
		wino_dw(j->k, j->form, j->s, a->x, a->y, a->w, a->scratch);
}

static void take_room(int form, conv_use use, const tile_kernels *k, const conv_shape *s, arrays *a)
{
	const conv_room room = form == DIRECT ? conv_room_of(k, s, use) : wino_room(k, form, s, use);
	a->packed = room.packed ? mem_aligned(room.packed, NULL) : NULL;
	a->packing = mem_aligned(room.packing, NULL);
	a->scratch = mem_aligned(room.scratch, NULL);
}

static void give_room(arrays *a)
{
	free(a->packed);
	free(a->packing);
	free(a->scratch);
}

static bool can(int form, const conv_shape *s, conv_use use)
{
	return form == DIRECT || wino_can(form, s, use);
}

static void line(const row *r, int form, const tile_kernels *k, double top)
{
	conv_shape s = r->s;
	if (form == DIRECT)
		s.want = CONV_DIRECT;
	arrays a = {
		filled(s.b * s.h * s.w * s.cin), filled((int64_t)s.kh * s.kw * s.cin / s.groups * s.cout),
		filled(s.b * s.ho * s.wo * s.cout), NULL, NULL, NULL,
	};
	const double flop = conv_shape_flop(&s);
	char name[64];
	snprintf(name, sizeof name, "%s%s", r->name, form_name[form + 1]);
	printf("%-22s %7.0f", name, flop * 1e-6);
	for (int use = CONV_FORWARD; use <= CONV_DW; use++) {
		if (!can(form, &s, use)) {
			printf(" %27s", "-");
			continue;
		}
		take_room(form, use, k, &s, &a);
		stopwatch_print(flop, stopwatch_time(run, &(job){form, (conv_use)use, k, &s, &a}, 9), top);
		give_room(&a);
	}
	printf("\n");
	free(a.w);
	free(a.y);
	free(a.x);
}

int main(int argc, char **argv)
{
	int threads = argc > 1 ? atoi(argv[1]) : 1;
	const tile_kernels *k = tile_best();
	const double top = stopwatch_start(threads);
	printf("%-22s %7s %26s %26s %26s\n", "", "MFLOP", "forward", "dx", "dw");
	for (int i = 0; i < COUNT(rows); i++) {
		if (argc > 2 && !strstr(rows[i].name, argv[2]))
			continue;
		for (int form = DIRECT; form < WINO_FORMS; form++)
			if (can(form, &rows[i].s, CONV_FORWARD) || can(form, &rows[i].s, CONV_DX))
				line(&rows[i], form, k, top * threads);
	}
	pool_stop();
	return 0;
}
