/* trainer.c - a trainer is built and taken apart; what others may know about it. */
#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#include <stdio.h>
#include <stdlib.h>

#include "gan/config/config_apply.h"
#include "gan/loss/lecam.h"

const char *const stream_name[STREAMS] = {
	[STREAM_LATENT] = "latent", [STREAM_LABEL] = "label", [STREAM_AUGMENT] = "augment",
	[STREAM_NOISE] = "noise", [STREAM_PENALTY] = "penalty",
};

/* ---- building ---- */

/* A copy of the config, complete: what follows the data is the data's, or without data colour and ten
 * classes (config_network). */
static bool take_config(trainer *t, const config *cfg, const dataset *data, fault *e)
{
	config *c = &t->cfg;
	if (!config_copy(c, cfg, e) || !config_check(c, e) || !config_check_training(c, e))
		return false;
	if (data) {
		c->model.channels = c->model.channels ? c->model.channels : data->c;
		c->model.classes = c->model.classes ? c->model.classes : data->classes;
	}
	if (!config_network(c, &t->net, e))
		return false;
	c->model.channels = t->net.channels;
	if (data && (data->h != c->net.size.h || data->w != c->net.size.w || data->c != c->model.channels))
		return fault_set(e, "%s: images are [%d,%d,%d], the network makes [%d,%d,%d]",
			data->path, data->h, data->w, data->c, c->net.size.h, c->net.size.w, c->model.channels);
	if (data && t->net.classes && (data->classes == 0 || data->classes > t->net.classes))
		return fault_set(e,
			"%s: %d classes; a conditional network with %d classes needs 1 to %d", data->path,
			data->classes, t->net.classes, t->net.classes);
	return true;
}

static bool player_init(player *p, const char *name, module *m, const config *c, double rate, fault *e)
{
	size_t params = (size_t)module_block_size(m), states = (size_t)module_state_size(m);
	p->name = name;
	p->m = m;
	p->rate = config_schedule(c, rate);
	const optimizer_config rule = config_rule(c);
	p->opt = optimizer_new(&rule, module_block_size(m), e);
	p->state_before = mem_zero(states, sizeof(real), e);
	if (c->optim.accumulate > 1)
		p->sum = mem_zero(params, sizeof(real), e);
	return p->opt && p->state_before && (c->optim.accumulate == 1 || p->sum);
}

static bool make_networks(trainer *t, fault *e)
{
	rng init_g = rng_new((uint64_t)t->cfg.seed, "init generator");
	rng init_d = rng_new((uint64_t)t->cfg.seed, "init discriminator");
	t->g = network_new(&t->net, NET_G, &init_g, e);
	t->d = t->g ? network_new(&t->net, NET_D, &init_d, e) : NULL;
	if (!t->d)
		return false;
	if (t->cfg.ema.decay > 0) {
		init_g = rng_new((uint64_t)t->cfg.seed, "init generator");
		t->average = network_new(&t->net, NET_G, &init_g, e);
		if (!t->average)
			return false;
		module_copy(network_module(t->average), network_module(t->g));
	}
	return player_init(&t->pg, "generator", network_module(t->g), &t->cfg, t->cfg.optim.lr_g, e)
		&& player_init(&t->pd, "discriminator", network_module(t->d), &t->cfg,
			t->cfg.optim.lr_d, e);
}

static bool make_batch(trainer *t, fault *e)
{
	const config *c = &t->cfg;
	const int64_t B = c->batch, H = c->net.size.h, W = c->net.size.w, C = c->model.channels, Z = c->net.latent;
	const int64_t n = B * H * W * C;
	t->real_x = buffer_new("real images", SHAPE(B, H, W, C), e);
	t->real_y = buffer_new("real labels", SHAPE(B), e);
	t->z = buffer_new("latents", SHAPE(B, Z), e);
	t->fake_y = buffer_new("fake labels", SHAPE(B), e);
	t->lecam = buffer_new("averages of D", SHAPE(LECAM_AVERAGES), e);
	t->host_x = mem_zero((size_t)n, sizeof(real), e);
	t->host_y = mem_zero((size_t)B, sizeof(real), e);
	t->host_z = mem_zero((size_t)(B * Z), sizeof(real), e);
	t->d_real = mem_zero((size_t)B, sizeof(real), e);
	t->d_fake = mem_zero((size_t)B, sizeof(real), e);
	if (!t->real_x || !t->real_y || !t->z || !t->fake_y || !t->lecam || !t->host_x || !t->host_y || !t->host_z
		|| !t->d_real || !t->d_fake)
		return false;
	for (int i = 0; i < STREAMS; i++)
		t->stream[i] = rng_new((uint64_t)c->seed, stream_name[i]);
	if (t->data) {
		loader_options o = {.batch = B, .seed = (uint64_t)c->seed, .flip = c->data.flip};
		t->loader = loader_new(t->data, &o, e);
		return t->loader != NULL;
	}
	rng r = rng_new((uint64_t)c->seed, "random images");
	rng_fill_uniform(&r, t->host_x, n);
	for (int64_t i = 0; i < n; i++)
		t->host_x[i] = 2 * t->host_x[i] - 1;
	buffer_write(t->real_x, t->host_x);
	return true;
}

/* Fakes are of classes that have images: of the others D would learn that all are fake, and G what D says then. */
static bool choose_classes(trainer *t, fault *e)
{
	const size_t classes = (size_t)MAX(t->net.classes, 1);
	const bool any = t->data && t->net.classes > 0;
	bool *has = mem_zero(classes, sizeof *has, e);
	t->drawn = has ? mem_new(classes, sizeof *t->drawn, e) : NULL;
	for (int64_t i = 0; t->drawn && any && i < t->data->n; i++)
		has[t->data->label[i]] = true;
	for (int k = 0; t->drawn && k < t->net.classes; k++)
		if (!any || has[k])
			t->drawn[t->drawn_n++] = k;
	free(has);
	return t->drawn != NULL;
}

static void add_gamma(trainer *t, const player *p, const placed_layer *l)
{
	for (int i = 0; i < module_params(p->m) && t->gammas < GAMMA_MAX; i++) {
		if (module_param_at(p->m, i) != l->gamma)
			continue;
		int k = t->gammas++;
		snprintf(t->gamma_name[k], sizeof t->gamma_name[k], "%s/%s", p->name, l->name);
		t->gamma[k].value = l->gamma;
		t->gamma[k].grad = module_grad_at(p->m, i);
	}
}

static void find_gammas(trainer *t)
{
	for (int i = 0; i < network_placed_layers(t->g); i++)
		add_gamma(t, &t->pg, network_placed_layer(t->g, i));
	for (int i = 0; i < network_placed_layers(t->d); i++)
		add_gamma(t, &t->pd, network_placed_layer(t->d, i));
}

trainer *trainer_new(const config *cfg, const dataset *data, fault *e)
{
	trainer *t = mem_zero(1, sizeof *t, e);
	if (!t)
		return NULL;
	t->data = data;
	t->data_checksum = data ? (int64_t)dataset_checksum(data) : 0;
	if (!take_config(t, cfg, data, e) || !make_networks(t, e) || !make_batch(t, e) || !choose_classes(t, e)
		|| !ramps_make(t, e) || !slices_make(t, e) || !graphs_build(t, e)) {
		trainer_free(t);
		return NULL;
	}
	find_gammas(t);
	return t;
}

static void player_free(player *p)
{
	optimizer_free(p->opt);
	free(p->sum);
	free(p->state_before);
}

void trainer_free(trainer *t)
{
	if (!t)
		return;
	slices_free(t);
	loader_free(t->loader);
	buffer_free(t->real_x);
	buffer_free(t->real_y);
	buffer_free(t->z);
	buffer_free(t->fake_y);
	buffer_free(t->lecam);
	free(t->host_x);
	free(t->host_y);
	free(t->host_z);
	free(t->d_real);
	free(t->d_fake);
	free(t->drawn);
	for (int k = 0; k < RAMPS; k++)
		buffer_free(t->ramp[k]);
	free(t->frozen_params);
	record_free(t->record);
	player_free(&t->pg);
	player_free(&t->pd);
	network_free(t->g);
	network_free(t->average);
	network_free(t->d);
	config_free(&t->cfg);
	free(t);
}

/* ---- what others may know ---- */

int64_t trainer_steps_done(const trainer *t)
{
	return t->step;
}

const config *trainer_config(const trainer *t)
{
	return &t->cfg;
}

module *trainer_module(trainer *t, enum net_side side)
{
	return side == NET_G ? t->pg.m : t->pd.m;
}

module *trainer_ema(trainer *t)
{
	return t->average ? network_module(t->average) : NULL;
}

size_t trainer_arena_bytes(const trainer *t)
{
	return t->arena_bytes;
}

double trainer_step_images(const trainer *t)
{
	return (double)t->cfg.batch * t->cfg.optim.d_steps * t->cfg.optim.accumulate;
}

double trainer_step_flop(const trainer *t)
{
	int every = t->cfg.loss.penalty_every;
	const pass *penalty = slices_pass(t, PASS_D_PENALTY);
	double plain = slices_pass(t, PASS_D)->flop;
	double with = penalty->p ? penalty->flop : plain;
	double d = (with + plain * (every - 1)) / every;
	return t->slices * t->cfg.optim.accumulate * (t->cfg.optim.d_steps * d + slices_pass(t, PASS_G)->flop);
}
