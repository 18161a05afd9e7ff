/* blocks.h - the residual blocks of SAGAN's generator and discriminator. */
#ifndef SAGAN_GAN_NETS_BLOCKS_H
#define SAGAN_GAN_NETS_BLOCKS_H

#include "gan/nets/networks_internal.h"

/* y = conv3(relu(cBN2(conv3(up2(relu(cBN1(x))))))) + conv1(up2(x)).  [B,H,W,in] -> [B,2H,2W,out] */
typedef struct g_block {
	char name[16];
	cond_norm norm1, norm2;
	conv conv1, conv2, skip;
} g_block;
void g_block_init(network *n, g_block *b, const char *name, int64_t in, int64_t out);
node *g_block_apply(graph *g, const g_block *b, enum upsampling up, node *x, node *with, mode m);

/* r = conv3(relu(conv3(relu(x)))), pooled when down; s = conv1(x), pooled when down, or x itself when
 * nothing changes; with d_skip relu, relu(x) in the place of x. The first block has no relu before, and pools before
 * its 1x1.
 * [B,H,W,in] -> [B,H/2,W/2,out] or [B,H,W,out] */
typedef struct d_block {
	char name[16];
	bool first, down, has_skip, skip_relu;
	conv conv1, conv2, skip;
} d_block;
void d_block_init(network *n, d_block *b, const char *name, int64_t in, int64_t out, bool first, bool down);
node *d_block_apply(graph *g, const d_block *b, node *x, mode m);

#endif
