/* request.h - which images are asked for, as latents and labels: the same for every kind of generator. */
#ifndef SAGAN_GAN_SAMPLE_REQUEST_H
#define SAGAN_GAN_SAMPLE_REQUEST_H

#include "core/base/rng.h"
#include "gan/sample/sampler.h"

SAGAN_BEGIN

typedef struct sample_request {
	int64_t n;
	uint64_t seed;
	int label;                                   /* a class, or -1: all classes in turn */
	double truncation;                           /* |z| <= truncation; 0: none */
	bool interpolate;                            /* rows of `columns` images between two latents */
	int columns;                                 /* 0: the number of classes, or the square root of n */
} sample_request;

/* Latent number k of a seed: [Z], the same whoever asks. Standard normal, as in training. */
void request_latent(int64_t Z, uint64_t seed, int64_t k, double truncation, real *z);
/* n latents z [n,Z] and labels [n] at random, zeros without classes. */
void request_random(rng *r, int64_t n, int64_t Z, int classes, real *z, real *label);
/* What the request draws from: z [n,Z] and label [n], zeros when unconditional. */
bool request_latents(const sampler *s, const sample_request *q, real *z, real *label, fault *e);
/* n images by the request into images [n,H,W,C]; element k depends on seed and k only. */
bool request_run(sampler *s, const sample_request *q, real *images, fault *e);
/* Columns that a grid of the request has: classes, the square root of n, or as given. */
int request_columns(const sampler *s, const sample_request *q);

SAGAN_END
#endif
