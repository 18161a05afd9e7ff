/* match_legacy.c - the legacy layout: layers by name where all names are found, else by position; nested models as
 * one entry with the flat list of their weights. */
#include "gan/keras/file/match_internal.h"

#include <stdio.h>
#include <string.h>

/* Whether layer i wants weights. Layers of unknown classes cannot be asked. */
static bool owns(const matching *a, int i)
{
	return a->want && a->want[i].n > 0;
}

/* ---- nested models ---- */

/* "gen.fc" lies in the nested model "gen". */
static bool lies_in(const char *layer, const char *model)
{
	const size_t n = strlen(model);
	return !strncmp(layer, model, n) && layer[n] == '.';
}

/* The orders of a flat list. Keras writes in two rounds: what is trained, then the rest, which has all of a layer whose
 * `trainable` is false. Where the model does not say that (a file of weights alone), none or all were frozen. */
enum order { AS_TRAINABLE_SAYS, TRAINED_FIRST, LAYER_BY_LAYER, ORDERS };

static bool is_frozen(const keras_layer *l)
{
	return keras_number(l, "trainable", 1) == 0;
}

/* Whether this round has weight w of layer l. */
static bool in_round(const keras_layer *l, const keras_wanted *w, enum order order, int round)
{
	const bool first = order == LAYER_BY_LAYER || (w->trained && !(order == AS_TRAINABLE_SAYS && is_frozen(l)));
	return first == (round == 0);
}

/* Hands the list of file layer j out to the layers of `nested`. names: the weights' names must agree too. */
static bool hand_out(matching *a, const char *nested, int j, enum order order, bool names)
{
	const keras_layer *from = &a->w->layer[j];
	int at = 0;
	for (int i = 0; i < a->m->layers; i++)
		if (lies_in(a->m->layer[i].name, nested))
			a->to[i].n = 0;
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < a->m->layers; i++)
			for (int k = 0; lies_in(a->m->layer[i].name, nested) && k < a->want[i].n; k++) {
				if (!in_round(&a->m->layer[i], &a->want[i].w[k], order, round))
					continue;
				if (at == from->weights || !match_add(a, i, j, at++))
					return false;
			}
	if (at != from->weights)
		return false;
	for (int i = 0; i < a->m->layers; i++) {
		if (!lies_in(a->m->layer[i].name, nested))
			continue;
		if (match_is_spectral(&a->m->layer[i]))
			match_unfreeze(a, i);
		if (!match_fits(a, i, names))
			return false;
	}
	return true;
}

static bool take_nested(matching *a, const char *nested, int j)
{
	if (!match_needs_classes(a))
		return false;
	for (int names = 1; names >= 0; names--)
		for (int order = 0; order < ORDERS; order++)
			if (hand_out(a, nested, j, order, names))
				return true;
	return complaints_add(&a->report, "nested model %s: its layers do not fit the list of %d weights in the file",
		nested, a->w->layer[j].weights);
}

/* ---- by name, else by position ---- */

static bool has_nested(const matching *a, const char *name)
{
	for (int i = 0; i < a->m->layers; i++)
		if (lies_in(a->m->layer[i].name, name))
			return true;
	return false;
}

static bool all_named(const matching *a)
{
	for (int j = 0; j < a->w->layers; j++)
		if (keras_find(a->m, a->w->layer[j].name) < 0 && !has_nested(a, a->w->layer[j].name))
			return false;
	return true;
}

static bool by_name(matching *a)
{
	for (int j = 0; j < a->w->layers; j++) {
		const char *name = a->w->layer[j].name;
		const int i = keras_find(a->m, name);
		if (i >= 0 ? !match_whole(a, i, j) : !take_nested(a, name, j))
			return false;
	}
	return true;
}

/* The nested model that layer i lies in, "" for none. */
static void nested_of(const matching *a, int i, bool nesting, char out[KERAS_LAYER])
{
	const char *name = a->m->layer[i].name;
	snprintf(out, KERAS_LAYER, "%.*s", nesting && strchr(name, '.') ? (int)strcspn(name, ".") : 0, name);
}

/* Layers, or whole nested models, that own weights, in order; calls take for the k-th of them when take. How many. */
static int units(matching *a, bool nesting, bool take)
{
	char last[KERAS_LAYER] = "", now[KERAS_LAYER];
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
		if (take && !(*now ? take_nested(a, now, n) : match_whole(a, i, n)))
			return -1;
		n++;
	}
	return n;
}

static bool by_position(matching *a)
{
	if (!match_needs_classes(a))
		return false;
	for (int nesting = 0; nesting < 2; nesting++)
		if (units(a, nesting, false) == a->w->layers)
			return units(a, nesting, true) >= 0;
	return complaints_add(&a->report, "Layer count mismatch: the model has %d layers with weights, the file %d",
		units(a, false, false), a->w->layers);
}

bool match_legacy(matching *a)
{
	return all_named(a) ? by_name(a) : by_position(a);
}
