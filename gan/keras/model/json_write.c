/* json_write.c - a model as the JSON text that Keras 2.15 and every Keras 3 read alike.
 *
 * That is Keras 2's form without a "module" in any layer (Keras 3 takes an entry that has one for its own
 * dialect). Two things differ between the .h5 and the .keras: the outermost object, and how a lone input or output is
 * written. ["image", 0, 0] is a tensor to Keras 2 and to Keras from 3.4 on, whose model of [["image", 0, 0]] answers a
 * symbolic call with a list, so that Conv2D(1, 3)(g(z)) fails. Keras 3.0 to 3.3 read the second alone, and as a
 * tensor. So the .keras has the first and the .h5 the second, and every Keras has a file that it can build upon. */
#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/keras/model/json.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what one of the Kerases would not load ---- */

/* Each was tried with the real thing: tf-keras, 2.15, 3.3 or 3.15 fails, or computes something else. */
static const char *const refused_class[] = {
	"Attention", "Lambda", "LeakyReLU", "MultiHeadAttention", "SpectralNormalization",
};

/* Keras 3.15 turns these strings, wherever they stand, into its functions of that name. */
static const char *const refused_text[] = {
	"Input", "add", "average", "concatenate", "deserialize", "dot", "maximum", "minimum", "multiply",
	"serialize", "subtract",
};

static bool among(const char *const *list, int n, const char *text)
{
	for (int i = 0; i < n; i++)
		if (!strcmp(list[i], text))
			return true;
	return false;
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			return false;
	return true;
}

static bool loads(const keras_layer *l, fault *e)
{
	if (among(refused_class, COUNT(refused_class), l->class_name))
		return fault_set(e, "layer %s: class %s does not load in every Keras", l->name, l->class_name);
	if (!is_ascii(l->class_name))
		return fault_set(e, "layer %s: its class must be ASCII", l->name);
	for (int i = 0; i < l->values; i++) {
		const keras_value *v = &l->value[i];
		if (!strcmp(v->key, "groups") && !strcmp(l->class_name, "Conv2DTranspose"))
			return fault_set(e, "layer %s: Keras 3 refuses \"groups\" on Conv2DTranspose", l->name);
		if (v->kind == KERAS_TEXT && among(refused_text, COUNT(refused_text), v->text))
			return fault_set(e, "layer %s: Keras 3 takes %s = \"%s\" for a function", l->name, v->key,
				v->text);
		if (!is_ascii(v->key) || (v->kind == KERAS_TEXT && !is_ascii(v->text)))
			return fault_set(e, "layer %s: %.63s must be ASCII", l->name, v->key);
		if (v->kind == KERAS_FLOAT && !isfinite(v->number))
			return fault_set(e, "layer %s: %s is not a finite number", l->name, v->key);
	}
	return true;
}

/* ---- values ---- */

static void put_text(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', f);
		fputc(*s, f);
	}
	fputc('"', f);
}

/* Nine digits, which bring a float32 back; a point whatever the locale says, and always one (or an e), so
 * that a reader sees a float. */
static void put_float(FILE *f, double x)
{
	char text[64];
	snprintf(text, sizeof text, "%.9g", x);
	const char *point = localeconv()->decimal_point;
	char *at = *point ? strstr(text, point) : NULL;
	if (at) {
		memmove(at + 1, at + strlen(point), strlen(at + strlen(point)) + 1);
		*at = '.';
	}
	fprintf(f, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

/* [null, 128] or, in pairs, [[1, 1], [0, 1]]. */
static void put_list(FILE *f, const keras_value *v)
{
	bool pairs = v->kind == KERAS_PAIRS, null = !strcmp(v->key, "batch_input_shape");
	fputc('[', f);
	for (int i = 0; i < v->n; i++) {
		fputs(i ? pairs && i % 2 == 0 ? "], " : ", " : "", f);
		fputs(pairs && i % 2 == 0 ? "[" : "", f);
		if (null && v->list[i] < 0)
			fputs("null", f);
		else
			fprintf(f, "%lld", (long long)v->list[i]);
	}
	fputs(pairs && v->n ? "]]" : "]", f);
}

static void put_value(FILE *f, const keras_value *v)
{
	fputs(", ", f);
	put_text(f, v->key);
	fputs(": ", f);
	switch (v->kind) {
	case KERAS_BOOL:
		fputs(v->number != 0 ? "true" : "false", f);
		break;
	case KERAS_INT:
		fprintf(f, "%lld", (long long)v->number);
		break;
	case KERAS_FLOAT:
		put_float(f, v->number);
		break;
	case KERAS_TEXT:
		put_text(f, v->text);
		break;
	case KERAS_LIST:
	case KERAS_PAIRS:
		put_list(f, v);
		break;
	}
}

/* ---- layers, models ---- */

static void put_layer(FILE *f, const keras_model *m, const keras_layer *l)
{
	fputs("{\"class_name\": ", f);
	put_text(f, l->class_name);
	fprintf(f, ", \"config\": {\"name\": \"%s\"", l->name);
	for (int i = 0; i < l->values; i++)
		put_value(f, &l->value[i]);
	fprintf(f, "}, \"name\": \"%s\", \"inbound_nodes\": [", l->name);
	for (int k = 0; k < l->nin; k++)
		fprintf(f, "%s[\"%s\", 0, 0, {}]", k ? ", " : "[", m->layer[l->in[k]].name);
	fputs(l->nin ? "]]}" : "]}", f);
}

/* alone: one end stands without a list around it. */
static void put_ends(FILE *f, const char *key, const keras_model *m, int n, const int *layer, bool alone)
{
	const bool list = !alone || n != 1;
	fprintf(f, ", \"%s\": %s", key, list ? "[" : "");
	for (int k = 0; k < n; k++)
		fprintf(f, "%s[\"%s\", 0, 0]", k ? ", " : "", m->layer[layer[k]].name);
	fputs(list ? "]" : "", f);
}

static void put_model(FILE *f, const keras_model *m, enum keras_wrap wrap)
{
	fputs(wrap == KERAS_WRAP_H5 ? "{\"class_name\": \"Functional\"" :
	      "{\"module\": \"keras.models\", \"class_name\": \"Model\", \"registered_name\": null", f);
	fputs(", \"config\": {\"name\": ", f);
	put_text(f, m->name);
	fputs(", \"layers\": [", f);
	for (int i = 0; i < m->layers; i++) {
		fputs(i ? ", " : "", f);
		put_layer(f, m, &m->layer[i]);
	}
	fputc(']', f);
	const bool alone = wrap == KERAS_WRAP_ARCHIVE;
	put_ends(f, "input_layers", m, m->inputs, m->input, alone);
	put_ends(f, "output_layers", m, m->outputs, m->output, alone);
	fputs("}}", f);
}

char *keras_json(const keras_model *m, enum keras_wrap wrap, fault *e)
{
	char *text = NULL;
	size_t n = 0;
	for (int i = 0; i < m->layers; i++)
		if (!loads(&m->layer[i], e))
			return NULL;
	if (!is_ascii(m->name)) {
		fault_set(e, "the name of the model must be ASCII");
		return NULL;
	}
	FILE *f = file_begin_text(&text, &n);
	if (f)
		put_model(f, m, wrap);
	if (!file_end_text(f, &text))
		fault_set(e, "out of memory");
	return text;
}
