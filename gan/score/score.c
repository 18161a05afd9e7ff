/* score.c - pooled pixels, their moments, and a fixed sample of the generator. */
#include "gan/score/score.h"

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

net_size score_size(net_size size)
{
	return (net_size){score_side(size.h), score_side(size.w)};
}

void score_pool(const real *x, net_size size, int channels, net_size to, double *y)
{
	const int high = size.h / to.h, wide = size.w / to.w, n = to.h * to.w * channels;
	const double share = 1.0 / (high * wide);
	for (int i = 0; i < n; i++)
		y[i] = 0;
	for (int h = 0; h < size.h; h++)
		for (int w = 0; w < size.w; w++) {
			double *sum = y + ((int64_t)(h / high) * to.w + w / wide) * channels;
			const real *from = x + ((int64_t)h * size.w + w) * channels;
			for (int c = 0; c < channels; c++)
				sum[c] += share * (double)from[c];
		}
}

/* ---- real images ---- */

/* y [size,channels] with left and right exchanged. */
static void mirror(double *y, net_size size, int channels)
{
	for (int h = 0; h < size.h; h++)
		for (int w = 0; w < size.w / 2; w++)
			for (int c = 0; c < channels; c++) {
				double *a = y + (h * size.w + w) * channels + c;
				double *b = y + (h * size.w + size.w - 1 - w) * channels + c;
				const double t = *a;
				*a = *b;
				*b = t;
			}
}

static void add_real(const double *y, const dataset *d, int64_t i, moments *out, class_spread *spread)
{
	moments_add(out, y, 1);
	if (spread)
		class_spread_add(spread, d->label[i], y);
}

bool score_real(const dataset *d, int64_t n, bool flip, moments *out, class_spread *spread, fault *e)
{
	const net_size size = {d->h, d->w}, pooled = score_size(size);
	const int k = pooled.h * pooled.w * d->c;
	const int64_t bytes = dataset_image_bytes(d);
	real *x = mem_new((size_t)bytes, sizeof *x, e);
	double *y = mem_new((size_t)k, sizeof *y, e);
	const bool ok = x && y && moments_init(out, k, e);
	for (int64_t i = 0; ok && i < MIN(n, d->n); i++) {
		for (int64_t j = 0; j < bytes; j++)
			x[j] = pixel_real(d->pixels[i * bytes + j]);
		score_pool(x, size, d->c, pooled, y);
		add_real(y, d, i, out, spread);
		if (flip) {
			mirror(y, pooled, d->c);
			add_real(y, d, i, out, spread);
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
	*s = (scorer){.size = {d->h, d->w}, .channels = d->c, .fakes = cfg->train.score_count};
	s->pooled = score_size(s->size);
	must(d->n >= 2 && s->fakes >= 2, "score of %lld images against %lld", (long long)s->fakes, (long long)d->n);
	snprintf(s->about, sizeof s->about,
		"Frechet distance of images averaged to %dx%dx%d, %lld samples against the first %lld of the data%s; "
		"lower is better", s->pooled.h, s->pooled.w, s->channels, (long long)s->fakes,
		(long long)MIN(d->n, SCORE_REAL_MAX), cfg->data.flip ? " and their mirror images" : "");
	bool ok = draw_latents(s, cfg, d, e);
	if (ok && s->label)
		ok = class_spread_init(&s->real_spread, d->classes, s->pooled.h * s->pooled.w * s->channels, e);
	if (ok && score_real(d, SCORE_REAL_MAX, cfg->data.flip, &s->real_moments, s->label ? &s->real_spread : NULL, e))
		return true;
	scorer_free(s);
	return false;
}

void scorer_free(scorer *s)
{
	free(s->z);
	free(s->label);
	moments_free(&s->real_moments);
	class_spread_free(&s->real_spread);
	*s = (scorer){0};
}

/* What the images of a generator add up to. */
typedef struct fakes {
	moments all;                                 /* own */
	class_spread by_class;                       /* own; without classes empty */
	real *x;                                     /* own; a batch [n,size,channels] */
	double *y;                                   /* own; a pooled image */
} fakes;

static bool fakes_init(fakes *f, const scorer *s, int64_t batch, int64_t image_size, fault *e)
{
	const int64_t d = s->real_moments.d;
	*f = (fakes){0};
	f->x = mem_new((size_t)(batch * image_size), sizeof *f->x, e);
	f->y = mem_new((size_t)d, sizeof *f->y, e);
	return f->x && f->y && moments_init(&f->all, d, e)
		&& (!s->label || class_spread_init(&f->by_class, s->real_spread.classes, d, e));
}

static void fakes_free(fakes *f)
{
	moments_free(&f->all);
	class_spread_free(&f->by_class);
	free(f->x);
	free(f->y);
}

/* A batch of n fakes, as a picture shows them: within [-1,1]. label [n], or NULL. */
static void fakes_add(fakes *f, const scorer *s, int64_t n, const real *label)
{
	const int64_t size = (int64_t)s->size.h * s->size.w * s->channels;
	real *x = f->x;
	for (int64_t i = 0; i < n * size; i++)
		x[i] = x[i] > 1 ? 1 : x[i] < -1 ? -1 : x[i];     /* NaN stays, and is told */
	for (int64_t i = 0; i < n; i++) {
		score_pool(x + i * size, s->size, s->channels, s->pooled, f->y);
		moments_add(&f->all, f->y, 1);
		if (label)
			class_spread_add(&f->by_class, (int)label[i], f->y);
	}
}

bool scorer_run(scorer *s, sampler *from, judgement *out, fault *e)
{
	const int64_t batch = MIN(sampler_batch(from), s->fakes), Z = sampler_latent_size(from);
	fakes f;
	*out = (judgement){0};
	must(sampler_image_size(from) == (int64_t)s->size.h * s->size.w * s->channels, "score of another network");
	bool ok = fakes_init(&f, s, batch, sampler_image_size(from), e);
	for (int64_t lo = 0; ok && lo < s->fakes; lo += batch) {
		const int64_t n = MIN(batch, s->fakes - lo);
		const real *label = s->label ? s->label + lo : NULL;
		ok = sampler_run(from, n, s->z + lo * Z, label, f.x, e);
		if (ok)
			fakes_add(&f, s, n, label);
	}
	ok = ok && frechet_distance(&s->real_moments, &f.all, &out->score, e);
	out->has_spread = ok && s->label
		&& class_spread_compare(&s->real_spread, &f.by_class, &out->mean, &out->lowest, &out->lowest_class);
	fakes_free(&f);
	return ok;
}
