/* test_stacked.c - three gray images as one of three colours: classes, order, what the draws depend on. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/data_files.h"
#include "tests/suite.h"

enum { SIDE = 4, IMAGE = SIDE * SIDE, K = 10, N = 200, TEST = 50 };

/* Image i of class i % K: its first pixel is the class, its second one i, both never mistaken for another's. */
static void put_part(const char *part, uint32_t n)
{
	static uint8_t x[16 + N * IMAGE], y[8 + N];
	char name[64];
	size_t at = idx_bytes(x, (uint32_t[]){n, SIDE, SIDE}, 3, n * IMAGE, 0, 1) - n * IMAGE;
	for (uint32_t i = 0; i < n; i++, at += IMAGE) {
		memset(x + at, 7, IMAGE);
		x[at] = (uint8_t)(i % K);
		x[at + 1] = (uint8_t)i;
	}
	snprintf(name, sizeof name, "gray/%s-images-idx3-ubyte", part);
	file_put(name, x, at);
	at = idx_bytes(y, &n, 1, n, 1, K);
	snprintf(name, sizeof name, "gray/%s-labels-idx1-ubyte", part);
	file_put(name, y, at);
}

static const char *put_gray(void)
{
	put_part("train", N);
	put_part("t10k", TEST);
	return scratch_at("gray");
}

static dataset *stacked(dataset_options o)
{
	o.format = "stacked";
	return set_opened(put_gray(), o);
}

START_TEST(colours_are_images_of_the_classes)
{
	dataset *d = stacked((dataset_options){.seed = 5});
	int seen[3][K] = {0};
	ck_assert_str_eq(d->kind, "stacked");
	ck_assert(d->n == N && d->h == SIDE && d->w == SIDE && d->c == 3 && d->classes == K * K * K);
	ck_assert_str_eq(d->class_name[305], "305");
	ck_assert_str_eq(d->class_name[7], "007");
	set_must_note(d, "three of 200 gray ones of idx");
	for (int i = 0; i < N; i++) {
		const uint8_t *x = d->pixels + i * 3 * IMAGE;
		ck_assert_int_eq(d->label[i], x[0] * 100 + x[1] * 10 + x[2]);
		for (int c = 0; c < 3; c++) {
			ck_assert_int_eq(x[3 + c] % K, x[c]);        /* both pixels of one image */
			ck_assert_int_eq(x[6 + c], 7);
			seen[c][x[c]]++;
		}
	}
	for (int c = 0; c < 3; c++)
		for (int k = 0; k < K; k++)
			ck_assert_int_gt(seen[c][k], 0);     /* 20 expected */
	dataset_free(d);
}
END_TEST

START_TEST(draws_follow_from_the_seed_and_the_part)
{
	dataset *a = stacked((dataset_options){.seed = 1}), *b = stacked((dataset_options){.seed = 1});
	dataset *c = stacked((dataset_options){.seed = 2}), *few = stacked((dataset_options){.seed = 1, .limit = 30});
	dataset *t = stacked((dataset_options){.seed = 1, .split = SPLIT_TEST});
	ck_assert(dataset_checksum(a) == dataset_checksum(b) && dataset_checksum(a) != dataset_checksum(c));
	ck_assert_int_eq(few->n, 30);
	ck_assert_mem_eq(few->pixels, a->pixels, (size_t)dataset_bytes(few));
	ck_assert_int_eq(t->n, TEST);
	ck_assert(memcmp(t->pixels, a->pixels, (size_t)dataset_bytes(t)) != 0);
	for (int i = 0; i < TEST; i++)
		for (int k = 0; k < 3; k++)
			ck_assert_int_lt(t->pixels[i * 3 * IMAGE + 3 + k], TEST);     /* of its own part only */
	dataset_free(a);
	dataset_free(b);
	dataset_free(c);
	dataset_free(few);
	dataset_free(t);
}
END_TEST

START_TEST(sizes_and_names_are_those_wanted)
{
	dataset *d = stacked((dataset_options){.h = 8, .w = 6, .channels = 3});
	ck_assert(d->h == 8 && d->w == 6 && d->c == 3);
	dataset_free(d);
	d = stacked((dataset_options){.class_names = "ab, c, d, e, f, g, h, i, j, k"});
	ck_assert_str_eq(d->class_name[0], "ab/ab/ab");
	ck_assert_str_eq(d->class_name[12], "ab/c/d");
	dataset_free(d);
}
END_TEST

START_TEST(what_cannot_be_stacked_is_refused)
{
	set_refused("data/cifar10-mini", (dataset_options){.format = "stacked"}, "but these have colours");
	set_refused(put_gray(), (dataset_options){.format = "stacked", .channels = 1}, "not of 1");
	set_refused(scratch_at("nothing"), (dataset_options){.format = "stacked"}, "no such file or folder");
}
END_TEST

/* The digits of the repository: all thousand classes are there. */
START_TEST(stacked_digits_have_a_thousand_classes)
{
	dataset *d = set_opened("data/mnist", (dataset_options){.format = "stacked", .seed = 1});
	static int count[1000];
	int missing = 0;
	ck_assert(d->n == 60000 && d->classes == 1000 && d->h == 28);
	for (int64_t i = 0; i < d->n; i++)
		count[d->label[i]]++;
	for (int k = 0; k < 1000; k++)
		missing += count[k] == 0;
	ck_assert_int_eq(missing, 0);
	dataset_free(d);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{colours_are_images_of_the_classes, 1},
		{draws_follow_from_the_seed_and_the_part, 1},
		{sizes_and_names_are_those_wanted, 1},
		{what_cannot_be_stacked_is_refused, 1},
		{stacked_digits_have_a_thousand_classes, 1},
	};
	return suite_run("stacked", tests, COUNT(tests), 60);
}
