/* trouble.h - what goes wrong with a GAN that can be seen in its numbers, and which keys of the config change it. */
#ifndef SAGAN_GAN_TRAIN_TROUBLE_H
#define SAGAN_GAN_TRAIN_TROUBLE_H

#include "gan/config/config.h"

enum trouble {
	TROUBLE_DIVERGES = 1,                        /* losses that grow without end */
	TROUBLE_COLLAPSE = 2,                        /* the fakes of a batch are alike */
	TROUBLE_ALIKE = 4,                           /* the fakes of one class are alike */
	TROUBLE_D_WINS = 8,                          /* D's loss is 0 */
	TROUBLE_NO_NUMBER = 16                       /* NaN or infinity: the run has ended */
};
enum { TROUBLE_TEXT = 640 };

/* The keys of c to change, best first: "loss.penalty (none) to r1; optim.lr_d (0.01) to a third". Keys that a run
 * cannot change are marked; a value that c could not have is left out. Returns buf. */
char *trouble_advice(enum trouble t, const config *c, char buf[TROUBLE_TEXT]);

#endif
