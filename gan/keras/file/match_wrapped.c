/* match_wrapped.c - native files of a network with SpectralNormalization for a model without.
 *
 * Wrapped layers have counters of their own, whatever is inside: of Conv2D, SN(Conv2D), SN(Dense) the file has conv2d,
 * spectral_normalization and spectral_normalization_1. Which layers of the model are wrapped in the file is not
 * written there, but the order is the same, and shapes must agree: all ways are tried, and there must be one. */
#include "core/base/local.h"
#include "gan/keras/file/match_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_MAX = 20000 };

typedef struct search {
	matching *a;
	const char *in;
	int n;
	const int *layer;
	bool *wrapped, *found;                       /* own, [n] */
	int ways, tries;
} search;

/* The key of layer k, as the choices before it have it. */
static void key_of(const search *s, int k, bool wrapped, char key[MATCH_KEY])
{
	const keras_model *m = s->a->m;
	const char *class_name = m->layer[s->layer[k]].class_name;
	int count = 0;
	for (int p = 0; p < k; p++)
		count += wrapped ? s->wrapped[p]
				 : !s->wrapped[p] && !strcmp(m->layer[s->layer[p]].class_name, class_name);
	match_key(s->in, wrapped ? "SpectralNormalization" : class_name, count, key);
}

/* Layer k takes what lies under its key, and that fits. */
static bool take(const search *s, int k, bool wrapped)
{
	char key[MATCH_KEY];
	const int i = s->layer[k];
	key_of(s, k, wrapped, key);
	return match_take_key(s->a, i, key) && match_fits(s->a, i, false);
}

/* Layers k.. in every way; two are enough to know that there is more than one. */
static void choose(search *s, int k)
{
	if (k == s->n) {
		s->ways++;
		memcpy(s->found, s->wrapped, (size_t)s->n * sizeof *s->found);
		return;
	}
	for (int w = 0; w < 2 && s->ways < 2 && s->tries < TRIES_MAX; w++) {
		const bool owns = s->a->want[s->layer[k]].n > 0;
		s->tries++;
		s->wrapped[k] = w == 1;
		if (owns ? take(s, k, w == 1) : w == 0)
			choose(s, k + 1);
	}
	s->wrapped[k] = false;
}

/* How many layers with weights the group has. All of them must be taken: with as many in the model, they are. */
static int layers_in(const matching *a, const char *in)
{
	char last[KERAS_LAYER] = "";
	int count = 0;
	for (int j = 0; j < a->w->layers; j++) {
		const char *rest = match_after(a->w->layer[j].name, in);
		const size_t n = rest ? strcspn(rest, ".") : 0;
		if (!rest || (!strncmp(rest, last, n) && !last[n]))
			continue;
		snprintf(last, sizeof last, "%.*s", (int)n, rest);
		count += !match_is_model(last);
	}
	return count;
}

static bool unwrap(search *s)
{
	matching *a = s->a;
	const complaints loud = a->report;
	int owners = 0;
	for (int k = 0; k < s->n; k++)
		owners += a->want[s->layer[k]].n > 0;
	if (owners != layers_in(a, s->in))
		return complaints_add(&a->report, "Layer count mismatch: the model has %d layers with weights, the "
			"file %d (with SpectralNormalization around some)", owners, layers_in(a, s->in));
	a->report = (complaints){0};               /* wrong ways are no news */
	choose(s, 0);
	a->report = loud;
	if (s->ways != 1 || s->tries >= TRIES_MAX)
		return complaints_add(&a->report, "the file has SpectralNormalization around some layers, and %s to "
			"see around which; a .keras or a full .h5 of the same network says it",
			s->ways ? "there is more than one way" : "no way");
	memcpy(s->wrapped, s->found, (size_t)s->n * sizeof *s->found);
	for (int k = 0; k < s->n; k++)
		if (a->want[s->layer[k]].n > 0)
			take(s, k, s->found[k]);
	return true;
}

bool match_unwrapped(matching *a, const char *in, int n, const int *layer)
{
	search s = {.a = a, .in = in, .n = n, .layer = layer};
	if (!match_needs_classes(a))
		return false;
	s.wrapped = mem_zero((size_t)n, sizeof *s.wrapped, a->report.e);
	s.found = s.wrapped ? mem_zero((size_t)n, sizeof *s.found, a->report.e) : NULL;
	const bool ok = s.found && unwrap(&s);
	free(s.wrapped);
	free(s.found);
	return ok;
}
