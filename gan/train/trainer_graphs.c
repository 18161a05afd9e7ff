/* trainer_graphs.c - the three graphs of training: the D step, the D step with a penalty, the G step.
 *
 * Each reads a slice of the batch and the networks' parameters, and assigns gradients to the gradient block of the
 * network it is for. The plans of a slice share one arena: one runs at a time. What is differentiated is the slice's
 * share of the loss; what is reported is the mean over the slices.
 *
 * Who moves what: G's batch norm and spectral norm move in every forward, as in the original; D's
 * spectral norm in every forward of D, or with sn_update = real_only in the pass that holds real
 * images (brain-research/self-attention-gan ad9612e: the others run with NO_OPS). */
#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph/ops.h"
#include "gan/loss/consistency.h"
#include "gan/loss/lecam.h"
#include "gan/loss/top_k.h"

void pass_free(pass *p)
{
	plan_free(p->p);
	graph_free(p->g);
	*p = (pass){0};
}

double pass_scalar(const pass *p, const node *n)
{
	return n ? (double)plan_value(p->p, n)[0] : 0;
}

static bool pass_open(const trainer *t, const slice *k, pass *p, fault *e)
{
	p->g = graph_new(e);
	if (!p->g)
		return false;
	graph_rewrite(p->g, !p->as_written);
	graph_slice(p->g, t->first_slice + (int)(k - t->slice), t->slices);
	return true;
}

static bool pass_plan(pass *p, node *const *out, int n, fault *e)
{
	const unsigned flags = (p->as_written ? PLAN_NO_FUSE : 0) | (p->exact ? 0 : PLAN_FAST);
	p->p = plan_new(p->g, out, n, PLAN_UNBOUND | flags, e);
	return p->p != NULL;
}

static mode training(slice *k, bool update)
{
	return (mode){.train = true, .update = update, .noise = &k->stream[STREAM_NOISE]};
}

static node *generate_of(trainer *t, slice *k, graph *g, node *z, bool update)
{
	node *y = t->net.classes ? graph_leaf(g, k->fake_y) : NULL;
	graph_push(g, "generator");
	node *x = network_apply(g, t->g, z, y, training(k, update), NULL);
	graph_pop(g);
	return x;
}

/* G's images for the latents and labels in the batch buffers. */
static node *generate(trainer *t, slice *k, graph *g)
{
	return generate_of(t, k, g, graph_leaf(g, k->z), true);
}

/* Its images for latents close by. */
static node *generate_near(trainer *t, slice *k, graph *g)
{
	node *z = graph_leaf(g, k->z), *noise = op_random(g, z->s, RANDOM_NORMAL, &k->stream[STREAM_PENALTY]);
	return generate_of(t, k, g, op_add(g, z, op_scale(g, noise, t->cfg.loss.zcr_noise)), false);
}

/* D's logits [B] of augmented images. */
static node *judge(trainer *t, slice *k, graph *g, node *x, node *label, bool update)
{
	const bool always = t->cfg.augment.n == 0 || ramp_is_1(t, RAMP_AUGMENT);
	node *share = always ? NULL : ramp_node(t, g, RAMP_AUGMENT, SHAPE(1, 1, 1, 1));
	x = augment_apply(g, &t->cfg.augment, x, share, &k->stream[STREAM_AUGMENT]);
	graph_push(g, "discriminator");
	node *logits = network_apply(g, t->d, x, label, training(k, update), NULL);
	graph_pop(g);
	return logits;
}

/* Variance over the batch, mean over pixels and channels: near 0 when all images are alike. */
static node *batch_variance(graph *g, node *x)
{
	node *centred = op_sub(g, x, op_slice_mean(g, op_mean(g, x, 1u, true)));
	return op_mean_all(g, op_square(g, centred));
}

/* ---- the D step ---- */

/* D's view of a batch: its logits, and the images before any augmentation. Joint: both kinds in one. */
typedef struct judged {
	node *logits, *x;
} judged;

typedef struct two_logits {
	node *real, *fake;                           /* [B] each */
	judged pass[2];                              /* that made them: real and fake, or one of both and none */
} two_logits;

static node *half(graph *g, node *x, int k)
{
	const int64_t B = x->s.dim[0] / 2;
	return op_slice_axis(g, x, 0, k * B, (k + 1) * B);
}

static two_logits judge_both(trainer *t, slice *k, graph *g, node *x, node *y, node *fake, node *fake_y)
{
	bool every = t->cfg.model.sn_update == SN_EVERY_FORWARD;
	if (t->cfg.loss.d_batch == D_BATCH_SEPARATE) {
		node *r = judge(t, k, g, x, y, true);
		node *f = judge(t, k, g, fake, fake_y, every);
		return (two_logits){r, f, {{r, x}, {f, fake}}};
	}
	node *all = op_concat(g, (node *[]){x, fake}, 2, 0);
	node *labels = y ? op_concat(g, (node *[]){y, fake_y}, 2, 0) : NULL;
	node *logits = judge(t, k, g, all, labels, true);
	return (two_logits){half(g, logits, 0), half(g, logits, 1), {{logits, all}}};
}

typedef struct critic {
	trainer *t;
	slice *k;
	node *label;
} critic;

static node *critic_apply(graph *g, void *ctx, node *x)
{
	const critic *c = ctx;
	return judge(c->t, c->k, g, x, c->label, false);
}

/* Squared slopes at real and at fake images, a mean of each: by one derivative where both went through D at once. */
static void slopes_of_both(graph *g, const two_logits *d, node *mean[2])
{
	const bool joint = !d->pass[1].x;
	node *square[2];
	for (int k = 0; k < (joint ? 1 : 2); k++)
		square[k] = penalty_squares(g, d->pass[k].logits, d->pass[k].x);
	for (int k = 0; k < 2; k++)
		mean[k] = op_mean_all(g, joint ? half(g, square[0], k) : square[k]);
}

/* The penalty with its weight. In every k-th update it counts k-fold (lazy: arXiv 1912.04958). */
static node *weighted_penalty(trainer *t, slice *k, graph *g, const two_logits *d, node *x, node *y, node *fake)
{
	critic c = {t, k, y};
	const gan_penalty *p = &gan_penalties[t->cfg.loss.penalty];
	const double every = t->cfg.loss.penalty_every * p->share;
	if (!p->of_both) {
		node *one = p->apply(g, critic_apply, &c, x, fake, &k->stream[STREAM_PENALTY]);
		return ramp_times(t, g, RAMP_PENALTY, one, every);
	}
	node *mean[2];
	slopes_of_both(g, d, mean);
	return op_add(g, ramp_times(t, g, RAMP_PENALTY, mean[0], every),
		ramp_times(t, g, RAMP_PENALTY_FAKE, mean[1], every));
}

static node *weighted_lecam(trainer *t, graph *g, const two_logits *d)
{
	node *keep = ramp_node(t, g, RAMP_LECAM_KEEP, SHAPE(1));
	return ramp_times(t, g, RAMP_LECAM, lecam(g, d->real, d->fake, t->lecam, keep), 1);
}

/* ---- consistency ---- */

/* NULL is nothing. */
static node *plus(graph *g, node *a, node *b)
{
	return a && b ? op_add(g, a, b) : a ? a : b;
}

/* Images that D is to answer as it answered `answer`. */
typedef struct alike {
	node *x, *label, *answer;
	double weight;
} alike;

/* All views go through D at once; its vectors of spectral norm stay, so that it is the same D. */
static node *weighted_consistency(trainer *t, slice *k, graph *g, const alike *a, int n)
{
	enum { MOST = 3 };
	node *x[MOST], *label[MOST], *sum = NULL;
	const int64_t B = a[0].x->s.dim[0];
	for (int i = 0; i < n; i++) {
		x[i] = a[i].x;
		label[i] = a[i].label;
	}
	node *labels = t->net.classes ? op_concat(g, label, n, 0) : NULL;
	node *answers = judge(t, k, g, op_concat(g, x, n, 0), labels, false);
	for (int i = 0; i < n; i++) {
		node *now = op_slice_axis(g, answers, 0, i * B, (i + 1) * B);
		sum = plus(g, sum, op_scale(g, inconsistency(g, a[i].answer, now), a[i].weight));
	}
	return sum;
}

/* NULL: none is asked for. */
static node *consistency_of_d(trainer *t, slice *k, graph *g, const two_logits *d, node *x, node *y, node *fake,
	node *fake_y)
{
	const config *c = &t->cfg;
	rng *stream = &k->stream[STREAM_PENALTY];
	alike a[3];
	int n = 0;
	if (c->loss.cr_weight > 0)
		a[n++] = (alike){same_meaning(g, x, c->data.flip, stream), y, d->real, c->loss.cr_weight};
	if (c->loss.cr_weight_fake > 0)
		a[n++] = (alike){same_meaning(g, fake, c->data.flip, stream), fake_y, d->fake, c->loss.cr_weight_fake};
	if (c->loss.zcr_weight > 0)
		a[n++] = (alike){op_stop(g, generate_near(t, k, g)), fake_y, d->fake, c->loss.zcr_weight};
	return n ? weighted_consistency(t, k, g, a, n) : NULL;
}

/* The sum of both is minimised; *penalty may be NULL. What is reported of them is that of the whole batch. */
static void minimise(module *m, graph *g, node **loss, node **penalty)
{
	module_grad(m, g, op_slice_share(g, plus(g, *loss, *penalty)));
	*loss = op_slice_mean(g, *loss);
	*penalty = *penalty ? op_slice_mean(g, *penalty) : NULL;
}

static bool build_d(trainer *t, slice *k, pass *p, fault *e)
{
	if (!pass_open(t, k, p, e))
		return false;
	graph *g = p->g;
	bool labels = t->net.classes > 0;
	node *x = graph_leaf(g, k->real_x);
	node *y = labels ? graph_leaf(g, k->real_y) : NULL;
	node *fake_y = labels ? graph_leaf(g, k->fake_y) : NULL;
	node *fake = op_stop(g, generate(t, k, g));

	two_logits d = judge_both(t, k, g, x, y, fake, fake_y);
	p->loss = gan_losses[t->cfg.loss.name].d_loss(g, d.real, d.fake);
	p->each_real = d.real;
	p->each_fake = d.fake;
	p->real = op_slice_mean(g, op_mean_all(g, d.real));
	p->fake = op_slice_mean(g, op_mean_all(g, d.fake));
	p->penalty = p->penalised ? weighted_penalty(t, k, g, &d, x, y, fake) : NULL;
	if (t->cfg.loss.lecam_weight > 0)
		p->penalty = plus(g, p->penalty, weighted_lecam(t, g, &d));
	p->penalty = plus(g, p->penalty, consistency_of_d(t, k, g, &d, x, y, fake, fake_y));
	minimise(t->pd.m, g, &p->loss, &p->penalty);
	node *out[] = {p->loss, p->real, p->fake, p->each_real, p->each_fake, p->penalty};
	return pass_plan(p, out, p->penalty ? COUNT(out) : COUNT(out) - 1, e);
}

/* ---- the G step ---- */

/* D's logits of real images, which no parameter of G reaches. */
static node *judge_real(trainer *t, slice *k, graph *g)
{
	node *label = t->net.classes ? graph_leaf(g, k->real_y) : NULL;
	return op_stop(g, judge(t, k, g, graph_leaf(g, k->real_x), label, true));
}

static bool build_g(trainer *t, slice *k, pass *p, fault *e)
{
	if (!pass_open(t, k, p, e))
		return false;
	graph *g = p->g;
	node *fake = generate(t, k, g);
	node *label = t->net.classes ? graph_leaf(g, k->fake_y) : NULL;
	const bool every = t->cfg.model.sn_update == SN_EVERY_FORWARD;
	const gan_loss *l = &gan_losses[t->cfg.loss.name];
	node *logits = judge(t, k, g, fake, label, every), *reals = l->g_of_pairs ? judge_real(t, k, g) : NULL;
	const bool choose = t->cfg.loss.top_k < 1;
	node *chosen = choose ? top_k_choice(g, logits, ramp_node(t, g, RAMP_TOP_K, SHAPE(1))) : NULL;
	p->loss = gan_loss_g(g, l, reals, logits, chosen);
	p->variance = op_slice_mean(g, batch_variance(g, fake));
	if (t->cfg.loss.zcr_weight_g > 0)
		p->penalty = op_scale(g, inconsistency(g, fake, generate_near(t, k, g)), -t->cfg.loss.zcr_weight_g);
	minimise(t->pg.m, g, &p->loss, &p->penalty);
	return pass_plan(p, (node *[]){p->loss, p->variance, p->penalty}, p->penalty ? 3 : 2, e);
}

/* ---- all passes ---- */

static const struct {
	const char *name, *key;
	bool (*build)(trainer *t, slice *k, pass *p, fault *e);
} PASS[PASSES] = {
	[PASS_D] = {"D step", "d", build_d},
	[PASS_D_PENALTY] = {"D step with penalty", "d_penalty", build_d},
	[PASS_G] = {"G step", "g", build_g},
};

static bool is_taken(const trainer *t, enum pass_kind kind)
{
	const bool penalty = t->cfg.loss.penalty != PENALTY_NONE;
	return kind == PASS_G || (kind == PASS_D_PENALTY ? penalty : !penalty || t->cfg.loss.penalty_every > 1);
}

/* The arithmetic of a pass as the papers write it, which a system without rewriting does. */
static bool count_flop(trainer *t, slice *k, enum pass_kind kind, pass *p, fault *e)
{
	pass written = {.name = p->name, .penalised = p->penalised, .as_written = true};
	const bool ok = PASS[kind].build(t, k, &written, e);
	if (ok)
		p->flop = plan_flop(written.p);
	pass_free(&written);
	return ok;
}

static bool build(trainer *t, slice *k, enum pass_kind kind, fault *e)
{
	pass *p = &k->pass[kind];
	*p = (pass){
		.name = PASS[kind].name, .key = PASS[kind].key, .penalised = kind == PASS_D_PENALTY,
		.exact = t->cfg.train.exact,
	};
	return !is_taken(t, kind)
		|| (PASS[kind].build(t, k, p, e) && (k != t->slice || count_flop(t, k, kind, p, e)));
}

static bool bind(trainer *t, slice *k, fault *e)
{
	size_t bytes = 0;
	for (int i = 0; i < PASSES; i++)
		if (k->pass[i].p)
			bytes = MAX(bytes, plan_bytes(k->pass[i].p));
	k->arena = mem_aligned(bytes, e);
	for (int i = 0; k->arena && i < PASSES; i++)
		if (k->pass[i].p)
			plan_bind(k->pass[i].p, k->arena);
	k->arena_bytes = bytes;
	t->arena_bytes += bytes;
	return k->arena != NULL;
}

bool graphs_build(trainer *t, fault *e)
{
	for (int i = 0; i < t->own_slices; i++) {
		for (int kind = 0; kind < PASSES; kind++)
			if (!build(t, &t->slice[i], kind, e))
				return false;
		if (!bind(t, &t->slice[i], e))
			return false;
	}
	return true;
}

const plan *trainer_plan_at(const trainer *t, int i, const char **key)
{
	for (const pass *p = t->slice[0].pass; p < t->slice[0].pass + PASSES; p++)
		if (p->p && i-- == 0)
			return *key = p->key, p->p;
	return NULL;
}

const plan *trainer_plan(const trainer *t, const char *key, fault *e)
{
	const plan *p;
	const char *other;
	char has[64] = "";
	for (int i = 0, n = 0; (p = trainer_plan_at(t, i, &other)) != NULL; i++) {
		if (strcmp(other, key) == 0)
			return p;
		n += snprintf(has + n, sizeof has - (size_t)n, "%s%s", n ? ", " : "", other);
	}
	fault_set(e, "plan %s: training with this config has none of that name, but %s", key, has);
	return NULL;
}
