/* class_trainer.c - see class_trainer.h. */
#include "gan/classify/class_trainer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/version.h"
#include "core/graph/ops.h"
#include "core/kernels/fingerprint.h"
#include "core/plan/plan.h"
#include "data/loader.h"
#include "data/picture/image.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/config/config_apply.h"
#include "gan/loss/classes.h"
#include "optim/ema.h"
#include "optim/optimizer.h"

enum { TEST_BATCH = 100 };
#define LOWER "--fresh with a lower classify.lr may help"

struct class_trainer {
	config cfg;                                  /* own */
	const dataset *data;                         /* keep */
	classifier *net, *average;                   /* own */
	rng noise;                                   /* of the augmentation */
	loader *loader;                              /* own */
	graph *g;                                    /* own */
	buffer *x, *label, *wanted;                  /* own; [B,H,W,C], [B], [K,K] */
	node *loss;
	plan *p;                                     /* own */
	optimizer *o;                                /* own */
	int64_t steps, checksum;
	int64_t place[2], stream[3], updates;        /* of the state, as it is saved */
};

/* ---- making ---- */

static classifier *network_of(const config *cfg, const dataset *d, fault *e)
{
	const classifier_options o = {
		.size = {d->h, d->w}, .channels = d->c, .classes = d->classes,
		.width = cfg->classify.width, .blocks = cfg->classify.blocks,
	};
	rng weights = rng_new((uint64_t)cfg->seed, "weights");
	return classifier_new(&o, &weights, e);
}

/* Row k: the probabilities that are wanted of an image of class k. */
static void fill_wanted(buffer *b, int64_t K, double smoothing)
{
	for (int64_t i = 0; i < K * K; i++)
		b->x[i] = (real)(smoothing / (double)K + (i % (K + 1) == 0 ? 1 - smoothing : 0));
}

static bool buffers_new(class_trainer *t, fault *e)
{
	const dataset *d = t->data;
	const int64_t B = t->cfg.batch, K = d->classes;
	t->x = buffer_new("images", SHAPE(B, d->h, d->w, d->c), e);
	t->label = t->x ? buffer_new("labels", SHAPE(B), e) : NULL;
	t->wanted = t->label ? buffer_new("wanted", SHAPE(K, K), e) : NULL;
	if (t->wanted)
		fill_wanted(t->wanted, K, t->cfg.classify.smoothing);
	return t->wanted != NULL;
}

static bool plan_make(class_trainer *t, fault *e)
{
	graph *g = t->g = graph_new(e);
	if (!g)
		return false;
	node *x = augment_apply(g, &t->cfg.augment, graph_leaf(g, t->x), NULL, &t->noise);
	node *truth = op_gather(g, graph_leaf(g, t->wanted), graph_leaf(g, t->label));
	t->loss = cross_entropy(g, classifier_apply(g, t->net, x, (mode){.train = true, .update = true}, NULL), truth);
	module_grad(classifier_module(t->net), g, t->loss);
	t->p = plan_new(g, &t->loss, 1, PLAN_FAST, e);
	return t->p != NULL;
}

class_trainer *class_trainer_new(const config *cfg, const dataset *train, fault *e)
{
	class_trainer *t = mem_zero(1, sizeof *t, e);
	if (!t)
		return NULL;
	t->data = train;
	const optimizer_config rule = config_rule(cfg);
	t->noise = rng_new((uint64_t)cfg->seed, "augment");
	t->checksum = (int64_t)dataset_checksum(train);
	const loader_options batches = {.batch = cfg->batch, .seed = (uint64_t)cfg->seed, .flip = cfg->data.flip};
	const bool ok = config_copy(&t->cfg, cfg, e) && (t->net = network_of(cfg, train, e))
		&& (t->average = network_of(cfg, train, e)) && buffers_new(t, e) && plan_make(t, e)
		&& (t->o = optimizer_new(&rule, module_block_size(classifier_module(t->net)), e))
		&& (t->loader = loader_new(train, &batches, e));
	if (ok)
		return t;
	class_trainer_free(t);
	return NULL;
}

void class_trainer_free(class_trainer *t)
{
	if (!t)
		return;
	loader_free(t->loader);
	optimizer_free(t->o);
	plan_free(t->p);
	graph_free(t->g);
	buffer_free(t->x);
	buffer_free(t->label);
	buffer_free(t->wanted);
	classifier_free(t->net);
	classifier_free(t->average);
	config_free(&t->cfg);
	free(t);
}

int64_t class_trainer_steps_done(const class_trainer *t)
{
	return t->steps;
}

classifier *class_trainer_average(const class_trainer *t)
{
	return t->average;
}

/* ---- a step ---- */

/* Of the weights alone: running statistics are measured when they are needed (settle.h). */
static void move_average(class_trainer *t)
{
	const module *from = classifier_module(t->net), *to = classifier_module(t->average);
	const double decay = t->cfg.ema.decay;
	const int64_t start = t->cfg.ema.start;
	ema_update(module_param_block(to), module_param_block(from), module_block_size(from), decay, start, t->steps);
}

bool class_trainer_step(class_trainer *t, double *loss, fault *e)
{
	const module *m = classifier_module(t->net);
	const schedule course = config_schedule(&t->cfg, t->cfg.classify.lr);
	loader_next(t->loader, t->x->x, t->label->x);
	plan_run(t->p);
	*loss = (double)*plan_value(t->p, t->loss);
	if (!isfinite(*loss))
		return fault_set(e, "the loss of step %lld is %g: " LOWER, (long long)t->steps + 1, plain_nan(*loss));
	optimizer_step(t->o, module_param_block(m), module_grad_block(m), schedule_lr(&course, t->steps));
	move_average(t);
	t->steps++;
	return true;
}

/* ---- the state ---- */

static bool list_state(class_trainer *t, state_list *l, fault *e)
{
	state_add_module(l, "network", classifier_module(t->net));
	state_add_module(l, "average", classifier_module(t->average));
	for (int i = 0; i < optimizer_slots(t->o); i++) {
		char path[64];
		snprintf(path, sizeof path, "/optimizer/%s", optimizer_slot_name(t->o, i));
		state_add(l, ARRAY_REAL, path, SHAPE(optimizer_size(t->o)), optimizer_slot(t->o, i), NULL);
	}
	state_add(l, ARRAY_I64, "/optimizer/t", SHAPE(1), &t->updates, "updates done");
	state_add(l, ARRAY_I64, "/random/augment", SHAPE(3), t->stream, "seed, purpose, counter");
	state_add(l, ARRAY_I64, "/trainer/step", SHAPE(1), &t->steps, "steps done");
	state_add(l, ARRAY_I64, "/loader/position", SHAPE(2), t->place, "epoch, batch in the epoch: what comes next");
	state_add(l, ARRAY_I64, CHECKPOINT_DATA, SHAPE(1), &t->checksum, "of sizes, labels and pixels");
	return !l->failed || fault_set(e, "out of memory while listing the state");
}

bool class_trainer_save(class_trainer *t, const char *path, fault *e)
{
	checkpoint_info about = {.step = t->steps, .config = config_text(&t->cfg, e)};
	fingerprint_now(about.fingerprint);
	state_list l = {0};
	fault why;
	const loader_place p = loader_position(t->loader);
	t->place[0] = p.epoch;
	t->place[1] = p.batch;
	t->updates = optimizer_count(t->o);
	memcpy(t->stream, &(int64_t[3]){(int64_t)t->noise.seed, (int64_t)t->noise.purpose, (int64_t)t->noise.counter},
		sizeof t->stream);
	bool ok = about.config && list_state(t, &l, e);
	if (ok && !state_is_finite(&l, &why))
		ok = fault_set(e, "step %lld: the state is not saved: %s; " LOWER, (long long)t->steps, why.text);
	ok = ok && checkpoint_save(path, &about, &l, e);
	state_list_free(&l);
	free(about.config);
	return ok;
}

/* What is in the file takes effect; the other data's place in an epoch means nothing. */
static bool take_state(class_trainer *t, const char *path, int64_t checksum, fault *e)
{
	if (t->checksum != checksum)
		return fault_at(e, path, "its data were others (checksum %016llx, now %016llx)",
			(unsigned long long)t->checksum, (unsigned long long)checksum);
	if (!loader_seek(t->loader, (loader_place){t->place[0], t->place[1]}, e))
		return false;
	optimizer_set_count(t->o, t->updates);
	t->noise = (rng){(uint64_t)t->stream[0], (uint64_t)t->stream[1], (uint64_t)t->stream[2]};
	return true;
}

bool class_trainer_load(class_trainer *t, const char *path, fault *e)
{
	state_list l = {0};
	const int64_t checksum = t->checksum;
	const bool ok = list_state(t, &l, e) && checkpoint_load(path, &l, true, e) && take_state(t, path, checksum, e);
	state_list_free(&l);
	return ok;
}

/* ---- the test ---- */

/* The class of the largest logit; of equal ones the first. */
static int64_t largest(const real *z, int64_t K)
{
	int64_t best = 0;
	for (int64_t k = 1; k < K; k++)
		if (z[k] > z[best])
			best = k;
	return best;
}

static void test_batch(const dataset *d, int64_t lo, int64_t n, buffer *x)
{
	const int64_t bytes = dataset_image_bytes(d);
	for (int64_t i = 0; i < n * bytes; i++)
		x->x[i] = pixel_real(d->pixels[lo * bytes + i]);
}

static bool test_run(const dataset *d, buffer *x, plan *p, const node *logits, int64_t *right)
{
	const int64_t K = shape_last(&logits->s);
	*right = 0;
	for (int64_t lo = 0; lo < d->n; lo += TEST_BATCH) {
		const int64_t n = MIN(TEST_BATCH, d->n - lo);
		test_batch(d, lo, n, x);
		plan_run(p);
		const real *z = plan_value(p, logits);
		for (int64_t i = 0; i < n; i++)
			*right += largest(z + i * K, K) == d->label[lo + i];
	}
	return true;
}

bool classifier_test(const classifier *c, const dataset *d, int64_t *right, fault *e)
{
	graph *g = graph_new(e);
	buffer *x = g ? buffer_new("images", SHAPE(TEST_BATCH, d->h, d->w, d->c), e) : NULL;
	node *logits = x ? classifier_apply(g, c, graph_leaf(g, x), (mode){0}, NULL) : NULL;
	plan *p = x ? plan_new(g, &logits, 1, 0, e) : NULL;
	const bool ok = p && test_run(d, x, p, logits, right);
	plan_free(p);
	graph_free(g);
	buffer_free(x);
	return ok;
}
