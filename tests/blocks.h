/* blocks.h - layers of the attention family with one set of arguments each, by name, ready to be applied.
 *
 * The tests of blocks share this table: checksums, shapes, derivatives and laws go over the same rows. */
#ifndef SAGAN_TESTS_BLOCKS_H
#define SAGAN_TESTS_BLOCKS_H

#include "layers/aotnet.h"
#include "layers/conv_position.h"
#include "layers/mlp.h"
#include "layers/outlook.h"
#include "layers/se.h"
#include "layers/token.h"

/* The one layer of a row that is in use, and how it is applied. */
typedef struct any {
	anti_alias_downsample blur;
	batchnorm_with_activation bn;
	conv2d_no_bias conv;
	se_module se;
	layer_norm ln;
	activation act;
	conv_positional_encoding cpe;
	conv_relative_positional_encoding crpe;
	outlook outlook;
	bias_layer bias;
	positional_embedding pos;
	class_token token;
	channel_affine affine;
	mlp_block mlp;
	mixer_block mixer;
	spatial_gating_block gating;
	mode mode;
} any;

/* Registers the layer for inputs of shape s; applies it. The query of a relative encoding is tanh(x). */
typedef struct block {
	const char *name;
	void (*init)(module *m, any *a, shape s, sn_options sn);
	node *(*apply)(graph *g, const any *a, node *x);
} block;
/* The row of this name; a wrong name is a failed test. */
const block *block_named(const char *name);

/* Places m's weights with the start of a fixed stream. */
module *block_alloc(module *m);
/* Parameters of the size of 0.5, none of them 0 or 1. */
void block_scramble(module *m, uint64_t seed);
/* The value of y after one run, new/free. */
real *value_of(graph *g, node *y);

/* A layer of the table with random input and weights, ready to be run or differentiated. `how` NULL: as its row
 * says. */
typedef struct trial {
	module *m;
	any a;
	buffer *x;
	graph *g;
	node *in, *y;
} trial;
trial open_layer(const char *name, shape s, sn_options sn, const mode *how);
void close_layer(trial *t);

#endif
