/* sites.c - layers of layers/types/catalogue.h in a network: where they may stand, and what stands there. */
#include <stdio.h>
#include <string.h>

#include "core/graph/ops.h"
#include "gan/nets/networks_internal.h"

/* ---- places ---- */

/* "14, 28" */
static void print_sizes(char *text, size_t size, const net_stage *s, int n)
{
	size_t at = 0;
	*text = '\0';
	for (int i = 0; i < n && at < size; i++)
		if (i == 0 || s[i].size != s[i - 1].size)
			at += (size_t)snprintf(text + at, size - at, "%s%d", i ? ", " : "", s[i].size);
}

/* Index of the first stage whose map has this size, or -1. */
static int stage_of(const net_stage *s, int n, int size)
{
	for (int i = 0; i < n; i++)
		if (s[i].size == size)
			return i;
	return -1;
}

static const attention_places *places_of(const net_config *c, enum net_side side)
{
	return side == NET_G ? &c->g_attention : &c->d_attention;
}

/* The layer at a place of a map. */
static bool site_of(const net_config *c, const attention_place *p, const net_stage *s, sn_options sn, layer_site *out,
		    error *e)
{
	const char *name = p->variant ? p->variant : "official", *names[LAYER_TYPES_MAX];
	int i = layer_type_find(name);
	if (i < 0) {
		layer_type_names(names);
		const char *near = closest(name, names, layer_type_count());
		return error_set(e, "%s: no such layer%s%s%s; `sagan layers` lists them", name, near ? "; did you mean " : "",
			near ? near : "", near ? "?" : "");
	}
	*out = (layer_site){
		.type = layer_type_at(i), .args = p->args, .input = SHAPE(1, s->size, s->size, s->channels), .H = s->size,
		.W = s->size, .C = s->channels, .sn = sn,
		.start = net_init(c, 1), .gamma = c->attention_gamma,
	};
	return true;
}

/* Size of the map that stage i gets. */
static int size_before(const net_config *c, const net_stage *s, int i)
{
	return i ? s[i - 1].size : c->size;
}

static bool check_replaced(const net_config *c, enum net_side side, const net_stage *s, int i, error *e)
{
	int before = size_before(c, s, i), size = s[i].size;
	if (side == NET_G && i == 0)
		return error_set(e, "place = instead: the first map of G is made of the latent; place = after fits");
	if (side == NET_G ? size % before : before % size)
		return error_set(e, "place = instead: %d to %d is no whole factor; place = after fits", before, size);
	return true;
}

static bool check_place(const net_config *c, enum net_side side, int k, const net_stage *s, int n, error *e)
{
	const attention_places *p = places_of(c, side);
	const char *who = side == NET_G ? "G" : "D";
	char sizes[128];
	int size = p->at[k].size, i = stage_of(s, n, size);
	layer_site site;
	error why;
	print_sizes(sizes, sizeof sizes, s, n);
	if (i < 0)
		return error_set(e, "layer at %d: %s has maps of %s", size, who, sizes);
	for (int j = 0; j < k; j++)
		if (p->at[j].size == size)
			return error_set(e, "layer at %d: listed twice for %s", size, who);
	sn_options sn = {.on = side == NET_G ? c->g_sn : c->d_sn, .iterations = c->sn_iterations, .eps = c->sn_eps};
	bool ok = site_of(c, &p->at[k], &s[i], sn, &site, &why)
		&& (!layer_replaces(&site) || check_replaced(c, side, s, i, &why)) && layer_site_check(&site, &why);
	return ok ? true : error_set(e, "layer at %d in %s: %s", size, who, why.text);
}

bool sites_check(const net_config *c, enum net_side side, const net_half *half, error *e)
{
	const attention_places *p = places_of(c, side);
	net_stage s[STAGES_MAX];
	int n = half->stages(c, s);
	if (p->n < 0 || p->n > ATTENTION_MAX)
		return error_set(e, "layers in %s: %d, at most %d", side == NET_G ? "G" : "D", p->n, ATTENTION_MAX);
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
	int before = size_before(&n->cfg, n->stage, i), size = n->stage[i].size;
	int64_t in = is_image(n, i) ? n->cfg.channels : n->stage[i - 1].channels;
	snprintf(b->name, sizeof b->name, "bridge%d", size);
	b->factor = n->side == NET_G ? size / before : before / size;
	module_push(n->m, b->name);
	if (n->side == NET_G)
		net_norm(n, &b->norm, "norm", in);
	conv_init(n->m, &b->conv, "conv", in, net_conv(n, in, n->stage[i].channels, 1, 1));
	module_pop(n->m);
}

/* The convolution stands where the map is small: it commutes with both ways of resizing. */
static node *bridge_apply(graph *g, const network *n, const net_bridge *b, int i, node *x, node *label, mode m)
{
	int f = b->factor;
	graph_push(g, b->name);
	if (n->side == NET_G)
		x = cond_norm_apply(g, &b->norm, x, label, m);
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

/* The place at stage i, or NULL. */
static const attention_place *place_at(const network *n, int i)
{
	const attention_places *p = places_of(&n->cfg, n->side);
	for (int k = 0; k < p->n; k++)
		if (stage_of(n->stage, n->stages, p->at[k].size) == i)
			return &p->at[k];
	return NULL;
}

static bool add_layer(network *n, int i, const layer_site *s, error *e)
{
	attention_site *site = &n->site[n->sites];
	placed_layer *l = &n->att[n->sites];
	snprintf(site->path, sizeof site->path, "attention%d", (int)s->H);
	n->after[n->sites++] = i;
	if (!placed_layer_init(n->m, l, site->path, s, e))
		return false;
	site->gamma = l->gamma;
	site->size = (int)s->H;
	site->channels = s->C;
	site->queries = s->H * s->W;
	site->keys = layer_map_keys(l);
	return true;
}

bool stage_start(network *n, int i, error *e)
{
	const attention_place *p = place_at(n, i);
	layer_site s;
	if (!p) {
		n->half->stage_init(n, i);
		return true;
	}
	if (!site_of(&n->cfg, p, &n->stage[i], net_sn(n), &s, e))
		return false;
	if (layer_replaces(&s))
		bridge_init(n, &n->bridge[n->sites], i);
	else
		n->half->stage_init(n, i);
	return add_layer(n, i, &s, e);
}

node *stage_run(graph *g, const network *n, int i, node *x, node *label, mode m, node **maps)
{
	int k = 0;
	while (k < n->sites && n->after[k] != i)
		k++;
	if (k == n->sites)
		return n->half->stage_apply(g, n, i, x, label, m);
	if (layer_replaces(&n->att[k].site))
		x = bridge_apply(g, n, &n->bridge[k], i, x, label, m);
	else
		x = n->half->stage_apply(g, n, i, x, label, m);
	return placed_layer_apply(g, &n->att[k], x, m, maps ? &maps[k] : NULL);
}
