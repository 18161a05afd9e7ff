/* attention_file.c - maps of all heads of a layer, one behind the other, as one data set. */
#include "gan/sample/attention_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/h5/h5.h"

/* The maps [n,qh,qw,kh,kw]; *v is the last of them. new/free. */
static real *maps_of(gaze *g, int layer, attention_view *v, fault *e)
{
	const int n = gaze_heads(g, layer);
	real *all = NULL;
	for (int k = 0; k < n; k++) {
		if (!gaze_view(g, layer, k, v, e))
			break;
		const int64_t size = (int64_t)v->qh * v->qw * v->kh * v->kw;
		if (size * n > GAZE_MAP_MAX) {
			fault_set(e, "%s: %d maps of %lld numbers: a file may hold at most %lld", v->layer, n,
				(long long)size, (long long)GAZE_MAP_MAX);
			break;
		}
		if (!all && !(all = mem_new((size_t)(size * n), sizeof *all, e)))
			break;
		memcpy(all + k * size, v->map, (size_t)size * sizeof *all);
		if (k == n - 1)
			return all;
	}
	free(all);
	return NULL;
}

static bool write_layer(h5 *f, gaze *g, int layer, fault *e)
{
	attention_view v;
	char path[64];
	snprintf(path, sizeof path, "/maps/%s", gaze_layer_name(g, layer));
	real *all = maps_of(g, layer, &v, e);
	const bool ok = all && h5_write_f32(f, path, SHAPE(v.heads, v.qh, v.qw, v.kh, v.kw), all, e)
		&& h5_attr_write_text(f, path, "type", v.type, e)
		&& h5_attr_write_i64(f, path, "shares", v.shares, e);
	free(all);
	return ok;
}

bool attention_file_write(const char *path, gaze *g, int lo, int hi, shape of, enum net_side side, int label,
	const picture_about *about, fault *e)
{
	h5 *f = h5_create(path, e);
	bool ok = f && h5_write_f32(f, "/image", of, gaze_image(g), e)
		&& h5_attr_write_text(f, "/", "network", net_side_name(side), e)
		&& h5_attr_write_text(f, "/", "source", about->name ? about->name : "", e)
		&& h5_attr_write_i64(f, "/", "class", label, e) && h5_attr_write_i64(f, "/", "step", about->step, e)
		&& h5_attr_write_i64(f, "/", "seed", about->seed, e);
	for (int i = lo; ok && i < hi; i++)
		ok = write_layer(f, g, i, e);
	if (ok)
		return h5_commit(f, e);
	h5_close(f);
	return false;
}
