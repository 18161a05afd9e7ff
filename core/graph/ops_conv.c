/* ops_conv.c - convolution and its two adjoints as ops; the family is closed under differentiation.
 *
 * Images [B,H,W,C], kernels [kh,kw,Cin/groups,Cout], cross-correlation with zeros around the image:
 * H + top + bottom >= kh, Ho = (H + top + bottom - kh)/sh + 1, rounded down. The arithmetic is in the
 * conv_*.c kernels; this file checks shapes and knows derivatives. */
#include "core/graph/ops.h"

#include <stdio.h>

#include "core/base/local.h"
#include "core/kernels/conv_form.h"
#include "core/graph/ops_internal.h"
#include "core/graph/ops_window.h"
#include "core/graph/rewrite.h"

void pad_same_tf(int64_t n, int k, int s, int *before, int *after)
{
	int64_t total = MAX(0, ((n + s - 1) / s - 1) * s + k - n);
	*before = (int)(total / 2);
	*after = (int)(total - total / 2);
}

/* ---- shapes ---- */

static bool is_image(const shape *s, const char *what, char *why, size_t why_size)
{
	if (s->rank != 4)
		return refuse(why, why_size, "%s must have the shape [B,H,W,C], not %s", what,
			      shape_print(s).s);
	return true;
}

/* Strides, padding and groups of the attributes. */
static bool check_attr(const node *y, char *why, size_t why_size)
{
	if (y->a.conv.sh < 1 || y->a.conv.sw < 1)
		return refuse(why, why_size, "stride is %d x %d: must be at least 1", y->a.conv.sh,
			      y->a.conv.sw);
	if (y->a.conv.top < 0 || y->a.conv.bottom < 0 || y->a.conv.left < 0 || y->a.conv.right < 0)
		return refuse(why, why_size, "padding is %d, %d, %d, %d (top, bottom, left, right): must "
			      "not be negative", y->a.conv.top, y->a.conv.bottom, y->a.conv.left,
			      y->a.conv.right);
	if (y->a.conv.groups < 1)
		return refuse(why, why_size, "groups is %d: must be at least 1", y->a.conv.groups);
	if (y->a.conv.resize && y->a.conv.resize != CONV_HALF && y->a.conv.resize != CONV_DOUBLE)
		return refuse(why, why_size, "resize is %d: must be 0, %d or %d", y->a.conv.resize, CONV_DOUBLE,
			      CONV_HALF);
	return true;
}

/* 3x3, stride 1, one zero at each side, one group; pooled images have even sides. */
static bool check_resize(const node *y, int64_t h, int64_t w, int64_t kh, int64_t kw, char *why, size_t why_size)
{
	if (kh != 3 || kw != 3 || y->a.conv.sh != 1 || y->a.conv.sw != 1 || y->a.conv.top != 1 ||
	    y->a.conv.bottom != 1 || y->a.conv.left != 1 || y->a.conv.right != 1 || y->a.conv.groups != 1)
		return refuse(why, why_size, "with resizing a kernel must be 3 x 3, of stride 1, with one zero at each "
			      "side, in one group");
	if (y->a.conv.resize == CONV_HALF && (h % 2 || w % 2))
		return refuse(why, why_size, "image is %lld x %lld: to be pooled, its sides must be even",
			      (long long)h, (long long)w);
	return true;
}

/* Ho and Wo of an image of h x w under a kernel of kh x kw; a refusal where the kernel is larger than
 * the padded image. */
static bool output_size(const node *y, int64_t h, int64_t w, int64_t kh, int64_t kw, int64_t *ho,
			int64_t *wo, char *why, size_t why_size)
{
	if (h < 1 || w < 1 || kh < 1 || kw < 1)
		return refuse(why, why_size, "image is %lld x %lld, kernel %lld x %lld: sizes must be at "
			      "least 1", (long long)h, (long long)w, (long long)kh, (long long)kw);
	int64_t ph = h + y->a.conv.top + y->a.conv.bottom, pw = w + y->a.conv.left + y->a.conv.right;
	if (kh > ph || kw > pw)
		return refuse(why, why_size, "kernel %lld x %lld is larger than the image with its padding, "
			      "%lld x %lld", (long long)kh, (long long)kw, (long long)ph, (long long)pw);
	*ho = (ph - kh) / y->a.conv.sh + 1;
	*wo = (pw - kw) / y->a.conv.sw + 1;
	if (!y->a.conv.resize)
		return true;
	*ho = y->a.conv.resize == CONV_HALF ? h / 2 : 2 * h;
	*wo = y->a.conv.resize == CONV_HALF ? w / 2 : 2 * w;
	return check_resize(y, h, w, kh, kw, why, why_size);
}

static bool check_groups(const node *y, int64_t cin, int64_t cout, char *why, size_t why_size)
{
	int groups = y->a.conv.groups;
	if (cin < 1 || cout < 1 || cin % groups || cout % groups)
		return refuse(why, why_size, "groups = %d must divide the input channels (%lld) and the "
			      "output channels (%lld)", groups, (long long)cin, (long long)cout);
	return true;
}

/* The kernel w against the input channels that the image has. */
static bool check_kernel(const node *y, const shape *w, int64_t cin, char *why, size_t why_size)
{
	if (w->rank != 4)
		return refuse(why, why_size, "kernel must have the shape [kh,kw,Cin/groups,Cout], not %s",
			      shape_print(w).s);
	if (w->dim[2] * y->a.conv.groups != cin)
		return refuse(why, why_size, "image has %lld channels, the kernel %s with groups = %d takes "
			      "%lld", (long long)cin, shape_print(w).s, y->a.conv.groups,
			      (long long)(w->dim[2] * y->a.conv.groups));
	return check_groups(y, cin, w->dim[3], why, why_size);
}

/* dy against the output that the geometry gives. */
static bool check_dy(const shape *dy, int64_t ho, int64_t wo, char *why, size_t why_size)
{
	if (dy->dim[1] != ho || dy->dim[2] != wo)
		return refuse(why, why_size, "the output gradient is %lld x %lld, this geometry gives "
			      "%lld x %lld", (long long)dy->dim[1], (long long)dy->dim[2], (long long)ho,
			      (long long)wo);
	return true;
}

/* ---- kernels' view of a node ---- */

/* image: shape of the image side; out: shape of the output side. */
static conv_shape shape_between(const node *y, const shape *image, const shape *out, int64_t kh,
				int64_t kw)
{
	return (conv_shape){
		.b = image->dim[0], .h = image->dim[1], .w = image->dim[2], .cin = image->dim[3],
		.ho = out->dim[1], .wo = out->dim[2], .cout = out->dim[3],
		.kh = (int)kh, .kw = (int)kw, .sh = y->a.conv.sh, .sw = y->a.conv.sw,
		.top = y->a.conv.top, .left = y->a.conv.left, .groups = y->a.conv.groups,
		.resize = (conv_resize)y->a.conv.resize, .want = (conv_want)y->a.conv.want,
	};
}

static conv_shape shape_conv2d(const node *y)
{
	const shape *w = &y->in[1]->s;
	return shape_between(y, &y->in[0]->s, &y->s, w->dim[0], w->dim[1]);
}

static conv_shape shape_conv2d_dx(const node *y)
{
	const shape *w = &y->in[1]->s;
	return shape_between(y, &y->s, &y->in[0]->s, w->dim[0], w->dim[1]);
}

static conv_shape shape_conv2d_dw(const node *y)
{
	return shape_between(y, &y->in[0]->s, &y->in[1]->s, y->s.dim[0], y->s.dim[1]);
}

static conv_use use_of(const node *y)
{
	return y->op == &op_rec_conv2d ? CONV_FORWARD : y->op == &op_rec_conv2d_dx ? CONV_DX : CONV_DW;
}

static conv_shape shape_of_use(const node *y)
{
	const conv_use use = use_of(y);
	return use == CONV_FORWARD ? shape_conv2d(y) : use == CONV_DX ? shape_conv2d_dx(y) : shape_conv2d_dw(y);
}

static conv_room room_of(const node *y)
{
	const conv_shape s = shape_of_use(y);
	return conv_room_of(tile_best(), &s, use_of(y));
}

static size_t conv_scratch(const node *y)
{
	return room_of(y).scratch;
}

/* The kernel of conv2d and conv2d_dx, packed. */
static size_t packed_bytes(const node *y)
{
	return room_of(y).packed;
}

static size_t packing_scratch(const node *y)
{
	return room_of(y).packing;
}

static void pack_kernel(const node *y, void *packed, void *scratch)
{
	const conv_shape s = shape_of_use(y);
	conv_pack(tile_best(), &s, use_of(y), y->in[1]->x, packed, scratch);
}

static const packing pack_second = {
	.input = 1, .bytes = packed_bytes, .scratch = packing_scratch, .run = pack_kernel,
};

static const real *kernel_of(const node *y)
{
	return y->packed ? y->packed : y->in[1]->x;
}

/* 2 per multiply-add of the definition. */
static double conv_flop(const node *y)
{
	conv_shape s = shape_of_use(y);
	return conv_shape_flop(&s);
}

/* "forward 3x3 pooled, [64,32,32,64] to [64,16,16,64]: 25 for 4, pooled" */
static void conv_form(const node *y, char *text, size_t size)
{
	static const char *const name[] = {[CONV_FORWARD] = "forward", [CONV_DX] = "dx", [CONV_DW] = "dw"};
	const conv_use use = use_of(y);
	const conv_shape s = shape_of_use(y);
	const shape image = SHAPE(s.b, s.h, s.w, s.cin), out = SHAPE(s.b, s.ho, s.wo, s.cout);
	char more[64] = "";
	if (s.sh > 1 || s.sw > 1)
		snprintf(more, sizeof more, " stride %d", MAX(s.sh, s.sw));
	if (s.groups > 1)
		snprintf(more, sizeof more, " in %d groups", s.groups);
	snprintf(text, size, "%s %dx%d%s%s, %s to %s: %s", name[use], s.kh, s.kw, more,
		 s.resize == CONV_HALF ? " pooled" : s.resize == CONV_DOUBLE ? " doubled" : "", shape_print(&image).s,
		 shape_print(&out).s, conv_form_name(&s, use));
}

conv_geometry conv_geometry_of(const node *y)
{
	return (conv_geometry){
		.sh = y->a.conv.sh, .sw = y->a.conv.sw, .top = y->a.conv.top, .bottom = y->a.conv.bottom,
		.left = y->a.conv.left, .right = y->a.conv.right, .groups = y->a.conv.groups,
		.resize = y->a.conv.resize,
	};
}

static attr attr_of(conv_geometry c)
{
	attr a = attr_none();
	a.conv.sh = c.sh;
	a.conv.sw = c.sw;
	a.conv.top = c.top;
	a.conv.bottom = c.bottom;
	a.conv.left = c.left;
	a.conv.right = c.right;
	a.conv.groups = c.groups;
	a.conv.resize = c.resize;
	return a;
}

/* ---- y[b,i,j,o] = sum over ky,kx,c of x[b, i*sh-top+ky, j*sw-left+kx, c] w[ky,kx,c,o] ----
 * Resized, x is repeated in 2x2 pixels before, or y summed up in windows of 2x2 behind: linear in the same inputs, with
 * the same two adjoints, which know the resizing by their geometry.
 * A third input is a bias [Cout], a fourth a residual like y; both are added. */

static bool infer_conv2d(node *y, char *why, size_t why_size)
{
	if (y->nin < 2 || y->nin > 4)
		return refuse(why, why_size, "takes an image, a kernel and perhaps bias and residual, not %d "
			      "inputs", y->nin);
	const shape *x = &y->in[0]->s, *w = &y->in[1]->s;
	int64_t ho, wo;
	if (!is_image(x, "image", why, why_size) || !check_attr(y, why, why_size) ||
	    !check_kernel(y, w, x->dim[3], why, why_size) ||
	    !output_size(y, x->dim[1], x->dim[2], w->dim[0], w->dim[1], &ho, &wo, why, why_size))
		return false;
	y->s = SHAPE(x->dim[0], ho, wo, w->dim[3]);
	if (y->nin > 2 && (y->in[2]->s.rank != 1 || y->in[2]->s.dim[0] != w->dim[3]))
		return refuse(why, why_size, "bias must have the shape [%lld], not %s",
			      (long long)w->dim[3], shape_print(&y->in[2]->s).s);
	if (y->nin > 3 && !shape_equal(&y->in[3]->s, &y->s))
		return refuse(why, why_size, "residual must have the shape %s of the output, not %s",
			      shape_print(&y->s).s, shape_print(&y->in[3]->s).s);
	return true;
}

static void conv2d_eval(const node *y, void *scratch)
{
	conv_shape s = shape_conv2d(y);
	epilogue e = {
		.bias = y->nin > 2 ? y->in[2]->x : NULL,
		.residual = y->nin > 3 ? y->in[3]->x : NULL,
		.act = y->a.conv.act,
		.slope = (real)y->a.conv.slope,
	};
	conv_forward(tile_best(), &s, y->in[0]->x, kernel_of(y), e, y->x, scratch);
}

/* y = conv(x, w) + bias + residual is linear in each input. */
static void conv2d_vjp(graph *g, node *y, node *dy, const bool *need, node **dx)
{
	node *x = y->in[0], *w = y->in[1];
	conv_geometry c = conv_geometry_of(y);
	if (need[0])
		dx[0] = op_conv2d_dx(g, dy, w, c, x->s.dim[1], x->s.dim[2]);
	if (need[1])
		dx[1] = op_conv2d_dw(g, x, dy, c, (int)w->s.dim[0], (int)w->s.dim[1]);
	if (y->nin > 2 && need[2])
		dx[2] = op_sum_to(g, dy, y->in[2]->s);
	if (y->nin > 3 && need[3])
		dx[3] = dy;
}

const op op_rec_conv2d = {
	.name = "conv2d", .nin = -1, .infer = infer_conv2d, .scratch = conv_scratch, .pack = &pack_second,
	.eval = conv2d_eval, .vjp = conv2d_vjp, .flop = conv_flop, .form = conv_form,
};

node *op_conv2d(graph *g, node *x, node *w, conv_geometry c)
{
	node *cheaper = rewrite_conv2d(g, x, w, c);
	if (cheaper)
		return cheaper;
	attr a = attr_of(c);
	return graph_node(g, &op_rec_conv2d, 2, (node *[]){x, w}, &a);
}

/* ---- y = adjoint of conv2d in x: dy [B,Ho,Wo,Cout], w -> [B,h,w,Cin] ---- */

static bool infer_conv2d_dx(node *y, char *why, size_t why_size)
{
	const shape *dy = &y->in[0]->s, *w = &y->in[1]->s;
	int64_t ho, wo;
	if (!is_image(dy, "output gradient", why, why_size) || !check_attr(y, why, why_size))
		return false;
	if (w->rank != 4 || w->dim[3] != dy->dim[3])
		return refuse(why, why_size, "kernel must have the shape [kh,kw,Cin/groups,%lld], not %s",
			      (long long)dy->dim[3], shape_print(w).s);
	int64_t cin = w->dim[2] * y->a.conv.groups;
	if (!check_groups(y, cin, w->dim[3], why, why_size) ||
	    !output_size(y, y->a.conv.h, y->a.conv.w, w->dim[0], w->dim[1], &ho, &wo, why, why_size) ||
	    !check_dy(dy, ho, wo, why, why_size))
		return false;
	y->s = SHAPE(dy->dim[0], y->a.conv.h, y->a.conv.w, cin);
	return true;
}

static void conv2d_dx_eval(const node *y, void *scratch)
{
	conv_shape s = shape_conv2d_dx(y);
	conv_dx(tile_best(), &s, y->in[0]->x, kernel_of(y), y->x, scratch);
}

/* <conv_dx(dy,w), z> = <dy, conv(z,w)> = <w, conv_dw(z,dy)> for a gradient z like y. */
static void conv2d_dx_vjp(graph *g, node *y, node *z, const bool *need, node **dx)
{
	node *dy = y->in[0], *w = y->in[1];
	conv_geometry c = conv_geometry_of(y);
	if (need[0])
		dx[0] = op_conv2d(g, z, w, c);
	if (need[1])
		dx[1] = op_conv2d_dw(g, z, dy, c, (int)w->s.dim[0], (int)w->s.dim[1]);
}

const op op_rec_conv2d_dx = {
	.name = "conv2d_dx", .nin = 2, .infer = infer_conv2d_dx, .scratch = conv_scratch, .pack = &pack_second,
	.eval = conv2d_dx_eval, .vjp = conv2d_dx_vjp, .flop = conv_flop, .form = conv_form,
};

node *op_conv2d_dx(graph *g, node *dy, node *w, conv_geometry c, int64_t h, int64_t w_)
{
	attr a = attr_of(c);
	a.conv.h = h;
	a.conv.w = w_;
	return graph_node(g, &op_rec_conv2d_dx, 2, (node *[]){dy, w}, &a);
}

/* ---- y = adjoint of conv2d in w: x [B,H,W,Cin], dy [B,Ho,Wo,Cout] -> [kh,kw,Cin/groups,Cout] ---- */

static bool infer_conv2d_dw(node *y, char *why, size_t why_size)
{
	const shape *x = &y->in[0]->s, *dy = &y->in[1]->s;
	int kh = y->a.conv.kh, kw = y->a.conv.kw;
	int64_t ho, wo;
	if (!is_image(x, "image", why, why_size) ||
	    !is_image(dy, "output gradient", why, why_size) || !check_attr(y, why, why_size))
		return false;
	if (x->dim[0] != dy->dim[0])
		return refuse(why, why_size, "batch of the image is %lld, of the output gradient %lld",
			      (long long)x->dim[0], (long long)dy->dim[0]);
	if (!check_groups(y, x->dim[3], dy->dim[3], why, why_size) ||
	    !output_size(y, x->dim[1], x->dim[2], kh, kw, &ho, &wo, why, why_size) ||
	    !check_dy(dy, ho, wo, why, why_size))
		return false;
	y->s = SHAPE(kh, kw, x->dim[3] / y->a.conv.groups, dy->dim[3]);
	return true;
}

static void conv2d_dw_eval(const node *y, void *scratch)
{
	conv_shape s = shape_conv2d_dw(y);
	conv_dw(tile_best(), &s, y->in[0]->x, y->in[1]->x, y->x, scratch);
}

/* <conv_dw(x,dy), z> = <x, conv_dx(dy,z)> = <dy, conv(x,z)> for a gradient z like y. */
static void conv2d_dw_vjp(graph *g, node *y, node *z, const bool *need, node **dx)
{
	node *x = y->in[0], *dy = y->in[1];
	conv_geometry c = conv_geometry_of(y);
	if (need[0])
		dx[0] = op_conv2d_dx(g, dy, z, c, x->s.dim[1], x->s.dim[2]);
	if (need[1])
		dx[1] = op_conv2d(g, x, z, c);
}

const op op_rec_conv2d_dw = {
	.name = "conv2d_dw", .nin = 2, .infer = infer_conv2d_dw, .scratch = conv_scratch,
	.eval = conv2d_dw_eval, .vjp = conv2d_dw_vjp, .flop = conv_flop, .form = conv_form,
};

node *op_conv2d_dw(graph *g, node *x, node *dy, conv_geometry c, int kh, int kw)
{
	attr a = attr_of(c);
	a.conv.kh = kh;
	a.conv.kw = kw;
	return graph_node(g, &op_rec_conv2d_dw, 2, (node *[]){x, dy}, &a);
}
