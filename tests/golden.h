/* golden.h - walks files of reference values (tests/golden/README.md) and compares ours with them.
 *
 * Tables (golden_layers.c, golden_gan.c, golden_attention.c, golden_blocks.c) name a builder per layer. The harness
 * reads a case, lets it append the layer to a graph, differentiates, runs, and compares output64, grad_input64,
 * grad_weight64 and updated64, all of them: a result that the builder does not give is a failure. */
#ifndef SAGAN_TESTS_GOLDEN_H
#define SAGAN_TESTS_GOLDEN_H

#include "core/graph/graph.h"
#include "core/h5/h5.h"
#include "layers/module.h"

enum { GOLDEN_NODES = 16, GOLDEN_WEIGHTS = 96 };

typedef struct golden_weight {
	char name[128];                              /* "00_conv2d.kernel" */
	bool trainable;
	shape s;
	real *x;                                     /* own; value before the call */
	buffer *buf;                                 /* the module's, or made by golden_leaf */
	bool owned;
	node *at;                                    /* gradients are taken here; NULL: at its leaf */
	node *after;                                 /* value after the call; NULL: what the buffer holds */
} golden_weight;

/* One case. The builder reads x and w and gives y; returns false with e set when it cannot. */
typedef struct golden_case {
	h5 *f;
	const char *group;                           /* "/name" */
	graph *g;
	module *m;                                   /* for builders that use layers */
	mode mode;                                   /* training as the attribute says, update on */
	int nx, nw, ny;
	buffer *xb[GOLDEN_NODES];                    /* own */
	node *x[GOLDEN_NODES], *y[GOLDEN_NODES];
	golden_weight w[GOLDEN_WEIGHTS];
	void *kept;                                  /* freed by drop after the run */
	void (*drop)(void *kept);
	fault *e;
} golden_case;

/* Attributes; the fallback stands for an absent one and for Python's None. */
double golden_number(const golden_case *c, const char *name, double fallback);
void golden_text(const golden_case *c, const char *name, const char *fallback, char *out, size_t size);
/* Numbers of any rank: how many there are (at most max are copied), or -1. */
int golden_list(const golden_case *c, const char *name, double *x, int max);
/* One number for both axes, or two. */
void golden_pair(const golden_case *c, const char *name, int fallback, int out[2]);

/* Weight i as a leaf of the graph. */
node *golden_leaf(golden_case *c, int i);
/* Allocates m and gives its parameters and states the weights of the file, in order; first_state states are
 * left out. False when the numbers of elements or of weights differ. */
bool golden_bind(golden_case *c, module *m, int first_state);
/* The same by name: `translate` writes the name of m's buffer for a weight of the file. m is allocated. */
bool golden_bind_names(golden_case *c, module *m, void (*translate)(const char *weight, char *out, size_t size));

/* Appends y to the case's outputs; true, so that it can end a builder. */
bool golden_give(golden_case *c, node *y);

/* What is known of a layer. Ours may be four times as far off as the original's own float32 results, in the worst case
 * of the file or as its documentation says (`figure`: PyTorch files hold no float32 results), whichever is more. In
 * double all are held to 1e-10. */
enum golden_part { GOLDEN_OUTPUT, GOLDEN_GRAD_INPUT, GOLDEN_GRAD_WEIGHT, GOLDEN_UPDATED, GOLDEN_PARTS };
typedef struct golden_layer {
	const char *layer, *source;                  /* attribute `layer`, part of `source` (NULL: any) */
	bool (*build)(golden_case *c);
	/* Instead of build, for files with a shape of their own: worst error of the case. */
	bool (*run)(h5 *f, const char *group, double *worst, fault *e);
	double figure[GOLDEN_PARTS];
	double exact;                                /* allowed in double; 0 means 1e-10 */
} golden_layer;
/* Building blocks and update rules; parts of GANs; attention layers. Each ended by a row without a layer. */
extern const golden_layer golden_layers[], golden_gan[], golden_attention[], golden_blocks[];

/* golden_optim.c: trajectories of update rules. */
bool golden_keras_optimizer(h5 *f, const char *group, double *worst, fault *e);
bool golden_torch_optimizer(h5 *f, const char *group, double *worst, fault *e);

typedef struct golden_count {
	int files, cases, failed;
	bool silent;                                 /* count only */
} golden_count;

/* One file, or every .h5 file of a directory in order of names. Prints a line per layer and one per
 * failure, and adds to n. False with e set only when nothing could be read. */
bool golden_file(const char *path, golden_count *n, fault *e);
bool golden_walk(const char *dir, golden_count *n, fault *e);

#endif
