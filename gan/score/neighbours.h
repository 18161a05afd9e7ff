/* neighbours.h - what the nearest points say: how good, how varied, and what was copied.
 *
 * A set's manifold is the union of balls around its points, each with the distance to the point's k-th neighbour in its
 * own set, itself not counted, as radius. Distances are Euclidean.
 *
 *   precision  share of fakes in some ball around a real point            arXiv 1904.06991, k = 3
 *   recall     share of real points in some ball around a fake            the same
 *   density    fakes in a real point's ball, over k * fakes, added up     arXiv 2002.09797, k = 5
 *   coverage   share of real points whose ball holds some fake            the same
 *
 * Whether a point at exactly the radius is within differs between programs, and shows where features repeat. We follow
 * the one that each is usually quoted from: `<=` for precision and recall (torch-fidelity 0.4.0, metric_prc.py; so do
 * the authors' own lines, precision_recall.py of kynkaat/improved-precision-and-recall-metric), `<` for density and
 * coverage (prdc 0.2, prdc.py, whose precision and recall have `<`, too). */
#ifndef SAGAN_GAN_SCORE_NEIGHBOURS_H
#define SAGAN_GAN_SCORE_NEIGHBOURS_H

#include "gan/score/points.h"

enum { PRECISION_K = 3, DENSITY_K = 5 };

typedef struct manifold {
	double precision, recall, density, coverage;
} manifold;

/* Of fakes against real points, of equal d; each set has more than DENSITY_K of them. Both sets should be of the same
 * size: then two samples of the same distribution have density 1 and coverage 1 - 2^-5 = 0.97 in the mean. With other
 * processes (core/peers/peers.h) all call it, and share the work. False with e set: fewer points, or no memory. */
bool manifold_compare(const points *real_ones, const points *fakes, manifold *m, fault *e);

/* The nearest point of each of some points, among others that come in portions. */
typedef struct nearest {
	int64_t n;
	int64_t *which;                              /* own; [n]: its number; the first one of equals */
	double *distance;                            /* own; [n]; squared until nearest_end */
} nearest;
bool nearest_init(nearest *of, int64_t n, fault *e);
void nearest_free(nearest *of);                      /* all zero allowed */
/* x has of->n points; `among` are the others from number `first` on. With other processes each searches for its share
 * of x, and nearest_end, which all call, hands out what was found. */
bool nearest_among(nearest *of, const points *x, const points *among, int64_t first, fault *e);
void nearest_end(nearest *of);

/* What of the fakes lies nearer to the training images than images that were not trained on do. */
typedef struct copies {
	double fakes, tests;                         /* median distances to the nearest training image */
	double ratio;                                /* of the two; about 1: as new as test images */
	double near;                                 /* share of fakes nearer than all but 1 % of the test images */
} copies;

/* From distances of n fakes, at least one, and of m test images, which are sorted by it; m 0: only the median of the
 * fakes. Percentiles as numpy's: linear between neighbours. */
copies copies_of(double *fakes, int64_t n, double *tests, int64_t m);

#endif
