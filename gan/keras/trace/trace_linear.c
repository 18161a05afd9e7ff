/* trace_linear.c - products with constants: convolutions, dense layers, tables, and factors per channel. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "gan/keras/trace/trace_internal.h"

/* ---- windows over images ---- */

trace_geometry trace_conv_geometry(const node *y)
{
	const attr *a = &y->a;
	const int64_t *kernel = y->in[1]->s.dim;
	return (trace_geometry){
		(int)kernel[0], (int)kernel[1], a->conv.sh, a->conv.sw,
		a->conv.top, a->conv.bottom, a->conv.left, a->conv.right,
	};
}

static bool is_without_zeros(trace_geometry c)
{
	return !c.top && !c.bottom && !c.left && !c.right;
}

/* The zeros are those of "same" on an image of h x w. */
static bool is_same(trace_geometry c, int64_t h, int64_t w)
{
	trace_geometry s;
	pad_same_tf(h, c.kh, c.sh, &s.top, &s.bottom);
	pad_same_tf(w, c.kw, c.sw, &s.left, &s.right);
	return c.top == s.top && c.bottom == s.bottom && c.left == s.left && c.right == s.right;
}

int trace_padded(tracer *t, const node *y, int in, const char *path, trace_geometry c, int64_t h, int64_t w,
		 const char **padding)
{
	*padding = is_same(c, h, w) && !is_without_zeros(c) ? "same" : "valid";
	if (is_without_zeros(c) || is_same(c, h, w))
		return in;
	if (c.top < 0 || c.bottom < 0 || c.left < 0 || c.right < 0)
		return trace_refuse(t, y, "negative paddings"), -1;
	const int64_t zeros[] = {c.top, c.bottom, c.left, c.right};
	int at = trace_add(t, path, "pad", "ZeroPadding2D", 1, &in);
	return at >= 0 && keras_set_pairs(t->k, at, "padding", 4, zeros, t->e)
		&& keras_set_text(t->k, at, "data_format", "channels_last", t->e) ? at : -1;
}

bool trace_set_window(tracer *t, int layer, trace_geometry c, const char *padding)
{
	return keras_set_list(t->k, layer, "kernel_size", 2, (const int64_t[]){c.kh, c.kw}, t->e)
		&& keras_set_list(t->k, layer, "strides", 2, (const int64_t[]){c.sh, c.sw}, t->e)
		&& keras_set_text(t->k, layer, "padding", padding, t->e)
		&& (strchr(t->k->layer[layer].class_name, '>')       /* ours know one format */
		    || keras_set_text(t->k, layer, "data_format", "channels_last", t->e));
}

/* ---- kernels ---- */

/* The layer that gives x in this shape, and the factor that its reader takes into the kernel. */
static int input_of(tracer *t, node *x, shape s, double *factor)
{
	const traced *v = trace_value(t, x);
	if (!v)
		return -1;
	*factor = v->into_next ? v->scale : 1;
	return trace_as(t, x, s);
}

/* A kernel [kh,kw,in/groups,out] of groups as one [kh,kw,in,out] with zeros between them. */
static real *without_groups(const real *w, const shape *s, int groups, fault *e)
{
	const int64_t taps = s->dim[0] * s->dim[1], part = s->dim[2], out = s->dim[3], in = part * groups;
	real *full = mem_zero((size_t)(taps * in * out), sizeof *full, e);
	for (int64_t t = 0; full && t < taps; t++)
		for (int64_t i = 0; i < part; i++)
			for (int64_t o = 0; o < out; o++) {
				int64_t group = o / (out / groups);
				full[(t * in + group * part + i) * out + o] = w[(t * part + i) * out + o];
			}
	return full;
}

/* The kernel x times c, as a weight of `layer`. */
static bool add_kernel(tracer *t, int layer, node *x, int groups, double c)
{
	shape s = x->s;
	real *w = fold_value(t, x);
	if (w && groups > 1) {
		real *full = without_groups(w, &s, groups, t->e);
		free(w);
		w = full;
		s.dim[2] *= groups;
	}
	for (int64_t i = 0; w && c != 1 && i < shape_count(&s); i++)
		w[i] = (real)(c * w[i]);
	bool ok = w && keras_add_weight(t->k, layer, "kernel", s, w, t->e);
	free(w);
	return ok;
}

/* ---- convolutions ---- */

bool emit_conv(tracer *t, node *y)
{
	node *x = y->in[0], *w = y->in[1];
	const trace_geometry c = trace_conv_geometry(y);
	const char *padding, *suffix = trace_has_name(t, y->path) ? NULL : "conv";
	const bool keep = t->form == KERAS_OPS && y->a.conv.groups > 1;      /* TensorFlow has none on processors */
	double factor = 1;
	if (t->varies[w->id])
		return trace_refuse(t, y, "a kernel that depends on the input");
	int in = input_of(t, x, trace_shape(t, x), &factor);
	in = in < 0 ? -1 : trace_padded(t, y, in, y->path, c, x->s.dim[1], x->s.dim[2], &padding);
	int at = in < 0 ? -1 : trace_add(t, y->path, suffix, "Conv2D", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "filters", y->s.dim[3], t->e) && trace_set_window(t, at, c, padding)
		&& keras_set_bool(t->k, at, "use_bias", false, t->e)
		&& (!keep || keras_set_int(t->k, at, "groups", y->a.conv.groups, t->e))
		&& add_kernel(t, at, w, keep ? 1 : y->a.conv.groups, factor)
		&& trace_done(t, y, at, trace_shape(t, y), true);
}

const char *trace_crop(const node *y, trace_geometry c)
{
	const shape *x = &y->in[0]->s;
	const int64_t h = y->s.dim[1], w = y->s.dim[2];
	if (h == x->dim[1] * c.sh && w == x->dim[2] * c.sw && is_same(c, h, w))
		return is_without_zeros(c) ? "valid" : "same";
	bool whole = h == x->dim[1] * c.sh + MAX(c.kh - c.sh, 0) && w == x->dim[2] * c.sw + MAX(c.kw - c.sw, 0);
	return whole && is_without_zeros(c) ? "valid" : NULL;
}

bool emit_conv_transpose(tracer *t, node *y)
{
	node *x = y->in[0], *w = y->in[1];
	const trace_geometry c = trace_conv_geometry(y);
	const char *padding = trace_crop(y, c), *suffix = trace_has_name(t, y->path) ? NULL : "conv_transpose";
	double factor = 1;
	if (!padding || y->a.conv.groups > 1 || t->varies[w->id])
		return trace_refuse(t, y, "this transposed convolution");
	int in = input_of(t, x, trace_shape(t, x), &factor);
	int at = in < 0 ? -1 : trace_add(t, y->path, suffix, "Conv2DTranspose", 1, &in);
	return at >= 0 && keras_set_int(t->k, at, "filters", y->s.dim[3], t->e) && trace_set_window(t, at, c, padding)
		&& keras_set_bool(t->k, at, "use_bias", false, t->e) && add_kernel(t, at, w, 1, factor)
		&& trace_done(t, y, at, trace_shape(t, y), true);
}

/* ---- matrices ---- */

/* x [..,K] w [K,N]: rows of x may be pixels of an image, which Dense takes as they are. */
static bool emit_dense(tracer *t, node *y)
{
	node *x = y->in[0], *w = y->in[1];
	double factor = 1;
	const traced *v = trace_value(t, x);
	if (!v)
		return false;
	shape s = shape_last(&v->s) == w->s.dim[0] ? v->s : trace_shape(t, x);
	int in = input_of(t, x, s, &factor);
	int at = in < 0 ? -1 : trace_add(t, y->path, trace_has_name(t, y->path) ? NULL : "dense", "Dense", 1, &in);
	s.dim[s.rank - 1] = w->s.dim[1];
	return at >= 0 && keras_set_int(t->k, at, "units", w->s.dim[1], t->e)
		&& keras_set_bool(t->k, at, "use_bias", false, t->e) && add_kernel(t, at, w, 1, factor)
		&& trace_done(t, y, at, s, true);
}

/* a b over a batch of matrices: [B,n,d] with [B,m,d], any of them turned. */
static bool emit_dot(tracer *t, node *y)
{
	node *a = y->in[0], *b = y->in[1];
	const int64_t axes[2] = {y->a.matmul.ta ? 1 : 2, y->a.matmul.tb ? 2 : 1};
	if (y->s.rank != 3 || y->s.dim[0] != t->batch)
		return trace_refuse(t, y, y->s.rank == 4 && a->s.rank == 4 ? "attention within rows or heads"
			: "products of blocks or heads");
	int in[2] = {trace_as(t, a, trace_shape(t, a)), trace_as(t, b, trace_shape(t, b))};
	int at = in[0] < 0 || in[1] < 0 ? -1 : trace_add(t, y->path, "dot", "Dot", 2, in);
	return at >= 0 && keras_set_list(t->k, at, "axes", 2, axes, t->e)
		&& keras_set_bool(t->k, at, "normalize", false, t->e) && trace_done(t, y, at, trace_shape(t, y), true);
}

bool emit_matmul(tracer *t, node *y)
{
	const node *a = y->in[0], *b = y->in[1];
	if (t->varies[a->id] && t->varies[b->id])
		return emit_dot(t, y);
	if (t->varies[a->id] && b->s.rank == 2 && !y->a.matmul.ta && !y->a.matmul.tb)
		return emit_dense(t, y);
	return trace_refuse(t, y, "this product with a constant");
}

bool emit_gather(tracer *t, node *y)
{
	node *table = y->in[0];
	const int64_t K = table->s.dim[0], C = table->s.dim[1];
	if (t->varies[table->id])
		return trace_refuse(t, y, "a table that depends on the input");
	int in = trace_as(t, y->in[1], SHAPE(1));
	int at = in < 0 ? -1 : trace_add(t, y->path, trace_has_name(t, y->path) ? NULL : "embed", "Embedding", 1, &in);
	real *x = at < 0 ? NULL : fold_value(t, table);
	bool ok = x && keras_set_int(t->k, at, "input_dim", K, t->e) && keras_set_int(t->k, at, "output_dim", C, t->e)
		&& keras_add_weight(t->k, at, "embeddings", table->s, x, t->e)
		&& trace_done(t, y, at, SHAPE(1, C), false);
	free(x);
	return ok;
}

/* ---- factors and summands per channel ---- */

int trace_rescaling(tracer *t, const char *path, const char *suffix, int in, double scale, double offset)
{
	int at = in < 0 ? -1 : trace_add(t, path, suffix, "Rescaling", 1, &in);
	return at >= 0 && keras_set_float(t->k, at, "scale", scale, t->e)
		&& keras_set_float(t->k, at, "offset", offset, t->e) ? at : -1;
}

/* A diagonal matrix over the channels: a 1x1 convolution of a map, a dense layer of anything else. */
static int add_diagonal(tracer *t, const node *y, int in, const shape *s, const terms *w)
{
	const int64_t C = shape_last(s);
	const bool image = s->rank == 3;
	int at = trace_add(t, y->path, "affine", image ? "Conv2D" : "Dense", 1, &in);
	real *k = mem_zero((size_t)(C * C), sizeof *k, t->e);
	for (int64_t i = 0; k && i < C; i++)
		k[i * C + i] = w->x[w->n == 1 ? 0 : i];
	const trace_geometry one = {.kh = 1, .kw = 1, .sh = 1, .sw = 1};
	bool ok = at >= 0 && k && keras_set_int(t->k, at, image ? "filters" : "units", C, t->e)
		&& (!image || trace_set_window(t, at, one, "valid"))
		&& keras_set_bool(t->k, at, "use_bias", false, t->e)
		&& keras_add_weight(t->k, at, "kernel", image ? SHAPE(1, 1, C, C) : SHAPE(C, C), k, t->e);
	free(k);
	return ok ? at : -1;
}

bool emit_affine(tracer *t, node *y, node *x, const terms *w, const terms *b)
{
	int in = trace_plain(t, x);
	if (in < 0)
		return false;
	const int64_t last = shape_last(&x->s);
	shape s = t->value[x->id].s;
	if (w->n == 1 && (!b || b->n == 1)) {
		int at = trace_rescaling(t, y->path, "rescale", in, w->x[0], b ? b->x[0] : 0);
		return trace_done(t, y, at, s, false);
	}
	if (t->form == KERAS_OPS)
		return emit_binary(t, y);
	if (shape_last(&s) != last) {                /* channels must be the last axis of the layer, too */
		s = trace_shape(t, x);
		in = trace_as(t, x, s);
	}
	int at = in < 0 ? -1 : add_diagonal(t, y, in, &s, w);
	if (at >= 0 && b) {
		real *bias = mem_new((size_t)last, sizeof *bias, t->e);
		for (int64_t i = 0; bias && i < last; i++)
			bias[i] = b->x[b->n == 1 ? 0 : i];
		bool ok = bias && keras_add_weight(t->k, at, "bias", SHAPE(last), bias, t->e)
			&& keras_set_bool(t->k, at, "use_bias", true, t->e);
		free(bias);
		at = ok ? at : -1;
	}
	return trace_done(t, y, at, s, true);
}
