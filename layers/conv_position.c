/* conv_position.c - depthwise convolutions over the pixels of a token list. */
#include "layers/conv_position.h"

#include <math.h>
#include <stdio.h>

#include "core/base/local.h"
#include "core/graph/ops.h"

/* k x k, stride 1, same size, bias: kernels of the original are glorot uniform, its other wish is not heard. */
static conv_options around(int k, sn_options sn)
{
	return (conv_options){
		.kh = k, .padding = PAD_EVEN, .pad = k / 2, .bias = true, .sn = sn,
		.kernel_init = {.kind = INIT_GLOROT_UNIFORM},
	};
}

/* Rows of the map of N pixels; 0 with the graph's error set when there is no such map. */
static int64_t rows_of(graph *g, const char *layer, int64_t N, int64_t input_height)
{
	int64_t root = (int64_t)(sqrt((double)N) + 0.5), h = input_height > 0 ? input_height : root;
	if (N < 1)
		graph_fail(g, "%s: no image tokens after the class token", layer);
	else if (input_height > 0 && N % h)
		graph_fail(g, "%s: %lld image tokens: not a multiple of input_height %lld", layer, (long long)N,
			(long long)h);
	else if (input_height <= 0 && root * root != N)
		graph_fail(g, "%s: %lld image tokens: not a square; give input_height", layer, (long long)N);
	else
		return h;
	return 0;
}

/* ---- ConvPositionalEncoding ---- */

void conv_positional_encoding_init(module *m, conv_positional_encoding *p, const char *name, int64_t C,
				   conv_positional_options opt)
{
	*p = (conv_positional_encoding){.opt = opt};
	int k = p->opt.kernel_size = opt.kernel_size ? opt.kernel_size : 3;
	module_name(m, p->name, sizeof p->name, name);
	module_push(m, name);
	if (k < 1 || k % 2 == 0)
		module_fail(m, "conv_positional_encoding: kernel_size = %d: must be odd", k);
	depthwise_init(m, &p->conv, "depth_conv", C, around(k, opt.sn));
	module_pop(m);
}

static node *encode(graph *g, const conv_positional_encoding *p, node *x, mode m)
{
	if (x->s.rank != 3)
		return graph_fail(g, "conv_positional_encoding: input %s is no token list [B,1+N,C]",
			shape_print(&x->s).s);
	int64_t B = x->s.dim[0], N = x->s.dim[1] - 1, C = x->s.dim[2];
	int64_t h = rows_of(g, "conv_positional_encoding", N, p->opt.input_height);
	if (h == 0)
		return x;
	node *pixels = op_slice_axis(g, x, 1, 1, 1 + N);
	node *map = depthwise_apply(g, &p->conv, op_reshape(g, pixels, SHAPE(B, h, N / h, C)), m);
	node *part[] = {
		op_slice_axis(g, x, 1, 0, 1),
		op_add(g, pixels, op_reshape(g, map, pixels->s)),
	};
	return op_concat(g, part, 2, 1);
}

node *conv_positional_encoding_apply(graph *g, const conv_positional_encoding *p, node *x, mode m)
{
	graph_push(g, p->name);
	node *y = encode(g, p, x, m);
	graph_pop(g);
	return y;
}

/* ---- ConvRelativePositionalEncoding ---- */

/* "2+3+3" */
static void print_splits(const conv_relative_options *o, char out[64])
{
	int n = 0;
	*out = '\0';
	for (int i = 0; i < o->splits && n < 56; i++)
		n += snprintf(out + n, (size_t)(64 - n), "%s%d", i ? "+" : "", o->head_splits[i]);
}

static void check_splits(module *m, const conv_relative_options *o, int64_t heads)
{
	char text[64];
	int64_t sum = 0;
	for (int i = 0; i < o->splits; i++) {
		sum += o->head_splits[i];
		if (o->head_splits[i] < 1)
			module_fail(m, "conv_relative_positional_encoding: head_splits: %d heads: must be at least 1",
				o->head_splits[i]);
		if (o->head_kernel_size[i] < 1 || o->head_kernel_size[i] % 2 == 0)
			module_fail(m, "conv_relative_positional_encoding: head_kernel_size = %d: must be odd",
				o->head_kernel_size[i]);
	}
	print_splits(o, text);
	if (sum != heads)
		module_fail(m, "conv_relative_positional_encoding: head_splits %s = %lld but %lld heads", text,
			(long long)sum, (long long)heads);
}

void conv_relative_positional_encoding_init(module *m, conv_relative_positional_encoding *p, const char *name,
					    int64_t heads, int64_t d, conv_relative_options opt)
{
	must(opt.splits >= 0 && opt.splits <= CONV_RELATIVE_SPLITS, "%d blocks of heads", opt.splits);
	*p = (conv_relative_positional_encoding){.heads = heads, .d = d, .opt = opt};
	conv_relative_options *o = &p->opt;
	if (o->splits == 0)
		*o = (conv_relative_options){
			.splits = 3, .head_splits = {2, 3, 3}, .head_kernel_size = {3, 5, 7},
			.input_height = opt.input_height, .sn = opt.sn,
		};
	module_name(m, p->name, sizeof p->name, name);
	module_push(m, name);
	check_splits(m, o, heads);
	for (int i = 0; i < o->splits; i++) {
		char layer[32];
		snprintf(layer, sizeof layer, "depth_conv_%d", i + 1);
		depthwise_init(m, &p->conv[i], layer, o->head_splits[i] * d, around(o->head_kernel_size[i], o->sn));
	}
	module_pop(m);
}

/* Each block of channels of map [B,h,w,n*d] through its convolution. */
static node *convolve_blocks(graph *g, const conv_relative_positional_encoding *p, node *map, mode m)
{
	node *part[CONV_RELATIVE_SPLITS];
	int64_t lo = 0;
	for (int i = 0; i < p->opt.splits; i++) {
		int64_t hi = lo + p->opt.head_splits[i] * p->d;
		part[i] = depthwise_apply(g, &p->conv[i], op_slice_axis(g, map, 3, lo, hi), m);
		lo = hi;
	}
	return op_concat(g, part, p->opt.splits, 3);
}

static node *relate(graph *g, const conv_relative_positional_encoding *p, node *query, node *value, mode m)
{
	const shape *s = &value->s;
	if (!shape_equal(&query->s, s))
		return graph_fail(g, "conv_relative_positional_encoding: query %s and value %s must have the same "
			"shape", shape_print(&query->s).s, shape_print(s).s);
	if (s->rank != 4 || s->dim[1] != p->heads || s->dim[3] != p->d)
		return graph_fail(g, "conv_relative_positional_encoding: input %s: must be [B,%lld,1+N,%lld]",
			shape_print(s).s, (long long)p->heads, (long long)p->d);
	int64_t B = s->dim[0], n = p->heads, N = s->dim[2] - 1, d = p->d;
	int64_t h = rows_of(g, "conv_relative_positional_encoding", N, p->opt.input_height);
	if (h == 0)
		return query;
	static const int swap[] = {0, 2, 1, 3};      /* heads and positions, there and back */
	node *pixels = op_permute(g, op_slice_axis(g, value, 2, 1, 1 + N), swap);
	node *map = convolve_blocks(g, p, op_reshape(g, pixels, SHAPE(B, h, N / h, n * d)), m);
	map = op_permute(g, op_reshape(g, map, SHAPE(B, N, n, d)), swap);
	node *y = op_mul(g, op_slice_axis(g, query, 2, 1, 1 + N), map);
	return op_pad(g, y, (const int64_t[]){0, 0, 1, 0}, (const int64_t[]){0, 0, 0, 0});
}

node *conv_relative_positional_encoding_apply(graph *g, const conv_relative_positional_encoding *p, node *query,
					      node *value, mode m)
{
	graph_push(g, p->name);
	node *y = relate(g, p, query, value, m);
	graph_pop(g);
	return y;
}
