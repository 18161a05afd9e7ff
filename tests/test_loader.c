/* test_loader.c - the order of batches is what the seed, the epoch and the place say, on any thread. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "data/loader.h"
#include "tests/suite.h"

enum { N = 37, H = 3, W = 4, C = 3, IMAGE = H * W * C };

static uint8_t pixels[N * IMAGE];
static int32_t labels[N];

static const dataset set = {
	.n = N, .h = H, .w = W, .c = C, .classes = N, .pixels = pixels, .label = labels,
};

/* Image i: pixel 0 is i, so that an image is recognised; its label is i too. */
static void set_fill(void)
{
	for (int i = 0; i < N * IMAGE; i++)
		pixels[i] = (uint8_t)(i % IMAGE ? i * 7 % 251 : i / IMAGE);
	for (int i = 0; i < N; i++)
		labels[i] = i;
}

typedef struct batch {
	real x[8 * IMAGE], label[8];
} batch;

static loader *opened(loader_options o)
{
	fault e;
	loader *l = loader_new(&set, &o, &e);
	ck_assert_msg(l != NULL, "%s", e.text);
	return l;
}

static void next(loader *l, batch *b)
{
	memset(b, 0, sizeof *b);
	loader_next(l, b->x, b->label);
}

/* Reads `n` batches and puts the labels into `out`. */
static void labels_of(loader *l, int batches, int size, int *out)
{
	batch b;
	for (int i = 0; i < batches; i++) {
		next(l, &b);
		for (int j = 0; j < size; j++)
			out[i * size + j] = (int)b.label[j];
	}
}

START_TEST(an_epoch_is_a_permutation_less_the_last_incomplete_batch)
{
	loader *l = opened((loader_options){.batch = 8, .seed = 3});
	ck_assert_int_eq(loader_batches(l), N / 8);
	int seen[3][32], moved[2] = {0};
	for (int k = 0; k < 3; k++) {
		int count[N] = {0};
		labels_of(l, 4, 8, seen[k]);
		for (int i = 0; i < 32; i++)
			ck_assert_int_eq(++count[seen[k][i]], 1);
	}
	for (int i = 0; i < 32; i++) {
		moved[0] += seen[0][i] != seen[1][i];
		moved[1] += seen[1][i] != seen[2][i];
	}
	ck_assert_int_gt(moved[0], 16);
	ck_assert_int_gt(moved[1], 16);
	loader_free(l);
}
END_TEST

START_TEST(pixels_are_mapped_and_stay_with_their_label)
{
	loader *l = opened((loader_options){.batch = 5, .seed = 1});
	batch b;
	next(l, &b);
	for (int i = 0; i < 5; i++)
		for (int k = 0; k < IMAGE; k++)
			ck_assert_double_eq_tol((double)b.x[i * IMAGE + k],
				pixels[(int)b.label[i] * IMAGE + k] / 127.5 - 1, 1e-6);
	loader_free(l);
}
END_TEST

START_TEST(another_seed_is_another_order)
{
	loader *a = opened((loader_options){.batch = 8, .seed = 1}),
		*b = opened((loader_options){.batch = 8, .seed = 2});
	int p[32], q[32], same = 0;
	labels_of(a, 4, 8, p);
	labels_of(b, 4, 8, q);
	for (int i = 0; i < 32; i++)
		same += p[i] == q[i];
	ck_assert_int_lt(same, 16);
	loader_free(a);
	loader_free(b);
}
END_TEST

START_TEST(the_thread_changes_nothing)
{
	loader *a = opened((loader_options){.batch = 8, .seed = 5, .flip = true});
	loader *b = opened((loader_options){.batch = 8, .seed = 5, .flip = true, .direct = true});
	for (int i = 0; i < 200; i++) {
		batch p, q;
		next(a, &p);
		next(b, &q);
		ck_assert_mem_eq(&p, &q, sizeof p);
	}
	loader_free(a);
	loader_free(b);
}
END_TEST

/* Seeks at every place of the first epochs, forwards and backwards, while the thread is ahead. */
START_TEST(seeking_continues_the_sequence_exactly)
{
	enum { TOTAL = 14 };
	static batch all[TOTAL];
	loader *l = opened((loader_options){.batch = 8, .seed = 9, .flip = true});
	loader_place place[TOTAL];
	for (int i = 0; i < TOTAL; i++) {
		place[i] = loader_position(l);
		next(l, &all[i]);
	}
	ck_assert_int_eq(place[5].epoch, 1);
	ck_assert_int_eq(place[5].batch, 1);
	for (int k = 0; k < 60; k++) {
		const int from = k * 5 % TOTAL;
		ck_assert(loader_seek(l, place[from], NULL));
		for (int i = from; i < MIN(from + 3, TOTAL); i++) {
			batch b;
			ck_assert_int_eq(loader_position(l).batch, place[i].batch);
			next(l, &b);
			ck_assert_mem_eq(&b, &all[i], sizeof b);
		}
	}
	loader_free(l);
}
END_TEST

START_TEST(shares_are_a_partition_of_the_whole_round)
{
	loader *whole = opened((loader_options){.batch = 6, .seed = 4, .flip = true});
	loader *third[3];
	for (int k = 0; k < 3; k++)
		third[k] = opened((loader_options){.batch = 2, .seed = 4, .flip = true, .share = k, .shares = 3});
	ck_assert_int_eq(loader_batches(third[0]), loader_batches(whole));
	for (int i = 0; i < 15; i++) {
		batch all, part;
		next(whole, &all);
		for (int k = 0; k < 3; k++) {
			next(third[k], &part);
			ck_assert_mem_eq(part.x, all.x + 2 * k * IMAGE, 2 * IMAGE * sizeof(real));
			ck_assert_mem_eq(part.label, all.label + 2 * k, 2 * sizeof(real));
		}
	}
	loader_free(whole);
	for (int k = 0; k < 3; k++)
		loader_free(third[k]);
}
END_TEST

/* Each image is as stored or its mirror image, about half of each; the order does not change. */
START_TEST(flips_mirror_half_of_the_images)
{
	loader *plain = opened((loader_options){.batch = 8, .seed = 2});
	loader *flips = opened((loader_options){.batch = 8, .seed = 2, .flip = true});
	int flipped = 0;
	for (int i = 0; i < 100; i++) {
		batch p, q;
		next(plain, &p);
		next(flips, &q);
		ck_assert_mem_eq(p.label, q.label, sizeof p.label);
		for (int j = 0; j < 8; j++) {
			const real *a = p.x + j * IMAGE, *b = q.x + j * IMAGE;
			const bool same = memcmp(a, b, IMAGE * sizeof *a) == 0;
			flipped += !same;
			for (int k = 0; !same && k < IMAGE; k++) {
				const int y = k / (W * C), x = k / C % W, c = k % C;
				ck_assert(b[k] == a[(y * W + W - 1 - x) * C + c]);
			}
		}
	}
	ck_assert_int_gt(flipped, 330);              /* 400 +- 5 deviations of 14 */
	ck_assert_int_lt(flipped, 470);
	loader_free(plain);
	loader_free(flips);
}
END_TEST

START_TEST(a_set_without_labels_gives_zeros)
{
	dataset d = set;
	fault e;
	d.label = NULL;
	loader *l = loader_new(&d, &(loader_options){.batch = 8}, &e);
	batch b;
	for (int j = 0; j < 8; j++)
		b.label[j] = 5;
	loader_next(l, b.x, b.label);
	for (int j = 0; j < 8; j++)
		ck_assert(b.label[j] == 0);
	loader_next(l, b.x, NULL);
	loader_free(l);
}
END_TEST

static const struct {
	loader_options o;
	const char *says;
} refused[] = {
	{{.batch = 38}, "batch = 38: larger than the data: the set has 37 images"},
	{{.batch = 10, .shares = 4}, "batch = 10 in every share: larger"},
	{{.batch = INT64_MAX, .shares = 4}, "larger than the data"},
	{{.batch = 0}, "batch 0: must be 1 or more"},
	{{.batch = -3}, "batch -3: must be 1 or more"},
	{{.batch = 2, .share = 3, .shares = 3}, "share 3 of 3: shares are numbered 0 to 2"},
	{{.batch = 2, .share = -1, .shares = 3}, "share -1 of 3"},
};

START_TEST(impossible_options_are_refused_with_a_line)
{
	fault e;
	ck_assert_ptr_null(loader_new(&set, &refused[_i].o, &e));
	ck_assert_msg(strstr(e.text, refused[_i].says) != NULL, "%s", e.text);
}
END_TEST

START_TEST(positions_outside_the_data_are_refused)
{
	static const loader_place wrong[] = {{-1, 0}, {0, -1}, {0, 4}, {INT64_C(1) << 24, 0}};
	loader *l = opened((loader_options){.batch = 8});
	for (int i = 0; i < COUNT(wrong); i++) {
		fault e;
		ck_assert(!loader_seek(l, wrong[i], &e));
		ck_assert_msg(strstr(e.text, "outside the data (4 batches an epoch)") != NULL, "%s", e.text);
	}
	ck_assert_int_eq(loader_position(l).epoch, 0);
	loader_free(l);
	loader_free(NULL);
}
END_TEST

/* Made and thrown away at once: the thread must notice, whatever it is doing. */
START_TEST(loaders_end_at_any_moment)
{
	for (int i = 0; i < 200; i++) {
		loader *l = opened((loader_options){.batch = 8, .seed = (uint64_t)i});
		batch b;
		for (int k = 0; k < i % 4; k++)
			next(l, &b);
		loader_free(l);
	}
}
END_TEST

int main(void)
{
	set_fill();
	const suite_test tests[] = {
		{an_epoch_is_a_permutation_less_the_last_incomplete_batch, 1},
		{pixels_are_mapped_and_stay_with_their_label, 1},
		{another_seed_is_another_order, 1},
		{the_thread_changes_nothing, 1},
		{seeking_continues_the_sequence_exactly, 1},
		{shares_are_a_partition_of_the_whole_round, 1},
		{flips_mirror_half_of_the_images, 1},
		{a_set_without_labels_gives_zeros, 1},
		{impossible_options_are_refused_with_a_line, COUNT(refused)},
		{positions_outside_the_data_are_refused, 1},
		{loaders_end_at_any_moment, 1},
	};
	return suite_run("loader", tests, COUNT(tests), 60);
}
