/* features.h - a trained network that turns images into features, in which sets of images are compared: one interface
 * for the classifiers of `sagan classify`, those that are shipped, Keras models, and Inception.
 *
 * Images are [n,H,W,C] in [-1,1], of the size and channels of the set that is judged. Features [n,D] and probabilities
 * of classes [n,K] are the same for any number of threads, and those of an image do not depend on the others. */
#ifndef SAGAN_GAN_SCORE_FEATURES_H
#define SAGAN_GAN_SCORE_FEATURES_H

#include "data/dataset.h"

typedef struct features features;

/* spec: "auto", the shipped network that fits the data; the name of a shipped one (data/features/); a file, which may
 * be followed by a colon and what its kind lets choose (features_keras.c, features_inception.c). `like`: the set that
 * is judged (borrow: used here only; "auto" looks at its pixels). new/free. NULL with e set: no such file, not of a
 * kind that is read, made for other images, or nothing that is shipped fits. */
features *features_open(const char *spec, const dataset *like, fault *e);
void features_free(features *f);

int64_t features_count(const features *f);           /* D */
int features_classes(const features *f);             /* K; 0: no probabilities of classes */
/* What makes numbers comparable: "mnist classifier, 99.5 % of 10000 test images right, sha256 1234abcd". */
const char *features_about(const features *f);

/* x [n,D], and probability [n,K] where it is not NULL; images [n,H,W,C], n any number. False with e set: out of
 * memory, or probabilities that this network does not have. */
bool features_run(features *f, const real *images, int64_t n, real *x, real *probability, fault *e);

#endif
