/* request.h - which images are asked for, as latents and labels: the same for every kind of generator. */
#ifndef SAGAN_GAN_SAMPLE_REQUEST_H
#define SAGAN_GAN_SAMPLE_REQUEST_H

#include "core/base/rng.h"
#include "gan/sample/sampler.h"

SAGAN_BEGIN

typedef struct sample_request {
	int64_t n;                                   /* images */
	uint64_t seed;
	int label;                                   /* a class, or -1: all classes, a row each where n is at least
	                                              * twice their number, else in turn */
	double truncation;                           /* |z| <= truncation; 0: none */
	bool interpolate;                            /* each row goes from one latent to another */
	int columns;                                 /* images of a row; 0: request_columns chooses */
} sample_request;

/* Latent number k of a seed, into z [Z]: standard normal, as in training, truncated where truncation is above 0. The
 * same whoever asks. */
void request_latent(int64_t Z, uint64_t seed, int64_t k, double truncation, real *z);
/* n latents z [n,Z] and labels [n] at random, labels 0 without classes. */
void request_random(rng *r, int64_t n, int64_t Z, int classes, real *z, real *label);
/* The latents and labels of the request: z [n,Z] and label [n], 0 when unconditional. Latent k depends on seed and k
 * (with interpolate also on the columns) alone. False with e set: a class that the generator has not, or no memory. */
bool request_latents(const sampler *s, const sample_request *q, real *z, real *label, fault *e);
/* The images of these latents, in order, into images [n,H,W,C]. False with e set: as above, or what sampler_run
 * says. */
bool request_run(sampler *s, const sample_request *q, real *images, fault *e);
/* Columns of a grid of the request's images: as given; else, where each class has a row of its own, the images of a
 * class; else the square root of n, rounded up. */
int request_columns(const sampler *s, const sample_request *q);

SAGAN_END
#endif
