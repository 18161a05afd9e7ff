/* test_idle_keys.c - a key changes a run's bits, or the config says that it has no effect: one of the two, for every
 * key of networks, losses, optimizers, averages and augmentations, beside many others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/train/trainer.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* Recipes, and what is set over them. */
static const struct {
	const char *text, *set[6];
	int side;
} RECIPES[] = {
	{TINY_PLAIN, {NULL}, 16},
	{TINY_PLAIN, {"model.conditional=false", "model.cbn_sn=false"}, 16},
	{TINY_PLAIN, {"model.spectral_norm_g=false", "model.cbn_sn=false", "optim.kind=sgd"}, 16},
	{TINY_PLAIN, {"model.spectral_norm_g=false", "model.spectral_norm_d=false", "model.cbn_sn=false",
		"optim.kind=rmsprop", "ema.decay=0"}, 16},
	{TINY_PLAIN, {"model.modulation=latent", "model.init=n02", "optim.schedule=cosine"}, 16},
	{TINY_PLAIN, {"model.modulation=chunks", "model.conditional=false", "augment.policy=[color]",
		"augment.probability=0"}, 16},
	{TINY_FULL, {NULL}, 16},
	{TINY_PAIRS, {NULL}, 16},
	{TINY_HELPED, {NULL}, 16},
	{TINY_PLAIN, {"model.network=dcgan", "model.d_batch_norm=false", "loss.penalty=gp"}, 16},
	{TINY_MNISTGANS, {NULL}, 28},
};

/* Values that show within a few steps what the usual ones show in many. */
static const struct {
	const char *key, *value;
} VALUES[] = {
	{"model.latent", "12"}, {"model.g_channels", "12"}, {"model.d_channels", "12"}, {"model.sn_eps", "0.1"},
	{"model.bn_eps", "0.5"}, {"optim.eps", "0.1"}, {"optim.weight_decay", "1"}, {"optim.clip_norm", "1e-3"},
	{"optim.warmup", "7"}, {"optim.kind", "rmsprop"}, {"optim.schedule_steps", "9"},
	{"augment.images", "20"}, {"augment.policy", "[cutout]"},
	{"model.layers_g", "none"}, {"model.layers_d", "none"}, {"loss.lecam_start", "0"}, {"loss.top_k_start", "0"},
	{"loss.top_k", "0.3"}, {"loss.penalty_weight_fake", "0.3"}, {"ema.half_life", "2"}, {"ema.start", "2"},
};

/* Nothing of a trainer's state shows these after a few steps: they are of samples alone, choose between ways of
 * computing the same, bound what does not come near, or begin with a later epoch. */
static const char *const ELSEWHERE[] = {
	"ema.bn_mode", "ema.standing_batches", "model.attention", "loss.d_batch", "model.sn_eps", "loss.top_k",
	"loss.top_k_decay", "loss.top_k_start",
};

static bool is_elsewhere(const char *key)
{
	for (int i = 0; i < COUNT(ELSEWHERE); i++)
		if (strcmp(ELSEWHERE[i], key) == 0)
			return true;
	return false;
}

static bool is_of_training(const char *key)
{
	static const char *const sections[] = {"model.", "loss.", "optim.", "ema.", "augment."};
	for (int i = 0; i < COUNT(sections); i++)
		if (strncmp(key, sections[i], strlen(sections[i])) == 0)
			return true;
	return false;
}

/* Another value of key i; for choices the n-th word. "" when there is none. */
static void other_value(const config *c, int i, int n, char *buf, size_t size)
{
	const config_key *k = config_key_at(i);
	const void *at = (const char *)c + k->offset;
	char now[512];
	config_value(c, i, now, sizeof now);
	buf[0] = '\0';
	for (int v = 0; v < COUNT(VALUES) && n == 0; v++)
		if (strcmp(VALUES[v].key, k->name) == 0 && strcmp(VALUES[v].value, now) != 0)
			snprintf(buf, size, "%s", VALUES[v].value);
	if (buf[0])
		return;
	if (k->type == KEY_CHOICE) {
		const char *word = word_at(k->words, n);
		if (word)
			snprintf(buf, size, "%s", word);
		return;
	}
	if (n > 0)
		return;
	if (k->type == KEY_BOOL)
		snprintf(buf, size, "%s", strcmp(now, "true") == 0 ? "false" : "true");
	else if (k->type == KEY_INT || k->type == KEY_COUNT)
		snprintf(buf, size, "%lld", atoll(now) + 1);
	else if (k->type == KEY_REAL || k->type == KEY_RAMP) {
		const double x = k->type == KEY_REAL ? *(const double *)at : ((const ramp *)at)->from;
		snprintf(buf, size, "%.9g", x == 0 ? 0.5 : x / 2);
	}
}

/* The state after a few steps; 0 where such a trainer cannot be. */
static uint64_t trained(const config *c, const dataset *d)
{
	enum { STEPS = 5 };
	step_stats s;
	fault e;
	trainer *t = trainer_new(c, d, &e);
	if (!t)
		return 0;
	int done = 0;
	while (done < STEPS && trainer_step(t, &s, &e))      /* some values lead to infinity: that is an effect */
		done++;
	const uint64_t hash = tiny_hash(t) + (uint64_t)done;
	trainer_free(t);
	return hash;
}

/* The config with another value of key i that is allowed; false when there is none. */
static bool changed(const config *c, int i, char *assignment, size_t size, config *out)
{
	fault e;
	char value[128];
	for (int n = 0; n < 16; n++) {
		other_value(c, i, n, value, sizeof value);
		if (!value[0])
			continue;
		snprintf(assignment, size, "%s=%s", config_key_at(i)->name, value);
		ck_assert(config_copy(out, c, &e));
		int at[CONFIG_KEYS_MAX];
		if (config_set(out, assignment, &e) && config_check(out, &e) && config_diff(c, out, at) > 0)
			return true;
		config_free(out);
	}
	return false;
}

START_TEST(every_key_has_an_effect_or_says_that_it_has_none)
{
	config c = tiny_config(RECIPES[_i].text, RECIPES[_i].set), other;
	dataset *d = tiny_data(12, RECIPES[_i].side, 2);
	const uint64_t base = trained(&c, d);
	char assignment[256], why[400];
	int tried = 0, idle = 0;
	ck_assert(base != 0);
	for (int i = 0; i < config_key_count(); i++) {
		if (!is_of_training(config_key_at(i)->name) || !changed(&c, i, assignment, sizeof assignment, &other))
			continue;
		const uint64_t now = trained(&other, d);
		const bool says = config_idle(&other, i, why, sizeof why);
		if (now && (says || !is_elsewhere(config_key_at(i)->name)))
			ck_assert_msg(says == (now == base), "recipe %d: %s: %s, but the bits are %s", _i, assignment,
				says ? why : "nothing is said", now == base ? "equal" : "others");
		tried += now != 0;
		idle += says;
		config_free(&other);
	}
	ck_assert_msg(tried >= 45 && idle >= 5, "%d keys tried, %d without effect", tried, idle);
	dataset_free(d);
	config_free(&c);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{every_key_has_an_effect_or_says_that_it_has_none, COUNT(RECIPES)},
	};
	return suite_run("keys without effect", tests, COUNT(tests), 120);
}
