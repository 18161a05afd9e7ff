/* kept.h - files that hold what training has learnt: nothing but their own command replaces them. */
#ifndef SAGAN_GAN_CHECKPOINT_KEPT_H
#define SAGAN_GAN_CHECKPOINT_KEPT_H

#include "core/base/base.h"

/* What the attribute `kind` of a classifier's file says (gan/classify/classifier_file.h). */
#define CLASSIFIER_KIND "sagan classifier"

enum kept { KEPT_NOTHING, KEPT_CHECKPOINT, KEPT_CLASSIFIER };        /* the last also where its training has stopped */

/* Whether somebody whose own files are of this kind may write to path: nothing of another kind lies there. False with e
 * set; also where what is there cannot be looked at now. */
bool kept_spared(const char *path, enum kept own, fault *e);

#endif
