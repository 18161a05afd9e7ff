/* schedule.h - learning rates, and other numbers that change along a run, as functions of the step. They keep no state,
 * so a resumed run needs only its step. */
#ifndef SAGAN_OPTIM_SCHEDULE_H
#define SAGAN_OPTIM_SCHEDULE_H

#include "core/base/base.h"

SAGAN_BEGIN

enum decay_kind {
	DECAY_NONE,                                  /* rate */
	DECAY_LINEAR,                                /* rate * (1 - (1-f) s) */
	DECAY_COSINE                                 /* rate * (f + (1-f) (1 + cos(pi s)) / 2), arXiv 1608.03983 */
};

/* constant linear cosine: their names in a config, by enum value, ended by NULL. */
extern const char *const decay_name[];

/* s goes from 0 at the end of the warm-up to 1 at `steps`; f is the fraction of the rate that is left there. */
typedef struct schedule {
	enum decay_kind decay;
	double rate;
	double final_fraction;                       /* f, in [0,1] */
	int64_t steps;                               /* of the whole run, warm-up included */
	int64_t warmup;                              /* steps of linear increase; 0: none */
} schedule;

/* The rate of update number `step`, from 0. In the warm-up it is rate * (step+1) / warmup: the first update already
 * has a rate above 0. From `steps` on it is rate * f, without decay `rate`. */
double schedule_lr(const schedule *s, int64_t step);

/* A number that goes from one value to another. */
typedef struct ramp {
	double from, to;
} ramp;

/* At update number `step`, from 0, of `steps`: to + (from - to) (1 + cos(pi step / steps)) / 2, and `to` from there on
 * (arXiv 2501.05441, one cosine for all). Exactly `from` where both are equal. */
double ramp_at(const ramp *c, int64_t step, int64_t steps);

SAGAN_END
#endif
