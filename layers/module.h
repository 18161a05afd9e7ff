/* module.h - owner of a network's parameters and states: blocks of memory with all of them.
 *
 * A layer registers what it needs in its _init function and reads it in its _apply function. After
 * all layers have registered, module_alloc places everything: parameters and gradients in one block
 * each (an optimiser, an average over processes or a norm sees one array), states in a third.
 *
 * Layers have in common: _init is given the module, the layer's own record, a name of at most 31 letters and the
 * options, which are copied; what is wrong is remembered by the module (module_fail) and reported by module_alloc.
 * _apply makes nodes of graph g that read the layer, which must outlive g; what is wrong is remembered by the graph. */
#ifndef SAGAN_LAYERS_MODULE_H
#define SAGAN_LAYERS_MODULE_H

#include "core/graph/graph.h"
#include "core/base/rng.h"

SAGAN_BEGIN

typedef struct module module;

/* How a parameter starts. N(0,d): normal with deviation d; U(a,b): uniform. fan_in and fan_out are Keras': the product
 * of all axes but the last two, times the last but one, or times the last; a vector has its length for both. `gain` is
 * init.value, and 1 where that is 0. */
enum init_kind {
	INIT_ZEROS, INIT_ONES, INIT_CONSTANT,        /* 0, 1, value */
	INIT_NORMAL,                                 /* N(0, value) */
	INIT_TRUNCATED,                              /* N(0, value), drawn again beyond two deviations */
	INIT_GLOROT_UNIFORM,                         /* U(-l,l), l = gain * sqrt(6/(fan_in+fan_out)) */
	INIT_GLOROT_NORMAL,                          /* N(0, gain * sqrt(2/(fan_in+fan_out))), not truncated */
	INIT_HE_FAN_OUT,                             /* truncated; deviation gain * sqrt(2/fan_out), after the cut:
	                                              * Keras' VarianceScaling(2, "fan_out", "truncated_normal") */
	INIT_ORTHOGONAL,                             /* orthogonal matrix [all other axes, last axis] times gain
	                                              * (arXiv 1312.6120) */
	INIT_TORCH_UNIFORM,                          /* U(-b,b), b = value, or 1/sqrt(fan_in) when 0 */
	INIT_UNIT_NORMAL,                            /* N(0,1), then scaled to length 1 (vectors of spectral norm) */
	INIT_BINOMIAL,                               /* [kh,kw,..]: f[a] f[b], f[i] = binom(k-1,i)/2^(k-1), a blur */
	INIT_IDENTITY                                /* [..,n]: 1 where row and column are the same, else 0 */
};
typedef struct init {
	enum init_kind kind;
	double value;                                /* constant, deviation, bound or gain */
} init;

/* new/free: module_free frees all buffers and blocks. NULL with e set: no memory. */
module *module_new(fault *e);
void module_free(module *m);

/* Prefix for the names registered next: push "block1", register, pop. Names become "block1/conv1/kernel". A prefix of
 * more than 254 letters is a bug and stops the program. */
void module_push(module *m, const char *name);
void module_pop(module *m);

/* What a state is, said by the layer that registers it. Code that changes states from outside (standing statistics,
 * averages, imports) goes by this; names are for people and files. */
enum state_kind {
	STATE_FIXED,                                 /* never moves: a blur, a table of digits */
	STATE_MOVING_MEAN, STATE_MOVING_VARIANCE,    /* keep * old + (1 - keep) * (of the batch) */
	STATE_SN_VECTOR,                             /* u of spectral norm, length 1, one number per output */
	STATE_SN_ROW_VECTOR                          /* the same, one number per row (spectral_norm.h, by_rows) */
};
typedef struct state_role {
	enum state_kind kind;
	double keep;                                 /* share of the old value, in [0,1), of moving statistics */
} state_role;

/* Registers a parameter (trained) or a state (running statistics, vectors of spectral norm) under prefix/name. m owns
 * the buffer; its memory exists from module_alloc on. NULL after an earlier failure, for a shape without elements, or
 * when memory is out: the module remembers it. A name that is registered twice is a bug and stops the program. */
buffer *module_param(module *m, const char *name, shape s, init i);
buffer *module_state(module *m, const char *name, shape s, init i, state_role role);

/* Copies `name` into to[size]: a layer keeps it for the paths of its nodes. A longer name makes the module fail: cut,
 * it could be another layer's, and listings and exports find layers by name. */
void module_name(module *m, char *to, size_t size, const char *name);

/* Layers report wrong arguments here, without the prefix, which is put before them. The first one stays. */
void module_fail(module *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Whether nothing has failed so far; else false, with e set (it may be NULL). */
bool module_good(const module *m, fault *e);

/* Gives all buffers their memory and draws the initial values, in order of registration, from `r` (borrow). False with
 * e set: what failed at registration, or no memory. Once per module; nothing can be registered afterwards. */
bool module_alloc(module *m, rng *r, fault *e);

/* Buffers in order of registration, borrowed from m. Another index than 0..number - 1 is a bug. */
int module_params(const module *m);                  /* number of parameters, as buffers */
int module_states(const module *m);
buffer *module_param_at(const module *m, int i);
buffer *module_state_at(const module *m, int i);
state_role module_role_at(const module *m, int i);   /* of state i */
buffer *module_grad_at(const module *m, int i);      /* gradient buffer of parameter i, like it */
buffer *module_find(const module *m, const char *name);      /* parameter or state by its whole name, or NULL */
/* The state of this kind that was registered beside b, under the same prefix, or NULL. */
buffer *module_beside(const module *m, const buffer *b, enum state_kind kind);

/* The blocks, from module_alloc on; borrowed. A block has its buffers in order of registration, each beginning at a
 * multiple of 64 bytes; the gaps between them are zero and must stay so. */
real *module_param_block(const module *m);           /* [module_block_size] */
real *module_grad_block(const module *m);            /* [module_block_size], each gradient where its parameter is */
real *module_state_block(const module *m);           /* [module_state_size] */
int64_t module_block_size(const module *m);          /* elements, gaps counted */
int64_t module_state_size(const module *m);
int64_t module_param_count(const module *m);         /* elements of all parameters, gaps not counted */

/* Makes nodes for d(loss)/d(parameter), loss a node of g, and assigns each to the gradient buffer of its parameter. In
 * a slice of a batch (graph_slice) loss is the slice's share, and the gradient that of the sum over all slices. */
void module_grad(module *m, graph *g, node *loss);

/* Copies parameters and states of src into dst. Both must have registered the same; other sizes are a bug. */
void module_copy(module *dst, const module *src);

/* What an _apply function needs to know besides its inputs. {0}: a network that is used and not trained. */
typedef struct mode {
	bool train;                                  /* statistics of the batch instead of running ones; dropout */
	bool update;                                 /* with train: running statistics move, and spectral norm takes a
	                                              * step of its power iteration, after each run */
	rng *noise;                                  /* keep: stream for dropout and noise; NULL: none, which training
	                                              * with dropout does not allow */
} mode;

SAGAN_END
#endif
