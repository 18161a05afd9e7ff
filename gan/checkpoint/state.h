/* state.h - the state of a run as a list of named arrays, so that saving, checking, loading and comparing are loops.
 *
 * Whoever owns a state lists it; the list borrows the arrays. It knows no file: checkpoint.h writes and reads one. */
#ifndef SAGAN_GAN_CHECKPOINT_STATE_H
#define SAGAN_GAN_CHECKPOINT_STATE_H

#include "core/base/base.h"
#include "layers/module.h"

enum array_type { ARRAY_REAL, ARRAY_F64, ARRAY_I64 };
enum { STATE_PATH_MAX = 512 };                        /* bytes of a path, the end included */

typedef struct state_item {
	char *path;                                  /* own; "/generator/block1/conv1/kernel" */
	char *about;                                 /* own; what it is, with units; may be NULL */
	enum array_type type;
	shape s;
	void *x;                                     /* borrow: real, double or int64_t [s] */
	bool optional;                               /* older files do not have it: what x holds stays */
} state_item;

typedef struct state_list {
	state_item *item;
	int n, room;
	bool failed;                                 /* memory ran out while adding */
} state_list;

void state_add(state_list *l, enum array_type type, const char *path, shape s, void *x, const char *about);
void state_add_optional(state_list *l, enum array_type type, const char *path, shape s, void *x, const char *about);
/* Parameters, then states of a module: "/generator/block1/conv1/kernel" with group "generator". */
void state_add_module(state_list *l, const char *group, const module *m);
void state_list_free(state_list *l);                 /* the items' arrays stay */

/* A state with a number that is not finite is none to go on from: false, e names the first. */
bool state_is_finite(const state_list *l, fault *e);

const state_item *state_find(const state_list *l, const char *path);         /* or NULL */

#endif
