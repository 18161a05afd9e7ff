/* flip.c - a rank whose numbers go wrong, as of a memory that is broken: it trains like the others, and before one step
 * a bit of one of its arrays changes. test_peers starts it with mpirun and reads what it says.
 *
 *     mpirun -n N flip FOLDER RANK STEP PATH
 *
 * The bit is in the array that has this path in a checkpoint. RANK -1: none changes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/peers/peers.h"
#include "gan/train/run.h"
#include "gan/train/trainer_internal.h"
#include "tests/tiny_run.h"

typedef struct flip {
	trainer *t;
	int rank;
	int64_t step;
	const char *path;
} flip;

static void before_step(void *ctx, int64_t step, int64_t steps)
{
	const flip *f = ctx;
	state_list l = {0};
	bool found = false;
	(void)steps;
	if (step != f->step || peers_rank() != f->rank)
		return;
	must(trainer_list(f->t, &l, NULL), "no memory");
	for (int i = 0; i < l.n; i++)
		if (strcmp(l.item[i].path, f->path) == 0) {
			((unsigned char *)l.item[i].x)[sizeof(real) - 2] ^= 8;   /* high enough to outlast roundings */
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
	if (argc != 5 || !peers_open(NULL, &e)) {
		fprintf(stderr, "flip FOLDER RANK STEP PATH; %s\n", e.text);
		return 2;
	}
	config c = tiny_config(TINY_PLAIN, set);
	dataset *d = tiny_data(25, 16, 2);
	trainer *t = trainer_new(&c, d, &e);
	flip f = {t, atoi(argv[2]), atoi(argv[3]), argv[4]};
	const run_options o = {.out = argv[1], .step = before_step, .ctx = &f};
	const bool ok = t && run_trainer(t, &o, &end, &e);
	if (!ok && peers_rank() == 0)
		fprintf(stderr, "%s\n", e.text);
	trainer_free(t);
	dataset_free(d);
	config_free(&c);
	peers_close();
	return ok || peers_rank() > 0 ? 0 : 1;
}
