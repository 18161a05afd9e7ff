/* pictures.c - what a run looks like: grids, where attention looks. */
#include "gan/sample/pictures.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/local.h"
#include "data/class_names.h"
#include "gan/sample/attention_sheet.h"
#include "gan/sample/request.h"

enum { SHEET_WIDTH = 900, SCALE_MAX = 4 };

/* ---- grids ---- */

bool picture_grid(const char *path, const picture_images *p, const picture_about *about, fault *e)
{
	image grid = {0};
	char title[256];
	picture_texts texts;
	const int scale = MAX(1, MIN(SCALE_MAX, SHEET_WIDTH / (p->columns * (p->w + 2))));
	const picture_words words = {.title = about->what ? picture_title(about, title, sizeof title) : NULL,
		.heads = p->heads, .columns = p->columns, .sides = p->sides,
		.rows = (int)((p->n + p->columns - 1) / p->columns), .cycle = p->cycle};
	const bool ok = image_grid(&grid, p->x, p->n, p->h, p->w, p->c, p->columns, scale, e)
		&& picture_frame(&grid, &words, e) && png_write_noted(path, &grid, picture_notes(about, &texts), e);
	image_free(&grid);
	return ok;
}

/* ---- attention ---- */

enum { SHEET_SIDE = 160 };                           /* of an image on a sheet of six: seven columns fit a screen */

/* Image `row`, of class row mod K. */
static bool add_row(sheet *to, sampler *s, gaze *g, uint64_t seed, int row, real *z, fault *e)
{
	attention_view v;
	sheet_pixel at[SHEET_PIXELS];
	char name[128] = "";
	const int K = sampler_classes(s), label = K ? row % K : 0;
	request_latent(sampler_latent_size(s), seed, row, 0, z);
	gaze_look(g, z, label);
	if (!gaze_view(g, gaze_layers(g) - 1, -1, &v, e))
		return false;
	sheet_choose(v.image, sampler_image_shape(s), at);
	return sheet_add(to, &v, at, K ? class_names_at(sampler_class_names(s), label, name, sizeof name) : "", e);
}

bool picture_attention(const char *path, sampler *s, uint64_t seed, int rows, const picture_about *about, fault *e)
{
	gaze *g = sampler_gaze(s, e);
	if (!g)
		return false;
	if (gaze_layers(g) == 0)
		return fault_set(e, "%s: the generator has no layer with a map", path);
	picture_about shown = *about;
	char what[96], which[48];
	const int last = gaze_layers(g) - 1;
	gaze_head_name(-1, gaze_heads(g, last), which, sizeof which);
	snprintf(what, sizeof what, "%s%s%s", gaze_layer_name(g, last), *which ? ", " : "", which);
	shown.what = what;
	sheet *to = sheet_new(sampler_image_shape(s), SHEET_PIXELS, SHEET_SIDE, false, e);
	real *z = mem_new((size_t)sampler_latent_size(s), sizeof *z, e);
	bool ok = to && z;
	for (int r = 0; ok && r < rows; r++)
		ok = add_row(to, s, g, seed, r, z, e);
	ok = ok && sheet_write(to, path, SHEET_HEADS, &shown, e);
	free(z);
	sheet_free(to);
	return ok;
}
