/* ops.h - every operation on nodes. Each has a derivative made of other ops here.
 *
 * All constructors append to g and return a node of g; inputs are borrowed nodes of g. Wrong shapes
 * are remembered by the graph (graph.h). Images are [B,H,W,C], kernels [kh,kw,Cin/groups,Cout].
 * "Element-wise, broadcast" means that axes are aligned at the last one and an axis of size 1 or a
 * missing one is repeated; the adjoint sums over what was repeated. */
#ifndef SAGAN_CORE_GRAPH_OPS_H
#define SAGAN_CORE_GRAPH_OPS_H

#include "core/graph/graph.h"

SAGAN_BEGIN

/* ---- element-wise: ops_elementwise.c, ops_function.c. x any shape -> same ---- */
node *op_add(graph *g, node *a, node *b);            /* a + b, broadcast */
node *op_sub(graph *g, node *a, node *b);            /* a - b, broadcast */
node *op_mul(graph *g, node *a, node *b);            /* a * b, broadcast */
node *op_div(graph *g, node *a, node *b);            /* a / b, broadcast */
node *op_scale(graph *g, node *x, double c);         /* c * x */
node *op_add_scalar(graph *g, node *x, double c);    /* x + c */
node *op_neg(graph *g, node *x);                     /* -x */
node *op_square(graph *g, node *x);                  /* x * x */
node *op_recip(graph *g, node *x);                   /* 1 / x */
node *op_sqrt(graph *g, node *x);                    /* derivative at 0 is infinite: add before */
node *op_rsqrt(graph *g, node *x);                   /* 1 / sqrt(x) */
node *op_exp(graph *g, node *x);
node *op_log(graph *g, node *x);
node *op_tanh(graph *g, node *x);
node *op_sigmoid(graph *g, node *x);                 /* 1 / (1 + e^-x), safe for large |x| */
node *op_softplus(graph *g, node *x);                /* log(1 + e^x), safe for large |x| */
node *op_erf(graph *g, node *x);
node *op_leaky_relu(graph *g, node *x, double slope);/* x > 0 ? x : slope * x; derivative at 0: slope */
node *op_relu(graph *g, node *x);                    /* leaky_relu with slope 0 */
/* sel > 0 ? x : slope * x: the derivative of leaky_relu. None flows through sel. Equal shapes. */
node *op_gate(graph *g, node *x, node *sel, double slope);
node *op_abs(graph *g, node *x);                     /* derivative at 0: -1 */

/* Made of these: ops_activation.c. */
node *op_clip(graph *g, node *x, double lo, double hi);      /* min(max(x,lo),hi), made of relu */
node *op_gelu(graph *g, node *x);                    /* exact: 0.5 x (1 + erf(x/sqrt 2)) */
node *op_gelu_tanh(graph *g, node *x);               /* 0.5 x (1 + tanh(sqrt(2/pi)(x + 0.044715 x^3))) */
node *op_swish(graph *g, node *x);                   /* x sigmoid(x) */
node *op_elu(graph *g, node *x, double alpha);       /* x > 0 ? x : alpha (e^x - 1) */
node *op_selu(graph *g, node *x);
node *op_hard_sigmoid(graph *g, node *x);            /* Keras 2: clip(0.2 x + 0.5, 0, 1) */
/* An activation by name: the functions above under their names, and
 *	leaky_relu/SLOPE        with this slope; leaky_relu alone has Keras' 0.3
 *	gelu/quick              x sigmoid(1.702 x)
 *	gelu/linear             gelu with a parabola for erf
 *	gelu_tanh               also as gelu/app and gelu/approximate
 *	elu                     alpha = 1
 *	exponential             e^x
 *	hard_sigmoid_torch      clip(x/6 + 0.5, 0, 1)
 *	hard_swish              x relu6(x + 3) / 6
 *	mish, phish             x tanh(softplus(x)), x tanh(gelu(x))
 *	squared_relu            relu(x)^2
 *	linear                  x itself; also "none" and ""
 * core/graph/activations.h has the list. Unknown: graph_fail with a suggestion. */
node *op_activation(graph *g, node *x, const char *name);
bool activation_known(const char *name, fault *e);  /* the same question, without a graph */

/* ---- constants, shapes and places: ops_shape.c, ops_move.c ---- */
node *op_fill(graph *g, shape s, double c);          /* constant; no inputs */
node *op_reshape(graph *g, node *x, shape s);        /* same count; a view, no copy */
node *op_broadcast(graph *g, node *x, shape s);      /* x -> s, broadcast */
node *op_permute(graph *g, node *x, const int *axis);/* output axis i is input axis axis[i] */
node *op_transpose(graph *g, node *x);               /* the last two axes exchanged */
node *op_pad(graph *g, node *x, const int64_t *before, const int64_t *after);   /* zeros, per axis */
node *op_slice(graph *g, node *x, const int64_t *lo, const int64_t *hi);        /* half-open, per axis */
node *op_slice_axis(graph *g, node *x, int axis, int64_t lo, int64_t hi);
node *op_concat(graph *g, node *const *x, int n, int axis);
/* Rows of a table: table [K,C], index [B] (whole numbers 0..K-1 stored as real) -> [B,C]. An index
 * outside is a bug: callers check data before. The index has no derivative. */
node *op_gather(graph *g, node *table, node *index);
node *op_scatter_add(graph *g, node *dy, node *index, int64_t count);   /* its adjoint -> [count,C] */

/* ---- sums over axes: ops_reduce.c, ops_moments.c ---- */
node *op_sum_to(graph *g, node *x, shape s);         /* adjoint of broadcast: sums the axes where s has 1 or none */
node *op_sum(graph *g, node *x, unsigned axes, bool keep);   /* bit i: axis i; keep: as size 1 */
node *op_mean(graph *g, node *x, unsigned axes, bool keep);
node *op_sum_all(graph *g, node *x);                 /* -> scalar */
node *op_mean_all(graph *g, node *x);                /* -> scalar */
/* Mean and variance at once, the variance biased: half the passes of their formulas. The axes stay, as size 1. */
void op_moments(graph *g, node *x, unsigned axes, node **mean, node **var);
node *op_softmax(graph *g, node *x);                 /* last axis; subtracts the row maximum */
node *op_softmax_axis(graph *g, node *x, int axis);

/* ---- relative positions: ops_skew.c ---- */
/* Logits of displacements become logits of keys: x [..,M,I,2P-1] ->
 * [..,M,I,P], y[m,i,j] = x[m,i, P-1 + j - m] for M <= P queries; and its adjoint. */
node *op_skew(graph *g, node *x);
node *op_unskew(graph *g, node *dy);

/* ---- random: ops_random.c. No inputs, no derivative; the stream (keep) moves on at every run ---- */
enum random_kind { RANDOM_UNIFORM, RANDOM_NORMAL };
node *op_random(graph *g, shape s, int kind, rng *stream);
/* x * keep / (1-rate), keep Bernoulli(1-rate) drawn like `noise` shape (broadcast to x): per element
 * (noise = x->s), or per sample (noise = [B,1,1..]: stochastic depth). */
node *op_dropout(graph *g, node *x, double rate, shape noise, rng *stream);

/* ---- matrix products: ops_matmul.c ---- */
/* a' b' over the last two axes, leading axes equal; ta: a' = a transposed. [..,M,K] [..,K,N] ->
 * [..,M,N]. */
node *op_matmul(graph *g, node *a, node *b, bool ta, bool tb);
/* x [..,K] times w [K,N] -> [..,N]: all leading axes flattened into one product. */
node *op_dense(graph *g, node *x, node *w);

/* ---- attention: ops_attention.c ---- */
/* softmax(scale q k') v: q [..,N,d], k [..,M,d], v [..,M,c], leading axes equal -> [..,N,c]. Large maps of
 * scores are never held, neither here nor in first and second derivatives (op_attention_blocked); small ones
 * are, where that is faster. */
node *op_attention(graph *g, node *q, node *k, node *v, double scale);
node *op_attention_blocked(graph *g, node *q, node *k, node *v, double scale);
/* The same for keys on a map of rows x cols, M = rows * cols, and queries with rows + cols more channels, their
 * logits of each row and each column: scores q[..d] k' + q[d + row] + q[d + rows + column]. Never held. */
node *op_attention_positions(graph *g, node *q, node *k, node *v, int64_t rows, int64_t cols);
/* Whether op_attention would not hold N x M scores per sample. The batch does not matter: results do not depend
 * on it. */
bool attention_is_blocked(const graph *g, int64_t N, int64_t M);

/* ---- convolution: ops_conv.c ---- */
typedef struct conv_geometry {
	int sh, sw;                                  /* strides, >= 1 */
	int top, bottom, left, right;                /* zeros around the image */
	int groups;                                  /* >= 1; divides Cin and Cout */
} conv_geometry;
/* Zeros that TensorFlow's SAME puts around n for kernel k and stride s (extra at the end). */
void pad_same_tf(int64_t n, int k, int s, int *before, int *after);
/* x [B,H,W,Cin], w [kh,kw,Cin/groups,Cout] -> [B,Ho,Wo,Cout], cross-correlation. */
node *op_conv2d(graph *g, node *x, node *w, conv_geometry c);
/* Adjoint in x, and the transposed convolution: dy [B,Ho,Wo,Cout] -> [B,h,w,Cin]. */
node *op_conv2d_dx(graph *g, node *dy, node *w, conv_geometry c, int64_t h, int64_t w_);
/* Adjoint in w: x [B,H,W,Cin], dy [B,Ho,Wo,Cout] -> [kh,kw,Cin/groups,Cout]. */
node *op_conv2d_dw(graph *g, node *x, node *dy, conv_geometry c, int kh, int kw);

/* w [kh,kw,a,b] -> [kh,kw,b,a] turned by half a turn; its own adjoint (rewrite.c). */
node *op_kernel_turn(graph *g, node *w);

/* ---- windows and resizing: ops_window.c, ops_max.c, ops_resize.c ---- */
typedef struct window_geometry {
	int kh, kw, sh, sw;
	int top, bottom, left, right;                /* zeros around the image */
} window_geometry;
node *op_sum_pool(graph *g, node *x, window_geometry w);             /* [B,H,W,C] -> [B,Ho,Wo,C] */
node *op_sum_pool_dx(graph *g, node *dy, window_geometry w, int64_t h, int64_t w_);  /* adjoint */
/* Mean over the real pixels of each window (TF SAME) or over k*k (no padding). */
node *op_avg_pool(graph *g, node *x, window_geometry w);
/* v at the position of the maximum of sel in each window (first in row-major order on ties; padding
 * never wins). The derivative flows through v only. max_pool(x) = pick(x, x). */
node *op_max_pick(graph *g, node *sel, node *v, window_geometry w);
node *op_max_place(graph *g, node *sel, node *dy, window_geometry w);        /* its adjoint in v */
node *op_max_pool(graph *g, node *x, window_geometry w);
/* [B,H,W,C] -> [B,Ho,Wo,kh*kw*C], channel (ky*kw + kx)*C + c; and its adjoint (overlap-add). */
node *op_patches(graph *g, node *x, window_geometry w);
node *op_patches_fold(graph *g, node *p, window_geometry w, int64_t h, int64_t w_);
node *op_upsample_nearest(graph *g, node *x, int fh, int fw);
/* Bilinear, half-pixel centres, edge clamped, no antialias (TensorFlow 2, PyTorch
 * align_corners=False), any size; and its adjoint back to h x w_. */
node *op_resize_bilinear(graph *g, node *x, int64_t h, int64_t w_);
node *op_resize_bilinear_dx(graph *g, node *dy, int64_t h, int64_t w_);
/* Each sample b shifted: y[b,i,j] = x[b, i+t[b,0], j+t[b,1]], zero outside; t [B,2] whole numbers,
 * no derivative through t. adjoint: shift by -t. (DiffAugment translation, arXiv 2006.10738.) */
node *op_shift(graph *g, node *x, node *t);

SAGAN_END
#endif
