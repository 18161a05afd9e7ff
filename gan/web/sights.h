/* sights.h - what engine.js must know to lay the scores of an attention layer out as a map (layer_sight). */
#ifndef SAGAN_GAN_WEB_SIGHTS_H
#define SAGAN_GAN_WEB_SIGHTS_H

#include "core/base/json.h"
#include "layers/types/catalogue.h"

/* Name, type, sizes, and the function LAY of engine.js with its numbers. l has a map. new (json_decref).
 * *ok becomes false without memory. */
json_t *sight_json(const placed_layer *l, bool *ok);

#endif
