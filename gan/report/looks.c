/* looks.c - where the pixels of a few generated images look, layer by layer, as bytes. */
#include "gan/report/gather.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "core/base/base64.h"
#include "gan/sample/gaze.h"
#include "gan/sample/request.h"
#include "data/class_names.h"
#include "data/picture/image.h"

enum { MAP_BYTES = 900000, IMAGES_MOST = 6 };        /* of all maps of a page; of a run */

/* Every `stride`-th query of both axes, each row as a share of the most that it looks anywhere, in 255ths. Weights that
 * may be negative count by their size. */
static uint8_t *quantised(const attention_view *v, int stride, int *qh, int *qw)
{
	const int64_t M = (int64_t)v->kh * v->kw;
	*qh = (v->qh + stride - 1) / stride;
	*qw = (v->qw + stride - 1) / stride;
	uint8_t *out = malloc((size_t)(*qh * (int64_t)*qw * M)), *to = out;
	for (int y = 0; out && y < v->qh; y += stride)
		for (int x = 0; x < v->qw; x += stride) {
			const real *row = v->map + ((int64_t)y * v->qw + x) * M;
			double most = 1e-12;
			for (int64_t i = 0; i < M; i++)
				most = MAX(most, fabs((double)row[i]));
			for (int64_t i = 0; i < M; i++)
				*to++ = (uint8_t)lround(255 * fabs((double)row[i]) / most);
		}
	return out;
}

static json_t *map_of(const attention_view *v, int stride)
{
	int qh, qw;
	char name[128], which[48];
	uint8_t *bytes = quantised(v, stride, &qh, &qw);
	char *text = bytes ? base64_text(bytes, (size_t)qh * (size_t)qw * (size_t)v->kh * (size_t)v->kw) : NULL;
	gaze_head_name(v->head, v->heads, which, sizeof which);
	snprintf(name, sizeof name, "%s (%s)%s%s", v->layer, v->type, *which ? ", " : "", which);
	json_t *m = text ? json_object() : NULL;
	const bool ok = m && gather_put(m, "name", json_text(name)) && gather_put(m, "qh", json_integer(qh))
		&& gather_put(m, "qw", json_integer(qw)) && gather_put(m, "kh", json_integer(v->kh))
		&& gather_put(m, "kw", json_integer(v->kw)) && gather_put(m, "map", json_string(text));
	free(bytes);
	free(text);
	if (!ok)
		json_decref(m);
	return ok ? m : NULL;
}

/* All maps of the last look: of each layer the mean of its heads, and where there are several each of them. `bytes`
 * counts what they take, with no array to add to nothing more. */
static bool all_maps(gaze *g, int stride, json_t *maps, int64_t *bytes, fault *e)
{
	attention_view v;
	*bytes = 0;
	for (int layer = 0; layer < gaze_layers(g); layer++)
		for (int head = -1; head < (gaze_heads(g, layer) > 1 ? gaze_heads(g, layer) : 0); head++) {
			if (!gaze_view(g, layer, head, &v, e)) {
				if (fault_is_now(e))
					return false;
				continue;            /* a map too large to hold is too large for a page */
			}
			const int64_t qh = (v.qh + stride - 1) / stride, qw = (v.qw + stride - 1) / stride;
			*bytes += qh * qw * v.kh * v.kw;
			if (maps && !gather_add(maps, map_of(&v, stride)))
				return fault_set(e, "out of memory for maps of attention");
		}
	return true;
}

static json_t *pixels_of(const real *x, int64_t n)
{
	uint8_t *bytes = malloc((size_t)n);
	for (int64_t i = 0; bytes && i < n; i++)
		bytes[i] = pixel_byte(x[i]);
	char *text = bytes ? base64_text(bytes, (size_t)n) : NULL;
	json_t *j = text ? json_string(text) : NULL;
	free(bytes);
	free(text);
	return j;
}

/* Image k of the seed, with its maps. */
static json_t *look_at(sampler *s, gaze *g, uint64_t seed, int k, int stride, real *z, fault *e)
{
	attention_view v;
	char name[128] = "";
	int64_t bytes;
	const int K = sampler_classes(s), label = K ? k % K : 0;
	const shape i = sampler_image_shape(s);
	request_latent(sampler_latent_size(s), seed, k, 0, z);
	gaze_look(g, z, label);
	json_t *o = json_object(), *maps = json_array();
	bool ok = o && maps && all_maps(g, stride, maps, &bytes, e) && gaze_view(g, 0, -1, &v, e);
	if (K)
		class_names_at(sampler_class_names(s), label, name, sizeof name);
	ok = ok && gather_put(o, "name", json_text(name)) && gather_put(o, "h", json_integer(i.dim[0]))
		&& gather_put(o, "w", json_integer(i.dim[1])) && gather_put(o, "c", json_integer(i.dim[2]))
		&& gather_put(o, "pixels", pixels_of(v.image, sampler_image_size(s)));
	if (ok)
		ok = gather_put(o, "layers", maps);
	else
		json_decref(maps);
	if (ok)
		return o;
	json_decref(o);
	return NULL;
}

/* As many images as their maps fit the room; where not even one fits, one with fewer queries. */
static bool choose(sampler *s, gaze *g, int64_t room, real *z, int *images, int *stride, fault *e)
{
	int64_t bytes;
	request_latent(sampler_latent_size(s), 0, 0, 0, z);
	gaze_look(g, z, 0);
	for (*stride = 1;; *stride *= 2) {
		if (!all_maps(g, *stride, NULL, &bytes, e))
			return false;
		if (bytes <= room || *stride >= 64)
			break;
	}
	*images = (int)MIN(MAX(room / MAX(bytes, 1), 1), IMAGES_MOST);
	return true;
}

json_t *gather_attention(sampler *s, uint64_t seed, int share, fault *e)
{
	gaze *g = sampler_gaze(s, e);
	real *z = g ? mem_new((size_t)sampler_latent_size(s), sizeof *z, e) : NULL;
	int images = 0, stride = 1;
	if (!z)
		return NULL;
	json_t *all = json_array();
	bool ok = all;
	if (ok && gaze_layers(g) > 0)
		ok = choose(s, g, MAP_BYTES / share, z, &images, &stride, e);
	for (int k = 0; ok && k < images; k++)
		ok = gather_add(all, look_at(s, g, seed, k, stride, z, e));
	free(z);
	if (ok)
		return all;
	json_decref(all);
	fault_set(e, "out of memory for maps of attention");
	return NULL;
}
