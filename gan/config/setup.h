/* setup.h - from a config to the settings that losses, augmentation and optimisers take; networks and
 * data are in config_apply.h. */
#ifndef SAGAN_GAN_CONFIG_SETUP_H
#define SAGAN_GAN_CONFIG_SETUP_H

#include "gan/loss/augment.h"
#include "gan/config/config.h"
#include "gan/loss/losses.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

#ifdef __cplusplus
extern "C" {
#endif

augment_policy setup_augment(const config *c);
const gan_loss *setup_loss(const config *c, error *e);
optimizer_config setup_optimizer(const config *c);
schedule setup_schedule(const config *c, double rate);       /* rate: lr_g or lr_d */

#ifdef __cplusplus
}
#endif
#endif
