/* web.c - from a checkpoint to a page: the traced model, what the network draws, the width of the numbers. */
#include "gan/web/web.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/vecmath.h"
#include "core/base/version.h"
#include "gan/checkpoint/saved.h"
#include "gan/keras/run/run.h"
#include "gan/keras/trace/trace.h"
#include "gan/sample/directions.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/sample/standing.h"
#include "gan/web/half.h"
#include "gan/web/page.h"

/* What the traced model may differ from the network by: the order of sums. */
#define DIFFERENCE_MAX 1e-3

typedef struct job {
	const web_request *q;
	web_report *r;
	saved from;
	network *g;                                  /* own */
	keras_model *m;                              /* own */
	int scores[LAYERS_MAX];
	real *z, *label, *images, *directions;       /* own; see web_program */
	char summary[512], about[512];
} job;

/* ---- what the network draws ---- */

/* The latents are float16 already: the page may hold them so, and its images must be of what it holds. */
static bool draw_samples(job *j, fault *e)
{
	sampler *s = network_sampler_of(&j->from, j->q->raw, SAMPLER_BATCH, e);
	const sample_request q = {.n = WEB_SAMPLES, .seed = 1, .label = -1};
	if (!s)
		return false;
	const size_t Z = (size_t)sampler_latent_size(s), size = (size_t)sampler_image_size(s);
	const bool ok = (j->z = mem_new(WEB_SAMPLES * Z, sizeof *j->z, e))
		&& (j->label = mem_zero(WEB_SAMPLES, sizeof *j->label, e))
		&& (j->images = mem_new(WEB_SAMPLES * size, sizeof *j->images, e))
		&& request_latents(s, &q, j->z, j->label, e);
	for (size_t i = 0; ok && i < WEB_SAMPLES * Z; i++)
		j->z[i] = (real)half_value(half_of((float)j->z[i]));
	const bool drawn = ok && sampler_run(s, WEB_SAMPLES, j->z, j->label, j->images, e);
	sampler_free(s);
	return drawn;
}

/* A generator that is a matrix nowhere has none: the page has no sliders then. */
static bool find_directions(job *j, fault *e)
{
	const int64_t n = web_directions(j->g), Z = network_config(j->g)->latent;
	fault why;
	j->directions = mem_new((size_t)(n * Z), sizeof *j->directions, e);
	if (!j->directions || directions_of(j->g, n, j->directions, NULL, &why))
		return j->directions;
	free(j->directions);
	j->directions = NULL;
	return !fault_is_now(&why) || fault_take(e, &why);
}

/* ---- the width of numbers ---- */

/* The largest difference of the model's images from the network's. */
static bool measure(const job *j, double *error, fault *e)
{
	keras_run *n = keras_run_new(j->m, WEB_SAMPLES, e);
	if (!n)
		return false;
	const shape s = keras_run_output_shape(n);
	const int64_t count = WEB_SAMPLES * shape_count(&s);
	real *x = mem_new((size_t)count, sizeof *x, e);
	const bool ok = x && keras_run_predict(n, WEB_SAMPLES, (const real *const[]){j->z, j->label}, x, e);
	if (ok)
		*error = vec_largest_difference(x, j->images, count);
	free(x);
	keras_run_free(n);
	return ok;
}

/* One weight after the other, in a row and back. */
static void copy_weights(keras_model *m, real *row, bool back)
{
	for (int i = 0; i < m->layers; i++)
		for (int k = 0; k < m->layer[i].weights; k++) {
			keras_weight *w = &m->layer[i].weight[k];
			const int64_t n = shape_count(&w->s);
			memcpy(back ? w->x : row, back ? row : w->x, (size_t)n * sizeof *row);
			row += n;
		}
}

static void make_half(keras_model *m)
{
	for (int i = 0; i < m->layers; i++)
		for (int k = 0; k < m->layer[i].weights; k++) {
			keras_weight *w = &m->layer[i].weight[k];
			for (int64_t n = 0; n < shape_count(&w->s); n++)
				w->x[n] = (real)half_value(half_of((float)w->x[n]));
		}
}

/* float16 where it is good enough, with the error that it makes. The weights of j->m become those of the page. */
static bool choose_width(job *j, fault *e)
{
	double half = 0;
	real *row = mem_new((size_t)keras_count(j->m), sizeof *row, e);
	bool ok = row && measure(j, &j->r->error, e);
	j->r->width = 4;
	if (ok && !(j->r->error <= DIFFERENCE_MAX))
		ok = fault_set(e, "%s: the traced generator differs by %g from the network; nothing is written",
			j->from.path, j->r->error);
	if (ok && !j->q->exact) {
		copy_weights(j->m, row, false);
		make_half(j->m);
		ok = measure(j, &half, e);
		if (half < 2 * WEB_HALF_MOST) {
			j->r->width = 2;
			j->r->error = half;
		} else {
			copy_weights(j->m, row, true);
		}
	}
	free(row);
	return ok;
}

/* ---- the whole ---- */

static void put_words(job *j)
{
	const net_config *c = network_config(j->g);
	char classes[48] = "";
	if (c->classes)
		snprintf(classes, sizeof classes, " in %d classes", c->classes);
	snprintf(j->summary, sizeof j->summary, "A generator of %d x %d images%s: %lld weights, trained for %lld "
		"steps. It runs in this page, without any network.", c->size.h, c->size.w, classes,
		(long long)j->r->weights, (long long)j->r->step);
	snprintf(j->about, sizeof j->about, "Made by sagan %s.", SAGAN_VERSION);
}

static bool write_page(job *j, fault *e)
{
	const web_program p = {
		.g = j->g, .m = j->m, .scores = j->scores, .class_names = j->from.class_names, .summary = j->summary,
		.about = j->about, .width = j->r->width, .error = j->r->error, .directions = j->directions,
		.samples = WEB_SAMPLES, .z = j->z, .label = j->label, .images = j->images,
	};
	return page_write(j->r->file, &p, j->from.cfg.name, &j->r->bytes, e);
}

static bool name_files(job *j, fault *e)
{
	const char *slash = strrchr(j->from.path, '/');
	web_report *r = j->r;
	snprintf(r->path, sizeof r->path, "%s", j->from.path);
	const int n = j->q->out ? snprintf(r->file, sizeof r->file, "%s", j->q->out)
		: snprintf(r->file, sizeof r->file, "%.*s" WEB_FILE, slash ? (int)(slash + 1 - j->from.path) : 0,
			j->from.path);
	return n < (int)sizeof r->file || fault_at(e, j->q->out ? j->q->out : j->from.path, "is too long a name");
}

static bool export_from(job *j, fault *e)
{
	j->r->step = j->from.step;
	if (j->from.cfg.ema.bn_mode == BN_BATCH)
		return fault_set(e, "%s: ema.bn_mode = batch: an image depends on the others of its batch, and "
			"the page draws one at a time; with ema.bn_mode = standing or running it can", j->from.path);
	bool ok = name_files(j, e) && (j->g = standing_open(&j->from, j->q->raw, e))
		&& (j->m = keras_of_network_scores(j->g, j->scores, e)) && draw_samples(j, e) && find_directions(j, e)
		&& choose_width(j, e);
	saved_let_go(&j->from);
	if (ok) {
		j->r->weights = keras_count(j->m);
		j->r->layers = j->m->layers;
		for (int i = 0; i < network_placed_layers(j->g); i++)
			j->r->attentions += j->scores[i] >= 0;
		put_words(j);
		ok = write_page(j, e);
	}
	return ok;
}

bool web_export(const web_request *q, web_report *out, fault *e)
{
	*out = (web_report){.width = 4};
	job j = {.q = q, .r = out};
	if (!saved_open(q->from, &j.from, &out->warning, e))
		return false;
	const bool ok = export_from(&j, e);
	keras_model_free(j.m);
	network_free(j.g);
	free(j.z);
	free(j.label);
	free(j.images);
	free(j.directions);
	saved_close(&j.from);
	return ok;
}
