/* step.h - how long a training step takes: what `sagan bench CONFIG` prints. */
#ifndef SAGAN_TOOLS_BENCH_STEP_H
#define SAGAN_TOOLS_BENCH_STEP_H

#include "gan/config/config.h"
#include "tools/bench/profile.h"

/* Speed of the steps of a config on random images. */
typedef struct bench_result {
	int steps;                                   /* measured, after warm_up that are not */
	double median_s, min_s, mean_s;
	double images_per_s;                         /* real ones shown to D, as a run counts; the peers, which have one
	                                              * update of D a step, count batch / median */
	double gflop;                                /* naive, of one step */
	double peak_gflops;                          /* of one core: peak.h */
	double efficiency;                           /* gflop / median_s / (threads * peak_gflops): above 1 where
	                                              * rewriting leaves multiplications out */
	int64_t params_g, params_d;
	size_t arena_bytes;
	int threads;
} bench_result;
/* Times `steps` steps after warm_up others. profile (profile_free) gets where the time of the measured ones went; NULL:
 * not asked for. False with e set. */
bool step_bench(const config *cfg, int warm_up, int steps, bench_result *r, profile *p, fault *e);

#endif
