/* program.c - layers with their settings, where their weights lie, and what the page shows besides. */
#include "gan/web/program.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/base64.h"
#include "core/base/json.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "data/class_names.h"
#include "gan/keras/model/shapes.h"
#include "gan/web/half.h"
#include "gan/web/sights.h"

int64_t web_directions(const network *g)
{
	return MIN(WEB_DIRECTIONS, network_config(g)->latent);
}

/* ---- small pieces ---- */

static json_t *list_of(int n, const int64_t *x)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_array_append_new(list, json_integer(x[i]));
	return list;
}

static json_t *reals_of(int64_t n, const real *x)
{
	json_t *list = json_array();
	for (int64_t i = 0; i < n; i++)
		json_array_append_new(list, json_real((double)x[i]));
	return list;
}

/* [[1, 1], [0, 1]] of the list 1 1 0 1. */
static json_t *pairs_of(int n, const int64_t *x)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i += 2)
		json_array_append_new(list, list_of(2, x + i));
	return list;
}

static json_t *setting_of(const keras_value *v)
{
	switch (v->kind) {
	case KERAS_BOOL:
		return json_boolean(v->number != 0);
	case KERAS_INT:
		return json_integer((json_int_t)v->number);
	case KERAS_FLOAT:
		return json_real(v->number);
	case KERAS_TEXT:
		return json_text(v->text);
	case KERAS_LIST:
		return list_of(v->n, v->list);
	case KERAS_PAIRS:
		return pairs_of(v->n, v->list);
	}
	return NULL;
}

/* Where numbers of a shape lie: [place, shape]. The next ones are behind them. */
static json_t *place_of(int64_t *at, const shape *s)
{
	json_t *place = json_array();
	json_array_append_new(place, json_integer(*at));
	json_array_append_new(place, list_of(s->rank, s->dim));
	*at += shape_count(s);
	return place;
}

/* ---- layers ---- */

static json_t *layer_of(const keras_layer *l, const shape *s, int64_t *at)
{
	json_t *out = json_object(), *a = json_object(), *w = json_object(), *in = json_array();
	for (int i = 0; i < l->nin; i++)
		json_array_append_new(in, json_integer(l->in[i]));
	for (int i = 0; i < l->values && strcmp(l->class_name, "InputLayer"); i++)
		json_object_set_new(a, l->value[i].key, setting_of(&l->value[i]));
	for (int i = 0; i < l->weights; i++)
		json_object_set_new(w, l->weight[i].name, place_of(at, &l->weight[i].s));
	json_object_set_new(out, "n", json_text(l->name));
	json_object_set_new(out, "c", json_text(l->class_name));
	json_object_set_new(out, "i", in);
	json_object_set_new(out, "s", list_of(s->rank, s->dim));
	json_object_set_new(out, "a", a);
	json_object_set_new(out, "w", w);
	return out;
}

static json_t *layers_of(const web_program *p, int64_t *at, fault *e)
{
	shape *s = mem_new((size_t)p->m->layers, sizeof *s, e);
	json_t *list = s && keras_shapes(p->m, s, e) ? json_array() : NULL;
	for (int i = 0; list && i < p->m->layers; i++)
		json_array_append_new(list, layer_of(&p->m->layer[i], &s[i], at));
	free(s);
	return list;
}

/* ---- what the page shows ---- */

static json_t *names_of(const web_program *p)
{
	json_t *list = json_array();
	char name[128];
	for (int k = 0; *p->class_names && k < network_config(p->g)->classes; k++)
		json_array_append_new(list, json_text(class_names_at(p->class_names, k, name, sizeof name)));
	return list;
}

static json_t *attention_of(const web_program *p)
{
	json_t *list = json_array();
	for (int i = 0; i < network_placed_layers(p->g); i++)
		if (p->scores[i] >= 0) {
			json_t *one = sight_json(network_placed_layer(p->g, i));
			json_object_set_new(one, "layer", json_integer(p->scores[i]));
			json_array_append_new(list, one);
		}
	return list;
}

static json_t *directions_list(const web_program *p)
{
	const int64_t Z = network_config(p->g)->latent, n = web_directions(p->g);
	json_t *list = json_array();
	for (int64_t k = 0; p->directions && k < n; k++)
		json_array_append_new(list, reals_of(Z, p->directions + k * Z));
	return list;
}

static shape image_shape(const web_program *p)
{
	const net_config *c = network_config(p->g);
	return SHAPE(p->samples, c->size.h, c->size.w, c->channels);
}

static json_t *reference_of(const web_program *p, int64_t *at)
{
	json_t *out = json_object();
	const shape z = SHAPE(p->samples, network_config(p->g)->latent), x = image_shape(p);
	json_object_set_new(out, "labels", reals_of(p->samples, p->label));
	json_object_set_new(out, "z", place_of(at, &z));
	json_object_set_new(out, "images", place_of(at, &x));
	return out;
}

static json_t *whole(const web_program *p, fault *e)
{
	const net_config *c = network_config(p->g);
	int64_t at = 0, input[KERAS_INPUTS];
	json_t *layers = layers_of(p, &at, e), *out = layers ? json_object() : NULL;
	if (!layers)
		return NULL;
	for (int i = 0; i < p->m->inputs; i++)
		input[i] = p->m->input[i];
	json_object_set_new(out, "summary", json_text(p->summary));
	json_object_set_new(out, "about", json_text(p->about));
	json_object_set_new(out, "width", json_integer(p->width));
	json_object_set_new(out, "error", json_real(p->error));
	json_object_set_new(out, "latent", json_integer(c->latent));
	json_object_set_new(out, "classes", json_integer(c->classes));
	json_object_set_new(out, "names", names_of(p));
	json_object_set_new(out, "image", list_of(3, (const int64_t[]){c->size.h, c->size.w, c->channels}));
	json_object_set_new(out, "input", list_of(p->m->inputs, input));
	json_object_set_new(out, "output", json_integer(p->m->output[0]));
	json_object_set_new(out, "attention", attention_of(p));
	json_object_set_new(out, "directions", directions_list(p));
	json_object_set_new(out, "layers", layers);
	json_object_set_new(out, "reference", reference_of(p, &at));
	return out;
}

/* The page has it in a script element. */
static char *for_script(const char *json, fault *e)
{
	size_t n = strlen(json) + 1;
	for (const char *p = json; *p; p++)
		n += text_script(*p) ? strlen(text_script(*p)) - 1 : 0;
	char *out = mem_new(n, 1, e), *to = out;
	for (const char *p = json; out && *p; p++) {
		const char *as = text_script(*p);
		const size_t k = as ? strlen(as) : 1;
		memcpy(to, as ? as : p, k);
		to += k;
	}
	if (out)
		*to = '\0';
	return out;
}

char *program_json(const web_program *p, fault *e)
{
	json_t *all = whole(p, e);
	char *json = all ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	char *out = json ? for_script(json, e) : NULL;
	if (all && !json)
		fault_set(e, "no memory, or no text, for the program of the page");
	free(json);
	json_decref(all);
	return out;
}

/* ---- the numbers ---- */

char *program_weights(const web_program *p, fault *e)
{
	const shape z = SHAPE(p->samples, network_config(p->g)->latent), x = image_shape(p);
	const int64_t n = keras_count(p->m) + shape_count(&z) + shape_count(&x);
	uint8_t *bytes = mem_new((size_t)n, (size_t)p->width, e), *to = bytes;
	if (!bytes)
		return NULL;
	for (int i = 0; i < p->m->layers; i++)
		for (int k = 0; k < p->m->layer[i].weights; k++) {
			const keras_weight *w = &p->m->layer[i].weight[k];
			pack_numbers(w->x, shape_count(&w->s), p->width, to);
			to += shape_count(&w->s) * p->width;
		}
	pack_numbers(p->z, shape_count(&z), p->width, to);
	pack_numbers(p->images, shape_count(&x), p->width, to + shape_count(&z) * p->width);
	char *text = base64_text(bytes, (size_t)(n * p->width));
	if (!text)
		fault_set(e, "out of memory for the weights of the page");
	free(bytes);
	return text;
}
