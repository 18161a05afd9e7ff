/* read_weights.c - the two layouts in which Keras keeps weights in HDF5.
 *
 * Legacy: attribute layer_names, one group per name with the attribute weight_names. Native: groups
 * layers/conv2d_1/vars/0, named by class and counter, wrapped layers and nested models inside. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/model/json.h"
#include "gan/keras/file/read_internal.h"

enum { WEIGHTS_MAX = 1 << 16, DEPTH_MAX = 12, PATH_MAX_ = 4096 };

typedef struct reader {
	h5 *f;
	const char *label;
	keras_model *m;
	bool allow_nonfinite;
	weight_limit left;                           /* of weights that may still come */
	fault *e;
} reader;

/* ---- names ---- */

/* A name that keras_add takes. A second of the same becomes -layer12: no layer of Keras is called so, which would be
 * mistaken for it. */
static void allowed_name(const keras_model *m, const char *name, char out[KERAS_LAYER])
{
	keras_plain_name(name, out);
	if (keras_find(m, out) >= 0)
		snprintf(out, KERAS_LAYER, "-layer%d", m->layers);
}

/* "a1/kernel:0" -> "kernel" */
static void short_name(const char *name, char out[PATH_MAX_])
{
	const char *slash = strrchr(name, '/');
	const char *last = slash ? slash + 1 : name;
	snprintf(out, PATH_MAX_, "%.*s", (int)MIN(strcspn(last, ":"), (size_t)PATH_MAX_ - 1), last);
}

/* A member's name that leads nowhere else: no "", "/x", "a//b", "a/../b". */
static bool name_stays(const char *name)
{
	const size_t n = strlen(name);
	return n > 0 && name[0] != '/' && name[n - 1] != '/' && !strstr(name, "//") && !strstr(name, "..");
}

static bool join(const reader *r, char path[PATH_MAX_], const char *group, const char *name)
{
	const int n = snprintf(path, PATH_MAX_, "%s/%s", group, name);
	return n < PATH_MAX_ || fault_set(r->e, "%s: %.80s: a name of %d characters", r->label, name, n);
}

/* ---- one data set ---- */

static bool all_finite(const real *x, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (!isfinite(x[i]))
			return false;
	return true;
}

/* Data set `path` as the next weight of the last layer. */
static bool add_weight(reader *r, const char *path, const char *name)
{
	h5_info info;
	fault why = {.text = ""};
	char last[PATH_MAX_];
	const int i = r->m->layers - 1;
	if (!h5_stat(r->f, path, &info, r->e))
		return false;
	if (!info.is_group && info.type == H5_I8)
		return fault_set(r->e, "%s: %s: int8 numbers: a quantised network is not read; save it before it is "
			"quantised", r->label, path);
	if (info.is_group || !h5_type_is_float(info.type))
		return fault_set(r->e, "%s: %s: floating-point numbers are expected", r->label, path);
	if (r->m->layer[i].weights >= WEIGHTS_MAX)
		return fault_set(r->e, "%s: %s: more than %d weights in a layer", r->label, path, WEIGHTS_MAX);
	const int64_t n = shape_count(&info.s);
	if (n < 1)
		return fault_set(r->e, "%s: %s: is empty", r->label, path);
	if (n > r->left.bytes / (int64_t)sizeof(real))
		return fault_set(r->e, "%s: %s: more weights than %s", r->label, path, r->left.whose);
	r->left.bytes -= n * (int64_t)sizeof(real);
	short_name(name, last);
	if (!keras_add_weight(r->m, i, last, info.s, NULL, &why))
		return fault_set(r->e, "%s: %.300s: %s", r->label, path, why.text);
	real *x = r->m->layer[i].weight[r->m->layer[i].weights - 1].x;
	if (!h5_read_real(r->f, path, x, n, r->e))
		return false;
	return r->allow_nonfinite || all_finite(x, n) ||
		fault_set(r->e, "%s: %s: holds values that are not finite", r->label, path);
}

static bool add_layer(reader *r, const char *name)
{
	char allowed[KERAS_LAYER];
	allowed_name(r->m, name, allowed);
	if (r->m->layers >= KERAS_LAYERS_MAX)
		return fault_set(r->e, "%s: more than %d layers", r->label, KERAS_LAYERS_MAX);
	return keras_add(r->m, "", allowed, 0, NULL, r->e) >= 0;
}

/* ---- legacy ---- */

/* Absent and empty lists are what layers without weights have. */
static bool list_of(reader *r, const char *path, const char *name, h5_names *out)
{
	char first[80];
	*out = (h5_names){0, NULL};
	snprintf(first, sizeof first, "%s0", name);
	if (!h5_attr_exists(r->f, path, name) && !h5_attr_exists(r->f, path, first))
		return true;
	return h5_attr_texts(r->f, path, name, out, r->e);
}

static bool legacy_weights(reader *r, const char *group, const char *layer, const h5_names *weights)
{
	char path[PATH_MAX_];
	if (weights->n > 0 && !add_layer(r, layer))
		return false;
	for (int k = 0; k < weights->n; k++) {
		if (!name_stays(weights->name[k]))
			return fault_set(r->e, "%s: layer %.80s: weight name \"%.80s\" is no name", r->label, layer,
				weights->name[k]);
		if (!join(r, path, group, weights->name[k]) || !add_weight(r, path, weights->name[k]))
			return false;
	}
	return true;
}

static bool legacy_layer(reader *r, const char *root, const char *layer)
{
	char group[PATH_MAX_];
	h5_names weights;
	if (!name_stays(layer))
		return fault_set(r->e, "%s: layer name \"%.80s\" is no name", r->label, layer);
	if (!join(r, group, root, layer))
		return false;
	if (!h5_exists(r->f, group))
		return h5_answers(r->f, r->e) && fault_set(r->e, "%s: layer %.80s is listed, but has no group",
			r->label, layer);
	const bool ok = list_of(r, group, "weight_names", &weights) && legacy_weights(r, group, layer, &weights);
	h5_names_free(&weights);
	return ok;
}

static bool legacy_read(reader *r, const char *root)
{
	h5_names layers;
	bool ok = list_of(r, root, "layer_names", &layers);
	if (ok && layers.n > KERAS_LAYERS_MAX)
		ok = fault_set(r->e, "%s: %d layers; %d are allowed", r->label, layers.n, KERAS_LAYERS_MAX);
	for (int i = 0; ok && i < layers.n; i++)
		ok = legacy_layer(r, root, layers.name[i]);
	h5_names_free(&layers);
	return ok;
}

/* ---- native ---- */

/* Members must be 0 .. n-1. Whole numbers are the seeds of Dropout, no weights: *seed. */
static bool vars_check(reader *r, const char *vars, const h5_names *l, bool *seed)
{
	char path[PATH_MAX_], digits[16];
	*seed = false;
	for (int k = 0; k < l->n; k++) {
		h5_info info;
		snprintf(digits, sizeof digits, "%d", k);
		if (!join(r, path, vars, digits) || !h5_stat(r->f, path, &info, r->e))
			return false;
		const bool whole = !h5_type_is_float(info.type) && info.type != H5_I8;       /* which is quantised */
		*seed = *seed || whole || strstr(vars, "/seed_generator/");
	}
	return true;
}

/* The variables of one layer; `key` is its name in our model. */
static bool native_vars(reader *r, const char *vars, const char *key)
{
	char path[PATH_MAX_], digits[16];
	h5_names l;
	bool seed = false;
	if (!h5_list(r->f, vars, &l, r->e))
		return false;
	const int n = l.n;
	bool ok = n <= WEIGHTS_MAX ? vars_check(r, vars, &l, &seed)
				   : fault_set(r->e, "%s: %s: %d variables", r->label, vars, n);
	h5_names_free(&l);
	if (!ok || n == 0 || seed)
		return ok;
	ok = add_layer(r, key);
	if (ok && h5_attr_kind(r->f, vars, "name") == 's') {
		char *name = h5_attr_text_new(r->f, vars, "name", r->e), plain[KERAS_LAYER];
		if (name)
			keras_plain_name(name, plain);
		ok = name && keras_set_text(r->m, r->m->layers - 1, "name", plain, r->e);
		free(name);
	}
	for (int k = 0; ok && k < n; k++) {
		snprintf(digits, sizeof digits, "%d", k);
		ok = join(r, path, vars, digits) && add_weight(r, path, digits);
	}
	return ok;
}

/* A group that is a layer, a wrapper or a model: its variables, then what is inside. "layers" leaves no trace in
 * the key: layers/functional/layers/dense is functional.dense. */
static bool native_walk(reader *r, const char *group, const char *key, int depth)
{
	char path[PATH_MAX_], inner[2 * PATH_MAX_];
	h5_names l = {0, NULL};
	if (depth > DEPTH_MAX)
		return fault_set(r->e, "%s: %s: nested deeper than %d groups", r->label, group, DEPTH_MAX);
	bool ok = h5_list(r->f, group, &l, r->e);
	if (ok && l.n > KERAS_LAYERS_MAX)
		ok = fault_set(r->e, "%s: %s: %d members; %d are allowed", r->label, group, l.n, KERAS_LAYERS_MAX);
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; ok && i < l.n; i++) {
			const bool vars = !strcmp(l.name[i], "vars"), layers = !strcmp(l.name[i], "layers");
			h5_info info;
			if (vars == (pass == 1))     /* own variables first */
				continue;
			ok = join(r, path, group, l.name[i]) && h5_stat(r->f, path, &info, r->e);
			if (!ok || !info.is_group)
				continue;
			snprintf(inner, sizeof inner, "%s%s%s", key, *key && !layers ? "." : "",
				layers ? "" : l.name[i]);
			ok = vars ? !*key || native_vars(r, path, key) : native_walk(r, path, inner, depth + 1);
		}
	h5_names_free(&l);
	return ok;
}

/* ---- which ---- */

static bool has_list(h5 *f, const char *path)
{
	return h5_attr_exists(f, path, "layer_names") || h5_attr_exists(f, path, "layer_names0");
}

static bool read_any(reader *r)
{
	if (h5_exists(r->f, "/model_weights"))
		return legacy_read(r, "/model_weights");
	if (has_list(r->f, "/"))
		return legacy_read(r, "");
	if (h5_exists(r->f, "/layers"))
		return native_walk(r, "/layers", "", 0);
	if (h5_exists(r->f, "/_layer_checkpoint_dependencies"))      /* Keras 2.12 to 2.14 */
		return native_walk(r, "/_layer_checkpoint_dependencies", "", 0);
	return h5_answers(r->f, r->e) && fault_set(r->e, "%s: HDF5, but no weights of Keras: neither layer_names, nor "
		"model_weights, nor layers", r->label);
}

keras_model *read_weights_new(h5 *f, const char *label, bool allow_nonfinite, const weight_limit *most, fault *e)
{
	reader r = {.f = f, .label = label, .allow_nonfinite = allow_nonfinite, .left = *most, .e = e};
	r.m = keras_model_new("weights", e);
	if (!r.m)
		return NULL;
	r.m->topology = false;
	if (read_any(&r) && h5_answers(f, e))
		return r.m;
	keras_model_free(r.m);
	return NULL;
}

char *read_config_new(h5 *f, fault *e)
{
	return h5_attr_exists(f, "/", "model_config") ? h5_attr_text_new(f, "/", "model_config", e) : NULL;
}
