/* gather.h - what the page of a run shows, as JSON: read by report.js. */
#ifndef SAGAN_GAN_REPORT_GATHER_H
#define SAGAN_GAN_REPORT_GATHER_H

#include "core/base/json.h"
#include "gan/report/facts.h"
#include "gan/report/report.h"

/* Each gives a new reference, or NULL with e set. `share` is how many runs share the page. */
json_t *gather_curves(const char *folder, int share, fault *e);
json_t *gather_samples(const char *folder, int share, fault *e);
json_t *gather_attention(sampler *s, uint64_t seed, int share, fault *e);

/* o[key] = v, which is taken; false: no memory, or v is NULL. */
bool gather_put(json_t *o, const char *key, json_t *v);
bool gather_add(json_t *array, json_t *v);

#endif
