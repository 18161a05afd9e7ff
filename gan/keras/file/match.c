/* match.c - which weights of a file belong to which layer of a model.
 *
 * First every layer gets references into the file's list (names, else counters or positions), then all are
 * checked against what the classes want, then the arrays move. Nothing changes before all is well. */
#include "core/base/local.h"
#include "gan/keras/file/match_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- references ---- */

static const keras_weight *weight_at(const matching *a, ref r)
{
	return &a->w->layer[r.layer].weight[r.k];
}

bool match_is_spectral(const keras_layer *l)
{
	return !strcmp(l->class_name, "SpectralNormalization");
}

bool match_add(matching *a, int i, int j, int k)
{
	match_refs *t = &a->to[i];
	if (t->n == REFS_MAX)
		return false;
	t->from[t->n++] = (ref){j, k};
	return true;
}

/* u is the (1, k) between the kernel and a vector. */
void match_unfreeze(matching *a, int i)
{
	match_refs *t = &a->to[i];
	if (t->n != 3)
		return;
	const shape *second = &weight_at(a, t->from[1])->s, *third = &weight_at(a, t->from[2])->s;
	if (second->rank == 2 && second->dim[0] == 1 && third->rank == 1) {
		const ref u = t->from[1];
		t->from[1] = t->from[2];
		t->from[2] = u;
	}
}

bool match_whole(matching *a, int i, int j)
{
	const keras_layer *from = &a->w->layer[j];
	a->to[i].n = 0;
	for (int k = 0; k < from->weights; k++)
		if (!match_add(a, i, j, k))
			return complaints_add(&a->report, "layer %s: %d weights in the file", a->m->layer[i].name,
				from->weights);
	if (match_is_spectral(&a->m->layer[i]))
		match_unfreeze(a, i);
	return true;
}

bool match_fits(const matching *a, int i, bool names)
{
	const keras_wants *want = &a->want[i];
	if (a->to[i].n != want->n)
		return false;
	for (int k = 0; k < want->n; k++) {
		const keras_weight *w = weight_at(a, a->to[i].from[k]);
		if (!shape_equal(&w->s, &want->w[k].s) || (names && strcmp(w->name, want->w[k].name)))
			return false;
	}
	return true;
}

bool match_needs_classes(matching *a)
{
	return a->want || complaints_add(&a->report, "%s", a->unknown.text);
}

/* ---- checking and moving ---- */

/* Layers of a class come from a model that has taken its weights already; where it did not know the class, they still
 * are called "0", "1". */
static bool is_native(const matching *a)
{
	const keras_layer *first = a->w->layer;
	return a->w->layers > 0 && !*first->class_name && first->weights > 0 && !strcmp(first->weight[0].name, "0");
}

static void check_layer(matching *a, int i)
{
	const keras_layer *l = &a->m->layer[i];
	const keras_wants *want = &a->want[i];
	const match_refs *t = &a->to[i];
	if (t->n != want->n) {
		complaints_add(&a->report, "Weight count mismatch for layer #%d (named %s, %s). Layer expects %d "
			"weight(s). Received %d saved weight(s)", i, l->name, l->class_name, want->n, t->n);
		return;
	}
	for (int k = 0; k < want->n; k++) {
		const keras_weight *w = weight_at(a, t->from[k]);
		if (shape_equal(&w->s, &want->w[k].s))
			continue;
		complaints_add(&a->report,
			"Shape mismatch in layer #%d (named %s, %s) for weight %s: the layer has %s, the file %s",
			i, l->name, l->class_name, want->w[k].name, shape_print(&want->w[k].s).s, shape_print(&w->s).s);
		return;
	}
}

/* Own variables of a wrapper whose inner layer is in the file, too: copies of its kernel, and u. */
static bool is_copy(const matching *a, int j)
{
	const char *name = a->w->layer[j].name;
	char inner[KERAS_LAYER + 8];
	snprintf(inner, sizeof inner, "%s.layer", name);
	return match_is_wrapper(name) && keras_find(a->w, inner) >= 0;
}

static void check_leftovers(matching *a)
{
	for (int j = 0; j < a->w->layers; j++) {
		const keras_layer *l = &a->w->layer[j];
		int used = 0;
		for (int i = 0; i < a->m->layers; i++)
			for (int k = 0; k < a->to[i].n; k++)
				used += a->to[i].from[k].layer == j;
		if (used == 0 && l->weights > 0 && !is_copy(a, j))
			complaints_add(&a->report, "layer %s of the file, %d weight(s): the model has no such layer",
				l->name, l->weights);
	}
}

/* The first complaint, with how many more there are. */
static bool verdict(matching *a)
{
	fault *e = a->report.e;
	char first[sizeof e->text];
	if (a->report.wrong < 2)
		return a->report.wrong == 0;
	if (e) {
		snprintf(first, sizeof first, "%s", e->text);
		fault_set(e, "%.900s (and %d more layers do not agree)", first, a->report.wrong - 1);
	}
	return false;
}

/* Moves arrays; memory that fails leaves m without weights, so all room is made first. */
static bool move_all(matching *a)
{
	keras_model *m = a->m;
	keras_weight **fresh = mem_zero((size_t)m->layers, sizeof *fresh, a->report.e);
	bool ok = fresh != NULL;
	for (int i = 0; ok && i < m->layers; i++)
		ok = (fresh[i] = mem_zero((size_t)a->to[i].n, sizeof **fresh, a->report.e)) != NULL;
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

static bool match_all(matching *a)
{
	const bool ok = is_native(a) ? match_native(a) : match_legacy(a);
	for (int i = 0; ok && a->want && i < a->m->layers; i++)
		check_layer(a, i);
	if (ok)
		check_leftovers(a);
	return verdict(a) && ok && move_all(a);
}

/* A model with weights shows what it wants, whether or not we know its classes. */
static bool wants_as_they_are(matching *a)
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

bool keras_match(keras_model *m, keras_model *weights, complaints_line line, void *ctx, fault *e)
{
	const size_t n = (size_t)m->layers;
	matching a = {.m = m, .w = weights, .report = {line, ctx, e, 0}};
	a.to = mem_zero(n, sizeof *a.to, e);
	a.want = a.to ? mem_zero(n, sizeof *a.want, e) : NULL;
	a.order = a.want ? mem_new(n, sizeof *a.order, e) : NULL;
	bool refused, ok = a.order && keras_order(m, a.order, e);
	if (ok && !keras_run_wants(m, a.want, &refused, &a.unknown)) {
		ok = refused || fault_set(e, "%s", a.unknown.text);
		if (!wants_as_they_are(&a)) {
			free(a.want);
			a.want = NULL;
		}
	}
	ok = ok && match_all(&a);
	free(a.to);
	free(a.want);
	free(a.order);
	return ok;
}
