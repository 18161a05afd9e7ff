/* catalogue.c - the layers that a config can name: looking them up, checking a site, placing one. */
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

const char *const layer_activations[] = {
	"relu", "leaky_relu", "swish", "gelu", "gelu_tanh", "elu", "selu", "mish", "phish", "hard_swish", "squared_relu",
	"tanh", "sigmoid", "hard_sigmoid", "softplus", "prelu", "star_relu", "linear", NULL
};

/* ---- the table ---- */

static const layer_group *const groups[] = {
	&layers_self_attention, &layers_heads, &layers_convolutional, &layers_perceptrons, &layers_tokens, &layers_norms,
	&layers_parts,
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
	bug(__FILE__, __LINE__, "no layer type %d", i);
}

int layer_type_find(const char *name)
{
	for (int i = 0; i < layer_type_count(); i++)
		if (!strcmp(layer_type_at(i)->name, name))
			return i;
	return -1;
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

double layer_number(const layer_site *s, const char *name)
{
	int i = layer_arg_find(s->type, name);
	must(i >= 0, "%s has no argument %s", s->type->name, name);
	if (s->args.set & 1u << i)
		return s->args.value[i];
	if (layer_arg_at(s->type, i) == &common[COMMON_RESIDUAL])
		return s->type->residual;
	return layer_arg_at(s->type, i)->initial;
}

const char *layer_word(const layer_site *s, const char *name)
{
	const layer_arg *a = layer_arg_at(s->type, layer_arg_find(s->type, name));
	return a->words[(int)layer_number(s, name)];
}

int layer_int(const layer_site *s, const char *name)
{
	return (int)layer_number(s, name);
}

bool layer_is(const layer_site *s, const char *name)
{
	return layer_number(s, name) != 0;
}

int64_t layer_int_or(const layer_site *s, const char *name, int64_t otherwise)
{
	int64_t v = (int64_t)layer_number(s, name);
	return v ? v : otherwise;
}

int64_t layer_positions(const layer_site *s)
{
	return shape_count(&s->input) / s->input.dim[0] / s->C;
}

int64_t layer_out(const layer_site *s)
{
	return s->out ? s->out : s->C;
}

bool layer_replaces(const layer_site *s)
{
	return layer_is(s, "place");
}

/* ---- checks ---- */

bool layer_divides(const layer_site *s, const char *name, int64_t of, const char *what, error *e)
{
	int64_t v = (int64_t)layer_number(s, name);
	if (v > 0 && of % v == 0)
		return true;
	return error_set(e, "%s = %lld: must divide %s %lld; %s fit", name, (long long)v, what, (long long)of,
		divisors_print(of, 1).s);
}

bool layer_is_odd(const layer_site *s, const char *name, error *e)
{
	int v = (int)layer_number(s, name);
	return v % 2 ? true : error_set(e, "%s = %d: must be odd; %d and %d fit", name, v, v - 1, v + 1);
}

bool layer_has_odd_kernel(const layer_site *s, error *e)
{
	return layer_is_odd(s, "kernel", e);
}

bool layer_is_width(const layer_site *s, const char *name, error *e)
{
	int64_t v = (int64_t)layer_number(s, name);
	return v == 0 || v == s->C ? true
		: error_set(e, "%s = %lld: the map keeps its width; 0 and %lld fit", name, (long long)v, (long long)s->C);
}

static bool check_residual(const layer_site *s, error *e)
{
	int gamma = layer_arg_find(s->type, "gamma");
	if (s->type->own_skip || !(s->args.set & 1u << gamma) || layer_number(s, "residual") == LAYER_GAMMA)
		return true;
	return error_set(e, "gamma: there is none with residual = %s; residual = gamma fits", layer_word(s, "residual"));
}

/* Nothing of `m` is allocated: the graph is built and thrown away, never run. */
static bool try_layer(module *m, const layer_site *s, error *e)
{
	placed_layer l = {0};
	rng noise = rng_new(0, "trial");
	graph *g = graph_new(e);
	buffer *b = buffer_new("x", s->input, e);
	bool ok = g && b && placed_layer_init(m, &l, "layer", s, e) && module_good(m, e);
	if (ok) {
		node *x = graph_leaf(g, b), *y = placed_layer_apply(g, &l, x, (mode){true, true, &noise}, NULL);
		ok = graph_ok(g, e);
		if (ok && !shape_equal(&x->s, &y->s))
			ok = error_set(e, "%s becomes %s; only a layer that keeps the map fits", shape_print(&x->s).s,
				shape_print(&y->s).s);
	}
	placed_layer_clear(&l);
	graph_free(g);
	buffer_free(b);
	return ok;
}

bool layer_site_check(const layer_site *s, error *e)
{
	error why;
	module *m = NULL;
	bool ok = check_residual(s, &why) && (!s->type->fits || s->type->fits(s, &why)) && (m = module_new(&why))
		&& try_layer(m, s, &why);
	module_free(m);
	if (ok)
		return true;
	/* The trial's path says nothing to a reader, and most layers begin with their own name. */
	const char *text = strncmp(why.text, "layer: ", 7) ? why.text : why.text + 7;
	const char *name = s->type->own_skip ? "attention" : s->type->name;
	size_t n = strlen(name);
	if (!strncmp(text, name, n) && text[n] == ':')
		return error_set(e, "%s", text);
	return error_set(e, "%s: %s", name, text);
}

/* ---- a layer alone ---- */

const char *layer_case_name(const layer_type *t, const layer_case *c)
{
	return c->name ? c->name : t->name;
}

layer_site layer_case_site(const layer_type *t, const layer_case *c, int64_t batch)
{
	layer_site s = {
		.type = t, .input = shape_of(c->input.rank, c->input.dim), .out = c->out,
		.start = {INIT_GLOROT_UNIFORM, 0}, .gamma = NAN,
	};
	s.input.dim[0] = batch;
	s.H = s.input.dim[1];
	s.W = s.input.dim[2];
	s.C = shape_last(&s.input);
	for (int k = 0; k < CASE_ARGS_MAX && c->arg[k].name; k++) {
		int i = layer_arg_find(t, c->arg[k].name);
		must(i >= 0, "%s has no argument %s", t->name, c->arg[k].name);
		s.args.set |= 1u << i;
		s.args.value[i] = c->arg[k].value;
	}
	return s;
}

void layer_start(module *m, void *body, const char *name, const layer_site *s)
{
	if (s->type->prefixed)
		module_push(m, name);
	s->type->init(m, body, s->type->prefixed ? "" : name, s);
	if (s->type->prefixed)
		module_pop(m);
}

node *layer_run(graph *g, const layer_site *s, const char *name, const void *body, node *x, mode m, node **map)
{
	const shape given = x->s;
	const bool flat = s->type->takes == LAYER_TOKENS && given.rank == 4;
	if (s->type->prefixed)
		graph_push(g, name);
	if (flat)
		x = op_reshape(g, x, SHAPE(given.dim[0], given.dim[1] * given.dim[2], given.dim[3]));
	node *y = s->type->apply(g, body, x, m, map);
	if (flat)
		y = op_reshape(g, y, given);
	if (s->type->prefixed)
		graph_pop(g);
	return y;
}

/* ---- a placed layer ---- */

bool placed_layer_init(module *m, placed_layer *l, const char *name, const layer_site *s, error *e)
{
	const layer_type *t = s->type;
	*l = (placed_layer){.site = *s, .body = mem_zero(1, t->body, e)};
	if (!l->body)
		return false;
	snprintf(l->name, sizeof l->name, "%s", name);
	layer_start(m, l->body, name, &l->site);
	if (t->own_skip) {
		l->residual = LAYER_BARE;
		l->gamma = t->gamma(l->body);
		return true;
	}
	l->residual = (enum layer_residual)layer_number(s, "residual");
	if (l->residual != LAYER_GAMMA)
		return true;
	bool given = s->args.set & 1u << layer_arg_find(t, "gamma");
	double start = given || isnan(s->gamma) ? layer_number(s, "gamma") : s->gamma;
	module_push(m, name);
	l->gamma = module_param(m, "gamma", shape_scalar(), (init){INIT_CONSTANT, start});
	module_pop(m);
	return true;
}

node *placed_layer_apply(graph *g, const placed_layer *l, node *x, mode m, node **map)
{
	if (map)
		*map = NULL;
	node *y = layer_run(g, &l->site, l->name, l->body, x, m, map);
	graph_push(g, l->name);
	if (l->residual == LAYER_GAMMA)
		y = op_mul(g, y, graph_leaf(g, l->gamma));
	if (l->residual != LAYER_BARE)
		y = op_add(g, x, y);
	graph_called(g, "placed", l, x, NULL, y);
	graph_pop(g);
	return y;
}

int64_t layer_map_keys(const placed_layer *l)
{
	const layer_site *s = &l->site;
	if (!s->type->has_map)
		return 0;
	return s->type->keys ? s->type->keys(l) : s->H * s->W;
}

void placed_layer_clear(placed_layer *l)
{
	free(l->body);
	l->body = NULL;
}
