/* request.c - latents and labels by number: rows of classes, lines between latents. */
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

int request_columns(const sampler *s, const sample_request *q)
{
	if (q->columns > 0)
		return q->columns;
	const int K = sampler_classes(s);
	if (q->label < 0 && !q->interpolate && K > 0 && K <= CLASS_COLUMNS_MOST && q->n >= K)
		return K;
	return (int)ceil(sqrt((double)q->n));
}

const char *request_heads(const sampler *s, const sample_request *q)
{
	const int K = sampler_classes(s);
	const bool by_class = q->label < 0 && !q->interpolate && K > 0 && request_columns(s, q) == K && q->n >= K;
	return by_class ? sampler_class_names(s) : NULL;
}

static int label_of(const sampler *s, const sample_request *q, int64_t k, int columns)
{
	const int K = sampler_classes(s);
	if (q->label >= 0 || K == 0)
		return MAX(q->label, 0);
	return (int)((q->interpolate ? k / columns : k) % K);
}

/* Row r goes from latent 2r to latent 2r+1 in equal steps, along the line between them. */
static void interpolated(int64_t Z, const sample_request *q, int64_t k, int columns, real *z, real *other)
{
	int64_t row = k / columns;
	double at = columns > 1 ? (double)(k % columns) / (columns - 1) : 0;
	request_latent(Z, q->seed, 2 * row, q->truncation, z);
	request_latent(Z, q->seed, 2 * row + 1, q->truncation, other);
	for (int64_t i = 0; i < Z; i++)
		z[i] = (real)((1 - at) * z[i] + at * other[i]);
}

bool request_latents(const sampler *s, const sample_request *q, real *z, real *label, fault *e)
{
	int64_t Z = sampler_latent_size(s);
	int columns = request_columns(s, q), K = sampler_classes(s);
	if (q->label >= 0 && (K == 0 || q->label >= K))
		return K == 0
			? fault_set(e, "class %d: the network is not conditional, it has no classes", q->label)
			: fault_set(e, "class %d: must be 0 to %d", q->label, K - 1);
	real *other = mem_new((size_t)Z, sizeof *other, e);
	for (int64_t k = 0; other && k < q->n; k++) {
		if (q->interpolate)
			interpolated(Z, q, k, columns, z + k * Z, other);
		else
			request_latent(Z, q->seed, k, q->truncation, z + k * Z);
		label[k] = (real)label_of(s, q, k, columns);
	}
	bool ok = other;
	free(other);
	return ok;
}

bool request_run(sampler *s, const sample_request *q, real *images, fault *e)
{
	real *z = mem_new((size_t)q->n * (size_t)sampler_latent_size(s), sizeof *z, e);
	real *label = mem_new((size_t)q->n, sizeof *label, e);
	bool ok = z && label && request_latents(s, q, z, label, e) && sampler_run(s, q->n, z, label, images, e);
	free(z);
	free(label);
	return ok;
}
