/* init.c - how parameters start: one row per kind.
 *
 * Formulas as the originals': Keras' variance scaling, PyTorch's bounds, orthogonal matrices by
 * Gram-Schmidt in double whatever the arithmetic of the program. */
#include "layers/init.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

/* Standard deviation of a unit normal cut at two deviations (scipy.stats.truncnorm.std(-2, 2)). */
#define TRUNCATED_DEVIATION 0.87962566103423978

void init_fans(const shape *s, double *fan_in, double *fan_out)
{
	if (s->rank < 2) {
		*fan_in = *fan_out = (double)shape_count(s);
		return;
	}
	double taps = 1;
	for (int i = 0; i < s->rank - 2; i++)
		taps *= (double)s->dim[i];
	*fan_in = taps * (double)s->dim[s->rank - 2];
	*fan_out = taps * (double)s->dim[s->rank - 1];
}

static double gain(init i)
{
	return i.value != 0 ? i.value : 1;
}

static void fill(real *x, int64_t n, double c)
{
	for (int64_t k = 0; k < n; k++)
		x[k] = (real)c;
}

static void scale(real *x, int64_t n, double c)
{
	for (int64_t k = 0; k < n; k++)
		x[k] = (real)(c * (double)x[k]);
}

static void uniform(real *x, int64_t n, double bound, rng *r)
{
	rng_fill_uniform(r, x, n);
	for (int64_t k = 0; k < n; k++)
		x[k] = (real)(bound * (2 * (double)x[k] - 1));
}

/* ---- one function per kind: x [s] ---- */

static bool draw_zeros(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)i, (void)r, (void)e;
	fill(x, shape_count(s), 0);
	return true;
}

static bool draw_ones(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)i, (void)r, (void)e;
	fill(x, shape_count(s), 1);
	return true;
}

static bool draw_constant(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)r, (void)e;
	fill(x, shape_count(s), i.value);
	return true;
}

static bool draw_normal(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)e;
	rng_fill_normal(r, x, shape_count(s));
	scale(x, shape_count(s), i.value);
	return true;
}

static bool draw_truncated(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)e;
	rng_fill_truncated(r, x, shape_count(s), 2);
	scale(x, shape_count(s), i.value);
	return true;
}

/* l = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio, AISTATS 2010, eq. 16). */
static bool draw_glorot_uniform(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)e;
	double in, out;
	init_fans(s, &in, &out);
	uniform(x, shape_count(s), gain(i) * sqrt(6 / (in + out)), r);
	return true;
}

static bool draw_glorot_normal(init i, const shape *s, real *x, rng *r, fault *e)
{
	double in, out;
	init_fans(s, &in, &out);
	return draw_normal((init){INIT_NORMAL, gain(i) * sqrt(2 / (in + out))}, s, x, r, e);
}

static bool draw_he_fan_out(init i, const shape *s, real *x, rng *r, fault *e)
{
	double in, out;
	init_fans(s, &in, &out);
	return draw_truncated((init){INIT_TRUNCATED, gain(i) * sqrt(2 / out) / TRUNCATED_DEVIATION}, s, x, r, e);
}

static bool draw_torch_uniform(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)e;
	double in, out;
	init_fans(s, &in, &out);
	uniform(x, shape_count(s), i.value > 0 ? i.value : 1 / sqrt(in), r);
	return true;
}

/* sum a[i] b[i] in eight lanes, so that the order is fixed and the compiler may use vectors. */
static double dot(const double *a, const double *b, int64_t n)
{
	double lane[8] = {0}, sum = 0;
	int64_t i = 0;
	for (; i + 8 <= n; i += 8)
		for (int k = 0; k < 8; k++)
			lane[k] += a[i + k] * b[i + k];
	for (; i < n; i++)
		sum += a[i] * b[i];
	for (int k = 0; k < 8; k++)
		sum += lane[k];
	return sum;
}

/* q -= (q.p) p for every earlier row p, then q is scaled to length 1. Twice is enough (Giraud,
 * Langou, Rozloznik 2005): the rows are orthogonal to rounding. */
static void orthogonalise(double *row, int64_t k, int64_t n)
{
	double *q = row + k * n;
	for (int pass = 0; pass < 2; pass++)
		for (int64_t j = 0; j < k; j++) {
			const double *p = row + j * n;
			double c = dot(q, p, n);
			for (int64_t i = 0; i < n; i++)
				q[i] -= c * p[i];
		}
	double length = sqrt(dot(q, q, n));
	for (int64_t i = 0; i < n; i++)
		q[i] /= length;
}

/* A matrix [rows, out] with orthonormal columns or rows, whichever are fewer, times the gain. QR of
 * a Gaussian matrix with positive diagonal of R (arXiv 1312.6120; torch.nn.init.orthogonal_). */
static bool draw_orthogonal(init i, const shape *s, real *x, rng *r, fault *e)
{
	int64_t out = shape_last(s), rows = shape_count(s) / MAX(out, 1);
	int64_t few = MIN(out, rows), many = MAX(out, rows);
	double *q = mem_new((size_t)(few * many), sizeof *q, e);
	if (!q)
		return false;
	rng_fill_normal(r, x, few * many);
	for (int64_t k = 0; k < few * many; k++)
		q[k] = (double)x[k];
	for (int64_t k = 0; k < few; k++)
		orthogonalise(q, k, many);
	for (int64_t k = 0; k < few; k++)
		for (int64_t j = 0; j < many; j++)
			x[out < rows ? j * out + k : k * out + j] = (real)(gain(i) * q[k * many + j]);
	free(q);
	return true;
}

static bool draw_unit_normal(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)i, (void)e;
	int64_t n = shape_count(s);
	double sum = 0;
	rng_fill_normal(r, x, n);
	for (int64_t k = 0; k < n; k++)
		sum += (double)x[k] * (double)x[k];
	scale(x, n, 1 / sqrt(sum));
	return true;
}

/* binom(n, i) / 2^n */
static double binomial(int64_t n, int64_t i)
{
	double c = 1;
	for (int64_t k = 0; k < n; k++)
		c *= k < i ? 0.5 * (double)(n - k) / (double)(k + 1) : 0.5;
	return c;
}

/* The blur of arXiv 1904.11486 in every channel. */
static bool draw_binomial(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)i, (void)r, (void)e;
	int64_t rest = shape_count(s) / (s->dim[0] * s->dim[1]);
	for (int64_t a = 0; a < s->dim[0]; a++)
		for (int64_t b = 0; b < s->dim[1]; b++)
			fill(x + (a * s->dim[1] + b) * rest, rest,
			     binomial(s->dim[0] - 1, a) * binomial(s->dim[1] - 1, b));
	return true;
}

static bool draw_identity(init i, const shape *s, real *x, rng *r, fault *e)
{
	(void)i, (void)r, (void)e;
	int64_t n = shape_last(s);
	fill(x, shape_count(s), 0);
	for (int64_t k = 0; k < MIN(n, shape_count(s) / n); k++)
		x[k * n + k] = 1;
	return true;
}

static bool (*const draw[])(init, const shape *, real *, rng *, fault *) = {
	[INIT_ZEROS]          = draw_zeros,
	[INIT_ONES]           = draw_ones,
	[INIT_CONSTANT]       = draw_constant,
	[INIT_NORMAL]         = draw_normal,
	[INIT_TRUNCATED]      = draw_truncated,
	[INIT_GLOROT_UNIFORM] = draw_glorot_uniform,
	[INIT_GLOROT_NORMAL]  = draw_glorot_normal,
	[INIT_HE_FAN_OUT]     = draw_he_fan_out,
	[INIT_ORTHOGONAL]     = draw_orthogonal,
	[INIT_TORCH_UNIFORM]  = draw_torch_uniform,
	[INIT_UNIT_NORMAL]    = draw_unit_normal,
	[INIT_BINOMIAL]       = draw_binomial,
	[INIT_IDENTITY]       = draw_identity,
};

bool init_draw(init i, const shape *s, real *x, rng *r, fault *e)
{
	return draw[i.kind](i, s, x, r, e);
}
