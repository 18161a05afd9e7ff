/* gradcheck.h - is a derivative the derivative? For ops, layers and losses.
 *
 * A builder makes a value y from leaves in[]. With random r like y and random v like the inputs,
 *
 *   first order    J'r, made by graph_grad, against central differences of L = <r, y>
 *   second order   the gradient of S = <v, J'r> in the inputs and in r, against differences of S
 *   consistency    S is linear in r, so <r, dS/dr> = S; dS/dr is J v. To rounding.
 *   linear inputs  y linear in in[i] alone (others fixed): <r, y> = <in[i], J_i'r>. To rounding.
 *
 * Differences need double: in float, with 24 bits, a difference quotient of a sum of a few hundred
 * terms has no correct digit left to compare (a relative error above 1 even for right derivatives).
 * A float build therefore checks consistency and linearity only, which are identities between
 * values that the float kernels computed.
 *
 * The graph must not assign to buffers or draw random numbers: it is run many times. Keep inputs
 * away from kinks: values within 1e-3 of one make the differences wrong, not the derivative. */
#ifndef SAGAN_TESTS_GRADCHECK_H
#define SAGAN_TESTS_GRADCHECK_H

#include "core/graph/graph.h"

enum { GRAD_INPUTS = 64, GRAD_WHY = 1280 };

/* Appends the nodes of y. in[i] is the leaf of the i-th buffer; `arg` is the caller's (a geometry, a
 * layer: its parameters are leaves that graph_leaf finds again). */
typedef node *(*grad_build)(graph *g, node *const *in, const void *arg);

/* Checks y with respect to in[0..n); inputs whose bit is set in `fixed` (indices) are left alone.
 * Bit i of `linear`: y is linear in in[i]. Buffers are perturbed and put back. Elements of large
 * inputs are sampled, about GRAD_SAMPLES each. Returns false with one line in `why` that names
 * `name`, the input (its buffer's name), the worst element and both values. */
enum { GRAD_SAMPLES = 200 };
bool gradcheck(const char *name, grad_build build, const void *arg, buffer *const *in, int n, unsigned fixed,
	       unsigned linear, char why[GRAD_WHY]);

/* What an input is filled with. */
enum grad_values {
	GRAD_SMOOTH,                                 /* uniform in [-1,1) */
	GRAD_POSITIVE,                               /* uniform in [0.5,2) */
	GRAD_APART,                                  /* all at least 0.01 from each other and from 0: for kinks, ties */
	GRAD_INDEX,                                  /* whole numbers 0, 1, 2; fixed */
	GRAD_SHIFT                                   /* whole numbers -2..2; fixed */
};
void grad_fill(buffer *b, enum grad_values kind, uint64_t seed);

/* A row of a table of checks: builder, its argument, and the inputs to make for it. */
typedef struct grad_case {
	const char *name;
	grad_build build;
	const void *arg;
	unsigned linear;
	int n;
	struct {
		shape s;                             /* {rank, {sizes}} */
		enum grad_values values;
	} in[4];
} grad_case;
bool gradcheck_case(const grad_case *c, char why[GRAD_WHY]);

#endif
