/* se.c - squeeze and excitation: a gate per channel from the mean over the map. */
#include <math.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/se.h"

int64_t make_divisible(double v, int divisor, double limit)
{
	int64_t near = (int64_t)floor((v + divisor / 2.0) / divisor) * divisor;
	near = MAX(near, divisor);
	return (double)near < limit * v ? near + divisor : near;
}

int64_t se_hidden(int64_t C, se_options opt)
{
	double v = (double)C * (opt.se_ratio != 0 ? opt.se_ratio : 0.25);
	if (opt.divisor == 0)
		return (int64_t)v;
	return make_divisible(v, opt.divisor, opt.limit_round_down != 0 ? opt.limit_round_down : 0.9);
}

/* One of the two products, 1x1 over one pixel or dense: the same numbers, other names and ranks. */
static void half_init(module *m, se_module *s, int i, int64_t in, int64_t out)
{
	static const char *const name[2][2] = {{"1_conv", "2_conv"}, {"1_dense", "2_dense"}};
	const se_options *o = &s->opt;
	shape kernel = o->dense ? SHAPE(in, out) : SHAPE(1, 1, in, out);
	init start = {.kind = o->glorot ? INIT_GLOROT_UNIFORM : INIT_HE_FAN_OUT};
	module_push(m, name[o->dense][i]);
	s->kernel[i] = module_param(m, "kernel", kernel, start);
	if (!o->no_bias)
		s->bias[i] = module_param(m, "bias", SHAPE(out), (init){.kind = INIT_ZEROS});
	spectral_norm_init(m, &s->sn[i], o->sn, kernel, false);
	module_pop(m);
}

void se_module_init(module *m, se_module *s, const char *name, int64_t C, se_options opt)
{
	*s = (se_module){.opt = opt, .hidden = opt.divisor < 0 ? 0 : se_hidden(C, opt)};
	module_name(m, s->name, sizeof s->name, name);
	module_push(m, name);
	if (opt.divisor < 0)
		module_fail(m, "se: divisor = %d: must be at least 1, or 0 for none", opt.divisor);
	if (s->hidden < 1)
		module_fail(m, "se: %lld channels * %g leaves no hidden channel", (long long)C,
			opt.se_ratio != 0 ? opt.se_ratio : 0.25);
	activation_init(m, &s->act[0], "activation", opt.activation ? opt.activation : "relu", s->hidden);
	activation_init(m, &s->act[1], "activation_out", opt.activation_out ? opt.activation_out : "sigmoid", C);
	half_init(m, s, 0, C, s->hidden);
	half_init(m, s, 1, s->hidden, C);
	module_pop(m);
}

/* x [B,1,1,in] -> [B,1,1,out] */
static node *half_apply(graph *g, const se_module *s, int i, node *x, mode m)
{
	node *w = spectral_norm_apply(g, &s->sn[i], graph_leaf(g, s->kernel[i]), m);
	int rank = w->s.rank;
	node *y = op_dense(g, x, op_reshape(g, w, SHAPE(w->s.dim[rank - 2], w->s.dim[rank - 1])));
	if (s->bias[i])
		y = op_add(g, y, graph_leaf(g, s->bias[i]));
	return activation_apply(g, &s->act[i], y);
}

node *se_module_apply(graph *g, const se_module *s, node *x, mode m)
{
	if (x->s.rank != 4)
		return graph_fail(g, "se: input %s is no image [B,H,W,C]", shape_print(&x->s).s);
	graph_push(g, s->name);
	node *mean = op_mean(g, x, 1u << 1 | 1u << 2, true);
	node *gate = half_apply(g, s, 1, half_apply(g, s, 0, mean, m), m);
	node *y = op_mul(g, x, gate);
	graph_pop(g);
	return y;
}
