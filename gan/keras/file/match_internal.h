/* match_internal.h - a file's weights on their way into a model: adopt.c checks and moves them; adopt_legacy.c,
 * adopt_native.c and adopt_wrapped.c find out which belong where. */
#ifndef SAGAN_GAN_KERAS_FILE_MATCH_INTERNAL_H
#define SAGAN_GAN_KERAS_FILE_MATCH_INTERNAL_H

#include "gan/keras/run/run.h"
#include "gan/keras/import/complaints.h"

enum { REFS_MAX = 64, ADOPT_KEY = 4 * KERAS_NAME };

/* Weight k of layer `layer` of the file. */
typedef struct ref {
	int layer, k;
} ref;

typedef struct match {
	int n;
	ref from[REFS_MAX];
} match;

typedef struct adoption {
	keras_model *m, *w;                          /* borrow; the model, the file's weights */
	match *to;                                   /* own, [m->layers] */
	keras_wants *want;                           /* own, [m->layers]; NULL: a class is not known */
	error unknown;                               /* which */
	int *order;                                  /* own, [m->layers]: model.layers of Keras */
	keras_report report;
} adoption;

/* ---- adopt.c ---- */

bool adopt_is_spectral(const keras_layer *l);
/* Weight k of layer j of the file is the next of layer i of the model. False when there are too many. */
bool adopt_ref(adoption *a, int i, int j, int k);
/* All weights of layer j of the file are those of layer i of the model. */
bool adopt_whole(adoption *a, int i, int j);
/* Of SpectralNormalization layer i: frozen layers were saved as kernel, u, bias. */
void adopt_unfreeze(adoption *a, int i);
/* Whether layer i got what its class wants; it may want nothing. names: the weights' names agree, too. */
bool adopt_fits(const adoption *a, int i, bool names);
/* Complains unless the classes are known. */
bool adopt_needs_classes(adoption *a);

/* ---- the layouts: every layer gets its references; false after a complaint ---- */

bool adopt_legacy(adoption *a);
bool adopt_native(adoption *a);

/* ---- adopt_native.c, adopt_wrapped.c ---- */

/* "conv2d_3" of the group `in` ("functional", "" at the top). */
void adopt_key(const char *in, const char *class_name, int count, char key[ADOPT_KEY]);
/* Everything under a key: own variables and those of what is inside. A SpectralNormalization's own are copies of the
 * inner kernel, and u. */
bool adopt_take_key(adoption *a, int i, const char *key);
/* What follows "in." in a name, the name itself when `in` is "", or NULL. */
const char *adopt_after(const char *name, const char *in);
/* "functional", "a.sequential_1": groups of models are called by their class, so a name that layers may have is none. */
bool adopt_is_model(const char *key);
/* "spectral_normalization_2" at the end of a key. */
bool adopt_is_wrapper(const char *key);
/* layer[0..n) are layers of the model that own weights, in the order of their counters, in group `in` of the file;
 * those that the file has inside SpectralNormalization are plain in the model: which they are is found by shapes. */
bool adopt_unwrapped(adoption *a, const char *in, int n, const int *layer);

#endif
