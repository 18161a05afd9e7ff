/* step.c - a stopwatch around the steps of a trainer. */
#include "tools/bench/step.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "gan/train/trainer.h"
#include "tools/bench/peak.h"

/* s: seconds of each, or NULL. */
static bool time_steps(trainer *t, int steps, double *s, fault *e)
{
	step_stats stats;
	for (int i = 0; i < steps; i++) {
		double start = clock_s();
		if (!trainer_step(t, &stats, e))
			return false;
		if (s)
			s[i] = clock_s() - start;
	}
	return true;
}

bool step_bench(const config *cfg, int warm_up, int steps, bench_result *r, profile *p, fault *e)
{
	if (steps < 1)
		return fault_set(e, "steps = %d: must be at least 1", steps);
	trainer *t = trainer_new(cfg, NULL, e);
	double *s = mem_new((size_t)steps, sizeof *s, e);
	bool ok = t && s && time_steps(t, warm_up, NULL, e) && (!p || trainer_profile(t, e))
		  && time_steps(t, steps, s, e) && (!p || profile_read(t, steps, p, e));
	if (ok) {
		const double middle = median(s, steps);
		*r = (bench_result){
			.steps = steps,
			.median_s = middle, .min_s = s[0], .mean_s = mean(s, steps),
			.gflop = trainer_step_flop(t) / 1e9,
			.params_g = module_param_count(trainer_module(t, NET_G)),
			.params_d = module_param_count(trainer_module(t, NET_D)),
			.arena_bytes = trainer_arena_bytes(t), .threads = pool_threads(),
			.peak_gflops = peak_gflops(),
		};
		r->images_per_s = trainer_step_images(t) / r->median_s;
		if (p)
			p->step_seconds = r->mean_s;
		r->efficiency = r->gflop / r->median_s / (r->threads * r->peak_gflops);
	}
	free(s);
	trainer_free(t);
	return ok;
}
