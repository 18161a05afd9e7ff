/* match_internal.h - a file's weights on their way into a model: match.c checks and moves them; match_legacy.c,
 * match_native.c and match_wrapped.c find out which belong where. */
#ifndef SAGAN_GAN_KERAS_FILE_MATCH_INTERNAL_H
#define SAGAN_GAN_KERAS_FILE_MATCH_INTERNAL_H

#include "gan/keras/run/run.h"
#include "gan/keras/file/match.h"

enum { REFS_MAX = 64, MATCH_KEY = KERAS_LAYER + 4 * KERAS_NAME };

/* Weight k of layer `layer` of the file. */
typedef struct ref {
	int layer, k;
} ref;

typedef struct match_refs {
	int n;
	ref from[REFS_MAX];
} match_refs;

typedef struct matching {
	keras_model *m, *w;                          /* borrow; the model, the file's weights */
	match_refs *to;                                   /* own, [m->layers] */
	keras_wants *want;                           /* own, [m->layers]; NULL: a class is not known */
	fault unknown;                               /* which */
	int *order;                                  /* own, [m->layers]: model.layers of Keras */
	complaints report;
} matching;

/* ---- match.c ---- */

bool match_is_spectral(const keras_layer *l);
/* Weight k of layer j of the file is the next of layer i of the model. False when there are too many. */
bool match_add(matching *a, int i, int j, int k);
/* All weights of layer j of the file are those of layer i of the model. */
bool match_whole(matching *a, int i, int j);
/* Of SpectralNormalization layer i: frozen layers were saved as kernel, u, bias. */
void match_unfreeze(matching *a, int i);
/* Whether layer i got what its class wants; it may want nothing. names: the weights' names agree, too. */
bool match_fits(const matching *a, int i, bool names);
/* Complains unless the classes are known. */
bool match_needs_classes(matching *a);

/* ---- the layouts: every layer gets its references; false after a complaint ---- */

bool match_legacy(matching *a);
bool match_native(matching *a);

/* ---- match_native.c, match_wrapped.c ---- */

/* "conv2d_3" of the group `in` ("functional", "" at the top). */
void match_key(const char *in, const char *class_name, int count, char key[MATCH_KEY]);
/* Everything under a key: own variables and those of what is inside. A SpectralNormalization's own are copies of the
 * inner kernel, and u. */
bool match_take_key(matching *a, int i, const char *key);
/* What follows "in." in a name, the name itself when `in` is "", or NULL. */
const char *match_after(const char *name, const char *in);
/* "functional", "a.sequential_1": groups of models are called by their class, so a name that layers may have is
 * none. */
bool match_is_model(const char *key);
/* "spectral_normalization_2" at the end of a key. */
bool match_is_wrapper(const char *key);
/* layer[0..n) are layers of the model that own weights, in the order of their counters, in group `in` of the file;
 * those that the file has inside SpectralNormalization are plain in the model: which they are is found by shapes. */
bool match_unwrapped(matching *a, const char *in, int n, const int *layer);

#endif
