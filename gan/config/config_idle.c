/* config_idle.c - keys that are given and change nothing, because of what other keys say. Nobody should wait hours for
 * a setting that no one reads. */
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/config/config_apply.h"
#include "gan/config/config_internal.h"

/* A key has no effect where each of these has this value, or with "!" before it any other. */
typedef struct idle_row {
	const char *key;
	struct {
		const char *key, *value;
	} where[2];
} idle_row;

/* In place of a key: none goes [from, to]. */
static const char NO_RAMP[] = "no ramp";

static const idle_row IDLE[] = {
	{"model.classes", {{"model.conditional", "false"}}},
	{"model.sn_iterations", {{"model.spectral_norm_g", "false"}, {"model.spectral_norm_d", "false"}}},
	{"model.sn_eps", {{"model.spectral_norm_g", "false"}, {"model.spectral_norm_d", "false"}}},
	{"model.sn_update", {{"model.spectral_norm_d", "false"}}},
	{"model.cbn_form", {{"model.conditional", "false"}}},
	{"model.cbn_form", {{"model.modulation", "!label"}}},
	{"model.cbn_sn", {{"model.spectral_norm_g", "false"}}},
	{"model.cbn_sn", {{"model.conditional", "false"}, {"model.modulation", "label"}}},
	{"model.class_vector", {{"model.conditional", "false"}}},
	{"model.class_vector", {{"model.modulation", "label"}}},
	{"model.init_gain", {{"model.init", "n02"}}},
	{"model.init_gain", {{"model.init", "torch"}}},

	{"loss.penalty_weight", {{"loss.penalty", "none"}}},
	{"loss.penalty_weight_fake", {{"loss.penalty", "!r1r2"}}},
	{"loss.penalty_every", {{"loss.penalty", "none"}}},
	{"loss.lecam_decay", {{"loss.lecam_weight", "0"}}},
	{"loss.lecam_start", {{"loss.lecam_weight", "0"}}},
	{"loss.zcr_noise", {{"loss.zcr_weight", "0"}, {"loss.zcr_weight_g", "0"}}},
	{"loss.top_k_decay", {{"loss.top_k", "1"}}},
	{"loss.top_k_start", {{"loss.top_k", "1"}}},

	{"optim.form", {{"optim.kind", "sgd"}}},
	{"optim.beta1", {{"optim.kind", "sgd"}}},
	{"optim.beta1", {{"optim.kind", "rmsprop"}}},
	{"optim.beta2", {{"optim.kind", "sgd"}}},
	{"optim.eps", {{"optim.kind", "sgd"}}},
	{"optim.schedule_steps", {{"optim.schedule", "constant"}, {NO_RAMP, ""}}},
	{"optim.final_fraction", {{"optim.schedule", "constant"}}},

	{"ema.decay", {{"ema.half_life", "!0"}}},
	{"ema.half_life", {{"ema.decay", "0"}}},
	{"ema.rampup", {{"ema.decay", "0"}}},
	{"ema.rampup", {{"ema.half_life", "0"}}},
	{"ema.start", {{"ema.decay", "0"}}},
	{"ema.standing_batches", {{"ema.bn_mode", "!standing"}}},

	{"augment.policy", {{"augment.probability", "0"}}},
	{"augment.probability", {{"augment.policy", "none"}}},
	{"augment.images", {{"augment.target", "0"}}},

	{"score.metric", {{"score.count", "0"}}},
	{"score.every", {{"score.count", "0"}}},
};

static bool any_ramp(const config *c)
{
	for (int i = 0; i < config_key_count(); i++) {
		const config_key *k = config_key_at(i);
		const ramp *r = (const ramp *)((const char *)c + k->offset);
		if (k->type == KEY_RAMP && r->from != r->to)
			return true;
	}
	return false;
}

/* "loss.penalty = none" where key has that value; false where it has another, or where configs like c have no such
 * key. Without a key: true, and "". */
static bool holds(const config *c, const char *key, const char *value, char *buf, size_t size)
{
	char now[CONFIG_VALUE_MAX];
	buf[0] = '\0';
	if (!key || key == NO_RAMP)
		return !key || !any_ramp(c);
	const int i = config_key_find(key);
	must(i >= 0, "no config key %s", key);
	const bool other = *value == '!';
	if (!config_key_used(i, c->purpose)
		|| (strcmp(config_value(c, i, now, sizeof now), value + other) == 0) == other)
		return false;
	snprintf(buf, size, "%s = %.64s", key, now);
	return true;
}

/* Keys of the section model that only networks of other families read. */
static bool is_of_other_network(const config *c, const config_key *k)
{
	net_config n;
	const size_t net = offsetof(config, net);
	return c->purpose == CONFIG_GAN && k->offset >= net && k->offset < net + sizeof c->net
		&& config_network(c, &n, NULL) && net_ignores(&n, k->offset - net);
}

bool config_idle(const config *c, int i, char *why, size_t size)
{
	const config_key *k = config_key_at(i);
	char a[160], b[160];
	if (!config_key_used(i, c->purpose))
		return false;
	for (int r = 0; r < COUNT(IDLE); r++) {
		const idle_row *row = &IDLE[r];
		if (strcmp(row->key, k->name) == 0 
			&& holds(c, row->where[0].key, row->where[0].value, a, sizeof a)
			&& holds(c, row->where[1].key, row->where[1].value, b, sizeof b)) {
			snprintf(why, size, "has no effect with %s%s%s", a, b[0] ? " and " : "", b);
			return true;
		}
	}
	if (!is_of_other_network(c, k))
		return false;
	snprintf(why, size, "has no effect with model.network = %s",
		 config_choice("model.network", c->model.network));
	return true;
}

void config_plain(const config *c, config *plain)
{
	config_init_for(plain, c->purpose);
	if (plain->broken)
		return;
	plain->model.network = c->model.network;
	plain->net.size = c->net.size;
	config_check(plain, NULL);
}

void config_tell_idle(const config *c, void (*tell)(void *ctx, const char *line), void *ctx)
{
	config plain;
	fault line;
	char why[400];
	int at[CONFIG_KEYS_MAX];
	config_plain(c, &plain);
	const int n = plain.broken ? 0 : config_diff(&plain, c, at);
	for (int i = 0; i < n; i++)
		if (config_idle(c, at[i], why, sizeof why)) {
			config_wrong(c, config_key_at(at[i])->name, &line, "%s", why);
			tell(ctx, line.text);
		}
	config_free(&plain);
}
