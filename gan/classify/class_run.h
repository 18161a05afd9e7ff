/* class_run.h - the whole making of a classifier: it learns, is tested, and becomes a file.
 *
 * The library never prints: what a person should see comes through the callbacks. While it learns, its state lies
 * beside the file that will be, FILE.state; a run that was interrupted goes on from there to the same bits. */
#ifndef SAGAN_GAN_CLASSIFY_CLASS_RUN_H
#define SAGAN_GAN_CLASSIFY_CLASS_RUN_H

#include <signal.h>

#include "gan/config/config.h"

typedef struct class_progress {
	int64_t step, steps;
	double loss;                                 /* mean since the last report */
	double images_per_s;
	double seconds;                              /* of this process */
} class_progress;

typedef struct class_run_options {
	const char *out;                             /* the file */
	bool fresh;                                  /* begin anew, whatever is there */
	const volatile sig_atomic_t *stop;           /* set by a signal handler; NULL: never */
	void *ctx;                                   /* first argument of the callbacks */
	void (*progress)(void *ctx, const class_progress *p);        /* each train.log_every steps; may be NULL */
	void (*step)(void *ctx, int64_t step);       /* with the steps done, before each further one; may be NULL */
	void (*note)(void *ctx, const char *text);   /* one line: data, tests, files; may be NULL */
} class_run_options;

/* cfg: checked (config_check); size and channels become the data's. *finished: false when the stop flag
 * ended it; the state is saved then. False with e set: data that do not fit, a file that is there, another config than
 * the state's, a loss that is not finite. */
bool class_run(config *cfg, const class_run_options *o, bool *finished, fault *e);

#endif
