/* config_table.c - the one table of keys: name, type, range, default, help. Nothing else knows them.
 *
 * A new key is a field in struct config and a row here. Ranges of texts are lengths. */
#include "core/base/local.h"
#include "core/graph/graph.h"
#include "gan/config/config_internal.h"

#include <stdio.h>
#include <string.h>

#include "gan/loss/losses.h"
#include "gan/loss/penalties.h"
#include "layers/attention.h"

/* Names of the choices that are in config.h. */
static const char *const sn_update_name[] = {
	[SN_EVERY_FORWARD] = "every_forward", [SN_REAL_ONLY] = "real_only", NULL
};
static const char *const d_batch_name[] = {[D_BATCH_JOINT] = "joint", [D_BATCH_SEPARATE] = "separate", NULL};
static const char *const score_metric_name[] = {
	[SCORE_AUTO] = "auto", [SCORE_FID] = "fid", [SCORE_PIXELS] = "pixels", NULL
};
static const char *const bn_mode_name[] = {
	[BN_RUNNING] = "running", [BN_STANDING] = "standing", [BN_BATCH] = "batch", NULL
};

#define AT(field) offsetof(config, field)
#define OWN NULL
enum { MAY = true, FIXED = false };                  /* on_resume */

static const config_key TABLE[] = {
/* name, type, where, lo, hi, words, default, on resume, help */
{"name", KEY_TEXT, AT(name), 1, 64, {0}, "sagan", MAY,
	"folder in runs/: " CONFIG_NAME_RULE},
{"seed", KEY_COUNT, AT(seed), 0, 9e15, {0}, "1", FIXED,
	"every random number of the run follows from it"},
{"steps", KEY_COUNT, AT(steps), 1, CONFIG_STEPS_MAX, {0}, "100000", MAY,
	"updates in all: of the generator, of a classifier"},
{"batch", KEY_INT, AT(batch), 1, 65536, {0}, "64", FIXED,
	"images per update: real ones of D, fakes of G"},

{"data.path", KEY_TEXT, AT(data.path), 0, 511, {0}, "\"\"", MAY,
	"folder or file with the images"},
{"data.format", KEY_CHOICE, AT(data.format), 0, 0,
	WORDS_AT_OLD(data_formats, "random", data_formats_renamed), "auto", FIXED,
	"what lies at path; random: noise, for timing"},
{"data.split", KEY_CHOICE, AT(data.split), 0, 0, WORDS(data_split_name), "train", FIXED,
	"which part of the set"},
{"data.resize", KEY_CHOICE, AT(data.resize), 0, 0, WORDS_AND(data_resize_name, "none"), "none", FIXED,
	"other sizes become model.size: cut, scale or frame; none: refuse them"},
{"data.coarse", KEY_BOOL, AT(data.coarse), 0, 0, {0}, "false", FIXED,
	"CIFAR-100: the 20 coarse classes"},
{"data.flip", KEY_BOOL, AT(data.flip), 0, 0, {0}, "false", FIXED,
	"mirror images left-right half of the time; never for digits"},
{"data.limit", KEY_COUNT, AT(data.limit), 0, 1e12, {0}, "0", FIXED,
	"use the first images only; 0: all"},
{"data.range", KEY_CHOICE, AT(data.range), 0, 0, WORDS(data_range_name), "auto", FIXED,
	"numbers of arrays from black to white; auto: what 99.9 % of them fit"},
{"data.images", KEY_TEXT, AT(data.images), 1, 255, {0}, "auto", FIXED,
	"array (HDF5, numpy) or IDX set with the images; auto: found out"},
{"data.labels", KEY_TEXT, AT(data.labels), 1, 255, {0}, "auto", FIXED,
	"array with the labels; none: read without"},
{"data.class_names", KEY_NAMES, AT(data.class_names), 1, 511, {0}, "auto", FIXED,
	"[cat, dog, ..], or a file with a name in each line; auto: as the data"},
{"data.background", KEY_TEXT, AT(data.background), 1, 16, DATA_COLOUR_WORDS, "white", FIXED,
	"colour behind transparent pixels"},

{"model.network", KEY_CHOICE, AT(model.network), 0, 0, WORDS(net_name), "resnet32", FIXED,
	"resnet and dcgan are of any size that is 4 to 7 times 2^blocks"},
{"model.size", KEY_SIZE, AT(net.size), 0, 512, {0}, "0", FIXED,
	"side of the images, or both sides; 0: the network's own"},
{"model.channels", KEY_INT, AT(model.channels), 0, 3, {0}, "0", FIXED,
	"1 gray, 3 colour; 0: as the data"},
{"model.latent", KEY_INT, AT(net.latent), 1, 4096, {0}, OWN, FIXED,
	"width Z of the latent vector"},
{"model.g_channels", KEY_INT, AT(net.g_width), 0, 4096, {0}, OWN, FIXED,
	"width of G; 0: the network's own"},
{"model.d_channels", KEY_INT, AT(net.d_width), 0, 4096, {0}, OWN, FIXED,
	"width of D; 0: the network's own"},
{"model.conditional", KEY_BOOL, AT(model.conditional), 0, 0, {0}, OWN, FIXED,
	"labels: conditional batch norm in G, projection in D"},
{"model.classes", KEY_INT, AT(model.classes), 0, 100000, {0}, "0", FIXED,
	"number of classes; 0: as the data; those without images learn nothing"},
{"model.attention", KEY_CHOICE, AT(model.attention), 0, 0, WORDS(attention_variants), OWN, FIXED,
	"whose self-attention layer"},
{"model.layers_g", KEY_LAYERS, AT(model.layers_g), 1, 512, {0}, "auto", FIXED,
	"layers in G: shorter sides of maps, {at: 16, type: halo}; auto: authors'"},
{"model.layers_d", KEY_LAYERS, AT(model.layers_d), 1, 512, {0}, "auto", FIXED,
	"the same for D"},
{"model.spectral_norm_g", KEY_BOOL, AT(net.g_sn), 0, 0, {0}, OWN, FIXED,
	"spectral norm in G"},
{"model.spectral_norm_d", KEY_BOOL, AT(net.d_sn), 0, 0, {0}, OWN, FIXED,
	"spectral norm in D"},
{"model.sn_iterations", KEY_INT, AT(net.sn_iterations), 1, 100, {0}, OWN, FIXED,
	"power iterations per forward pass"},
{"model.sn_eps", KEY_REAL, AT(net.sn_eps), 1e-30, 0.1, {0}, OWN, FIXED,
	"smallest length in its normalisations"},
{"model.sn_update", KEY_CHOICE, AT(model.sn_update), 0, 0, WORDS(sn_update_name), "every_forward", FIXED,
	"passes of D that iterate; real_only: the official code"},
{"model.bn_eps", KEY_REAL, AT(net.bn_eps), 1e-12, 1, {0}, OWN, FIXED,
	"added to variances of batch norm"},
{"model.bn_momentum", KEY_REAL, AT(net.bn_keep), 0, 0.999999, {0}, OWN, FIXED,
	"old share in running statistics; PyTorch's 0.1 is 0.9"},
{"model.bn_last_momentum", KEY_REAL, AT(net.bn_last_keep), 0, 0.999999, {0}, OWN, FIXED,
	"the same for G's last batch norm; 0: bn_momentum"},
{"model.d_batch_norm", KEY_BOOL, AT(net.d_batch_norm), 0, 0, {0}, OWN, FIXED,
	"dcgan: batch norm in D"},
{"model.cbn_form", KEY_CHOICE, AT(net.cbn_form), 0, 0, WORDS(cond_form_name), OWN, FIXED,
	"gain from a table of ones, or 1 + embedding"},
{"model.cbn_sn", KEY_BOOL, AT(net.cbn_sn), 0, 0, {0}, OWN, FIXED,
	"spectral norm on the embeddings of conditional batch norm"},
{"model.modulation", KEY_CHOICE, AT(net.modulation), 0, 0, WORDS(net_modulation_name), OWN, FIXED,
	"what gains and biases of G's batch norms follow"},
{"model.class_vector", KEY_INT, AT(net.class_vector), 1, 4096, {0}, OWN, FIXED,
	"numbers of a class, with modulation by the latent"},
{"model.up", KEY_CHOICE, AT(net.up), 0, 0, WORDS(upsampling_name), OWN, FIXED,
	"how G doubles its maps"},
{"model.d_skip", KEY_CHOICE, AT(net.d_skip), 0, 0, WORDS(d_skip_name), OWN, FIXED,
	"skip of D's blocks takes x, or relu(x) as StudioGAN's"},
{"model.leaky", KEY_REAL, AT(net.d_slope), 0, 1, {0}, OWN, FIXED,
	"slope of dcgan's leaky ReLU"},
{"model.init", KEY_CHOICE, AT(net.init), 0, 0, WORDS(net_init_name), OWN, FIXED,
	"how weights start"},
{"model.init_gain", KEY_REAL, AT(net.init_gain), 0.01, 100, {0}, OWN, FIXED,
	"factor on the start of the blocks' convolutions"},

{"loss.name", KEY_CHOICE, AT(loss.name), 0, 0, WORDS_OF(gan_losses, name), "hinge", MAY,
	"loss of D and G; kl is the official code's"},
{"loss.penalty", KEY_CHOICE, AT(loss.penalty), 0, 0, WORDS_OF(gan_penalties, name), "none", MAY,
	"penalty on the gradient of D"},
{"loss.penalty_weight", KEY_RAMP, AT(loss.penalty_weight), 0, 1e6, {0}, "10", MAY,
	"gamma of r1 and r1r2, lambda of gp and dragan"},
{"loss.penalty_weight_fake", KEY_RAMP, AT(loss.penalty_weight_fake), 0, 1e6, {0}, "0", MAY,
	"r1r2: gamma of the fake images; 0: penalty_weight"},
{"loss.penalty_every", KEY_INT, AT(loss.penalty_every), 1, 10000, {0}, "1", MAY,
	"apply it in every k-th D update, k-fold"},
{"loss.d_batch", KEY_CHOICE, AT(loss.d_batch), 0, 0, WORDS(d_batch_name), "joint", FIXED,
	"real and fake images through D as one batch or two"},
{"loss.lecam_weight", KEY_REAL, AT(loss.lecam_weight), 0, 1e6, {0}, "0", MAY,
	"LeCam: holds D's outputs to their averages; 0: none"},
{"loss.lecam_decay", KEY_REAL, AT(loss.lecam_decay), 0, 0.9999999, {0}, "0.99", MAY,
	"LeCam: decay of the two averages, each batch of D"},
{"loss.lecam_start", KEY_COUNT, AT(loss.lecam_start), 0, 1e9, {0}, "1000", MAY,
	"LeCam: step from which it counts"},
{"loss.cr_weight", KEY_REAL, AT(loss.cr_weight), 0, 1e6, {0}, "0", MAY,
	"consistency (CR): D's answers to real images and to shifted ones"},
{"loss.cr_weight_fake", KEY_REAL, AT(loss.cr_weight_fake), 0, 1e6, {0}, "0", MAY,
	"the same of fakes; with cr_weight it is balanced consistency (bCR)"},
{"loss.zcr_weight", KEY_REAL, AT(loss.zcr_weight), 0, 1e6, {0}, "0", MAY,
	"latent consistency (zCR): D's answers to fakes of z and of z + noise"},
{"loss.zcr_weight_g", KEY_REAL, AT(loss.zcr_weight_g), 0, 1e6, {0}, "0", MAY,
	"zCR: drives G's images of z and of z + noise apart"},
{"loss.zcr_noise", KEY_REAL, AT(loss.zcr_noise), 0, 10, {0}, "0.05", MAY,
	"zCR: deviation of that noise"},
{"loss.top_k", KEY_REAL, AT(loss.top_k), 0.01, 1, {0}, "1", MAY,
	"least share of fakes, D's favourites, that G learns from; 1: all"},
{"loss.top_k_decay", KEY_REAL, AT(loss.top_k_decay), 0, 0.9999, {0}, "0.99", MAY,
	"top-k: factor on that share after each epoch, from 1"},
{"loss.top_k_start", KEY_COUNT, AT(loss.top_k_start), 0, 1e9, {0}, "0", MAY,
	"top-k: epochs with all fakes before it"},

{"optim.kind", KEY_CHOICE, AT(optim.rule.rule), 0, 0, WORDS(update_rule_name), "adam", FIXED,
	"update rule"},
{"optim.form", KEY_CHOICE, AT(optim.rule.form), 0, 0, WORDS(update_form_name), "torch", FIXED,
	"whose formulas: where eps is added, sgd's rate, how weights decay"},
{"optim.lr_g", KEY_REAL, AT(optim.lr_g), 0, 100, {0}, "1e-4", MAY,
	"learning rate of G"},
{"optim.lr_d", KEY_REAL, AT(optim.lr_d), 0, 100, {0}, "4e-4", MAY,
	"learning rate of D"},
{"optim.beta1", KEY_REAL, AT(optim.rule.beta1), 0, 0.999999, {0}, "0", FIXED,
	"Adam: decay of the mean"},
{"optim.beta2", KEY_RAMP, AT(optim.beta2), 0, 0.9999999, {0}, "0.9", FIXED,
	"Adam, rmsprop: decay of the mean square"},
{"optim.eps", KEY_REAL, AT(optim.rule.eps), 1e-16, 1, {0}, "1e-8", FIXED,
	"Adam, rmsprop: added to the root (form keras of rmsprop: under it)"},
{"optim.weight_decay", KEY_REAL, AT(optim.rule.weight_decay), 0, 10, {0}, "0", MAY,
	"adamw, and form keras of all: decoupled; else added to the gradient"},
{"optim.momentum", KEY_REAL, AT(optim.rule.momentum), 0, 0.999999, {0}, "0", FIXED,
	"of sgd"},
{"optim.schedule", KEY_CHOICE, AT(optim.course.decay), 0, 0, WORDS(decay_name), "constant", MAY,
	"course of the learning rates"},
{"optim.schedule_steps", KEY_COUNT, AT(optim.course.steps), 0, CONFIG_STEPS_MAX, {0}, "0", MAY,
	"steps that it and every [from, to] takes; 0: the run's steps"},
{"optim.warmup", KEY_COUNT, AT(optim.course.warmup), 0, CONFIG_STEPS_MAX, {0}, "0", MAY,
	"steps of linear increase at the start"},
{"optim.final_fraction", KEY_REAL, AT(optim.course.final_fraction), 0, 1, {0}, "0", MAY,
	"what linear and cosine leave of the rates at the end"},
{"optim.d_steps", KEY_INT, AT(optim.d_steps), 1, 1000, {0}, "1", FIXED,
	"D updates per G update"},
{"optim.clip_norm", KEY_REAL, AT(optim.clip_norm), 0, 1e9, {0}, "0", MAY,
	"longest gradient of a network; 0: any"},
{"optim.accumulate", KEY_INT, AT(optim.accumulate), 1, 4096, {0}, "1", FIXED,
	"batches whose gradients make one update"},

{"ema.decay", KEY_REAL, AT(ema.decay), 0, 0.9999999, {0}, "0.999", MAY,
	"moving average of G, which is sampled; 0: none, for the whole run"},
{"ema.half_life", KEY_RAMP, AT(ema.half_life), 0, 1e12, {0}, "0", MAY,
	"images after which half of a change has come; 0: as decay says"},
{"ema.rampup", KEY_REAL, AT(ema.rampup), 0, 1, {0}, "0", MAY,
	"half_life is at most this share of the images seen; 0: no such limit"},
{"ema.start", KEY_COUNT, AT(ema.start), 0, 1e9, {0}, "0", MAY,
	"step before which the average is a copy"},
{"ema.bn_mode", KEY_CHOICE, AT(ema.bn_mode), 0, 0, WORDS(bn_mode_name), "running", MAY,
	"batch-norm statistics of samples"},
{"ema.standing_batches", KEY_INT, AT(ema.standing_batches), 1, 100000, {0}, "16", MAY,
	"batches that make standing statistics"},

{"augment.policy", KEY_LIST, AT(augment), 0, 0, WORDS_OF(diff_augments, name), "none", MAY,
	"transforms of images for D, in this order; DiffAugment, then ADA's"},
{"augment.probability", KEY_RAMP, AT(augment_probability), 0, 1, {0}, "1", MAY,
	"probability of each transform for an image; with a target its limit"},
{"augment.target", KEY_REAL, AT(augment_target), 0, 1, {0}, "0", MAY,
	"ADA: wanted mean sign of D(real) - border, usually 0.6; 0: no adapting"},
{"augment.images", KEY_REAL, AT(augment_images), 1, 1e12, {0}, "500000", MAY,
	"ADA: real images in which the probability can go from 0 to 1"},

{"classify.width", KEY_INT, AT(classify.width), 1, 512, {0}, "32", FIXED,
	"channels of the first stage; the next two have twice as many each"},
{"classify.blocks", KEY_INT, AT(classify.blocks), 0, 8, {0}, "1", FIXED,
	"residual convolutions of each stage"},
{"classify.lr", KEY_REAL, AT(classify.lr), 0, 100, {0}, "0.1", MAY,
	"learning rate, of which optim.schedule is the course"},
{"classify.smoothing", KEY_REAL, AT(classify.smoothing), 0, 0.9, {0}, "0.1", FIXED,
	"share of each label that goes to all classes alike"},
{"classify.compact", KEY_BOOL, AT(classify.compact), 0, 0, {0}, "true", MAY,
	"store kernels as float16, half the size"},

{"train.out", KEY_TEXT, AT(train.out), 0, 511, {0}, "\"\"", MAY,
	"folder of the run; empty: runs/NAME"},
{"train.threads", KEY_INT, AT(train.threads), 0, 256, {0}, "0", MAY,
	"0: one per processor; the result is the same"},
{"train.slices", KEY_INT, AT(train.slices), 1, SLICES_MAX, {0}, "1", FIXED,
	"equal parts of a batch (1, 2, 4, ..) that several processes can share"},
{"train.exact", KEY_BOOL, AT(train.exact), 0, 0, {0}, "false", MAY,
	"train with convolutions about as exact as the direct sum"},
{"train.log_every", KEY_COUNT, AT(train.log_every), 1, 1e9, {0}, "50", MAY,
	"steps between rows of metrics.csv"},
{"train.sample_every", KEY_COUNT, AT(train.sample_every), 0, 1e9, {0}, "500", MAY,
	"steps between sample grids; 0: at the end only"},
{"train.sample_count", KEY_INT, AT(train.sample_count), 1, 4096, {0}, "100", MAY,
	"images in a grid"},
{"train.checkpoint_every", KEY_COUNT, AT(train.checkpoint_every), 0, 1e9, {0}, "1000", MAY,
	"steps between checkpoints; 0: at the end only"},
{"train.keep", KEY_INT, AT(train.keep), 1, 1000, {0}, "3", MAY,
	"newest checkpoints kept, besides the best"},
{"train.tensorboard", KEY_BOOL, AT(train.tensorboard), 0, 0, {0}, "true", MAY,
	"write event files, for `tensorboard --logdir RUN`"},
{"score.metric", KEY_CHOICE, AT(score.metric), 0, 0, WORDS(score_metric_name), "auto", MAY,
	"what scores: features of a network, or pixels"},
{"score.count", KEY_INT, AT(score.count), 0, 100000, {0}, "2000", MAY,
	"images of a score; 0: no scores"},
{"score.every", KEY_COUNT, AT(score.every), 0, 1e9, {0}, "0", MAY,
	"steps between scores; 0: with each checkpoint"},
};

/* Whose a key is: of classifiers alone (the section classify), of both (these), else of GANs alone. */
static const char *const SHARED[] = {
	"name", "seed", "steps", "batch", "data.path", "data.format", "data.resize", "data.coarse", "data.flip",
	"data.limit", "data.range", "data.images", "data.labels", "data.class_names", "data.background", "model.size",
	"model.channels", "optim.kind", "optim.form", "optim.beta1", "optim.beta2", "optim.eps", "optim.weight_decay",
	"optim.momentum", "optim.schedule", "optim.schedule_steps", "optim.warmup", "optim.final_fraction",
	"ema.decay", "ema.start", "augment.policy", "train.threads", "train.log_every", "train.checkpoint_every",
};

/* Keys whose default is another for a classifier. */
static const struct {
	const char *name, *initial;
} CLASSIFIER_DEFAULTS[] = {
	{"name", "classifier"}, {"steps", "5000"}, {"batch", "128"}, {"optim.kind", "sgd"}, {"optim.momentum", "0.9"},
	{"optim.weight_decay", "5e-4"}, {"optim.schedule", "cosine"}, {"augment.policy", "translation"},
};

bool config_key_used(int i, enum config_purpose p)
{
	const char *name = config_key_at(i)->name;
	for (int k = 0; k < COUNT(SHARED); k++)
		if (strcmp(SHARED[k], name) == 0)
			return true;
	return (strncmp(name, "classify.", strlen("classify.")) == 0) == (p == CONFIG_CLASSIFIER);
}

const char *config_key_initial(int i, enum config_purpose p)
{
	const config_key *k = config_key_at(i);
	for (int j = 0; p == CONFIG_CLASSIFIER && j < COUNT(CLASSIFIER_DEFAULTS); j++)
		if (strcmp(CLASSIFIER_DEFAULTS[j].name, k->name) == 0)
			return CLASSIFIER_DEFAULTS[j].initial;
	return k->initial;
}

int config_key_count(void)
{
	return COUNT(TABLE);
}

const config_key *config_key_at(int i)
{
	must(i >= 0 && i < COUNT(TABLE), "config key %d of %d", i, COUNT(TABLE));
	return &TABLE[i];
}

/* Names of version 0.1.0, read as the new ones wherever a key is read: in files, in --set, in old checkpoints. */
static const struct {
	const char *old, *name;
} RENAMED[] = {
	{"model.attention_g", "model.layers_g"},
	{"model.attention_d", "model.layers_d"},
	{"train.score_count", "score.count"},
};

const char *config_key_old_name(const char *name)
{
	for (int i = 0; i < COUNT(RENAMED); i++)
		if (strcmp(RENAMED[i].name, name) == 0)
			return RENAMED[i].old;
	return NULL;
}

int config_key_find(const char *name)
{
	for (int i = 0; i < COUNT(RENAMED); i++)
		if (strcmp(RENAMED[i].old, name) == 0)
			name = RENAMED[i].name;
	for (int i = 0; i < COUNT(TABLE); i++)
		if (strcmp(TABLE[i].name, name) == 0)
			return i;
	return -1;
}

const char *config_choice(const char *key, int value)
{
	int i = config_key_find(key);
	const char *word = i < 0 ? NULL : word_at(TABLE[i].words, value);
	must(word, "config key %s has no choice %d", key, value);
	return word;
}

char *config_key_range(const config_key *k, char *buf, size_t size)
{
	char list[256];
	switch (k->type) {
	case KEY_INT:
	case KEY_COUNT:
		snprintf(buf, size, "a whole number from %.0f to %.0f", k->lo, k->hi);
		break;
	case KEY_SIZE:
		snprintf(buf, size, "a whole number from %.0f to %.0f, or two as [height, width]", k->lo, k->hi);
		break;
	case KEY_REAL:
		snprintf(buf, size, "a number from %.9g to %.9g", k->lo, k->hi);
		break;
	case KEY_RAMP:
		snprintf(buf, size, "a number from %.9g to %.9g, or two as [from, to]", k->lo, k->hi);
		break;
	case KEY_BOOL:
		snprintf(buf, size, "true or false");
		break;
	case KEY_TEXT:
		if (k->words.first)
			words_print(k->words, buf, size);
		else
			snprintf(buf, size, "a text of %.0f to %.0f bytes", k->lo, k->hi);
		break;
	case KEY_NAMES:
		snprintf(buf, size, "a list of names, or a text; %.0f to %.0f bytes in all", k->lo, k->hi);
		break;
	case KEY_CHOICE:
		words_print(k->words, buf, size);
		break;
	case KEY_LAYERS:
		snprintf(buf, size, "auto, none or a list of sides like [16, 32]");
		break;
	case KEY_LIST:
		snprintf(buf, size, "none or a list of %s", words_print(k->words, list, sizeof list));
		break;
	}
	return buf;
}
