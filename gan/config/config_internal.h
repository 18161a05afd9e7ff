/* config_internal.h - shared by the config_*.c files only. */
#ifndef SAGAN_GAN_CONFIG_CONFIG_INTERNAL_H
#define SAGAN_GAN_CONFIG_CONFIG_INTERNAL_H

#include "gan/config/config.h"

/* A list of layers as a file would have it; those of type `plain` without arguments are plain numbers. Returns its
 * length, at most size - 1 letters of it in buf. */
size_t config_put_layers(const layer_specs *s, const layer_type *plain, char *buf, size_t size);
enum { CONFIG_LAYERS_TEXT_MAX = CONFIG_VALUE_MAX - 72 };   /* longer lists are refused */

/* The value of key i becomes its default; false when the table's text is not allowed (a bug). Keys whose default is the
 * network's own are left alone. */
bool config_take_default(config *c, int i, fault *e);

/* What a name must be, for the check and the table of keys. */
#define CONFIG_NAME_RULE "no slashes, blanks, control characters or leading dot"

/* Whether the value of key i can be right in any config, beyond its range. False with e set as by config_check. */
bool config_check_key(const config *c, int i, fault *e);

/* Keys that are not given and are the network's own become those of `own`, its published settings. */
void config_take_own(config *c, const net_config *own);

#endif
