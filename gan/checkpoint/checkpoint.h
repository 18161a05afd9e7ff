/* checkpoint.h - the complete state of a run in one HDF5 file (docs/checkpoints.md).
 *
 * The file has one data set per item of the state (state.h) under the item's path, and attributes that a person
 * understands:
 *     /                      what struct checkpoint_info says, under the names of its fields
 *     /generator/..., /discriminator/...     parameters, running statistics, spectral-norm vectors
 *     /ema/...                               the averaged generator
 *     /optimizer/generator/m/..., .../v/..., .../t
 *     /random/latent, ...                    [seed, purpose, counter] of every stream
 *     /loader/...                            position in the data
 * The checksum, SHA-256, covers all attributes (attributes.h), and paths, types, shapes and stored bytes of all items
 * (checksum.h). */
#ifndef SAGAN_GAN_CHECKPOINT_CHECKPOINT_H
#define SAGAN_GAN_CHECKPOINT_CHECKPOINT_H

#include "core/base/sha256.h"
#include "gan/checkpoint/state.h"

/* The attribute that names what the checksum covers. */
#define CHECKSUM_OF "checksum_of"
enum { CHECKSUM_OF_ROOM = 256, FINGERPRINT_ROOM = 256, RUN_PATH_MAX = 1024 };

/* What a checkpoint says about itself. A file gives texts that are safe to show (text_plain). */
typedef struct checkpoint_info {
	char path[RUN_PATH_MAX];
	int64_t format;                              /* of the file (checksum.h) */
	int64_t step;
	char program[64];                            /* "sagan 0.2.0" */
	char precision[16];                          /* "float32" */
	char checksum[SHA256_TEXT];                  /* of all that is said here, and of the arrays */
	char checksum_of[CHECKSUM_OF_ROOM];          /* which attributes that are; "" in format 1 */
	char arrays[SHA256_TEXT];                    /* of the arrays alone: equal for equal bits, however stored */
	char *config;                                /* own; the config as YAML text */
	char *class_names;                           /* own; a text of names (data/class_names.h); NULL: none */
	bool has_score;
	double score;                                /* lower is better; from an evaluation */
	char score_about[256];                       /* what it measures; scores with other texts do not compare */
	char data[128];                              /* the data in words; "" in files of 0.1.0 */
	char began_from[1200];                       /* the checkpoint that a warm start took weights from, or "" */
	char fingerprint[FINGERPRINT_ROOM];          /* what decided bits (core/kernels/fingerprint.h); "": not said */
	int64_t frozen;                              /* first stages of D that do not learn */
} checkpoint_info;
/* The item of the state that `frozen` is, [1]; runs without frozen stages do not have it. */
extern const char CHECKPOINT_FROZEN[];
/* The item of the state that tells the data, [1]: dataset_checksum. */
extern const char CHECKPOINT_DATA[];
void checkpoint_info_free(checkpoint_info *c);

/* Writes all items to path (temporary file, sync, rename). On failure an older path is untouched. */
bool checkpoint_save(const char *path, const checkpoint_info *about, const state_list *l, fault *e);

/* Reads the attributes only, and believes them: enough to look at a file, or one that is opened in a moment. `out` is
 * filled; free it with checkpoint_info_free. */
bool checkpoint_read_info(const char *path, checkpoint_info *out, fault *e);

/* A file that was read whole: its checksum is right. It stays what it is as long as it is open, also when a run removes
 * it meanwhile, which one with train.keep = 1 does at each save. Where somebody writes into it, filling fails. */
typedef struct checkpoint checkpoint;
/* NULL with the reason: it cannot be read, or is damaged. new/free. */
checkpoint *checkpoint_open(const char *path, fault *e);
const checkpoint_info *checkpoint_about(const checkpoint *c);
void checkpoint_close(checkpoint *c);                /* NULL allowed */

/* Fills the items of the list. Names, kinds and shapes of all items are checked first, so that nothing has changed when
 * the file is that of another network; the message lists what differs. Items of the file that the list lacks are an
 * error with `whole`, else passed over: a sampler wants the generator only. Numbers that are not finite are an error,
 * too, as in checkpoint_take: nothing saves them. */
bool checkpoint_fill(checkpoint *c, const state_list *l, bool whole, fault *e);

/* How an item of a list fits a file. */
typedef struct item_fit {
	bool fits;                                   /* path, kind and shape are the same: it has been filled */
	bool there;                                  /* the path is: */
	shape s;                                     /* its shape in the file */
} item_fit;

/* Fills the items that fit, leaves the others as they are, and says for each in fit [l->n]. */
bool checkpoint_take(checkpoint *c, const state_list *l, item_fit *fit, fault *e);

/* checkpoint_open, checkpoint_fill and checkpoint_close. */
bool checkpoint_load(const char *path, const state_list *l, bool whole, fault *e);
/* checkpoint_open and checkpoint_close. */
bool checkpoint_verify(const char *path, fault *e);

/* What is at a path, of four kinds that want different answers: only where nothing is may something begin anew, what is
 * damaged is put aside, and what cannot be read now (no permission, an I/O error, no memory, no descriptor, no process,
 * a reader that was killed or took too long) stops. The first opens the file in *good (NULL allowed); of the others e
 * says why. */
enum checkpoint_state { CHECKPOINT_GOOD, CHECKPOINT_ABSENT, CHECKPOINT_DAMAGED, CHECKPOINT_UNREADABLE };
enum checkpoint_state checkpoint_examine(const char *path, checkpoint **good, fault *e);

/* Writes it once more to `to`, with a score and what that measures. */
bool checkpoint_rescore(checkpoint *from, const char *to, double score, const char *about, fault *e);

#endif
