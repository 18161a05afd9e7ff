/* features_inception.c - FID's own features, of images as a picture shows them: rounded to bytes, gray ones as three
 * equal channels, resized to the network's side.
 *
 *	FILE		bilinear, as pytorch-fid: half-pixel centres, no antialiasing; v / 127.5 - 1
 *	FILE:clean	bicubic with antialiasing, cut to 0..255, as clean-fid; (v - 128) / 128, as its network wants
 *			(cleanfid/resize.py, cleanfid/inception_torchscript.py) */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "data/picture/image.h"
#include "gan/score/features_internal.h"
#include "gan/score/inception.h"

enum { BATCH = 8 };

typedef struct source {
	inception *net;                              /* own */
	buffer *rows, *columns;                      /* own; clean: [H,side], [W,side]; else NULL */
} source;

static void free_source(void *net)
{
	source *s = net;
	inception_free(s->net);
	buffer_free(s->rows);
	buffer_free(s->columns);
	free(s);
}

/* Whole numbers from 0 to 255, in place. */
static void round_to_bytes(const void *net, real *x, int64_t n)
{
	(void)net;
	for (int64_t i = 0; i < n; i++) {
		const double v = rint(((double)x[i] + 1) * PIXEL_HALF);
		x[i] = (real)(v > 255 ? 255 : v > 0 ? v : 0);
	}
}

static node *three_channels(graph *g, node *x)
{
	node *three[3] = {x, x, x};
	return shape_last(&x->s) == 3 ? x : op_concat(g, three, 3, 3);
}

/* x [B,H,W,3] -> [B,I,J,3], y[b,i,j,c] = sum over h, w of rows[h,i] columns[w,j] x[b,h,w,c]. */
static node *resize_clean(graph *g, const source *s, node *x)
{
	x = op_dense(g, op_permute(g, x, (const int[]){0, 1, 3, 2}), graph_leaf(g, s->columns));     /* [B,H,3,J] */
	x = op_dense(g, op_permute(g, x, (const int[]){0, 3, 2, 1}), graph_leaf(g, s->rows));        /* [B,J,3,I] */
	x = op_clip(g, op_permute(g, x, (const int[]){0, 3, 1, 2}), 0, 255);
	return op_scale(g, op_add_scalar(g, x, -128), 1.0 / 128);
}

static node *resize_bilinear(graph *g, const source *s, node *x)
{
	const int side = inception_side(s->net);
	return op_add_scalar(g, op_scale(g, op_resize_bilinear(g, x, side, side), 1 / PIXEL_HALF), -1);
}

static buffer *bicubic_matrix(const char *name, int from, int to, fault *e)
{
	buffer *b = buffer_new(name, SHAPE(from, to), e);
	if (b)
		inception_bicubic(from, to, b->x);
	return b;
}

static bool clean_new(source *s, const dataset *like, fault *e)
{
	const int side = inception_side(s->net);
	s->rows = bicubic_matrix("rows", like->h, side, e);
	s->columns = s->rows ? bicubic_matrix("columns", like->w, side, e) : NULL;
	return s->columns != NULL;
}

static bool is_inception(const feature_file *f)
{
	return strcmp(f->kind, INCEPTION_KIND) == 0;
}

static bool open_inception(feature_net *n, const feature_file *f, const dataset *like, fault *e)
{
	const bool clean = strcmp(f->option, "clean") == 0;
	if (!clean && f->option[0])
		return fault_set(e, ":%.60s: Inception has :clean (bicubic as clean-fid) or nothing (bilinear)",
			f->option);
	source *s = n->net = mem_zero(1, sizeof *s, e);
	if (!s || !(s->net = inception_read(f->h5, e)) || (clean && !clean_new(s, like, e)))
		return false;
	node *x = three_channels(n->g, graph_leaf(n->g, n->x));
	x = clean ? resize_clean(n->g, s, x) : resize_bilinear(n->g, s, x);
	n->features = inception_apply(n->g, s->net, x, &n->scores);
	snprintf(n->about, sizeof n->about, "Inception of 2015-12-05, images resized to %d by %s",
		inception_side(s->net), clean ? "bicubic with antialiasing (clean-fid)" : "bilinear (pytorch-fid)");
	return graph_ok(n->g, e);
}

extern const feature_kind features_inception;
const feature_kind features_inception = {
	.batch = BATCH, .is = is_inception, .open = open_inception, .free = free_source, .prepare = round_to_bytes,
};
