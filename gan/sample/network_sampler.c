/* network_sampler.c - the generator with frozen parameters, a batch at a time.
 *
 * Batch norm takes its statistics from one of three places (config ema.bn_mode): the running ones, the
 * batch itself, or standing ones (standing.c). */
#include "gan/sample/network_sampler.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/checkpoint/saved.h"
#include "gan/config/config_apply.h"
#include "gan/sample/forward.h"
#include "gan/sample/request.h"
#include "gan/sample/standing.h"

typedef struct network_sampler {
	config cfg;                                  /* own */
	network *g;                                  /* own */
	int64_t batch;
	buffer *z, *y;                               /* own; [B,Z], [B] */
	real *host_z, *host_y;                       /* own; [B,Z], [B] */
	standing *standing;                          /* own */
	forward draw, mixed;                         /* mixed: with shares of classes; built when asked for */
	buffer *shares;                              /* own; [B,K], of mixed */
	gaze *gaze;                                  /* own; NULL: nobody asked yet */
} network_sampler;

static shape image_shape(const network_sampler *s)
{
	const net_config *c = network_config(s->g);
	return SHAPE(c->size.h, c->size.w, c->channels);
}

/* The last batch is filled up with other images, the same each time: only batch statistics see them. label: [n], or
 * with `shares` those of all classes, [n,K]. */
static bool draw(network_sampler *s, const forward *f, int64_t n, const real *z, const real *label, bool shares,
	real *images)
{
	const shape image = image_shape(s);
	const int64_t Z = network_config(s->g)->latent, K = network_config(s->g)->classes, size = shape_count(&image);
	for (int64_t lo = 0; lo < n; lo += s->batch) {
		int64_t k = MIN(s->batch, n - lo);
		rng filler = rng_new((uint64_t)s->cfg.seed, "filler");
		if (k < s->batch)
			request_random(&filler, s->batch, Z, (int)K, s->host_z, s->host_y);
		memcpy(s->host_z, z + lo * Z, (size_t)(k * Z) * sizeof *z);
		if (K && !shares)
			memcpy(s->host_y, label + lo, (size_t)k * sizeof *label);
		buffer_write(s->z, s->host_z);
		buffer_write(s->y, s->host_y);
		for (int64_t i = 0; shares && i < s->batch * K; i++)
			s->shares->x[i] = i < k * K ? label[lo * K + i] : 1 / (real)K;
		plan_run(f->p);
		memcpy(images + lo * size, plan_value(f->p, f->y), (size_t)(k * size) * sizeof *images);
	}
	return true;
}

static bool run(void *ctx, int64_t n, const real *z, const real *label, real *images, fault *e)
{
	(void)e;
	network_sampler *s = ctx;
	return draw(s, &s->draw, n, z, label, false, images);
}

/* The graph of shares is built when it is first asked for. */
static bool mix(void *ctx, int64_t n, const real *z, const real *share, real *images, fault *e)
{
	network_sampler *s = ctx;
	const int64_t K = network_config(s->g)->classes;
	const mode m = {.train = s->cfg.ema.bn_mode == BN_BATCH};
	if (!s->shares && !(s->shares = buffer_new("shares", SHAPE(s->batch, K), e)))
		return false;
	if (!s->mixed.p && !forward_build(&s->mixed, s->g, s->z, s->shares, m, false, e))
		return false;
	return draw(s, &s->mixed, n, z, share, true, images);
}

static bool take(void *ctx, const module *from, fault *e)
{
	network_sampler *s = ctx;
	module_copy(network_module(s->g), from);
	plan_renew(s->draw.p);
	if (s->mixed.p)
		plan_renew(s->mixed.p);
	return standing_settle(s->standing, e);
}

static void drop(void *ctx)
{
	network_sampler *s = ctx;
	forward_free(&s->draw);
	standing_free(s->standing);
	forward_free(&s->mixed);
	buffer_free(s->shares);
	gaze_free(s->gaze);
	network_free(s->g);
	buffer_free(s->z);
	buffer_free(s->y);
	free(s->host_z);
	free(s->host_y);
	config_free(&s->cfg);
	free(s);
}

static plan *pass_of(void *ctx)
{
	network_sampler *s = ctx;
	return s->draw.p;
}

/* Built when it is first asked for. */
static gaze *gaze_of(void *ctx, fault *e)
{
	network_sampler *s = ctx;
	if (!s->gaze)
		s->gaze = gaze_new(s->g, e);
	return s->gaze;
}

static char *text_of_config(const void *ctx, fault *e)
{
	const network_sampler *s = ctx;
	return config_text(&s->cfg, e);
}

static const sampler_kind of_network = {
	.run = run, .mix = mix, .take = take, .gaze_of = gaze_of, .pass = pass_of, .config = text_of_config,
	.free = drop,
};

/* ---- building ---- */

/* Around g, which becomes the sampler's, and is freed when NULL is returned. */
static network_sampler *wrap(const config *cfg, network *g, int64_t batch, fault *e)
{
	network_sampler *s = mem_zero(1, sizeof *s, e);
	const int64_t Z = network_config(g)->latent;
	if (!s) {
		network_free(g);
		return NULL;
	}
	s->g = g;
	s->batch = batch;
	const bool ok = config_copy(&s->cfg, cfg, e)
		&& (s->z = buffer_new("latents", SHAPE(batch, Z), e))
		&& (s->y = buffer_new("labels", SHAPE(batch), e))
		&& (s->host_z = mem_zero((size_t)(batch * Z), sizeof(real), e))
		&& (s->host_y = mem_zero((size_t)batch, sizeof(real), e))
		&& (s->standing = standing_new(cfg, g, e))
		&& forward_build(&s->draw, s->g, s->z, s->y, (mode){.train = cfg->ema.bn_mode == BN_BATCH}, false, e);
	if (ok)
		return s;
	drop(s);
	return NULL;
}

static sampler *sampler_around(network_sampler *s, const char *path, int64_t step, const char *class_names, fault *e)
{
	const sampler_facts facts = {
		.path = path, .step = step, .batch = s->batch, .latent = network_config(s->g)->latent,
		.classes = network_config(s->g)->classes, .image = image_shape(s), .class_names = class_names,
	};
	return sampler_of(&of_network, s, &facts, e);
}

sampler *network_sampler_new(const config *cfg, int64_t batch, fault *e)
{
	net_config c;
	rng first = rng_new(0, "sampler");           /* sampler_take overwrites it */
	network *g = config_network(cfg, &c, e) ? network_new(&c, NET_G, &first, e) : NULL;
	network_sampler *s = g ? wrap(cfg, g, batch, e) : NULL;
	return s ? sampler_around(s, "", -1, "", e) : NULL;
}

sampler *network_sampler_of(const saved *from, bool raw, int64_t batch, fault *e)
{
	network *g = network_open(from, NET_G, raw, e);
	network_sampler *s = g ? wrap(&from->cfg, g, batch, e) : NULL;
	if (s && standing_settle(s->standing, e))
		return sampler_around(s, from->path, from->step, from->class_names, e);
	if (s)
		drop(s);
	return NULL;
}

sampler *network_sampler_open(const char *run_or_checkpoint, bool raw, int64_t batch, fault *warning, fault *e)
{
	saved from;
	if (!saved_open(run_or_checkpoint, &from, warning, e))
		return NULL;
	sampler *out = network_sampler_of(&from, raw, batch, e);
	saved_close(&from);
	return out;
}
