/* metrics.h - metrics.csv, scores.csv, spread.csv and timing.csv of a run.
 *
 * A row of the first three depends on config, seed and data only: a run that was interrupted ends with
 * the same files as one that was not. Times stand in timing.csv, with the step that the process of a row went on from,
 * by which rows of several processes are told apart. */
#ifndef SAGAN_GAN_TRAIN_METRICS_H
#define SAGAN_GAN_TRAIN_METRICS_H

#include "gan/score/score.h"
#include "gan/train/trainer.h"

typedef struct metrics metrics;

/* Opens the files in dir for adding rows after `step`: rows of later steps, from a process that was
 * killed before its next checkpoint, are dropped. `s` names the gammas; scores.csv and spread.csv are
 * made only when they are `wanted`. A line that is no row goes to stray-NAME.csv beside, and `warning` tells; "" when
 * there is none. new/free. */
enum metrics_wanted { METRICS_PLAIN, METRICS_SCORES, METRICS_SPREAD };       /* each with what is before it */
metrics *metrics_open(const char *dir, int64_t step, const step_stats *s, enum metrics_wanted wanted, fault *warning,
	fault *e);
bool metrics_close(metrics *m, fault *e);            /* NULL allowed */

/* One row each, on disk (in the system's memory at least) when it returns. */
bool metrics_row(metrics *m, const step_stats *mean, double epoch, fault *e);
bool metrics_time(metrics *m, int64_t step, double seconds, double images_per_s, fault *e);
bool metrics_score(metrics *m, int64_t step, const judgement *j, fault *e);  /* opened for scores */

/* All rows are on the disk when it returns. */
bool metrics_sync(metrics *m, fault *e);

#endif
