/* import_put.c - the weights of a file into the parameters that they come from; gates and vectors of spectral norm to
 * match. */
#include "core/base/local.h"
#include "gan/keras/import/import_internal.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef REAL_DOUBLE
#define REAL_NEXT nextafter
#else
#define REAL_NEXT nextafterf
#endif

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

/* b = (weight - plus) / constant; the rest of the factor will be 1. What a gate of 0 hides stays as it is. */
static void put(const importer *p, const origin *o)
{
	const keras_weight *w = target_of(p, o);
	const int64_t n = shape_count(&w->s);
	bool used, shut = false;
	if (o->gamma)
		gate_kernel(p, o->gamma, &used, &shut);
	if (shut)
		return;
	for (int64_t i = 0; i < n; i++)
		o->b->x[i] = (real)(((double)w->x[i] - o->plus) / o->constant);
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
		const double top = sigma_top(kernel->b, kernel->u, kernel->by_rows, p->report.e);
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
	real *x = mem_new(n, sizeof *x, p->report.e);
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
		const double top = sigma_top(o->b, o->u, o->by_rows, p->report.e);
		ok = top == 0 || (top > 0 && sigma_set(o->b, o->u, o->by_rows, top, sigma, &exact, p->report.e));
		if (top == 0 || top < 1 - 1e-5)
			break;                       /* not near at all: rounding is not the matter */
	}
	free(x);
	return ok;
}

bool import_put(const importer *p)
{
	bool ok = true;
	for (int i = 0; i < p->weights; i++)
		if (p->from[i].b)
			put(p, &p->from[i]);
	for (int i = 0; ok && i < module_params(p->m); i++)
		if (module_param_at(p->m, i)->s.rank == 0)
			ok = put_gate(p, module_param_at(p->m, i));
	for (int i = 0; ok && i < p->weights; i++)
		if (p->from[i].u)
			ok = put_vector(p, &p->from[i]);
	return ok;
}

