/* heads.c - attention of several heads as layer types: whole maps, blocks with halos, windows. */
#include <math.h>
#include <stdio.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/types/arguments.h"
#include "layers/conv_position.h"
#include "layers/halo.h"
#include "layers/heads.h"
#include "layers/mhsa.h"
#include "layers/outlook.h"

#define OUT       {.name = "out", .type = ARG_INT, .hi = 65536, .zero = "C", \
		 .help = "width of the output; not C: residual = none"}
#define DROPOUT(n) {.name = n, .type = ARG_REAL, .hi = 0.95, .help = "share of scores silenced in training"}
#define TRUE_FALSE(n, x, h) {.name = n, .type = ARG_BOOL, .initial = x, .help = h}

/* d: given, or C / heads. */
static int64_t key_dim(const placed_layer *l)
{
	int64_t d = (int64_t)layer_number(l, "key_dim");
	return d ? d : MAX(l->C / layer_int(l, "heads"), 1);
}

/* ---- mhsa ---- */

static const char *const POSITION[] = {"relative", "absolute", NULL};

#define MHSA_ARGS \
	HEADS(4), \
	{.name = "key_dim", .type = ARG_INT, .hi = 4096, .zero = "C / heads", .help = "width d of queries and keys"}, \
	OUT, \
	{.name = "position", .type = ARG_WORD, .words = POSITION, .help = "tables of displacements or of places"}, \
	TRUE_FALSE("out_weight", 1, "project the heads to the output"), \
	TRUE_FALSE("out_bias", 0, "bias of the output"), \
	DROPOUT("dropout")
static const layer_arg mhsa_args[] = {MHSA_ARGS};

static const layer_case mhsa_cases[] = {
	{.input = MAP_16, .arg = {{"key_dim", 128}}, .out = 512},
	{.name = "mhsa_absolute", .input = MAP_16, .arg = {{"key_dim", 128}, {"position", 1}}, .out = 512},
};
static const layer_case mhsa_h_cases[] = {{.input = MAP_16, .arg = {{"key_dim", 128}}}};

static bool mhsa_fits(const placed_layer *l, fault *e)
{
	return layer_is_width(l, "out", e)
		&& (layer_number(l, "key_dim") > 0 || layer_divides(l, "heads", l->C, "the channels,", e));
}

static bool mhsa_h_fits(const placed_layer *l, fault *e)
{
	return layer_is_width(l, "out", e) && layer_divides(l, "heads", l->C, "the channels,", e);
}

static void mhsa_start(module *m, mhsa *a, const char *name, const placed_layer *l, mhsa_options o)
{
	o.num_heads = layer_int(l, "heads");
	o.key_dim = key_dim(l);
	o.relative = layer_number(l, "position") == 0;
	o.out_shape = layer_out(l);
	o.out_weight = layer_is(l, "out_weight");
	o.out_bias = layer_is(l, "out_bias");
	o.attn_dropout = layer_number(l, "dropout");
	o.sn = l->sn;
	mhsa_init(m, a, name, l->H, l->W, l->C, o);
}

static void mhsa_layer_init(module *m, void *body, const char *name, const placed_layer *l)
{
	mhsa_start(m, body, name, l, mhsa_layer_defaults);
}

static void mhsa_function_init(module *m, void *body, const char *name, const placed_layer *l)
{
	mhsa_start(m, body, name, l, mhsa_function_defaults);
}

static node *mhsa_place(graph *g, const void *body, node *x, mode m, node **map)
{
	return mhsa_apply(g, body, x, m, map);
}

static const layer_sight mhsa_sight = {.heads = layer_heads, .lay = layer_lay_whole, .shares = true};

/* ---- halo ---- */

#define HALO_BLOCK(n) \
	{.name = "block", .type = ARG_INT, .lo = 1, .hi = 512, .initial = n, \
	 .help = "side b of a block; must divide both sides of the map"}, \
	{.name = "halo", .type = ARG_INT, .hi = 256, .initial = 1, \
	 .help = "pixels h that a block sees beyond its edges"}
#define HALO_REST \
	OUT, STRIDES, \
	TRUE_FALSE("out_weight", 1, "project the heads to the output"), \
	TRUE_FALSE("out_bias", 0, "bias of the output"), \
	DROPOUT("dropout")
static const layer_arg halo_args[] = {
	HEADS(4),
	{.name = "key_dim", .type = ARG_INT, .hi = 4096, .zero = "C / heads", .help = "width d of a head"},
	HALO_BLOCK(2), HALO_REST
};
static const layer_arg halo_h_args[] = {
	HEADS(8),
	{.name = "key_dim", .type = ARG_REAL, .hi = 4096, .zero = "C / heads", .help = "width d; to 1: share of C"},
	HALO_BLOCK(4), HALO_REST
};

static const layer_case halo_cases[] = {{.input = MAP_16, .arg = {{"key_dim", 128}}, .out = 512}};
static const layer_case halo_h_cases[] = {{.input = {4, {0, 12, 16, 256}}, .arg = {{"heads", 4}}, .out = 384}};

static bool block_fits(const placed_layer *l, fault *e)
{
	char sides[96] = "the map's side,";
	if (l->H != l->W)
		snprintf(sides, sizeof sides, "both sides of the map %lldx%lld, whose common divisor is",
			 (long long)l->H, (long long)l->W);
	return layer_divides(l, "block", common_divisor(l->H, l->W), sides, e);
}

static bool halo_fits(const placed_layer *l, fault *e)
{
	return layer_is_width(l, "out", e) && block_fits(l, e)
		&& (layer_number(l, "key_dim") > 0 || layer_divides(l, "heads", l->C, "the channels,", e));
}

static bool halo_h_fits(const placed_layer *l, fault *e)
{
	return layer_is_width(l, "out", e) && block_fits(l, e)
		&& layer_divides(l, "heads", l->C, "the channels,", e);
}

static void halo_start(module *m, halo *a, const char *name, const placed_layer *l, halo_options o)
{
	o.num_heads = layer_int(l, "heads");
	o.block_size = layer_int(l, "block");
	o.halo_size = layer_int(l, "halo");
	o.out_shape = layer_out(l);
	o.out_weight = layer_is(l, "out_weight");
	o.out_bias = layer_is(l, "out_bias");
	o.attn_dropout = layer_number(l, "dropout");
	o.sn = l->sn;
	halo_init(m, a, name, l->C, o);
}

static void halo_layer_init(module *m, void *body, const char *name, const placed_layer *l)
{
	halo_options o = halo_layer_defaults;
	o.key_dim = (double)key_dim(l);
	halo_start(m, body, name, l, o);
}

static void halo_function_init(module *m, void *body, const char *name, const placed_layer *l)
{
	halo_options o = halo_function_defaults;
	o.key_dim = layer_number(l, "key_dim");
	halo_start(m, body, name, l, o);
}

static node *halo_place(graph *g, const void *body, node *x, mode m, node **map)
{
	return halo_apply(g, body, x, m, map);
}

/* Scores [B,n,rows,columns,b*b,P*P] of blocks; strides are 1, so that all pixels of a block ask. What a query takes of
 * the zeros around the map is in no key's place. */
static void halo_lay(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row)
{
	const int b = layer_int(l, "block"), h = layer_int(l, "halo"), P = b + 2 * h;
	const int y = q / (int)l->W, x = q % (int)l->W;
	const int64_t block = (head * s->dim[2] + y / b) * s->dim[3] + x / b;
	const real *of = scores + (block * b * b + y % b * b + x % b) * P * P;
	layer_lay_window(l, of, P, y / b * b - h, x / b * b - h, row);
}

static const layer_sight halo_sight = {.heads = layer_heads, .lay = halo_lay, .shares = true};

/* ---- outlook ---- */

#define OUTLOOK_HEAD \
	HEADS(4), OUT, \
	{.name = "kernel", .type = ARG_INT, .lo = 1, .hi = 63, .initial = 3, .help = "side k of a window"}
#define OUTLOOK_REST \
	DROPOUT("dropout"), \
	TRUE_FALSE("fold_kernel", 0, "fold by a transposed convolution: the same numbers, slower")
static const layer_arg outlook_args[] = {
	OUTLOOK_HEAD,
	{.name = "strides", .type = ARG_INT, .lo = 1, .hi = 63, .initial = 2, .help = "pixels s between windows"},
	TRUE_FALSE("padding", 1, "windows are centred; false: they begin at their pixel"),
	TRUE_FALSE("refuse_gaps", 0, "refuse kernel < strides, where pixels are lost"),
	{.name = "output_dropout", .type = ARG_REAL, .hi = 0.95, .help = "share of outputs silenced in training"},
	OUTLOOK_REST
};
static const layer_arg outlook_simple_args[] = {OUTLOOK_HEAD, OUTLOOK_REST};

static const layer_case map_28[] = {{.input = MAP_28}};

static bool outlook_fits(const placed_layer *l, fault *e)
{
	return layer_is_width(l, "out", e) && layer_divides(l, "heads", l->C, "the channels,", e);
}

static outlook_options outlook_common(const placed_layer *l)
{
	return (outlook_options){
		.embed_dim = layer_out(l), .num_heads = layer_int(l, "heads"), .kernel_size = layer_int(l, "kernel"),
		.attn_dropout = layer_number(l, "dropout"), .fold_kernel = layer_is(l, "fold_kernel"),
		.sn = l->sn,
	};
}

static void outlook_init(module *m, void *body, const char *name, const placed_layer *l)
{
	outlook_options o = outlook_common(l);
	o.strides = layer_int(l, "strides");
	o.no_padding = layer_number(l, "padding") == 0;
	o.refuse_gaps = layer_is(l, "refuse_gaps");
	o.output_dropout = layer_number(l, "output_dropout");
	outlook_attention_init(m, body, name, l->C, o);
}

static void outlook_simple_init(module *m, void *body, const char *name, const placed_layer *l)
{
	outlook_attention_simple_init(m, body, name, l->C, outlook_common(l));
}

static node *outlook_place(graph *g, const void *body, node *x, mode m, node **map)
{
	return outlook_attention_apply(g, body, x, m, map);
}

/* Scores [B,hh,ww,n,K,K]: in every window over the query, tap m of it is a mix of the window's taps. The layer adds the
 * windows up, so a row's sum is their number, less what falls on the zeros around the map. */
static void outlook_lay(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row)
{
	const outlook_options *o = &((const outlook *)l->body)->opt;
	const int k = o->kernel_size, K = k * k, step = o->strides, before = o->no_padding ? 0 : k / 2;
	const int y = q / (int)l->W + before, x = q % (int)l->W + before, n = (int)s->dim[3];
	for (int i = 0; i < s->dim[1]; i++)
		for (int j = 0; j < s->dim[2]; j++) {
			const int u = y - i * step, t = x - j * step;
			if (u < 0 || u >= k || t < 0 || t >= k)
				continue;
			const int64_t cell = (i * s->dim[2] + j) * n + head;
			layer_lay_window(l, scores + (cell * K + u * k + t) * K, k, i * step - before,
				j * step - before, row);
		}
}

static const layer_sight outlook_sight = {.heads = layer_heads, .lay = outlook_lay};

/* ---- conv_relative: CoaT's factorised attention (arXiv 2104.06399, eq. 2 and 6) ---- */

static const layer_arg relative_args[] = {
	HEADS(8),
	{.name = "kernel", .type = ARG_INT, .hi = 63, .zero = "3, 5, 7 on 2, 3, 3 of 8 heads",
	 .help = "side of all convolutions, odd"},
};

typedef struct factorised {
	char name[32];
	dense qkv, out;
	conv_relative_positional_encoding position;
	int64_t heads, d;
} factorised;

static bool relative_fits(const placed_layer *l, fault *e)
{
	int k = layer_int(l, "kernel"), heads = layer_int(l, "heads");
	if (k == 0 && heads != 8)
		return fault_set(e, "heads = %d: kernel = 0 needs 8; with another number give kernel (3, 5, 7 fit)",
			heads);
	return (k == 0 || layer_is_odd(l, "kernel", e)) && layer_divides(l, "heads", l->C, "the channels,", e);
}

static void relative_init(module *m, void *body, const char *name, const placed_layer *l)
{
	factorised *f = body;
	int k = layer_int(l, "kernel");
	f->heads = layer_int(l, "heads");
	f->d = l->C / f->heads;
	module_name(m, f->name, sizeof f->name, name);
	dense_options o = {.units = 3 * l->C, .kernel_init = {INIT_GLOROT_UNIFORM, 0}, .sn = l->sn};
	conv_relative_options c = {.input_height = l->H, .sn = l->sn};
	if (k) {
		c.splits = 1;
		c.head_splits[0] = (int)f->heads;
		c.head_kernel_size[0] = k;
	}
	module_push(m, name);
	dense_init(m, &f->qkv, "qkv", l->C, o);
	conv_relative_positional_encoding_init(m, &f->position, "position", f->heads, f->d, c);
	o.units = l->C;
	o.bias = true;
	dense_init(m, &f->out, "out", l->C, o);
	module_pop(m);
}

/* x [B,1+N,C] -> part i of qkv as [B,n,1+N,d]. */
static node *part(graph *g, const factorised *f, node *qkv, int i)
{
	int64_t B = qkv->s.dim[0], T = qkv->s.dim[1], C = f->heads * f->d;
	node *y = op_reshape(g, op_slice_axis(g, qkv, 2, i * C, (i + 1) * C), SHAPE(B, T, f->heads, f->d));
	return op_permute(g, y, (const int[]){0, 2, 1, 3});
}

/* The scores are of the sum over all positions; the convolution's part of it is another one in each channel. */
static node *relative_apply(graph *g, const void *body, node *x, mode m, node **map)
{
	const factorised *f = body;
	int64_t B = x->s.dim[0], N = x->s.dim[1] * x->s.dim[2], C = x->s.dim[3];
	graph_push(g, f->name);
	/* The position term expects a class token in front; a zero takes its place and leaves again. */
	node *row[] = {op_fill(g, SHAPE(B, 1, C), 0), op_reshape(g, x, SHAPE(B, N, C))};
	node *qkv = dense_apply(g, &f->qkv, op_concat(g, row, 2, 1), m);
	node *q = part(g, f, qkv, 0), *k = part(g, f, qkv, 1), *v = part(g, f, qkv, 2);
	node *relative = conv_relative_positional_encoding_apply(g, &f->position, q, v, m);
	node *kp = op_slice_axis(g, k, 2, 1, N + 1), *vp = op_slice_axis(g, v, 2, 1, N + 1);
	const double scale = 1 / sqrt((double)f->d);
	node *shares = op_softmax_axis(g, kp, 2), *mixed = op_matmul(g, shares, vp, true, false);    /* [B,n,d,d] */
	if (map)
		*map = op_scale(g, op_matmul(g, op_slice_axis(g, q, 2, 1, N + 1), shares, false, true), scale);
	node *y = op_scale(g, op_matmul(g, q, mixed, false, false), scale);
	y = op_slice_axis(g, op_add(g, y, relative), 2, 1, N + 1);
	y = op_reshape(g, op_permute(g, y, (const int[]){0, 2, 1, 3}), SHAPE(B, N, C));
	y = op_reshape(g, dense_apply(g, &f->out, y, m), x->s);
	graph_pop(g);
	return y;
}

static const layer_sight relative_sight = {.heads = layer_heads, .lay = layer_lay_whole};

/* ---- records ---- */

static const layer_type types[] = {
	{.name = "mhsa", .what = "multi-head self-attention with position tables",
	 .keras = "MultiHeadAttention2D",
	 .paper = "arXiv 2101.11605", .cost = "N^2 2C", ARGS(mhsa_args), CASES(mhsa_cases), .body = sizeof(mhsa),
	 .sight = &mhsa_sight, .formula = "Q, K, V = x Wq, x Wk, x Wv; n heads of width d\n"
		    "layer(x) = concat(softmax(Q K'/sqrt(d) + positions(Q/sqrt(d))) V) Wo + bo\n",
	 .weights = "query, key, value (C,n*d), output_weight (n*d,C), output_bias (C), r_width (d,2W-1), "
		    "r_height (d,2H-1)\n",
	 .fits = mhsa_fits, .init = mhsa_layer_init, .apply = mhsa_place},
	{.name = "mhsa_h", .what = "the same, from one qkv convolution",
	 .keras = "MultiHeadAttentionH2D",
	 .paper = "arXiv 2101.11605", .cost = "N^2 2C", ARGS(mhsa_args), CASES(mhsa_h_cases), .body = sizeof(mhsa),
	 .sight = &mhsa_sight, .formula = "Q, K, V = split(x Wqkv); n heads of width d, values of width C/n\n"
		    "layer(x) = concat(softmax(Q K'/sqrt(d) + positions(Q)) V) Wo + bo\n",
	 .weights = "qkv_conv (1,1,C,2*n*d+C), pos_emb/r_height (d,2H-1), pos_emb/r_width (d,2W-1), output (C,C)\n",
	 .fits = mhsa_h_fits, .init = mhsa_function_init, .apply = mhsa_place},
	{.name = "halo", .what = "self-attention in blocks that see over their edges",
	 .keras = "HaloAttention2D",
	 .paper = "arXiv 2103.12731", .cost = "N (b+2h)^2 2C", ARGS(halo_args), CASES(halo_cases), .body = sizeof(halo),
	 .formula = "blocks of b x b, windows of P = b + 2h a side; n heads of width d\n"
		    "layer(x) = concat(softmax(Q K'/sqrt(d) + positions(Q/sqrt(d))) V) Wo + bo\n",
	 .weights = "query (C,n*d), key_value (C,2*n*d), output_weight (n*d,C), output_bias (C), "
		    "r_width, r_height (d,2P-1)\n",
	 .fits = halo_fits, .init = halo_layer_init, .apply = halo_place, .sight = &halo_sight},
	{.name = "halo_h", .what = "halo attention with convolutions, values of width C/heads",
	 .keras = "HaloAttentionH2D",
	 .paper = "arXiv 2103.12731", .cost = "N (b+2h)^2 2C", ARGS(halo_h_args), CASES(halo_h_cases),
	 .body = sizeof(halo), .formula = "as halo, positions(Q) instead of positions(Q/sqrt(d))\n",
	 .weights = "query_conv (1,1,C,n*d), key_value_conv (1,1,C,n*d+C), pos_emb/r_height, pos_emb/r_width (d,2P-1), "
		    "output (C,C)\n",
	 .fits = halo_h_fits, .init = halo_function_init, .apply = halo_place, .sight = &halo_sight},
	{.name = "outlook", .what = "a pixel's features say how its window is mixed",
	 .keras = "OutlookAttention2D",
	 .paper = "arXiv 2106.13112", .cost = "N k^2/s^2 (k^2 C + ..)", ARGS(outlook_args), CASES(map_28),
	 .body = sizeof(outlook),
	 .formula = "v = x Wv; a = softmax((mean(x) Wa + ba)/sqrt(d)), k^2 x k^2 per head and cell\n"
		    "layer(x) = fold(a v) Wo + bo\n",
	 .weights = "v (C,C), attn (C,k^4*n), attn/bias, out (C,C), out/bias\n",
	 .fits = outlook_fits, .init = outlook_init, .apply = outlook_place,
	 .sight = &outlook_sight},
	{.name = "outlook_simple", .what = "outlook attention in windows side by side",
	 .keras = "OutlookAttentionSimple2D",
	 .paper = "arXiv 2106.13112", .cost = "N k^2 C", ARGS(outlook_simple_args), CASES(map_28),
	 .body = sizeof(outlook), .formula = "as outlook with strides = kernel, windows without overlap\n",
	 .weights = "v (C,C), attn (C,k^4*n), attn/bias, out (C,C), out/bias\n",
	 .fits = outlook_fits, .init = outlook_simple_init, .apply = outlook_place,
	 .sight = &outlook_sight},
	{.name = "conv_relative", .what = "factorised attention, positions from convolutions",
	 .keras = "FactorisedAttention2D",
	 .paper = "arXiv 2104.06399", .cost = "N C (2d + k^2)", ARGS(relative_args), .body = sizeof(factorised),
	 .formula = "Q, K, V = x Wqkv; n heads of width d = C/n\n"
		    "layer(x) = concat(Q (softmax_N(K)' V)/sqrt(d) + Q * depthwise(V)) Wo + bo\n",
	 .weights = "qkv (C,3C), position/depth_conv_i/depthwise_kernel (k,k,heads*d,1), bias, out (C,C), out/bias\n",
	 .fits = relative_fits, .init = relative_init, .apply = relative_apply,
	 .sight = &relative_sight},
};
const layer_group layers_heads = {types, COUNT(types)};
