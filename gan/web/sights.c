/* sights.c - one row for each way in which scores lie; the functions themselves are in layers/types/ and engine.js. */
#include "gan/web/sights.h"

#include <string.h>

#include "core/base/local.h"
#include "layers/attention.h"
#include "layers/outlook.h"
#include "layers/types/arguments.h"

static void set(json_t *out, const char *name, int64_t x, bool *ok)
{
	json_put(out, name, json_integer(x), ok);
}

static void set_lay(json_t *out, const char *name, bool *ok)
{
	json_put(out, "lay", json_text(name), ok);
}

static void of_whole(const placed_layer *l, json_t *out, bool *ok)
{
	(void)l;
	set_lay(out, "whole", ok);
}

static void of_self_attention(const placed_layer *l, json_t *out, bool *ok)
{
	set_lay(out, ((const attention *)l->body)->cfg.layout == ATTENTION_ROW ? "row" : "whole", ok);
}

static void of_halo(const placed_layer *l, json_t *out, bool *ok)
{
	set_lay(out, "halo", ok);
	set(out, "block", layer_int(l, "block"), ok);
	set(out, "halo", layer_int(l, "halo"), ok);
}

static void of_outlook(const placed_layer *l, json_t *out, bool *ok)
{
	const outlook_options *o = &((const outlook *)l->body)->opt;
	set_lay(out, "outlook", ok);
	set(out, "kernel", o->kernel_size, ok);
	set(out, "strides", o->strides, ok);
	set(out, "before", o->no_padding ? 0 : o->kernel_size / 2, ok);
}

static void of_cot(const placed_layer *l, json_t *out, bool *ok)
{
	set_lay(out, "cot", ok);
	set(out, "kernel", layer_int(l, "kernel"), ok);
}

/* The others with a map are the family of self-attention, which has many names. */
static const struct {
	const char *type;
	void (*put)(const placed_layer *l, json_t *out, bool *ok);
} rows[] = {
	{"mhsa", of_whole}, {"mhsa_h", of_whole}, {"conv_relative", of_whole}, {"halo", of_halo}, {"halo_h", of_halo},
	{"outlook", of_outlook}, {"outlook_simple", of_outlook}, {"cot", of_cot},
};

json_t *sight_json(const placed_layer *l, bool *ok)
{
	const int pooled = layer_map_pooled(l);
	json_t *out = json_object();
	json_put(out, "name", json_text(l->name), ok);
	json_put(out, "type", json_text(l->spec.type->name), ok);
	set(out, "h", l->H, ok);
	set(out, "w", l->W, ok);
	set(out, "kh", l->H / pooled, ok);
	set(out, "kw", l->W / pooled, ok);
	set(out, "heads", layer_map_heads(l), ok);
	json_put(out, "shares", json_boolean(l->spec.type->sight->shares), ok);
	int i = 0;
	while (i < COUNT(rows) && strcmp(rows[i].type, l->spec.type->name))
		i++;
	(i < COUNT(rows) ? rows[i].put : of_self_attention)(l, out, ok);
	return out;
}
