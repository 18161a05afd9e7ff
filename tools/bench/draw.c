/* draw.c - a stopwatch around a sampler. */
#include "tools/bench/draw.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "tools/bench/peak.h"

enum { WARM_UP = 2, IMAGES = 64 };                   /* of each measured time, at least */

typedef struct desk {
	sampler *s;
	real *z, *label, *images;                    /* own; of a pass */
} desk;

static bool desk_open(const config *cfg, int batch, desk *d, fault *e)
{
	if (!(d->s = network_sampler_new(cfg, batch, e)))
		return false;
	const int64_t n = batch, Z = sampler_latent_size(d->s);
	rng r = rng_new((uint64_t)cfg->seed, "bench");
	if (!(d->z = mem_new((size_t)(n * Z), sizeof *d->z, e))
	    || !(d->label = mem_zero((size_t)n, sizeof *d->label, e))
	    || !(d->images = mem_new((size_t)(n * sampler_image_size(d->s)), sizeof *d->images, e)))
		return false;
	request_random(&r, n, Z, sampler_classes(d->s), d->z, d->label);
	return true;
}

static void desk_close(desk *d)
{
	sampler_free(d->s);
	free(d->z);
	free(d->label);
	free(d->images);
}

static int passes_of(int batch)
{
	return MAX(1, IMAGES / batch);
}

/* Seconds of a pass, the mean of some. */
static bool time_passes(desk *d, int batch, double *s, fault *e)
{
	const int passes = passes_of(batch);
	const double start = clock_s();
	for (int i = 0; i < passes; i++)
		if (!sampler_run(d->s, batch, d->z, d->label, d->images, e))
			return false;
	*s = (clock_s() - start) / passes;
	return true;
}

bool draw_bench(const config *cfg, int batch, int times, draw_result *r, profile *p, fault *e)
{
	desk d = {0};
	double *s = mem_new((size_t)(WARM_UP + times), sizeof *s, e);
	bool ok = s && desk_open(cfg, batch, &d, e);
	for (int i = 0; ok && i < WARM_UP + times; i++) {
		ok = i != WARM_UP || !p || plan_profile(sampler_plan(d.s), e);
		ok = ok && time_passes(&d, batch, s + i, e);
	}
	ok = ok && (!p || profile_read_plan(sampler_plan(d.s), "sample", times * passes_of(batch), p, e));
	if (ok) {
		const double mean_s = mean(s + WARM_UP, times), middle = median(s + WARM_UP, times);
		if (p)
			p->step_seconds = mean_s;
		*r = (draw_result){
			.batch = batch, .threads = pool_threads(), .times = times, .median_s = middle,
			.min_s = s[WARM_UP], .mean_s = mean_s, .images_per_s = batch / middle,
			.gflop = plan_flop(sampler_plan(d.s)) / 1e9, .peak_gflops = peak_gflops(),
			.arena_bytes = plan_bytes(sampler_plan(d.s)),
		};
	}
	desk_close(&d);
	free(s);
	return ok;
}
