/* import_answer.c - whether the network computes what the file's does.
 *
 * Weights alone do not show an activation, a slope, an epsilon or a kind of pooling. So the file's network and the
 * trace of ours, with the file's weights in both, are asked the same. Equal networks answer alike but for rounding. */
#include "gan/keras/import/import_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "gan/keras/run/run.h"

enum { SAMPLES = 2 };
#define ROUNDING 1e-4                                /* of the largest number of an answer */

/* What goes into input i: labels from both ends, else numbers from N(0,1), the same for equal shapes. */
static real *question(const keras_run *k, int i, fault *e)
{
	const shape s = keras_run_input_shape(k, i);
	const int64_t n = SAMPLES * shape_count(&s), classes = keras_run_classes(k, i);
	real *x = mem_new((size_t)n, sizeof *x, e);
	rng r = rng_new(1, "question");
	if (x)
		rng_fill_normal(&r, x, n);
	for (int64_t j = 0; x && classes && j < n; j++)
		x[j] = (real)(j < n / 2 ? 0 : classes - 1);
	return x;
}

bool import_ask(const keras_model *m, answer *out, fault *e)
{
	real *in[KERAS_INPUTS] = {NULL};
	*out = (answer){0};
	keras_run *k = keras_run_new(m, SAMPLES, e);
	bool ok = k != NULL;
	for (int i = 0; ok && i < keras_run_inputs(k); i++)
		ok = (in[i] = question(k, i, e));
	if (ok) {
		const shape s = keras_run_output_shape(k);
		out->n = SAMPLES * shape_count(&s);
		out->x = mem_new((size_t)out->n, sizeof *out->x, e);
		ok = out->x && keras_run_predict(k, SAMPLES, (const real *const *)in, out->x, e);
	}
	for (int i = 0; i < KERAS_INPUTS; i++)
		free(in[i]);
	keras_run_free(k);
	if (!ok)
		import_answer_free(out);
	return ok;
}

void import_answer_free(answer *a)
{
	free(a->x);
	*a = (answer){0};
}

/* ---- where they differ ---- */

static bool equal_values(const keras_value *a, const keras_value *b)
{
	if (a->kind != b->kind)
		return a->kind <= KERAS_FLOAT && b->kind <= KERAS_FLOAT && a->number == b->number;
	return a->kind == KERAS_TEXT ? strcmp(a->text, b->text) == 0
		: a->kind < KERAS_TEXT ? a->number == b->number
		: a->n == b->n && memcmp(a->list, b->list, (size_t)a->n * sizeof *a->list) == 0;
}

static const char *value_text(const keras_value *v, char *buf, size_t size)
{
	size_t at = 0;
	if (v->kind == KERAS_TEXT)
		snprintf(buf, size, "%.60s", v->text);
	else if (v->kind == KERAS_BOOL)
		snprintf(buf, size, "%s", v->number != 0 ? "true" : "false");
	else if (v->kind <= KERAS_FLOAT)
		snprintf(buf, size, "%.9g", v->number);
	for (int i = 0; v->kind >= KERAS_LIST && i < v->n && at < size; i++)
		at += (size_t)snprintf(buf + at, size - at, "%s%lld", i ? " " : "", (long long)v->list[i]);
	return buf;
}

/* The first layer of the same name that is of another class, or has a setting of another value. */
static void first_difference(const keras_model *file, const keras_model *here, char *buf, size_t size)
{
	char a[128], b[128];
	buf[0] = '\0';
	for (int i = 0; i < here->layers; i++) {
		const keras_layer *own = &here->layer[i];
		const int j = keras_find(file, own->name);
		const keras_layer *l = j < 0 ? own : &file->layer[j];
		if (strcmp(l->class_name, own->class_name) != 0) {
			snprintf(buf, size, "; first %.100s: %s in the file, %s here", own->name, l->class_name,
				own->class_name);
			return;
		}
		for (int k = 0; k < own->values; k++) {
			const keras_value *want = &own->value[k], *is = keras_get(l, want->key);
			if (!is || strcmp(want->key, "name") == 0 || equal_values(is, want))
				continue;
			snprintf(buf, size, "; first %.100s: %s is %s in the file, %s here", own->name, want->key,
				value_text(is, a, sizeof a), value_text(want, b, sizeof b));
			return;
		}
	}
}

static double largest(const real *x, int64_t n)
{
	double most = 0;
	for (int64_t i = 0; i < n; i++)
		most = MAX(most, fabs((double)x[i]));
	return most;
}

bool import_same_answer(const answer *a, const answer *b, const keras_model *file, const keras_model *here, fault *e)
{
	char where[512];
	double apart = 0;
	for (int64_t i = 0; a->n == b->n && i < a->n; i++) {
		const double d = fabs((double)a->x[i] - (double)b->x[i]);
		apart = d <= apart ? apart : d;              /* a NaN stays */
	}
	if (a->n == b->n && apart <= ROUNDING * MAX(largest(a->x, a->n), 1e-3))
		return true;
	first_difference(file, here, where, sizeof where);
	if (a->n != b->n)
		return fault_set(e, "the file's network answers with %lld numbers, the config's with %lld%s",
			(long long)a->n / SAMPLES, (long long)b->n / SAMPLES, where);
	return fault_set(e, "with the same weights the file's network computes something else than the config's: "
		"answers of up to %.3g differ by %.2g%s; a .weights.h5 file brings the weights without the network",
		largest(a->x, a->n), apart, where);
}
