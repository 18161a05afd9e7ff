/* catalogue.c - the layers that a config can name: looking them up, checking one at its place, placing it. */
#include "core/base/local.h"
#include "layers/types/arguments.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph/ops.h"
#include "layers/heads.h"

/* ---- arguments of all ---- */

static const char *const PLACE[] = {"after", "instead", NULL};
static const char *const RESIDUAL[] = {"gamma", "add", "none", NULL};

static const layer_arg common[] = {
	{.name = "place", .type = ARG_WORD, .words = PLACE,
	 .help = "after the block that makes the map, or instead of it"},
	{.name = "gamma", .type = ARG_REAL, .lo = -100, .hi = 100, .help = "start of gamma; learned"},
	{.name = "residual", .type = ARG_WORD, .words = RESIDUAL,
	 .help = "y = x + gamma layer(x), x + layer(x) or layer(x)"},
};
enum { COMMON_RESIDUAL = 2 };

/* Self-attention has no choice of residual. */
static int common_count(const layer_type *t)
{
	return t->own_skip ? COMMON_RESIDUAL : COUNT(common);
}

#define NAME(name, function) name,
const char *const layer_activations[] = {ACTIVATIONS(NAME) "prelu", "star_relu", NULL};
#undef NAME

/* ---- the table ---- */

static const layer_group *const groups[] = {
	&layers_self_attention, &layers_heads, &layers_convolutional, &layers_perceptrons, &layers_tokens,
	&layers_norms, &layers_parts,
};

int layer_type_count(void)
{
	return layer_type_all() - layers_parts.n;
}

int layer_type_all(void)
{
	int n = 0;
	for (int i = 0; i < COUNT(groups); i++)
		n += groups[i]->n;
	return n;
}

const layer_type *layer_type_at(int i)
{
	for (int k = 0; k < COUNT(groups); k++) {
		if (i < groups[k]->n)
			return &groups[k]->type[i];
		i -= groups[k]->n;
	}
	bug_abort(__FILE__, __LINE__, "no layer type %d", i);
}

int layer_type_find(const char *name)
{
	for (int i = 0; i < layer_type_count(); i++)
		if (!strcmp(layer_type_at(i)->name, name))
			return i;
	return -1;
}

const layer_type *layer_type_named(const char *name)
{
	const int i = layer_type_find(name);
	return i < 0 ? NULL : layer_type_at(i);
}

void layer_type_names(const char *names[LAYER_TYPES_MAX])
{
	int n = layer_type_count();
	must(n < LAYER_TYPES_MAX, "%d layer types", n);
	for (int i = 0; i < n; i++)
		names[i] = layer_type_at(i)->name;
	names[n] = NULL;
}

const layer_arg *layer_arg_at(const layer_type *t, int i)
{
	must(i >= 0 && i < layer_arg_count(t), "argument %d of %s", i, t->name);
	return i < common_count(t) ? &common[i] : &t->arg[i - common_count(t)];
}

int layer_arg_count(const layer_type *t)
{
	return common_count(t) + t->args;
}

int layer_arg_find(const layer_type *t, const char *name)
{
	for (int i = 0; i < layer_arg_count(t); i++)
		if (!strcmp(layer_arg_at(t, i)->name, name))
			return i;
	return -1;
}

/* ---- values ---- */

double layer_number(const placed_layer *l, const char *name)
{
	int i = layer_arg_find(l->spec.type, name);
	must(i >= 0, "%s has no argument %s", l->spec.type->name, name);
	if (l->spec.args.set & 1u << i)
		return l->spec.args.value[i];
	if (layer_arg_at(l->spec.type, i) == &common[COMMON_RESIDUAL])
		return l->spec.type->residual;
	return layer_arg_at(l->spec.type, i)->initial;
}

const char *layer_word(const placed_layer *l, const char *name)
{
	const layer_arg *a = layer_arg_at(l->spec.type, layer_arg_find(l->spec.type, name));
	return a->words[(int)layer_number(l, name)];
}

int layer_int(const placed_layer *l, const char *name)
{
	return (int)layer_number(l, name);
}

bool layer_is(const placed_layer *l, const char *name)
{
	return layer_number(l, name) != 0;
}

int64_t layer_int_or(const placed_layer *l, const char *name, int64_t otherwise)
{
	int64_t v = (int64_t)layer_number(l, name);
	return v ? v : otherwise;
}

int64_t layer_positions(const placed_layer *l)
{
	return shape_count(&l->input) / l->input.dim[0] / l->C;
}

int64_t layer_out(const placed_layer *l)
{
	return l->out ? l->out : l->C;
}

bool layer_replaces(const placed_layer *l)
{
	return layer_is(l, "place");
}

/* ---- sights ---- */

int layer_heads(const placed_layer *l)
{
	return layer_int(l, "heads");
}

void layer_lay_whole(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row)
{
	const int64_t N = l->H * l->W, M = shape_last(s);
	const real *from = scores + (head * N + q) * M;
	for (int64_t i = 0; i < M; i++)
		row[i] += from[i];
}

void layer_lay_window(const placed_layer *l, const real *w, int k, int y, int x, real *row)
{
	for (int i = MAX(0, -y); i < k && y + i < l->H; i++)
		for (int j = MAX(0, -x); j < k && x + j < l->W; j++)
			row[(y + i) * l->W + x + j] += w[i * k + j];
}

/* ---- checks ---- */

bool layer_divides(const placed_layer *l, const char *name, int64_t of, const char *what, fault *e)
{
	int64_t v = (int64_t)layer_number(l, name);
	if (v > 0 && of % v == 0)
		return true;
	return fault_set(e, "%s = %lld: must divide %s %lld; %s fit", name, (long long)v, what, (long long)of,
		divisors_print(of, 1).s);
}

bool layer_is_odd(const placed_layer *l, const char *name, fault *e)
{
	int v = (int)layer_number(l, name);
	return v % 2 ? true : fault_set(e, "%s = %d: must be odd; %d and %d fit", name, v, v - 1, v + 1);
}

bool layer_has_odd_kernel(const placed_layer *l, fault *e)
{
	return layer_is_odd(l, "kernel", e);
}

static bool is_bare(const placed_layer *l)
{
	return !l->spec.type->own_skip && layer_number(l, "residual") == LAYER_BARE;
}

bool layer_is_width(const placed_layer *l, const char *name, fault *e)
{
	int64_t v = (int64_t)layer_number(l, name);
	return v == 0 || v == l->C || is_bare(l) ? true
		: fault_set(e, "%s = %lld: what is added to the map must have its width; 0 and %lld fit, or residual = "
			"%s", name, (long long)v, (long long)l->C, RESIDUAL[LAYER_BARE]);
}

static bool check_residual(const placed_layer *l, fault *e)
{
	int gamma = layer_arg_find(l->spec.type, "gamma");
	if (l->spec.type->own_skip || !(l->spec.args.set & 1u << gamma) || layer_number(l, "residual") == LAYER_GAMMA)
		return true;
	return fault_set(e, "gamma: there is none with residual = %s; residual = gamma fits",
		layer_word(l, "residual"));
}

bool layer_stands_alone(const placed_layer *l)
{
	return layer_out(l) != l->C && !is_bare(l);
}

shape layer_result(const placed_layer *l)
{
	shape s = l->input;
	s.dim[s.rank - 1] = layer_out(l);
	return s;
}

/* What stands instead of the wanted map. */
static bool result_fits(const placed_layer *l, const shape *x, const shape *y, fault *e)
{
	const shape want = layer_result(l);
	if (shape_equal(&want, y))
		return true;
	if (layer_stands_alone(l))
		return fault_set(e, "out = %lld: the layer keeps its width, %s", (long long)layer_out(l),
			shape_print(y).s);
	return fault_set(e, "%s becomes %s; only a layer that keeps the map fits", shape_print(x).s, shape_print(y).s);
}

/* Nothing of `m` is allocated: the graph is built and thrown away, never run. */
static bool try_layer(module *m, const placed_layer *there, fault *e)
{
	placed_layer l = *there;
	const bool alone = layer_stands_alone(&l);
	rng noise = rng_new(0, "trial");
	graph *g = graph_new(e);
	buffer *b = buffer_new("x", l.input, e);
	bool ok = g && b && (alone ? layer_alone_init : placed_layer_init)(m, &l, e) && module_good(m, e);
	if (ok) {
		const mode training = {true, true, &noise};
		node *x = graph_leaf(g, b);
		node *y = (alone ? layer_alone_apply : placed_layer_apply)(g, &l, x, training, NULL);
		ok = graph_ok(g, e) && result_fits(&l, &x->s, &y->s, e);
	}
	placed_layer_clear(&l);
	graph_free(g);
	buffer_free(b);
	return ok;
}

/* What stands in `text` behind "word: ", or all of it. */
static const char *behind(const char *text, const char *word)
{
	size_t n = strlen(word);
	return !strncmp(text, word, n) && !strncmp(text + n, ": ", 2) ? text + n + 2 : text;
}

bool placed_layer_check(const placed_layer *l, fault *e)
{
	fault why;
	const layer_type *t = l->spec.type;
	module *m = NULL;
	bool ok = check_residual(l, &why) && (!t->fits || t->fits(l, &why)) && (m = module_new(&why))
		&& try_layer(m, l, &why);
	module_free(m);
	if (ok)
		return true;
	/* The path is said by the caller, and most layers begin with their own name. */
	const char *kind = t->own_skip ? "attention" : t->name;
	return fault_set(e, "%s: %s", kind, behind(behind(why.text, l->name), kind));
}

/* ---- a layer at its place ---- */

placed_layer placed_layer_at(const char *name, const layer_spec *spec, shape input)
{
	placed_layer l = {
		.spec = {spec->at, spec->type ? spec->type : layer_type_at(0), spec->args}, .input = input,
		.H = input.dim[1], .W = input.dim[2], .C = shape_last(&input),
		.start = {INIT_GLOROT_UNIFORM, 0}, .gamma_start = NAN,
	};
	const int n = snprintf(l.name, sizeof l.name, "%s", name);
	must(n < (int)sizeof l.name, "the name %s is too long for a layer", name);
	const int out = layer_arg_find(l.spec.type, "out");
	l.out = out >= 0 ? (int64_t)layer_number(&l, "out") : 0;
	return l;
}

const char *layer_case_name(const layer_type *t, const layer_case *c)
{
	return c->name ? c->name : t->name;
}

placed_layer placed_layer_case(const layer_type *t, const layer_case *c, int64_t batch)
{
	layer_spec spec = {.type = t};
	for (int k = 0; k < CASE_ARGS_MAX && c->arg[k].name; k++) {
		int i = layer_arg_find(t, c->arg[k].name);
		must(i >= 0, "%s has no argument %s", t->name, c->arg[k].name);
		spec.args.set |= 1u << i;
		spec.args.value[i] = c->arg[k].value;
	}
	shape input = shape_of(c->input.rank, c->input.dim);
	input.dim[0] = batch;
	placed_layer l = placed_layer_at(t->name, &spec, input);
	l.out = c->out;
	return l;
}

bool layer_alone_init(module *m, placed_layer *l, fault *e)
{
	const layer_type *t = l->spec.type;
	l->body = mem_zero(1, t->body, e);
	if (!l->body)
		return false;
	if (t->prefixed)
		module_push(m, l->name);
	t->init(m, l->body, t->prefixed ? "" : l->name, l);
	if (t->prefixed)
		module_pop(m);
	return true;
}

node *layer_alone_apply(graph *g, const placed_layer *l, node *x, mode m, node **map)
{
	const layer_type *t = l->spec.type;
	const shape given = x->s;
	const bool flat = t->takes == LAYER_TOKENS && given.rank == 4;
	if (map)
		*map = NULL;
	if (t->prefixed)
		graph_push(g, l->name);
	if (flat)
		x = op_reshape(g, x, SHAPE(given.dim[0], given.dim[1] * given.dim[2], given.dim[3]));
	node *y = t->apply(g, l->body, x, m, map);
	shape map_again = given;
	map_again.dim[given.rank - 1] = shape_last(&y->s);
	if (flat)
		y = op_reshape(g, y, map_again);
	if (t->prefixed)
		graph_pop(g);
	return y;
}

bool placed_layer_init(module *m, placed_layer *l, fault *e)
{
	const layer_type *t = l->spec.type;
	if (!layer_alone_init(m, l, e))
		return false;
	if (t->own_skip) {
		l->residual = LAYER_BARE;
		l->gamma = t->gamma(l->body);
		return true;
	}
	l->residual = (enum layer_residual)layer_number(l, "residual");
	if (l->residual != LAYER_GAMMA)
		return true;
	bool given = l->spec.args.set & 1u << layer_arg_find(t, "gamma");
	double start = given || isnan(l->gamma_start) ? layer_number(l, "gamma") : l->gamma_start;
	module_push(m, l->name);
	l->gamma = module_param(m, "gamma", shape_scalar(), (init){INIT_CONSTANT, start});
	module_pop(m);
	return true;
}

node *placed_layer_apply(graph *g, const placed_layer *l, node *x, mode m, node **map)
{
	node *y = layer_alone_apply(g, l, x, m, map);
	graph_push(g, l->name);
	if (l->residual == LAYER_GAMMA)
		y = op_mul(g, y, graph_leaf(g, l->gamma));
	if (l->residual != LAYER_BARE)
		y = op_add(g, x, y);
	graph_called(g, "placed", l, x, NULL, y);
	graph_pop(g);
	return y;
}

void placed_layer_clear(placed_layer *l)
{
	free(l->body);
	l->body = NULL;
}

/* ---- its attention maps ---- */

bool layer_has_map(const placed_layer *l)
{
	return l->spec.type->sight != NULL;
}

int layer_map_heads(const placed_layer *l)
{
	const layer_sight *s = l->spec.type->sight;
	return s->heads ? s->heads(l) : 1;
}

int layer_map_pooled(const placed_layer *l)
{
	const layer_sight *s = l->spec.type->sight;
	return s->pooled ? s->pooled(l) : 1;
}

void layer_map_row(const placed_layer *l, const shape *s, const real *scores, int head, int q, real *row)
{
	const int pooled = layer_map_pooled(l), n = layer_map_heads(l);
	const int64_t M = l->H / pooled * (l->W / pooled);
	memset(row, 0, (size_t)M * sizeof *row);
	must(head >= -1 && head < n, "head %d of %d", head, n);
	if (head >= 0) {
		l->spec.type->sight->lay(l, s, scores, head, q, row);
		return;
	}
	for (int k = 0; k < n; k++)
		l->spec.type->sight->lay(l, s, scores, k, q, row);
	for (int64_t i = 0; i < M; i++)
		row[i] /= (real)n;
}
