/* config_apply.c - cross checks of a config, and the networks and data that it describes. */
#include "gan/config/config_apply.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "data/class_names.h"
#include "gan/config/config_internal.h"
#include "gan/loss/losses.h"
#include "gan/loss/penalties.h"

/* Of layers that are asked for by their map alone. */
static const layer_type *own_type(const config *c)
{
	return layer_type_at(c->model.attention);
}

static layer_specs places(const config *c, const layer_specs *s)
{
	layer_specs p = {.n = MAX(s->n, 0)};
	for (int i = 0; i < p.n; i++) {
		p.layer[i] = s->layer[i];
		if (!p.layer[i].type)
			p.layer[i].type = own_type(c);
	}
	return p;
}

/* Places left to the network ("auto") are its own, with the layer that model.attention names. */
static void put_places(const config *c, const layer_specs *from, layer_specs *to)
{
	if (from->n >= 0)
		*to = places(c, from);
	for (int i = 0; from->n < 0 && i < to->n; i++)
		to->layer[i].type = own_type(c);
}

/* The key of a setting that the network refuses. Ranges of single keys have been checked when they were read. */
static const char *key_at_fault(const fault *why)
{
	return fault_is_at(why, "size") ? "model.size" : fault_is_at(why, "classes") ? "model.conditional"
		: fault_is_at(why, "channels") ? "model.channels" : "model.network";
}

/* A layer in a place that the network's authors chose fits unless the width was changed. */
static bool check_layers(const config *c, const net_config *n, enum net_side side, fault *e)
{
	fault why;
	const layer_specs *s = side == NET_G ? &c->model.layers_g : &c->model.layers_d;
	if (net_layers_check(n, side, &why))
		return true;
	static const char *const key[][2] = {
		[NET_G] = {"model.layers_g", "model.g_channels"}, [NET_D] = {"model.layers_d", "model.d_channels"},
	};
	return config_wrong(c, key[side][s->n < 0], e, "%s", why.text);
}

/* The networks of c, whose open keys are settled on the way. */
static bool settle(config *c, net_config *out, fault *e)
{
	fault why;
	net_config own;
	if (!net_config_default(config_choice("model.network", c->model.network), c->net.size, &own, &why))
		return config_wrong(c, key_at_fault(&why), e, "%s", fault_reason(&why));
	config_take_own(c, &own);
	c->net.g_width = c->net.g_width ? c->net.g_width : own.g_width;
	c->net.d_width = c->net.d_width ? c->net.d_width : own.d_width;
	*out = c->net;
	out->network = own.network;
	out->size = own.size;
	out->layer_gamma = own.layer_gamma;
	out->g_layers = own.g_layers;
	out->d_layers = own.d_layers;
	out->channels = c->model.channels ? c->model.channels : 3;
	out->classes = !c->model.conditional ? 0 : c->model.classes ? c->model.classes : 10;
	put_places(c, &c->model.layers_g, &out->g_layers);
	put_places(c, &c->model.layers_d, &out->d_layers);
	if (!net_settings_check(out, &why))
		return config_wrong(c, key_at_fault(&why), e, "%s", fault_reason(&why));
	if (!check_layers(c, out, NET_G, e) || !check_layers(c, out, NET_D, e))
		return false;
	c->net.size = out->size;                     /* last: a message shows the size as it was given */
	return true;
}

bool config_network(const config *c, net_config *out, fault *e)
{
	config settled = *c;                         /* its texts stay c's */
	return settle(&settled, out, e);
}

optimizer_config config_rule(const config *c)
{
	optimizer_config rule = c->optim.rule;
	rule.beta2 = c->optim.beta2.from;
	return rule;
}

schedule config_schedule(const config *c, double rate)
{
	schedule s = c->optim.course;
	s.rate = rate;
	s.steps = s.steps ? s.steps : c->steps;
	return s;
}

bool config_check_training(const config *c, fault *e)
{
	const gan_loss *l = &gan_losses[c->loss.name];
	return c->augment_target == 0 || !isnan(l->border)
		|| config_wrong(c, "augment.target", e, "%s has no border between real and fake images that a sign "
			"could tell; must be 0, and augment.probability may be [from, to]", l->name);
}

bool config_check_course(const config *c, int64_t last, fault *e)
{
	const schedule s = config_schedule(c, 1);
	return s.decay == DECAY_NONE || s.warmup < s.steps || last <= s.warmup
		|| config_wrong(c, "optim.warmup", e, "the rates still rise at step %lld, where %s ends their course; "
			"must be less than %lld", (long long)s.steps,
			c->optim.course.steps ? "optim.schedule_steps" : "steps", (long long)s.steps);
}

/* ---- cross checks ---- */

/* Layers left to the network get its own places; all get a type. */
static void settle_layers(const config *c, layer_specs *s, const layer_specs *p)
{
	if (s->n < 0) {
		s->n = p->n;
		for (int i = 0; i < s->n; i++)
			s->layer[i] = (layer_spec){.at = p->layer[i].at};
	}
	for (int i = 0; i < s->n; i++)
		if (!s->layer[i].type)
			s->layer[i].type = own_type(c);
}

static bool check_name(const config *c, fault *e)
{
	bool good = c->name[0] != '.';
	for (const char *p = c->name; *p; p++)
		good &= *p != '/' && (unsigned char)*p > ' ' && *p != 0x7f;
	return good || config_wrong(c, "name", e, "names a folder: " CONFIG_NAME_RULE);
}

/* The name of a layer with batch norm, or NULL. */
static const char *batch_norm_in(const layer_specs *s)
{
	for (int i = 0; i < s->n; i++)
		if (s->layer[i].type && s->layer[i].type->has_batch_norm)
			return s->layer[i].type->name;
	return NULL;
}

/* The fields of the rule have the names of their keys. */
static bool check_rule(const config *c, fault *e)
{
	fault why;
	char key[64];
	const optimizer_config rule = config_rule(c);
	if (optimizer_check(&rule, &why))
		return true;
	snprintf(key, sizeof key, "optim.%.*s", why.place, why.text);
	return config_wrong(c, key, e, "%s", fault_reason(&why));
}

static bool check_background(const config *c, fault *e)
{
	fault why;
	uint8_t rgb[3];
	return data_colour(c->data.background, rgb, &why) || config_wrong(c, "data.background", e, "%s", why.text);
}

/* n: the networks of c. */
static bool check_combinations(const config *c, const net_config *n, fault *e)
{
	if (c->loss.penalty != PENALTY_NONE && net_mixes_samples(n))
		return config_wrong(c, "loss.penalty", e, "a discriminator with batch norm has no gradient of one "
				    "sample; must be none for this network");
	const char *layer = batch_norm_in(&c->model.layers_d);
	if (c->loss.penalty != PENALTY_NONE && layer)
		return config_wrong(c, "loss.penalty", e, "%s in D has batch norm and no gradient of one sample; must "
				    "be none with this layer", layer);
	if (c->model.sn_update == SN_REAL_ONLY && c->loss.d_batch == D_BATCH_JOINT)
		return config_wrong(c, "model.sn_update", e, "real images have no pass of their own with loss.d_batch "
				    "= joint; set loss.d_batch = separate or model.sn_update = every_forward");
	if (n->g_sn && n->cbn_sn && n->cbn_form == COND_TABLE && n->classes > 0 && n->modulation == MODULATE_LABEL)
		return config_wrong(c, "model.cbn_sn", e, "the biases of model.cbn_form = table begin at zero and have "
				    "no norm; must be false, or model.cbn_form = one_plus");
	if (c->augment_target > 0 && c->augment.n == 0)
		return config_wrong(c, "augment.target", e, "augment.policy is none, so nothing is adapted; must be 0");
	if (c->augment_target > 0 && c->augment_probability.from == 0 && c->augment_probability.to == 0)
		return config_wrong(c, "augment.target", e, "augment.probability, its limit, is 0, so nothing is "
				    "adapted; must be 0");
	if (c->ema.decay == 0 && (c->ema.half_life.from > 0 || c->ema.half_life.to > 0))
		return config_wrong(c, "ema.half_life", e, "ema.decay is 0, so there is no average; must be 0 then");
	return true;
}

static bool check_channels(const config *c, fault *e)
{
	return c->model.channels != 2
		|| config_wrong(c, "model.channels", e, "must be 1 (gray), 3 (colour) or 0 (as the data)");
}

static bool check_score(const config *c, fault *e)
{
	return c->score.count != 1 || config_wrong(c, "score.count", e,
		"one image has no spread; must be 0 (no scores) or 2 to 100000");
}

/* They are added two and two. */
static bool check_slices(const config *c, fault *e)
{
	return !(c->train.slices & (c->train.slices - 1))
		|| config_wrong(c, "train.slices", e, "must be 1, 2, 4, 8, 16, 32 or 64");
}

/* What a key's value alone shows and its range cannot say: wrong for every config. */
static const struct {
	const char *key;
	bool (*check)(const config *c, fault *e);
} ALONE[] = {
	{"name", check_name}, {"data.background", check_background}, {"model.channels", check_channels},
	{"train.slices", check_slices}, {"score.count", check_score},
};

bool config_check_key(const config *c, int i, fault *e)
{
	for (int k = 0; k < COUNT(ALONE); k++)
		if (config_key_find(ALONE[k].key) == i)
			return ALONE[k].check(c, e);
	return true;
}

static bool check_keys(const config *c, fault *e)
{
	for (int k = 0; k < COUNT(ALONE); k++)
		if (!ALONE[k].check(c, e))
			return false;
	return true;
}

static bool check_classifier(const config *c, fault *e)
{
	if (c->data.resize != RESIZE_NONE && c->net.size.h == 0)
		return config_wrong(c, "model.size", e, "must say the size that data.resize leads to");
	if (c->optim.beta2.from != c->optim.beta2.to)
		return config_wrong(c, "optim.beta2", e, "stays as it is for a classifier; must be one number");
	return check_keys(c, e) && check_rule(c, e);
}

/* Slices are all of one size. */
static bool check_parts(const config *c, fault *e)
{
	return c->batch % c->train.slices == 0
		|| config_wrong(c, "train.slices", e, "batch = %d cannot be cut into so many equal parts", c->batch);
}

bool config_check(config *given, fault *e)
{
	net_config n;
	config settled = *given, *c = &settled;      /* its texts stay given's */
	if (!config_good(c, e))
		return false;
	if (c->purpose == CONFIG_CLASSIFIER)
		return check_classifier(c, e);
	if (!check_keys(c, e) || !settle(c, &n, e) || !check_rule(c, e) || !check_parts(c, e)
		|| !check_combinations(c, &n, e))
		return false;
	settle_layers(c, &c->model.layers_g, &n.g_layers);
	settle_layers(c, &c->model.layers_d, &n.d_layers);
	*given = settled;
	return true;
}

/* ---- data ---- */

/* Noise has nothing to follow. */
static bool check_random(const config *c, fault *e)
{
	if (c->model.channels == 0)
		return config_wrong(c, "model.channels", e, "random data have no channels to follow; must be 1 or 3");
	if (c->model.conditional && c->model.classes == 0)
		return config_wrong(c, "model.classes", e, "random data have no classes to follow; must be 1 or more");
	return true;
}

static bool check_batch(const config *c, int64_t images, fault *e)
{
	return c->batch <= images || config_wrong(c, "batch", e, "the data have %lld images; must be 1 to %lld",
		(long long)images, (long long)images);
}

bool config_fit_data(config *c, int64_t images, int channels, int classes, fault *e)
{
	if (!check_batch(c, images, e))
		return false;
	if (c->model.channels && c->model.channels != channels)
		return config_wrong(c, "model.channels", e, "the images have %d; must be %d, or 0 (as the data)",
				    channels, channels);
	if (c->model.conditional && classes == 0)
		return config_wrong(c, "model.conditional", e, "the data have no labels; must be false");
	if (c->model.classes && c->model.classes < classes)
		return config_wrong(c, "model.classes", e, "the data have %d classes; must be 0 (as the data), %d "
				    "or more", classes, classes);
	c->model.channels = channels;
	if (c->model.classes == 0)
		c->model.classes = classes;
	return true;
}

/* ", or model.network resnet28, or resnet or dcgan with model.size = 28"; "" where no network has the size. */
static const char *networks_of(net_size size, char *buf, size_t room)
{
	enum { NAMES_MAX = 32 };
	const char *own[NAMES_MAX + 1] = {NULL}, *any[NAMES_MAX + 1] = {NULL};
	char list[2][256], side[32];
	net_config n;
	int owns = 0, anys = 0;
	for (int i = 0; net_name[i]; i++) {
		if (!net_config_default(net_name[i], size, &n, NULL))
			continue;
		if (net_config_default(net_name[i], net_square(0), &n, NULL))
			own[owns++] = net_name[i];
		else if (MAX(size.h, size.w) <= config_key_at(config_key_find("model.size"))->hi)
			any[anys++] = net_name[i];
		must(owns < NAMES_MAX && anys < NAMES_MAX, "more than %d networks", NAMES_MAX);
	}
	words_print((word_list)WORDS(own), list[0], sizeof list[0]);
	words_print((word_list)WORDS(any), list[1], sizeof list[1]);
	net_size_print(size, side, sizeof side);
	snprintf(buf, room, "%s%.200s%s%.200s%s%s", owns + anys ? ", or model.network " : "", list[0],
		owns && anys ? ", or " : "", list[1], anys ? " with model.size = " : "", anys ? side : "");
	return buf;
}

static bool fit(config *c, const dataset *d, fault *e)
{
	const net_size size = c->net.size;
	char networks[512];
	if (d->h != size.h || d->w != size.w)
		return config_wrong(c, "data.resize", e, "images are %dx%d, the network makes %dx%d; must be crop, "
				    "fit, stretch or pad%s", d->h, d->w, size.h, size.w,
				    networks_of((net_size){d->h, d->w}, networks, sizeof networks));
	return config_fit_data(c, d->n, d->c, d->classes, e);
}

/* Of a classifier both parts must be alike. */
static bool fit_classes(config *c, const dataset *train, const dataset *test, fault *e)
{
	if (!train->label || train->classes < 2 || !test->label)
		return config_wrong(c, "data.path", e, "a classifier needs images with labels of two classes or more");
	if (test->classes > train->classes || test->h != train->h || test->w != train->w || test->c != train->c)
		return config_wrong(c, "data.path", e, "images for testing are %dx%dx%d of %d classes, those for "
			"training %dx%dx%d of %d; must be alike", test->h, test->w, test->c, test->classes,
			train->h, train->w, train->c, train->classes);
	if (!check_batch(c, train->n, e))
		return false;
	c->net.size = (net_size){train->h, train->w};
	c->model.channels = train->c;
	return true;
}

/* Where a file that the config names is: as given, seen from the working directory; else seen from the folder of the
 * config or one above it, so that a config works from anywhere. `path` has room for size bytes. */
static void find_file(const config *c, const char *given, char *path, size_t size)
{
	char found[4096];
	file_from_home(given, path, size);
	if (path[0] == '/' || !c->file || file_type(path) != FILE_MISSING)
		return;
	char *folder = file_real_path(c->file, NULL);
	for (char *slash; folder && (slash = strrchr(folder, '/')) != NULL;) {
		*slash = '\0';
		snprintf(found, sizeof found, "%s/%s", folder, given);
		if (file_type(found) != FILE_MISSING) {
			snprintf(path, size, "%s", found);
			break;
		}
	}
	free(folder);
}

dataset *config_open_split(const config *c, enum data_split split, fault *e)
{
	if (!c->data.path[0])
		return config_wrong(c, "data.path", e, "must name the folder or file with the images"), NULL;
	const bool as_stored = c->data.resize == RESIZE_NONE;
	char path[4096], names[4096];
	find_file(c, c->data.path, path, sizeof path);
	const bool names_file = class_names_are_file(c->data.class_names);
	if (names_file)
		find_file(c, c->data.class_names, names, sizeof names);
	else
		snprintf(names, sizeof names, "%s", c->data.class_names);
	const dataset_options o = {
		.format = config_choice("data.format", c->data.format),
		.split = split,
		.h = as_stored ? 0 : c->net.size.h, .w = as_stored ? 0 : c->net.size.w,
		.resize = as_stored ? RESIZE_CROP : (enum data_resize)c->data.resize,
		.channels = c->model.channels, .coarse = c->data.coarse, .limit = c->data.limit,
		.range = (enum data_range)c->data.range, .images = c->data.images, .labels = c->data.labels,
		.background = c->data.background, .class_names = names, .seed = (uint64_t)c->seed,
	};
	fault why;
	dataset *d = dataset_open(path, &o, &why);
	/* "auto", too, may be what a folder of images is called. */
	const bool other_file = names_file && strcmp(names, path) != 0;
	if (!d && (fault_is_at(&why, CLASS_NAMES_PLACE) || (other_file && fault_is_at(&why, names))))
		config_wrong(c, "data.class_names", e, "%s", fault_reason(&why));
	else if (!d)
		config_wrong(c, "data.path", e, "%s", fault_is_at(&why, path) ? fault_reason(&why) : why.text);
	return d;
}

bool config_open_data(config *c, dataset **out, fault *e)
{
	*out = NULL;
	if (!strcmp(config_choice("data.format", c->data.format), "random"))
		return check_random(c, e);
	dataset *d = config_open_split(c, (enum data_split)c->data.split, e);
	if (d && fit(c, d, e))
		return *out = d, true;
	dataset_free(d);
	return false;
}

bool config_open_classes(config *c, dataset **train, dataset **test, fault *e)
{
	*train = *test = NULL;
	if (!strcmp(config_choice("data.format", c->data.format), "random"))
		return config_wrong(c, "data.format", e, "noise has no classes; must be a kind of files");
	dataset *a = config_open_split(c, SPLIT_TRAIN, e), *b = a ? config_open_split(c, SPLIT_TEST, e) : NULL;
	if (b && fit_classes(c, a, b, e))
		return *train = a, *test = b, true;
	dataset_free(a);
	dataset_free(b);
	return false;
}
