/* match_native.c - the native layout: layers by class and counter, "conv2d_1", or by the names that Keras 3.15 adds;
 * models inside models as groups, "functional.sequential_1.dense". */
#include "core/base/local.h"
#include "gan/keras/file/match_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gan/keras/file/write.h"

enum { GROUPS_MAX = 64 };

/* ---- keys ---- */

void match_key(const char *in, const char *class_name, int count, char key[MATCH_KEY])
{
	char snake[2 * KERAS_NAME], number[16] = "";
	keras_snake(class_name, snake);
	if (count)
		snprintf(number, sizeof number, "_%d", count);
	snprintf(key, MATCH_KEY, "%s%s%s%s", in, *in ? "." : "", snake, number);
}

/* The last part of a key is this name, with a counter or without. */
static bool is_called(const char *key, const char *name)
{
	const char *dot = strrchr(key, '.');
	const char *last = dot ? dot + 1 : key;
	const size_t n = strlen(name);
	return !strncmp(last, name, n) && (!last[n] || (last[n] == '_' && isdigit((unsigned char)last[n + 1])));
}

bool match_is_wrapper(const char *key)
{
	return is_called(key, "spectral_normalization");
}

/* The four products inside MultiHeadAttention, which the file has in another order than the layer lists them. */
static bool take_parts(matching *a, int i, const char *key)
{
	static const char *const part[] = {"query_dense", "key_dense", "value_dense", "output_dense"};
	char name[MATCH_KEY + KERAS_NAME];
	bool ok = true;
	for (int n = 0; ok && n < COUNT(part); n++) {
		snprintf(name, sizeof name, "%s.%s", key, part[n]);
		int j = keras_find(a->w, name);
		if (j < 0) {                         /* Keras 2 */
			snprintf(name, sizeof name, "%s._%s", key, part[n]);
			j = keras_find(a->w, name);
		}
		for (int k = 0; ok && j >= 0 && k < a->w->layer[j].weights; k++)
			ok = match_add(a, i, j, k);
	}
	return ok || complaints_add(&a->report, "layer %s: too many weights in the file", a->m->layer[i].name);
}

bool match_take_key(matching *a, int i, const char *key)
{
	const bool wrapper = match_is_wrapper(key);
	const int own = keras_find(a->w, key);
	const size_t n = strlen(key);
	bool ok = true;
	a->to[i].n = 0;
	if (own >= 0 && !wrapper && !match_whole(a, i, own))
		return false;
	if (!strcmp(a->m->layer[i].class_name, "MultiHeadAttention"))
		return take_parts(a, i, key);
	for (int j = 0; ok && j < a->w->layers; j++)
		for (int k = 0; !strncmp(a->w->layer[j].name, key, n) && a->w->layer[j].name[n] == '.' &&
		     k < a->w->layer[j].weights; k++)
			ok = ok && match_add(a, i, j, k);
	if (ok && match_is_spectral(&a->m->layer[i]) && own >= 0 && a->w->layer[own].weights > 0)
		ok = match_add(a, i, own, a->w->layer[own].weights - 1);
	return ok || complaints_add(&a->report, "layer %s: too many weights in the file", a->m->layer[i].name);
}

const char *match_after(const char *name, const char *in)
{
	const size_t n = strlen(in);
	if (n == 0)
		return name;
	return !strncmp(name, in, n) && name[n] == '.' ? name + n + 1 : NULL;
}

/* "in.part" of the name "in.part.rest", whose rest is not empty. */
static bool part_of(const char *name, const char *in, char part[KERAS_LAYER])
{
	const char *rest = match_after(name, in), *dot = rest ? strchr(rest, '.') : NULL;
	if (!dot)
		return false;
	snprintf(part, KERAS_LAYER, "%.*s", (int)(dot - name), name);
	return true;
}

/* ---- models ---- */

bool match_is_model(const char *key)
{
	return is_called(key, "functional") || is_called(key, "sequential") || is_called(key, "model");
}

/* The group of number `which` in group `in` that is a model, in the order of the file. */
static bool group_at(const matching *a, const char *in, int which, char group[KERAS_LAYER])
{
	char last[KERAS_LAYER] = "";
	int n = 0;
	for (int j = 0; j < a->w->layers; j++) {
		if (!part_of(a->w->layer[j].name, in, group) || !match_is_model(group) || !strcmp(group, last))
			continue;
		if (n++ == which)
			return true;
		snprintf(last, sizeof last, "%s", group);
	}
	return false;
}

/* The layers of the model at `path` that lie in no model of its own (deeper: their names are then the last part), in
 * the order in which counters ran. How many. */
static int own_layers(const matching *a, const char *path, bool deeper, int *layer)
{
	int n = 0;
	for (int o = 0; o < a->m->layers; o++) {
		const int i = *path || deeper ? o : a->order[o];
		const char *name = match_after(a->m->layer[i].name, path);
		if (name && !(deeper && strchr(name, '.')))
			layer[n++] = i;
	}
	return n;
}

static bool has_wrappers(const matching *a, const char *in)
{
	char group[KERAS_LAYER];
	for (int j = 0; j < a->w->layers; j++)
		if (part_of(a->w->layer[j].name, in, group) && match_is_wrapper(group))
			return true;
	return false;
}

static bool take_counted(matching *a, const char *group, int n, const int *layer)
{
	char key[MATCH_KEY];
	bool plain = true;
	for (int k = 0; k < n; k++)
		plain = plain && !match_is_spectral(&a->m->layer[layer[k]]);
	if (plain && has_wrappers(a, group))
		return match_unwrapped(a, group, n, layer);
	for (int k = 0; k < n; k++) {
		const char *class_name = a->m->layer[layer[k]].class_name;
		int count = 0;
		for (int p = 0; p < k; p++)
			count += !strcmp(a->m->layer[layer[p]].class_name, class_name);
		match_key(group, class_name, count, key);
		if (!match_take_key(a, layer[k], key))
			return false;
	}
	return true;
}

static bool take_model(matching *a, const char *path, const char *group);

/* Tries a group for the model at `path`, without a word. */
static bool model_fits(matching *a, const char *path, const char *group)
{
	const complaints loud = a->report;
	a->report = (complaints){0};
	bool ok = take_model(a, path, group);
	for (int i = 0; ok && i < a->m->layers; i++)
		ok = !match_after(a->m->layer[i].name, path) || match_fits(a, i, false);
	a->report = loud;
	return ok;
}

/* Each model inside the one at `path` gets the first group that no other has and whose weights fit. */
static bool take_inner_models(matching *a, const char *path, const char *in)
{
	bool used[GROUPS_MAX] = {false};
	char inner[KERAS_LAYER], last[KERAS_LAYER] = "", group[KERAS_LAYER];
	if (!match_needs_classes(a))
		return false;
	for (int i = 0; i < a->m->layers; i++) {
		if (!part_of(a->m->layer[i].name, path, inner) || !strcmp(inner, last))
			continue;
		snprintf(last, sizeof last, "%s", inner);
		bool found = false;
		for (int g = 0; !found && g < GROUPS_MAX && group_at(a, in, g, group); g++)
			if (!used[g] && model_fits(a, inner, group))
				found = used[g] = true;
		if (!found)
			return complaints_add(&a->report, "nested model %s: no group of the file has its weights",
				inner);
	}
	return true;
}

/* The model at `path` ("" the whole, "gen", "gen.inner") from a group. As deep as names have parts. */
static bool take_model(matching *a, const char *path, const char *group)
{
	char first[KERAS_LAYER];
	const bool deeper = group_at(a, group, 0, first);
	int *layer = mem_new((size_t)a->m->layers, sizeof *layer, a->report.e);
	bool ok = layer != NULL;
	if (ok) {
		const int n = own_layers(a, path, deeper, layer);
		ok = take_counted(a, group, n, layer) && (!deeper || take_inner_models(a, path, group));
	}
	free(layer);
	return ok;
}

/* ---- by name ---- */

/* Keras 3.15 writes the layers' own names too. */
static const char *true_name(const matching *a, int j)
{
	return keras_text(&a->w->layer[j], "name", NULL);
}

/* In a file with models inside, names may stand twice; what has weights only inside (MultiHeadAttention) has none. */
static bool names_agree(const matching *a)
{
	char group[KERAS_LAYER];
	if (group_at(a, "", 0, group))
		return false;
	for (int j = 0; j < a->w->layers; j++) {
		const char *name = true_name(a, j), *key = a->w->layer[j].name;
		snprintf(group, sizeof group, "%.*s", (int)strcspn(key, "."), key);
		if (!name || keras_find(a->w, group) < 0 || (!strchr(key, '.') && keras_find(a->m, name) < 0))
			return false;
	}
	return a->w->layers > 0;
}

/* By the names, so that the order of parallel branches does not matter. */
static bool by_name(matching *a)
{
	for (int j = 0; j < a->w->layers; j++)
		if (!strchr(a->w->layer[j].name, '.') &&
		    !match_take_key(a, keras_find(a->m, true_name(a, j)), a->w->layer[j].name))
			return false;
	return true;
}

bool match_native(matching *a)
{
	return names_agree(a) ? by_name(a) : take_model(a, "", "");
}
