/* adopt.c - which weights of a file belong to which layer of a model.
 *
 * First every layer gets references into the file's list (names, else counters or positions), then all are
 * checked against what the classes want, then the arrays move. Nothing changes before all is well. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keras/build.h"
#include "keras/files.h"
#include "keras/read.h"

enum { REFS_MAX = 64 };

/* Weight k of layer `layer` of the file. */
typedef struct ref {
	int layer, k;
} ref;

typedef struct match {
	int n;
	ref from[REFS_MAX];
} match;

typedef struct adoption {
	keras_model *m, *w;
	match *to;                                   /* own, [m->layers] */
	keras_wants *want;                           /* own, [m->layers]; NULL: a class is not known */
	error unknown;                               /* which */
	int *order;                                  /* own, [m->layers]: model.layers of Keras */
	int wrong;                                   /* lines of the report */
	keras_line line;
	void *ctx;
	error *e;
} adoption;

/* ---- reports ---- */

static void report(adoption *a, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void report(adoption *a, const char *fmt, ...)
{
	char text[400];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (a->wrong++ == 0)
		error_set(a->e, "%s", text);
	if (a->line)
		a->line(a->ctx, text);
}

/* The first complaint, with how many more there are. */
static bool verdict(adoption *a)
{
	char first[sizeof a->e->text];
	if (a->wrong < 2)
		return a->wrong == 0;
	if (a->e) {
		snprintf(first, sizeof first, "%s", a->e->text);
		error_set(a->e, "%.900s (and %d more layers do not agree)", first, a->wrong - 1);
	}
	return false;
}

/* ---- references ---- */

static bool add_ref(match *t, int layer, int k)
{
	if (t->n == REFS_MAX)
		return false;
	t->from[t->n++] = (ref){layer, k};
	return true;
}

static const keras_weight *weight_at(const adoption *a, ref r)
{
	return &a->w->layer[r.layer].weight[r.k];
}

static bool is_spectral(const keras_layer *l)
{
	return !strcmp(l->class_name, "SpectralNormalization");
}

/* Frozen layers were saved as kernel, u, bias: u is the (1, k) between the kernel and a vector. */
static void unfreeze(const adoption *a, match *t)
{
	if (t->n != 3)
		return;
	const shape *second = &weight_at(a, t->from[1])->s, *third = &weight_at(a, t->from[2])->s;
	if (second->rank == 2 && second->dim[0] == 1 && third->rank == 1) {
		const ref u = t->from[1];
		t->from[1] = t->from[2];
		t->from[2] = u;
	}
}

/* All weights of layer j of the file for layer i of the model. */
static bool take_whole(adoption *a, int i, int j)
{
	const keras_layer *from = &a->w->layer[j];
	a->to[i].n = 0;
	for (int k = 0; k < from->weights; k++)
		if (!add_ref(&a->to[i], j, k)) {
			report(a, "layer %s: %d weights in the file", a->m->layer[i].name, from->weights);
			return false;
		}
	if (is_spectral(&a->m->layer[i]))
		unfreeze(a, &a->to[i]);
	return true;
}

/* ---- what the classes say ---- */

/* Whether layer i wants weights. Layers of unknown classes cannot be asked. */
static bool owns(const adoption *a, int i)
{
	return a->want && a->want[i].n > 0;
}

static bool needs_classes(adoption *a)
{
	if (a->want)
		return true;
	report(a, "%s", a->unknown.text);
	return false;
}

/* ---- nested models: one entry with a flat list ---- */

/* "gen.fc" lies in the nested model "gen". */
static bool lies_in(const char *layer, const char *model)
{
	const size_t n = strlen(model);
	return !strncmp(layer, model, n) && layer[n] == '.';
}

/* Where a flat list puts weight k of a layer: in two rounds, trained ones first, or layer by layer. */
static bool in_round(const keras_wanted *w, bool by_layer, int round)
{
	return by_layer ? round == 0 : w->trained == (round == 0);
}

/* Hands the list of file layer j out to the layers of `nested`. names: the weights' names must agree too. */
static bool hand_out(adoption *a, const char *nested, int j, bool by_layer, bool names)
{
	const keras_layer *from = &a->w->layer[j];
	int at = 0;
	for (int i = 0; i < a->m->layers; i++)
		if (lies_in(a->m->layer[i].name, nested))
			a->to[i].n = 0;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < a->m->layers; i++)
			for (int k = 0; lies_in(a->m->layer[i].name, nested) && k < a->want[i].n; k++) {
				if (!in_round(&a->want[i].w[k], by_layer, round))
					continue;
				if (at == from->weights || !add_ref(&a->to[i], j, at++))
					return false;
			}
	if (at != from->weights)
		return false;
	for (int i = 0; i < a->m->layers; i++) {
		if (!lies_in(a->m->layer[i].name, nested))
			continue;
		if (by_layer && is_spectral(&a->m->layer[i]))
			unfreeze(a, &a->to[i]);
		for (int k = 0; k < a->to[i].n; k++) {
			const keras_weight *w = weight_at(a, a->to[i].from[k]);
			if (!shape_equal(&w->s, &a->want[i].w[k].s) || (names && strcmp(w->name, a->want[i].w[k].name)))
				return false;
		}
	}
	return true;
}

static bool take_nested(adoption *a, const char *nested, int j)
{
	if (!needs_classes(a))
		return false;
	for (int names = 1; names >= 0; names--)
		for (int by_layer = 0; by_layer < 2; by_layer++)
			if (hand_out(a, nested, j, by_layer, names))
				return true;
	report(a, "nested model %s: its layers do not fit the list of %d weights in the file", nested,
		a->w->layer[j].weights);
	return false;
}

/* ---- legacy: by name, else by position ---- */

static bool has_nested(const adoption *a, const char *name)
{
	for (int i = 0; i < a->m->layers; i++)
		if (lies_in(a->m->layer[i].name, name))
			return true;
	return false;
}

static bool all_named(const adoption *a)
{
	for (int j = 0; j < a->w->layers; j++)
		if (keras_find(a->m, a->w->layer[j].name) < 0 && !has_nested(a, a->w->layer[j].name))
			return false;
	return true;
}

static bool legacy_by_name(adoption *a)
{
	for (int j = 0; j < a->w->layers; j++) {
		const char *name = a->w->layer[j].name;
		const int i = keras_find(a->m, name);
		if (i >= 0 ? !take_whole(a, i, j) : !take_nested(a, name, j))
			return false;
	}
	return true;
}

/* The nested model that layer i lies in, "" for none. */
static void nested_of(const adoption *a, int i, bool nesting, char out[KERAS_NAME])
{
	const char *name = a->m->layer[i].name;
	snprintf(out, KERAS_NAME, "%.*s", nesting && strchr(name, '.') ? (int)strcspn(name, ".") : 0, name);
}

/* Layers, or whole nested models, that own weights, in order; calls take for the k-th of them when take. How many. */
static int units(adoption *a, bool nesting, bool take)
{
	char last[KERAS_NAME] = "", now[KERAS_NAME];
	int n = 0;
	for (int o = 0; o < a->m->layers; o++) {
		const int i = nesting ? o : a->order[o];
		if (!owns(a, i))
			continue;
		nested_of(a, i, nesting, now);
		const bool again = *now && !strcmp(now, last);
		snprintf(last, sizeof last, "%s", now);
		if (again)
			continue;
		if (take && !(*now ? take_nested(a, now, n) : take_whole(a, i, n)))
			return -1;
		n++;
	}
	return n;
}

static bool legacy_by_position(adoption *a)
{
	if (!needs_classes(a))
		return false;
	for (int nesting = 0; nesting < 2; nesting++)
		if (units(a, nesting, false) == a->w->layers)
			return units(a, nesting, true) >= 0;
	report(a, "Layer count mismatch: the model has %d layers with weights, the file %d", units(a, false, false),
		a->w->layers);
	return false;
}

/* ---- native: by class and counter ---- */

/* "conv2d_3" of the group `in` ("functional", "" at the top). */
static void native_key(const char *in, const char *class_name, int count, char *out, size_t size)
{
	char snake[2 * KERAS_NAME], number[16] = "";
	keras_snake(class_name, snake);
	if (count)
		snprintf(number, sizeof number, "_%d", count);
	snprintf(out, size, "%s%s%s%s", in, *in ? "." : "", snake, number);
}

/* Everything under a key: own variables and those of what is inside. A wrapper's own first two are copies of the inner
 * kernel and u. */
static bool take_key(adoption *a, int i, const char *key)
{
	const bool spectral = is_spectral(&a->m->layer[i]);
	const int own = keras_find(a->w, key);
	const size_t n = strlen(key);
	bool ok = true;
	a->to[i].n = 0;
	if (own >= 0 && !spectral && !take_whole(a, i, own))
		return false;
	for (int j = 0; ok && j < a->w->layers; j++)
		for (int k = 0; !strncmp(a->w->layer[j].name, key, n) && a->w->layer[j].name[n] == '.' &&
		     k < a->w->layer[j].weights; k++)
			ok = ok && add_ref(&a->to[i], j, k);
	if (ok && spectral && own >= 0 && a->w->layer[own].weights > 0)
		ok = add_ref(&a->to[i], own, a->w->layer[own].weights - 1);
	if (!ok)
		report(a, "layer %s: too many weights in the file", a->m->layer[i].name);
	return ok;
}

/* Layers of one model (those of `nested`, "" the flat ones) from one group, in the order in which counters ran. */
static bool take_group(adoption *a, const char *nested, const char *group, bool nesting)
{
	char key[4 * KERAS_NAME], in[KERAS_NAME];
	for (int o = 0; o < a->m->layers; o++) {
		const int i = nesting ? o : a->order[o];
		const char *class_name = a->m->layer[i].class_name;
		int count = 0;
		nested_of(a, i, nesting, in);
		if (strcmp(in, nested))
			continue;
		for (int p = 0; p < o; p++) {
			const int before = nesting ? p : a->order[p];
			nested_of(a, before, nesting, in);
			count += !strcmp(in, nested) && !strcmp(a->m->layer[before].class_name, class_name);
		}
		native_key(group, class_name, count, key, sizeof key);
		if (!take_key(a, i, key))
			return false;
	}
	return true;
}

/* Groups at the top that are models: "functional", "sequential_1". Their names are a class's, so one that layers of the
 * model may have is none. */
static bool is_model_group(const char *name)
{
	static const char *const model[] = {"functional", "sequential", "model"};
	for (int i = 0; i < COUNT(model); i++) {
		const size_t n = strlen(model[i]);
		if (!strncmp(name, model[i], n) && (name[n] == '.' || (name[n] == '_' && isdigit((unsigned char)name[n + 1]))))
			return true;
	}
	return false;
}

/* The next group of a nested model after the `used` first ones, in the order of the file. */
static bool group_at(const adoption *a, int which, char out[KERAS_NAME])
{
	char last[KERAS_NAME] = "";
	int n = 0;
	for (int j = 0; j < a->w->layers; j++) {
		const char *name = a->w->layer[j].name;
		const int len = (int)strcspn(name, ".");
		if (!is_model_group(name) || (!strncmp(name, last, (size_t)len) && !last[len]))
			continue;
		snprintf(last, sizeof last, "%.*s", len, name);
		if (n++ == which) {
			snprintf(out, KERAS_NAME, "%s", last);
			return true;
		}
	}
	return false;
}

static bool fits(const adoption *a, const char *nested)
{
	char in[KERAS_NAME];
	for (int i = 0; i < a->m->layers; i++) {
		nested_of(a, i, true, in);
		if (strcmp(in, nested))
			continue;
		if (a->to[i].n != a->want[i].n)
			return false;
		for (int k = 0; k < a->want[i].n; k++)
			if (!shape_equal(&weight_at(a, a->to[i].from[k])->s, &a->want[i].w[k].s))
				return false;
	}
	return true;
}

/* Each nested model gets the first unused group whose weights fit it. */
static bool native_nested(adoption *a)
{
	enum { GROUPS_MAX = 64 };
	bool used[GROUPS_MAX] = {false};
	char nested[KERAS_NAME], last[KERAS_NAME] = "", group[KERAS_NAME];
	if (!needs_classes(a))
		return false;
	for (int i = 0; i < a->m->layers; i++) {
		nested_of(a, i, true, nested);
		if (!*nested || !strcmp(nested, last))
			continue;
		snprintf(last, sizeof last, "%s", nested);
		bool found = false;
		for (int g = 0; !found && g < GROUPS_MAX && group_at(a, g, group); g++)
			if (!used[g] && take_group(a, nested, group, true) && fits(a, nested))
				found = used[g] = true;
		if (!found) {
			report(a, "nested model %s: no group of the file has its weights", nested);
			return false;
		}
	}
	return true;
}

static bool native_by_counter(adoption *a)
{
	char group[KERAS_NAME];
	const bool nesting = group_at(a, 0, group);
	return take_group(a, "", "", nesting) && (!nesting || native_nested(a));
}

/* Keras 3.15 writes the layers' own names too. */
static const char *true_name(const adoption *a, int j)
{
	return keras_text(&a->w->layer[j], "name", NULL);
}

static bool native_names_agree(const adoption *a)
{
	for (int j = 0; j < a->w->layers; j++) {
		const char *name = true_name(a, j);
		if (!name || (!strchr(a->w->layer[j].name, '.') && keras_find(a->m, name) < 0))
			return false;
	}
	return a->w->layers > 0;
}

/* By the names, so that the order of parallel branches does not matter. */
static bool native_by_name(adoption *a)
{
	for (int j = 0; j < a->w->layers; j++)
		if (!strchr(a->w->layer[j].name, '.') &&
		    !take_key(a, keras_find(a->m, true_name(a, j)), a->w->layer[j].name))
			return false;
	return true;
}

/* ---- checking and moving ---- */

/* Layers of a class come from a model that has taken its weights already; where it did not know the class, they still
 * are called "0", "1". */
static bool is_native(const adoption *a)
{
	const keras_layer *first = a->w->layer;
	return a->w->layers > 0 && !*first->class_name && first->weights > 0 && !strcmp(first->weight[0].name, "0");
}

static void check_layer(adoption *a, int i)
{
	const keras_layer *l = &a->m->layer[i];
	const keras_wants *want = &a->want[i];
	const match *t = &a->to[i];
	if (t->n != want->n) {
		report(a, "Weight count mismatch for layer #%d (named %s, %s). Layer expects %d weight(s). Received %d saved "
			"weight(s)", i, l->name, l->class_name, want->n, t->n);
		return;
	}
	for (int k = 0; k < want->n; k++) {
		const keras_weight *w = weight_at(a, t->from[k]);
		if (shape_equal(&w->s, &want->w[k].s))
			continue;
		report(a, "Shape mismatch in layer #%d (named %s, %s) for weight %s: the layer has %s, the file %s", i, l->name,
			l->class_name, want->w[k].name, shape_print(&want->w[k].s).s, shape_print(&w->s).s);
		return;
	}
}

/* Every weight of the file has one place, except the copies that a wrapper keeps. */
static void check_leftovers(adoption *a)
{
	for (int j = 0; j < a->w->layers; j++) {
		const keras_layer *l = &a->w->layer[j];
		int used = 0;
		for (int i = 0; i < a->m->layers; i++)
			for (int k = 0; k < a->to[i].n; k++)
				used += a->to[i].from[k].layer == j;
		if (used == 0 && l->weights > 0)
			report(a, "layer %s of the file, %d weight(s): the model has no such layer", l->name, l->weights);
	}
}

/* Moves arrays; memory that fails leaves m without weights, so all room is made first. */
static bool move_all(adoption *a)
{
	keras_model *m = a->m;
	keras_weight **fresh = mem_zero((size_t)m->layers, sizeof *fresh, a->e);
	bool ok = fresh != NULL;
	for (int i = 0; ok && i < m->layers; i++)
		ok = (fresh[i] = mem_zero((size_t)a->to[i].n, sizeof **fresh, a->e)) != NULL;
	for (int i = 0; ok && i < m->layers; i++) {
		keras_layer *l = &m->layer[i];
		for (int k = 0; k < l->weights; k++)
			free(l->weight[k].x);
		free(l->weight);
		l->weight = fresh[i];
		l->weights = a->to[i].n;
		fresh[i] = NULL;
		for (int k = 0; k < l->weights; k++) {
			const ref r = a->to[i].from[k];
			keras_weight *from = &a->w->layer[r.layer].weight[r.k];
			l->weight[k] = *from;
			if (a->want)
				snprintf(l->weight[k].name, KERAS_NAME, "%s", a->want[i].w[k].name);
			from->x = NULL;
			from->s = SHAPE(0);
		}
	}
	for (int i = 0; fresh && i < m->layers; i++)
		free(fresh[i]);
	free(fresh);
	return ok;
}

static bool adopt(adoption *a)
{
	bool ok;
	if (!is_native(a))
		ok = all_named(a) ? legacy_by_name(a) : legacy_by_position(a);
	else
		ok = native_names_agree(a) ? native_by_name(a) : native_by_counter(a);
	for (int i = 0; ok && a->want && i < a->m->layers; i++)
		check_layer(a, i);
	if (ok)
		check_leftovers(a);
	return verdict(a) && ok && move_all(a);
}

/* A model with weights shows what it wants, whether or not we know its classes. */
static bool wants_as_they_are(adoption *a)
{
	if (keras_count(a->m) == 0)
		return false;
	for (int i = 0; i < a->m->layers; i++) {
		const keras_layer *l = &a->m->layer[i];
		keras_wants *want = &a->want[i];
		if (l->weights > KERAS_WEIGHTS_MAX)
			return false;
		want->n = l->weights;
		for (int k = 0; k < l->weights; k++) {
			want->w[k] = (keras_wanted){.s = l->weight[k].s, .trained = true};
			snprintf(want->w[k].name, KERAS_NAME, "%s", l->weight[k].name);
		}
	}
	return true;
}

bool keras_adopt(keras_model *m, keras_model *weights, keras_line line, void *ctx, error *e)
{
	const size_t n = (size_t)m->layers;
	adoption a = {.m = m, .w = weights, .line = line, .ctx = ctx, .e = e};
	a.to = mem_zero(n, sizeof *a.to, e);
	a.want = a.to ? mem_zero(n, sizeof *a.want, e) : NULL;
	a.order = a.want ? mem_new(n, sizeof *a.order, e) : NULL;
	bool ok = a.order && keras_order(m, a.order, e);
	if (ok && !keras_weights_wanted(m, a.want, &a.unknown) && !wants_as_they_are(&a)) {
		free(a.want);
		a.want = NULL;
	}
	ok = ok && adopt(&a);
	free(a.to);
	free(a.want);
	free(a.order);
	return ok;
}
