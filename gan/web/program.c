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

static json_t *list_of(int n, const int64_t *x, bool *ok)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i++)
		json_add(list, json_integer(x[i]), ok);
	return list;
}

static json_t *reals_of(int64_t n, const real *x, bool *ok)
{
	json_t *list = json_array();
	for (int64_t i = 0; i < n; i++)
		json_add(list, json_real((double)x[i]), ok);
	return list;
}

/* [[1, 1], [0, 1]] of the list 1 1 0 1. */
static json_t *pairs_of(int n, const int64_t *x, bool *ok)
{
	json_t *list = json_array();
	for (int i = 0; i < n; i += 2)
		json_add(list, list_of(2, x + i, ok), ok);
	return list;
}

static json_t *setting_of(const keras_value *v, bool *ok)
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
		return list_of(v->n, v->list, ok);
	case KERAS_PAIRS:
		return pairs_of(v->n, v->list, ok);
	}
	return NULL;
}

/* Where numbers of a shape lie: [place, shape]. The next ones are behind them. */
static json_t *place_of(int64_t *at, const shape *s, bool *ok)
{
	json_t *place = json_array();
	json_add(place, json_integer(*at), ok);
	json_add(place, list_of(s->rank, s->dim, ok), ok);
	*at += shape_count(s);
	return place;
}

/* ---- layers ---- */

static json_t *layer_of(const keras_layer *l, const shape *s, int64_t *at, bool *ok)
{
	json_t *out = json_object(), *a = json_object(), *w = json_object(), *in = json_array();
	for (int i = 0; i < l->nin; i++)
		json_add(in, json_integer(l->in[i]), ok);
	for (int i = 0; i < l->values && strcmp(l->class_name, "InputLayer"); i++)
		json_put(a, l->value[i].key, setting_of(&l->value[i], ok), ok);
	for (int i = 0; i < l->weights; i++)
		json_put(w, l->weight[i].name, place_of(at, &l->weight[i].s, ok), ok);
	json_put(out, "n", json_text(l->name), ok);
	json_put(out, "c", json_text(l->class_name), ok);
	json_put(out, "i", in, ok);
	json_put(out, "s", list_of(s->rank, s->dim, ok), ok);
	json_put(out, "a", a, ok);
	json_put(out, "w", w, ok);
	return out;
}

static json_t *layers_of(const web_program *p, int64_t *at, bool *ok, fault *e)
{
	shape *s = mem_new((size_t)p->m->layers, sizeof *s, e);
	const bool known = s && keras_shapes(p->m, s, e);
	json_t *list = known ? json_array() : NULL;
	*ok = (!known || list) && *ok;
	for (int i = 0; list && i < p->m->layers; i++)
		json_add(list, layer_of(&p->m->layer[i], &s[i], at, ok), ok);
	free(s);
	return list;
}

/* ---- what the page shows ---- */

static json_t *names_of(const web_program *p, bool *ok)
{
	json_t *list = json_array();
	char name[128];
	for (int k = 0; *p->class_names && k < network_config(p->g)->classes; k++)
		json_add(list, json_text(class_names_at(p->class_names, k, name, sizeof name)), ok);
	return list;
}

static json_t *attention_of(const web_program *p, bool *ok)
{
	json_t *list = json_array();
	for (int i = 0; i < network_placed_layers(p->g); i++)
		if (p->scores[i] >= 0) {
			json_t *one = sight_json(network_placed_layer(p->g, i), ok);
			json_put(one, "layer", json_integer(p->scores[i]), ok);
			json_add(list, one, ok);
		}
	return list;
}

static json_t *directions_list(const web_program *p, bool *ok)
{
	const int64_t Z = network_config(p->g)->latent, n = web_directions(p->g);
	json_t *list = json_array();
	for (int64_t k = 0; p->directions && k < n; k++)
		json_add(list, reals_of(Z, p->directions + k * Z, ok), ok);
	return list;
}

static shape image_shape(const web_program *p)
{
	const net_config *c = network_config(p->g);
	return SHAPE(p->samples, c->size.h, c->size.w, c->channels);
}

static json_t *reference_of(const web_program *p, int64_t *at, bool *ok)
{
	json_t *out = json_object();
	const shape z = SHAPE(p->samples, network_config(p->g)->latent), x = image_shape(p);
	json_put(out, "labels", reals_of(p->samples, p->label, ok), ok);
	json_put(out, "z", place_of(at, &z, ok), ok);
	json_put(out, "images", place_of(at, &x, ok), ok);
	return out;
}

static json_t *whole(const web_program *p, bool *ok, fault *e)
{
	const net_config *c = network_config(p->g);
	int64_t at = 0, input[KERAS_INPUTS];
	json_t *layers = layers_of(p, &at, ok, e), *out = layers ? json_object() : NULL;
	if (!layers)
		return NULL;
	for (int i = 0; i < p->m->inputs; i++)
		input[i] = p->m->input[i];
	json_put(out, "summary", json_text(p->summary), ok);
	json_put(out, "about", json_text(p->about), ok);
	json_put(out, "width", json_integer(p->width), ok);
	json_put(out, "error", json_real(p->error), ok);
	json_put(out, "latent", json_integer(c->latent), ok);
	json_put(out, "classes", json_integer(c->classes), ok);
	json_put(out, "names", names_of(p, ok), ok);
	json_put(out, "image", list_of(3, (const int64_t[]){c->size.h, c->size.w, c->channels}, ok), ok);
	json_put(out, "input", list_of(p->m->inputs, input, ok), ok);
	json_put(out, "output", json_integer(p->m->output[0]), ok);
	json_put(out, "attention", attention_of(p, ok), ok);
	json_put(out, "directions", directions_list(p, ok), ok);
	json_put(out, "layers", layers, ok);
	json_put(out, "reference", reference_of(p, &at, ok), ok);
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
	bool ok = true;
	json_t *all = whole(p, &ok, e);
	char *json = all && ok ? json_dumps(all, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
	char *out = json ? for_script(json, e) : NULL;
	if (!ok || (all && !json))
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
