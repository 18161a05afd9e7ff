/* rewrite.c - exact algebra before arithmetic.
 *
 * Per axis, with u[j] = x[j/2] (nearest upsampling) and taps w[0..2]:
 *   conv3(u)[i]         = sum over m of x[m] w'[i - 2m + 1],   w'[a] = w[2-a] + w[3-a]
 *   c[2i] + c[2i+1]     = sum over a of x[2i-1+a] w4[a],       w4[a] = w[a] + w[a-1],  c = conv3(x)
 * with w outside 0..2 zero. The first is a transposed, the second a plain convolution, 4x4 with stride
 * 2 and one zero on each side: 16 multiplications per coarse pixel where there were 36. w4 is the
 * adjoint of a 2x2 window sum applied to w, and w' is w4 turned by half a turn. A 1x1 convolution
 * changes places with upsampling and pooling: a quarter of the work.
 *
 * Models are written as in the papers; nothing here is visible to them but the speed. */
#include "core/graph/rewrite.h"

#include "core/graph/ops_internal.h"
#include "core/graph/ops_window.h"

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

/* w [3,3,a,b] -> [4,4,a,b], w4[i] = w[i] + w[i-1] on both axes. */
static node *kernel_widen(graph *g, node *w)
{
	const int64_t *d = w->s.dim;
	window_geometry two = {.kh = 2, .kw = 2, .sh = 1, .sw = 1};
	node *flat = op_reshape(g, w, SHAPE(1, d[0], d[1], d[2] * d[3]));
	node *wide = op_sum_pool_dx(g, flat, two, d[0] + 1, d[1] + 1);
	return op_reshape(g, wide, SHAPE(d[0] + 1, d[1] + 1, d[2], d[3]));
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
	return a->window.kh == a->window.sh && a->window.kw == a->window.sw && !a->window.top && !a->window.bottom
		&& !a->window.left && !a->window.right && h % a->window.kh == 0 && w % a->window.kw == 0;
}

static bool is_upsampling(const node *x)
{
	return x->op == &op_rec_sum_pool_dx && is_tiling(&x->a, x->s.dim[1], x->s.dim[2]);
}

static conv_geometry halving(void)
{
	return (conv_geometry){.sh = 2, .sw = 2, .top = 1, .bottom = 1, .left = 1, .right = 1, .groups = 1};
}

node *rewrite_conv2d(graph *g, node *x, node *w, conv_geometry c)
{
	if (!graph_rewrites(g) || !is_upsampling(x))
		return NULL;
	if (is_square(&w->s, 1) && is_same_conv(&c, 0) && w->s.dim[2] == x->s.dim[3])
		return op_sum_pool_dx(g, op_conv2d(g, x->in[0], w, c), window_of(x), x->s.dim[1], x->s.dim[2]);
	if (is_square(&w->s, 3) && is_same_conv(&c, 1) && w->s.dim[2] == x->s.dim[3] && x->a.window.kh == 2
	    && x->a.window.kw == 2) {
		node *turned = op_kernel_turn(g, kernel_widen(g, w));
		return op_conv2d_dx(g, x->in[0], turned, halving(), x->s.dim[1], x->s.dim[2]);
	}
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
	if (is_square(&x->in[1]->s, 3) && is_same_conv(&c, 1) && w.kh == 2 && w.kw == 2)
		return op_conv2d(g, x->in[0], op_scale(g, kernel_widen(g, x->in[1]), factor), halving());
	return NULL;
}
