/* features_internal.h - what the kinds of feature networks share. A new kind is a file with its record, and a line in
 * features.c. */
#ifndef SAGAN_GAN_SCORE_FEATURES_INTERNAL_H
#define SAGAN_GAN_SCORE_FEATURES_INTERNAL_H

#include "core/h5/h5.h"
#include "core/plan/plan.h"
#include "gan/score/features.h"

enum { FEATURES_ABOUT = 256 };

/* What a kind builds: a graph of its network over a batch of images. */
typedef struct feature_net {
	void *net;                                   /* own (the kind's free): what the graph reads */
	graph *g;                                    /* own */
	buffer *x;                                   /* own; [batch,H,W,C] */
	node *features;                              /* [batch,D] */
	node *logits;                                /* [batch,K]; NULL: none */
	char about[FEATURES_ABOUT];                  /* without the hash of the file */
} feature_net;

typedef struct feature_kind {
	bool (*is)(h5 *f);                           /* whether an open file is of this kind */
	/* Fills n, whose x and g are there. The file is closed afterwards. */
	bool (*open)(feature_net *n, h5 *f, const dataset *like, fault *e);
	void (*free)(void *net);
} feature_kind;

#endif
