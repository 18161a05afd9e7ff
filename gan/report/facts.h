/* facts.h - what is known of a run from the files in its folder, while it trains and afterwards. */
#ifndef SAGAN_GAN_REPORT_FACTS_H
#define SAGAN_GAN_REPORT_FACTS_H

#include "gan/checkpoint/rundir.h"
#include "gan/config/config.h"

typedef struct run_facts {
	const char *folder;                          /* borrow */
	config cfg;                                  /* own; complete */
	int64_t step;                                /* of metrics.csv or the checkpoint; 0: none is done */
	double seconds;                              /* of training, all processes together */
	double images_per_s;                         /* the median of what was reported; 0: nothing was */
	bool has_score;
	double last_score, best_score;
	int64_t last_at, best_at;                    /* their steps */
	char program[64], precision[16], data[128];  /* as the newest good checkpoint says; "" without one */
} run_facts;

/* Release with facts_free; on failure nothing is left to release. False with e set: no run is there, its config is not
 * understood, no memory. */
bool facts_read(run_facts *f, const char *folder, fault *e);
/* The same of a run that this process trains and that is at `step`: of no checkpoint more than what it says is read. */
bool facts_read_live(run_facts *f, const char *folder, int64_t step, fault *e);
void facts_free(run_facts *f);

/* "AMD EPYC 9354, 2 processors, v4": of this machine. Returns buf; NULL with e set: it cannot be read now. */
char *machine_text(char *buf, size_t size, fault *e);

#endif
