/* saved.c - a checkpoint's config parsed, its networks built and filled. */
#include "gan/checkpoint/saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/peers/peers.h"
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
	char line[sizeof told->text - 200] = "", was[CONFIG_VALUE_MAX], is[CONFIG_VALUE_MAX];
	size_t used = 0;
	for (int i = 0; i < n && used < sizeof line; i++)
		used += (size_t)snprintf(line + used, sizeof line - used, "%s%s %.160s (not %.160s)", i ? ", " : "",
			config_key_at(at[i])->name, config_value_apart(c, before, at[i], was),
			config_value_apart(before, c, at[i], is));
	if (n > 0)
		fault_set(told, "the run keeps what it was started with where the config leaves the choice to the "
			  "network: %s", line);
}

void saved_follow(const char *run, config *c, fault *told)
{
	saved was;
	fault warning, why;
	int at[CONFIG_KEYS_MAX];
	const config before = *c;                    /* its texts stay c's */
	told->text[0] = '\0';
	bool any = false;
	any = peers_rank() == 0 && rundir_any(run, &any, NULL) && any;
	peers_spread(&any, sizeof any);
	if (!any || !saved_open_together(run, &was, &warning, &why))
		return;
	if (was.cfg.model.network == c->model.network)
		tell(&before, c, at, config_follow(c, &was.cfg, at), told);
	saved_close(&was);
}

/* ---- one file ---- */

bool saved_open(const char *run_or_checkpoint, saved *out, fault *warning, fault *e)
{
	*out = (saved){.held = rundir_newest(run_or_checkpoint, warning, e)};
	if (!out->held)
		return false;
	const checkpoint_info *info = checkpoint_about(out->held);
	memcpy(out->path, info->path, sizeof out->path);
	out->step = info->step;
	bool ok = saved_config(info, &out->cfg, e);
	if (!ok) {
		checkpoint_close(out->held);
		out->held = NULL;
		return false;
	}
	out->class_names = text_copy(info->class_names ? info->class_names : "", e);
	ok = out->class_names && config_check(&out->cfg, e);
	if (!ok)
		saved_close(out);
	return ok;
}

bool saved_open_run(const char *folder, saved *out, fault *warning, fault *e)
{
	fault why;
	if (saved_open(folder, out, warning, &why))
		return true;
	return fault_is_now(&why) ? fault_take(e, &why)
		: fault_at(e, folder, "is no run: there is neither config.yaml nor a good checkpoint in it");
}

void saved_let_go(saved *s)
{
	checkpoint_close(s->held);
	s->held = NULL;
}

void saved_close(saved *s)
{
	saved_let_go(s);
	config_free(&s->cfg);
	free(s->class_names);
	s->class_names = NULL;
}

/* ---- together ---- */

/* What the others get of it; behind it come both texts, each with its end. */
typedef struct letter {
	char path[RUN_PATH_MAX];
	int64_t step;
	size_t config, names;                        /* bytes of the texts */
} letter;

/* Rank 0's texts, one behind the other: new/free. */
static char *texts_of(const saved *s, letter *l, fault *e)
{
	char *text = config_text(&s->cfg, e), *both = NULL;
	if (text) {
		*l = (letter){.step = s->step, .config = strlen(text) + 1, .names = strlen(s->class_names) + 1};
		memcpy(l->path, s->path, sizeof l->path);
		both = mem_new(l->config + l->names, 1, e);
	}
	if (both) {
		memcpy(both, text, l->config);
		memcpy(both + l->config, s->class_names, l->names);
	}
	free(text);
	return both;
}

/* The same without the file. */
static bool take_letter(saved *s, const letter *l, const char *texts, fault *e)
{
	*s = (saved){.step = l->step};
	memcpy(s->path, l->path, sizeof s->path);
	config_init(&s->cfg);
	s->class_names = text_copy(texts + l->config, e);
	if (s->class_names && config_parse(&s->cfg, texts, l->config - 1, "rank 0's config", e)
		&& config_check(&s->cfg, e))
		return true;
	saved_close(s);
	return false;
}

bool saved_open_together(const char *run_or_checkpoint, saved *out, fault *warning, fault *e)
{
	const bool first = peers_rank() == 0;
	if (peers_count() == 1)
		return saved_open(run_or_checkpoint, out, warning, e);
	letter l;
	const bool opened = first && saved_open(run_or_checkpoint, out, warning, e);
	char *texts = opened ? texts_of(out, &l, e) : NULL;
	bool ok = peers_agree(!first || texts, e), taken = false;
	if (ok)
		peers_spread(&l, sizeof l);
	if (ok && !first)
		texts = mem_new(l.config + l.names, 1, e);
	if (ok && (ok = peers_agree(texts != NULL, e))) {
		peers_spread(texts, l.config + l.names);
		taken = !first && take_letter(out, &l, texts, e);
		ok = peers_agree(first || taken, e);
	}
	free(texts);
	if (!ok && (opened || taken))
		saved_close(out);
	out->together = true;
	return ok;
}

/* ---- networks ---- */

/* The group of a file that has this network. */
static const char *group_of(const saved *s, enum net_side side, bool raw)
{
	return side == NET_G && s->cfg.ema.decay > 0 && !raw ? "ema" : net_side_name(side);
}

static bool load(const saved *from, enum net_side side, bool raw, module *m, fault *e)
{
	state_list l = {0};
	state_add_module(&l, group_of(from, side, raw), m);
	const bool ok = checkpoint_fill(from->held, &l, false, e);
	state_list_free(&l);
	return ok;
}

/* Rank 0 loads, the others get the numbers. */
static bool load_together(const saved *from, enum net_side side, bool raw, module *m, fault *e)
{
	if (!peers_agree(m && (peers_rank() > 0 || load(from, side, raw, m, e)), e))
		return false;
	peers_spread(module_param_block(m), (size_t)module_block_size(m) * sizeof(real));
	peers_spread(module_state_block(m), (size_t)module_state_size(m) * sizeof(real));
	return true;
}

network *network_open(const saved *from, enum net_side side, bool raw, fault *e)
{
	net_config c;
	rng first = rng_new(0, "saved");             /* every value is overwritten */
	network *n = config_network(&from->cfg, &c, e) ? network_new(&c, side, &first, e) : NULL;
	module *m = n ? network_module(n) : NULL;
	if (from->together ? load_together(from, side, raw, m, e) : m && load(from, side, raw, m, e))
		return n;
	network_free(n);
	return NULL;
}
