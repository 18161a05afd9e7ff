/* sampler.c - the generator with frozen parameters, a batch at a time.
 *
 * Batch norm takes its statistics from one of three places (config ema.bn_mode): the running ones, the
 * batch itself, or standing ones: plain averages of batch mean and variance over a number of batches,
 * collected once (arXiv 1809.11096; BigGAN-PyTorch utils.py accumulate_standing_stats 9845943). */
#include "gan/sample/sampler.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/plan/plan.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/config/config_apply.h"
#include "gan/nets/networks.h"
#include "gan/checkpoint/rundir.h"

typedef struct forward {
	graph *g;                                    /* own */
	plan *p;                                     /* own */
	node *x;                                     /* [B,H,W,C] */
	node *map[ATTENTION_MAX];                    /* attend only */
} forward;

struct sampler {
	config cfg;                                  /* own */
	net_config net;
	network *gen;                                /* own */
	int64_t batch, step;
	char path[RUN_PATH_MAX];
	buffer *z, *y, *one_z, *one_y;               /* own; [B,Z], [B], [1,Z], [1] */
	real *host_z, *host_y;                       /* own; [B,Z], [B] */
	forward draw, collect, attend;               /* collect, attend: built when first needed */
	real *map;                                   /* own; of attend */
	sampler_net other;                           /* run NULL: the generator is ours */
};

/* ---- building ---- */

static bool forward_build(sampler *s, forward *f, buffer *z, buffer *y, mode m, bool maps, error *e)
{
	f->g = graph_new(e);
	if (!f->g)
		return false;
	node *label = s->net.classes ? graph_leaf(f->g, y) : NULL;
	f->x = network_apply(f->g, s->gen, graph_leaf(f->g, z), label, m, maps ? f->map : NULL);
	node *out[1 + ATTENTION_MAX] = {f->x};
	int n = 1;
	for (int i = 0; maps && i < network_attentions(s->gen); i++)
		if (f->map[i])
			out[n++] = f->map[i];
	f->p = plan_new(f->g, out, n, 0, e);
	return f->p != NULL;
}

static void forward_free(forward *f)
{
	plan_free(f->p);
	graph_free(f->g);
}

sampler *sampler_new(const config *cfg, int64_t batch, error *e)
{
	sampler *s = mem_zero(1, sizeof *s, e);
	if (!s)
		return NULL;
	rng first = rng_new(0, "sampler");           /* overwritten by sampler_take or a checkpoint */
	int64_t Z = cfg->net.latent;
	s->batch = batch;
	bool ok = config_copy(&s->cfg, cfg, e) && config_network(cfg, &s->net, e)
		&& (s->gen = network_new(&s->net, NET_G, &first, e))
		&& (s->z = buffer_new("latents", SHAPE(batch, Z), e))
		&& (s->y = buffer_new("labels", SHAPE(batch), e))
		&& (s->one_z = buffer_new("latent", SHAPE(1, Z), e))
		&& (s->one_y = buffer_new("label", SHAPE(1), e))
		&& (s->host_z = mem_zero((size_t)(batch * Z), sizeof(real), e))
		&& (s->host_y = mem_zero((size_t)batch, sizeof(real), e))
		&& forward_build(s, &s->draw, s->z, s->y, (mode){.train = cfg->ema.bn_mode == BN_BATCH},
			false, e);
	if (!ok) {
		sampler_free(s);
		return NULL;
	}
	return s;
}

sampler *sampler_of_net(const sampler_net *net, error *e)
{
	sampler *s = mem_zero(1, sizeof *s, e);
	if (!s) {
		net->free(net->ctx);
		return NULL;
	}
	config_init(&s->cfg);
	s->batch = 1;
	s->other = *net;
	s->other.path = NULL;
	snprintf(s->path, sizeof s->path, "%s", net->path);
	return s;
}

void sampler_free(sampler *s)
{
	if (!s)
		return;
	if (s->other.run)
		s->other.free(s->other.ctx);
	forward_free(&s->draw);
	forward_free(&s->collect);
	forward_free(&s->attend);
	network_free(s->gen);
	buffer_free(s->z);
	buffer_free(s->y);
	buffer_free(s->one_z);
	buffer_free(s->one_y);
	free(s->host_z);
	free(s->host_y);
	free(s->map);
	config_free(&s->cfg);
	free(s);
}

/* ---- states of a generator that is only sampled ---- */

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);
	return n >= k && strcmp(name + n - k, end) == 0;
}

/* A moving average of unit vectors is shorter than one, and sigma = v'Wu with it: without this the
 * averaged generator would have weights that are too large, early in training by half. Vectors of length 1
 * up to rounding stay as they are: an import chooses their last digits (gan/keras/import/import.h). */
static void make_vectors_unit(module *m)
{
	for (int i = 0; i < module_states(m); i++) {
		buffer *b = module_state_at(m, i);
		int64_t n = shape_count(&b->s);
		double sum = 0;
		if (!ends_with(b->name, "/u"))
			continue;
		for (int64_t k = 0; k < n; k++)
			sum += (double)b->x[k] * (double)b->x[k];
		for (int64_t k = 0; sum > 0 && fabs(sum - 1) > 1e-5 && k < n; k++)
			b->x[k] = (real)((double)b->x[k] / sqrt(sum));
	}
}

static bool is_statistic(const buffer *b)
{
	return ends_with(b->name, "moving_mean") || ends_with(b->name, "moving_variance");
}

/* Share of the batch in an update of the running statistic that is state i. The last two statistics
 * are those of the last batch norm, which has a share of its own. */
static double batch_share(const sampler *s, int i)
{
	const module *m = network_module(s->gen);
	int later = 0;
	for (int k = i + 1; k < module_states(m); k++)
		later += is_statistic(module_state_at(m, k));
	double keep = later < 2 && s->net.bn_last_keep > 0 ? s->net.bn_last_keep : s->net.bn_keep;
	return 1 - (keep > 0 ? keep : 0.9);
}

static void draw_batch(sampler *s, rng *r)
{
	rng_fill_normal(r, s->host_z, s->batch * s->cfg.net.latent);
	for (int64_t i = 0; i < s->batch; i++)
		s->host_y[i] = (real)(s->net.classes ? rng_below(r, s->net.classes) : 0);
	buffer_write(s->z, s->host_z);
	buffer_write(s->y, s->host_y);
}

/* One batch: from running statistics of zero, an update leaves share * (statistic of the batch). The
 * vectors of spectral norm iterate along, as in any forward in training mode. */
static void collect_once(sampler *s, double *sum, rng *r)
{
	module *m = network_module(s->gen);
	for (int i = 0; i < module_states(m); i++) {
		buffer *b = module_state_at(m, i);
		if (is_statistic(b))
			memset(b->x, 0, (size_t)shape_count(&b->s) * sizeof *b->x);
	}
	draw_batch(s, r);
	plan_run(s->collect.p);
	for (int64_t i = 0; i < module_state_size(m); i++)
		sum[i] += (double)module_state_block(m)[i];
}

static bool collect_standing(sampler *s, error *e)
{
	module *m = network_module(s->gen);
	int batches = s->cfg.ema.standing_batches;
	rng r = rng_new((uint64_t)s->cfg.seed, "standing statistics");
	const mode training = {.train = true, .update = true};
	if (!s->collect.p && !forward_build(s, &s->collect, s->z, s->y, training, false, e))
		return false;
	double *sum = mem_zero((size_t)module_state_size(m), sizeof *sum, e);
	if (!sum)
		return false;
	for (int k = 0; k < batches; k++)
		collect_once(s, sum, &r);
	for (int i = 0; i < module_states(m); i++) {
		buffer *b = module_state_at(m, i);
		double scale = 1 / (batch_share(s, i) * batches);
		for (int64_t k = 0; is_statistic(b) && k < shape_count(&b->s); k++)
			b->x[k] = (real)(scale * sum[b->x - module_state_block(m) + k]);
	}
	free(sum);
	return true;
}

/* What new parameters and states need before images are drawn. */
static bool settle(sampler *s, error *e)
{
	make_vectors_unit(network_module(s->gen));
	return s->cfg.ema.bn_mode != BN_STANDING || collect_standing(s, e);
}

bool sampler_take(sampler *s, const module *from, error *e)
{
	module_copy(network_module(s->gen), from);
	return settle(s, e);
}

/* ---- from a checkpoint ---- */

bool network_load(const char *path, const char *group, module *m, error *e)
{
	state_list l = {0};
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		const buffer *b = i < module_params(m) ? module_param_at(m, i)
			: module_state_at(m, i - module_params(m));
		char item[512];
		snprintf(item, sizeof item, "/%s/%s", group, b->name);
		state_add(&l, STATE_REAL, item, b->s, b->x, NULL);
	}
	bool ok = checkpoint_load(path, &l, false, e);
	state_list_free(&l);
	return ok;
}

static sampler *sampler_of(const checkpoint_info *info, bool raw, int64_t batch, error *e)
{
	config c;
	sampler *s = NULL;
	config_init(&c);
	if (config_parse(&c, info->config, strlen(info->config), info->path, e) && config_check(&c, e))
		s = sampler_new(&c, batch, e);
	if (!s) {
		config_free(&c);
		return NULL;
	}
	const char *group = c.ema.decay > 0 && !raw ? "ema" : "generator";
	s->step = info->step;
	snprintf(s->path, sizeof s->path, "%s", info->path);
	bool ok = network_load(info->path, group, network_module(s->gen), e) && settle(s, e);
	config_free(&c);
	if (!ok) {
		sampler_free(s);
		return NULL;
	}
	return s;
}

sampler *sampler_open(const char *run_or_checkpoint, bool raw, int64_t batch, error *warning, error *e)
{
	char path[RUN_PATH_MAX];
	checkpoint_info info;
	if (!checkpoint_resolve(run_or_checkpoint, path, sizeof path, warning, e)
		|| !checkpoint_read_info(path, &info, e))
		return NULL;
	sampler *s = sampler_of(&info, raw, batch, e);
	checkpoint_info_free(&info);
	return s;
}

/* ---- what others may know ---- */

const config *sampler_config(const sampler *s)
{
	return &s->cfg;
}

const char *sampler_path(const sampler *s)
{
	return s->path;
}

const plan *sampler_plan(const sampler *s)
{
	return s->draw.p;
}

const network *sampler_generator(const sampler *s)
{
	return s->gen;
}

int64_t sampler_step(const sampler *s)
{
	return s->step;
}

int64_t sampler_batch(const sampler *s)
{
	return s->batch;
}

int64_t sampler_image_size(const sampler *s)
{
	const shape image = sampler_image_shape(s);
	return shape_count(&image);
}

shape sampler_image_shape(const sampler *s)
{
	if (s->other.run)
		return SHAPE(s->other.h, s->other.w, s->other.c);
	return SHAPE(s->net.size, s->net.size, s->net.channels);
}

int64_t sampler_latent_size(const sampler *s)
{
	return s->other.run ? s->other.latent : s->cfg.net.latent;
}

int sampler_classes(const sampler *s)
{
	return s->other.run ? s->other.classes : s->net.classes;
}

/* ---- images ---- */

static bool check_labels(const sampler *s, int64_t n, const real *label, error *e)
{
	const int K = sampler_classes(s);
	for (int64_t i = 0; K && i < n; i++)
		if (!label || !(label[i] >= 0 && label[i] < K))
			return error_set(e, "class %g: must be 0 to %d", label ? (double)label[i] : NAN, K - 1);
	return true;
}

/* The last batch is filled up with other images, the same each time: only batch statistics see them. */
static void run_batches(sampler *s, int64_t n, const real *z, const real *label, real *images)
{
	int64_t Z = sampler_latent_size(s), size = sampler_image_size(s);
	for (int64_t lo = 0; lo < n; lo += s->batch) {
		int64_t k = MIN(s->batch, n - lo);
		rng filler = rng_new((uint64_t)s->cfg.seed, "filler");
		if (k < s->batch)
			draw_batch(s, &filler);
		memcpy(s->host_z, z + lo * Z, (size_t)(k * Z) * sizeof *z);
		if (s->net.classes)
			memcpy(s->host_y, label + lo, (size_t)k * sizeof *label);
		buffer_write(s->z, s->host_z);
		buffer_write(s->y, s->host_y);
		plan_run(s->draw.p);
		memcpy(images + lo * size, plan_value(s->draw.p, s->draw.x),
			(size_t)(k * size) * sizeof *images);
	}
}

bool sampler_run(sampler *s, int64_t n, const real *z, const real *label, real *images, error *e)
{
	if (!check_labels(s, n, label, e))
		return false;
	if (s->other.run)
		return s->other.run(s->other.ctx, n, z, label, images, e);
	run_batches(s, n, z, label, images);
	return true;
}

/* A stretch of the stream of its own, so that it does not depend on how many were drawn. */
void sampler_latent(const sampler *s, uint64_t seed, int64_t k, double truncation, real *z)
{
	int64_t Z = sampler_latent_size(s);
	rng r = rng_new(seed, "sample");
	r.counter = (uint64_t)k << 32;
	if (truncation > 0)
		rng_fill_truncated(&r, z, Z, truncation);
	else
		rng_fill_normal(&r, z, Z);
}

int sample_columns(const sampler *s, const sample_request *q)
{
	if (q->columns > 0)
		return q->columns;
	int K = sampler_classes(s);
	if (q->label < 0 && !q->interpolate && K > 0 && q->n >= 2 * K)
		return (int)((q->n + K - 1) / K);
	return (int)ceil(sqrt((double)q->n));
}

/* Rows are classes where there is room for it; with few images the classes take turns. */
static int label_of(const sampler *s, const sample_request *q, int64_t k, int columns)
{
	int K = sampler_classes(s);
	if (q->label >= 0 || K == 0)
		return MAX(q->label, 0);
	bool rows = q->interpolate || q->n >= 2 * K;
	return (int)((rows ? k / columns : k) % K);
}

/* Row r goes from latent 2r to latent 2r+1 in equal steps, along the line between them. */
static void interpolated(const sampler *s, const sample_request *q, int64_t k, int columns, real *z,
	real *other)
{
	int64_t row = k / columns;
	double at = columns > 1 ? (double)(k % columns) / (columns - 1) : 0;
	sampler_latent(s, q->seed, 2 * row, q->truncation, z);
	sampler_latent(s, q->seed, 2 * row + 1, q->truncation, other);
	for (int64_t i = 0; i < sampler_latent_size(s); i++)
		z[i] = (real)((1 - at) * z[i] + at * other[i]);
}

bool sampler_latents(const sampler *s, const sample_request *q, real *z, real *label, error *e)
{
	int64_t Z = sampler_latent_size(s);
	int columns = sample_columns(s, q), K = sampler_classes(s);
	if (q->label >= 0 && (K == 0 || q->label >= K))
		return K == 0
			? error_set(e, "class %d: the network is not conditional, it has no classes", q->label)
			: error_set(e, "class %d: must be 0 to %d", q->label, K - 1);
	real *other = mem_new((size_t)Z, sizeof *other, e);
	for (int64_t k = 0; other && k < q->n; k++) {
		if (q->interpolate)
			interpolated(s, q, k, columns, z + k * Z, other);
		else
			sampler_latent(s, q->seed, k, q->truncation, z + k * Z);
		label[k] = (real)label_of(s, q, k, columns);
	}
	bool ok = other;
	free(other);
	return ok;
}

bool sampler_request(sampler *s, const sample_request *q, real *images, error *e)
{
	real *z = mem_new((size_t)q->n * (size_t)sampler_latent_size(s), sizeof *z, e);
	real *label = mem_new((size_t)q->n, sizeof *label, e);
	bool ok = z && label && sampler_latents(s, q, z, label, e) && sampler_run(s, q->n, z, label, images, e);
	free(z);
	free(label);
	return ok;
}

/* ---- attention ---- */

/* The site of the k-th layer with a map over all positions, or how many there are. */
static int mapped(const sampler *s, int k)
{
	int seen = 0;
	for (int i = 0; i < network_attentions(s->gen); i++)
		if (network_attention_at(s->gen, i)->keys && seen++ == k)
			return i;
	return seen;
}

int sampler_attentions(const sampler *s)
{
	return s->other.run ? 0 : mapped(s, -1);
}

/* The map as [N,M]. Row attention [1,H,W,W] sees its own image row only: zeros elsewhere. */
static void copy_map(const real *from, const node *map, int side, int64_t M, real *to)
{
	int64_t N = (int64_t)side * side;
	if (map->s.rank == 3) {
		memcpy(to, from, (size_t)(N * M) * sizeof *to);
		return;
	}
	memset(to, 0, (size_t)(N * M) * sizeof *to);
	for (int64_t q = 0; q < N; q++)
		memcpy(to + q * M + q / side * side, from + q * side, (size_t)side * sizeof *to);
}

bool sampler_attend(sampler *s, int layer, const real *z, int label, attention_view *out, error *e)
{
	must(layer >= 0 && layer < sampler_attentions(s), "attention layer %d of %d", layer,
		sampler_attentions(s));
	const int at = mapped(s, layer);
	const attention_site *site = network_attention_at(s->gen, at);
	if (!s->attend.p && !forward_build(s, &s->attend, s->one_z, s->one_y, (mode){0}, true, e))
		return false;
	const node *map = s->attend.map[at];
	int side = site->size, key_side = map->s.rank == 3 ? (int)lround(sqrt((double)map->s.dim[2]))
		: side;
	int64_t N = (int64_t)side * side, M = (int64_t)key_side * key_side;
	free(s->map);
	s->map = mem_new((size_t)(N * M), sizeof *s->map, e);
	if (!s->map)
		return false;
	buffer_write(s->one_z, z);
	buffer_write(s->one_y, &(real){(real)label});
	plan_run(s->attend.p);
	copy_map(plan_value(s->attend.p, map), map, side, M, s->map);
	*out = (attention_view){.qh = side, .qw = side, .kh = key_side, .kw = key_side, .map = s->map,
		.image = plan_value(s->attend.p, s->attend.x)};
	snprintf(out->name, sizeof out->name, "generator/%s", site->path);
	return true;
}
