/* sampler.h - images from a trained generator, whatever kind it is.
 *
 * A kind is a struct of functions over something of its own: our network (gan/sample/network_sampler.h), a model out
 * of a file of Keras (gan/keras/sample.h). Code that uses this header works with every kind. Latents and requests:
 * request.h. */
#ifndef SAGAN_GAN_SAMPLE_SAMPLER_H
#define SAGAN_GAN_SAMPLE_SAMPLER_H

#include "core/plan/plan.h"
#include "gan/sample/gaze.h"
#include "layers/module.h"

SAGAN_BEGIN

typedef struct sampler sampler;

/* Images that `sagan sample` and an export draw at once, and of which each batch of standing statistics is. */
enum { SAMPLER_BATCH = 64 };

/* A batch for who draws n images only: no more memory and work than they need. An image has the same bits in any batch
 * from 8 on (of fewer rows a product of matrices goes another way), but for statistics that are the batch's. */
int64_t sampler_batch_for(int64_t n);

/* What a kind of generator can do; ctx is its own. Functions that return bool set e when they return false. */
typedef struct sampler_kind {
	/* images [n,H,W,C] in [-1,1] from z [n,Z] and label [n], which has been checked; any n */
	bool (*run)(void *ctx, int64_t n, const real *z, const real *label, real *images, fault *e);
	/* The same with the shares of all classes, share [n,K]; NULL: it takes whole classes only. */
	bool (*mix)(void *ctx, int64_t n, const real *z, const real *share, real *images, fault *e);
	bool (*take)(void *ctx, const module *from, fault *e);      /* NULL: it stays what it is */
	gaze *(*gaze_of)(void *ctx, fault *e);       /* of the sampler; NULL: nothing is known of its attention */
	plan *(*pass)(void *ctx);                    /* the plan of one pass; NULL: it has none to show */
	/* The config of its training as YAML, which the caller frees; NULL: nothing is known of that. */
	char *(*config)(const void *ctx, fault *e);
	void (*free)(void *ctx);
} sampler_kind;

/* What is known of a generator. */
typedef struct sampler_facts {
	const char *path;                            /* the file it came from, or ""; copied */
	int64_t step;                                /* of the training it came from; -1: not known */
	int64_t batch;                               /* images of one pass */
	int64_t latent;                              /* Z */
	int classes;                                 /* 0: unconditional */
	const char *class_names;                     /* a text of names (data/class_names.h); NULL: none; copied */
	shape image;                                 /* [H,W,C] */
} sampler_facts;

/* What its classes are called from now on; the text is copied. False with e set: no memory. */
bool sampler_call_classes(sampler *s, const char *class_names, fault *e);

/* keep: kind. own: ctx, freed with the sampler, and also when NULL is returned, with e set: no memory. new/free. */
sampler *sampler_of(const sampler_kind *kind, void *ctx, const sampler_facts *facts, fault *e);
void sampler_free(sampler *s);

/* The parameters and states become copies of those of `from`, which must be of the same network. False with e set: a
 * kind that cannot, or no memory. */
bool sampler_take(sampler *s, const module *from, fault *e);

/* The facts that the sampler was made with; the path is borrowed. */
const char *sampler_path(const sampler *s);
/* The plan of one pass, for plan_print and plan_profile (borrow), or NULL. */
plan *sampler_plan(sampler *s);
/* The config of its training as YAML, to be freed; "" where it is not known. NULL with e set: no memory. */
char *sampler_config(const sampler *s, fault *e);
int64_t sampler_step(const sampler *s);
int64_t sampler_batch(const sampler *s);
int64_t sampler_latent_size(const sampler *s);
int sampler_classes(const sampler *s);
const char *sampler_class_names(const sampler *s);   /* "" where classes have numbers only */
shape sampler_image_shape(const sampler *s);
int64_t sampler_image_size(const sampler *s);        /* elements of one image: H * W * C */

/* images [n,H,W,C] in [-1,1] from z [n,Z] and label [n] (not read when unconditional); any n. False with e set: a label
 * that is no class, or no memory. */
bool sampler_run(sampler *s, int64_t n, const real *z, const real *label, real *images, fault *e);

/* The same of images between classes: share [n,K] of all classes. False with e set: no classes, a kind that takes whole
 * ones only, or no memory. */
bool sampler_mix(sampler *s, int64_t n, const real *z, const real *share, real *images, fault *e);

/* Where its attention layers look, with the parameters of the moment of each look; owned by the sampler. NULL with e
 * set: a kind that does not say, or no memory. */
gaze *sampler_gaze(sampler *s, fault *e);

SAGAN_END
#endif
