/* blocks.h - layers of the attention family with one set of arguments each, by name, ready to be applied.
 *
 * The tests of blocks share this table: checksums, shapes, derivatives and laws go over the same rows. Layers and
 * arguments are those of the catalogue, layers/types/. */
#ifndef SAGAN_TESTS_BLOCKS_H
#define SAGAN_TESTS_BLOCKS_H

#include "core/graph/graph.h"
#include "layers/types/catalogue.h"

/* Places m's weights with the start of a fixed stream. */
module *block_alloc(module *m);
/* Parameters of the size of 0.5, none of them 0 or 1. */
void block_scramble(module *m, uint64_t seed);
/* The value of y after one run, new/free. */
real *value_of(graph *g, node *y);

/* A layer of the table with random input and weights, ready to be run or differentiated. */
typedef struct trial {
	const struct block *block;                   /* its row */
	module *m;
	placed_layer layer;                          /* its body is the struct of the layer's header */
	mode mode;
	buffer *x;
	graph *g;
	node *in, *y;                                /* x in g, the layer of it */
} trial;
/* For inputs of shape s; a wrong name is a failed test. `how` NULL: as the row says. */
trial open_layer(const char *name, shape s, sn_options sn, const mode *how);
/* The layer once more, in another graph or of another input. */
node *apply_layer(graph *g, const trial *t, node *x, mode m);
void close_layer(trial *t);

#endif
