/* standing.c - standing statistics are plain averages of batch mean and variance over a number of batches, collected
 * once (arXiv 1809.11096; BigGAN-PyTorch utils.py accumulate_standing_stats 9845943). */
#include "gan/sample/standing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/sample/forward.h"
#include "gan/sample/request.h"

struct standing {
	network *g;                                  /* keep */
	int batches;                                 /* 0: the statistics stay as they are */
	int64_t batch, seed;
	buffer *z, *y;                               /* own; [B,Z], [B] */
	real *host_z, *host_y;                       /* own; the same */
	forward collect;
};

standing *standing_new(const config *cfg, network *g, fault *e)
{
	const mode training = {.train = true, .update = true};
	const int64_t batch = SAMPLER_BATCH, Z = network_config(g)->latent;
	standing *s = mem_zero(1, sizeof *s, e);
	if (!s)
		return NULL;
	s->g = g;
	s->batch = batch;
	s->seed = cfg->seed;
	s->batches = cfg->ema.bn_mode == BN_STANDING ? cfg->ema.standing_batches : 0;
	if (s->batches == 0)
		return s;
	if ((s->z = buffer_new("latents", SHAPE(batch, Z), e)) && (s->y = buffer_new("labels", SHAPE(batch), e))
		&& (s->host_z = mem_zero((size_t)(batch * Z), sizeof(real), e))
		&& (s->host_y = mem_zero((size_t)batch, sizeof(real), e))
		&& forward_build(&s->collect, g, s->z, s->y, training, false, e))
		return s;
	standing_free(s);
	return NULL;
}

void standing_free(standing *s)
{
	if (!s)
		return;
	forward_free(&s->collect);
	buffer_free(s->z);
	buffer_free(s->y);
	free(s->host_z);
	free(s->host_y);
	free(s);
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
		const enum state_kind kind = module_role_at(m, i).kind;
		if (kind != STATE_SN_VECTOR && kind != STATE_SN_ROW_VECTOR)
			continue;
		for (int64_t k = 0; k < n; k++)
			sum += (double)b->x[k] * (double)b->x[k];
		for (int64_t k = 0; sum > 0 && fabs(sum - 1) > 1e-5 && k < n; k++)
			b->x[k] = (real)((double)b->x[k] / sqrt(sum));
	}
}

static bool is_statistic(const module *m, int i)
{
	const enum state_kind kind = module_role_at(m, i).kind;
	return kind == STATE_MOVING_MEAN || kind == STATE_MOVING_VARIANCE;
}

/* One batch: from running statistics of zero, an update leaves (1 - keep) * (statistic of the batch). The
 * vectors of spectral norm iterate along, as in any forward in training mode. */
static void collect_once(standing *s, double *sum, rng *r)
{
	module *m = network_module(s->g);
	const net_config *c = network_config(s->g);
	for (int i = 0; i < module_states(m); i++) {
		buffer *b = module_state_at(m, i);
		if (is_statistic(m, i))
			memset(b->x, 0, (size_t)shape_count(&b->s) * sizeof *b->x);
	}
	request_random(r, s->batch, c->latent, c->classes, s->host_z, s->host_y);
	buffer_write(s->z, s->host_z);
	buffer_write(s->y, s->host_y);
	plan_run(s->collect.p);
	for (int64_t i = 0; i < module_state_size(m); i++)
		sum[i] += (double)module_state_block(m)[i];
}

static bool collect(standing *s, fault *e)
{
	module *m = network_module(s->g);
	rng r = rng_new((uint64_t)s->seed, "standing statistics");
	double *sum = mem_zero((size_t)module_state_size(m), sizeof *sum, e);
	if (!sum)
		return false;
	for (int k = 0; k < s->batches; k++)
		collect_once(s, sum, &r);
	for (int i = 0; i < module_states(m); i++) {
		buffer *b = module_state_at(m, i);
		double scale = 1 / ((1 - module_role_at(m, i).keep) * s->batches);
		for (int64_t k = 0; is_statistic(m, i) && k < shape_count(&b->s); k++)
			b->x[k] = (real)(scale * sum[b->x - module_state_block(m) + k]);
	}
	free(sum);
	return true;
}

bool standing_settle(standing *s, fault *e)
{
	make_vectors_unit(network_module(s->g));
	return s->batches == 0 || collect(s, e);
}

network *standing_open(const saved *from, bool raw, fault *e)
{
	network *g = network_open(from, NET_G, raw, e);
	standing *s = g ? standing_new(&from->cfg, g, e) : NULL;
	const bool ok = s && standing_settle(s, e);
	standing_free(s);
	if (!ok)
		network_free(g);
	return ok ? g : NULL;
}
