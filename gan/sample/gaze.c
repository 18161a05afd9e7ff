/* gaze.c - a network's graph for one input, with the scores of its attention layers, and these laid out as maps. */
#include "gan/sample/gaze.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "gan/sample/forward.h"

struct gaze {
	const network *n;                            /* keep */
	buffer *x, *y;                               /* own; [1,..], [1] */
	forward f;
	int at[LAYERS_MAX], layers;                  /* placed layers that have a map */
	bool looked;
	real *map;                                   /* own; of the last view */
};

gaze *gaze_new(const network *n, fault *e)
{
	gaze *g = mem_zero(1, sizeof *g, e);
	if (!g)
		return NULL;
	g->n = n;
	for (int i = 0; i < network_placed_layers(n); i++)
		if (layer_has_map(network_placed_layer(n, i)))
			g->at[g->layers++] = i;
	if ((g->x = buffer_new("x", network_input(n, 1), e)) && (g->y = buffer_new("label", SHAPE(1), e))
		&& forward_build(&g->f, n, g->x, g->y, (mode){0}, true, e))
		return g;
	gaze_free(g);
	return NULL;
}

void gaze_free(gaze *g)
{
	if (!g)
		return;
	forward_free(&g->f);
	buffer_free(g->x);
	buffer_free(g->y);
	free(g->map);
	free(g);
}

int gaze_layers(const gaze *g)
{
	return g->layers;
}

static const placed_layer *layer_of(const gaze *g, int layer)
{
	must(layer >= 0 && layer < g->layers, "attention layer %d of %d", layer, g->layers);
	return network_placed_layer(g->n, g->at[layer]);
}

int gaze_heads(const gaze *g, int layer)
{
	return layer_map_heads(layer_of(g, layer));
}

const char *gaze_layer_name(const gaze *g, int layer)
{
	return layer_of(g, layer)->name;
}

void gaze_look(gaze *g, const real *x, int label)
{
	const int K = network_config(g->n)->classes;
	must(!K || (label >= 0 && label < K), "class %d of %d", label, K);
	buffer_write(g->x, x);
	buffer_write(g->y, &(real){(real)label});
	plan_renew(g->f.p);
	plan_run(g->f.p);
	g->looked = true;
}

const real *gaze_image(const gaze *g)
{
	must(g->looked, "an image before the first look");
	return network_side(g->n) == NET_D ? g->x->x : plan_value(g->f.p, g->f.y);
}

bool gaze_view(gaze *g, int layer, int head, attention_view *out, fault *e)
{
	const placed_layer *l = layer_of(g, layer);
	const node *scores = g->f.map[g->at[layer]];
	const int64_t pooled = layer_map_pooled(l), kh = l->H / pooled, kw = l->W / pooled;
	const int64_t N = l->H * l->W, M = kh * kw;
	must(g->looked, "a view before the first look");
	if (N * M > GAZE_MAP_MAX)
		return fault_set(e, "%s: a map of %lld x %lld numbers is larger than the %lld that are shown", l->name,
			(long long)N, (long long)M, (long long)GAZE_MAP_MAX);
	free(g->map);
	g->map = mem_new((size_t)(N * M), sizeof *g->map, e);
	if (!g->map)
		return false;
	for (int q = 0; q < N; q++)
		layer_map_row(l, &scores->s, plan_value(g->f.p, scores), head, q, g->map + q * M);
	*out = (attention_view){
		.layer = l->name, .type = l->spec.type->name, .head = head, .heads = layer_map_heads(l),
		.qh = (int)l->H, .qw = (int)l->W, .kh = (int)kh, .kw = (int)kw, .map = g->map,
		.shares = l->spec.type->sight->shares,
		.image = gaze_image(g),
	};
	return true;
}

char *gaze_head_name(int head, int heads, char *buf, size_t size)
{
	*buf = '\0';
	if (heads > 1 && head < 0)
		snprintf(buf, size, "mean of %d heads", heads);
	else if (heads > 1)
		snprintf(buf, size, "head %d of %d", head + 1, heads);
	return buf;
}
