/* import.c - finds out where the weights of a trace come from, and puts the file's there. */
#include "keras/import.h"

#include <float.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gan/config_apply.h"
#include "keras/import_internal.h"
#include "keras/trace.h"

enum { RUNS = 2 };

#ifdef REAL_DOUBLE
#define REAL_NEXT nextafter
#else
#define REAL_NEXT nextafterf
#endif

/* A network of either kind. */
typedef keras_model *(*trace_fn)(const void *net, enum keras_form form, error *e);
typedef struct subject {
	const void *net;
	module *m;
	trace_fn trace;
	enum keras_form form;
} subject;

/* Weight k of layer i is factor * b + plus, where factor = constant * gamma / sigma(b), gamma and sigma where b has
 * them. b NULL: a constant. */
typedef struct origin {
	int layer, k;
	buffer *b, *gamma, *u;
	bool by_rows;
	double constant, plus;
} origin;

/* What a run with random parameters showed: the line through buffer and weight. */
typedef struct line_fit {
	double a, c;
} line_fit;

typedef struct importer {
	subject s;
	keras_model *target;                         /* own; the trace's layers with the file's weights */
	origin *from;                                /* own, [weights] */
	int weights;
	real *params, *states;                       /* own; as they were */
	keras_line line;
	void *ctx;
	error *e;
	int wrong;
} importer;

static void complain(importer *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void complain(importer *p, const char *fmt, ...)
{
	char text[400];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (p->wrong++ == 0)
		error_set(p->e, "%s", text);
	if (p->line)
		p->line(p->ctx, text);
}

/* ---- the file's weights as a plain list ---- */

/* u of Keras' SpectralNormalization, whose kernel is divided already. */
static bool is_vector(const keras_layer *l, const keras_weight *w)
{
	return l->weights > 1 && (!strcmp(w->name, "vector_u") || !strcmp(w->name, "sn_u"));
}

/* The layers of `from` that own weights, in Keras' order; the arrays move. */
static keras_model *list_weights(keras_model *from, error *e)
{
	keras_model *w = keras_model_new(from->name, e);
	int *order = mem_new((size_t)from->layers, sizeof *order, e);
	bool ok = w && order && keras_order(from, order, e);
	for (int o = 0; ok && o < from->layers; o++) {
		keras_layer *l = &from->layer[from->topology ? order[o] : o];
		if (l->weights == 0)
			continue;
		const int i = keras_add(w, from->topology ? l->class_name : "", l->name, 0, NULL, e);
		const char *name = keras_text(l, "name", NULL);
		ok = i >= 0 && (!name || keras_set_text(w, i, "name", name, e));
		for (int k = 0; ok && k < l->weights; k++)
			ok = is_vector(l, &l->weight[k]) ||
				keras_add_weight(w, i, l->weight[k].name, l->weight[k].s, l->weight[k].x, e);
	}
	free(order);
	if (ok) {
		w->topology = false;
		return w;
	}
	keras_model_free(w);
	return NULL;
}

static bool has_own_classes(const keras_model *m)
{
	for (int i = 0; i < m->layers; i++)
		if (!strncmp(m->layer[i].class_name, "sagan>", 6))
			return true;
	return false;
}

/* ---- where weights come from ---- */

static bool ends_with(const char *name, const char *end)
{
	const size_t n = strlen(name), k = strlen(end);
	return n >= k && !strcmp(name + n - k, end);
}

/* Parameters, then states. */
static buffer *buffer_at(const module *m, int i)
{
	return i < module_params(m) ? module_param_at(m, i) : module_state_at(m, i - module_params(m));
}

/* Every parameter and state differs from every other, numbers alone too; variances are positive. */
static void randomise(module *m, rng *r)
{
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		buffer *b = buffer_at(m, i);
		const int64_t n = shape_count(&b->s);
		rng_fill_normal(r, b->x, n);
		for (int64_t k = 0; k < n; k++)
			if (ends_with(b->name, "moving_variance") || b->s.rank == 0)
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
	const real *params = module_param_block(p->s.m);
	if (b->x >= params && b->x < params + module_block_size(p->s.m))
		return r->params + (b->x - params);
	return r->states + (b->x - module_state_block(p->s.m));
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
	o->u = sigma_vector(p->s.m, o->b, &o->by_rows);
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
		for (int i = 0; i < module_params(p->s.m); i++) {
			buffer *g = module_param_at(p->s.m, i);
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
	module *m = p->s.m;
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
	module *m = p->s.m;
	const size_t np = (size_t)module_block_size(m), ns = (size_t)module_state_size(m);
	randomise(m, stream);
	r->params = mem_new(np, sizeof(real), p->e);
	r->states = mem_new(ns, sizeof(real), p->e);
	r->t = r->params && r->states ? p->s.trace(p->s.net, p->s.form, p->e) : NULL;
	if (!r->t)
		return false;
	memcpy(r->params, module_param_block(m), np * sizeof(real));
	memcpy(r->states, module_state_block(m), ns * sizeof(real));
	return true;
}

static bool find_origins(importer *p)
{
	run r[RUNS] = {{0}};
	rng stream = rng_new(1, "import");
	bool ok = true;
	for (int q = 0; ok && q < RUNS; q++)
		ok = run_take(p, &r[q], &stream);
	int n = 0;
	for (int i = 0; ok && i < p->target->layers; i++)
		n += p->target->layer[i].weights;
	p->from = ok ? mem_zero((size_t)n, sizeof *p->from, p->e) : NULL;
	for (int i = 0; p->from && i < p->target->layers; i++)
		for (int k = 0; k < p->target->layer[i].weights; k++)
			if (!find_origin(p, r, i, k, &p->from[p->weights++]))
				complain(p, "layer %s: weight %s is made of several parameters of the network; it cannot be taken "
					"apart", p->target->layer[i].name, p->target->layer[i].weight[k].name);
	for (int q = 0; q < RUNS; q++) {
		free(r[q].params);
		free(r[q].states);
		keras_model_free(r[q].t);
	}
	return p->from && p->wrong == 0;
}

/* ---- putting them back ---- */

static const keras_weight *target_of(const importer *p, const origin *o)
{
	return &p->target->layer[o->layer].weight[o->k];
}

static bool all_zero(const real *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (x[i] != 0)
			return false;
	return true;
}

/* b = (weight - plus) / constant; the rest of the factor will be 1. Behind a gate of 0 the signs are all that is left. */
static void put(const importer *p, const origin *o)
{
	const keras_weight *w = target_of(p, o);
	const int64_t n = shape_count(&w->s);
	const bool shut = o->gamma && all_zero(w->x, n);
	for (int64_t i = 0; i < n; i++)
		o->b->x[i] = shut ? (real)copysign((double)o->b->x[i], (double)w->x[i])
				  : (real)(((double)w->x[i] - o->plus) / o->constant);
}

/* The weight under spectral norm that a gate is folded into, or NULL; *shut when all that it scales is 0. */
static const origin *gate_kernel(const importer *p, const buffer *gamma, bool *used, bool *shut)
{
	const origin *kernel = NULL;
	*used = false;
	*shut = true;
	for (int i = 0; i < p->weights; i++) {
		const origin *o = &p->from[i];
		if (o->gamma != gamma)
			continue;
		*used = true;
		*shut = *shut && all_zero(target_of(p, o)->x, shape_count(&target_of(p, o)->s));
		if (o->u)
			kernel = o;
	}
	return kernel;
}

/* The largest power of two that is not above x. */
static double power_below(double x)
{
	int k;
	frexp(x, &k);
	return ldexp(1, k - 1);
}

/* Gates: 0, 1, or the power of two that leaves the kernel a norm from 1 to 2 (spectral norm's eps is not far from the
 * norms of a gate that has just opened); all that they scale is divided by it. */
static bool put_gate(const importer *p, buffer *gamma)
{
	bool used, shut;
	const origin *kernel = gate_kernel(p, gamma, &used, &shut);
	if (!used)
		return true;
	double value = shut ? 0 : 1;
	if (kernel && !shut) {
		const double top = sigma_top(kernel->b, kernel->u, kernel->by_rows, p->e);
		if (top < 0)
			return false;
		value = top > 0 ? power_below(top) : 1;
	}
	*gamma->x = (real)value;
	for (int i = 0; value > 0 && i < p->weights; i++) {
		const origin *o = &p->from[i];
		const int64_t n = shape_count(&o->b->s);
		for (int64_t k = 0; o->gamma == gamma && k < n; k++)
			o->b->x[k] = (real)((double)o->b->x[k] / value);
	}
	return true;
}

/* The b for which the network computes b * (1/sigma) = x, with its roundings. False when there is none. */
static bool multiply_back(real x, real sigma, real *b)
{
	const real factor = 1 / sigma;
	*b = x / factor;
	for (int way = 0; way < 3 && *b * factor != x; way++)
		*b = REAL_NEXT(x / factor, way == 0 ? (real)INFINITY : -(real)INFINITY);
	return *b * factor == x;
}

/* The parameter as `put` left it, in x, times sigma as exactly as that can be undone. */
static bool scale_back(const origin *o, const real *x, double sigma)
{
	const int64_t n = shape_count(&o->b->s);
	for (int64_t i = 0; i < n; i++)
		if (!multiply_back(x[i], (real)sigma, &o->b->x[i]))
			return false;
	return true;
}

/* Sigma becomes 1. Where no vector gives that to the last bit (a
 * kernel of one column has only one sigma), sigmas some units of rounding away are tried with a kernel to match. */
static bool put_vector(const importer *p, const origin *o)
{
	enum { OFFSETS = 33 };
	const size_t n = (size_t)shape_count(&o->b->s);
	real *x = mem_new(n, sizeof *x, p->e);
	bool ok = x != NULL, exact = false;
	if (x)
		memcpy(x, o->b->x, n * sizeof *x);
	for (int k = 0; ok && !exact && k <= OFFSETS; k++) {
		const double off = k == OFFSETS ? 0 : (k % 2 ? 1 : -1) * ((k + 1) / 2);
		const double sigma = 1 + off * (sizeof(real) == 4 ? FLT_EPSILON : DBL_EPSILON);
		if (off == 0)
			memcpy(o->b->x, x, n * sizeof *x);
		else if (!scale_back(o, x, sigma))
			continue;
		const double top = sigma_top(o->b, o->u, o->by_rows, p->e);
		ok = top == 0 || (top > 0 && sigma_set(o->b, o->u, o->by_rows, top, sigma, &exact, p->e));
		if (top == 0 || top < 1 - 1e-5)
			break;                       /* not near at all: rounding is not the matter */
	}
	free(x);
	return ok;
}

static bool put_all(importer *p)
{
	bool ok = true;
	for (int i = 0; i < p->weights; i++)
		if (p->from[i].b)
			put(p, &p->from[i]);
	for (int i = 0; ok && i < module_params(p->s.m); i++)
		if (module_param_at(p->s.m, i)->s.rank == 0)
			ok = put_gate(p, module_param_at(p->s.m, i));
	for (int i = 0; ok && i < p->weights; i++)
		if (p->from[i].u)
			ok = put_vector(p, &p->from[i]);
	return ok;
}

/* ---- what came of it ---- */

static void compare(const keras_model *now, const keras_model *want, keras_imported *out)
{
	for (int i = 0; i < want->layers; i++) {
		const keras_layer *l = &want->layer[i];
		out->layers += l->weights > 0;
		for (int k = 0; k < l->weights; k++) {
			const keras_weight *w = &l->weight[k], *v = &now->layer[i].weight[k];
			const int64_t n = shape_count(&w->s);
			double most = 0, off = 0;
			for (int64_t j = 0; j < n; j++) {
				most = MAX(most, fabs((double)w->x[j]));
				off = MAX(off, fabs((double)w->x[j] - (double)v->x[j]));
			}
			out->weights++;
			out->values += n;
			out->same = out->same && !memcmp(w->x, v->x, (size_t)n * sizeof(real));
			if (off > out->worst * (most > 0 ? most : 1)) {
				out->worst = off / (most > 0 ? most : 1);
				snprintf(out->worst_at, sizeof out->worst_at, "%s/%s", l->name, w->name);
			}
		}
	}
}

static bool verify(importer *p, keras_imported *out)
{
	keras_model *now = p->s.trace(p->s.net, p->s.form, p->e);
	*out = (keras_imported){.same = true};
	if (now)
		compare(now, p->target, out);
	keras_model_free(now);
	return now != NULL;
}

/* ---- all of it ---- */

static bool keep(importer *p)
{
	const size_t np = (size_t)module_block_size(p->s.m), ns = (size_t)module_state_size(p->s.m);
	p->params = mem_new(np, sizeof(real), p->e);
	p->states = mem_new(ns, sizeof(real), p->e);
	if (!p->params || !p->states)
		return false;
	memcpy(p->params, module_param_block(p->s.m), np * sizeof(real));
	memcpy(p->states, module_state_block(p->s.m), ns * sizeof(real));
	return true;
}

static void restore(importer *p)
{
	memcpy(module_param_block(p->s.m), p->params, (size_t)module_block_size(p->s.m) * sizeof(real));
	memcpy(module_state_block(p->s.m), p->states, (size_t)module_state_size(p->s.m) * sizeof(real));
}

/* The trace with the file's weights in the place of its own. */
static bool make_target(importer *p, keras_model *from)
{
	p->s.form = has_own_classes(from) ? KERAS_LAYERS : KERAS_STOCK;
	keras_model *w = list_weights(from, p->e);
	p->target = w ? p->s.trace(p->s.net, p->s.form, p->e) : NULL;
	const bool ok = p->target && keras_adopt(p->target, w, p->line, p->ctx, p->e);
	keras_model_free(w);
	return ok;
}

static bool import_into(subject s, keras_model *from, keras_imported *out, keras_line line, void *ctx, error *e)
{
	importer p = {.s = s, .line = line, .ctx = ctx, .e = e};
	bool ok = keep(&p) && make_target(&p, from);
	if (ok) {
		ok = find_origins(&p);
		restore(&p);
		ok = ok && put_all(&p) && verify(&p, out);
		if (!ok)
			restore(&p);
	}
	keras_model_free(p.target);
	free(p.from);
	free(p.params);
	free(p.states);
	return ok;
}

static keras_model *trace_g(const void *net, enum keras_form form, error *e)
{
	return keras_of_generator(net, form, e);
}

static keras_model *trace_d(const void *net, enum keras_form form, error *e)
{
	return keras_of_discriminator(net, form, e);
}

bool keras_import_generator(generator *n, keras_model *from, keras_imported *out, keras_line line, void *ctx,
			    error *e)
{
	return import_into((subject){n, generator_module(n), trace_g, KERAS_STOCK}, from, out, line, ctx, e);
}

bool keras_import_discriminator(discriminator *n, keras_model *from, keras_imported *out, keras_line line, void *ctx,
				error *e)
{
	return import_into((subject){n, discriminator_module(n), trace_d, KERAS_STOCK}, from, out, line, ctx, e);
}

/* ---- into a trainer ---- */

/* The trainer's networks belong to its graphs, so a network of the same config is imported into, and copied. */
static bool import_generator(trainer *t, const net_config *c, keras_model *m, keras_imported *out, keras_line line,
			     void *ctx, error *e)
{
	rng start = rng_new(0, "import");
	generator *n = generator_new(c, &start, e);
	if (n)
		module_copy(generator_module(n), trainer_generator(t));
	const bool ok = n && keras_import_generator(n, m, out, line, ctx, e);
	if (ok) {
		module_copy(trainer_generator(t), generator_module(n));
		if (trainer_ema(t))
			module_copy(trainer_ema(t), generator_module(n));
	}
	generator_free(n);
	return ok;
}

static bool import_discriminator(trainer *t, const net_config *c, keras_model *m, keras_imported *out,
				 keras_line line, void *ctx, error *e)
{
	rng start = rng_new(0, "import");
	discriminator *n = discriminator_new(c, &start, e);
	if (n)
		module_copy(discriminator_module(n), trainer_discriminator(t));
	const bool ok = n && keras_import_discriminator(n, m, out, line, ctx, e);
	if (ok)
		module_copy(trainer_discriminator(t), discriminator_module(n));
	discriminator_free(n);
	return ok;
}

bool keras_import_file(trainer *t, bool is_generator, const char *path, keras_imported *out, keras_line line,
		       void *ctx, error *e)
{
	net_config c;
	error why = {.text = ""};
	keras_model *m = config_network(trainer_config(t), &c, e) ? keras_read(path, NULL, e) : NULL;
	if (!m)
		return false;
	const bool ok = (is_generator ? import_generator : import_discriminator)(t, &c, m, out, line, ctx, &why);
	keras_model_free(m);
	return ok || error_set(e, "%s: %.900s", path, why.text);
}
