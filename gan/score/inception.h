/* inception.h - the network of FID: Inception v3 as TensorFlow published it on 2015-12-05 and FID uses it
 * (arXiv 1706.08500), in the form of pytorch-fid (mseitzer/pytorch-fid, src/pytorch_fid/inception.py).
 *
 * tools/inception_weights.py makes the file:
 *	/			kind "sagan inception", format 1; side (299); source, source_sha256
 *	/Conv2d_1a_3x3/conv/kernel	[kh,kw,in,out], and norm/{gamma,beta,moving_mean,moving_variance} [out];
 *				likewise /Mixed_5b/branch5x5_1/.. and so on
 *	/fc/kernel		[features, classes]: the logits without their bias, as the Inception score has them
 * The widths are those of the kernels, so that a narrow network runs, too. */
#ifndef SAGAN_GAN_SCORE_INCEPTION_H
#define SAGAN_GAN_SCORE_INCEPTION_H

#include "core/graph/graph.h"
#include "core/h5/h5.h"

typedef struct inception inception;

/* What the attribute `kind` says. */
#define INCEPTION_KIND "sagan inception"

/* new/free. NULL with e set: not such a file, shapes that do not fit each other, no memory. */
inception *inception_read(h5 *f, fault *e);
void inception_free(inception *n);
int inception_side(const inception *n);              /* of the images that it takes: 299 */

/* x [B,side,side,3] in [-1,1] -> features [B,2048], the mean over the last map; *logits [B,1008]. */
node *inception_apply(graph *g, const inception *n, node *x, node **logits);

/* PIL's bicubic resizing of one channel (Pillow, src/libImaging, Resample; a = -0.5, antialiased where it shrinks), as
 * clean-fid uses it (arXiv 2104.11222): matrix [from,to], y[i] = sum over k of x[k] matrix[k,i]. */
void inception_bicubic(int from, int to, real *matrix);

#endif
