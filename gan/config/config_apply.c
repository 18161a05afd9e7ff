/* config_apply.c - cross checks of a config, and the networks and data that it describes. */
#include "gan/config/config_apply.h"

#include <stdio.h>
#include <string.h>

/* What a message of a lower layer says after its own "size = 30: " or "data/mnist: ". */
static const char *reason(const char *text, const char *prefix)
{
	const size_t n = strlen(prefix);
	if (strncmp(text, prefix, n) != 0)
		return text;
	const char *colon = strstr(text + n, ": ");
	return colon ? colon + 2 : text;
}

static attention_places places(const config *c, const config_sites *s)
{
	attention_places p = {.n = MAX(s->n, 0)};
	for (int i = 0; i < p.n; i++) {
		const int kind = s->site[i].variant < 0 ? c->model.attention : s->site[i].variant;
		p.at[i] = (attention_place){s->site[i].at, layer_type_at(kind)->name, s->site[i].args};
	}
	return p;
}

/* ---- one group of keys each, from the config into the network's settings ---- */

/* Sites left to the network have its own places; those given wait until the widths are known. */
static void put_auto_sites(const config *c, net_config *n)
{
	attention_places *to[] = {&n->g_attention, &n->d_attention};
	const config_sites *from[] = {&c->model.layers_g, &c->model.layers_d};
	for (int k = 0; k < 2; k++) {
		if (from[k]->n >= 0)
			to[k]->n = 0;
		for (int i = 0; i < to[k]->n; i++)
			to[k]->at[i].variant = config_choice("model.attention", c->model.attention);
	}
}

static void put_attention_g(const config *c, net_config *n)
{
	if (c->model.layers_g.n >= 0)
		n->g_attention = places(c, &c->model.layers_g);
}

static void put_attention_d(const config *c, net_config *n)
{
	if (c->model.layers_d.n >= 0)
		n->d_attention = places(c, &c->model.layers_d);
}

static void put_g_channels(const config *c, net_config *n)
{
	n->g_width = c->model.g_channels ? c->model.g_channels : n->g_width;
}

static void put_d_channels(const config *c, net_config *n)
{
	n->d_width = c->model.d_channels ? c->model.d_channels : n->d_width;
}

static void put_channels(const config *c, net_config *n)
{
	n->channels = c->model.channels ? c->model.channels : 3;
}

static void put_classes(const config *c, net_config *n)
{
	n->classes = !c->model.conditional ? 0 : c->model.classes ? c->model.classes : 10;
}

static void put_rest(const config *c, net_config *n)
{
	static const enum cond_form form[] = {[CBN_TABLE] = COND_TABLE, [CBN_ONE_PLUS] = COND_ONE_PLUS};
	static const enum upsampling up[] = {[UP_NEAREST] = UPSAMPLE_NEAREST, [UP_BILINEAR] = UPSAMPLE_BILINEAR};
	static const enum net_init start[] = {
		[WEIGHTS_XAVIER] = NET_XAVIER, [WEIGHTS_ORTHOGONAL] = NET_ORTHOGONAL, [WEIGHTS_N02] = NET_N02,
		[WEIGHTS_HE] = NET_HE, [WEIGHTS_TORCH] = NET_TORCH,
	};
	n->latent = c->model.latent;
	n->g_sn = c->model.spectral_norm_g;
	n->d_sn = c->model.spectral_norm_d;
	n->sn_iterations = c->model.sn_iterations;
	n->sn_eps = c->model.sn_eps;
	n->bn_keep = c->model.bn_momentum;
	n->bn_eps = c->model.bn_eps;
	n->bn_last_keep = c->model.bn_last_momentum;
	n->cbn_form = form[c->model.cbn_form];
	n->cbn_sn = c->model.cbn_sn;
	n->up = up[c->model.up];
	n->d_skip_relu = c->model.d_skip == SKIP_RELU;
	n->d_batch_norm = c->model.d_batch_norm;
	n->d_slope = c->model.leaky;
	n->init = start[c->model.init];
	n->init_gain = c->model.init_gain;
}

/* The settings are put one group at a time on top of the published ones, in this order, so that the
 * first check that fails names the key at fault. */
static const struct {
	const char *key;
	void (*put)(const config *c, net_config *n);
} STAGE[] = {
	{"model.attention", put_auto_sites},
	{"model.g_channels", put_g_channels},
	{"model.d_channels", put_d_channels},
	{"model.channels", put_channels},
	{"model.conditional", put_classes},
	{"model.network", put_rest},
	{"model.layers_g", put_attention_g},
	{"model.layers_d", put_attention_d},
};

bool config_network(const config *c, net_config *out, error *e)
{
	error why;
	if (!net_config_default(config_choice("model.network", c->model.network), c->model.size, out, &why))
		return config_wrong(c, "model.size", e, "%s", reason(why.text, "size"));
	for (int i = 0; i < COUNT(STAGE); i++) {
		STAGE[i].put(c, out);
		if (!net_config_check(out, &why))
			return config_wrong(c, STAGE[i].key, e, "%s", why.text);
	}
	return true;
}

/* ---- cross checks ---- */

/* Sites left to the network get its own places; all get a variant. */
static void settle_sites(const config *c, config_sites *s, const attention_places *p)
{
	if (s->n < 0) {
		s->n = MIN(p->n, CONFIG_SITES_MAX);
		for (int i = 0; i < s->n; i++)
			s->site[i] = (config_site){.at = p->at[i].size, .variant = c->model.attention};
	}
	for (int i = 0; i < s->n; i++)
		if (s->site[i].variant < 0)
			s->site[i].variant = c->model.attention;
}

static bool check_name(const config *c, error *e)
{
	for (const char *p = c->name; *p; p++)
		if (*p == '/' || (unsigned char)*p <= ' ' || *p == 0x7f)
			return config_wrong(c, "name", e, "names a folder: no slashes, blanks or control characters");
	if (c->name[0] == '.')
		return config_wrong(c, "name", e, "names a folder: must not begin with a dot");
	return true;
}

/* The name of a layer with batch norm, or NULL. */
static const char *batch_norm_in(const config_sites *s)
{
	for (int i = 0; i < s->n; i++)
		if (s->site[i].variant >= 0 && layer_type_at(s->site[i].variant)->has_batch_norm)
			return layer_type_at(s->site[i].variant)->name;
	return NULL;
}

static bool check_combinations(const config *c, error *e)
{
	const bool d_norm = c->model.network == NETWORK_MNISTGANS28
		|| (c->model.network == NETWORK_DCGAN && c->model.d_batch_norm);
	if (c->loss.penalty != PENALTY_NONE && d_norm)
		return config_wrong(c, "loss.penalty", e, "a discriminator with batch norm has no gradient of one "
				    "sample; must be none for this network");
	const char *layer = batch_norm_in(&c->model.layers_d);
	if (c->loss.penalty != PENALTY_NONE && layer)
		return config_wrong(c, "loss.penalty", e, "%s in D has batch norm and no gradient of one sample; must be "
				    "none with this layer", layer);
	if (c->model.sn_update == SN_REAL_ONLY && c->loss.d_batch == D_BATCH_JOINT)
		return config_wrong(c, "model.sn_update", e, "real images have no pass of their own with loss.d_batch "
				    "= joint; set loss.d_batch = separate or model.sn_update = every_forward");
	if (c->train.score_count == 1)
		return config_wrong(c, "train.score_count", e, "one image has no spread; must be 0 (no scores) or 2 to 100000");
	if (c->model.channels == 2)
		return config_wrong(c, "model.channels", e, "must be 1 (gray), 3 (colour) or 0 (as the data)");
	return true;
}

bool config_check(config *c, error *e)
{
	net_config n;
	if (!check_name(c, e) || !check_combinations(c, e) || !config_network(c, &n, e))
		return false;
	c->model.size = n.size;
	c->model.g_channels = n.g_width;
	c->model.d_channels = n.d_width;
	settle_sites(c, &c->model.layers_g, &n.g_attention);
	settle_sites(c, &c->model.layers_d, &n.d_attention);
	return true;
}

/* ---- data ---- */

/* Noise has nothing to follow. */
static bool check_random(const config *c, error *e)
{
	if (c->model.channels == 0)
		return config_wrong(c, "model.channels", e, "random data have no channels to follow; must be 1 or 3");
	if (c->model.conditional && c->model.classes == 0)
		return config_wrong(c, "model.classes", e, "random data have no classes to follow; must be 1 or more");
	return true;
}

bool config_fit_data(config *c, int64_t images, int channels, int classes, error *e)
{
	if (c->batch > images)
		return config_wrong(c, "batch", e, "the data have %lld images; must be 1 to %lld", (long long)images,
				    (long long)images);
	if (c->model.channels && c->model.channels != channels)
		return config_wrong(c, "model.channels", e, "the images have %d; must be %d, or 0 (as the data)", channels,
				    channels);
	if (c->model.conditional && classes == 0)
		return config_wrong(c, "model.conditional", e, "the data have no labels; must be false");
	if (c->model.classes && c->model.classes < classes)
		return config_wrong(c, "model.classes", e, "the data have %d classes; must be 0 (as the data) or %d",
				    classes, classes);
	c->model.channels = channels;
	if (c->model.classes == 0)
		c->model.classes = classes;
	return true;
}

static bool fit(config *c, const dataset *d, error *e)
{
	const int size = c->model.size;
	if (d->h != size || d->w != size)
		return config_wrong(c, "data.resize", e, "images are %dx%d, the network makes %dx%d; must be crop, fit, "
				    "stretch or pad, or set model.size to the images'", d->h, d->w, size, size);
	return config_fit_data(c, d->n, d->c, d->classes, e);
}

bool config_open_data(config *c, dataset **out, error *e)
{
	*out = NULL;
	if (c->data.format == DATA_RANDOM)
		return check_random(c, e);
	if (!c->data.path[0])
		return config_wrong(c, "data.path", e, "must name the folder or file with the images");
	const bool as_stored = c->data.resize == RESIZE_NONE;
	const dataset_options o = {
		.format = (enum data_format)c->data.format,
		.split = (enum data_split)c->data.split,
		.h = as_stored ? 0 : c->model.size, .w = as_stored ? 0 : c->model.size,
		.resize = as_stored ? RESIZE_CROP : (enum data_resize)c->data.resize,
		.channels = c->model.channels, .coarse = c->data.coarse, .limit = c->data.limit,
	};
	error why;
	dataset *d = dataset_open(c->data.path, &o, &why);
	if (!d)
		return config_wrong(c, "data.path", e, "%s", reason(why.text, c->data.path));
	if (!fit(c, d, e)) {
		dataset_free(d);
		return false;
	}
	*out = d;
	return true;
}
