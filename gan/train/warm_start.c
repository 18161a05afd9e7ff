/* warm_start.c - a trainer begins with what another run learnt, and may keep the first stages of its D as they are. */
#include "gan/train/trainer_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/checkpoint/rundir.h"
#include "gan/checkpoint/saved.h"

/* Lines that are worth a place on the screen; what follows is counted. */
enum { LINES_MAX = 12, LINE_MAX = 512 };

/* The average of a run without one is its generator. */
static const char *group_of_average(const checkpoint_info *info, fault *e)
{
	config cfg;
	const bool read = saved_config(info, &cfg, e), averaged = read && cfg.ema.decay > 0;
	if (read)
		config_free(&cfg);
	return !read ? NULL : averaged ? "ema" : net_side_name(NET_G);
}

static bool list_networks(trainer *t, const checkpoint_info *from, state_list *l, fault *e)
{
	const char *average = group_of_average(from, e);
	if (!average)
		return false;
	state_add_module(l, net_side_name(NET_G), t->pg.m);
	state_add_module(l, net_side_name(NET_D), t->pd.m);
	if (t->average)
		state_add_module(l, average, network_module(t->average));
	return !l->failed || fault_set(e, "out of memory while listing the networks");
}

typedef struct speaker {
	void *ctx;
	void (*note)(void *ctx, const char *line);
} speaker;

static void tell_item(const speaker *to, const state_item *it, const item_fit *f)
{
	char line[LINE_MAX];
	const shape_text here = shape_print(&it->s), there = shape_print(&f->s);
	snprintf(line, sizeof line, "  starts new: %.200s %.100s, %s%.100s", it->path + 1, here.s,
		 f->there ? "there " : "not there", f->there ? there.s : "");
	to->note(to->ctx, line);
}

/* The average has the names of G: what is said of G need not be said again. */
static void tell(const speaker *to, const char *path, int64_t step, const state_list *l, const item_fit *fit, int first,
		 int fits)
{
	char line[RUN_PATH_MAX + 128];
	int told = 0, more = 0;
	snprintf(line, sizeof line, "begins with %.1000s (step %lld): %d of %d arrays fit", path, (long long)step, fits,
		 l->n);
	to->note(to->ctx, line);
	for (int i = 0; i < first; i++)
		if (fit[i].fits)
			continue;
		else if (told++ < LINES_MAX)
			tell_item(to, &l->item[i], &fit[i]);
		else
			more++;
	snprintf(line, sizeof line, "  and %d more", more);
	if (more)
		to->note(to->ctx, line);
}

/* What fits of an open checkpoint. */
static bool begin_with(trainer *t, checkpoint *c, const speaker *to, fault *e)
{
	const checkpoint_info *from = checkpoint_about(c);
	state_list l = {0};
	item_fit *fit = list_networks(t, from, &l, e) ? mem_zero((size_t)l.n, sizeof *fit, e) : NULL;
	bool ok = fit && checkpoint_take(c, &l, fit, e);
	int fits = 0;
	for (int i = 0; ok && i < l.n; i++)
		fits += fit[i].fits;
	if (ok && fits == 0)
		ok = fault_set(e, "%s: no array of its networks has the name and the shape of one here", from->path);
	if (ok) {
		const module *g = t->pg.m, *d = t->pd.m;
		snprintf(t->began_from, sizeof t->began_from, "%.1000s (step %lld, checksum %s)", from->path,
			(long long)from->step, from->checksum);
		tell(to, from->path, from->step, &l, fit,
			module_params(g) + module_states(g) + module_params(d) + module_states(d), fits);
	}
	free(fit);
	state_list_free(&l);
	return ok;
}

bool trainer_begin_from(trainer *t, const char *run_or_checkpoint, void *ctx, void (*note)(void *ctx, const char *line),
			fault *e)
{
	fault warning = {.text = ""};
	const speaker to = {ctx, note};
	checkpoint *c = rundir_newest(run_or_checkpoint, &warning, e);
	if (c && warning.text[0])
		note(ctx, warning.text);
	const bool ok = c && begin_with(t, c, &to, e);
	checkpoint_close(c);
	return ok;
}

/* ---- stages of D that do not learn ---- */

bool trainer_may_freeze_d(const trainer *t, int n, fault *e)
{
	const int stages = network_stages(t->d);
	return (n >= 0 && n <= stages)
		|| fault_set(e, "--freeze-d %d: D has %d blocks; must be 0 to %d", n, stages, stages);
}

bool trainer_freeze_d(trainer *t, int n, fault *e)
{
	const module *m = t->pd.m;
	if (!trainer_may_freeze_d(t, n, e))
		return false;
	const int params = network_stage_params(t->d, n);
	const int64_t size = params == module_params(m) ? module_block_size(m)
		: module_param_at(m, params)->x - module_param_block(m);
	real *copy = n ? mem_new((size_t)size, sizeof *copy, e) : NULL;
	if (n && !copy)
		return false;
	if (copy)
		memcpy(copy, module_param_block(m), (size_t)size * sizeof *copy);
	free(t->frozen_params);
	t->frozen_params = copy;
	t->frozen_size = n ? size : 0;
	t->frozen = n;
	return true;
}
