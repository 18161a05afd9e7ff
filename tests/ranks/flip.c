/* flip.c - a run of which one rank is in trouble: it trains like the others, and before one step something happens to
 * it. test_peers starts it with mpirun and reads what it says.
 *
 *     mpirun -n N flip FOLDER RANK STEP PATH [WHAT]
 *
 * A bit changes in the array that has this path in a checkpoint. RANK -1: none changes. WHAT is something else:
 *
 *     nan       the array becomes NaN
 *     plan      the array becomes so large, in all ranks, that a loss is infinite; and while they look for the first
 *     values    bad value, this one has no memory for the plan, or for values behind the first sums
 *
 * It is linked with --wrap for what the last two need. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/peers/peers.h"
#include "core/plan/plan.h"
#include "gan/train/run.h"
#include "gan/train/trainer_internal.h"
#include "tests/tiny_run.h"

enum { VALUES = 40 };                                /* for which there is memory */

typedef struct flip {
	trainer *t;
	int rank;
	int64_t step;
	const char *path, *what;
} flip;

/* ---- memory ---- */

static bool no_plans, no_values;
static int values;

void *__real_calloc(size_t n, size_t size);
void *__real_aligned_alloc(size_t align, size_t n);
bool __real_plan_find_bad_slice(plan *const *p, int n, char *where, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_aligned_alloc(size_t align, size_t n);
bool __wrap_plan_find_bad_slice(plan *const *p, int n, char *where, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
	return no_plans ? NULL : __real_calloc(n, size);
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	return no_values && values++ >= VALUES ? NULL : __real_aligned_alloc(align, n);
}

static flip order;

bool __wrap_plan_find_bad_slice(plan *const *p, int n, char *where, size_t size)
{
	const bool own = peers_rank() == order.rank;
	no_plans = own && strcmp(order.what, "plan") == 0;
	no_values = own && strcmp(order.what, "values") == 0;
	const bool found = __real_plan_find_bad_slice(p, n, where, size);
	must(!no_values || values > VALUES, "only %d values", values);
	no_plans = no_values = false;
	return found;
}

/* ---- the step ---- */

static void harm(const flip *f, real *x, int64_t n)
{
	const real large = sizeof(real) == sizeof(float) ? (real)FLT_MAX : (real)DBL_MAX;
	if (!*f->what)
		((unsigned char *)x)[sizeof(real) - 2] ^= 8;     /* high enough to outlast roundings */
	for (int64_t i = 0; *f->what && i < n; i++)
		x[i] = strcmp(f->what, "nan") == 0 ? (real)NAN : large;
}

static void before_step(void *ctx, int64_t step, int64_t steps)
{
	const flip *f = ctx;
	const bool all = strcmp(f->what, "plan") == 0 || strcmp(f->what, "values") == 0;
	state_list l = {0};
	bool found = false;
	(void)steps;
	if (step != f->step || !(all || peers_rank() == f->rank))
		return;
	must(trainer_list(f->t, &l, NULL), "no memory");
	for (int i = 0; i < l.n; i++)
		if (strcmp(l.item[i].path, f->path) == 0) {
			harm(f, l.item[i].x, shape_count(&l.item[i].s));
			found = true;
		}
	must(found, "%s: no such array", f->path);
	state_list_free(&l);
}

int main(int argc, char **argv)
{
	static const char *const set[] = {"train.slices=4", "score.count=0", "train.tensorboard=false", NULL};
	fault e = {.text = ""};
	enum run_end end;
	if (argc < 5 || argc > 6 || !peers_open(NULL, &e)) {
		fprintf(stderr, "flip FOLDER RANK STEP PATH [WHAT]; %s\n", e.text);
		return 2;
	}
	config c = tiny_config(TINY_PLAIN, set);
	dataset *d = tiny_data(25, 16, 2);
	trainer *t = trainer_new(&c, d, &e);
	order = (flip){t, atoi(argv[2]), atoi(argv[3]), argv[4], argc > 5 ? argv[5] : ""};
	const run_options o = {.out = argv[1], .step = before_step, .ctx = &order};
	const bool ok = t && run_trainer(t, &o, &end, &e);
	if (!ok && peers_rank() == 0)
		fprintf(stderr, "%s\n", e.text);
	trainer_free(t);
	dataset_free(d);
	config_free(&c);
	peers_close();
	return ok || peers_rank() > 0 ? 0 : 1;
}
