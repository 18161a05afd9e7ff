/* score.c - pooled pixels, their moments, and a fixed sample of the generator. */
#include "gan/sample/score.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "data/picture/image.h"

int score_side(int size)
{
	int side = MIN(size, SCORE_SIDE_MAX);
	while (size % side)
		side--;
	return side;
}

void score_pool(const real *x, int size, int channels, int side, double *y)
{
	const int area = size / side, n = side * side * channels;
	const double share = 1.0 / (area * area);
	for (int i = 0; i < n; i++)
		y[i] = 0;
	for (int h = 0; h < size; h++)
		for (int w = 0; w < size; w++) {
			double *to = y + ((int64_t)(h / area) * side + w / area) * channels;
			const real *from = x + ((int64_t)h * size + w) * channels;
			for (int c = 0; c < channels; c++)
				to[c] += share * (double)from[c];
		}
}

/* ---- real images ---- */

/* y [side,side,channels] with left and right exchanged. */
static void mirror(double *y, int side, int channels)
{
	for (int h = 0; h < side; h++)
		for (int w = 0; w < side / 2; w++)
			for (int c = 0; c < channels; c++) {
				double *a = y + (h * side + w) * channels + c;
				double *b = y + (h * side + side - 1 - w) * channels + c;
				const double t = *a;
				*a = *b;
				*b = t;
			}
}

bool score_real(const dataset *d, int64_t n, bool flip, moments *out, fault *e)
{
	const int side = score_side(d->h), k = side * side * d->c;
	const int64_t bytes = dataset_image_bytes(d);
	real *x = mem_new((size_t)bytes, sizeof *x, e);
	double *y = mem_new((size_t)k, sizeof *y, e);
	const bool ok = x && y && moments_init(out, k, e);
	must(d->h == d->w, "score of images of %dx%d", d->h, d->w);
	for (int64_t i = 0; ok && i < MIN(n, d->n); i++) {
		for (int64_t j = 0; j < bytes; j++)
			x[j] = pixel_real(d->pixels[i * bytes + j]);
		score_pool(x, d->h, d->c, side, y);
		moments_add(out, y, 1);
		if (flip) {
			mirror(y, side, d->c);
			moments_add(out, y, 1);
		}
	}
	free(x);
	free(y);
	return ok;
}

/* ---- the generator's ---- */

static bool draw_latents(scorer *s, const config *cfg, const dataset *d, fault *e)
{
	rng latent = rng_new((uint64_t)cfg->seed, "score latent");
	rng label = rng_new((uint64_t)cfg->seed, "score label");
	s->z = mem_new((size_t)(s->fakes * cfg->net.latent), sizeof *s->z, e);
	if (!s->z)
		return false;
	rng_fill_normal(&latent, s->z, s->fakes * cfg->net.latent);
	if (!cfg->model.conditional || !d->label)
		return true;
	s->label = mem_new((size_t)s->fakes, sizeof *s->label, e);
	for (int64_t i = 0; s->label && i < s->fakes; i++)
		s->label[i] = (real)d->label[rng_below(&label, d->n)];
	return s->label != NULL;
}

bool scorer_init(scorer *s, const config *cfg, const dataset *d, fault *e)
{
	*s = (scorer){.size = d->h, .channels = d->c, .side = score_side(d->h), .fakes = cfg->train.score_count};
	must(d->n >= 2 && s->fakes >= 2, "score of %lld images against %lld", (long long)s->fakes, (long long)d->n);
	snprintf(s->about, sizeof s->about,
		"Frechet distance of images averaged to %dx%dx%d, %lld samples against the first %lld of the data%s; "
		"lower is better", s->side, s->side, s->channels, (long long)s->fakes,
		(long long)MIN(d->n, SCORE_REAL_MAX), cfg->data.flip ? " and their mirror images" : "");
	if (draw_latents(s, cfg, d, e) && score_real(d, SCORE_REAL_MAX, cfg->data.flip, &s->real_moments, e))
		return true;
	scorer_free(s);
	return false;
}

void scorer_free(scorer *s)
{
	free(s->z);
	free(s->label);
	moments_free(&s->real_moments);
	*s = (scorer){0};
}

/* One batch of fakes [n,size,size,channels], as a picture shows them: within [-1,1]. */
static void add_fakes(const scorer *s, real *x, int64_t n, double *y, moments *m)
{
	const int64_t size = (int64_t)s->size * s->size * s->channels;
	for (int64_t i = 0; i < n * size; i++)
		x[i] = x[i] > 1 ? 1 : x[i] < -1 ? -1 : x[i];     /* NaN stays, and is told */
	for (int64_t i = 0; i < n; i++) {
		score_pool(x + i * size, s->size, s->channels, s->side, y);
		moments_add(m, y, 1);
	}
}

bool scorer_run(const scorer *s, sampler *from, double *out, fault *e)
{
	const int64_t batch = MIN(sampler_batch(from), s->fakes), Z = sampler_latent_size(from);
	moments fake = {0};
	real *x = mem_new((size_t)(batch * sampler_image_size(from)), sizeof *x, e);
	double *y = mem_new((size_t)s->real_moments.d, sizeof *y, e);
	bool ok = x && y && moments_init(&fake, s->real_moments.d, e);
	must(sampler_image_size(from) == (int64_t)s->size * s->size * s->channels, "score of another network");
	for (int64_t lo = 0; ok && lo < s->fakes; lo += batch) {
		const int64_t n = MIN(batch, s->fakes - lo);
		ok = sampler_run(from, n, s->z + lo * Z, s->label ? s->label + lo : NULL, x, e);
		if (ok)
			add_fakes(s, x, n, y, &fake);
	}
	ok = ok && frechet_distance(&s->real_moments, &fake, out, e);
	moments_free(&fake);
	free(x);
	free(y);
	return ok;
}
