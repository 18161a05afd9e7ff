/* schedule.h - learning rates as functions of the step, nothing else: no state, so that a resumed run
 * needs only its step. */
#ifndef SAGAN_OPTIM_SCHEDULE_H
#define SAGAN_OPTIM_SCHEDULE_H

#include "core/base/base.h"

SAGAN_BEGIN

enum decay_kind {
	DECAY_NONE,                                  /* rate */
	DECAY_LINEAR,                                /* rate * (1 - (1-f) s) */
	DECAY_COSINE                                 /* rate * (f + (1-f) (1 + cos(pi s)) / 2): arXiv 1608.03983, eq. 5 */
};

/* Their names in a config, by enum value, ended by NULL. */
extern const char *const decay_name[];

/* s goes from 0 at the end of the warm-up to 1 at `steps`; f is the fraction that is left then. */
typedef struct schedule {
	enum decay_kind decay;
	double rate;
	double final_fraction;                       /* f, in [0,1] */
	int64_t steps;                               /* of the whole run, warm-up included */
	int64_t warmup;                              /* steps of linear increase; 0: none */
} schedule;

/* Rate of the update with this number, from 0. In the warm-up rate * (step+1) / warmup, so that no update
 * is wasted at rate 0; at and after `steps` rate * f. */
double schedule_lr(const schedule *s, int64_t step);

SAGAN_END
#endif
