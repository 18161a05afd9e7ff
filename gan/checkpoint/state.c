/* state.c - a growing list of arrays that belong to others. */
#include "gan/checkpoint/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"

void state_add(state_list *l, enum array_type type, const char *path, shape s, void *x, const char *about)
{
	if (l->failed)
		return;
	if (l->n == l->room) {
		int room = l->room ? 2 * l->room : 64;
		state_item *bigger = realloc(l->item, (size_t)room * sizeof *bigger);
		if (!bigger) {
			l->failed = true;
			return;
		}
		l->item = bigger;
		l->room = room;
	}
	state_item it = {text_copy(path, NULL), about ? text_copy(about, NULL) : NULL, type, s, x, false};
	l->item[l->n++] = it;
	l->failed = !it.path || (about && !it.about);
}

void state_add_optional(state_list *l, enum array_type type, const char *path, shape s, void *x, const char *about)
{
	state_add(l, type, path, s, x, about);
	if (!l->failed)
		l->item[l->n - 1].optional = true;
}

static void add_buffer(state_list *l, const char *group, const buffer *b, const char *about)
{
	char path[STATE_PATH_MAX];
	const int n = snprintf(path, sizeof path, "/%s/%s", group, b->name);
	must(n < (int)sizeof path, "the path /%s/%s is longer than %zu bytes", group, b->name, sizeof path - 1);
	state_add(l, ARRAY_REAL, path, b->s, b->x, about);
}

void state_add_module(state_list *l, const char *group, const module *m)
{
	for (int i = 0; i < module_params(m); i++)
		add_buffer(l, group, module_param_at(m, i), NULL);
	for (int i = 0; i < module_states(m); i++)
		add_buffer(l, group, module_state_at(m, i), "state: moves in the forward pass, not trained");
}

void state_list_free(state_list *l)
{
	for (int i = 0; i < l->n; i++) {
		free(l->item[i].path);
		free(l->item[i].about);
	}
	free(l->item);
	*l = (state_list){0};
}

const state_item *state_find(const state_list *l, const char *path)
{
	for (int i = 0; i < l->n; i++)
		if (strcmp(l->item[i].path, path) == 0)
			return &l->item[i];
	return NULL;
}

bool state_is_finite(const state_list *l, fault *e)
{
	for (int i = 0; i < l->n; i++) {
		const state_item *it = &l->item[i];
		const real *x = it->x;
		int64_t n = it->type == ARRAY_REAL ? shape_count(&it->s) : 0;
		for (int64_t k = 0; k < n; k++)
			if (!isfinite(x[k]))
				return fault_set(e, "%s has %g at element %lld", it->path,
					plain_nan((double)x[k]), (long long)k);
	}
	return true;
}
