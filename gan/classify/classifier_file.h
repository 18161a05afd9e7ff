/* classifier_file.h - a trained classifier in an HDF5 file, and what the file says about it.
 *
 *	/	kind "sagan classifier", format 1, program; name; height, width, channels, classes, base_width, blocks;
 *		class_names (a name a line, or ""), data, config (YAML) that made it; pixel_mean, pixel_deviation of the
 *		training images (0 black, 1 white); accuracy (share of the test images that are right), test_images;
 *		weights_sha256
 *	/stem/conv/kernel, ..		parameters and running statistics under their names: kernels as float16 or
 *					float32, the others as float32
 * weights_sha256 covers, for each of these in the order of the module, its name, a zero byte, and its numbers as
 * float32, little-endian. */
#ifndef SAGAN_GAN_CLASSIFY_CLASSIFIER_FILE_H
#define SAGAN_GAN_CLASSIFY_CLASSIFIER_FILE_H

#include "core/base/sha256.h"
#include "gan/checkpoint/kept.h"
#include "gan/classify/classifier.h"

typedef struct classifier_record {
	char name[64];
	char data[128];                              /* what it was trained on, in words */
	double mean, deviation;                      /* of the pixels of its training images, from 0 to 1 */
	double accuracy;                             /* share of the test images */
	int64_t tested;                              /* test images */
	char *class_names;                           /* own; a text of names (data/class_names.h) */
	char *config;                                /* own; YAML */
	char sha256[SHA256_TEXT];                    /* of the weights: set by saving and opening */
} classifier_record;
void classifier_record_free(classifier_record *r);   /* all zero allowed */

typedef struct h5 h5;

/* Rounds the kernels to float16, so that a compact file holds what has been tested. */
void classifier_round(classifier *c);

/* Writes the file (temporary file, rename). compact: kernels as float16, which must have been rounded. */
bool classifier_save(const char *path, const classifier *c, classifier_record *r, bool compact, fault *e);

/* The classifier of an open file; r, where it is not NULL, is filled (classifier_record_free). new/free
 * (classifier_free). NULL with e set: another kind of file, sizes that no classifier has, missing or damaged
 * weights. */
classifier *classifier_read(h5 *f, classifier_record *r, fault *e);

#endif
