#include "gan/setup.h"

const char *setup_choice(const char *key, int value)
{
	int i = config_key_find(key);
	must(i >= 0 && config_key_at(i)->type == KEY_CHOICE, "%s is no choice of the config", key);
	return config_key_at(i)->choices[value];
}

static attention_places places(const config_sites *s)
{
	attention_places p = {0};
	for (int i = 0; i < s->n && i < ATTENTION_MAX; i++) {
		p.at[p.n].size = s->site[i].at;
		p.at[p.n++].variant = setup_choice("model.attention", s->site[i].variant);
	}
	return p;
}

bool setup_networks(const config *c, net_config *out, error *e)
{
	static const enum cond_form form[] = {[CBN_TABLE] = COND_TABLE, [CBN_ONE_PLUS] = COND_ONE_PLUS};
	static const enum upsampling up[] = {[UP_NEAREST] = UPSAMPLE_NEAREST, [UP_BILINEAR] = UPSAMPLE_BILINEAR};
	static const enum net_init start[] = {
		[WEIGHTS_XAVIER] = NET_XAVIER, [WEIGHTS_ORTHOGONAL] = NET_ORTHOGONAL, [WEIGHTS_N02] = NET_N02,
		[WEIGHTS_HE] = NET_HE, [WEIGHTS_TORCH] = NET_TORCH,
	};
	if (!net_config_default(setup_choice("model.network", c->model.network), c->model.size, out, e))
		return false;
	out->channels = c->model.channels;
	out->classes = c->model.conditional ? c->model.classes : 0;
	out->latent = c->model.latent;
	out->g_width = c->model.g_channels;
	out->d_width = c->model.d_channels;
	if (c->model.attention_g.n >= 0)
		out->g_attention = places(&c->model.attention_g);
	if (c->model.attention_d.n >= 0)
		out->d_attention = places(&c->model.attention_d);
	out->g_sn = c->model.spectral_norm_g;
	out->d_sn = c->model.spectral_norm_d;
	out->sn_iterations = c->model.sn_iterations;
	out->sn_eps = c->model.sn_eps;
	out->bn_keep = c->model.bn_momentum;
	out->bn_eps = c->model.bn_eps;
	out->cbn_form = form[c->model.cbn_form];
	out->cbn_sn = c->model.cbn_sn;
	out->up = up[c->model.up];
	out->d_skip_relu = c->model.d_skip == SKIP_RELU;
	out->d_slope = c->model.leaky;
	out->init = start[c->model.init];
	out->init_gain = c->model.init_gain;
	return net_config_check(out, e);
}

augment_policy setup_augment(const config *c)
{
	static const enum diff_augment kind[] = {
		[AUGMENT_COLOR] = DIFF_COLOR, [AUGMENT_TRANSLATION] = DIFF_TRANSLATION, [AUGMENT_CUTOUT] = DIFF_CUTOUT,
	};
	augment_policy p = {0};
	for (int i = 0; i < c->augment.n && i < AUGMENT_MAX; i++)
		p.kind[p.n++] = kind[c->augment.policy[i]];
	return p;
}

const gan_loss *setup_loss(const config *c, error *e)
{
	return gan_loss_find(setup_choice("loss.name", c->loss.name), e);
}
