/* saved.c - a checkpoint's config parsed, its networks built and filled. */
#include "gan/checkpoint/saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/config/config_apply.h"

/* Lines of a config that once meant something else than what they say. Version 0.1.0 took 0 for "the usual value". */
static const struct {
	const char *program, *line, *meant;
} FORMER[] = {
	{"sagan 0.1.0", "\n  bn_momentum: 0\n", "\n  bn_momentum: 0.9\n"},
	{"sagan 0.1.0", "\n  sn_eps: 0\n", "\n  sn_eps: 1e-6\n"},
};

/* text with the first `line` in it replaced; NULL without memory. Frees the old one. */
static char *replaced(char *text, const char *line, const char *meant, fault *e)
{
	const char *at = strstr(text, line);
	if (!at)
		return text;
	const size_t before = (size_t)(at - text), size = strlen(text) + strlen(meant) + 1;
	char *out = mem_new(size, 1, e);
	if (out)
		snprintf(out, size, "%.*s%s%s", (int)before, text, meant, at + strlen(line));
	free(text);
	return out;
}

bool saved_config(const checkpoint_info *info, config *out, fault *e)
{
	config_init(out);
	char *text = text_copy(info->config, e);
	for (int i = 0; text && i < COUNT(FORMER); i++)
		if (strcmp(info->program, FORMER[i].program) == 0)
			text = replaced(text, FORMER[i].line, FORMER[i].meant, e);
	const bool ok = text && config_parse(out, text, strlen(text), info->path, e);
	free(text);
	if (!ok)
		config_free(out);
	return ok;
}

/* ---- a run that goes on ---- */

/* "model.leaky 0.1 (not 0.2), ..." */
static void tell(const config *before, const config *c, const int *at, int n, fault *told)
{
	char line[sizeof told->text - 200] = "", was[64], is[64];
	size_t used = 0;
	for (int i = 0; i < n && used < sizeof line; i++)
		used += (size_t)snprintf(line + used, sizeof line - used, "%s%s %s (not %s)", i ? ", " : "",
			config_key_at(at[i])->name, config_value(c, at[i], was, sizeof was),
			config_value(before, at[i], is, sizeof is));
	if (n > 0)
		fault_set(told, "the run keeps what it was started with where the config leaves the choice to the "
			  "network: %s", line);
}

void saved_follow(const char *run, config *c, fault *told)
{
	saved was;
	fault warning;
	int at[CONFIG_KEYS_MAX];
	const config before = *c;                    /* its texts stay c's */
	told->text[0] = '\0';
	bool any;
	if (!rundir_any(run, &any, NULL) || !any || !saved_open(run, &was, &warning, NULL))
		return;
	if (was.cfg.model.network == c->model.network)
		tell(&before, c, at, config_follow(c, &was.cfg, at), told);
	saved_close(&was);
}

/* ---- networks ---- */

bool saved_open(const char *run_or_checkpoint, saved *out, fault *warning, fault *e)
{
	checkpoint_info info;
	if (!rundir_hold_newest(run_or_checkpoint, &out->held, warning, e))
		return false;
	memcpy(out->path, out->held.path, sizeof out->path);
	if (!rundir_hold_info(&out->held, &info, e)) {
		rundir_release(&out->held);
		return false;
	}
	bool ok = saved_config(&info, &out->cfg, e);
	if (!ok)
		rundir_release(&out->held);
	out->class_names = ok ? text_copy(info.class_names ? info.class_names : "", e) : NULL;
	if (ok && (!out->class_names || !config_check(&out->cfg, e))) {
		saved_close(out);
		ok = false;
	}
	out->step = info.step;
	checkpoint_info_free(&info);
	return ok;
}

void saved_close(saved *s)
{
	rundir_release(&s->held);
	config_free(&s->cfg);
	free(s->class_names);
}

/* The group of a file that has this network. */
static const char *group_of(const saved *s, enum net_side side, bool raw)
{
	return side == NET_G && s->cfg.ema.decay > 0 && !raw ? "ema" : net_side_name(side);
}

network *network_open(const saved *from, enum net_side side, bool raw, fault *e)
{
	net_config c;
	state_list l = {0};
	rng first = rng_new(0, "saved");             /* every value is overwritten */
	network *n = config_network(&from->cfg, &c, e) ? network_new(&c, side, &first, e) : NULL;
	if (!n)
		return NULL;
	state_add_module(&l, group_of(from, side, raw), network_module(n));
	const bool ok = checkpoint_load(from->held.open, &l, false, e);
	state_list_free(&l);
	if (ok)
		return n;
	network_free(n);
	return NULL;
}
