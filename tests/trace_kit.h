/* trace_kit.h - networks with numbers as after a training, and how far a Keras model of one is from it. */
#ifndef SAGAN_TESTS_TRACE_KIT_H
#define SAGAN_TESTS_TRACE_KIT_H

#include "gan/keras/model/model.h"
#include "gan/nets/networks.h"

enum { SAMPLES = 3 };

/* Rounding only: the same sums in another order, over some dozen layers. Double proves that it is that. */
extern const double trace_tolerance;

/* Numbers that a trained network could have: no gate is zero, no statistic is the first one. */
void trace_stir(module *m);
network *trace_network(const net_config *c, enum net_side side);

/* Largest difference between the network and the model, as a share of the largest output, or of 1 when that is more.
 * With `reference` the samples and the network's outputs go into that file, too. */
double trace_difference(const network *net, const keras_model *k, const char *what, const char *reference);

#endif
