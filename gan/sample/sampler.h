/* sampler.h - images from a trained generator: of a checkpoint, or of a module that is training.
 *
 * Frozen parameters; latents are drawn as in training (standard normal), truncated when asked. How
 * batch norm gets its statistics is the config's ema.bn_mode and is the same for every call. */
#ifndef SAGAN_GAN_SAMPLE_SAMPLER_H
#define SAGAN_GAN_SAMPLE_SAMPLER_H

#include "core/plan/plan.h"
#include "gan/config/config.h"
#include "gan/nets/networks.h"
#include "layers/module.h"

SAGAN_BEGIN

typedef struct sampler sampler;

/* Images that `sagan sample` and an export draw at once: standing statistics depend on it. */
enum { SAMPLER_BATCH = 64 };

/* A sampler of `batch` images at once, with a generator of its own (copied into by sampler_take).
 * cfg is copied. new/free. */
sampler *sampler_new(const config *cfg, int64_t batch, error *e);
/* From a checkpoint file or a run directory: the averaged generator, or the raw one. `warning` as
 * for checkpoint_latest. */
sampler *sampler_open(const char *run_or_checkpoint, bool raw, int64_t batch, error *warning, error *e);
/* From a generator of another kind: what the rest of this header does with one of ours, attention maps excepted. `net` is
 * copied, its ctx owned: freed with the sampler, and when NULL is returned. */
typedef struct sampler_net {
	void *ctx;
	/* images [n,H,W,C] from z [n,Z] and label [n] (NULL when there are no classes) */
	bool (*run)(void *ctx, int64_t n, const real *z, const real *label, real *images, error *e);
	void (*free)(void *ctx);
	int64_t latent, h, w, c;
	int classes;                                 /* 0: unconditional */
	const char *path;                            /* where it comes from; copied */
} sampler_net;
sampler *sampler_of_net(const sampler_net *net, error *e);
void sampler_free(sampler *s);

/* Not for a generator of another kind. The generator becomes a copy of `from` (same network); with ema.bn_mode = standing its statistics
 * are collected anew. */
bool sampler_take(sampler *s, const module *from, error *e);

/* Parameters and states of a network from the group of a checkpoint file: "generator", "ema" or "discriminator".
 * Nothing has changed on failure. */
bool network_load(const char *path, const char *group, module *m, error *e);

const config *sampler_config(const sampler *s);      /* of a generator of another kind: the defaults */
/* The generator that draws, for reading; it is the sampler's. */
const network *sampler_generator(const sampler *s);
/* The plan of one pass over sampler_batch latents, for plan_print; NULL for a generator of another kind. Borrow. */
const plan *sampler_plan(const sampler *s);
const char *sampler_path(const sampler *s);          /* the file it came from, or "" */
int64_t sampler_step(const sampler *s);
int64_t sampler_batch(const sampler *s);              /* images of one pass */
shape sampler_image_shape(const sampler *s);         /* [H,W,C] */
int64_t sampler_image_size(const sampler *s);        /* elements of one image: H * W * C */
int64_t sampler_latent_size(const sampler *s);       /* Z */
int sampler_classes(const sampler *s);               /* 0: unconditional */

/* images [n,H,W,C] in [-1,1] from z [n,Z] and label [n] (NULL when unconditional); any n. */
bool sampler_run(sampler *s, int64_t n, const real *z, const real *label, real *images, error *e);

typedef struct sample_request {
	int64_t n;
	uint64_t seed;
	int label;                                   /* a class, or -1: all classes in turn */
	double truncation;                           /* |z| <= truncation; 0: none */
	bool interpolate;                            /* rows of `columns` images between two latents */
	int columns;                                 /* 0: the number of classes, or the square root of n */
} sample_request;
/* Latent number k of a seed: [Z], the same whoever asks. */
void sampler_latent(const sampler *s, uint64_t seed, int64_t k, double truncation, real *z);
/* What the request draws from: z [n,Z] and label [n], zeros when unconditional. */
bool sampler_latents(const sampler *s, const sample_request *r, real *z, real *label, error *e);
/* n images by the request into images [n,H,W,C]; element k depends on seed and k only. */
bool sampler_request(sampler *s, const sample_request *r, real *images, error *e);
/* Columns that a grid of the request has: classes, the square root of n, or as given. */
int sample_columns(const sampler *s, const sample_request *r);

/* Attention maps of the generator for one latent: how many layers have one over all positions, and of the
 * `layer`-th of them the map [N,M] (rows sum to one) with the sizes of queries (qh*qw = N) and keys (kh*kw = M). */
typedef struct attention_view {
	char name[128];                              /* "generator/attention" */
	int qh, qw, kh, kw;
	const real *map;                             /* [qh*qw, kh*kw]; valid until the next run */
	const real *image;                           /* [H,W,C] */
} attention_view;
int sampler_attentions(const sampler *s);
bool sampler_attend(sampler *s, int layer, const real *z, int label, attention_view *out, error *e);

SAGAN_END
#endif
