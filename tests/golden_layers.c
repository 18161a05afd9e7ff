/* Building blocks and update rules: what the reference files call them and how each is built from ours. Where
 * a layer of layers/ exists it is used; primitives are ops. */
#include "core/base/local.h"
#include "tests/golden.h"

#include "core/graph/ops.h"
#include "layers/conv.h"
#include "layers/dense.h"
#include "layers/embedding.h"
#include "layers/norm.h"
#include "layers/spectral_norm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "linear" where there is none. */
static node *activated(golden_case *c, node *y)
{
	char name[64];
	golden_text(c, "activation", "linear", name, sizeof name);
	return op_activation(c->g, y, name);
}

static bool is_same(const golden_case *c)
{
	char padding[16];
	golden_text(c, "padding", "valid", padding, sizeof padding);
	return !strcmp(padding, "same");
}

/* ---- convolution and dense ---- */

static conv_options conv_arguments(const golden_case *c)
{
	int k[2], s[2], dilation[2];
	golden_pair(c, "kernel_size", 1, k);
	golden_pair(c, "strides", 1, s);
	golden_pair(c, "dilation_rate", 1, dilation);
	must(dilation[0] == 1 && dilation[1] == 1, "%s: dilation is not ours", c->group);
	return (conv_options){
		.filters = (int)golden_number(c, "filters", 0), .kh = k[0], .kw = k[1], .sh = s[0], .sw = s[1],
		.groups = (int)golden_number(c, "groups", 1), .padding = is_same(c) ? PAD_SAME : PAD_VALID,
		.bias = golden_number(c, "use_bias", 1) != 0,
	};
}

static bool build_conv(golden_case *c)
{
	conv k;
	conv_init(c->m, &k, "conv", shape_last(&c->x[0]->s), conv_arguments(c));
	return golden_bind(c, c->m, 0) && golden_give(c, activated(c, conv_apply(c->g, &k, c->x[0], c->mode)));
}

static bool build_conv_transpose(golden_case *c)
{
	conv k;
	conv_transpose_init(c->m, &k, "conv", shape_last(&c->x[0]->s), conv_arguments(c));
	return golden_bind(c, c->m, 0)
		&& golden_give(c, activated(c, conv_transpose_apply(c->g, &k, c->x[0], c->mode)));
}

/* A depthwise kernel (kh,kw,C,1) is, as one group per channel, the kernel [kh,kw,1,C]. */
static bool build_depthwise(golden_case *c)
{
	conv k;
	int64_t C = shape_last(&c->x[0]->s);
	conv_options o = conv_arguments(c);
	o.filters = o.groups = (int)C;
	conv_init(c->m, &k, "conv", C, o);
	return golden_bind(c, c->m, 0) && golden_give(c, activated(c, conv_apply(c->g, &k, c->x[0], c->mode)));
}

static bool build_dense(golden_case *c)
{
	dense d;
	dense_options o = {
		.units = (int64_t)golden_number(c, "units", 0), .bias = golden_number(c, "use_bias", 1) != 0,
	};
	dense_init(c->m, &d, "dense", shape_last(&c->x[0]->s), o);
	return golden_bind(c, c->m, 0) && golden_give(c, activated(c, dense_apply(c->g, &d, c->x[0], c->mode)));
}

static bool build_embedding(golden_case *c)
{
	embedding e;
	int64_t K = (int64_t)golden_number(c, "input_dim", 0), C = (int64_t)golden_number(c, "output_dim", 0);
	embedding_init(c->m, &e, "embedding", K, C, (init){.kind = INIT_ZEROS}, (sn_options){.on = false});
	if (!golden_bind(c, c->m, 0))
		return false;
	shape s = c->x[0]->s;
	node *y = embedding_apply(c->g, &e, op_reshape(c->g, c->x[0], SHAPE(shape_count(&s))), c->mode);
	s.dim[s.rank++] = C;
	return golden_give(c, op_reshape(c->g, y, s));
}

/* ---- normalisation ---- */

static bool build_batch_norm(golden_case *c)
{
	batch_norm b;
	node *x = c->x[0];
	bn_options o = {
		.keep = golden_number(c, "momentum", 0.99), .eps = golden_number(c, "epsilon", 1e-3),
		.no_scale = golden_number(c, "scale", 1) == 0, .no_center = golden_number(c, "center", 1) == 0,
		.no_bessel = x->s.rank != 4,         /* Keras: only the fused kernel has the factor */
	};
	batch_norm_init(c->m, &b, "bn", shape_last(&x->s), o);
	return golden_bind(c, c->m, 0) && golden_give(c, batch_norm_apply(c->g, &b, x, c->mode));
}

static bool build_layer_norm(golden_case *c)
{
	layer_norm l;
	double axis[RANK_MAX] = {-1};
	shape s = c->x[0]->s;
	ln_options o = {
		.eps = golden_number(c, "epsilon", 1e-3), .no_scale = golden_number(c, "scale", 1) == 0,
		.no_center = golden_number(c, "center", 1) == 0,
	};
	int n = golden_list(c, "axis", axis, RANK_MAX);
	for (int i = 0; i < n; i++)
		o.axes |= 1u << (int)(axis[i] < 0 ? axis[i] + s.rank : axis[i]);
	layer_norm_init(c->m, &l, "ln", s, o);
	return golden_bind(c, c->m, 0) && golden_give(c, layer_norm_apply(c->g, &l, c->x[0]));
}

static bool build_group_norm(golden_case *c)
{
	group_norm n;
	int64_t C = shape_last(&c->x[0]->s), groups = (int64_t)golden_number(c, "groups", 32);
	group_norm_init(c->m, &n, "gn", C, groups < 0 ? C : groups, golden_number(c, "epsilon", 1e-3));
	return golden_bind(c, c->m, 0) && golden_give(c, group_norm_apply(c->g, &n, c->x[0]));
}

/* Keras divides the stored kernel, in training only, and differentiates at the divided one. */
static bool build_spectral_norm(golden_case *c)
{
	char inner[32];
	golden_text(c, "inner", "", inner, sizeof inner);
	bool bias = golden_number(c, "use_bias", 1) != 0;
	spectral_norm sn;
	sn_options o = {.on = true, .iterations = (int)golden_number(c, "power_iterations", 1), .constant_sigma = true};
	spectral_norm_init(c->m, &sn, o, c->w[0].s, false);
	rng r = rng_new(1, "golden");
	golden_weight *u = &c->w[c->nw - 1];
	if (c->nw != 2 + bias || !module_alloc(c->m, &r, c->e))
		return fault_set(c->e, "%s: kernel, bias and vector_u are expected", c->group);
	u->buf = sn.u;
	buffer_write(sn.u, u->x);

	node *w = golden_leaf(c, 0), *y, *x = c->x[0];
	if (c->mode.train)
		w = c->w[0].at = c->w[0].after = spectral_norm_apply(c->g, &sn, w, c->mode);
	conv_options k = conv_arguments(c);
	conv_geometry at = {.sh = k.sh, .sw = k.sw, .groups = 1};
	if (!strcmp(inner, "Dense")) {
		y = op_dense(c->g, x, w);
	} else if (!strcmp(inner, "Conv2D")) {
		pad_same_tf(x->s.dim[1], k.kh, k.sh, &at.top, &at.bottom);
		pad_same_tf(x->s.dim[2], k.kw, k.sw, &at.left, &at.right);
		y = op_conv2d(c->g, x, w, at);
	} else if (!strcmp(inner, "Conv2DTranspose")) {
		int64_t H = x->s.dim[1] * k.sh, W = x->s.dim[2] * k.sw;
		pad_same_tf(H, k.kh, k.sh, &at.top, &at.bottom);
		pad_same_tf(W, k.kw, k.sw, &at.left, &at.right);
		y = op_conv2d_dx(c->g, x, w, at, H, W);
	} else {
		return fault_set(c->e, "%s: spectral norm around %s is not known", c->group, inner);
	}
	return golden_give(c, bias ? op_add(c->g, y, golden_leaf(c, 1)) : y);
}

/* ---- windows and resizing ---- */

static window_geometry window_arguments(const golden_case *c)
{
	int k[2], s[2];
	golden_pair(c, "pool_size", 2, k);
	golden_pair(c, "strides", 0, s);
	window_geometry w = {.kh = k[0], .kw = k[1], .sh = s[0] ? s[0] : k[0], .sw = s[1] ? s[1] : k[1]};
	if (is_same(c)) {
		pad_same_tf(c->x[0]->s.dim[1], w.kh, w.sh, &w.top, &w.bottom);
		pad_same_tf(c->x[0]->s.dim[2], w.kw, w.sw, &w.left, &w.right);
	}
	return w;
}

static bool build_avg_pool(golden_case *c)
{
	return golden_give(c, op_avg_pool(c->g, c->x[0], window_arguments(c)));
}

static bool build_max_pool(golden_case *c)
{
	return golden_give(c, op_max_pool(c->g, c->x[0], window_arguments(c)));
}

static bool build_global_average(golden_case *c)
{
	return golden_give(c, op_mean(c->g, c->x[0], 1u << 1 | 1u << 2, golden_number(c, "keepdims", 0) != 0));
}

static bool build_zero_padding(golden_case *c)
{
	double p[4];
	int n = golden_list(c, "padding", p, 4);
	if (n != 2 && n != 4)
		return fault_set(c->e, "%s: padding of %d numbers", c->group, n);
	double v[4] = {p[0], n == 4 ? p[1] : p[0], n == 4 ? p[2] : p[1], n == 4 ? p[3] : p[1]};
	int64_t before[4] = {0, (int64_t)v[0], (int64_t)v[2], 0}, after[4] = {0, (int64_t)v[1], (int64_t)v[3], 0};
	return golden_give(c, op_pad(c->g, c->x[0], before, after));
}

static bool build_up_sampling(golden_case *c)
{
	char how[16];
	int f[2];
	golden_text(c, "interpolation", "nearest", how, sizeof how);
	golden_pair(c, "size", 2, f);
	shape s = c->x[0]->s;
	if (!strcmp(how, "bilinear"))
		return golden_give(c, op_resize_bilinear(c->g, c->x[0], s.dim[1] * f[0], s.dim[2] * f[1]));
	if (strcmp(how, "nearest") != 0)
		return fault_set(c->e, "%s: interpolation %s is not known", c->group, how);
	return golden_give(c, op_upsample_nearest(c->g, c->x[0], f[0], f[1]));
}

static bool build_resize(golden_case *c)
{
	int64_t h = (int64_t)golden_number(c, "height", 0), w = (int64_t)golden_number(c, "width", 0);
	return golden_give(c, op_resize_bilinear(c->g, c->x[0], h, w));
}

/* ---- element-wise, softmax, products ---- */

static bool build_activation(golden_case *c)
{
	return golden_give(c, activated(c, c->x[0]));
}

static bool build_tanh(golden_case *c)
{
	return golden_give(c, op_tanh(c->g, c->x[0]));
}

static bool build_leaky_relu(golden_case *c)
{
	return golden_give(c, op_leaky_relu(c->g, c->x[0], golden_number(c, "alpha", 0.3)));
}

static bool build_gelu(golden_case *c)
{
	bool rough = golden_number(c, "approximate", 0) != 0;
	return golden_give(c, rough ? op_gelu_tanh(c->g, c->x[0]) : op_gelu(c->g, c->x[0]));
}

static bool build_softmax(golden_case *c)
{
	int axis = (int)golden_number(c, "axis", -1);
	return golden_give(c, op_softmax_axis(c->g, c->x[0], axis < 0 ? axis + c->x[0]->s.rank : axis));
}

static bool build_matmul(golden_case *c)
{
	bool ta = golden_number(c, "transpose_a", 0) != 0, tb = golden_number(c, "transpose_b", 0) != 0;
	return golden_give(c, op_matmul(c->g, c->x[0], c->x[1], ta, tb));
}

/* ---- the table ---- */

/* Figures: output, gradient of inputs, of weights, updated states (README.md, "Tolerances"). */
const golden_layer golden_layers[] = {
	{"Conv2D", NULL, build_conv, NULL, {3e-7, 2e-7, 5e-7, 0}, 0},
	{"Conv2DTranspose", NULL, build_conv_transpose, NULL, {1e-7, 2e-7, 2e-7, 0}, 0},
	{"DepthwiseConv2D", NULL, build_depthwise, NULL, {8e-8, 9e-8, 8e-8, 0}, 0},
	{"Dense", NULL, build_dense, NULL, {8e-8, 8e-8, 8e-8, 0}, 0},
	{"BatchNormalization", NULL, build_batch_norm, NULL, {1e-7, 2e-7, 4e-7, 7e-8}, 0},
	{"LayerNormalization", NULL, build_layer_norm, NULL, {1e-7, 2e-7, 4e-7, 0}, 0},
	{"GroupNormalization", NULL, build_group_norm, NULL, {1e-7, 1e-7, 2e-7, 0}, 0},
	{"tfa_GroupNormalization", NULL, build_group_norm, NULL, {1e-7, 2e-7, 3e-7, 0}, 0},
	{"SpectralNormalization", NULL, build_spectral_norm, NULL, {2e-7, 2e-7, 2e-7, 1e-7}, 0},
	{"UpSampling2D", NULL, build_up_sampling, NULL, {2e-7, 1e-7, 0, 0}, 0},
	{"AveragePooling2D", NULL, build_avg_pool, NULL, {8e-8, 9e-8, 0, 0}, 0},
	{"MaxPooling2D", NULL, build_max_pool, NULL, {0, 4e-8, 0, 0}, 0},
	{"GlobalAveragePooling2D", NULL, build_global_average, NULL, {1e-7, 3e-8, 0, 0}, 0},
	{"ZeroPadding2D", NULL, build_zero_padding, NULL, {0, 0, 0, 0}, 0},
	{"LeakyReLU", NULL, build_leaky_relu, NULL, {3e-8, 1e-8, 0, 0}, 0},
	{"Embedding", NULL, build_embedding, NULL, {0, 0, 4e-8, 0}, 0},
	{"activation", NULL, build_activation, NULL, {2e-7, 3e-7, 0, 0}, 0},
	{"gelu", NULL, build_gelu, NULL, {8e-8, 2e-7, 0, 0}, 0},
	{"tanh", NULL, build_tanh, NULL, {1e-7, 2e-7, 0, 0}, 0},
	{"softmax", NULL, build_softmax, NULL, {1e-7, 1e-7, 0, 0}, 0},
	{"matmul", NULL, build_matmul, NULL, {8e-8, 1e-7, 0, 0}, 0},
	{"image_resize", NULL, build_resize, NULL, {5e-7, 2e-7, 0, 0}, 0},

	{"Adam", "tf.keras.optimizers", NULL, golden_keras_optimizer, {7e-7, 0, 0, 0}, 0},
	{"AdamW", "tf.keras.optimizers", NULL, golden_keras_optimizer, {7e-7, 0, 0, 0}, 0},
	{"SGD", "tf.keras.optimizers", NULL, golden_keras_optimizer, {7e-7, 0, 0, 0}, 0},
	{"RMSprop", "tf.keras.optimizers", NULL, golden_keras_optimizer, {7e-7, 0, 0, 0}, 0},
	{"torch.optim.Adam", NULL, NULL, golden_torch_optimizer, {7e-7, 0, 0, 0}, 0},
	{"torch.optim.AdamW", NULL, NULL, golden_torch_optimizer, {7e-7, 0, 0, 0}, 0},
	{"torch.optim.SGD", NULL, NULL, golden_torch_optimizer, {7e-7, 0, 0, 0}, 0},
	{0}
};
