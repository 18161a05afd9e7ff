/* h5_answer.c - lists out of the answers of h5_call.h. Who answers may be a process that a file has taken over: neither
 * the number of texts nor the end of the last one is believed. */
#include "core/h5/h5_call.h"

#include <limits.h>
#include <string.h>

#include "core/base/local.h"

/* Each text has at least its end. */
static bool can_hold(const h5_call *c, fault *e)
{
	if (c->n >= 0 && c->n < INT_MAX && (uint64_t)c->n <= c->made_n)
		return true;
	return fault_set(e, "its reader answers with %zu bytes for %lld names", c->made_n, (long long)c->n);
}

bool h5_answer_names(const h5_call *c, h5_names *out, fault *e)
{
	const char *at = c->made, *end = at + c->made_n;
	*out = (h5_names){0, NULL};
	bool ok = can_hold(c, e) && (out->name = mem_new((size_t)c->n + 1, sizeof *out->name, e)) != NULL;
	while (ok && out->n < c->n && at < end) {
		out->name[out->n] = text_copy(at, e);
		ok = out->name[out->n] != NULL;
		out->n += ok;
		at += strlen(at) + 1;
	}
	if (!ok)
		h5_names_free(out);
	return ok;
}

/* Without an end of its own the last text ends with the 0 behind all of them, and `at` is then beyond the end. */
bool h5_answer_members(const h5_call *c, h5_tree *out, fault *e)
{
	const char *at = c->made, *end = at + c->made_n;
	*out = (h5_tree){0, NULL};
	bool ok = can_hold(c, e) && (out->at = mem_new((size_t)c->n + 1, sizeof *out->at, e)) != NULL;
	while (ok && out->n < c->n && at < end && (size_t)(end - at) > sizeof(h5_info)) {
		h5_member *m = &out->at[out->n];
		memcpy(&m->info, at, sizeof m->info);
		h5_info_tame(&m->info);
		at += sizeof m->info;
		m->path = text_copy(at, e);
		ok = m->path != NULL;
		out->n += ok;
		at += strlen(at) + 1;
	}
	if (!ok)
		h5_tree_free(out);
	return ok;
}
