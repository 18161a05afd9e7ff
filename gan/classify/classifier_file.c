/* classifier_file.c - see classifier_file.h. */
#include "gan/classify/classifier_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/version.h"
#include "core/h5/h5.h"

enum { FORMAT = 1, PATH_ROOM = 256, TEXT_MAX = 1 << 16 };

void classifier_record_free(classifier_record *r)
{
	free(r->class_names);
	free(r->config);
	*r = (classifier_record){0};
}

/* ---- the arrays: parameters, then states ---- */

static int array_count(const module *m)
{
	return module_params(m) + module_states(m);
}

static buffer *array_at(const module *m, int i)
{
	return i < module_params(m) ? module_param_at(m, i) : module_state_at(m, i - module_params(m));
}

/* Vectors are few numbers, and a small variance would lose digits as float16. */
static bool is_kernel(const buffer *b)
{
	return b->s.rank >= 2;
}

static void add_number(sha256 *s, float x)
{
	uint32_t bits;
	memcpy(&bits, &x, sizeof bits);
	const uint8_t byte[4] = {(uint8_t)bits, (uint8_t)(bits >> 8), (uint8_t)(bits >> 16), (uint8_t)(bits >> 24)};
	sha256_add(s, byte, sizeof byte);
}

static void weights_hash(const module *m, char text[SHA256_TEXT])
{
	sha256 s = sha256_new();
	for (int i = 0; i < array_count(m); i++) {
		const buffer *b = array_at(m, i);
		sha256_add(&s, b->name, strlen(b->name) + 1);
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			add_number(&s, (float)b->x[k]);
	}
	sha256_text(&s, text);
}

void classifier_round(classifier *c)
{
	const module *m = classifier_module(c);
	for (int i = 0; i < array_count(m); i++) {
		buffer *b = array_at(m, i);
		for (int64_t k = 0; is_kernel(b) && k < shape_count(&b->s); k++)
			b->x[k] = (real)h5_half((double)b->x[k]);
	}
}

/* ---- writing ---- */

/* The numbers of a classifier by their names in the file. */
typedef struct number {
	const char *name;
	int *at;
} number;
enum { NUMBERS = 6 };
#define NUMBERS_OF(o) {{"height", &(o)->size.h}, {"width", &(o)->size.w}, {"channels", &(o)->channels}, \
	{"classes", &(o)->classes}, {"base_width", &(o)->width}, {"blocks", &(o)->blocks}}

static void write_about(h5 *f, const classifier_options *given, const classifier_record *r, fault *e)
{
	classifier_options o = *given;
	const number numbers[NUMBERS] = NUMBERS_OF(&o);
	h5_attr_write_text(f, "/", "kind", CLASSIFIER_KIND, e);
	h5_attr_write_i64(f, "/", "format", FORMAT, e);
	h5_attr_write_text(f, "/", "program", "sagan " SAGAN_VERSION, e);
	h5_attr_write_text(f, "/", "name", r->name, e);
	for (int i = 0; i < NUMBERS; i++)
		h5_attr_write_i64(f, "/", numbers[i].name, *numbers[i].at, e);
	h5_attr_write_text(f, "/", "class_names", r->class_names ? r->class_names : "", e);
	h5_attr_write_text(f, "/", "data", r->data, e);
	h5_attr_write_text(f, "/", "config", r->config ? r->config : "", e);
	h5_attr_write_f64(f, "/", "pixel_mean", r->mean, e);
	h5_attr_write_f64(f, "/", "pixel_deviation", r->deviation, e);
	h5_attr_write_f64(f, "/", "accuracy", r->accuracy, e);
	h5_attr_write_i64(f, "/", "test_images", r->tested, e);
	h5_attr_write_text(f, "/", "weights_sha256", r->sha256, e);
}

/* A writer that fails marks the file, and h5_commit refuses. */
bool classifier_save(const char *path, const classifier *c, classifier_record *r, bool compact, fault *e)
{
	const module *m = classifier_module(c);
	h5 *f = h5_create(path, e);
	if (!f)
		return false;
	weights_hash(m, r->sha256);
	fault why = {.text = ""};
	write_about(f, classifier_options_of(c), r, &why);
	for (int i = 0; i < array_count(m); i++) {
		const buffer *b = array_at(m, i);
		char at[PATH_ROOM];
		snprintf(at, sizeof at, "/%s", b->name);
		(compact && is_kernel(b) ? h5_write_f16 : h5_write_f32)(f, at, b->s, b->x, why.text[0] ? NULL : &why);
	}
	return h5_commit(f, e) || (why.text[0] && fault_take(e, &why));
}

/* ---- reading ---- */

static bool is_classifier(h5 *f, fault *e)
{
	char kind[64];
	return h5_attr_text(f, "/", "kind", kind, sizeof kind, e) && (strcmp(kind, CLASSIFIER_KIND) == 0
		|| fault_set(e, "no classifier of sagan: `sagan classify` makes one"));
}

static bool read_options(h5 *f, classifier_options *o, fault *e)
{
	*o = (classifier_options){0};
	const number numbers[NUMBERS] = NUMBERS_OF(o);
	int64_t format;
	if (!h5_attr_i64(f, "/", "format", &format, e))
		return false;
	if (format != FORMAT)
		return fault_set(e, "classifier of format %lld; this program reads %d", (long long)format, FORMAT);
	for (int i = 0; i < NUMBERS; i++) {
		int64_t x;
		if (!h5_attr_i64(f, "/", numbers[i].name, &x, e))
			return false;
		if (x < 0 || x > CLASSIFIER_CLASSES_MAX)
			return fault_set(e, "%s = %lld: not a classifier's", numbers[i].name, (long long)x);
		*numbers[i].at = (int)x;
	}
	return true;
}

static bool read_record(h5 *f, classifier_record *r, fault *e)
{
	const bool ok = h5_attr_text(f, "/", "name", r->name, sizeof r->name, e)
		&& h5_attr_text(f, "/", "data", r->data, sizeof r->data, e)
		&& (r->class_names = h5_attr_text_new(f, "/", "class_names", e)) != NULL
		&& (r->config = h5_attr_text_new(f, "/", "config", e)) != NULL
		&& h5_attr_f64(f, "/", "pixel_mean", &r->mean, e)
		&& h5_attr_f64(f, "/", "pixel_deviation", &r->deviation, e)
		&& h5_attr_f64(f, "/", "accuracy", &r->accuracy, e)
		&& h5_attr_i64(f, "/", "test_images", &r->tested, e)
		&& h5_attr_text(f, "/", "weights_sha256", r->sha256, sizeof r->sha256, e);
	if (!ok)
		return false;
	text_plain(r->name, 0);
	text_plain(r->data, 0);
	text_plain(r->sha256, 0);
	text_plain(r->class_names, '\n');
	return true;
}

static bool read_array(h5 *f, buffer *b, fault *e)
{
	char at[PATH_ROOM];
	h5_info info;
	snprintf(at, sizeof at, "/%s", b->name);
	if (!h5_stat(f, at, &info, e))
		return false;
	if (info.is_group || !h5_type_is_float(info.type) || !shape_equal(&info.s, &b->s))
		return fault_at(e, at, "%s %s; this classifier has %s",
			info.is_group ? "a group" : h5_type_name[info.type], shape_print(&info.s).s,
			shape_print(&b->s).s);
	if (!h5_read_real(f, at, b->x, shape_count(&b->s), e))
		return false;
	for (int64_t i = 0; i < shape_count(&b->s); i++)
		if (!isfinite((double)b->x[i]))
			return fault_at(e, at, "holds %g", (double)b->x[i]);
	return true;
}

static bool read_weights(h5 *f, const classifier *c, const char *wanted, fault *e)
{
	const module *m = classifier_module(c);
	char found[SHA256_TEXT];
	for (int i = 0; i < array_count(m); i++)
		if (!read_array(f, array_at(m, i), e))
			return false;
	weights_hash(m, found);
	return strcmp(found, wanted) == 0
		|| fault_set(e, "damaged: its weights have the SHA-256 %.8s.., it says %.8s..", found, wanted);
}

classifier *classifier_read(h5 *f, classifier_record *out, fault *e)
{
	classifier_options o;
	classifier_record r = {.sha256 = ""};
	rng start = rng_new(0, "unused");
	classifier *c = NULL;
	if (is_classifier(f, e) && read_options(f, &o, e) && read_record(f, &r, e)
		&& (c = classifier_new(&o, &start, e)) && read_weights(f, c, r.sha256, e)) {
		if (out)
			*out = r;
		else
			classifier_record_free(&r);
		return c;
	}
	classifier_record_free(&r);
	classifier_free(c);
	return NULL;
}
