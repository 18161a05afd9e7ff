/* config_apply.h - from settings to the things they describe: networks and data. */
#ifndef SAGAN_GAN_CONFIG_CONFIG_APPLY_H
#define SAGAN_GAN_CONFIG_CONFIG_APPLY_H

#include "data/dataset.h"
#include "gan/config/config.h"
#include "gan/nets/networks.h"

/* The networks of a config, complete (config_check) or not: channels and classes that still follow
 * the data count as 3 and 10. The texts in `out` are constants. Messages name the key at fault. */
bool config_network(const config *c, net_config *out, fault *e);

/* The update rule of both networks, with the beta2 of the first step. */
optimizer_config config_rule(const config *c);

/* The learning rate over the steps of a run; rate: lr_g or lr_d. */
schedule config_schedule(const config *c, double rate);
/* What is wrong for training alone: a checkpoint of a run that has done it all the same can be drawn from. */
bool config_check_training(const config *c, fault *e);
/* False with e set: a run to step `last` would pass from the rise of its rates to the end of their fall in one step. It
 * may end while they rise. */
bool config_check_course(const config *c, int64_t last, fault *e);

/* Opens data.path as the section `data` says, in the size and the channels of the model, and fits the
 * config to it (config_fit_data). *out: new/free (dataset_free), NULL for data.format = random. */
bool config_open_data(config *c, dataset **out, fault *e);

/* One part of the data of a config, which is left as it is. new/free. */
dataset *config_open_split(const config *c, enum data_split split, fault *e);

/* For a classifier: the parts for training and testing, both new/free, whatever data.split says; size and channels of
 * the model become theirs. False with e set: no labels, parts that are not alike, fewer images than a batch. */
bool config_open_classes(config *c, dataset **train, dataset **test, fault *e);

#endif
