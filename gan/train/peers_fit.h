/* peers_fit.h - before the processes of a run begin: do they do the same? */
#ifndef SAGAN_GAN_TRAIN_PEERS_FIT_H
#define SAGAN_GAN_TRAIN_PEERS_FIT_H

#include "data/dataset.h"
#include "gan/config/config.h"

/* Whether all processes (core/peers/peers.h) are the same program with the same images; data: NULL for none. All call
 * it. False with e set, the same with all. True when alone. */
bool peers_fit_data(const dataset *data, fault *e);

/* Whether a file that each has a path of is the same with all: like peers_fit_data. */
bool peers_fit_file(const char *path, fault *e);

/* Whether all processes (core/peers/peers.h) are the same program, with the same config but for where things are, and
 * the same images; data: NULL for random ones. All call it. False with e set, the same with all. True when alone. */
bool peers_fit(const config *c, const dataset *data, fault *e);

#endif
