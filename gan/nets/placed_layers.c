/* placed_layers.c - layers of layers/types/catalogue.h in a network: where they may stand, and what stands there. */
#include <stdio.h>
#include <string.h>

#include "core/graph/ops.h"
#include "gan/nets/networks_internal.h"

/* ---- places ---- */

/* What a stage's map is called by. */
static int side_of(const net_stage *s)
{
	return net_size_shorter(s->map);
}

/* "14, 28", or "14 (14x21), 28 (28x42)" */
static void print_sizes(char *text, size_t size, const net_stage *s, int n)
{
	size_t at = 0;
	*text = '\0';
	for (int i = 0; i < n && at < size; i++) {
		const net_size map = s[i].map;
		if (i > 0 && side_of(&s[i]) == side_of(&s[i - 1]))
			continue;
		at += (size_t)snprintf(text + at, size - at, "%s%d", i ? ", " : "", side_of(&s[i]));
		if (map.h != map.w && at < size)
			at += (size_t)snprintf(text + at, size - at, " (%dx%d)", map.h, map.w);
	}
}

/* Index of the first stage whose map has this side, or -1. */
static int stage_of(const net_stage *s, int n, int side)
{
	for (int i = 0; i < n; i++)
		if (side_of(&s[i]) == side)
			return i;
	return -1;
}

static const layer_specs *places_of(const net_config *c, enum net_side side)
{
	return side == NET_G ? &c->g_layers : &c->d_layers;
}

/* The layer that is asked for on the map of a stage. Its parameters keep the names of version 0.1.0. */
static placed_layer layer_on(const net_config *c, const layer_spec *spec, const net_stage *s, sn_options sn)
{
	char path[32];
	snprintf(path, sizeof path, "attention%d", side_of(s));
	placed_layer l = placed_layer_at(path, spec, SHAPE(1, s->map.h, s->map.w, s->channels));
	l.sn = sn;
	l.start = net_init(c, 1);
	l.gamma_start = c->layer_gamma;
	return l;
}

/* Side of the map that stage i gets. Both sides of all maps are in the same ratio. */
static int size_before(const net_config *c, const net_stage *s, int i)
{
	return i ? side_of(&s[i - 1]) : net_size_shorter(c->size);
}

static bool check_replaced(const net_config *c, enum net_side side, const net_stage *s, int i, fault *e)
{
	int before = size_before(c, s, i), size = side_of(&s[i]);
	if (side == NET_G && i == 0)
		return fault_set(e, "place = instead: the first map of G is made of the latent; place = after fits");
	if (side == NET_G ? size % before : before % size)
		return fault_set(e, "place = instead: %d to %d is no whole factor; place = after fits", before, size);
	return true;
}

static bool check_place(const net_config *c, enum net_side side, int k, const net_stage *s, int n, fault *e)
{
	const layer_specs *p = places_of(c, side);
	const char *who = side == NET_G ? "G" : "D";
	char sizes[192];
	int size = p->layer[k].at, i = stage_of(s, n, size);
	fault why;
	print_sizes(sizes, sizeof sizes, s, n);
	if (i < 0)
		return fault_set(e, "layer at %d: %s has maps of %s", size, who, sizes);
	for (int j = 0; j < k; j++)
		if (p->layer[j].at == size)
			return fault_set(e, "layer at %d: listed twice for %s", size, who);
	sn_options sn = {.on = side == NET_G ? c->g_sn : c->d_sn, .iterations = c->sn_iterations, .eps = c->sn_eps};
	const placed_layer there = layer_on(c, &p->layer[k], &s[i], sn);
	bool ok = (!layer_replaces(&there) || check_replaced(c, side, s, i, &why)) && placed_layer_check(&there, &why);
	return ok ? true : fault_set(e, "layer at %d in %s: %s", size, who, why.text);
}

bool placed_layers_check(const net_config *c, enum net_side side, const net_half *half, fault *e)
{
	const layer_specs *p = places_of(c, side);
	net_stage s[STAGES_MAX];
	int n = half->stages(c, s);
	if (p->n < 0 || p->n > LAYERS_MAX)
		return fault_set(e, "layers in %s: %d, at most %d", side == NET_G ? "G" : "D", p->n, LAYERS_MAX);
	for (int k = 0; k < p->n; k++)
		if (!check_place(c, side, k, s, n, e))
			return false;
	return true;
}

/* ---- instead of a stage ---- */

static bool is_image(const network *n, int i)
{
	return n->side == NET_D && i == 0;
}

static void bridge_init(network *n, net_bridge *b, int i)
{
	int before = size_before(&n->cfg, n->stage, i), size = side_of(&n->stage[i]);
	int64_t in = is_image(n, i) ? n->cfg.channels : n->stage[i - 1].out;
	snprintf(b->name, sizeof b->name, "bridge%d", size);
	b->factor = n->side == NET_G ? size / before : before / size;
	module_push(n->m, b->name);
	if (n->side == NET_G)
		net_norm(n, &b->norm, "norm", in);
	conv_init(n->m, &b->conv, "conv", in, net_conv(n, in, n->stage[i].channels, 1, 1));
	module_pop(n->m);
}

/* The convolution stands where the map is small: it commutes with both ways of resizing. */
static node *bridge_apply(graph *g, const network *n, const net_bridge *b, int i, node *x, node *with, mode m)
{
	int f = b->factor;
	graph_push(g, b->name);
	if (n->side == NET_G)
		x = cond_norm_apply(g, &b->norm, x, with, m);
	if (!is_image(n, i))
		x = op_relu(g, x);
	if (n->side == NET_D && f > 1)
		x = op_avg_pool(g, x, (window_geometry){.kh = f, .kw = f, .sh = f, .sw = f});
	x = conv_apply(g, &b->conv, x, m);
	if (n->side == NET_G && f > 1)
		x = op_upsample_nearest(g, x, f, f);
	graph_pop(g);
	return x;
}

/* ---- stages ---- */

/* What is asked for at stage i, or NULL. */
static const layer_spec *asked_at(const network *n, int i)
{
	const layer_specs *p = places_of(&n->cfg, n->side);
	for (int k = 0; k < p->n; k++)
		if (stage_of(n->stage, n->stages, p->layer[k].at) == i)
			return &p->layer[k];
	return NULL;
}

bool stage_start(network *n, int i, fault *e)
{
	const layer_spec *p = asked_at(n, i);
	n->stage[i].out = n->stage[i].channels;
	if (!p) {
		n->half->stage_init(n, i);
		return true;
	}
	placed_layer *l = &n->layer[n->layers];
	*l = layer_on(&n->cfg, p, &n->stage[i], net_sn(n));
	const shape result = layer_result(l);
	n->stage[i].out = shape_last(&result);
	if (layer_replaces(l))
		bridge_init(n, &n->bridge[n->layers], i);
	else
		n->half->stage_init(n, i);
	n->after[n->layers++] = i;
	return placed_layer_init(n->m, l, e);
}

node *stage_run(graph *g, const network *n, int i, node *x, node *with, mode m, node **maps)
{
	int k = 0;
	while (k < n->layers && n->after[k] != i)
		k++;
	if (k == n->layers)
		return n->half->stage_apply(g, n, i, x, with, m);
	if (layer_replaces(&n->layer[k]))
		x = bridge_apply(g, n, &n->bridge[k], i, x, with, m);
	else
		x = n->half->stage_apply(g, n, i, x, with, m);
	return placed_layer_apply(g, &n->layer[k], x, m, maps ? &maps[k] : NULL);
}
