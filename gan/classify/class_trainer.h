/* class_trainer.h - a classifier that learns from labelled images: one step, one test, its state.
 *
 * Of the config (gan/config/config.h, CONFIG_CLASSIFIER): the network is classify.width and .blocks on the images of
 * the data; the loss is cross-entropy with classify.smoothing (arXiv 1512.00567, section 7: the wanted probability of
 * each class is its 0 or 1 times 1 - s, plus s/K); images are mirrored and moved as data.flip and augment.policy say;
 * the rule, the course of classify.lr and the moving average of the weights are those of a GAN.
 * Same config, same data: the same bits for any number of threads, and after any interruption. */
#ifndef SAGAN_GAN_CLASSIFY_CLASS_TRAINER_H
#define SAGAN_GAN_CLASSIFY_CLASS_TRAINER_H

#include "data/dataset.h"
#include "gan/classify/classifier.h"
#include "gan/config/config.h"

typedef struct class_trainer class_trainer;

/* cfg has been checked, train opened by it (config_open_classes). Keep: train must outlive it; cfg is copied.
 * new/free. */
class_trainer *class_trainer_new(const config *cfg, const dataset *train, fault *e);
void class_trainer_free(class_trainer *t);

/* One update. *loss: the mean over the batch before it; false with e set when that is not finite. */
bool class_trainer_step(class_trainer *t, double *loss, fault *e);
int64_t class_trainer_steps_done(const class_trainer *t);

/* The network of the moving average: what is tested and saved, once its running statistics are settled (settle.h).
 * Borrowed. */
classifier *class_trainer_average(const class_trainer *t);

/* The whole state, to a file and back (gan/checkpoint/checkpoint.h). After a load that failed t is only good for
 * class_trainer_free. */
bool class_trainer_save(class_trainer *t, const char *path, fault *e);
bool class_trainer_load(class_trainer *t, const char *path, fault *e);

/* How many images of d a classifier tells right: *right of d->n. */
bool classifier_test(const classifier *c, const dataset *d, int64_t *right, fault *e);

#endif
