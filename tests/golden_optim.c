/* Trajectories of update rules: keras_optimizers and torch_optimizers, files with a shape of their own. */
#include "core/base/local.h"
#include "tests/golden.h"

#include "optim/ema.h"
#include "optim/gradient.h"
#include "optim/optimizer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A number, or `none` where the attribute is absent or the text "None". */
static double number(h5 *f, const char *group, const char *name, double none)
{
	double x = none;
	char kind = h5_attr_kind(f, group, name);
	if (kind == 'i' || kind == 'f')
		h5_attr_f64(f, group, name, &x, NULL);
	return x;
}

/* "/case/part/name" as double, `count` elements (-1: any; *n tells). NULL with e set on failure. */
static double *values(h5 *f, const char *group, const char *part, const char *name, int64_t count, int64_t *n, fault *e)
{
	char path[512];
	h5_info info;
	snprintf(path, sizeof path, "%s/%s/%s", group, part, name);
	if (!h5_stat(f, path, &info, e))
		return NULL;
	*n = count < 0 ? shape_count(&info.s) : count;
	double *x = mem_new((size_t)*n, sizeof *x, e);
	if (x && h5_read_f64(f, path, x, *n, e))
		return x;
	free(x);
	return NULL;
}

/* max|x - ref| over the row, relative to the largest of all rows. */
static void compare(const real *x, const double *row, int64_t n, const double *all, int64_t rows, double *worst)
{
	double off = 0, size = 0;
	for (int64_t i = 0; i < n; i++) {
		double d = fabs((double)x[i] - row[i]);
		off = d > off || isnan(d) ? d : off;
	}
	for (int64_t i = 0; i < n * rows; i++)
		size = fmax(size, fabs(all[i]));
	off = off == 0 ? 0 : off / size;
	if (!(off <= *worst))
		*worst = off;
}

static bool rule_of(h5 *f, const char *group, enum update_rule *rule, fault *e)
{
	static const struct {
		const char *name;
		enum update_rule rule;
	} rows[] = {
		{"Adam", RULE_ADAM}, {"AdamW", RULE_ADAMW}, {"SGD", RULE_SGD}, {"RMSprop", RULE_RMSPROP},
	};
	char layer[64];
	if (!h5_attr_text(f, group, "layer", layer, sizeof layer, e))
		return false;
	const char *name = strrchr(layer, '.') ? strrchr(layer, '.') + 1 : layer;
	for (int i = 0; i < COUNT(rows); i++) {
		*rule = rows[i].rule;
		if (!strcmp(name, rows[i].name))
			return true;
	}
	return fault_set(e, "%s: unknown optimizer %s", group, layer);
}

/* ---- Keras: two parameters in one block, with room between as in a module's block ---- */

enum { VARS = 2, ROOM = 32 };

static const char *const var_name[VARS] = {"00_w", "01_w"};

struct keras {
	h5 *f;
	const char *group;
	fault *e;
	optimizer *o;
	real p[VARS * ROOM], g[VARS * ROOM], average[VARS * ROOM];
	int64_t steps, n[VARS];
	double *grad[VARS];
	double *worst;
};

static double keras_number(const struct keras *k, const char *name)
{
	return number(k->f, k->group, name, 0);
}

/* Keras clips per variable by value or norm, or all variables by their common norm. */
static void keras_clip(struct keras *k)
{
	double by_value = keras_number(k, "clipvalue"), by_norm = keras_number(k, "clipnorm");
	double by_all = keras_number(k, "global_clipnorm");
	for (int i = 0; i < VARS; i++) {
		if (by_value > 0)
			gradient_clip_value(k->g + i * ROOM, k->n[i], by_value);
		if (by_norm > 0)
			gradient_clip_norm(k->g + i * ROOM, k->n[i], by_norm);
	}
	if (by_all > 0)
		gradient_clip_norm(k->g, VARS * ROOM, by_all);
}

/* Row s of the trajectory of set `var[i]` (one row in all when s < 0) against the block x. */
static bool keras_compare(struct keras *k, const char *part, const char *const var[VARS], int64_t s, const real *x)
{
	for (int i = 0; i < VARS; i++) {
		int64_t rows = s < 0 ? 1 : k->steps, row = s < 0 ? 0 : s, n;
		double *ref = values(k->f, k->group, part, var[i], k->n[i] * rows, &n, k->e);
		if (!ref)
			return false;
		compare(x + i * ROOM, ref + row * k->n[i], k->n[i], ref, rows, k->worst);
		free(ref);
	}
	return true;
}

/* The block of a file's set "m.w0". With beta1 = 0 and momentum = 0 Keras still keeps an m, the gradient or
 * zeros; we keep none, and *skip is set. */
static const real *keras_slot(const struct keras *k, const char *set, bool *skip)
{
	static const char *const ours[][2] = {{"m.", "m"}, {"v.", "v"}, {"vhat.", "vhat"}, {"velocity.", "v"}};
	*skip = !strncmp(set, "m.", 2) && keras_number(k, "beta_1") == 0 && keras_number(k, "momentum") == 0;
	if (!strncmp(set, "average.", 8))
		return k->average;
	for (int r = 0; r < COUNT(ours); r++)
		for (int i = 0; !strncmp(set, ours[r][0], strlen(ours[r][0])) && i < optimizer_slots(k->o); i++)
			if (!strcmp(optimizer_slot_name(k->o, i), ours[r][1]))
				return optimizer_slot(k->o, i);
	return NULL;
}

static bool keras_compare_slots(struct keras *k, int64_t s)
{
	h5_names sets;
	char path[512];
	snprintf(path, sizeof path, "%s/state64", k->group);
	if (!h5_list(k->f, path, &sets, k->e))
		return false;
	bool ok = true;
	for (int i = 0; ok && i < sets.n; i++) {
		const char *first = sets.name[i];
		size_t stem = strlen(first) - 1;
		char second[128];
		bool skip;
		if (first[stem] != '0')
			continue;
		snprintf(second, sizeof second, "%.*s1", (int)stem, first);
		const real *slot = keras_slot(k, first, &skip);
		if (!slot && !skip)
			ok = fault_set(k->e, "%s: we have no slot %s", k->group, first);
		else if (slot)
			ok = keras_compare(k, "state64", (const char *const[]){first, second}, s, slot);
	}
	h5_names_free(&sets);
	return ok;
}

static bool keras_read(struct keras *k)
{
	for (int i = 0; i < VARS; i++) {
		int64_t n;
		double *w = values(k->f, k->group, "weight", var_name[i], -1, &k->n[i], k->e);
		if (!w || k->n[i] > ROOM) {
			free(w);
			return w ? fault_set(k->e, "%s: more than %d elements", k->group, ROOM) : false;
		}
		for (int64_t j = 0; j < k->n[i]; j++)
			k->p[i * ROOM + j] = (real)w[j];
		free(w);
		k->grad[i] = values(k->f, k->group, "input", var_name[i], k->n[i] * k->steps, &n, k->e);
		if (!k->grad[i])
			return false;
	}
	memcpy(k->average, k->p, sizeof k->p);       /* Keras starts its average at the weights */
	return true;
}

static bool keras_start(struct keras *k)
{
	enum update_rule rule;
	if (!rule_of(k->f, k->group, &rule, k->e))
		return false;
	optimizer_config c = {
		.rule = rule, .form = UPDATE_KERAS, .beta1 = keras_number(k, "beta_1"),
		.beta2 = keras_number(k, rule == RULE_RMSPROP ? "rho" : "beta_2"), .eps = keras_number(k, "epsilon"),
		.weight_decay = keras_number(k, "weight_decay"), .momentum = keras_number(k, "momentum"),
		.nesterov = keras_number(k, "nesterov") != 0, .amsgrad = keras_number(k, "amsgrad") != 0,
	};
	k->steps = (int64_t)keras_number(k, "steps");
	if (k->steps < 1 || keras_number(k, "centered") != 0)
		return fault_set(k->e, "%s: no steps, or a centred RMSprop, which is not ours", k->group);
	k->o = optimizer_new(&c, VARS * ROOM, k->e);
	return k->o && keras_read(k);
}

static bool keras_step(struct keras *k, int64_t s)
{
	bool averaged = keras_number(k, "use_ema") != 0;
	int64_t every = averaged ? (int64_t)keras_number(k, "ema_overwrite_frequency") : 0;
	for (int i = 0; i < VARS; i++)
		for (int64_t j = 0; j < k->n[i]; j++)
			k->g[i * ROOM + j] = (real)k->grad[i][s * k->n[i] + j];
	keras_clip(k);
	optimizer_step(k->o, k->p, k->g, keras_number(k, "learning_rate"));
	if (averaged)
		ema_update(k->average, k->p, VARS * ROOM, keras_number(k, "ema_momentum"), 0, s);
	if (every > 0 && (s + 1) % every == 0)
		memcpy(k->p, k->average, sizeof k->p);
	if (!keras_compare(k, "output64", var_name, s, k->p) || !keras_compare_slots(k, s))
		return false;
	return !averaged || s + 1 < k->steps || keras_compare(k, "finalized64", var_name, -1, k->average);
}

bool golden_keras_optimizer(h5 *f, const char *group, double *worst, fault *e)
{
	struct keras k = {.f = f, .group = group, .e = e, .worst = worst};
	bool ok = keras_start(&k);
	for (int64_t s = 0; ok && s < k.steps; s++)
		ok = keras_step(&k, s);
	for (int i = 0; i < VARS; i++)
		free(k.grad[i]);
	optimizer_free(k.o);
	return ok;
}

/* ---- PyTorch: one parameter, gradients and results per step; absent arguments have its defaults ---- */

static bool torch_step(h5 *f, const char *group, int s, optimizer *o, real *p, real *g, double *worst, fault *e)
{
	char name[16];
	int64_t n = optimizer_size(o), m;
	snprintf(name, sizeof name, "%d", s);
	double *grad = values(f, group, "input", name, n, &m, e), *ref = values(f, group, "output64", name, n, &m, e);
	bool ok = grad && ref;
	for (int64_t i = 0; ok && i < n; i++)
		g[i] = (real)grad[i];
	if (ok) {
		optimizer_step(o, p, g, number(f, group, "lr", 0));
		compare(p, ref, n, ref, 1, worst);
	}
	free(grad);
	free(ref);
	return ok;
}

bool golden_torch_optimizer(h5 *f, const char *group, double *worst, fault *e)
{
	enum update_rule rule;
	char path[512];
	h5_names steps = {0, NULL};
	int64_t n = 0;
	if (!rule_of(f, group, &rule, e))
		return false;
	optimizer_config c = {
		.rule = rule, .form = UPDATE_TORCH,
		.beta1 = number(f, group, "beta1", 0.9), .beta2 = number(f, group, "beta2", 0.999),
		.eps = number(f, group, "eps", 1e-8), .weight_decay = number(f, group, "weight_decay", 0),
		.momentum = number(f, group, "momentum", 0), .nesterov = number(f, group, "nesterov", 0) != 0,
		.amsgrad = number(f, group, "amsgrad", 0) != 0,
	};
	double *start = values(f, group, "weight", "00_param", -1, &n, e);
	optimizer *o = start ? optimizer_new(&c, n, e) : NULL;
	real *p = o ? mem_new(2 * (size_t)n, sizeof *p, e) : NULL;
	snprintf(path, sizeof path, "%s/input", group);
	bool ok = p && h5_list(f, path, &steps, e) && (steps.n > 0 || fault_set(e, "%s: no steps", group));
	for (int64_t i = 0; ok && i < n; i++)
		p[i] = (real)start[i];
	for (int s = 0; ok && s < steps.n; s++)
		ok = torch_step(f, group, s, o, p, p + n, worst, e);
	h5_names_free(&steps);
	optimizer_free(o);
	free(start);
	free(p);
	return ok;
}
