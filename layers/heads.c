/* heads.c - the parts that multi-head attention layers share. */
#include "layers/heads.h"

#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/dropout.h"

/* ---- projection ---- */

void projection_init(module *m, projection *p, const char *name, int64_t in, int64_t out, sn_options sn)
{
	*p = (projection){.w = module_param(m, name, SHAPE(in, out), (init){INIT_GLOROT_UNIFORM, 0})};
	module_name(m, p->name, sizeof p->name, name);
	/* Not below `name` itself: in a checkpoint that is a data set, which holds no members. */
	char level[40];
	snprintf(level, sizeof level, "%s_sn", name);
	module_push(m, level);
	spectral_norm_init(m, &p->sn, sn, SHAPE(in, out), false);
	module_pop(m);
}

node *projection_apply(graph *g, const projection *p, node *x, mode m)
{
	graph_push(g, p->name);
	node *y = op_dense(g, x, spectral_norm_apply(g, &p->sn, graph_leaf(g, p->w), m));
	graph_called(g, "projection", p, x, NULL, y);
	graph_pop(g);
	return y;
}

/* ---- attention ---- */

node *heads_attend(graph *g, const positions *p, node *q, node *k, node *v, attend_options o, mode m,
		   node **scores)
{
	const int64_t G = q->s.dim[0], N = p->H * p->W, M = p->PH * p->PW;
	node *rows, *columns;
	positions_parts(g, p, q, &rows, &columns);
	node *flat = op_reshape(g, op_scale(g, q, o.scale), SHAPE(G, N, p->d));
	if (!scores && !(m.train && o.dropout > 0) && attention_is_blocked(g, N, M)) {
		node *all[] = {
			flat, op_reshape(g, rows, SHAPE(G, N, p->PH)), op_reshape(g, columns, SHAPE(G, N, p->PW)),
		};
		return op_attention_positions(g, op_concat(g, all, COUNT(all), 2), k, v, p->PH, p->PW);
	}
	node *S = op_reshape(g, op_matmul(g, flat, k, false, true), SHAPE(G, p->H, p->W, p->PH, p->PW));
	S = op_add(g, op_add(g, S, rows), columns);
	node *A = op_softmax(g, op_reshape(g, S, SHAPE(G, N, M)));
	A = drop_out(g, A, o.dropout, A->s, m, "attn_dropout");
	if (scores)
		*scores = A;
	return op_matmul(g, A, v, false, false);
}

/* ---- arguments ---- */

int64_t common_divisor(int64_t a, int64_t b)
{
	return b ? common_divisor(b, a % b) : a;
}

divisors_text divisors_print(int64_t n, int64_t least)
{
	divisors_text t = {"none"};
	int found = 0;
	size_t used = 0;
	for (int64_t i = MAX(least, 1); i <= n && found < 16; i++) {
		if (n % i)
			continue;
		int more = snprintf(t.s + used, sizeof t.s - used, "%s%lld", found++ ? ", " : "", (long long)i);
		used = MIN(used + (size_t)more, sizeof t.s - 1);
	}
	return t;
}

bool heads_check(module *m, const char *layer, int num_heads, int64_t out_shape, double attn_dropout)
{
	const bool heads = num_heads >= 1, out = out_shape >= 0;
	const bool dropout = attn_dropout >= 0 && attn_dropout < 1;
	if (!heads)
		module_fail(m, "%s: num_heads = %d: must be at least 1", layer, num_heads);
	else if (!out)
		module_fail(m, "%s: out_shape = %lld: must be at least 1, or 0 for the layer's own width",
			layer, (long long)out_shape);
	else if (!dropout)
		module_fail(m, "%s: attn_dropout = %g: must be at least 0 and below 1", layer, attn_dropout);
	return heads && out && dropout;
}
