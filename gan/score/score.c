/* score.c - the real images once, and a fixed sample of the generator each time. */
#include "gan/score/score.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "data/picture/image.h"

enum { PORTION = 64 };                               /* real images that are looked at together */

/* A portion of images and what is made of it. */
typedef struct portion {
	real *images, *x, *pooled;                   /* own; [n,size,channels], [n,D], [n,pooled,channels] */
	double *point;                               /* own; one of the pooled ones */
} portion;

static bool portion_init(portion *b, int64_t n, net_size size, int channels, const lens *look, fault *e)
{
	const net_size to = pool_size(size, POOL_SIDE_MAX);
	const size_t N = (size_t)n, k = (size_t)(to.h * to.w * channels);
	*b = (portion){0};
	return (b->images = mem_new(N * (size_t)(size.h * size.w * channels), sizeof(real), e))
		&& (b->x = mem_new(N * (size_t)lens_count(look), sizeof(real), e))
		&& (b->pooled = mem_new(N * k, sizeof(real), e)) && (b->point = mem_new(k, sizeof(double), e));
}

static void portion_free(portion *b)
{
	free(b->images);
	free(b->x);
	free(b->pooled);
	free(b->point);
}

/* n images: through the lens to the moments, and as pixels to the spread of their classes. label [n]; NULL: none. */
static bool add(portion *b, int64_t n, net_size size, int channels, lens *look, const int32_t *label, moments *m,
	class_spread *spread, fault *e)
{
	const net_size to = pool_size(size, POOL_SIDE_MAX);
	if (!lens_look(look, b->images, n, b->x, NULL, e))
		return false;
	moments_add_real(m, b->x, n);
	if (!spread)
		return true;
	pool_images(b->images, n, size, channels, to, b->pooled);
	for (int64_t i = 0; i < n; i++) {
		for (int64_t k = 0; k < spread->d; k++)
			b->point[k] = (double)b->pooled[i * spread->d + k];
		class_spread_add(spread, label[i], b->point);
	}
	return true;
}

/* ---- real images ---- */

/* x [n,h,w,c] with left and right exchanged. */
static void mirror(real *x, int64_t n, int h, int w, int c)
{
	for (int64_t row = 0; row < n * h; row++)
		for (int i = 0; i < w / 2; i++)
			for (int k = 0; k < c; k++) {
				real *a = x + (row * w + i) * c + k, *b = x + (row * w + w - 1 - i) * c + k;
				const real t = *a;
				*a = *b;
				*b = t;
			}
}

/* Which n images of a set stand for it: the same for every run. A folder has one class after the other. new/free. */
static int64_t *chosen(const dataset *d, int64_t n, fault *e)
{
	return rng_subset(0, "images of a score", n, d->n, e);
}

bool score_real(const dataset *d, int64_t n, bool flip, lens *look, moments *out, class_spread *spread, fault *e)
{
	const net_size size = {d->h, d->w};
	const int64_t bytes = dataset_image_bytes(d), all = MIN(n, d->n);
	portion b = {0};
	int64_t *which = chosen(d, all, e);
	bool ok = which && portion_init(&b, PORTION, size, d->c, look, e) && moments_init(out, lens_count(look), e);
	for (int64_t lo = 0; ok && lo < all; lo += PORTION) {
		const int64_t k = MIN(PORTION, all - lo);
		int32_t label[PORTION];
		for (int64_t i = 0; i < k; i++) {
			const int64_t at = which[lo + i];
			label[i] = d->label ? d->label[at] : 0;
			for (int64_t j = 0; j < bytes; j++)
				b.images[i * bytes + j] = pixel_real(d->pixels[at * bytes + j]);
		}
		ok = add(&b, k, size, d->c, look, label, out, spread, e);
		if (ok && flip) {
			mirror(b.images, k, d->h, d->w, d->c);
			ok = add(&b, k, size, d->c, look, label, out, spread, e);
		}
	}
	portion_free(&b);
	free(which);
	return ok;
}

/* ---- the generator's ---- */

/* Classes in order, each as often as among the real images. Drawn at random, their shares alone make an FID of digits
 * 0.01 larger or smaller (seeds 1 and 2 of the demo), which is as much as a good generator has. */
static bool share_labels(scorer *s, const dataset *d, fault *e)
{
	int64_t *many = mem_zero((size_t)d->classes, sizeof *many, e), *which = many ? chosen(d, s->reals, e) : NULL;
	s->label = which ? mem_new((size_t)s->fakes, sizeof *s->label, e) : NULL;
	for (int64_t i = 0; s->label && i < s->reals; i++)
		many[d->label[which[i]]]++;
	int class = 0;
	for (int64_t k = 0, end = many ? many[0] : 0; s->label && k < s->fakes; k++) {
		while ((2 * k + 1) * s->reals >= 2 * s->fakes * end)
			end += many[++class];
		s->label[k] = (real)class;
	}
	free(which);
	free(many);
	return s->label != NULL;
}

static bool draw_latents(scorer *s, const config *cfg, const dataset *d, fault *e)
{
	rng latent = rng_new((uint64_t)cfg->seed, "score latent");
	s->z = mem_new((size_t)(s->fakes * cfg->net.latent), sizeof *s->z, e);
	if (!s->z)
		return false;
	rng_fill_normal(&latent, s->z, s->fakes * cfg->net.latent);
	return !cfg->model.conditional || !d->label || share_labels(s, d, e);
}

/* score.metric as a lens. */
static const char *const LENS_OF[] = {
	[SCORE_AUTO] = LENS_AUTO, [SCORE_FID] = LENS_NETWORK, [SCORE_PIXELS] = LENS_PIXELS
};

static void describe(scorer *s, const config *cfg)
{
	const bool pixels = lens_is_pixels(s->look);
	char what[96];
	snprintf(what, sizeof what, pixels ? "%.63s" : "features (%.63s)",
		pixels ? lens_about(s->look) : lens_short(s->look));
	s->name = pixels ? "score" : "FID";
	snprintf(s->about, sizeof s->about,
		"Frechet distance of %s, %lld samples against %lld of the data's images%s; lower is better", what,
		(long long)s->fakes, (long long)s->reals,
		cfg->data.flip ? " and their mirror images" : "");
}

bool scorer_init(scorer *s, const config *cfg, const dataset *d, fault *why, fault *e)
{
	*s = (scorer){.size = {d->h, d->w}, .channels = d->c, .fakes = cfg->score.count};
	s->pooled = pool_size(s->size, POOL_SIDE_MAX);
	must(d->n >= 2 && s->fakes >= 2, "score of %lld images against %lld", (long long)s->fakes, (long long)d->n);
	if (!(s->look = lens_open(LENS_OF[cfg->score.metric], d, why, e)))
		return false;
	s->reals = MIN(d->n, lens_is_pixels(s->look) ? SCORE_REAL_MAX : SCORE_FEATURES_MAX);
	describe(s, cfg);
	bool ok = draw_latents(s, cfg, d, e);
	if (ok && s->label)
		ok = class_spread_init(&s->real_spread, d->classes, s->pooled.h * s->pooled.w * s->channels, e);
	if (ok && score_real(d, s->reals, cfg->data.flip, s->look, &s->real_moments,
		s->label ? &s->real_spread : NULL, e))
		return true;
	scorer_free(s);
	return false;
}

void scorer_free(scorer *s)
{
	lens_free(s->look);
	free(s->z);
	free(s->label);
	moments_free(&s->real_moments);
	class_spread_free(&s->real_spread);
	*s = (scorer){0};
}

/* ---- judging ---- */

/* What the images of a generator add up to. */
typedef struct fakes {
	moments all;                                 /* own */
	class_spread by_class;                       /* own; without classes empty */
	portion b;                                   /* own; a batch */
	int32_t *label;                              /* own; of the batch */
} fakes;

static bool fakes_init(fakes *f, const scorer *s, int64_t batch, fault *e)
{
	*f = (fakes){0};
	return portion_init(&f->b, batch, s->size, s->channels, s->look, e)
		&& (f->label = mem_zero((size_t)batch, sizeof *f->label, e))
		&& moments_init(&f->all, s->real_moments.d, e)
		&& (!s->label || class_spread_init(&f->by_class, s->real_spread.classes, s->real_spread.d, e));
}

static void fakes_free(fakes *f)
{
	moments_free(&f->all);
	class_spread_free(&f->by_class);
	portion_free(&f->b);
	free(f->label);
}

/* A batch of n fakes, as a picture shows them: within [-1,1]. label [n], or NULL. */
static bool fakes_add(fakes *f, const scorer *s, int64_t n, const real *label, fault *e)
{
	const int64_t size = (int64_t)s->size.h * s->size.w * s->channels;
	real *x = f->b.images;
	for (int64_t i = 0; i < n * size; i++)
		x[i] = x[i] > 1 ? 1 : x[i] < -1 ? -1 : x[i];     /* NaN stays, and is told */
	for (int64_t i = 0; label && i < n; i++)
		f->label[i] = (int32_t)label[i];
	return add(&f->b, n, s->size, s->channels, s->look, f->label, &f->all, label ? &f->by_class : NULL, e);
}

bool scorer_run(scorer *s, sampler *from, judgement *out, fault *e)
{
	const int64_t batch = MIN(sampler_batch(from), s->fakes), Z = sampler_latent_size(from);
	fakes f;
	*out = (judgement){0};
	must(sampler_image_size(from) == (int64_t)s->size.h * s->size.w * s->channels, "score of another network");
	bool ok = fakes_init(&f, s, batch, e);
	for (int64_t lo = 0; ok && lo < s->fakes; lo += batch) {
		const int64_t n = MIN(batch, s->fakes - lo);
		const real *label = s->label ? s->label + lo : NULL;
		ok = sampler_run(from, n, s->z + lo * Z, label, f.b.images, e) && fakes_add(&f, s, n, label, e);
	}
	ok = ok && frechet_distance(&s->real_moments, &f.all, &out->score, e);
	out->has_spread = ok && s->label
		&& class_spread_compare(&s->real_spread, &f.by_class, &out->mean, &out->lowest, &out->lowest_class);
	fakes_free(&f);
	return ok;
}
