/* request.h - which images are asked for, as latents and labels: the same for every kind of generator. */
#ifndef SAGAN_GAN_SAMPLE_REQUEST_H
#define SAGAN_GAN_SAMPLE_REQUEST_H

#include "core/base/rng.h"
#include "gan/sample/sampler.h"

SAGAN_BEGIN

enum { REQUEST_STOPS_MAX = 16 };

typedef struct sample_request {
	int64_t n;                                   /* images */
	uint64_t seed;
	int label;                                   /* a class, or -1: image k has class k mod K of K classes */
	double truncation;                           /* |z| <= truncation; 0: none */
	bool interpolate;                            /* row r: `columns` images of class r mod K on a way that leads
	                                              * from latent to latent, over the sphere */
	int columns;                                 /* 0: as request_columns chooses */
	/* With `interpolate` or `direction`: a row ends where it began, as a film that begins again should. */
	bool loop;
	/* With `interpolate`: classes that a row leads through, mixed in between; 0: none. */
	int stops, stop[REQUEST_STOPS_MAX];
	/* NULL, or a unit vector [Z] (borrow): row r is latent r with -3 to 3 times it added. */
	const real *direction;
	/* Row r has the truncation of step r, column c latent c; 0: none. */
	int steps;
	double step[REQUEST_STOPS_MAX];
} sample_request;

/* Latent number k of a seed, into z [Z]: standard normal, as in training, truncated where truncation is above 0. The
 * same whoever asks. */
void request_latent(int64_t Z, uint64_t seed, int64_t k, double truncation, real *z);
/* n latents z [n,Z] and labels [n] at random, labels 0 without classes. */
void request_random(rng *r, int64_t n, int64_t Z, int classes, real *z, real *label);
/* The latents and labels of the request: z [n,Z] and label [n], 0 when unconditional. Latent k depends on seed and k
 * (with rows also on the columns) alone. False with e set: a class that the generator has not, or no memory. */
bool request_latents(const sampler *s, const sample_request *q, real *z, real *label, fault *e);
/* Latents and labels of images lo to lo + m - 1 alone: z [m,Z], label [m]; share: NULL, or with `stops` room for the
 * shares of all classes, [m,K], which are then meant instead of the labels. False with e set: no memory. */
bool request_part(const sampler *s, const sample_request *q, int64_t lo, int64_t m, real *z, real *label, real *share,
	fault *e);
/* The images of the same part, [m,H,W,C]. */
bool request_run_part(sampler *s, const sample_request *q, int64_t lo, int64_t m, real *images, fault *e);
/* The images of these latents, in order, into images [n,H,W,C]. Image k depends on seed and k, not on n; with
 * `interpolate` also on the number of columns. False with e set: as above, or what sampler_run says. */
bool request_run(sampler *s, const sample_request *q, real *images, fault *e);
/* Columns that a grid of the request has: as given; else one for each class, if all are drawn and fit; else the square
 * root of n. */
int request_columns(const sampler *s, const sample_request *q);
/* What stands over the columns of that grid: the names of the classes, a line each, "" for numbers; NULL: columns are
 * no classes. Borrowed from s. */
const char *request_heads(const sampler *s, const sample_request *q);

SAGAN_END
#endif
