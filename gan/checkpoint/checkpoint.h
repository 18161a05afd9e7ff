/* checkpoint.h - the complete state of a run in one HDF5 file, and the files of a run directory.
 *
 * A state is a list of named arrays, so that saving, checking, loading and comparing are loops. The
 * file has one data set per item under the item's path, and attributes that a person understands:
 *     /                      program, format, step, precision, config (text), checksum;
 *                            score, score_about (what it measures), once evaluated
 *     /generator/..., /discriminator/...     parameters, running statistics, spectral-norm vectors
 *     /ema/...                               the averaged generator
 *     /optimizer/generator/m/..., .../v/..., .../t
 *     /random/latent, ...                    [seed, purpose, counter] of every stream
 *     /loader/...                            position in the data
 * The checksum covers paths, shapes and stored bytes of all items and the config. */
#ifndef SAGAN_GAN_CHECKPOINT_CHECKPOINT_H
#define SAGAN_GAN_CHECKPOINT_CHECKPOINT_H

#include "core/base/base.h"

#ifdef __cplusplus
extern "C" {
#endif

enum state_kind { STATE_REAL, STATE_F64, STATE_I64 };

typedef struct state_item {
	char *path;                                  /* own; "/generator/block1/conv1/kernel" */
	char *about;                                 /* own; what it is, with units; may be NULL */
	enum state_kind kind;
	shape s;
	void *x;                                     /* borrow: real, double or int64_t [s] */
} state_item;

typedef struct state_list {
	state_item *item;
	int n, room;
	bool failed;                                 /* memory ran out while adding */
} state_list;

void state_add(state_list *l, enum state_kind kind, const char *path, shape s, void *x, const char *about);
void state_list_free(state_list *l);                 /* the items' arrays stay */

/* What a checkpoint says about itself. */
typedef struct checkpoint_info {
	char path[1024];
	int64_t step;
	char program[64];                            /* "sagan 0.2.0" */
	char precision[16];                          /* "float32" */
	char *config;                                /* own; the config as YAML text */
	bool has_score;
	double score;                                /* lower is better; from an evaluation */
	char score_about[256];                       /* what it measures; scores with other texts do not compare */
} checkpoint_info;
void checkpoint_info_free(checkpoint_info *c);

/* Writes all items to path (temporary file, sync, rename). On failure an older path is untouched. */
bool checkpoint_save(const char *path, const checkpoint_info *about, const state_list *l, error *e);

/* Reads the attributes only. `out` is filled; free it with checkpoint_info_free. */
bool checkpoint_read_info(const char *path, checkpoint_info *out, error *e);

/* Fills the items of the list from the file. Names, kinds and shapes of all items are checked first,
 * and the checksum of the file, so on failure nothing has changed; the message of a checkpoint of
 * another network lists what differs. Items of the file that the list lacks are an error with
 * `whole`, else passed over (a sampler wants the generator only; the checksum is not checked then). */
bool checkpoint_load(const char *path, const state_list *l, bool whole, error *e);

/* Reads everything and compares with the checksum: false with the reason for a damaged file. */
bool checkpoint_verify(const char *path, error *e);

/* "dir/checkpoint-00001000.h5" */
void checkpoint_path(const char *dir, int64_t step, char *path, size_t size);

/* The newest checkpoint of a directory that passes checkpoint_verify; the best one where no numbered
 * one does. Unreadable newer ones are named in `warning` (one line, empty when there are none). False
 * when the directory has none at all: e then says so, or, where all are damaged, what is wrong with
 * the newest. */
bool checkpoint_latest(const char *dir, char *path, size_t size, error *warning, error *e);

/* True when the directory has a file named like a checkpoint. */
bool checkpoint_any(const char *dir);

/* RUN-or-CHECKPOINT as typed: a file is taken as it is, of a directory the newest. */
bool checkpoint_resolve(const char *given, char *path, size_t size, error *warning, error *e);

/* Removes all numbered checkpoints of dir but the `keep` newest, and forgotten temporary files. */
bool checkpoint_prune(const char *dir, int keep, error *e);

/* Writes the checkpoint `from` once more to `to`, with a score and what that measures. */
bool checkpoint_rescore(const char *from, const char *to, double score, const char *about, error *e);

/* Makes dir/checkpoint-best.h5 a copy of `path` with its score, when that is lower than the score of
 * the best so far, or that one measures something else, or there is none. *better says whether it did.
 * Pruning does not touch the copy. */
bool checkpoint_best(const char *dir, const char *path, double score, const char *about, bool *better, error *e);

/* The best checkpoint of a directory into path; false when it has none. */
bool checkpoint_best_path(const char *dir, char *path, size_t size, error *e);

#ifdef __cplusplus
}
#endif
#endif
