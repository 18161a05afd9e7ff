/* rewrite.c - exact algebra before arithmetic.
 *
 * A 3x3 convolution of an image that was doubled, or whose output is pooled, is one op over the same weights
 * (conv_geometry.resize): 16 multiplications per coarse pixel where there were 36, or fewer (core/kernels/wino.h).
 * A 1x1 convolution changes places with upsampling and pooling: a quarter of the work.
 *
 * Models are written as in the papers; nothing here is visible to them but the speed. */
#include "core/graph/rewrite.h"

#include "core/graph/ops_internal.h"
#include "core/graph/ops_window.h"
#include "core/kernels/conv.h"

/* y[i,j,b,a] = x[kh-1-i, kw-1-j, a, b]: a kernel [kh,kw,a,b] as its adjoint convolution sees it. */
static bool kernel_turn_infer(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s;
	if (x->rank != 4)
		return refuse(why, why_size, "a kernel has four axes");
	y->s = SHAPE(x->dim[0], x->dim[1], x->dim[3], x->dim[2]);
	return true;
}

static void kernel_turn_eval(const node *y, void *scratch)
{
	(void)scratch;
	const shape *s = &y->in[0]->s;
	int64_t taps = s->dim[0] * s->dim[1], na = s->dim[2], nb = s->dim[3];
	for (int64_t t = 0; t < taps; t++) {
		const real *from = y->in[0]->x + (taps - 1 - t) * na * nb;
		real *to = y->x + t * na * nb;
		for (int64_t b = 0; b < nb; b++)
			for (int64_t a = 0; a < na; a++)
				to[b * na + a] = from[a * nb + b];
	}
}

/* Turning twice is the identity and the map only exchanges elements: it is its own adjoint. */
static void kernel_turn_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	(void)y, (void)need;
	dx[0] = op_kernel_turn(g, dy);
}

const op op_rec_kernel_turn = {
	.name = "kernel_turn", .nin = 1,
	.infer = kernel_turn_infer, .eval = kernel_turn_eval, .vjp = kernel_turn_vjp,
};

node *op_kernel_turn(graph *g, node *w)
{
	return graph_node(g, &op_rec_kernel_turn, 1, &w, NULL);
}

static bool is_square(const shape *w, int k)
{
	return w->rank == 4 && w->dim[0] == k && w->dim[1] == k;
}

static bool is_same_conv(const conv_geometry *c, int pad)
{
	return c->sh == 1 && c->sw == 1 && c->groups == 1 && c->top == pad && c->bottom == pad && c->left == pad
		&& c->right == pad;
}

/* Windows that lie side by side and cover the image [h,w] exactly. */
static bool is_tiling(const attr *a, int64_t h, int64_t w)
{
	return a->window.kh > 0 && a->window.kw > 0 && a->window.kh == a->window.sh && a->window.kw == a->window.sw
		&& !a->window.top && !a->window.bottom && !a->window.left && !a->window.right
		&& h % a->window.kh == 0 && w % a->window.kw == 0;
}

static bool is_upsampling(const node *x)
{
	return x->op == &op_rec_sum_pool_dx && is_tiling(&x->a, x->s.dim[1], x->s.dim[2]);
}

/* 3x3 with one zero around, not resized yet. */
static bool may_resize(const shape *w, const conv_geometry *c)
{
	return is_square(w, 3) && is_same_conv(c, 1) && !c->resize;
}

static conv_geometry resized(conv_geometry c, conv_resize how)
{
	c.resize = how;
	return c;
}

node *rewrite_conv2d(graph *g, node *x, node *w, conv_geometry c)
{
	if (!graph_rewrites(g) || !is_upsampling(x))
		return NULL;
	if (is_square(&w->s, 1) && is_same_conv(&c, 0) && w->s.dim[2] == x->s.dim[3])
		return op_sum_pool_dx(g, op_conv2d(g, x->in[0], w, c), window_of(x), x->s.dim[1], x->s.dim[2]);
	if (may_resize(&w->s, &c) && w->s.dim[2] == x->s.dim[3] && x->a.window.kh == 2 && x->a.window.kw == 2)
		return op_conv2d(g, x->in[0], w, resized(c, CONV_DOUBLE));
	return NULL;
}

/* x + v with v the same at all pixels of an image: which input is v, or -1. */
static int flat_term(const node *x)
{
	if (x->op != &op_rec_add)
		return -1;
	for (int i = 0; i < 2; i++) {
		const node *b = x->in[i];
		if (b->op != &op_rec_broadcast)
			continue;
		const shape *s = &b->in[0]->s;
		bool flat = true;
		for (int k = 1; k <= 2; k++)
			flat &= k < 4 - s->rank || s->dim[k - (4 - s->rank)] == 1;
		if (flat)
			return i;
	}
	return -1;
}

/* factor * sum over the windows of x, by way of what made x. */
static node *pool_of(graph *g, node *x, window_geometry w, double factor)
{
	node *sum = op_sum_pool(g, x, w);
	return factor == 1 ? sum : op_scale(g, sum, factor);
}

node *rewrite_pool(graph *g, node *x, window_geometry w, double factor)
{
	attr a = {.window = {.kh = w.kh, .kw = w.kw, .sh = w.sh, .sw = w.sw, .top = w.top, .bottom = w.bottom,
		.left = w.left, .right = w.right}};
	if (!graph_rewrites(g) || x->s.rank != 4 || !is_tiling(&a, x->s.dim[1], x->s.dim[2]))
		return NULL;
	int v = flat_term(x);
	if (v >= 0) {
		node *rest = rewrite_pool(g, x->in[1 - v], w, factor);
		return op_add(g, rest ? rest : pool_of(g, x->in[1 - v], w, factor),
			op_scale(g, x->in[v]->in[0], w.kh * w.kw * factor));
	}
	if (x->op != &op_rec_conv2d || x->nin != 2)
		return NULL;
	conv_geometry c = conv_geometry_of(x);
	if (is_square(&x->in[1]->s, 1) && is_same_conv(&c, 0))
		return op_conv2d(g, pool_of(g, x->in[0], w, factor), x->in[1], c);
	if (may_resize(&x->in[1]->s, &c) && w.kh == 2 && w.kw == 2)
		return op_conv2d(g, x->in[0], op_scale(g, x->in[1], factor), resized(c, CONV_HALF));
	return NULL;
}
