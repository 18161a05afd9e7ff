/* layer_kit.h - what tests of layers have in common: a module, a graph, an input, a run; the fill rule whose
 * sums are known; derivatives of a layer in its input and in every weight. For tests with libcheck only. */
#ifndef SAGAN_TESTS_LAYER_KIT_H
#define SAGAN_TESTS_LAYER_KIT_H

#include "core/graph/graph.h"
#include "core/plan/plan.h"
#include "layers/module.h"
#include "tests/gradcheck.h"

/* Layers are registered in m, then kit_ready, then applied to `in`, then kit_run. */
typedef struct kit {
	module *m;                                   /* own */
	graph *g;                                    /* own */
	buffer *x;                                   /* own; normal values */
	node *in;                                    /* x in g */
	plan *p;                                     /* own; of the last run */
} kit;

kit kit_open(shape s, uint64_t seed);
/* Allocates m and fills every parameter with normal values of deviation 0.5. */
void kit_ready(kit *k);
/* Runs the outputs; their values lie in plan_value(k->p, out[i]) until the next run. Returns those of out[0]. */
const real *kit_run(kit *k, node *const *out, int n);
void kit_close(kit *k);

/* 1e-12 in double, 2e-5 in float: what two ways to the same number may differ by, for values around 1. */
extern const double kit_tiny;
double kit_worst(const real *a, const real *b, int64_t n);   /* largest |a - b| */

void kit_zero(buffer *b);
/* Sums over the last axis of A [rows, M] are one. */
void kit_expect_rows_of_one(const real *A, int64_t rows, int64_t M);
/* Names below the layer, shapes and order of all parameters: "query [5,6], pos_emb/r_width [3,7]". */
void kit_expect_weights(const module *m, const char *list);

/* The registration in m (the graph g) went wrong with exactly this message; frees it. */
void kit_module_refuses(module *m, const char *message);
void kit_graph_refuses(graph *g, const char *message);

/* Input x[i] = sin(0.37 i + 0.11); the t-th created weight w[i] = 0.5 sin(0.7 i + 1.3 t + 0.2), gamma 1 + that,
 * moving_variance 0.5 + 0.4 sin(..)^2; t counts running statistics too. m is allocated. */
void kit_fill_by_rule(kit *k);
/* Sum, sum of magnitudes, first, middle and last value that the original computes in double with that fill. */
typedef struct known_sums {
	double sum, sum_abs, first, middle, last;
} known_sums;
/* `slack` is what the sum may be off by in double, as a share of sum_abs, beyond the nine digits. */
void kit_expect_sums(const char *name, const real *y, int64_t n, const known_sums *want, double slack);

/* First and second derivatives of build's result in the input (values apart from each other and from 0) and all
 * parameters of m, which kit_ready has filled. */
void kit_gradcheck(kit *k, const char *name, grad_build build, const void *arg);

/* Spectral norm is on for exactly the matrices of the list, "layer/query layer/output": they have vectors u, in
 * this order, and three times a kernel gives the same result. Second derivatives are not asked for here: u and v
 * count as constants. */
void kit_expect_spectral_norm(kit *k, const char *matrices, grad_build build, const void *arg);

#endif
