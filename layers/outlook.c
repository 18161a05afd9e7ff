/* outlook.c - unfold, mix by a softmax of the pixel's own features, fold. */
#include "layers/outlook.h"

#include <math.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/dropout.h"

static void check(module *m, const outlook *o)
{
	const outlook_options *p = &o->opt;
	if (p->num_heads < 1 || p->embed_dim < 1 || p->embed_dim % MAX(p->num_heads, 1))
		module_fail(m, "outlook_attention: embed_dim %lld is not a multiple of %d heads",
			(long long)p->embed_dim, p->num_heads);
	if (p->kernel_size < 1 || p->strides < 1)
		module_fail(m, "outlook_attention: kernel_size = %d, strides = %d: must be at least 1", p->kernel_size,
			p->strides);
	if (p->refuse_gaps && p->kernel_size < p->strides)
		module_fail(m, "outlook_attention: kernel %d is smaller than stride %d: pixels would be lost",
			p->kernel_size, p->strides);
}

static void init_parts(module *m, outlook *o, const char *name)
{
	const outlook_options *p = &o->opt;
	int64_t E = p->embed_dim, k = p->kernel_size, K = k * k;
	init glorot = {.kind = INIT_GLOROT_UNIFORM};
	module_name(m, o->name, sizeof o->name, name);
	module_push(m, name);
	check(m, o);
	dense_init(m, &o->v, "v", o->C, (dense_options){.units = E, .kernel_init = glorot, .sn = p->sn});
	dense_init(m, &o->attn, "attn", o->C, (dense_options){
		.units = K * K * p->num_heads, .bias = true, .kernel_init = glorot, .sn = p->sn});
	if (p->fold_kernel) {
		module_push(m, "fold_convtrans");
		o->fold = module_state(m, "kernel", SHAPE(k, k, 1, K), (init){.kind = INIT_IDENTITY},
			(state_role){STATE_FIXED, 0});
		module_pop(m);
	}
	dense_init(m, &o->out, "out", E, (dense_options){
		.units = E, .bias = true, .kernel_init = glorot, .sn = p->sn});
	module_pop(m);
}

void outlook_attention_init(module *m, outlook *o, const char *name, int64_t C, outlook_options opt)
{
	*o = (outlook){.C = C, .opt = opt};
	o->opt.num_heads = opt.num_heads ? opt.num_heads : 8;
	o->opt.kernel_size = opt.kernel_size ? opt.kernel_size : 3;
	o->opt.strides = opt.strides ? opt.strides : 2;
	init_parts(m, o, name);
}

void outlook_attention_simple_init(module *m, outlook *o, const char *name, int64_t C, outlook_options opt)
{
	*o = (outlook){.C = C, .simple = true, .opt = opt};
	o->opt.num_heads = opt.num_heads ? opt.num_heads : 6;
	o->opt.kernel_size = opt.kernel_size ? opt.kernel_size : 3;
	o->opt.strides = o->opt.kernel_size;
	o->opt.no_padding = true;
	o->opt.output_dropout = 0;
	init_parts(m, o, name);
}

/* The k x k windows of ceil(H/s) x ceil(W/s) cells: zeros below and right up to the last tap. */
static window_geometry taps(const outlook_options *o, int64_t H, int64_t W)
{
	int k = o->kernel_size, s = o->strides, p = o->no_padding ? 0 : k / 2;
	int64_t below = (H + s - 1) / s * s - s + k - p - H, right = (W + s - 1) / s * s - s + k - p - W;
	return (window_geometry){
		.kh = k, .kw = k, .sh = s, .sw = s, .top = p, .left = p,
		.bottom = (int)MAX(below, 0), .right = (int)MAX(right, 0),
	};
}

/* Mean of each cell, [B,hh,ww,C]: over its real pixels, at the places of TensorFlow's SAME; or over k*k with the zeros
 * of the simple form. */
static node *cell_means(graph *g, const outlook *o, node *x)
{
	int s = o->opt.strides;
	window_geometry w = {.kh = s, .kw = s, .sh = s, .sw = s};
	if (o->simple)
		return op_scale(g, op_sum_pool(g, x, taps(&o->opt, x->s.dim[1], x->s.dim[2])), 1.0 / (s * s));
	pad_same_tf(x->s.dim[1], s, s, &w.top, &w.bottom);
	pad_same_tf(x->s.dim[2], s, s, &w.left, &w.right);
	return op_avg_pool(g, x, w);
}

/* a [cells,n,K,K], cells = B*hh*ww. */
static node *weights_of(graph *g, const outlook *o, node *means, mode m)
{
	const outlook_options *p = &o->opt;
	int64_t K = (int64_t)p->kernel_size * p->kernel_size, n = p->num_heads;
	double d = (double)(p->embed_dim / n);
	node *logits = op_scale(g, dense_apply(g, &o->attn, means, m), 1 / sqrt(d));
	int64_t cells = shape_count(&means->s) / shape_last(&means->s);
	node *a = op_softmax(g, op_reshape(g, logits, SHAPE(cells, n, K, K)));
	return drop_out(g, a, p->attn_dropout, a->s, m, "outlook_attention: attn_dropout");
}

/* z [B,hh,ww,K*E] added up at its taps, [B,H,W,E]. */
static node *fold(graph *g, const outlook *o, node *z, window_geometry w, int64_t H, int64_t W)
{
	if (!o->fold)
		return op_patches_fold(g, z, w, H, W);
	/* As the original: a transposed convolution of K channels into one, for each of the E as a sample. */
	int64_t B = z->s.dim[0], hh = z->s.dim[1], ww = z->s.dim[2], K = shape_last(&o->fold->s), E = o->opt.embed_dim;
	conv_geometry c = {
		.sh = w.sh, .sw = w.sw, .top = w.top, .bottom = w.bottom, .left = w.left, .right = w.right, .groups = 1,
	};
	node *each = op_permute(g, op_reshape(g, z, SHAPE(B, hh, ww, K, E)), (const int[]){0, 4, 1, 2, 3});
	each = op_reshape(g, each, SHAPE(B * E, hh, ww, K));
	node *y = op_conv2d_dx(g, each, graph_leaf(g, o->fold), c, H, W);
	return op_permute(g, op_reshape(g, y, SHAPE(B, E, H, W)), (const int[]){0, 2, 3, 1});
}

static node *look_out(graph *g, const outlook *o, node *x, mode m, node **scores)
{
	const outlook_options *p = &o->opt;
	if (x->s.rank != 4 || shape_last(&x->s) != o->C)
		return graph_fail(g, "outlook_attention: input %s: must be [B,H,W,%lld]", shape_print(&x->s).s,
			(long long)o->C);
	int64_t B = x->s.dim[0], H = x->s.dim[1], W = x->s.dim[2], E = p->embed_dim, n = p->num_heads;
	int64_t K = (int64_t)p->kernel_size * p->kernel_size;
	window_geometry w = taps(p, H, W);
	static const int swap[] = {0, 2, 1, 3};      /* taps and heads, there and back */
	node *a = weights_of(g, o, cell_means(g, o, x), m);
	node *v = op_patches(g, dense_apply(g, &o->v, x, m), w);
	shape cells = v->s;                          /* [B,hh,ww,K*E] */
	if (scores)
		*scores = op_reshape(g, a, SHAPE(B, cells.dim[1], cells.dim[2], n, K, K));
	v = op_permute(g, op_reshape(g, v, SHAPE(a->s.dim[0], K, n, E / n)), swap);
	node *z = op_permute(g, op_matmul(g, a, v, false, false), swap);
	node *y = fold(g, o, op_reshape(g, z, cells), w, H, W);
	y = dense_apply(g, &o->out, y, m);
	return drop_out(g, y, p->output_dropout, y->s, m, "outlook_attention: output_dropout");
}

node *outlook_attention_apply(graph *g, const outlook *o, node *x, mode m, node **scores)
{
	graph_push(g, o->name);
	node *y = look_out(g, o, x, m, scores);
	graph_pop(g);
	return y;
}
