/* run_internal.h - what the parts of a run share: its beginning (run_start.c), its steps and its end (run.c),
 * who watches them (watch.c), what it draws (run_pictures.c), and what TensorBoard shows of them (run_events.c). */
#ifndef SAGAN_GAN_TRAIN_RUN_INTERNAL_H
#define SAGAN_GAN_TRAIN_RUN_INTERNAL_H

#include <sys/stat.h>

#include "core/peers/peers.h"
#include "gan/log/events.h"
#include "gan/train/metrics.h"
#include "gan/train/run.h"
#include "gan/checkpoint/rundir.h"
#include "gan/sample/frame.h"
#include "gan/sample/sampler.h"
#include "gan/score/score.h"
#include "gan/train/trainer_internal.h"

typedef struct run {
	trainer *t;
	const run_options *opt;
	const char *out;
	char *yaml;                                  /* own; the config as text */
	rundir *folder;                              /* own; locked */
	metrics *m;                                  /* own */
	events *events;                              /* own; NULL: none are written */
	sampler *s;                                  /* own */
	int64_t taken;                               /* step whose generator is in s; -1: none */
	scorer judge;                                /* own; no fakes: nothing is scored */
	struct best {
		double score;
		int64_t step;                        /* -1: none yet */
	} best;
	bool best_ours;                              /* best_file is the file as this process wrote it */
	struct stat best_file;
	struct scored {
		double value;
		int64_t step;                        /* of the last score; -1: none yet */
	} scored;
	int64_t last;                                /* step at which the run ends */
	int64_t saved, drawn;                        /* steps at which that was done last; -1: never */
	struct live {
		double at, seconds;                  /* clock when curves and attention were drawn, what it took */
		bool told;
	} live;
	char good[RUN_PATH_MAX];                     /* the last good checkpoint, or "" */
	double start, report_at;                     /* clock */
	int64_t report_step;
	double pace;                                 /* seconds of a step, for the time left; 0: not known yet */
	struct stepping {
		int64_t steps;                       /* of this process */
		double seconds;                      /* in them alone */
		peers_cost cost;
	} stepping;
	struct watch {
		double real_spread;                  /* deviation of real images over a batch */
		int64_t flat, idle, huge;            /* steps in a row with alike fakes, D loss 0, a huge loss */
		int64_t alike;                       /* scores in a row at which the fakes of a class are alike */
	} watch;
} run;

/* Seconds of a step as they are expected, from what was expected before (0: nothing) and those of the last report:
 * about the mean of five reports. One report counts as three times as slow at most: a laptop slept, or a score was
 * made. */
double run_pace(double pace, double step_s);

/* A line to the caller of run_trainer. */
void run_say(const run *r, enum run_note kind, const char *fmt, ...) PRINTF_LIKE(3, 4);
void run_warn(const run *r, const fault *warning);   /* "": nothing */

/* What a picture of this run says about itself. */
picture_about run_about(const run *r, const char *what);
/* The sampler becomes the generator as it is now. */
bool run_take(run *r, fault *e);
/* The picture of these curves (gan/report/curves.h); a line says where it is. */
bool run_curves(run *r, const char *id, bool say, fault *e);
/* At a sample interval: samples, and the other pictures while they are cheap. */
bool run_draw(run *r, fault *e);
/* After the last step: all of them, and lines that say where. `stopped`: by a signal; samples of a step that is no
 * interval's are then left out. */
bool run_draw_last(run *r, bool stopped, fault *e);

/* Scores of the generator that is sampled (run_scores.c): what is needed for them; the score of this step, into
 * scores.csv and the events, which changes nothing where it fails; and the best checkpoint, which becomes this step's
 * where its score is the best so far. */
bool run_scores_start(run *r, fault *e);
bool run_score(run *r, fault *e);
bool run_keep_best(run *r, fault *e);

/* What looks wrong is told: after a step, after a score. */
void watch_step(run *r, const step_stats *s);
void watch_classes(run *r, const judgement *j);

/* Event files, where they are wanted. None of these fails: what cannot be written is told once. */
void run_events_open(run *r);
void run_events_close(run *r, bool ok);
void run_events_row(run *r, const run_progress *p);
void run_events_score(run *r, const judgement *j);
void run_events_histograms(run *r);                  /* of the weights, and of D's outputs in its last pass */
/* A PNG file that the run has written, under a tag: the same name always, so that it becomes a slider over steps. */
void run_events_picture(run *r, const char *tag, const char *path);

/* Locks the directory, goes on from its newest checkpoint, shows the data, opens what the steps write to. */
bool run_start(run *r, fault *e);

#endif
