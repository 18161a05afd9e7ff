/* test_events.c - event files: the frames of records, the messages, and what a run writes. TensorBoard itself reads
 * them in `make test-tensorboard`. */
#include <check.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "data/picture/png.h"
#include "gan/log/event.pb-c.h"
#include "gan/log/events.h"
#include "gan/log/histogram.h"
#include "gan/log/record.h"
#include "gan/train/run.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* ---- frames ---- */

/* RFC 3720, B.4, and the value that every implementation names. */
START_TEST(checksums_are_those_of_the_standard)
{
	uint8_t x[32] = {0};
	ck_assert_uint_eq(crc32c("123456789", 9), 0xe3069283);
	ck_assert_uint_eq(crc32c("", 0), 0);
	ck_assert_uint_eq(crc32c(x, sizeof x), 0x8a9136aa);
	memset(x, 0xff, sizeof x);
	ck_assert_uint_eq(crc32c(x, sizeof x), 0x62a8ab43);
	for (int i = 0; i < 32; i++)
		x[i] = (uint8_t)i;
	ck_assert_uint_eq(crc32c(x, sizeof x), 0x46dd794e);
}
END_TEST

/* A whole record that TensorFlow wrote: the version of a file, at 1700000000.5. */
START_TEST(a_frame_is_that_of_tensorflow)
{
	static const uint8_t want[40] = {
		0x18, 0, 0, 0, 0, 0, 0, 0, 0xa3, 0x7f, 0x4b, 0x22, 0x09, 0x00, 0x00, 0x20, 0x40, 0xfc, 0x54, 0xd9,
		0x41, 0x1a, 0x0d, 'b', 'r', 'a', 'i', 'n', '.', 'E', 'v', 'e', 'n', 't', ':', '2',
		0x2b, 0x35, 0x31, 0x10,
	};
	uint8_t head[RECORD_HEAD], tail[RECORD_TAIL], packed[64];
	Event__Event m = EVENT__EVENT__INIT;
	char version[] = "brain.Event:2";
	m.has_wall_time = true;
	m.wall_time = 1700000000.5;
	m.what_case = EVENT__EVENT__WHAT_FILE_VERSION;
	m.file_version = version;
	const size_t n = event__event__pack(&m, packed);
	record_frame(packed, n, head, tail);
	ck_assert_uint_eq(n, sizeof want - sizeof head - sizeof tail);
	ck_assert_mem_eq(head, want, sizeof head);
	ck_assert_mem_eq(packed, want + sizeof head, n);
	ck_assert_mem_eq(tail, want + sizeof head + n, sizeof tail);
}
END_TEST

/* ---- reading them back ---- */

enum { EVENTS_MOST = 400 };
typedef struct book {
	int n;
	Event__Event *at[EVENTS_MOST];               /* own */
} book;

static uint64_t little(const uint8_t *x, int bytes)
{
	uint64_t n = 0;
	for (int i = 0; i < bytes; i++)
		n |= (uint64_t)x[i] << (8 * i);
	return n;
}

/* All records of a file, whose frames must be right. */
static book book_read(const char *path)
{
	book b = {0};
	size_t size, at = 0;
	uint8_t *x = file_bytes(path, &size);
	while (at < size) {
		ck_assert_uint_ge(size - at, RECORD_HEAD + RECORD_TAIL);
		const size_t n = (size_t)little(x + at, 8);
		ck_assert_uint_eq(little(x + at + 8, 4), crc32c_masked(x + at, 8));
		ck_assert_uint_le(n, size - at - RECORD_HEAD - RECORD_TAIL);
		const uint8_t *data = x + at + RECORD_HEAD;
		ck_assert_uint_eq(little(data + n, 4), crc32c_masked(data, n));
		ck_assert_int_lt(b.n, EVENTS_MOST);
		b.at[b.n] = event__event__unpack(NULL, n, data);
		ck_assert_ptr_nonnull(b.at[b.n++]);
		at += RECORD_HEAD + n + RECORD_TAIL;
	}
	free(x);
	return b;
}

static void book_free(book *b)
{
	for (int i = 0; i < b->n; i++)
		event__event__free_unpacked(b->at[i], NULL);
}

/* The k-th value with this tag and its step; NULL: there are fewer. */
static const Event__Value *book_find(const book *b, const char *tag, int k, int64_t *step)
{
	for (int i = 0; i < b->n; i++) {
		const Event__Event *m = b->at[i];
		if (m->what_case != EVENT__EVENT__WHAT_SUMMARY)
			continue;
		for (size_t j = 0; j < m->summary->n_value; j++)
			if (strcmp(m->summary->value[j]->tag, tag) == 0 && k-- == 0) {
				*step = m->step;
				return m->summary->value[j];
			}
	}
	return NULL;
}

/* ---- messages ---- */

START_TEST(values_come_back)
{
	static const uint8_t pixels[2 * 3 * 3] = {0, 50, 100, 150, 200, 250};
	static const event_scalar scalars[] = {{"loss/d", 1.5}, {"loss/g", 0}, {"loss/bad", (double)NAN}};
	static const real x[] = {0, 1, 1, 3};
	fault e = {.text = ""};
	int64_t step;
	size_t n;
	events *v = events_open(scratch_folder(), 41, &e);
	ck_assert_msg(v != NULL, "%s", e.text);
	char *path = text_copy(events_path(v), &e);
	ck_assert(png_write(scratch_at("a.png"), pixels, 2, 3, 3, &e));
	void *png = file_bytes(scratch_at("a.png"), &n);
	ck_assert(events_scalars(v, 100, COUNT(scalars), scalars, &e) && events_png(v, 100, "grid", png, n, &e)
		&& events_histogram(v, 100, "w", x, COUNT(x), &e) && events_text(v, 100, "config", "a: <b>", &e));
	ck_assert(!events_png(v, 100, "grid", "no picture", 10, &e));
	ck_assert_msg(strstr(e.text, "grid: these bytes are no PNG"), "%s", e.text);
	ck_assert(events_close(v, &e));

	book b = book_read(path);
	ck_assert_str_eq(b.at[0]->file_version, "brain.Event:2");
	ck_assert_str_eq(b.at[0]->source_metadata->writer, "sagan");
	ck_assert_int_eq(b.at[1]->what_case, EVENT__EVENT__WHAT_SESSION_LOG);
	ck_assert_int_eq(b.at[1]->session_log->status, EVENT__SESSION_LOG__SESSION_STATUS__START);
	ck_assert_int_eq(b.at[1]->step, 42);
	for (int i = 0; i < 2; i++) {
		const Event__Value *one = book_find(&b, scalars[i].tag, 0, &step);
		ck_assert(one && one->value_case == EVENT__VALUE__VALUE_SIMPLE_VALUE && step == 100);
		ck_assert_double_eq((double)one->simple_value, scalars[i].x);
	}
	ck_assert(isnan(book_find(&b, "loss/bad", 0, &step)->simple_value));
	const Event__Image *shown = book_find(&b, "grid", 0, &step)->image;
	ck_assert(shown->width == 3 && shown->height == 2 && shown->colorspace == 3);
	ck_assert(shown->encoded_image_string.len == n && !memcmp(shown->encoded_image_string.data, png, n));
	const Event__Histogram *h = book_find(&b, "w", 0, &step)->histo;
	ck_assert(h->num == 4 && h->min == 0 && h->max == 3 && h->sum == 5 && h->sum_squares == 11);
	ck_assert_uint_eq(h->n_bucket, HISTOGRAM_BINS);
	const Event__Value *text = book_find(&b, "config", 0, &step);
	ck_assert_str_eq(text->metadata->plugin_data->plugin_name, "text");
	ck_assert(text->tensor->dtype == 7 && text->tensor->n_string_val == 1);
	ck_assert_uint_eq(text->tensor->tensor_shape->n_dim, 0);
	ck_assert_mem_eq(text->tensor->string_val[0].data, "a: <b>", 6);
	book_free(&b);
	free(png);
	free(path);
}
END_TEST

/* The bytes of a scalar that TensorBoard's own writer makes; a value of 0 is one of them. */
START_TEST(a_scalar_is_that_of_tensorboard)
{
	static const uint8_t want[] = {
		0x10, 0x64, 0x2a, 0x0f, 0x0a, 0x0d, 0x0a, 0x06, 'l', 'o', 's', 's', '/', 'd', 0x15, 0, 0, 0xc0, 0x3f,
	};
	static const event_scalar row[] = {{"loss/d", 1.5}, {"loss/d", 0}};
	fault e = {.text = ""};
	size_t n;
	events *v = events_open(scratch_folder(), 0, &e);
	ck_assert_msg(v && events_scalars(v, 100, 1, &row[0], &e) && events_scalars(v, 100, 1, &row[1], &e), "%s",
		e.text);
	uint8_t *x = file_bytes(events_path(v), &n), *last = x + n - RECORD_TAIL - sizeof want;
	const size_t record = RECORD_HEAD + 9 + sizeof want + RECORD_TAIL;
	ck_assert_mem_eq(last - record, want, sizeof want);
	ck_assert_mem_eq(last, want, sizeof want - 4);
	ck_assert_mem_eq(last + sizeof want - 4, "\0\0\0\0", 4);
	free(x);
	events_close(v, NULL);
}
END_TEST

START_TEST(settings_are_numbers_bools_and_texts)
{
	static const event_setting row[] = {{"lr", SETTING_NUMBER, 1e-4, NULL}, {"flip", SETTING_BOOL, 1, NULL},
		{"loss", SETTING_TEXT, 0, "hinge"}};
	fault e = {.text = ""};
	int64_t step;
	events *v = events_open(scratch_folder(), 0, &e);
	ck_assert_msg(v && events_begin(v, COUNT(row), row, &e) && events_end(v, EVENT_SUCCESS, &e), "%s", e.text);
	book b = book_read(events_path(v));
	const Event__PluginData *p = book_find(&b, "_hparams_/session_start_info", 0, &step)->metadata->plugin_data;
	ck_assert_str_eq(p->plugin_name, "hparams");
	Event__HParamsPluginData *m = event__hparams_plugin_data__unpack(NULL, p->content.len, p->content.data);
	const Event__SessionStartInfo *s = m->session_start_info;
	ck_assert_uint_eq(s->n_hparams, COUNT(row));
	ck_assert(!strcmp(s->hparams[0]->key, "lr") && s->hparams[0]->value->number_value == 1e-4);
	ck_assert(!strcmp(s->hparams[1]->key, "flip") && s->hparams[1]->value->bool_value);
	ck_assert(!strcmp(s->hparams[2]->key, "loss") && !strcmp(s->hparams[2]->value->string_value, "hinge"));
	event__hparams_plugin_data__free_unpacked(m, NULL);
	p = book_find(&b, "_hparams_/session_end_info", 0, &step)->metadata->plugin_data;
	m = event__hparams_plugin_data__unpack(NULL, p->content.len, p->content.data);
	ck_assert_int_eq(m->session_end_info->status, EVENT__SESSION_END_INFO__STATUS__SUCCESS);
	event__hparams_plugin_data__free_unpacked(m, NULL);
	book_free(&b);
	events_close(v, NULL);
}
END_TEST

START_TEST(bins_hold_every_finite_number)
{
	static const real x[] = {-1, -1, 0, 2, (real)INFINITY, (real)NAN, (real)-0.99};
	static const real same[] = {3, 3, 3};
	const histogram h = histogram_of(x, COUNT(x)), one = histogram_of(same, COUNT(same)),
		none = histogram_of(x + 4, 2);
	double sum = 0;
	for (int k = 0; k < h.bins; k++)
		sum += h.count[k];
	ck_assert(h.num == 5 && sum == 5 && h.min == -1 && h.max == 2);
	ck_assert(h.count[0] == 3 && h.count[10] == 1 && h.count[HISTOGRAM_BINS - 1] == 1);
	ck_assert_double_eq(h.limit[HISTOGRAM_BINS - 1], 2);
	ck_assert(one.bins == 1 && one.count[0] == 3 && one.limit[0] == 3);
	ck_assert(none.num == 0 && none.bins == 0);
}
END_TEST

START_TEST(a_file_that_cannot_be_written_is_told)
{
	static const event_scalar row = {"loss/d", 1.5};
	fault e = {.text = ""};
	ck_assert_ptr_null(events_open(scratch_at("nowhere"), 0, &e));
	ck_assert_msg(strstr(e.text, "nowhere/events.out.tfevents."), "%s", e.text);
	ck_assert_msg(strstr(e.text, ": cannot be made: "), "%s", e.text);
	events *v = events_open(scratch_folder(), 0, &e);
	disk_full(10);
	const bool ok = events_scalars(v, 1, 1, &row, &e);
	disk_free();
	ck_assert(!ok);
	ck_assert_msg(strstr(e.text, ": cannot be written: "), "%s", e.text);
	events_close(v, NULL);
}
END_TEST

/* ---- a run ---- */

static int list_files(const char *folder, char name[][300])
{
	int n = 0;
	DIR *d = opendir(folder);
	for (struct dirent *f; (f = readdir(d)) != NULL;)
		if (strncmp(f->d_name, EVENTS_NAME, sizeof EVENTS_NAME - 1) == 0 && n < 4)
			snprintf(name[n++], sizeof name[0], "%s", f->d_name);
	closedir(d);
	return n;
}

/* The state after so many steps in this folder. */
static uint64_t run_to(const char *folder, int64_t steps, bool with, const dataset *d)
{
	const char *const set[] = {
		with ? "train.tensorboard=true" : "train.tensorboard=false", "train.sample_every=4", NULL,
	};
	fault e = {.text = ""};
	enum run_end end;
	config c = tiny_config(TINY_FULL, set);
	trainer *t = trainer_new(&c, d, &e);
	const run_options o = {.out = folder, .steps = steps};
	ck_assert_msg(t && run_trainer(t, &o, &end, &e), "%s", e.text);
	const uint64_t hash = tiny_hash(t);
	trainer_free(t);
	config_free(&c);
	return hash;
}

START_TEST(a_run_writes_them_and_has_the_same_bits)
{
	char name[4][300], path[2][700];
	dataset *d = tiny_data(25, 16, 2);
	int64_t step;
	const char *with = scratch_at("with"), *without = scratch_at("without");
	ck_assert_uint_eq(run_to(with, 12, true, d), run_to(without, 12, false, d));
	ck_assert_int_eq(list_files(without, name), 0);
	ck_assert_int_eq(list_files(with, name), 1);
	ck_assert(files_equal_in(with, without, "metrics.csv"));
	snprintf(path[0], sizeof path[0], "%s/%s", with, name[0]);
	book b = book_read(path[0]);
	for (int k = 0; k < 4; k++) {                /* log_every 3 */
		ck_assert(book_find(&b, "loss/d", k, &step) && step == 3 * (k + 1));
		ck_assert(book_find(&b, "gamma/generator/attention8", k, &step) && step == 3 * (k + 1));
	}
	for (int k = 0; k < 3; k++) {                /* sample_every 4; checkpoints, which are scored, too */
		ck_assert(book_find(&b, "samples/grid", k, &step) && step == 4 * (k + 1));
		ck_assert(book_find(&b, "score/distance", k, &step) && step == 4 * (k + 1));
		const Event__Value *out = book_find(&b, "d_values/real", k, &step), *w;
		ck_assert(out && step == 4 * (k + 1) && out->histo->num == 4);
		w = book_find(&b, "weights_g/block1/conv1/kernel", k, &step);
		ck_assert(w && step == 4 * (k + 1) && w->histo->sum_squares > 0);
	}
	ck_assert_ptr_null(book_find(&b, "loss/d", 4, &step));
	book_free(&b);
	dataset_free(d);
}
END_TEST

/* A new file, which says from which step on the others are void. */
START_TEST(a_run_that_goes_on_begins_a_file)
{
	char name[4][300], path[700];
	dataset *d = tiny_data(25, 16, 2);
	int64_t step;
	const char *folder = scratch_at("run");
	run_to(folder, 8, true, d);
	ck_assert_int_eq(list_files(folder, name), 1);
	char first[300];
	memcpy(first, name[0], sizeof first);
	run_to(folder, 12, true, d);
	ck_assert_int_eq(list_files(folder, name), 2);
	const char *second = strcmp(name[0], first) ? name[0] : name[1];
	snprintf(path, sizeof path, "%s/%s", folder, second);
	book b = book_read(path);
	ck_assert_int_eq(b.at[1]->what_case, EVENT__EVENT__WHAT_SESSION_LOG);
	ck_assert_int_eq(b.at[1]->step, 9);
	ck_assert(book_find(&b, "loss/d", 0, &step) && step == 9);
	book_free(&b);
	dataset_free(d);
}
END_TEST

static void setup(void)
{
	fault e;
	must(pool_start(2, &e), "%s", e.text);
}

int main(void)
{
	const suite_test tests[] = {
		{checksums_are_those_of_the_standard, 1}, {a_frame_is_that_of_tensorflow, 1}, {values_come_back, 1},
		{a_scalar_is_that_of_tensorboard, 1}, {settings_are_numbers_bools_and_texts, 1},
		{bins_hold_every_finite_number, 1}, {a_file_that_cannot_be_written_is_told, 1},
	};
	const suite_test runs[] = {
		{a_run_writes_them_and_has_the_same_bits, 1}, {a_run_that_goes_on_begins_a_file, 1},
	};
	const suite_case cases[] = {
		{.name = "events", TESTS(tests)},
		{.name = "runs", TESTS(runs), .setup = setup, .teardown = pool_stop},
	};
	return suite_run_cases("events", cases, COUNT(cases), 60);
}
