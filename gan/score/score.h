/* score.h - one number for the state of a generator while it trains, cheap and the same for the same state.
 *
 * The score is the Frechet distance (frechet.h) between some real images and a fixed sample of the generator, seen
 * through a lens (lens.h): features of a network, which makes it an FID, or pooled pixels. Lower is better, 0 is the
 * best. Two numbers compare only within one data set, one lens and one number of images; the text `about` says them.
 *
 * With classes it also compares how much the images of one class differ, as pooled pixels: a generator that has one
 * good image for each class loses little of the distance's other parts. */
#ifndef SAGAN_GAN_SCORE_SCORE_H
#define SAGAN_GAN_SCORE_SCORE_H

#include "data/dataset.h"
#include "gan/config/config.h"
#include "gan/sample/sampler.h"
#include "gan/score/frechet.h"
#include "gan/score/lens.h"
#include "gan/score/spread.h"

/* Real images of a score: of pixels, of features, which take a network's time when a run starts. (The FID of 5,000 test
 * digits against all training digits is 0.016, a good generator's above 0.1.) */
enum { SCORE_REAL_MAX = 10000, SCORE_FEATURES_MAX = 5000, SCORE_TEXT = 256 };

/* What makes two scores comparable: "Frechet distance of ...; lower is better". */
typedef struct scorer {
	lens *look;                                  /* own */
	const char *name;                            /* "FID", or "score" of pixels */
	net_size size, pooled;                       /* of images; of the averaged ones */
	int channels;
	int64_t fakes, reals;                        /* images of the generator; of the data */
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

/* Moments of `n` images from all over a set (all, when it has fewer; always the same), through a lens; with `flip`
 * each image is followed by its mirror image, as training shows them. Release with moments_free. `spread`, where it is
 * not NULL, has been made for the classes of d and pooled pixels, and gets the same images. */
bool score_real(const dataset *d, int64_t n, bool flip, lens *look, moments *out, class_spread *spread, fault *e);

/* Ready to score generators of cfg, trained on d (borrow: used here only; at least two images). The latents of the
 * fakes come from a stream of their own: the same in every call with the same seed, and training draws nothing less for
 * it. Each class is as frequent among them as among the real images. `why` says why there are pixels where features
 * were asked for if possible, "" otherwise. False with e set: score.metric = fid and no network fits; no memory. */
bool scorer_init(scorer *s, const config *cfg, const dataset *d, fault *why, fault *e);
void scorer_free(scorer *s);                           /* all zero allowed */

/* Judges the generator in `from` as it is. The same bits for any number of threads. */
bool scorer_run(scorer *s, sampler *from, judgement *out, fault *e);

#endif
