/* metrics.h - metrics.csv and timing.csv of a run.
 *
 * A row of metrics.csv depends on config, seed and data only: a run that was interrupted ends with
 * the same file as one that was not. Times stand in timing.csv. */
#ifndef SAGAN_GAN_METRICS_H
#define SAGAN_GAN_METRICS_H

#include "gan/trainer.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct metrics metrics;

/* Opens both files in dir for adding rows after `step`: rows of later steps, from a process that was
 * killed before its next checkpoint, are dropped. `s` names the gammas. new/free. */
metrics *metrics_open(const char *dir, int64_t step, const step_stats *s, error *e);
bool metrics_close(metrics *m, error *e);            /* NULL allowed */

/* One row each, on disk (in the system's memory at least) when it returns. */
bool metrics_row(metrics *m, const step_stats *mean, double epoch, error *e);
bool metrics_time(metrics *m, int64_t step, double seconds, double images_per_s, error *e);

#ifdef __cplusplus
}
#endif
#endif
