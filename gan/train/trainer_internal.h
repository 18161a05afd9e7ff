/* trainer_internal.h - the inside of a trainer, for the files that make one: building (trainer.c),
 * graphs (trainer_graphs.c), parts of a batch (trainer_slices.c), one step (trainer_step.c), its state
 * (trainer_state.c) and the run around it (run.c). */
#ifndef SAGAN_GAN_TRAIN_TRAINER_INTERNAL_H
#define SAGAN_GAN_TRAIN_TRAINER_INTERNAL_H

#include "core/plan/plan.h"
#include "data/loader.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/config/config_apply.h"
#include "gan/loss/losses.h"
#include "gan/loss/penalties.h"
#include "gan/nets/networks.h"
#include "gan/train/trainer.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

/* One stream per purpose: a new consumer does not shift the others. */
enum stream_kind {
	STREAM_LATENT, STREAM_LABEL, STREAM_AUGMENT, STREAM_NOISE, STREAM_PENALTY, STREAMS
};
extern const char *const stream_name[STREAMS];

/* One graph, its plan and the scalars that are read after a run. */
typedef struct pass {
	const char *name, *key;                      /* "D step", for messages; "d", for trainer_plan */
	graph *g;                                    /* own */
	plan *p;                                     /* own */
	node *loss;                                  /* without the penalty */
	node *penalty, *real, *fake, *variance;      /* scalars, or NULL: all that is added to the loss, mean logits,
	                                              * variance of the fakes over the batch */
	node *each_real, *each_fake;                 /* [B] logits, or NULL */
	bool penalised;                              /* the D step with a penalty */
	bool exact;                                  /* train.exact */
	bool as_written;                             /* without rewriting: only counted, never run */
	double flop;                                 /* of the graph as written */
} pass;

enum pass_kind { PASS_D, PASS_D_PENALTY, PASS_G, PASSES };

/* One of train.slices equal parts of each batch: graphs and plans of its own, over parameters and gradients that all
 * have in common. They run together (plan_run_slices). */
typedef struct slice {
	/* Own; of the only slice they are the trainer's. */
	buffer *real_x, *real_y;                     /* [B/slices,H,W,C], [B/slices] */
	buffer *z, *fake_y;                          /* [B/slices,Z], [B/slices] */
	rng stream[STREAMS];                         /* the trainer's during a pass: each slice draws its part */
	pass pass[PASSES];                           /* without a plan when never needed */
	void *arena;                                 /* own; shared by the plans */
	size_t arena_bytes;                          /* of the first one here: with what all have in common */
} slice;

/* A network in training. `sum` gathers gradients over batches when accumulate > 1. */
typedef struct player {
	const char *name;                            /* "generator" */
	module *m;                                   /* borrow from the network */
	optimizer *opt;                              /* own */
	schedule rate;                               /* learning rate over steps */
	int64_t t;                                   /* updates taken, while the state is listed */
	real *sum;                                   /* own; [module_block_size], or NULL */
	real *state_before;                          /* own; [module_state_size]: before the pass */
} player;

/* All of them doubles, so that the checkpoint keeps them as one array. */
enum sum_kind {
	SUM_STEPS, SUM_D_LOSS, SUM_G_LOSS, SUM_PENALTY, SUM_PENALTIES, SUM_D_REAL, SUM_D_FAKE,
	SUM_D_NORM, SUM_G_NORM, SUM_SPREAD, SUMS
};

/* What a step does around its plans, for trainer_profile. */
enum part_kind { PART_BATCH, PART_OPTIMIZER, PART_AVERAGE, PARTS };

/* What adapts the probability of augmentation: it, and signs of D(real) since it moved last. Doubles, as sum_kind. */
enum adapt_kind { ADAPT_PROBABILITY, ADAPT_SIGNS, ADAPT_IMAGES, ADAPTS };

/* Numbers of the graphs that may change along the run. */
enum ramp_kind { RAMP_PENALTY, RAMP_PENALTY_FAKE, RAMP_AUGMENT, RAMP_LECAM, RAMP_LECAM_KEEP, RAMP_TOP_K, RAMPS };

typedef struct record record;                        /* trainer_record.c */

struct trainer {
	config cfg;                                  /* own */
	net_config net;

	const dataset *data;                         /* keep; NULL: random images */
	int32_t *drawn;                              /* own; [drawn_n]: classes of the fakes, where they are drawn */
	int drawn_n;
	loader *loader;                              /* own; NULL without data */
	real *host_x, *host_y, *host_z;              /* own: what buffer_write takes */
	real *d_real, *d_fake;                       /* own; [B] outputs of D in its last pass */
	buffer *real_x, *real_y;                     /* own; [B,H,W,C], [B] */
	buffer *z, *fake_y;                          /* own; [B,Z], [B] */

	buffer *ramp[RAMPS];                         /* own; a scalar, or NULL where it is a constant */
	double adapt[ADAPTS];
	buffer *lecam;                               /* own; [LECAM_AVERAGES] */

	network *g;                                  /* own */
	network *d;
	network *average;                            /* own; NULL without EMA */
	player pg, pd;

	slice *slice;                                /* own; [own_slices], those that this process runs */
	int slices, own_slices, first_slice;         /* of the batch; here; number of the first one here */
	size_t arena_bytes;                          /* of the slices here */

	rng stream[STREAMS], stream_before[STREAMS]; /* before the pass: to run it again */
	record *record;                              /* own; NULL: nothing is written down */
	int64_t step;                                /* steps done */
	int64_t d_updates;                           /* for the penalty of every k-th */
	double sum[SUMS];                            /* since the last row of metrics.csv */
	bool profiled;                               /* trainer_profile was called: .. */
	double spent[PARTS];                         /* .. seconds since then */
	int64_t place[2];                            /* of the loader, while the state is listed */
	int64_t data_checksum;                       /* 0 without data */
	bool new_data;                               /* trainer_resume takes other data than the checkpoint's: .. */
	bool data_changed;                           /* .. and has */

	char began_from[1200];                       /* the checkpoint of a warm start, or "" */
	int64_t frozen;                              /* first stages of D that do not learn */
	real *frozen_params;                         /* own; their parameters; NULL: none */
	int64_t frozen_size;                         /* how many numbers at the start of D's block */

	char gamma_name[GAMMA_MAX][128];
	struct gamma_at {
		const buffer *value, *grad;
	} gamma[GAMMA_MAX];
	int gammas;
};

/* trainer_graphs.c: builds the graphs and plans of t, and the arenas they share. */
bool graphs_build(trainer *t, fault *e);
void pass_free(pass *p);
double pass_scalar(const pass *p, const node *n);    /* 0 for NULL */

/* trainer_slices.c: makes the slices, without their graphs. */
bool slices_make(trainer *t, fault *e);
void slices_free(trainer *t);
/* Runs a pass of every slice on the batch in t's buffers. The second looks for its first bad value (plan_find_bad). */
void slices_run_pass(trainer *t, enum pass_kind kind);
bool slices_find_bad(trainer *t, enum pass_kind kind, char *where, size_t size);
/* Whether a process has found one: `where` is then that of the first, with all. */
bool slices_share_found(bool found, char *where, size_t size);
/* The pass in the first slice: its scalars are those of the whole batch. */
const pass *slices_pass(const trainer *t, enum pass_kind kind);
/* From now on the plans are timed, those of all slices together in the first one's (plan_profile). */
bool slices_profile(trainer *t, enum pass_kind kind, fault *e);
/* D's outputs in that pass, into d_real and d_fake. */
void slices_read_d(trainer *t, enum pass_kind kind);

/* trainer_peers.c: with other processes (core/peers/peers.h). The state of rank 0 becomes that of all. */
bool trainer_spread(trainer *t, fault *e);
/* Whether all have the same state; else false, and e names the first array that differs, and with whom. */
bool trainer_same(trainer *t, fault *e);

/* trainer_ramps.c: makes the scalars of t, gives all numbers that change the values of this step. */
bool ramps_make(trainer *t, fault *e);
void ramps_set(trainer *t);
/* x times a number of the graphs, as it is at each run. */
node *ramp_times(const trainer *t, graph *g, enum ramp_kind kind, node *x, double factor);
/* That number as a node of one element. */
node *ramp_node(const trainer *t, graph *g, enum ramp_kind kind, shape s);
bool ramp_is_1(const trainer *t, enum ramp_kind kind);       /* throughout */
/* What D says of real images moves the probability of augmentation: after each batch of D, after each update. */
void ramps_see(trainer *t);
void ramps_adapt(trainer *t);
double ramps_augment(const trainer *t);              /* that probability */
/* Decay of the average in this step. */
double ramps_decay(const trainer *t);

/* trainer_record.c: the batch of a pass, the losses of a step, where they are asked for. */
void record_pass(trainer *t, bool d);
bool record_step(trainer *t, const step_stats *s, fault *e);
void record_free(record *r);                         /* NULL allowed; an incomplete file goes */

/* trainer_state.c: every array that a run needs to go on, in the order of the file. */
bool trainer_list(trainer *t, state_list *l, fault *e);
/* trainer_load of an open checkpoint. */
bool trainer_resume(trainer *t, checkpoint *from, fault *e);
/* Whether every number of the state is one; true without memory to look. */
bool trainer_finite(trainer *t);
/* "60000 images of 28x28x1 in 10 classes"; "" without data. */
void trainer_data_text(const trainer *t, char *buf, size_t size);
/* trainer_save with a score and what that measures; about NULL: no score. */
bool trainer_save_scored(trainer *t, const char *path, double score, const char *about, fault *e);

#endif
