/* saved.h - what a checkpoint holds, ready for use: its config and its networks, without a trainer. */
#ifndef SAGAN_GAN_CHECKPOINT_SAVED_H
#define SAGAN_GAN_CHECKPOINT_SAVED_H

#include "gan/checkpoint/checkpoint.h"
#include "gan/checkpoint/rundir.h"
#include "gan/config/config.h"
#include "gan/nets/networks.h"

/* The config in a checkpoint as the run meant it, whichever version of the program wrote it; read but not checked. It
 * is complete: no default of this program enters it. False: nothing is left to free. */
bool saved_config(const checkpoint_info *info, config *out, fault *e);

/* For a run in the folder `run` that may go on: the keys that c leaves to the network become those of its newest
 * checkpoint (config_follow), and `told` names those that changed, in one line; "" when there are none, or no
 * checkpoint that can be read. Of several processes (core/peers/peers.h), which all call it, rank 0 alone needs the
 * run. */
void saved_follow(const char *run, config *c, fault *told);

typedef struct saved {
	char path[RUN_PATH_MAX];                     /* of the checkpoint file */
	checkpoint *held;                            /* own; the file itself, which a run may remove meanwhile; NULL
	                                              * where rank 0 has it */
	int64_t step;
	config cfg;                                  /* own; checked */
	char *class_names;                           /* own; a text of names, "" where classes have numbers only */
	bool together;                               /* opened by saved_open_together */
} saved;

/* A checkpoint file, or the newest good one of a run directory; `warning` as for rundir_newest. Release with
 * saved_close; on failure nothing is left to release, and saved_close does nothing. */
bool saved_open(const char *run_or_checkpoint, saved *out, fault *warning, fault *e);
/* Of a run whose config.yaml is lost; e says that both are missing where that is so. */
bool saved_open_run(const char *folder, saved *out, fault *warning, fault *e);
/* saved_open with other processes (core/peers/peers.h), of which rank 0 alone needs the file: all call it, and all call
 * network_open. False with the same e for all. */
bool saved_open_together(const char *run_or_checkpoint, saved *out, fault *warning, fault *e);
/* The networks are there: the file and the process that reads it are not needed any more. */
void saved_let_go(saved *s);
void saved_close(saved *s);                          /* once more does nothing */

/* One of its networks with the parameters and states that it had. Of the generator the moving average, where there is
 * one and not `raw`. new/free. */
network *network_open(const saved *from, enum net_side side, bool raw, fault *e);

#endif
