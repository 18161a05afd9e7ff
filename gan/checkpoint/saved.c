/* saved.c - a checkpoint's config parsed, its networks built and filled. */
#include "gan/checkpoint/saved.h"

#include <stdio.h>
#include <string.h>

#include "gan/config/config_apply.h"

bool saved_config(const checkpoint_info *info, config *out, error *e)
{
	config_init(out);
	if (config_parse(out, info->config, strlen(info->config), info->path, e))
		return true;
	config_free(out);
	return false;
}

bool saved_open(const char *run_or_checkpoint, saved *out, error *warning, error *e)
{
	checkpoint_info info;
	if (!rundir_resolve(run_or_checkpoint, out->path, sizeof out->path, warning, e)
		|| !checkpoint_read_info(out->path, &info, e))
		return false;
	bool ok = saved_config(&info, &out->cfg, e);
	if (ok && !config_check(&out->cfg, e)) {
		config_free(&out->cfg);
		ok = false;
	}
	out->step = info.step;
	checkpoint_info_free(&info);
	return ok;
}

void saved_close(saved *s)
{
	config_free(&s->cfg);
}

/* The group of a file that has this network. */
static const char *group_of(const saved *s, enum net_side side, bool raw)
{
	return side == NET_G && s->cfg.ema.decay > 0 && !raw ? "ema" : net_side_name(side);
}

network *network_open(const saved *from, enum net_side side, bool raw, error *e)
{
	net_config c;
	state_list l = {0};
	rng first = rng_new(0, "saved");             /* every value is overwritten */
	network *n = config_network(&from->cfg, &c, e) ? network_new(&c, side, &first, e) : NULL;
	if (!n)
		return NULL;
	state_add_module(&l, group_of(from, side, raw), network_module(n));
	const bool ok = checkpoint_load(from->path, &l, false, e);
	state_list_free(&l);
	if (ok)
		return n;
	network_free(n);
	return NULL;
}
