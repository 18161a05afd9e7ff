/* settle.c - see settle.h. */
#include "gan/classify/settle.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "data/loader.h"

enum { BATCHES = 100 };

/* One batch from running statistics of zero: an update leaves (1 - keep) times those of the batch. */
static void add_batch(const module *m, loader *l, buffer *x, plan *p, double *sum)
{
	memset(module_state_block(m), 0, (size_t)module_state_size(m) * sizeof(real));
	loader_next(l, x->x, NULL);
	plan_run(p);
	for (int64_t i = 0; i < module_state_size(m); i++)
		sum[i] += (double)module_state_block(m)[i];
}

static bool collect(const module *m, loader *l, buffer *x, plan *p, fault *e)
{
	double *sum = mem_zero((size_t)module_state_size(m), sizeof *sum, e);
	if (!sum)
		return false;
	for (int i = 0; i < BATCHES; i++)
		add_batch(m, l, x, p, sum);
	for (int i = 0; i < module_states(m); i++) {
		buffer *b = module_state_at(m, i);
		const double scale = 1 / ((1 - module_role_at(m, i).keep) * BATCHES);
		for (int64_t k = 0; k < shape_count(&b->s); k++)
			b->x[k] = (real)(scale * sum[b->x - module_state_block(m) + k]);
	}
	free(sum);
	return true;
}

bool classifier_settle(classifier *c, const dataset *d, int64_t batch, uint64_t seed, fault *e)
{
	const loader_options o = {.batch = batch, .seed = seed, .direct = true};
	graph *g = graph_new(e);
	loader *l = g ? loader_new(d, &o, e) : NULL;
	buffer *x = l ? buffer_new("images", SHAPE(batch, d->h, d->w, d->c), e) : NULL;
	node *logits = x ? classifier_apply(g, c, graph_leaf(g, x), (mode){.train = true, .update = true}, NULL) : NULL;
	plan *p = x ? plan_new(g, &logits, 1, 0, e) : NULL;
	const bool ok = p && collect(classifier_module(c), l, x, p, e);
	plan_free(p);
	loader_free(l);
	graph_free(g);
	buffer_free(x);
	return ok;
}
