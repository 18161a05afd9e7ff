/* lens.h - what images are turned into before they are compared: features of a network (features.h), or pooled pixels.
 *
 * pixels   every image averaged over areas to at most 8x8 pixels (28 becomes 7x7; 32, 64, 128 and [96, 64] become 8x8)
 *          times its channels: 49 to 192 numbers in [-1,1]. Needs no network. It sees shape, brightness, colour and
 *          variety on a coarse scale; it does not see sharpness or texture: a blurred image is as good as a sharp one.
 * network  what a trained network makes of an image, and probabilities of classes where it has them.
 * stacked  of data.format stacked, whose channels are three digits: the network of single digits looks at each channel.
 *          Features stand one behind the other; a class is three digits, red the first, with the product of their
 *          probabilities. */
#ifndef SAGAN_GAN_SCORE_LENS_H
#define SAGAN_GAN_SCORE_LENS_H

#include "data/dataset.h"
#include "gan/nets/networks.h"

typedef struct lens lens;

/* "pixels", "network" (the shipped one that fits), or what features_open takes. With "auto" pixels stand in where no
 * network fits: `why` (not NULL) then has the reason, and "" otherwise. `like` is the set whose images are looked at
 * (borrow: used here only). new/free. NULL with e set: as features_open. */
#define LENS_AUTO "auto"
#define LENS_PIXELS "pixels"
#define LENS_NETWORK "network"
lens *lens_open(const char *spec, const dataset *like, fault *why, fault *e);
void lens_free(lens *l);

int64_t lens_count(const lens *l);                   /* D */
int lens_classes(const lens *l);                     /* K; 0: no probabilities */
const char *lens_about(const lens *l);               /* "mnist classifier, .., sha256 1234abcd" */
const char *lens_short(const lens *l);               /* "sha256 1234abcd", "pixels 7x7x1" */
bool lens_is_pixels(const lens *l);

/* x [n,D], and probability [n,K] where it is not NULL, of images [n,H,W,C] in [-1,1]. False with e set: no memory. */
bool lens_look(lens *l, const real *images, int64_t n, real *x, real *probability, fault *e);

/* Side that images of a side are averaged to: its largest divisor up to `most`; where that is less than half of what
 * there could be, `most` (the side itself, if smaller), and an area takes parts of pixels. */
int pool_side(int size, int most);
net_size pool_size(net_size size, int most);         /* both sides of an image so */
enum { POOL_SIDE_MAX = 8 };                          /* of "pixels" */

/* images [n,size,channels] averaged over areas into y [n,to,channels]. */
void pool_images(const real *images, int64_t n, net_size size, int channels, net_size to, real *y);

#endif
