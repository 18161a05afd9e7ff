/* catalogue.h - every layer, by name and arguments: one record a type.
 *
 * A layer type is one record: what it is, its arguments, how it is registered for a map [H,W,C] and applied to it.
 * What a config can put into a network keeps the map: x [B,H,W,C] -> same. Layers over tokens see [B,H*W,C]. Unless
 * they bring their own skip, or an argument says otherwise, they are added to x: y = x + gamma * layer(x), gamma a
 * learned number that starts at 0. `sagan layers`, `sagan bench --layers`, the config's reader, exported files and the
 * tests are loops over the records.
 *
 * Each file of this folder holds the records of one family: self_attention.c (the only ones with a skip and a gamma
 * inside), heads.c, convolutional.c, perceptrons.c, tokens.c, norms.c. parts.c has what networks and other layers are
 * made of: it is timed, and no config places it. */
#ifndef SAGAN_LAYERS_TYPES_CATALOGUE_H
#define SAGAN_LAYERS_TYPES_CATALOGUE_H

#include "layers/module.h"
#include "layers/spectral_norm.h"

SAGAN_BEGIN

/* Room for more than the largest type's 11 arguments (bits of layer_args.set: at most 32) and for twice the types of
 * today; tests/test_placed_layers.c and layer_type_names watch them. */
enum { LAYER_ARGS_MAX = 16, LAYER_TYPES_MAX = 64 };

enum layer_arg_type { ARG_INT, ARG_REAL, ARG_BOOL, ARG_WORD };

/* One argument. Its value is a double: a number, a truth as 0 or 1, a word as its index. */
typedef struct layer_arg {
	const char *name;
	enum layer_arg_type type;
	double lo, hi;                               /* numbers: allowed range, ends included */
	const char *const *words;                    /* ARG_WORD: ended by NULL */
	double initial;
	const char *zero;                            /* what 0 stands for: "C / heads"; NULL: nothing special */
	const char *help;
} layer_arg;

/* Arguments as given; those not set have their defaults. {0}: all defaults. */
typedef struct layer_args {
	unsigned set;                                /* bit i: argument i is given */
	double value[LAYER_ARGS_MAX];
} layer_args;

typedef struct layer_type layer_type;

/* What is asked for: a layer behind the block whose map has the shorter side `at`, or instead of that block. */
typedef struct layer_spec {
	int at;
	const layer_type *type;                      /* NULL: official; in a config, until config_check:
	                                              * model.attention */
	layer_args args;
} layer_spec;

/* Room for the layers of one network: at most one a map, and 512 pixels have eight maps from 4x4 up. */
enum { LAYERS_MAX = 8 };
typedef struct layer_specs {
	int n;                                       /* 0: none; -1, in a config: the network authors' choice
	                                              * ("auto") */
	layer_spec layer[LAYERS_MAX];
} layer_specs;

enum layer_residual { LAYER_GAMMA, LAYER_ADD, LAYER_BARE };

/* A layer at its place. placed_layer_at fills it, up to `gamma_start`; the caller may then change out, sn, start and
 * gamma_start; placed_layer_init adds the rest. */
typedef struct placed_layer {
	char name[32];                               /* its path: "attention14" */
	layer_spec spec;
	shape input;                                 /* [1,H,W,C]; of a layer alone also tokens [B,N,C] and others */
	int64_t H, W, C;                             /* of its map: axes 1, 2 and the last of input */
	int64_t out;                                 /* channels of the result where the layer has a choice; 0: C */
	sn_options sn;                               /* of every convolution and dense matrix */
	init start;                                  /* of self-attention's kernels; other layers start as published */
	double gamma_start;                          /* when the arguments do not say; NAN: the type's own */
	void *body;                                  /* own */
	buffer *gamma;                               /* [], in the module (borrow), or NULL */
	enum layer_residual residual;
} placed_layer;

/* What a layer takes: a map [B,H,W,C], or tokens [B,N,C], which a map is turned into for it and back. */
enum layer_input { LAYER_MAP, LAYER_TOKENS };

/* An input and arguments that the type's source documents, or a size that shows something: a row of the bench. */
enum { CASE_ARGS_MAX = 4 };
typedef struct layer_case {
	const char *name;                            /* NULL: the type's */
	shape input;                                 /* the first axis is the batch: 0, for the caller to choose */
	struct {
		const char *name;
		double value;                        /* as in layer_args, and beyond a config's range: strides */
	} arg[CASE_ARGS_MAX];
	int64_t out;                                 /* see placed_layer */
} layer_case;

/* How the positions of a layer's map look at each other. What apply gives as `map` are scores in the layer's own shape:
 * all keys, one row of the map, a window. Laid out they are one matrix [N,M] a head, zero where a query cannot look. */
typedef struct layer_sight {
	int (*heads)(const placed_layer *l);         /* NULL: one */
	int (*pooled)(const placed_layer *l);        /* pixels a side that share a key; NULL: each is a key */
	/* Adds row q of one head to row [M]; scores [s] of a batch, of which sample 0 is looked at. */
	void (*lay)(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row);
	/* A row is a softmax: nothing below 0, and with what falls outside the map the sum is 1. */
	bool shares;
} layer_sight;

struct layer_type {
	const char *name;
	const char *what;                            /* one line, at most 60 letters */
	const char *paper;                           /* "arXiv 2103.12731" */
	const char *cost;                            /* "N (b+2h)^2 C" */
	const char *formula, *weights;               /* lines, ended by \n */
	const layer_arg *arg;                        /* its own arguments, after those of all layers */
	int args;
	size_t body;                                 /* bytes of the layer's struct */
	const char *keras;                           /* its class in exported files (gan/keras/sagan_layers.py), for
	                                              * what stock layers do not say; NULL: they say it */
	const char *keras_when;                      /* a bool argument without which they do; NULL: there is none */
	const layer_case *cases;                     /* for the bench */
	int n_cases;
	enum layer_input takes;
	const layer_sight *sight;                    /* NULL: no position looks at others by weights of its own */
	bool has_batch_norm;
	bool own_skip;                               /* self-attention: gamma and skip are the layer's own */
	bool prefixed;                               /* its sublayers are called prefix + suffix (layers/aotnet.h), so
	                                              * that the level of its name is made around it */
	enum layer_residual residual;                /* the default */
	/* What the map and the arguments do not allow together; NULL: what the layer itself refuses. */
	bool (*fits)(const placed_layer *l, fault *e);
	/* name: "" when prefixed. */
	void (*init)(module *m, void *body, const char *name, const placed_layer *l);
	/* map: NULL, or a place for the scores, set by types with a sight. */
	node *(*apply)(graph *g, const void *body, node *x, mode m, node **map);
	buffer *(*gamma)(const void *body);          /* own_skip: its scalar */
};

/* ---- the table ---- */

/* Types 0..layer_type_count - 1 are those that a config can place; behind them, up to layer_type_all - 1, stand the
 * parts. */
int layer_type_count(void);
int layer_type_all(void);
/* Type i, constant; another index is a bug. The first eight are the variants of layers/attention.h, in that order. */
const layer_type *layer_type_at(int i);
int layer_type_find(const char *name);               /* index of one that a config can place, or -1 */
const layer_type *layer_type_named(const char *name);        /* the record itself, or NULL */
/* The names that a config can use, in order, ended by NULL, into the caller's array. */
void layer_type_names(const char *names[LAYER_TYPES_MAX]);

/* Arguments of a type: first those that all share (place, gamma, residual), then its own. */
int layer_arg_count(const layer_type *t);
const layer_arg *layer_arg_at(const layer_type *t, int i);
int layer_arg_find(const layer_type *t, const char *name);   /* index, or -1 */

/* ---- a layer at its place ---- */

/* The layer of `spec` on an input [1,H,W,C] under this name of at most 31 letters; kernels start glorot uniform,
 * without spectral norm. Registers nothing and owns nothing yet. */
placed_layer placed_layer_at(const char *name, const layer_spec *spec, shape input);
/* The same for a case of a type, with a batch. */
placed_layer placed_layer_case(const layer_type *t, const layer_case *c, int64_t batch);
const char *layer_case_name(const layer_type *t, const layer_case *c);

/* The value of an argument: given, or the default. A name that is none of the type's is a bug. */
double layer_number(const placed_layer *l, const char *name);
const char *layer_word(const placed_layer *l, const char *name);
bool layer_replaces(const placed_layer *l);          /* place: instead */

/* A layer that makes another width than that of the map to which its residual adds it: it has no residual and no gamma.
 * No config places it so, it is only looked at; with residual = none it stands where the next layer takes any width. */
bool layer_stands_alone(const placed_layer *l);
shape layer_result(const placed_layer *l);           /* of its input */

/* Whether the layer can stand there, or alone; found by registering and applying one for trial, which is never
 * allocated. False with e set: "halo: block = 4: does not divide the map's 14; 1, 2, 7, 14 fit", or no memory. */
bool placed_layer_check(const placed_layer *l, fault *e);

/* Registers a layer that placed_layer_check has passed. Release with placed_layer_clear, also on failure. False with e
 * set: no memory. */
bool placed_layer_init(module *m, placed_layer *l, fault *e);
/* x [B,H,W,C] -> same. *map, where map is not NULL, becomes its scores (layer_sight), or NULL when it has none. */
node *placed_layer_apply(graph *g, const placed_layer *l, node *x, mode m, node **map);
/* The same of the layer alone, without residual and gamma; x as l->input. */
bool layer_alone_init(module *m, placed_layer *l, fault *e);
node *layer_alone_apply(graph *g, const placed_layer *l, node *x, mode m, node **map);
void placed_layer_clear(placed_layer *l);

/* ---- its attention maps, one [N,M] a head ---- */

bool layer_has_map(const placed_layer *l);           /* the others below are for those that have */
int layer_map_heads(const placed_layer *l);
int layer_map_pooled(const placed_layer *l);         /* keys lie on H/pooled x W/pooled */
/* Row q of a head, or with head -1 of the mean of all, from scores [s]: row [M] is overwritten. */
void layer_map_row(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row);

/* ---- what a layer costs: cost.c ---- */

typedef struct layer_cost {
	int64_t params, states;                      /* numbers learned; running statistics and the like */
	double flop;                                 /* of one map forward: 2 per multiply-add of its products */
	size_t bytes;                                /* arena of one map forward */
	double train_flop;                           /* forward, gradients of x and of all parameters */
	size_t train_bytes;
} layer_cost;

/* Checks the layer, builds it (alone when it stands so) and measures. `weight` (NULL: not wanted) is called for each
 * parameter and state in order. False with e set: what placed_layer_check says, or no memory. */
bool layer_cost_of(const placed_layer *l, layer_cost *out,
		   void (*weight)(void *ctx, const char *name, const shape *s, bool trained), void *ctx, fault *e);

/* The groups of records, for the table. */
typedef struct layer_group {
	const layer_type *type;
	int n;
} layer_group;
extern const layer_group layers_self_attention, layers_heads, layers_convolutional, layers_perceptrons, layers_tokens,
	layers_norms, layers_parts;

SAGAN_END
#endif
