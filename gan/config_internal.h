/* config_internal.h - shared by the config_*.c files only. */
#ifndef SAGAN_GAN_CONFIG_INTERNAL_H
#define SAGAN_GAN_CONFIG_INTERNAL_H

#include "gan/config.h"

/* The value of key i becomes its default; false when the table's text is not allowed (a bug). */
bool config_take_default(config *c, int i);

#endif
