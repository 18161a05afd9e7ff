/* classifier.h - the small residual network that tells the classes of a data set apart, and whose last map but one
 * scores images of that set (gan/score/features.h).
 *
 * Images [B,H,W,C] in [-1,1]. With w = width:
 *	stem	conv 3x3 to w/2, batch norm, ReLU
 *	stage i	conv 3x3 to w, 2w, 4w, 4w, .., 2x2 average pooling, batch norm, ReLU;
 *		`blocks` times x + ReLU(batch norm(conv 3x3 x))
 *	end	mean over the map: the features [B,F], F the last stage's width; a dense layer: the logits [B,K]
 * Stages follow until a side is below 8: 28 and 32 end with 7x7 and 4x4. The shape is that of David Page's ResNet-9
 * (myrtle.ai, "How to train your ResNet 4: architecture"), made smaller: one convolution in a residual branch where it
 * has two, and average pooling, which the graph turns into one 4x4 convolution of stride 2. With 2x2 maximum pooling
 * and a stem of w a training step takes 2.2 times as long. */
#ifndef SAGAN_GAN_CLASSIFY_CLASSIFIER_H
#define SAGAN_GAN_CLASSIFY_CLASSIFIER_H

#include "core/graph/graph.h"
#include "gan/nets/networks.h"
#include "layers/module.h"

enum {
	CLASSIFIER_SIDE_MIN = 8, CLASSIFIER_SIDE_MAX = 512, CLASSIFIER_STAGES_MAX = 7, CLASSIFIER_BLOCKS_MAX = 8,
	CLASSIFIER_WIDTH_MAX = 512, CLASSIFIER_CLASSES_MAX = 65536,
};

typedef struct classifier_options {
	net_size size;
	int channels;                                /* 1 or 3 */
	int classes;                                 /* K, at least 2 */
	int width, blocks;
} classifier_options;

typedef struct classifier classifier;

/* Registers the layers; weights are drawn from `r` (borrow). new/free. NULL with e set: a size, width or number that
 * no classifier has ("width = 0: must be 1 to 512"), or no memory. */
classifier *classifier_new(const classifier_options *o, rng *r, fault *e);
void classifier_free(classifier *c);
const classifier_options *classifier_options_of(const classifier *c);        /* borrow */
module *classifier_module(const classifier *c);      /* borrow */
int classifier_feature_count(const classifier *c);   /* F */

/* x [B,H,W,C] -> logits [B,K]. *features, where it is not NULL, becomes the features [B,F]. c must outlive g. */
node *classifier_apply(graph *g, const classifier *c, node *x, mode m, node **features);

#endif
