/* import_origin.c - finds out where the weights of a trace come from, by traces of random parameters.
 *
 * Why by experiment, when the tracer could write down what it does? It folds as it goes: a scale waits until it meets a
 * kernel, a shift goes into a bias or becomes a layer, a table gets its 1, sigma is part of a value that a plan
 * computes (trace_fold.c). Every rule would have to carry its inverse along, through every layer type, and each new
 * rule would owe one; a wrong inverse would put wrong numbers into a network without a word. Two traces with random
 * parameters need no knowledge of the rules: whatever they are, a weight that is a line in one parameter shows it, with
 * all its elements, and one that is not is refused by name. What the lines say is proved at the end: the network is
 * traced once more and compared with the file (import.c, verify). It costs two traces more. */
#include "core/base/local.h"
#include "gan/keras/import/import_internal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 2 };

/* What a run with random parameters showed: the line through buffer and weight. */
typedef struct line_fit {
	double a, c;
} line_fit;

/* Parameters, then states. */
static buffer *buffer_at(const module *m, int i)
{
	return i < module_params(m) ? module_param_at(m, i) : module_state_at(m, i - module_params(m));
}

static bool is_variance(const module *m, int i)
{
	return i >= module_params(m) && module_role_at(m, i - module_params(m)).kind == STATE_MOVING_VARIANCE;
}

/* Every parameter and state differs from every other, numbers alone too; variances are positive. */
static void randomise(module *m, rng *r)
{
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		buffer *b = buffer_at(m, i);
		const int64_t n = shape_count(&b->s);
		rng_fill_normal(r, b->x, n);
		for (int64_t k = 0; k < n; k++)
			if (is_variance(m, i) || b->s.rank == 0)
				b->x[k] = (real)(0.5 + fabs((double)b->x[k]));
	}
}

/* y = a x + c for all elements? c is 0 or 1. */
static bool fits_line(const real *x, const real *y, int64_t n, line_fit *f)
{
	int64_t hi = 0, lo = 0;
	for (int64_t i = 1; i < n; i++) {
		hi = x[i] > x[hi] ? i : hi;
		lo = x[i] < x[lo] ? i : lo;
	}
	f->c = 0;
	f->a = (double)y[hi] / (double)x[hi];
	if (hi != lo) {
		f->a = ((double)y[hi] - (double)y[lo]) / ((double)x[hi] - (double)x[lo]);
		f->c = (double)y[hi] - f->a * (double)x[hi];
		f->c = fabs(f->c - 1) < 1e-3 ? 1 : fabs(f->c) < 1e-3 ? 0 : f->c;
	}
	double most = 0;
	for (int64_t i = 0; i < n; i++)
		most = MAX(most, fabs((double)y[i]));
	for (int64_t i = 0; i < n; i++)
		if (!(fabs((double)y[i] - f->a * (double)x[i] - f->c) <= 1e-4 * most))
			return false;
	return (f->c == 0 || f->c == 1) && f->a != 0 && isfinite(f->a);
}

/* What the runs left of one network: parameters and states, sigma of every buffer that has one. */
typedef struct run {
	real *params, *states;                       /* own */
	keras_model *t;                              /* own */
} run;

static const real *in_run(const importer *p, const run *r, const buffer *b)
{
	const real *params = module_param_block(p->m);
	if (b->x >= params && b->x < params + module_block_size(p->m))
		return r->params + (b->x - params);
	return r->states + (b->x - module_state_block(p->m));
}

/* |W u| of a run. */
static double sigma_in(const importer *p, const run *r, const buffer *w, const buffer *u, bool by_rows)
{
	union {                                      /* read only */
		const real *in;
		real *out;
	} wx = {in_run(p, r, w)}, ux = {in_run(p, r, u)};
	const buffer w_then = {.s = w->s, .x = wx.out}, u_then = {.s = u->s, .x = ux.out};
	return sigma_estimate(&w_then, &u_then, by_rows);
}

static bool about_equal(double a, double b)
{
	return fabs(a - b) <= 1e-4 * MAX(fabs(a), fabs(b));
}

/* Explains the factors of the runs by sigma and a gate; false: they stay unexplained. */
static bool explain(const importer *p, const run *r, const line_fit f[RUNS], origin *o)
{
	double s[RUNS];
	o->u = sigma_vector(p->m, o->b, &o->by_rows);
	for (int k = 0; k < RUNS; k++)
		s[k] = o->u ? sigma_in(p, &r[k], o->b, o->u, o->by_rows) : 1;
	for (int with_sigma = o->u ? 1 : 0; with_sigma >= 0; with_sigma--) {
		const double a0 = f[0].a * (with_sigma ? s[0] : 1), a1 = f[1].a * (with_sigma ? s[1] : 1);
		o->gamma = NULL;
		o->constant = a0;
		if (about_equal(a0, a1)) {
			o->u = with_sigma ? o->u : NULL;
			return true;
		}
		for (int i = 0; i < module_params(p->m); i++) {
			buffer *g = module_param_at(p->m, i);
			if (g->s.rank != 0 || g == o->b)
				continue;
			o->constant = a0 / (double)*in_run(p, &r[0], g);
			if (!about_equal(o->constant, a1 / (double)*in_run(p, &r[1], g)))
				continue;
			o->gamma = g;
			o->u = with_sigma ? o->u : NULL;
			return true;
		}
	}
	return false;
}

/* Constants of networks are 1, whole numbers and roots of them, or their reciprocals: seen through float32 they are
 * known to seven digits only. */
static double snapped(double c)
{
	const double square = c * c, n = square >= 1 ? square : 1 / square;
	if (!(n < 1e9) || fabs(n - round(n)) > 1e-4 * n || fabs(round(n) - n) > 1e-2)
		return c;
	return copysign(square >= 1 ? sqrt(round(n)) : 1 / sqrt(round(n)), c);
}

/* The parameter or state that weight k of layer i of the traces comes from. */
static bool find_origin(const importer *p, const run *r, int i, int k, origin *o)
{
	const keras_weight *w[RUNS] = {&r[0].t->layer[i].weight[k], &r[1].t->layer[i].weight[k]};
	const int64_t n = shape_count(&w[0]->s);
	module *m = p->m;
	*o = (origin){.layer = i, .k = k};
	if (!memcmp(w[0]->x, w[1]->x, (size_t)n * sizeof(real)))
		return true;
	const int count = module_params(m) + module_states(m);
	for (int b = 0; b < count; b++) {
		o->b = buffer_at(m, b);
		o->constant = 1;
		if (shape_count(&o->b->s) == n && !memcmp(in_run(p, &r[0], o->b), w[0]->x, (size_t)n * sizeof(real)))
			return true;
	}
	for (int b = 0; b < count; b++) {
		line_fit f[RUNS];
		bool fits = true;
		o->b = buffer_at(m, b);
		if (shape_count(&o->b->s) != n)
			continue;
		for (int q = 0; fits && q < RUNS; q++)
			fits = fits_line(in_run(p, &r[q], o->b), w[q]->x, n, &f[q]);
		o->plus = f[0].c;
		if (fits && f[0].c == f[1].c && explain(p, r, f, o)) {
			o->constant = snapped(o->constant);
			return true;
		}
	}
	return false;
}

static bool run_take(importer *p, run *r, rng *stream)
{
	module *m = p->m;
	const size_t np = (size_t)module_block_size(m), ns = (size_t)module_state_size(m);
	randomise(m, stream);
	r->params = mem_new(np, sizeof(real), p->report.e);
	r->states = mem_new(ns, sizeof(real), p->report.e);
	r->t = r->params && r->states ? keras_of_network(p->n, p->form, p->report.e) : NULL;
	if (!r->t)
		return false;
	memcpy(r->params, module_param_block(m), np * sizeof(real));
	memcpy(r->states, module_state_block(m), ns * sizeof(real));
	return true;
}

bool import_find_origins(importer *p)
{
	run r[RUNS] = {{0}};
	rng stream = rng_new(1, "import");
	bool ok = true;
	for (int q = 0; ok && q < RUNS; q++)
		ok = run_take(p, &r[q], &stream);
	int n = 0;
	for (int i = 0; ok && i < p->target->layers; i++)
		n += p->target->layer[i].weights;
	p->from = ok ? mem_zero((size_t)n, sizeof *p->from, p->report.e) : NULL;
	for (int i = 0; p->from && i < p->target->layers; i++)
		for (int k = 0; k < p->target->layer[i].weights; k++)
			if (!find_origin(p, r, i, k, &p->from[p->weights++]))
				complaints_add(&p->report, "layer %s: weight %s is made of several parameters of the "
					"network; it cannot be taken apart", p->target->layer[i].name,
					p->target->layer[i].weight[k].name);
	for (int q = 0; q < RUNS; q++) {
		free(r[q].params);
		free(r[q].states);
		keras_model_free(r[q].t);
	}
	return p->from && p->report.wrong == 0;
}

