/* profile.h - where the time of a training step, or of a pass of drawing, goes: by step of its plans, and by kind of
 * work. */
#ifndef SAGAN_TOOLS_BENCH_PROFILE_H
#define SAGAN_TOOLS_BENCH_PROFILE_H

#include "gan/train/trainer.h"

/* Something that training steps or passes do; figures are means over them. */
typedef struct profile_row {
	char form[160];                              /* as plan_cost.form */
	char what[240];                              /* as plan_print has it, or a part around the plans: "optimizer" */
	const char *plan;                            /* "d", "d_penalty", "g", "sample"; "" around them, for a kind */
	int step;                                    /* of the plan */
	shape s;                                     /* of the first value that it writes */
	char path[120];                              /* the layer */
	double seconds, runs, flop, bytes;           /* a training step, a pass */
} profile_row;

typedef struct profile {
	profile_row *row, *kind, *kernel;            /* own; longest first. A kind: all rows of one name; a kernel: all
	                                              * convolutions of one shape, use and form, which its name says */
	int rows, kinds, kernels;
	double seconds;                              /* the sum of all rows */
	double step_seconds;                         /* of a training step or a pass, timed from outside */
} profile;

/* Reads what t has measured in `steps` steps since trainer_profile. profile_free releases it; so it does after false,
 * with e set: no memory. */
bool profile_read(const trainer *t, int steps, profile *p, fault *e);
/* The same of one plan, called `key`, in `runs` runs since plan_profile. */
bool profile_read_plan(const plan *one, const char *key, int runs, profile *p, fault *e);
void profile_free(profile *p);

#endif
