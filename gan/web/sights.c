/* sights.c - one row for each way in which scores lie; the functions themselves are in layers/types/ and engine.js. */
#include "gan/web/sights.h"

#include <string.h>

#include "core/base/local.h"
#include "layers/attention.h"
#include "layers/outlook.h"
#include "layers/types/arguments.h"

static void set(json_t *out, const char *name, int64_t x)
{
	json_object_set_new(out, name, json_integer(x));
}

static void set_lay(json_t *out, const char *name)
{
	json_object_set_new(out, "lay", json_text(name));
}

static void of_whole(const placed_layer *l, json_t *out)
{
	(void)l;
	set_lay(out, "whole");
}

static void of_self_attention(const placed_layer *l, json_t *out)
{
	set_lay(out, ((const attention *)l->body)->cfg.layout == ATTENTION_ROW ? "row" : "whole");
}

static void of_halo(const placed_layer *l, json_t *out)
{
	set_lay(out, "halo");
	set(out, "block", layer_int(l, "block"));
	set(out, "halo", layer_int(l, "halo"));
}

static void of_outlook(const placed_layer *l, json_t *out)
{
	const outlook_options *o = &((const outlook *)l->body)->opt;
	set_lay(out, "outlook");
	set(out, "kernel", o->kernel_size);
	set(out, "strides", o->strides);
	set(out, "before", o->no_padding ? 0 : o->kernel_size / 2);
}

static void of_cot(const placed_layer *l, json_t *out)
{
	set_lay(out, "cot");
	set(out, "kernel", layer_int(l, "kernel"));
}

/* The others with a map are the family of self-attention, which has many names. */
static const struct {
	const char *type;
	void (*put)(const placed_layer *l, json_t *out);
} rows[] = {
	{"mhsa", of_whole}, {"mhsa_h", of_whole}, {"conv_relative", of_whole}, {"halo", of_halo}, {"halo_h", of_halo},
	{"outlook", of_outlook}, {"outlook_simple", of_outlook}, {"cot", of_cot},
};

json_t *sight_json(const placed_layer *l)
{
	const int pooled = layer_map_pooled(l);
	json_t *out = json_object();
	json_object_set_new(out, "name", json_text(l->name));
	json_object_set_new(out, "type", json_text(l->spec.type->name));
	set(out, "h", l->H);
	set(out, "w", l->W);
	set(out, "kh", l->H / pooled);
	set(out, "kw", l->W / pooled);
	set(out, "heads", layer_map_heads(l));
	json_object_set_new(out, "shares", json_boolean(l->spec.type->sight->shares));
	int i = 0;
	while (i < COUNT(rows) && strcmp(rows[i].type, l->spec.type->name))
		i++;
	(i < COUNT(rows) ? rows[i].put : of_self_attention)(l, out);
	return out;
}
