/* watch.c - while a run goes on: do its numbers look as if something were wrong? Each trouble is told once when it
 * begins, and again only after it was over. Nothing else depends on it. */
#include <math.h>

#include "core/base/local.h"
#include "gan/train/run_internal.h"
#include "gan/train/trouble.h"

/* FLAT: spread of the fakes as a share of the data's. Where G learns the two are alike, and an untrained G has more
 * than a third of it; where the images of a batch look the same (docs/troubleshooting.md) it was 0.04 to 0.15.
 * IDLE: of D's loss. The hinge is 0 exactly when D has won; log(1 + e^-x) is below 1e-4 when its logits are beyond 9.
 * HUGE_LOSS: of either loss. Hinge and logistic losses are below 10 where anything is learnt; those of a critic without
 * bound (wgan, no penalty, no spectral norm) pass 1e5 after some 100 steps of rate 1e-3 and 1e9 after 400, while digits
 * become strokes again.
 * ALIKE: spread of the images of one class as a share of the real ones'. Healthy runs have 0.7 to 1.3, but some class
 * may have 0.14 at the first score, while it is learnt: two scores in a row count.
 * PATIENCE, HUGE_PATIENCE: steps in a row. Single ones mean nothing: a batch may be easy, and G may come back. */
#define FLAT 0.2
#define IDLE 1e-4
#define HUGE_LOSS 1e5
#define ALIKE 0.25
enum { PATIENCE = 200, HUGE_PATIENCE = 20, ALIKE_PATIENCE = 2 };

/* The steps in a row so far, this one included if it is one. */
static int64_t in_a_row(int64_t before, bool one_more)
{
	return one_more ? before + 1 : 0;
}

void watch_step(run *r, const step_stats *s)
{
	struct watch *w = &r->watch;
	char keys[TROUBLE_TEXT];
	const config *c = trainer_config(r->t);
	const double loss = fabs(s->d_loss) > fabs(s->g_loss) ? s->d_loss : s->g_loss;
	w->flat = in_a_row(w->flat, s->spread < FLAT * w->real_spread);
	w->idle = in_a_row(w->idle, fabs(s->d_loss) < IDLE);
	w->huge = in_a_row(w->huge, fabs(loss) > HUGE_LOSS);
	if (w->flat == PATIENCE)
		run_say(r, NOTE_WARNING,
			"step %lld: collapse: the fakes of a batch are nearly alike (spread %.2g, real images %.2g); "
			"to change, from an earlier checkpoint: %s", (long long)s->step, s->spread, w->real_spread,
			trouble_advice(TROUBLE_COLLAPSE, c, keys));
	if (w->idle == PATIENCE)
		run_say(r, NOTE_WARNING,
			"step %lld: D's loss has been 0 for %d steps: D wins and G learns nothing; to change: %s",
			(long long)s->step, PATIENCE, trouble_advice(TROUBLE_D_WINS, c, keys));
	if (w->huge == HUGE_PATIENCE)
		run_say(r, NOTE_WARNING,
			"step %lld: diverging: for %d steps a loss has been beyond %g (%s's is %.2g): D's outputs run "
			"away; to change, from an earlier checkpoint: %s", (long long)s->step, HUGE_PATIENCE,
			HUGE_LOSS, loss == s->d_loss ? "D" : "G", loss, trouble_advice(TROUBLE_DIVERGES, c, keys));
}

/* A batch that is alike as a whole has been told above. */
void watch_classes(run *r, const judgement *j)
{
	struct watch *w = &r->watch;
	char keys[TROUBLE_TEXT];
	if (!j->has_spread || w->flat >= PATIENCE)
		return;
	w->alike = in_a_row(w->alike, j->lowest < ALIKE);
	if (w->alike == ALIKE_PATIENCE)
		run_say(r, NOTE_WARNING,
			"step %lld: the images of class %d are nearly alike: they differ %.2f times as much as real "
			"ones do (mean of all classes %.2f); to change, from an earlier checkpoint: %s",
			(long long)r->t->step, j->lowest_class, j->lowest, j->mean,
			trouble_advice(TROUBLE_ALIKE, trainer_config(r->t), keys));
}
