/* output.c - images are drawn in parts, so that any number can be written; only a grid and a moving picture, which show
 * all at once, are held whole. */
#include "tools/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/h5/h5.h"
#include "core/peers/peers.h"
#include "data/picture/moving.h"
#include "gan/checkpoint/kept.h"
#include "gan/sample/image_file.h"
#include "gan/sample/pictures.h"
#include "tools/command.h"

/* More images than this are not a grid that anybody looks at. FRAME_SIDE: about how large a moving picture is. */
enum { GRID_MOST = 10000, FRAME_SIDE = 256 };

/* What takes the images; those that are not asked for are NULL. */
typedef struct output {
	const char *path;                            /* of the grid or the moving picture */
	real *all;                                   /* own; [n,H,W,C], for them */
	image_file *file;                            /* own */
	h5 *latents;                                 /* own */
} output;

/* ---- latents ---- */

/* What the images were drawn from and what they are, as in the reference file of an export: inputs/z [n,Z], inputs/y
 * [n,1] where there are classes, outputs/image [n,H,W,C]. */
static h5 *latents_new(const char *path, const sampler *s, int64_t n, fault *e)
{
	const shape i = sampler_image_shape(s);
	h5 *f = file_make_parents(path, e) ? h5_create_large(path, e) : NULL;
	const bool ok = f && h5_rows_f32(f, "/inputs/z", SHAPE(n, sampler_latent_size(s)), e)
		&& (!sampler_classes(s) || h5_rows_i32(f, "/inputs/y", SHAPE(n, 1), e))
		&& h5_rows_f32(f, "/outputs/image", SHAPE(n, i.dim[0], i.dim[1], i.dim[2]), e);
	if (ok)
		return f;
	h5_close(f);
	return NULL;
}

static bool latents_add(h5 *f, const sampler *s, int64_t lo, int64_t m, const real *z, const real *label, const real *x,
	fault *e)
{
	const shape i = sampler_image_shape(s);
	return h5_fill_real(f, "/inputs/z", lo, m, z, m * sampler_latent_size(s), e)
		&& (!sampler_classes(s) || h5_fill_real(f, "/inputs/y", lo, m, label, m, e))
		&& h5_fill_real(f, "/outputs/image", lo, m, x, m * shape_count(&i), e);
}

/* ---- pictures ---- */

/* Beside the rows: classes, or truncations. NULL: they have no names. */
static const char *sides_of(const sampler *s, const sample_request *q, char *buf, size_t size, int *cycle)
{
	size_t n = 0;
	*cycle = q->steps ? q->steps : sampler_classes(s);
	for (int i = 0; i < q->steps; i++)
		n += (size_t)snprintf(buf + n, size - n, "within %g\n", q->step[i]);
	if (q->steps)
		return buf;
	return (q->interpolate || q->direction) && !q->stops && q->label < 0 && *cycle ? sampler_class_names(s) : NULL;
}

static bool write_grid(const char *path, const sampler *s, const sample_request *q, const real *x, fault *e)
{
	char sides[32 * REQUEST_STOPS_MAX];
	const shape i = sampler_image_shape(s);
	char *yaml = sampler_config(s, e);
	const picture_about about = {.step = sampler_step(s), .seed = (int64_t)q->seed, .name = sampler_path(s),
		.config = yaml};
	picture_images images = {.x = x, .n = q->n, .h = (int)i.dim[0], .w = (int)i.dim[1], .c = (int)i.dim[2],
		.columns = request_columns(s, q), .heads = request_heads(s, q)};
	images.sides = sides_of(s, q, sides, sizeof sides, &images.cycle);
	const bool ok = yaml && picture_grid(path, &images, &about, e);
	free(yaml);
	return ok;
}

/* Frame k is column k of the grid: image k of each row, side by side. */
static bool frame_fill(image *to, const sampler *s, const real *x, int64_t rows, int64_t columns, int64_t k, fault *e)
{
	const shape i = sampler_image_shape(s);
	const int64_t size = sampler_image_size(s), across = rows > 4 ? 0 : rows;
	real *row = mem_new((size_t)(rows * size), sizeof *row, e);
	if (!row)
		return false;
	for (int64_t r = 0; r < rows; r++)
		memcpy(row + r * size, x + (r * columns + k) * size, (size_t)size * sizeof *row);
	const int side = (int)MAX(i.dim[0], i.dim[1]), scale = (int)MAX(1, FRAME_SIDE / (side * (rows > 1 ? 2 : 1)));
	const bool ok = image_grid(to, row, rows, (int)i.dim[0], (int)i.dim[1], (int)i.dim[2], (int)across, scale, e);
	free(row);
	return ok;
}

static bool write_moving(const char *path, const sampler *s, const sample_request *q, int ms, const real *x, fault *e)
{
	const int64_t columns = request_columns(s, q), rows = q->n / columns;
	image *frame = mem_zero((size_t)columns, sizeof *frame, e);
	bool ok = frame;
	for (int64_t k = 0; ok && k < columns; k++)
		ok = frame_fill(&frame[k], s, x, rows, columns, k, e);
	ok = ok && moving_write(path, frame, (int)columns, ms, e);
	for (int64_t k = 0; frame && k < columns; k++)
		image_free(&frame[k]);
	free(frame);
	return ok;
}

/* ---- all together ---- */

static bool check_moving(const char *path, sample_request *q, fault *e)
{
	if (q->columns == 0)
		q->columns = (int)MIN(q->n, GRID_MOST);
	if (q->columns < 2 || q->n % q->columns)
		return fault_set(e, "%s: %lld images in rows of %d: a moving picture has a frame for each column, and "
			"whole rows", path, (long long)q->n, q->columns);
	return true;
}

/* The place for the images; nothing has been drawn yet. */
static bool output_open(output *o, sampler *s, sample_request *q, const output_names *to, fault *e)
{
	const char *path = to->images ? to->images : to->latents && q->n > GRID_MOST ? NULL : OUTPUT_USUAL;
	const bool moves = path && moving_is_named(path), many = path && !moves && image_file_is(path);
	if (path && !many && q->n > GRID_MOST)
		return fault_set(e, "%s: a picture shows at most %d images; DIR/, .npz, .h5 and .idx take any number",
			path, GRID_MOST);
	if (moves && !check_moving(path, q, e))
		return false;
	if (path && !many && !moves && !picture_may_be(path, e))
		return false;
	if ((many && !kept_spared(path, KEPT_NOTHING, e))
		|| (to->latents && !kept_spared(to->latents, KEPT_NOTHING, e)))
		return false;
	if (path && !file_make_parents(path, e))
		return false;
	const shape of = sampler_image_shape(s);
	if (many)
		return (o->file = image_file_new(path, q->n, of, sampler_classes(s) > 0, e)) != NULL;
	o->path = path;
	return !path || (o->all = mem_new((size_t)q->n * (size_t)sampler_image_size(s), sizeof *o->all, e));
}

/* What is drawn at a time: a part by each process. Other processes than rank 0 have no output. */
typedef struct round {
	int64_t part, n;                             /* images of a part; of a whole round */
	real *z, *label;                             /* own; [part,Z], [part] */
	real *x;                                     /* own; [n,H,W,C] */
} round;

static void round_free(round *r)
{
	free(r->z);
	free(r->label);
	free(r->x);
}

static bool round_init(round *r, const sampler *s, fault *e)
{
	*r = (round){.part = sampler_batch(s), .n = sampler_batch(s) * peers_count()};
	return (r->z = mem_new((size_t)(r->part * sampler_latent_size(s)), sizeof *r->z, e))
		&& (r->label = mem_new((size_t)r->part, sizeof *r->label, e))
		&& (r->x = mem_new((size_t)(r->n * sampler_image_size(s)), sizeof *r->x, e));
}

/* Images lo to lo + m, of which this process draws its part. */
static bool draw_own(const round *r, sampler *s, const sample_request *q, int64_t lo, int64_t m, fault *e)
{
	const int64_t at = r->part * peers_rank(), k = MIN(r->part, m - at);
	return k <= 0 || request_run_part(s, q, lo + at, k, r->x + at * sampler_image_size(s), e);
}

/* All parts are there: in their order into what was asked for. */
static bool put_round(output *o, const round *r, sampler *s, const sample_request *q, int64_t lo, int64_t m, fault *e)
{
	const int64_t size = sampler_image_size(s);
	if (o->all)
		memcpy(o->all + lo * size, r->x, (size_t)(m * size) * sizeof *r->x);
	for (int64_t at = 0; at < m; at += r->part) {
		const int64_t k = MIN(r->part, m - at);
		const real *x = r->x + at * size;
		if (!request_part(s, q, lo + at, k, r->z, r->label, NULL, e)
			|| (o->file && !image_file_add(o->file, k, x, r->label, e))
			|| (o->latents && !latents_add(o->latents, s, lo + at, k, r->z, r->label, x, e)))
			return false;
	}
	return true;
}

static bool draw_all(output *o, sampler *s, const sample_request *q, fault *e)
{
	round r;
	bool ok = peers_agree(round_init(&r, s, e), e);
	for (int64_t lo = 0; ok && lo < q->n; lo += r.n) {
		const int64_t m = MIN(r.n, q->n - lo);
		ok = peers_agree(draw_own(&r, s, q, lo, m, e), e);
		if (ok)
			peers_collect(r.x, peers_count(), (size_t)(r.part * sampler_image_size(s)) * sizeof *r.x);
		ok = ok && peers_agree(peers_rank() > 0 || put_round(o, &r, s, q, lo, m, e), e);
	}
	round_free(&r);
	return ok;
}

static bool output_close(output *o, const sampler *s, const sample_request *q, const output_names *to, fault *e)
{
	image_file *file = o->file;
	h5 *latents = o->latents;
	o->file = NULL;
	bool ok = !file || image_file_commit(file, e);
	if (ok && o->path)
		ok = moving_is_named(o->path) ? write_moving(o->path, s, q, to->ms, o->all, e)
			: write_grid(o->path, s, q, o->all, e);
	if (!ok || !latents)
		return ok;
	o->latents = NULL;
	return h5_commit(latents, e);
}

FILE *output_told(const output_names *to)
{
	FILE *told = told_beside(to->images);
	return told == stdout ? told_beside(to->latents) : told;
}

static void tell(const sampler *s, const sample_request *q, const char *path, FILE *to)
{
	if (sampler_step(s) < 0)
		fprintf(to, "%lld images of %s: %s\n", (long long)q->n, text_show(sampler_path(s)).s,
			text_show(path).s);
	else
		fprintf(to, "%lld images of step %lld: %s\n", (long long)q->n, (long long)sampler_step(s),
			text_show(path).s);
}

bool output_draw(sampler *s, sample_request *q, const output_names *to, fault *e)
{
	output o = {.path = NULL};
	const bool writes = peers_rank() == 0;
	bool ok = peers_agree(!writes || (output_open(&o, s, q, to, e)
		&& (!to->latents || (o.latents = latents_new(to->latents, s, q->n, e)))), e);
	peers_spread(&q->columns, sizeof q->columns);        /* a moving picture has chosen them */
	ok = ok && draw_all(&o, s, q, e) && (!writes || output_close(&o, s, q, to, e));
	if (ok && writes)
		tell(s, q, o.path ? o.path : to->images ? to->images : to->latents,
			output_told(to));
	free(o.all);
	image_file_free(o.file);
	h5_close(o.latents);
	return ok;
}
