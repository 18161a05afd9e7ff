/* step_time.c - steps on random images are timed; the rest is multiplication. */
#include "tools/step_time.h"

#include <stdio.h>

#include "core/base/local.h"
#include "gan/config/config_apply.h"
#include "gan/loss/penalties.h"
#include "tools/bench/step.h"
#include "tools/command.h"

/* Enough that a lazy penalty comes in as often as it does in the run; a network that needs minutes for a step is not
 * timed for hours. */
static int steps_of(const config *c)
{
	enum { LEAST = 2, MOST = 16 };
	const int cycle = c->loss.penalty == PENALTY_NONE ? 1 : c->loss.penalty_every / c->optim.d_steps;
	return MAX(LEAST, MIN(cycle, MOST));
}

/* What follows the data is the data's, if they are here; else it stays open, and the networks take colour and ten
 * classes. */
static void follow_data(config *c)
{
	dataset *d = NULL;
	if (c->model.channels == 0 || (c->model.conditional && c->model.classes == 0))
		config_open_data(c, &d, NULL);
	dataset_free(d);
}

bool print_step_time(const config *c, int64_t done, fault *e)
{
	config own;
	bench_result r;
	char steps[32], time[32], peak[32], all[32];
	if (!config_copy(&own, c, e))
		return false;
	follow_data(&own);
	const bool ok = step_bench(&own, 1, steps_of(c), &r, NULL, e);
	if (ok) {
		const int64_t left = MAX(c->steps - done, 0);
		printf("a step: %.3g s with %d thread%s here (%d timed)\n", r.mean_s, r.threads,
		       r.threads == 1 ? "" : "s", r.steps);
		printf("%s steps%s: %s\n", print_count(left, steps, sizeof steps), done ? " to go" : "",
		       print_time((double)left * r.mean_s, time, sizeof time));
		printf("memory: %s, and the images of the data, a byte for each number; this machine has %s\n",
		       print_bytes(peak_bytes(), peak, sizeof peak),
		       print_bytes(machine_memory(), all, sizeof all));
	}
	config_free(&own);
	return ok;
}
