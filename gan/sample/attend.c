/* attend.c - where the attention layers of a generator look, for one latent. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/plan/plan.h"
#include "gan/sample/network_sampler_internal.h"

/* The number of the k-th layer with a map over all positions, or how many there are. */
static int mapped(const network_sampler *s, int k)
{
	int seen = 0;
	for (int i = 0; i < network_placed_layers(s->g); i++)
		if (layer_map_keys(network_placed_layer(s->g, i)) && seen++ == k)
			return i;
	return seen;
}

int count_maps(const void *ctx)
{
	return mapped(ctx, -1);
}

/* The map as [N,M]. Row attention [1,H,W,W] sees its own image row only: zeros elsewhere. */
static void copy_map(const real *from, const node *map, int W, int64_t N, int64_t M, real *to)
{
	if (map->s.rank == 3) {
		memcpy(to, from, (size_t)(N * M) * sizeof *to);
		return;
	}
	memset(to, 0, (size_t)(N * M) * sizeof *to);
	for (int64_t q = 0; q < N; q++)
		memcpy(to + q * M + q / W * W, from + q * W, (size_t)W * sizeof *to);
}

bool attend(void *ctx, int layer, const real *z, int label, attention_view *out, fault *e)
{
	network_sampler *s = ctx;
	const int at = mapped(s, layer);
	const placed_layer *l = network_placed_layer(s->g, at);
	if (!s->attend.p && !forward_build(&s->attend, s->g, s->one_z, s->one_y, (mode){0}, true, e))
		return false;
	const node *map = s->attend.map[at];
	const int64_t N = l->H * l->W, keys = map->s.rank == 3 ? map->s.dim[2] : N;
	const int64_t pooled = lround(sqrt((double)N / (double)keys));        /* pixels a side that share a key */
	const int64_t kh = l->H / pooled, kw = l->W / pooled, M = kh * kw;
	free(s->map);
	s->map = mem_new((size_t)(N * M), sizeof *s->map, e);
	if (!s->map)
		return false;
	buffer_write(s->one_z, z);
	buffer_write(s->one_y, &(real){(real)label});
	plan_run(s->attend.p);
	copy_map(plan_value(s->attend.p, map), map, (int)l->W, N, M, s->map);
	*out = (attention_view){.qh = (int)l->H, .qw = (int)l->W, .kh = (int)kh, .kw = (int)kw, .map = s->map,
		.image = plan_value(s->attend.p, s->attend.x)};
	return true;
}
