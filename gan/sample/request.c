/* request.c - latents and labels by number: rows of classes, ways between latents, steps along a direction. */
#include "gan/sample/request.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/local.h"

void request_random(rng *r, int64_t n, int64_t Z, int classes, real *z, real *label)
{
	rng_fill_normal(r, z, n * Z);
	for (int64_t i = 0; i < n; i++)
		label[i] = (real)(classes ? rng_below(r, classes) : 0);
}

/* A stretch of the stream of its own, so that it does not depend on how many were drawn. */
void request_latent(int64_t Z, uint64_t seed, int64_t k, double truncation, real *z)
{
	rng r = rng_new(seed, "sample");
	r.counter = (uint64_t)k << 32;
	if (truncation > 0)
		rng_fill_truncated(&r, z, Z, truncation);
	else
		rng_fill_normal(&r, z, Z);
}

/* More columns than this make images too small to look at. */
enum { CLASS_COLUMNS_MOST = 32 };

/* Rows that are no classes side by side. */
static bool has_rows(const sample_request *q)
{
	return q->interpolate || q->direction || q->steps;
}

static bool by_class(const sampler *s, const sample_request *q)
{
	const int K = sampler_classes(s);
	return q->label < 0 && !has_rows(q) && K > 0 && K <= CLASS_COLUMNS_MOST && q->n >= K;
}

int request_columns(const sampler *s, const sample_request *q)
{
	if (q->columns > 0)
		return q->columns;
	if (q->steps)
		return (int)((q->n + q->steps - 1) / q->steps);
	return by_class(s, q) ? sampler_classes(s) : (int)ceil(sqrt((double)q->n));
}

const char *request_heads(const sampler *s, const sample_request *q)
{
	const int K = sampler_classes(s);
	const bool wide = q->label < 0 && !has_rows(q) && K > 0 && q->n >= K;
	return wide && request_columns(s, q) == K ? sampler_class_names(s) : NULL;
}

static int label_of(const sampler *s, const sample_request *q, int64_t k, int columns)
{
	const int K = sampler_classes(s);
	if (q->label >= 0 || K == 0)
		return MAX(q->label, 0);
	if (q->steps)
		return (int)(k % columns % K);
	return (int)((has_rows(q) ? k / columns : k) % K);
}

/* ---- ways ---- */

/* Where an image stands on the way of its row: from 0 to 1, which a way without an end does not reach. */
static double place_of(const sample_request *q, int64_t k, int columns)
{
	if (q->loop)
		return (double)(k % columns) / columns;
	return columns > 1 ? (double)(k % columns) / (columns - 1) : 0;
}

/* A leg of a way: from stop `from` to stop `to`, of which `at` is done. */
typedef struct leg {
	int stops, from, to;
	double at;
} leg;

static leg leg_of(const sample_request *q, int64_t k, int columns)
{
	enum { LOOP_STOPS = 4 };                     /* fewer show little, more move fast */
	const int stops = q->stops ? q->stops : q->loop ? LOOP_STOPS : 2, legs = q->loop ? stops : MAX(stops - 1, 1);
	const double way = place_of(q, k, columns) * legs;
	const int i = MIN((int)way, legs - 1);
	return (leg){stops, i, (i + 1) % stops, way - i};
}

static double length_of(const real *z, int64_t n)
{
	double sum = 0;
	for (int64_t i = 0; i < n; i++)
		sum += (double)z[i] * (double)z[i];
	return sqrt(sum);
}

/* z becomes the point between z and other on the arc of the great circle (slerp: Shoemake 1985; of latents White,
 * arXiv 1609.04468): directions turn at one speed, and lengths, which hardly differ, change in equal steps. Half way on
 * the line between two latents lies a point too near to 0, as no latent of training does. */
static void turn(real *z, const real *other, int64_t Z, double at)
{
	const double a = length_of(z, Z), b = length_of(other, Z);
	double dot = 0;
	for (int64_t i = 0; i < Z; i++)
		dot += (double)z[i] * (double)other[i];
	const double angle = a > 0 && b > 0 ? acos(MAX(-1, MIN(dot / (a * b), 1))) : 0, s = sin(angle);
	const bool flat = s < 1e-6;                  /* no arc is defined: the line */
	const double length = (1 - at) * a + at * b;
	const double p = flat ? 1 - at : sin((1 - at) * angle) / s * length / a;
	const double q = flat ? at : sin(at * angle) / s * length / b;
	if (at <= 0)
		return;
	for (int64_t i = 0; i < Z; i++)
		z[i] = (real)(at >= 1 ? (double)other[i] : p * (double)z[i] + q * (double)other[i]);
}

/* Row r leads through latents r * stops, and those behind it. */
static void interpolated(int64_t Z, const sample_request *q, int64_t k, int columns, real *z, real *other)
{
	const leg l = leg_of(q, k, columns);
	const int64_t first = k / columns * l.stops;
	request_latent(Z, q->seed, first + l.from, q->truncation, z);
	request_latent(Z, q->seed, first + l.to, q->truncation, other);
	turn(z, other, Z, l.at);
}

static void along(int64_t Z, const sample_request *q, int64_t k, int columns, real *z)
{
	const double reach = 3, turn_of_2 = 6.283185307179586;       /* SeFa's interfacegan_utils: -3 to 3 */
	const double at = place_of(q, k, columns), step = q->loop ? sin(turn_of_2 * at) : 2 * at - 1;
	request_latent(Z, q->seed, k / columns, q->truncation, z);
	for (int64_t i = 0; i < Z; i++)
		z[i] += (real)(reach * step * (double)q->direction[i]);
}

/* ---- parts ---- */

static void latent_of(int64_t Z, const sample_request *q, int64_t k, int columns, real *z, real *other)
{
	if (q->interpolate)
		interpolated(Z, q, k, columns, z, other);
	else if (q->direction)
		along(Z, q, k, columns, z);
	else if (q->steps)
		request_latent(Z, q->seed, k % columns, q->step[k / columns % q->steps], z);
	else
		request_latent(Z, q->seed, k, q->truncation, z);
}

/* Shares [K] of the classes between which image k lies. */
static void share_of(const sample_request *q, int64_t k, int columns, int K, real *share)
{
	const leg l = leg_of(q, k, columns);
	for (int i = 0; i < K; i++)
		share[i] = 0;
	share[q->stop[l.from]] += (real)(1 - l.at);
	share[q->stop[l.to]] += (real)l.at;
}

static bool check_class(const sampler *s, int label, fault *e)
{
	const int K = sampler_classes(s);
	if (K == 0)
		return fault_set(e, "class %d: the network is not conditional, it has no classes", label);
	return label < K || fault_set(e, "class %d: must be 0 to %d", label, K - 1);
}

bool request_part(const sampler *s, const sample_request *q, int64_t lo, int64_t m, real *z, real *label, real *share,
	fault *e)
{
	const int64_t Z = sampler_latent_size(s);
	const int columns = request_columns(s, q), K = sampler_classes(s);
	if (q->label >= 0 && !check_class(s, q->label, e))
		return false;
	for (int i = 0; i < q->stops; i++)
		if (!check_class(s, q->stop[i], e))
			return false;
	real *other = mem_new((size_t)Z, sizeof *other, e);
	for (int64_t i = 0; other && i < m; i++) {
		latent_of(Z, q, lo + i, columns, z + i * Z, other);
		label[i] = (real)label_of(s, q, lo + i, columns);
		if (q->stops) {
			const leg l = leg_of(q, lo + i, columns);
			label[i] = (real)q->stop[l.at < 0.5 ? l.from : l.to];
			if (share)
				share_of(q, lo + i, columns, K, share + i * K);
		}
	}
	const bool ok = other;
	free(other);
	return ok;
}

bool request_latents(const sampler *s, const sample_request *q, real *z, real *label, fault *e)
{
	return request_part(s, q, 0, q->n, z, label, NULL, e);
}

bool request_run_part(sampler *s, const sample_request *q, int64_t lo, int64_t m, real *images, fault *e)
{
	real *z = mem_new((size_t)m * (size_t)sampler_latent_size(s), sizeof *z, e);
	real *label = mem_new((size_t)m, sizeof *label, e);
	real *share = mem_new((size_t)m * (size_t)MAX(sampler_classes(s), 1), sizeof *share, e);
	const bool ok = z && label && share && request_part(s, q, lo, m, z, label, share, e)
		&& (q->stops ? sampler_mix(s, m, z, share, images, e) : sampler_run(s, m, z, label, images, e));
	free(z);
	free(label);
	free(share);
	return ok;
}

bool request_run(sampler *s, const sample_request *q, real *images, fault *e)
{
	return request_run_part(s, q, 0, q->n, images, e);
}
