/* onnx_ops.c - single operations of the graph (gan/keras/trace/trace_single.c) as ONNX nodes. Channels are last. */
#include "core/base/local.h"
#include "gan/keras/onnx/onnx_internal.h"
#include "gan/keras/model/shapes.h"

#include <stdlib.h>
#include <string.h>

/* ---- settings ---- */

static const int64_t *list_of(const onnx_layer *t, const char *key)
{
	return keras_get(t->l, key)->list;
}

static bool flag_of(const onnx_layer *t, const char *key)
{
	return keras_number(t->l, key, 0) != 0;
}

/* [0, s...] -> the axes with their batch in front */
static int with_batch(const shape *s, const int64_t *x, int64_t batch, int64_t add, int64_t out[RANK_MAX])
{
	out[0] = batch;
	for (int i = 0; i < s->rank; i++)
		out[i + 1] = x[i] + add;
	return s->rank + 1;
}

/* A list of numbers as constant layer/name. */
static const char *numbers(const onnx_layer *t, const char *name, int n, const int64_t *x, char out[ONNX_NAME])
{
	onnx_list(t->g, onnx_own(t, name, out), n, x);
	return out;
}

/* ---- element by element ---- */

static const struct {
	const char *class_name, *op;
} named[] = {
	{"op>recip", "Reciprocal"}, {"op>sqrt", "Sqrt"}, {"op>log", "Log"}, {"op>erf", "Erf"}, {"op>add", "Add"},
	{"op>sub", "Sub"}, {"op>mul", "Mul"}, {"op>div", "Div"},
};

static const char *name_of(const onnx_layer *t)
{
	for (int i = 0; i < COUNT(named); i++)
		if (!strcmp(named[i].class_name, t->l->class_name))
			return named[i].op;
	return NULL;
}

static bool put_unary(const onnx_layer *t)
{
	onnx_unary(t, name_of(t), t->out, t->from[0]);
	return true;
}

/* Two inputs, of which one may be a constant of the layer. */
static void inputs_of(const onnx_layer *t, const char *in[2], char name[ONNX_NAME])
{
	const keras_weight *c = keras_find_weight(t->l, "constant");
	const int first = c && flag_of(t, "constant_first");
	in[first] = t->from[0];
	in[1 - first] = c ? onnx_own(t, "constant", name) : t->from[1];
	if (c)
		onnx_floats(t->g, name, c->s, c->x);
}

static bool put_binary(const onnx_layer *t)
{
	char name[ONNX_NAME];
	const char *in[2];
	inputs_of(t, in, name);
	onnx_binary(t, name_of(t), t->out, in[0], in[1]);
	return true;
}

static bool put_rsqrt(const onnx_layer *t)
{
	char a[ONNX_NAME];
	onnx_unary(t, "Sqrt", onnx_own(t, "root", a), t->from[0]);
	onnx_unary(t, "Reciprocal", t->out, a);
	return true;
}

/* sel > 0 ? x : slope x */
static bool put_gate(const onnx_layer *t)
{
	char open[ONNX_NAME], small[ONNX_NAME], name[ONNX_NAME];
	const char *in[2];
	inputs_of(t, in, name);
	onnx_number(t, "Greater", onnx_own(t, "open", open), in[1], "zero", 0);
	onnx_number(t, "Mul", onnx_own(t, "small", small), in[0], "slope", keras_number(t->l, "slope", 0));
	onnx_add(t->g, "Where", t->out, 3, (const char *const[]){open, in[0], small});
	return true;
}

/* ---- places ---- */

static bool put_permute(const onnx_layer *t)
{
	int64_t order[RANK_MAX];
	onnx_transpose(t, t->out, t->from[0], with_batch(t->s, list_of(t, "axes"), 0, 1, order), order);
	return true;
}

static bool put_pad(const onnx_layer *t)
{
	int64_t zeros[2 * RANK_MAX];
	char name[ONNX_NAME];
	int n = with_batch(t->s, list_of(t, "before"), 0, 0, zeros);
	n += with_batch(t->s, list_of(t, "after"), 0, 0, zeros + n);
	onnx_binary(t, "Pad", t->out, t->from[0], numbers(t, "zeros", n, zeros, name));
	return true;
}

/* One axis after the other has bounds of its own: those that stay whole are left out. */
static bool put_slice(const onnx_layer *t)
{
	const int64_t *lo = list_of(t, "before"), *hi = list_of(t, "after");
	int64_t from[RANK_MAX], to[RANK_MAX], axis[RANK_MAX];
	char a[ONNX_NAME], b[ONNX_NAME], c[ONNX_NAME];
	int n = 0;
	for (int i = 0; i < t->in->rank; i++)
		if (lo[i] > 0 || hi[i] < t->in->dim[i]) {
			from[n] = lo[i];
			to[n] = hi[i];
			axis[n++] = i + 1;
		}
	onnx_add(t->g, "Slice", t->out, 4, (const char *const[]){
		t->from[0], numbers(t, "starts", n, from, a), numbers(t, "ends", n, to, b),
		numbers(t, "axes", n, axis, c)});
	return true;
}

/* Of Keras: its axis counts the batch. */
static bool put_concatenate(const onnx_layer *t)
{
	onnx_node *node = onnx_add(t->g, "Concat", t->out, t->l->nin, t->from);
	onnx_int(t->g, node, "axis", (int64_t)keras_number(t->l, "axis", -1));
	return true;
}

static bool put_concat(const onnx_layer *t)
{
	onnx_node *node = onnx_add(t->g, "Concat", t->out, t->l->nin, t->from);
	onnx_int(t->g, node, "axis", (int64_t)keras_number(t->l, "axis", 0) + 1);
	return true;
}

static bool put_sum(const onnx_layer *t)
{
	int64_t axis[RANK_MAX];
	char name[ONNX_NAME];
	int n = 0;
	for (int i = 0; i < t->s->rank; i++)
		if (t->s->dim[i] != t->in->dim[i])
			axis[n++] = i + 1;
	onnx_binary(t, "ReduceSum", t->out, t->from[0], numbers(t, "axes", n, axis, name));
	return true;
}

static bool put_broadcast(const onnx_layer *t)
{
	int64_t to[RANK_MAX];
	char name[ONNX_NAME];
	const int n = with_batch(t->s, t->s->dim, 1, 0, to);
	onnx_binary(t, "Expand", t->out, t->from[0], numbers(t, "to", n, to, name));
	return true;
}

/* The last two axes exchanged, when asked. */
static const char *turned(const onnx_layer *t, int k, bool turn, const char *what, char name[ONNX_NAME])
{
	int64_t order[RANK_MAX];
	const int n = t->x->s[t->l->in[k]].rank + 1;
	if (!turn)
		return t->from[k];
	for (int i = 0; i < n; i++)
		order[i] = i < n - 2 ? i : 2 * n - 3 - i;
	onnx_transpose(t, onnx_own(t, what, name), t->from[k], n, order);
	return name;
}

static bool put_matmul(const onnx_layer *t)
{
	char left[ONNX_NAME], right[ONNX_NAME];
	const char *a = turned(t, 0, flag_of(t, "ta"), "left", left);
	const char *b = turned(t, 1, flag_of(t, "tb"), "right", right);
	onnx_binary(t, "MatMul", t->out, a, b);
	return true;
}

/* y[..,m,i,j] = x[..,m,i, P-1 + j - m]: with i in front of m, a Gather from rows laid end to end. */
static bool put_skew(const onnx_layer *t)
{
	const int r = t->in->rank;
	const int64_t M = t->in->dim[r - 3], I = t->in->dim[r - 2], L = t->in->dim[r - 1], P = (L + 1) / 2;
	char a[ONNX_NAME], b[ONNX_NAME], c[ONNX_NAME], d[ONNX_NAME];
	shape flat = *t->in;
	int64_t swap[RANK_MAX + 1];
	int64_t *index = mem_new((size_t)(M * P), sizeof *index, t->x->e);
	if (!index)
		return false;
	for (int i = 0; i <= r; i++)
		swap[i] = i == r - 2 ? r - 1 : i == r - 1 ? r - 2 : i;
	for (int64_t m = 0; m < M; m++)
		for (int64_t j = 0; j < P; j++)
			index[m * P + j] = m * L + P - 1 + j - m;
	flat.dim[r - 3] = I;
	flat.dim[r - 2] = M * L;
	flat.rank = r - 1;
	onnx_transpose(t, onnx_own(t, "rows", a), t->from[0], r + 1, swap);
	onnx_reshape(t, onnx_own(t, "flat", b), a, &flat);
	onnx_table(t->g, onnx_own(t, "index", d), SHAPE(M, P), index);
	onnx_int(t->g, onnx_binary(t, "Gather", onnx_own(t, "picked", c), b, d), "axis", r - 1);
	onnx_transpose(t, t->out, c, r + 1, swap);
	free(index);
	return true;
}

/* ---- windows ---- */

/* The pixels that the windows along one axis see, [windows, k], as a table. */
static bool seen(const onnx_layer *t, const char *name, int axis, int64_t windows)
{
	const int64_t k = list_of(t, "size")[axis], stride = list_of(t, "strides")[axis];
	char full[ONNX_NAME];
	int64_t *x = mem_new((size_t)(windows * k), sizeof *x, t->x->e);
	for (int64_t i = 0; x && i < windows * k; i++)
		x[i] = i / k * stride + i % k;
	if (x)
		onnx_table(t->g, onnx_own(t, name, full), SHAPE(windows, k), x);
	free(x);
	return x;
}

/* [N,H,W,C] -> zeros around -> [N,Ho,kh,W,C] -> [N,Ho,kh,Wo,kw,C] -> [N,Ho,Wo,kh,kw,C] */
static bool put_patches(const onnx_layer *t)
{
	static const int64_t order[] = {0, 1, 3, 2, 4, 5};
	const int64_t *z = list_of(t, "zeros"), zeros[] = {0, z[0], z[2], 0, 0, z[1], z[3], 0};
	char pad[ONNX_NAME], list[ONNX_NAME], rows[ONNX_NAME], both[ONNX_NAME], each[ONNX_NAME], index[ONNX_NAME];
	if (!seen(t, "rows_index", 0, t->s->dim[0]) || !seen(t, "columns_index", 1, t->s->dim[1]))
		return false;
	onnx_binary(t, "Pad", onnx_own(t, "padded", pad), t->from[0], numbers(t, "zeros", 8, zeros, list));
	onnx_own(t, "rows_index", index);
	onnx_int(t->g, onnx_binary(t, "Gather", onnx_own(t, "rows", rows), pad, index), "axis", 1);
	onnx_own(t, "columns_index", index);
	onnx_int(t->g, onnx_binary(t, "Gather", onnx_own(t, "windows", both), rows, index), "axis", 3);
	onnx_transpose(t, onnx_own(t, "pixels", each), both, 6, order);
	onnx_reshape(t, t->out, each, t->s);
	return true;
}

/* What the transposed convolution of n windows must have added at the end to become `size` pixels. */
static int64_t missing(const onnx_layer *t, int axis, int64_t n, int64_t size)
{
	const int64_t *z = list_of(t, "zeros") + 2 * axis;
	return size - ((n - 1) * list_of(t, "strides")[axis] + list_of(t, "size")[axis] - z[0] - z[1]);
}

/* A transposed convolution of [n, C, hh, ww], n of any size, into maps of h x w. */
static void transpose_by(const onnx_layer *t, const char *out, const char *in, const char *kernel, int64_t groups,
			 const int64_t small[2], const int64_t big[2])
{
	const int64_t *z = list_of(t, "zeros");
	onnx_node *node = onnx_binary(t, "ConvTranspose", out, in, kernel);
	onnx_ints(t->g, node, "strides", 2, list_of(t, "strides"));
	onnx_ints(t->g, node, "pads", 4, (const int64_t[]){z[0], z[2], z[1], z[3]});
	onnx_ints(t->g, node, "output_padding", 2,
		  (const int64_t[]){missing(t, 0, small[0], big[0]), missing(t, 1, small[1], big[1])});
	onnx_int(t->g, node, "group", groups);
}

/* The list [-1, a, b, c]: samples of any number of axes as one. */
static const char *as_samples(const onnx_layer *t, const char *name, int64_t a, int64_t b, int64_t c,
			      char out[ONNX_NAME])
{
	return numbers(t, name, 4, (const int64_t[]){-1, a, b, c}, out);
}

/* Each channel of each sample alone: [N,hh,ww,K*C] -> [N*C,K,hh,ww] -> [N*C,1,h,w] -> [N,C,h,w] -> [N,h,w,C], by a
 * kernel that puts value k of K to place k of the window. */
static bool put_patches_fold(const onnx_layer *t)
{
	static const int64_t apart[] = {0, 4, 3, 1, 2}, back[] = {0, 2, 3, 1};
	const int64_t *k = list_of(t, "size"), K = k[0] * k[1], *small = t->in->dim, *big = t->s->dim, C = big[2];
	const shape taps = SHAPE(small[0], small[1], K, C);
	char a[ONNX_NAME], b[ONNX_NAME], c[ONNX_NAME], d[ONNX_NAME], e[ONNX_NAME], list[ONNX_NAME], w[ONNX_NAME];
	real *one = mem_zero((size_t)(K * K), sizeof *one, t->x->e);
	if (!one)
		return false;
	for (int64_t i = 0; i < K; i++)
		one[i * K + i] = 1;
	onnx_floats(t->g, onnx_own(t, "places", w), SHAPE(K, 1, k[0], k[1]), one);
	free(one);
	onnx_reshape(t, onnx_own(t, "taps", a), t->from[0], &taps);
	onnx_transpose(t, onnx_own(t, "apart", b), a, 5, apart);
	onnx_binary(t, "Reshape", onnx_own(t, "each", c), b, as_samples(t, "samples", K, small[0], small[1], list));
	transpose_by(t, onnx_own(t, "sums", d), c, w, 1, small, big);
	onnx_binary(t, "Reshape", onnx_own(t, "maps", e), d, as_samples(t, "channels", C, big[0], big[1], list));
	onnx_transpose(t, t->out, e, 4, back);
	return true;
}

/* [N,..,hh,ww,a] -> [n,a,hh,ww] -> [n,b,h,w] -> [N,..,h,w,b]; the kernel (kh,kw,b/groups,a) as (a,b/groups,kh,kw). */
static bool put_conv2d_dx(const onnx_layer *t)
{
	static const int64_t maps[] = {0, 3, 1, 2}, last[] = {0, 2, 3, 1};
	const int64_t *small = t->in->dim + t->in->rank - 3, *big = t->s->dim + t->s->rank - 3;
	int64_t to[RANK_MAX];
	char a[ONNX_NAME], b[ONNX_NAME], c[ONNX_NAME], d[ONNX_NAME], list[ONNX_NAME], w[ONNX_NAME];
	const keras_weight *kernel = onnx_need(t, "constant", 4);
	if (!kernel || !onnx_kernel(t, kernel))
		return false;
	onnx_binary(t, "Reshape", onnx_own(t, "each", a), t->from[0],
		    as_samples(t, "samples", small[0], small[1], small[2], list));
	onnx_transpose(t, onnx_own(t, "maps", b), a, 4, maps);
	transpose_by(t, onnx_own(t, "sums", c), b, onnx_own(t, "kernel", w),
		     (int64_t)keras_number(t->l, "groups", 1), small, big);
	onnx_transpose(t, onnx_own(t, "sums_last", d), c, 4, last);
	const int n = with_batch(t->s, t->s->dim, -1, 0, to);
	onnx_binary(t, "Reshape", t->out, d, numbers(t, "to", n, to, list));
	return true;
}

/* The mean with the zeros around counted, times the size of a window. */
static bool put_sum_pool(const onnx_layer *t)
{
	static const int64_t maps[] = {0, 3, 1, 2}, last[] = {0, 2, 3, 1};
	const int64_t *k = list_of(t, "size"), *z = list_of(t, "zeros");
	char a[ONNX_NAME], b[ONNX_NAME], c[ONNX_NAME];
	onnx_transpose(t, onnx_own(t, "maps", a), t->from[0], 4, maps);
	onnx_node *node = onnx_unary(t, "AveragePool", onnx_own(t, "means", b), a);
	onnx_ints(t->g, node, "kernel_shape", 2, k);
	onnx_ints(t->g, node, "strides", 2, list_of(t, "strides"));
	onnx_ints(t->g, node, "pads", 4, (const int64_t[]){z[0], z[2], z[1], z[3]});
	onnx_int(t->g, node, "count_include_pad", 1);
	onnx_number(t, "Mul", onnx_own(t, "sums", c), b, "pixels", (double)(k[0] * k[1]));
	onnx_transpose(t, t->out, c, 4, last);
	return true;
}

const onnx_class onnx_ops[] = {
	{"op>recip", put_unary, ONNX_LAST}, {"op>sqrt", put_unary, ONNX_LAST}, {"op>log", put_unary, ONNX_LAST},
	{"op>erf", put_unary, ONNX_LAST}, {"op>rsqrt", put_rsqrt, ONNX_LAST}, {"op>gate", put_gate, ONNX_LAST},
	{"op>add", put_binary, ONNX_LAST}, {"op>sub", put_binary, ONNX_LAST}, {"op>mul", put_binary, ONNX_LAST},
	{"op>div", put_binary, ONNX_LAST}, {"op>permute", put_permute, ONNX_LAST}, {"op>pad", put_pad, ONNX_LAST},
	{"op>slice", put_slice, ONNX_LAST}, {"op>concat", put_concat, ONNX_LAST},
	{"Concatenate", put_concatenate, ONNX_LAST}, {"op>sum_to", put_sum, ONNX_LAST},
	{"op>broadcast", put_broadcast, ONNX_LAST}, {"op>matmul", put_matmul, ONNX_LAST},
	{"op>skew", put_skew, ONNX_LAST}, {"op>patches", put_patches, ONNX_LAST},
	{"op>patches_fold", put_patches_fold, ONNX_LAST}, {"op>conv2d_dx", put_conv2d_dx, ONNX_LAST},
	{"op>sum_pool", put_sum_pool, ONNX_LAST}, {0},
};
