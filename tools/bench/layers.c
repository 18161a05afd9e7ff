/* layers.c - a stopwatch around each layer of the catalogue. */
#include "tools/bench/layers.h"

#include <stdlib.h>

#include "core/base/clock.h"
#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"

bool layer_bench_row(int i, const layer_type **t, const layer_case **c)
{
	for (int k = 0; k < layer_type_all(); k++) {
		*t = layer_type_at(k);
		if (i < (*t)->n_cases) {
			*c = &(*t)->cases[i];
			return true;
		}
		i -= (*t)->n_cases;
	}
	return false;
}

/* ---- the stopwatch ---- */

enum { WARM_UP = 2 };

/* Median time of a run; s [runs] is scratch. */
static double time_plan(plan *p, int runs, double *s)
{
	for (int i = -WARM_UP; i < runs; i++) {
		double start = clock_s();
		plan_run(p);
		if (i >= 0)
			s[i] = clock_s() - start;
	}
	return median(s, runs);
}

/* A random buffer of shape s. */
static buffer *random_buffer(const char *name, shape s, rng *r, fault *e)
{
	buffer *b = buffer_new(name, s, e);
	if (b)
		rng_fill_normal(r, b->x, shape_count(&s));
	return b;
}

/* Appends dx = d<dy,y>/dx and assigns the same for all weights to m's gradients. False when memory is out. */
static bool append_gradients(module *m, graph *g, node *y, node *dy, node *x, node **dx, fault *e)
{
	const int n = module_params(m);
	node **wrt = mem_new(2 * (size_t)(n + 1), sizeof *wrt, e);
	if (!wrt)
		return false;
	node **out = wrt + n + 1;
	wrt[n] = x;
	for (int i = 0; i < n; i++)
		wrt[i] = graph_leaf(g, module_param_at(m, i));
	graph_grad(g, y, dy, wrt, n + 1, out);
	for (int i = 0; i < n; i++)
		graph_assign(g, module_grad_at(m, i), out[i]);
	*dx = out[n];
	free(wrt);
	return true;
}

/* What one measurement makes; all own. */
typedef struct rig {
	module *m;
	placed_layer l;
	graph *g;
	buffer *x, *dy;
	plan *p;
	double *s;
} rig;

/* The plan of a layer: y alone, as in inference, or in training with its gradients. */
static bool rig_plan(rig *k, bool both, node **y, fault *e)
{
	rng noise = rng_new(1, "layer_bench");
	node *out[2];
	if (!(k->m = module_new(e)) || !layer_alone_init(k->m, &k->l, e) || !(k->g = graph_new(e))
	    || !(k->x = random_buffer("x", k->l.input, &noise, e)))
		return false;
	node *x = graph_leaf(k->g, k->x);
	*y = out[0] = layer_alone_apply(k->g, &k->l, x, (mode){both, both, &noise}, NULL);
	if (!module_alloc(k->m, &noise, e) || !graph_ok(k->g, e))
		return false;
	if (both && !(k->dy = random_buffer("dy", (*y)->s, &noise, e)))
		return false;
	if (both && !append_gradients(k->m, k->g, *y, graph_leaf(k->g, k->dy), x, &out[1], e))
		return false;
	return (k->p = plan_new(k->g, out, both ? 2 : 1, PLAN_FAST, e)) != NULL;
}

static bool measure(const placed_layer *l, int runs, bool both, layer_bench_result *to, fault *e)
{
	rig k = {.l = *l, .s = mem_new((size_t)runs, sizeof *k.s, e)};
	node *y;
	bool ok = k.s && rig_plan(&k, both, &y, e);
	if (ok) {
		*(both ? &to->both_s : &to->forward_s) = time_plan(k.p, runs, k.s);
		*(both ? &to->both_gflop : &to->forward_gflop) = plan_flop(k.p) / 1e9;
		*(both ? &to->both_bytes : &to->forward_bytes) = plan_bytes(k.p);
		to->output = y->s;
		to->params = module_param_count(k.m);
	}
	plan_free(k.p);
	graph_free(k.g);
	module_free(k.m);
	buffer_free(k.x);
	buffer_free(k.dy);
	placed_layer_clear(&k.l);
	free(k.s);
	return ok;
}

bool layer_bench(const layer_type *t, const layer_case *c, int64_t batch, int runs, layer_bench_result *to, fault *e)
{
	if (batch < 1 || runs < 1)
		return fault_set(e, "batch = %lld, runs = %d: must be at least 1", (long long)batch, runs);
	const placed_layer l = placed_layer_case(t, c, batch);
	*to = (layer_bench_result){.input = l.input};
	return measure(&l, runs, false, to, e) && measure(&l, runs, true, to, e);
}
