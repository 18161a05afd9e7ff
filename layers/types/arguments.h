/* arguments.h - arguments that several layer types share, and how a type reads its own. For layers/types only. */
#ifndef SAGAN_LAYERS_TYPES_ARGUMENTS_H
#define SAGAN_LAYERS_TYPES_ARGUMENTS_H

#include "core/base/local.h"
#include "core/graph/activations.h"
#include "layers/types/catalogue.h"

/* Names of layers/activation.h, and where some of them stand. */
extern const char *const layer_activations[];
#define INDEX(name, function) INDEX_##function,
enum { ACTIVATIONS(INDEX) RELU = INDEX_op_relu, GELU = INDEX_op_gelu, SIGMOID = INDEX_op_sigmoid };
#undef INDEX

#define ARGS(a)  .arg = a, .args = COUNT(a)
#define CASES(c) .cases = c, .n_cases = COUNT(c)

/* Maps of keras_cv_attention_models' documentation and tests (07209e2, 687943d). Layers without a documented size
 * stand on the map of the others. */
#define MAP_28 {4, {0, 28, 28, 192}}
#define MAP_14 {4, {0, 14, 14, 192}}
#define MAP_16 {4, {0, 14, 16, 256}}
#define TOKENS_28 {3, {0, 784, 192}}

#define ODD(k)         {.name = "kernel", .type = ARG_INT, .lo = 1, .hi = 31, .initial = k, .help = "side k, odd"}
#define ACT(n, a)      {.name = n, .type = ARG_WORD, .words = layer_activations, .initial = a, .help = "activation"}
#define YES(n, h)      {.name = n, .type = ARG_BOOL, .initial = 1, .help = h}
#define NO(n, h)       {.name = n, .type = ARG_BOOL, .initial = 0, .help = h}
#define RATE(n, h)     {.name = n, .type = ARG_REAL, .hi = 0.95, .help = h}
#define STRIDES        {.name = "strides", .type = ARG_INT, .lo = 1, .hi = 1, .initial = 1, \
			.help = "1: the map keeps its size"}
#define TORCH          NO("torch_init", "kernels start uniform, as PyTorch's")
#define HIDDEN(n, z, h) {.name = n, .type = ARG_INT, .hi = 65536, .zero = z, .help = h}
#define HEADS(n)       {.name = "heads", .type = ARG_INT, .lo = 1, .hi = 4096, .initial = n, \
			.help = "how many look at once, each with channels of its own"}

int layer_int(const placed_layer *l, const char *name);
bool layer_is(const placed_layer *l, const char *name);
/* Given, or what 0 stands for. */
int64_t layer_int_or(const placed_layer *l, const char *name, int64_t otherwise);

/* N: positions of a map, tokens of [B,N,C]. */
int64_t layer_positions(const placed_layer *l);
/* Channels of the result. */
int64_t layer_out(const placed_layer *l);

/* ---- for sights ---- */

/* lay of layers whose queries look at all keys: scores [B,N,M] or [B,n,N,M]. */
void layer_lay_whole(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row);
/* Adds the weights w [k,k] of a window whose upper left pixel is (y,x) of the map; what lies outside is left out. */
void layer_lay_window(const placed_layer *l, const real *w, int k, int y, int x, real *row);
int layer_heads(const placed_layer *l);              /* the argument */

/* ---- for `fits` ---- */

/* "heads = 3: must divide the 64 channels; 1, 2, 4, 8, 16, 32, 64 fit". Zero is refused, too. */
bool layer_divides(const placed_layer *l, const char *name, int64_t of, const char *what, fault *e);
bool layer_is_odd(const placed_layer *l, const char *name, fault *e);
bool layer_has_odd_kernel(const placed_layer *l, fault *e);
/* An argument that may only have the map's own width, or 0. */
bool layer_is_width(const placed_layer *l, const char *name, fault *e);

#endif
