/* features_internal.h - what the kinds of feature networks share. A new kind is a file with its record, and a line in
 * features.c. */
#ifndef SAGAN_GAN_SCORE_FEATURES_INTERNAL_H
#define SAGAN_GAN_SCORE_FEATURES_INTERNAL_H

#include "core/h5/h5.h"
#include "core/plan/plan.h"
#include "gan/score/features.h"

enum { FEATURES_ABOUT = 256 };

/* A file in memory. */
typedef struct feature_file {
	const char *path;                            /* or the name of what is shipped; borrow */
	const void *bytes;                           /* borrow; [n] */
	size_t n;
	h5 *h5;                                      /* open; NULL: not HDF5 */
	char kind[64];                               /* its attribute `kind`; "" */
	const char *option;                          /* what follows the path and a colon; "" */
} feature_file;

/* What a kind builds: a graph of its network over a batch of images. */
typedef struct feature_net {
	void *net;                                   /* own (the kind's free): what the graph reads */
	graph *g;                                    /* own */
	buffer *x;                                   /* own; [batch,H,W,C] */
	node *features;                              /* [batch,D] */
	node *scores;                                /* logits [batch,K]; NULL: none */
	int64_t D, K;                                /* set by kinds with a `run` of their own; else of the nodes */
	char about[FEATURES_ABOUT];                  /* without the hash of the file */
} feature_net;

typedef struct feature_kind {
	int batch;
	bool (*is)(const feature_file *f);
	/* Fills n, whose x and g are there. The file goes afterwards. */
	bool (*open)(feature_net *n, const feature_file *f, const dataset *like, fault *e);
	void (*free)(void *net);
	/* Changes the n numbers of images before they go into the graph; NULL: they are as given. */
	void (*prepare)(const void *net, real *x, int64_t n);
	/* Instead of the graph: features and, where it is not NULL, probabilities of n <= batch images in x. */
	bool (*run)(feature_net *net, int64_t n, real *x, real *probability, fault *e);
} feature_kind;

/* A network that is shipped with the program: data/features/NAME.h5. */
typedef struct shipped_network {
	const char *name;
	const unsigned char *bytes, *end;
} shipped_network;
extern const shipped_network shipped_networks[];     /* ended by a row without a name */
/* *fits: whether its images are like these in size, channels, classes, and mean and deviation of the pixels. */
bool features_shipped_fits(const shipped_network *s, const dataset *like, bool *fits, fault *e);

#endif
