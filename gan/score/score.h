/* score.h - a number for the state of a generator that needs no second network: coarse pixels compared.
 *
 * Every image is averaged over areas to at most 8x8 pixels (28 becomes 7x7; 32, 64, 128 and [96, 64] become 8x8)
 * times its channels, 49 to 192 numbers in [-1,1]; the score is the Frechet distance (frechet.h) between
 * the real images and a fixed sample of the generator. Lower is better, 0 is the best.
 *
 * It sees shape, brightness, colour and variety on a coarse scale: a lost class, a collapse, washed out
 * colours show. It does not see sharpness or texture: a blurred image scores like a sharp one. It is
 * not the FID of papers, which compares features of a trained network. Two numbers compare only
 * within one data set, one program and one number of images.
 *
 * With classes it also compares how much the images of one class differ: a generator that has one good image for each
 * class loses little of the distance's other parts. */
#ifndef SAGAN_GAN_SCORE_SCORE_H
#define SAGAN_GAN_SCORE_SCORE_H

#include "data/dataset.h"
#include "gan/config/config.h"
#include "gan/score/frechet.h"
#include "gan/sample/sampler.h"
#include "gan/score/spread.h"

enum { SCORE_SIDE_MAX = 8, SCORE_REAL_MAX = 10000, SCORE_TEXT = 192 };

/* What makes two scores comparable: "Frechet distance of ...; lower is better". */
typedef struct scorer {
	net_size size, pooled;                       /* of images; of the averaged ones */
	int channels;
	int64_t fakes;                               /* images of the generator */
	real *z, *label;                             /* own; [fakes,Z], [fakes] or NULL */
	moments real_moments;                        /* own */
	class_spread real_spread;                    /* own; without classes empty */
	char about[SCORE_TEXT];
} scorer;

/* What scorer_run finds. */
typedef struct judgement {
	double score;
	bool has_spread;                             /* of conditional generators, where a class can be compared: */
	double mean, lowest;                         /* the fakes' spread in a class as a share of the real images': */
	int lowest_class;                            /* mean of the classes, the lowest, and whose it is */
} judgement;

/* Side that images of a side are averaged to: its largest divisor up to SCORE_SIDE_MAX. */
int score_side(int size);

net_size score_size(net_size size);                  /* both sides of an image so */

/* x [size,channels] averaged over areas into y [to,channels]. */
void score_pool(const real *x, net_size size, int channels, net_size to, double *y);

/* Moments of the first `n` images of a set (all, when it has fewer), pooled; with `flip` each image is
 * followed by its mirror image, as training shows them. Release with moments_free. `spread`, where it is not NULL, has
 * been made for the classes of d and gets the same images. */
bool score_real(const dataset *d, int64_t n, bool flip, moments *out, class_spread *spread, fault *e);

/* Ready to score generators of cfg, trained on d (borrow: used here only; at least two images). The
 * latents and labels of the fakes come from streams of their own, the labels as frequent as in the
 * data: the same in every call with the same seed, and training draws nothing less for it. */
bool scorer_init(scorer *s, const config *cfg, const dataset *d, fault *e);
void scorer_free(scorer *s);                           /* all zero allowed */

/* Judges the generator in `from` as it is. The same bits for any number of threads. */
bool scorer_run(scorer *s, sampler *from, judgement *out, fault *e);

#endif
