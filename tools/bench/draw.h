/* draw.h - how long a generator takes to draw: what `sagan bench CONFIG --sample` prints. */
#ifndef SAGAN_TOOLS_BENCH_DRAW_H
#define SAGAN_TOOLS_BENCH_DRAW_H

#include "gan/config/config.h"
#include "tools/bench/profile.h"

/* Speed of the generator of a config, drawing as `sagan sample` does, without writing pictures. */
typedef struct draw_result {
	int batch, threads, times;                   /* images of a pass; measured times, after two that are not */
	double median_s, min_s, mean_s;              /* of a pass */
	double images_per_s;                         /* batch / median_s */
	double gflop;                                /* of a pass, as it is computed */
	double peak_gflops;                          /* of one core: peak.h */
	size_t arena_bytes;
} draw_result;

/* A pass draws `batch` images; each of the `times` measured times is as many passes as draw 64 images. The weights are
 * new ones: they do not change how long it takes. p (profile_free) gets where the time went; NULL: not asked for. False
 * with e set. */
bool draw_bench(const config *cfg, int batch, int times, draw_result *r, profile *p, fault *e);

#endif
