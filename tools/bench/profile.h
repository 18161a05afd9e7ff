/* profile.h - where the time of a training step goes: by step of its plans, and by kind of work. */
#ifndef SAGAN_TOOLS_BENCH_PROFILE_H
#define SAGAN_TOOLS_BENCH_PROFILE_H

#include "gan/train/trainer.h"

/* Something that training steps do; figures are means over the steps. */
typedef struct profile_row {
	char form[160];                              /* as plan_cost.form */
	char what[240];                              /* as plan_print has it, or a part around the plans: "optimizer" */
	const char *plan;                            /* "d", "d_penalty", "g"; "" around them, and for a kind */
	int step;                                    /* of the plan */
	shape s;                                     /* of the first value that it writes */
	char path[120];                              /* the layer */
	double seconds, runs, flop, bytes;           /* a training step */
} profile_row;

typedef struct profile {
	profile_row *row, *kind, *kernel;            /* own; longest first. A kind: all rows of one name; a kernel: all
	                                              * convolutions of one shape, use and form, which its name says */
	int rows, kinds, kernels;
	double seconds;                              /* the sum of all rows */
	double step_seconds;                         /* of a training step, timed from outside */
} profile;

/* Reads what t has measured in `steps` steps since trainer_profile. profile_free releases it; so it does after false,
 * with e set: no memory. */
bool profile_read(const trainer *t, int steps, profile *p, fault *e);
void profile_free(profile *p);

#endif
