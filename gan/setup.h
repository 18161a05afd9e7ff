/* setup.h - from a config to the settings that networks, losses and optimisers take. */
#ifndef SAGAN_GAN_SETUP_H
#define SAGAN_GAN_SETUP_H

#include "gan/augment.h"
#include "gan/config.h"
#include "gan/losses.h"
#include "gan/networks.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Settings of both networks for a config that config_check and config_fit_data have completed. The
 * result refers to static texts only. */
bool setup_networks(const config *c, net_config *out, error *e);
augment_policy setup_augment(const config *c);
const gan_loss *setup_loss(const config *c, error *e);

/* The name of a choice: setup_choice("loss.name", c->loss.name) is "hinge". */
const char *setup_choice(const char *key, int value);

#ifdef __cplusplus
}
#endif
#endif
