/* module.h - owner of a network's parameters and state: one contiguous block each.
 *
 * A layer registers what it needs in its _init function and reads it in its _apply function. After
 * all layers have registered, module_alloc places everything: parameters and gradients in one block
 * each (an optimiser, an average over processes or a norm sees one array), state in a third. */
#ifndef SAGAN_LAYERS_MODULE_H
#define SAGAN_LAYERS_MODULE_H

#include "core/graph/graph.h"
#include "core/base/rng.h"

SAGAN_BEGIN

typedef struct module module;

/* How a parameter starts. fan_in and fan_out as Keras: kh*kw*dim[-2], kh*kw*dim[-1]. */
enum init_kind {
	INIT_ZEROS, INIT_ONES, INIT_CONSTANT,        /* value */
	INIT_NORMAL,                                 /* N(0, value) */
	INIT_TRUNCATED,                              /* N(0, value), resampled beyond two deviations */
	INIT_GLOROT_UNIFORM,                         /* U(-l,l), l = value * sqrt(6/(fan_in+fan_out)) */
	INIT_GLOROT_NORMAL,
	INIT_HE_FAN_OUT,                             /* VS2: truncated, sqrt(2/fan_out)/0.8796 */
	INIT_ORTHOGONAL,                             /* arXiv 1312.6120, gain value; [prod(dims[:-1]), out] */
	INIT_TORCH_UNIFORM,                          /* U(-b,b), b = value, or 1/sqrt(fan_in) when 0 */
	INIT_UNIT_NORMAL,                            /* N(0,1), then scaled to length 1 (SN vectors) */
	INIT_BINOMIAL,                               /* [kh,kw,..]: f[a] f[b], f[i] = binom(k-1,i)/2^(k-1), a blur */
	INIT_IDENTITY                                /* [..,n]: 1 where row and column are the same, else 0 */
};
typedef struct init {
	enum init_kind kind;
	double value;                                /* constant, deviation, bound or gain (0 means 1 for gains) */
} init;

module *module_new(fault *e);
void module_free(module *m);

/* Prefix for the names registered next: push "block1" ... pop. Names become "block1/conv1/kernel". */
void module_push(module *m, const char *name);
void module_pop(module *m);

/* What a state is, said by the layer that registers it. Who changes states from outside (standing statistics, averages,
 * imports) asks this; names are for people and files. */
enum state_kind {
	STATE_FIXED,                                 /* never moves: a blur, a table of digits */
	STATE_MOVING_MEAN, STATE_MOVING_VARIANCE,    /* keep * old + (1 - keep) * (of the batch) */
	STATE_SN_VECTOR,                             /* u of spectral norm, length 1: one number per output of the kernel */
	STATE_SN_ROW_VECTOR                          /* u with one number per row of it (layers/spectral_norm.h, by_rows) */
};
typedef struct state_role {
	enum state_kind kind;
	double keep;                                 /* of what moves */
} state_role;

/* Registers a parameter (trained) or a state buffer (running statistics, SN vectors). Own: m frees
 * it. NULL after an earlier failure or when memory is out; the module remembers the failure and
 * module_alloc reports it. Its memory exists after module_alloc. */
buffer *module_param(module *m, const char *name, shape s, init i);
buffer *module_state(module *m, const char *name, shape s, init i, state_role role);

/* `name` into to[size], the copy that a layer keeps for the paths of its nodes. Whole, or the module fails: a name that was
 * cut would be another layer's, and rows of a listing and layers of an export are found by name. */
void module_name(module *m, char *to, size_t size, const char *name);

/* Layers report wrong arguments here; module_alloc hands the first one over. */
void module_fail(module *m, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Whether nothing has failed so far; e may be NULL. */
bool module_good(const module *m, fault *e);

/* Places all blocks and draws the initial values in order of registration from `r` (borrow). */
bool module_alloc(module *m, rng *r, fault *e);

int module_params(const module *m);                  /* number of parameters, as buffers */
int module_states(const module *m);
buffer *module_param_at(const module *m, int i);
buffer *module_state_at(const module *m, int i);
state_role module_role_at(const module *m, int i);   /* of state i */
buffer *module_grad_at(const module *m, int i);      /* gradient buffer of parameter i */
buffer *module_find(const module *m, const char *name);      /* param or state, or NULL */
/* The state of this kind that was registered beside b, under the same prefix, or NULL. */
buffer *module_beside(const module *m, const buffer *b, enum state_kind kind);

int64_t module_param_count(const module *m);         /* elements */
real *module_param_block(const module *m);           /* [param_count] plus padding between buffers: */
real *module_grad_block(const module *m);            /* same layout as the parameter block */
real *module_state_block(const module *m);
int64_t module_block_size(const module *m);          /* elements of the blocks, padding (zeros) counted */
int64_t module_state_size(const module *m);

/* Appends d(loss)/d(parameters) to g and assigns them to the gradient buffers. */
void module_grad(module *m, graph *g, node *loss);

/* dst's parameters and states become src's (same registration order and shapes). */
void module_copy(module *dst, const module *src);

/* Frozen or running: what an _apply function needs to know besides its inputs. */
typedef struct mode {
	bool train;                                  /* batch statistics, dropout, SN iterations */
	bool update;                                 /* running statistics and SN vectors are assigned */
	rng *noise;                                  /* stream for dropout and noise, NULL when !train */
} mode;

SAGAN_END
#endif
