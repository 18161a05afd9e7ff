/* ops.h - every operation on nodes. Each has a derivative made of other ops here.
 *
 * A constructor returns a node of g, owned by g; its inputs are nodes of g, and arrays that it is given are copied.
 * What is wrong with shapes or numbers is remembered by the graph (graph_fail), and plan_new reports it. Images are
 * [B,H,W,C], kernels [kh,kw,Cin/groups,Cout]. "Broadcast" means that axes are aligned at the last one, and an axis of
 * size 1 or a missing one is repeated; the derivative sums over what was repeated. The adjoint of a linear op is the op
 * that its derivative needs: <f(x), y> = <x, adjoint(y)>. */
#ifndef SAGAN_CORE_GRAPH_OPS_H
#define SAGAN_CORE_GRAPH_OPS_H

#include "core/graph/graph.h"

SAGAN_BEGIN

/* ---- element-wise: ops_elementwise.c, ops_function.c. x of any shape -> the same shape ---- */
node *op_add(graph *g, node *a, node *b);            /* a + b, broadcast */
node *op_sub(graph *g, node *a, node *b);            /* a - b, broadcast */
node *op_mul(graph *g, node *a, node *b);            /* a * b, broadcast */
node *op_div(graph *g, node *a, node *b);            /* a / b, broadcast */
node *op_scale(graph *g, node *x, double c);         /* c * x */
node *op_add_scalar(graph *g, node *x, double c);    /* x + c */
node *op_neg(graph *g, node *x);                     /* -x */
node *op_square(graph *g, node *x);                  /* x * x */
node *op_recip(graph *g, node *x);                   /* 1 / x */
node *op_sqrt(graph *g, node *x);                    /* the derivative at 0 is infinite: add a small number to x */
node *op_rsqrt(graph *g, node *x);                   /* 1 / sqrt(x) */
node *op_exp(graph *g, node *x);
node *op_log(graph *g, node *x);
node *op_tanh(graph *g, node *x);
node *op_sigmoid(graph *g, node *x);                 /* 1 / (1 + e^-x), safe for large |x| */
node *op_softplus(graph *g, node *x);                /* log(1 + e^x), safe for large |x| */
node *op_erf(graph *g, node *x);
node *op_leaky_relu(graph *g, node *x, double slope);/* x > 0 ? x : slope * x; derivative at 0: slope */
node *op_relu(graph *g, node *x);                    /* leaky_relu with slope 0 */
/* sel > 0 ? x : slope * x, shapes equal: what the derivative of leaky_relu is made of. No derivative flows through sel.
 * With slope 0, x also passes where sel is no number (NaN). */
node *op_gate(graph *g, node *x, node *sel, double slope);
node *op_abs(graph *g, node *x);                     /* derivative at 0: -1 */

/* Made of these: ops_activation.c. */
/* min(max(x,lo),hi); the derivative at lo and hi is 0. Wrong: lo > hi. */
node *op_clip(graph *g, node *x, double lo, double hi);
node *op_gelu(graph *g, node *x);                    /* exact: 0.5 x (1 + erf(x/sqrt 2)) */
node *op_gelu_tanh(graph *g, node *x);               /* 0.5 x (1 + tanh(sqrt(2/pi)(x + 0.044715 x^3))) */
node *op_swish(graph *g, node *x);                   /* x sigmoid(x) */
node *op_elu(graph *g, node *x, double alpha);       /* x > 0 ? x : alpha (e^x - 1); derivative at 0: alpha */
node *op_selu(graph *g, node *x);                    /* lambda elu(x), constants of arXiv 1706.02515 */
node *op_hard_sigmoid(graph *g, node *x);            /* Keras 2: clip(0.2 x + 0.5, 0, 1) */
/* An activation by name: the functions above under their names, and
 *	leaky_relu/SLOPE        with this slope; leaky_relu alone has Keras' 0.3
 *	gelu/quick              x sigmoid(1.702 x)
 *	gelu/linear             gelu with a parabola for erf (arXiv 2101.01321)
 *	gelu_tanh               also as gelu/app and gelu/approximate
 *	elu                     alpha = 1
 *	exponential             e^x
 *	hard_sigmoid_torch      clip(x/6 + 0.5, 0, 1)
 *	hard_swish              x clip(x + 3, 0, 6) / 6
 *	mish, phish             x tanh(softplus(x)), x tanh(gelu(x))
 *	squared_relu            relu(x)^2
 *	softmax                 over the last axis
 *	linear                  x itself; also "none" and ""
 * core/graph/activations.h has the list. Wrong: another name; the message suggests the nearest, or lists them all. */
node *op_activation(graph *g, node *x, const char *name);
/* Whether there is an activation of this name; false with e set. */
bool activation_known(const char *name, fault *e);

/* ---- constants, shapes and places: ops_shape.c, ops_move.c ---- */
node *op_fill(graph *g, shape s, double c);          /* constant; no inputs */
node *op_reshape(graph *g, node *x, shape s);        /* as many elements; the same memory, no copy */
node *op_broadcast(graph *g, node *x, shape s);      /* x -> s, broadcast */
/* axis has one entry per axis of x: axis i of the result is axis axis[i] of x. */
node *op_permute(graph *g, node *x, const int *axis);
node *op_transpose(graph *g, node *x);               /* the last two axes exchanged */
/* before and after have one entry per axis of x, >= 0: so many zeros are put around x. */
node *op_pad(graph *g, node *x, const int64_t *before, const int64_t *after);
/* lo and hi have one entry per axis of x: elements lo[i] up to, not including, hi[i]. Wrong: an empty part, or one that
 * x does not have. */
node *op_slice(graph *g, node *x, const int64_t *lo, const int64_t *hi);
node *op_slice_axis(graph *g, node *x, int axis, int64_t lo, int64_t hi);        /* of one axis; the others whole */
/* x[0..n), one behind the other along `axis`, equal in their other axes. Up to 64 can be differentiated. */
node *op_concat(graph *g, node *const *x, int n, int axis);
/* Rows of a table: table [K,C], index [B] (whole numbers 0..K-1 stored as real) -> [B,C]. The index has no derivative.
 * A run stops the program when it meets an index outside: check data before. */
node *op_gather(graph *g, node *table, node *index);
/* Its adjoint: dy [B,C], index [B] -> [count,C]; row k is the sum of the rows of dy whose index is k. */
node *op_scatter_add(graph *g, node *dy, node *index, int64_t count);

/* ---- sums over axes: ops_reduce.c, ops_moments.c ---- */
node *op_sum_to(graph *g, node *x, shape s);         /* adjoint of broadcast: sums the axes where s has 1 or none */
/* Sum and mean over a set of axes: bit i stands for axis i. keep: they stay, as size 1; else they are left out. */
node *op_sum(graph *g, node *x, unsigned axes, bool keep);
node *op_mean(graph *g, node *x, unsigned axes, bool keep);
node *op_sum_all(graph *g, node *x);                 /* -> scalar */
node *op_mean_all(graph *g, node *x);                /* -> scalar */
/* Mean and variance over a set of axes, which stay as size 1, in fewer passes over memory than one after the other. The
 * variance is the mean of (x - mean)^2 (divided by n, not by n - 1). */
void op_moments(graph *g, node *x, unsigned axes, node **mean, node **var);
node *op_softmax(graph *g, node *x);                 /* last axis; safe for large x: the maximum is subtracted */
node *op_softmax_axis(graph *g, node *x, int axis);

/* ---- sums over the slices of a batch (graph_slice): ops_slices.c. With one slice each is x itself ---- */
/* The sum of x over all slices, the same in each; its own adjoint. What a slice computes of its loss is differentiated,
 * never the sum: each slice has that sum, and its derivative would count them all. */
node *op_slice_sum(graph *g, node *x);
node *op_slice_share(graph *g, node *x);             /* x divided by the number of slices: what a mean has of it */
node *op_slice_mean(graph *g, node *x);              /* the mean of x over all slices */
node *op_slice_gather(graph *g, node *x);            /* [B,..] of every slice -> [slices*B,..], in their order */
/* op_moments over axes of which the first is one: over the whole batch. */
void op_batch_moments(graph *g, node *x, unsigned axes, node **mean, node **var);

/* ---- relative positions: ops_skew.c ---- */
/* x has a logit of query m for every displacement of a key, -(P-1)..P-1; the result has one for every key j of 0..P-1:
 * x [..,M,I,2P-1] -> [..,M,I,P], y[m,i,j] = x[m,i, P-1 + j - m]. There are M <= P queries, each with I rows. */
node *op_skew(graph *g, node *x);
node *op_unskew(graph *g, node *dy);                 /* its adjoint: [..,M,I,P] -> [..,M,I,2P-1] */

/* ---- random: ops_random.c. No inputs, no derivative; the stream (keep) moves on at every run ---- */
enum random_kind { RANDOM_UNIFORM, RANDOM_NORMAL };  /* rng_fill_uniform, rng_fill_normal (rng.h) */
node *op_random(graph *g, shape s, int kind, rng *stream);
/* Each x becomes 0 with probability `rate`, else x / (1 - rate). One decision is drawn per element of a value of shape
 * `noise`, which is broadcast to x: noise = x->s decides per element, [B,1,1..] per sample (stochastic depth). Rate 0
 * gives x itself and draws nothing. Wrong: a rate outside [0,1), a shape that does not broadcast to x. */
node *op_dropout(graph *g, node *x, double rate, shape noise, rng *stream);

/* ---- matrix products: ops_matmul.c ---- */
/* [..,M,K] [..,K,N] -> [..,M,N] over the last two axes; the others must be equal. ta: a is stored [..,K,M] and its
 * transpose is taken; tb: b is stored [..,N,K], likewise. */
node *op_matmul(graph *g, node *a, node *b, bool ta, bool tb);
/* x [..,K] times w [K,N] -> [..,N]: one product, all leading axes of x are its rows. */
node *op_dense(graph *g, node *x, node *w);

/* ---- attention: ops_attention.c ---- */
/* softmax(scale q k') v: q [..,N,d], k [..,M,d], v [..,M,c], leading axes equal -> [..,N,c]. Chooses by the number of
 * scores (attention_is_blocked): many go to op_attention_blocked, few are kept as a value [..,N,M], which is faster. */
node *op_attention(graph *g, node *q, node *k, node *v, double scale);
/* The same in blocks: the scores are made a block at a time, and made again for first and second derivatives, so
 * memory grows with N + M and not with N M. */
node *op_attention_blocked(graph *g, node *q, node *k, node *v, double scale);
/* op_attention_blocked with positions: the keys stand on a map of rows x cols, M = rows * cols. q [..,N,d+rows+cols]
 * has behind its d channels a logit for each row and each column of the map. The score of the key in row i, column j is
 * <q[..d], k> + q[d + i] + q[d + rows + j], with no scale. */
node *op_attention_positions(graph *g, node *q, node *k, node *v, int64_t rows, int64_t cols);
/* Whether op_attention takes N x M scores per sample in blocks: from the number on that ops_attention.c has, and never
 * with graph_rewrite off. The batch does not count, so that the result of a sample does not depend on it. */
bool attention_is_blocked(const graph *g, int64_t N, int64_t M);

/* ---- convolution: ops_conv.c ---- */
typedef struct conv_geometry {
	int sh, sw;                                  /* strides, >= 1 */
	int top, bottom, left, right;                /* zeros around the image */
	int groups;                                  /* >= 1; divides Cin and Cout */
	int resize;                                  /* 3x3, stride 1, one zero at each side, one group only. 2: each
	                                              * pixel of x is repeated 2x2 first; -2: the output is summed in
	                                              * windows of 2x2 that lie side by side; 0: neither */
} conv_geometry;
/* The zeros that TensorFlow's padding SAME puts around an axis of n pixels for a kernel of k and stride s: when their
 * number is odd, one more at the end. */
void pad_same_tf(int64_t n, int k, int s, int *before, int *after);
/* x [B,H,W,Cin], w [kh,kw,Cin/groups,Cout] -> [B,Ho,Wo,Cout], Ho = (H + top + bottom - kh) / sh + 1, rounded down, Wo
 * likewise. The kernel is not flipped (cross-correlation): y[i,j] = sum over ky,kx of x[i*sh - top + ky,
 * j*sw - left + kx] w[ky,kx]. Wrong: a kernel larger than the image with its zeros. With c.resize: Ho = 2 H, or H / 2
 * where H and W must be even. Nobody needs to ask for it: a convolution of op_upsample_nearest(x, 2, 2) and
 * a pooled convolution become one. */
node *op_conv2d(graph *g, node *x, node *w, conv_geometry c);
/* Its adjoint in x, which is also the transposed convolution: dy [B,Ho,Wo,Cout] -> [B,h,w_,Cin]. c is the geometry of
 * the convolution from h x w_ to Ho x Wo. Wrong: a size from which c does not lead to dy's. */
node *op_conv2d_dx(graph *g, node *dy, node *w, conv_geometry c, int64_t h, int64_t w_);
/* Its adjoint in w: x [B,H,W,Cin], dy [B,Ho,Wo,Cout] -> [kh,kw,Cin/groups,Cout]. */
node *op_conv2d_dw(graph *g, node *x, node *dy, conv_geometry c, int kh, int kw);

/* w [kh,kw,a,b] -> [kh,kw,b,a], y[ky,kx,j,i] = w[kh-1-ky,kw-1-kx,i,j]: the kernel turned by half a turn. Its own
 * adjoint. */
node *op_kernel_turn(graph *g, node *w);

/* ---- windows and resizing: ops_window.c, ops_max.c, ops_resize.c ---- */
/* Windows of kh x kw pixels that slide over the image in steps of sh and sw, all >= 1. Ho and Wo, the numbers of
 * windows, are as for op_conv2d. */
typedef struct window_geometry {
	int kh, kw, sh, sw;
	int top, bottom, left, right;                /* zeros around the image, fewer than kh, kw */
} window_geometry;
node *op_sum_pool(graph *g, node *x, window_geometry w);     /* sum of each window: [B,H,W,C] -> [B,Ho,Wo,C] */
/* Its adjoint: dy [B,Ho,Wo,C] -> [B,h,w_,C]. */
node *op_sum_pool_dx(graph *g, node *dy, window_geometry w, int64_t h, int64_t w_);
/* Mean of each window, [B,H,W,C] -> [B,Ho,Wo,C]: over its pixels in the image, without the zeros around it (as
 * TensorFlow's SAME). */
node *op_avg_pool(graph *g, node *x, window_geometry w);
/* In each window, the v at the place where sel is largest: sel, v [B,H,W,C] -> [B,Ho,Wo,C]. Of equal ones the first row
 * by row; zeros around the image are never chosen. The derivative flows through v only. */
node *op_max_pick(graph *g, node *sel, node *v, window_geometry w);
/* Its adjoint in v: sel [B,H,W,C], dy [B,Ho,Wo,C] -> [B,H,W,C]. */
node *op_max_place(graph *g, node *sel, node *dy, window_geometry w);
node *op_max_pool(graph *g, node *x, window_geometry w);     /* the largest of each window: op_max_pick(x, x) */
/* The pixels of each window as channels: [B,H,W,C] -> [B,Ho,Wo,kh*kw*C], pixel (ky,kx) at (ky*kw + kx)*C + c. */
node *op_patches(graph *g, node *x, window_geometry w);
/* Its adjoint: [B,Ho,Wo,kh*kw*C] -> [B,h,w_,C]; where windows overlap, their values add up. */
node *op_patches_fold(graph *g, node *p, window_geometry w, int64_t h, int64_t w_);
node *op_upsample_nearest(graph *g, node *x, int fh, int fw);        /* each pixel fh x fw times: -> [B,fh H,fw W,C] */
/* [B,H,W,C] -> [B,h,w_,C], any size. Bilinear, half-pixel centres, clamped at the edge, no antialiasing
 * (as TensorFlow 2, and PyTorch with align_corners=False). */
node *op_resize_bilinear(graph *g, node *x, int64_t h, int64_t w_);
node *op_resize_bilinear_dx(graph *g, node *dy, int64_t h, int64_t w_);      /* its adjoint, back to [B,h,w_,C] */
/* Each sample shifted: y[b,i,j] = x[b, i + t[b,0], j + t[b,1]], zero outside. x [B,H,W,C], t [B,2] is rounded to whole
 * numbers and has no derivative. The adjoint shifts by -t. (The translation of DiffAugment, arXiv 2006.10738.) */
node *op_shift(graph *g, node *x, node *t);
/* Each sample through an affine map: y[b,i,j] = x[b] at row m0 i' + m1 j' + m2, column m3 i' + m4 j' + m5, with all
 * places counted from the middle of the image; bilinear, mirrored at the edges. x [B,H,W,C], m [B,6], which has no
 * derivative. (The geometric transforms of arXiv 2006.06676.) ops_warp.c */
node *op_warp(graph *g, node *x, node *m);
node *op_warp_dx(graph *g, node *dy, node *m);       /* its adjoint in x */

SAGAN_END
#endif
