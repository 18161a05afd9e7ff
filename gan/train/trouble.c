/* trouble.c - a table of remedies. docs/troubleshooting.md shows the troubles and says what the remedies are worth. */
#include "gan/train/trouble.h"

#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/loss/losses.h"
#include "gan/loss/penalties.h"

static bool always(const config *c)
{
	return c != NULL;
}

static bool is_wgan(const config *c)
{
	return strcmp(config_choice("loss.name", c->loss.name), "wgan") == 0;
}

/* A slow D cannot follow a G that makes the same image over and over. */
static bool g_is_faster(const config *c)
{
	return c->optim.lr_g > c->optim.lr_d;
}

static bool d_is_fast(const config *c)
{
	return !g_is_faster(c);
}

/* The critic of Wasserstein loss has no bound of its own: arXiv 1704.00028 gives it one by the penalty. */
static bool lacks_gp(const config *c)
{
	return is_wgan(c) && c->loss.penalty == PENALTY_NONE;
}

static bool lacks_penalty(const config *c)
{
	return !is_wgan(c) && c->loss.penalty == PENALTY_NONE;
}

static bool lacks_norm(const config *c)
{
	return !c->net.d_sn;
}

static bool has_penalty(const config *c)
{
	return c->loss.penalty != PENALTY_NONE;
}

/* Adam divides by sqrt(v) + eps: where gradients vanish, a small eps makes a step as long as the rate out of noise. */
#define EPS_SAFE 1e-6
#define WORD_OF(x) #x
#define WORD(x) WORD_OF(x)
static bool divides_by_little(const config *c)
{
	return c->optim.rule.rule != RULE_SGD && c->optim.rule.eps < EPS_SAFE;
}

static bool lacks_clip(const config *c)
{
	return c->optim.clip_norm <= 0;
}

static bool lacks_augment(const config *c)
{
	return c->augment.n == 0;
}

static bool steps_often(const config *c)
{
	return c->optim.d_steps > 1;
}

enum { RUNS_AWAY = TROUBLE_DIVERGES | TROUBLE_NO_NUMBER };

/* In order: what helps most and costs least comes first. */
static const struct remedy {
	int troubles;                                /* of enum trouble, added up */
	const char *key, *to;
	bool (*fits)(const config *c);
} REMEDY[] = {
	{TROUBLE_COLLAPSE | TROUBLE_ALIKE, "optim.lr_g", "optim.lr_d's", g_is_faster},
	{RUNS_AWAY | TROUBLE_COLLAPSE, "loss.penalty", "gp", lacks_gp},
	{RUNS_AWAY | TROUBLE_D_WINS | TROUBLE_COLLAPSE, "model.spectral_norm_d", "true", lacks_norm},
	{TROUBLE_D_WINS | TROUBLE_COLLAPSE | TROUBLE_ALIKE, "loss.penalty", "r1", lacks_penalty},
	{TROUBLE_D_WINS, "optim.d_steps", "1", steps_often},
	{RUNS_AWAY | TROUBLE_D_WINS, "optim.lr_d", "a third", always},
	{TROUBLE_COLLAPSE | TROUBLE_ALIKE, "optim.lr_d", "a third", d_is_fast},
	{RUNS_AWAY, "optim.lr_g", "a third", always},
	{TROUBLE_COLLAPSE | TROUBLE_ALIKE, "optim.lr_g", "a third", d_is_fast},
	{TROUBLE_D_WINS | TROUBLE_ALIKE, "augment.policy", "[translation, cutout]", lacks_augment},
	{RUNS_AWAY, "loss.penalty_weight", "a third", has_penalty},
	{RUNS_AWAY, "optim.clip_norm", "5", lacks_clip},
	{TROUBLE_NO_NUMBER, "optim.eps", WORD(EPS_SAFE) " or more", divides_by_little},
};

/* Whether c may have that value; words that are no value ("a third") say nothing that could be refused. */
static bool may_have(const config *c, const struct remedy *r)
{
	config tried;
	fault why;
	char set[128];
	snprintf(set, sizeof set, "%s=%s", r->key, r->to);
	if (!config_copy(&tried, c, &why))
		return true;
	const bool may = !config_set(&tried, set, &why) || config_check(&tried, &why);
	config_free(&tried);
	return may;
}

char *trouble_advice(enum trouble t, const config *c, char buf[TROUBLE_TEXT])
{
	size_t n = 0;
	buf[0] = '\0';
	for (int i = 0; i < COUNT(REMEDY); i++) {
		const struct remedy *r = &REMEDY[i];
		const int at = config_key_find(r->key);
		char now[CONFIG_VALUE_MAX];
		if (!(r->troubles & (int)t) || !r->fits(c) || n >= TROUBLE_TEXT || !may_have(c, r))
			continue;
		n += (size_t)snprintf(buf + n, TROUBLE_TEXT - n, "%s%s (%.40s) to %s%s", n ? "; " : "", r->key,
			config_value(c, at, now, sizeof now), r->to,
			config_key_at(at)->on_resume ? "" : " in a new run");
	}
	return buf;
}
