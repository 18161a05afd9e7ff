#include "tests/layer_kit.h"

#include "core/base/vecmath.h"

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

const double kit_tiny = sizeof(real) == 8 ? 1e-12 : 2e-5;

kit kit_open(shape s, uint64_t seed)
{
	kit k = {.m = module_new(NULL), .g = graph_new(NULL), .x = buffer_new("x", s, NULL)};
	ck_assert(k.m && k.g && k.x);
	rng r = rng_new(seed, "kit");
	rng_fill_normal(&r, k.x->x, shape_count(&s));
	k.in = graph_leaf(k.g, k.x);
	return k;
}

void kit_ready(kit *k)
{
	fault e;
	rng r = rng_new(7, "init");
	ck_assert_msg(module_alloc(k->m, &r, &e), "%s", e.text);
	for (int i = 0; i < module_params(k->m); i++) {
		buffer *b = module_param_at(k->m, i);
		rng_fill_normal(&r, b->x, shape_count(&b->s));
		for (int64_t j = 0; j < shape_count(&b->s); j++)
			b->x[j] *= (real)0.5;
	}
}

const real *kit_run(kit *k, node *const *out, int n)
{
	fault e;
	plan_free(k->p);
	k->p = plan_new(k->g, out, n, 0, &e);
	ck_assert_msg(k->p != NULL, "%s", e.text);
	plan_run(k->p);
	return plan_value(k->p, out[0]);
}

void kit_close(kit *k)
{
	plan_free(k->p);
	graph_free(k->g);
	buffer_free(k->x);
	module_free(k->m);
}

double kit_worst(const real *a, const real *b, int64_t n)
{
	return vec_largest_difference(a, b, n);
}

void kit_module_refuses(module *m, const char *message)
{
	fault e = {.text = ""};
	rng r = rng_new(1, "init");
	ck_assert(!module_alloc(m, &r, &e));
	ck_assert_str_eq(e.text, message);
	module_free(m);
}

void kit_graph_refuses(graph *g, const char *message)
{
	fault e = {.text = ""};
	ck_assert(!graph_ok(g, &e));
	ck_assert_str_eq(e.text, message);
	graph_free(g);
}

void kit_zero(buffer *b)
{
	memset(b->x, 0, (size_t)shape_count(&b->s) * sizeof *b->x);
}

void kit_expect_rows_of_one(const real *A, int64_t rows, int64_t M)
{
	for (int64_t r = 0; r < rows; r++) {
		double sum = 0;
		for (int64_t j = 0; j < M; j++)
			sum += (double)A[r * M + j];
		ck_assert_msg(fabs(sum - 1) < kit_tiny, "row %lld sums to %g", (long long)r, sum);
	}
}

void kit_expect_weights(const module *m, const char *list)
{
	char text[1024] = "";
	for (int i = 0; i < module_params(m); i++) {
		const buffer *b = module_param_at(m, i);
		size_t n = strlen(text);
		snprintf(text + n, sizeof text - n, "%s%s %s", n ? ", " : "", strchr(b->name, '/') + 1,
			 shape_print(&b->s).s);
	}
	ck_assert_str_eq(text, list);
}

/* ---- known sums ---- */

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);
	return n >= m && !strcmp(name + n - m, end);
}

static void fill_weight(buffer *b, int t)
{
	for (int64_t i = 0; i < shape_count(&b->s); i++) {
		double s = sin(0.7 * (double)i + 1.3 * t + 0.2), w = 0.5 * s;
		if (ends_with(b->name, "/gamma"))
			w = 1 + w;
		if (ends_with(b->name, "/moving_variance"))
			w = 0.5 + 0.4 * s * s;
		b->x[i] = (real)w;
	}
}

/* Running statistics are created right after the beta of their layer; group norm has none. */
static void fill_statistics(const module *m, const buffer *beta, int *t)
{
	static const char *const name[] = {"moving_mean", "moving_variance"};
	for (int i = 0; i < COUNT(name); i++) {
		char path[256];
		snprintf(path, sizeof path, "%.*s%s", (int)(strlen(beta->name) - strlen("beta")), beta->name, name[i]);
		buffer *b = module_find(m, path);
		if (b)
			fill_weight(b, (*t)++);
	}
}

void kit_fill_by_rule(kit *k)
{
	int t = 0;
	for (int64_t i = 0; i < shape_count(&k->x->s); i++)
		k->x->x[i] = (real)sin(0.37 * (double)i + 0.11);
	for (int i = 0; i < module_params(k->m); i++) {
		buffer *b = module_param_at(k->m, i);
		fill_weight(b, t++);
		if (ends_with(b->name, "/beta"))
			fill_statistics(k->m, b, &t);
	}
	ck_assert_int_eq(t, module_params(k->m) + module_states(k->m));
}

void kit_expect_sums(const char *name, const real *y, int64_t n, const known_sums *want, double slack)
{
	known_sums got = {.first = (double)y[0], .middle = (double)y[n / 2], .last = (double)y[n - 1]};
	for (int64_t i = 0; i < n; i++) {
		got.sum += (double)y[i];
		got.sum_abs += fabs((double)y[i]);
	}
	const double share = sizeof(real) == 8 ? slack : 1e-5, digits = 1e-9;
	const double all = share * want->sum_abs + digits, one = all / (double)n + digits;
	ck_assert_msg(fabs(got.sum - want->sum) <= all && fabs(got.sum_abs - want->sum_abs) <= all,
		"%s: sum %.9f, of magnitudes %.9f; known are %.9f and %.9f", name, got.sum, got.sum_abs, want->sum,
		want->sum_abs);
	const double value[3][2] = {{got.first, want->first}, {got.middle, want->middle}, {got.last, want->last}};
	for (int i = 0; i < 3; i++)
		ck_assert_msg(fabs(value[i][0] - value[i][1]) <= one + share * fabs(value[i][1]),
			"%s: value %d of first, middle, last is %.9f, known is %.9f", name, i, value[i][0],
			value[i][1]);
}

/* ---- derivatives ---- */

void kit_gradcheck(kit *k, const char *name, grad_build build, const void *arg)
{
	char why[GRAD_WHY];
	buffer *in[GRAD_INPUTS] = {k->x};
	ck_assert_int_lt(module_params(k->m), GRAD_INPUTS);
	grad_fill(k->x, GRAD_APART, 22);
	for (int i = 0; i < module_params(k->m); i++)
		in[1 + i] = module_param_at(k->m, i);
	ck_assert_msg(gradcheck(name, build, arg, in, 1 + module_params(k->m), 0, 0, why), "%s", why);
}

/* ---- spectral norm ---- */

/* "layer" of the vector "layer/u", or "layer_sn/u". */
static int layer_length(const buffer *u)
{
	return (int)(strlen(u->name) - strlen(ends_with(u->name, "_sn/u") ? "_sn/u" : "/u"));
}

/* The kernel that the vector belongs to: a matrix "layer", or "layer/kernel". */
static buffer *kernel_of(const module *m, const buffer *u)
{
	char path[256];
	snprintf(path, sizeof path, "%.*s", layer_length(u), u->name);
	buffer *b = module_find(m, path);
	if (b)
		return b;
	strncat(path, "/kernel", sizeof path - strlen(path) - 1);
	return module_find(m, path);
}

void kit_expect_spectral_norm(kit *k, const char *matrices, grad_build build, const void *arg)
{
	char found[1024] = "";
	node *y = build(k->g, &k->in, arg);
	const int64_t n = shape_count(&y->s);
	real *before = mem_new((size_t)n, sizeof *before, NULL);
	ck_assert_ptr_nonnull(before);
	memcpy(before, kit_run(k, &y, 1), (size_t)n * sizeof *before);
	for (int i = 0; i < module_states(k->m); i++) {
		const buffer *u = module_state_at(k->m, i);
		if (!ends_with(u->name, "/u"))
			continue;
		size_t used = strlen(found);
		snprintf(found + used, sizeof found - used, "%s%.*s", used ? " " : "", layer_length(u), u->name);
		buffer *w = kernel_of(k->m, u);
		ck_assert_msg(w, "no kernel for %s", u->name);
		for (int64_t j = 0; j < shape_count(&w->s); j++)
			w->x[j] *= 3;
		ck_assert_msg(kit_worst(before, kit_run(k, &y, 1), n) < 10 * kit_tiny,
			"%s is not divided by its norm", w->name);
	}
	ck_assert_str_eq(found, matrices);
	free(before);
}
