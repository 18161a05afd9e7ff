/* export.c - from a checkpoint to Keras files: networks, samples, files, in this order. */
#include "gan/keras/export.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/vecmath.h"
#include "core/plan/plan.h"
#include "gan/checkpoint/kept.h"
#include "gan/checkpoint/saved.h"
#include "gan/sample/request.h"
#include "gan/sample/standing.h"
#include "gan/keras/run/run.h"
#include "gan/keras/file/write.h"
#include "gan/keras/onnx/onnx.h"
#include "gan/keras/trace/trace.h"

/* Ours and Keras' sums differ in order alone; more than this on our own evaluation is a wrong file. */
#define DIFFERENCE_MAX 1e-3

enum { SEED = 1 };

typedef struct job {
	const export_request *q;
	export_report *r;
	network *g, *d;                              /* own; NULL: not wanted */
	const net_config *net;                       /* of either */
	/* own; the samples: z [8,Z], y [8] -> image [8,H,W,C]; seen [8,H,W,C], y -> logit [8] */
	real *z, *y, *image, *seen, *logit;
} job;

/* One network on its way into files. */
typedef struct part {
	export_net *about;
	const real *input[2];                        /* borrow from the job */
	real *output;                                /* borrow from the job; of the network, then of the stock form */
	keras_model *stock, *layers;                 /* own */
	keras_model *ops;                            /* own; with `onnx`, where there is no stock form */
} part;

/* ---- networks and samples ---- */

/* All different when there are enough classes. */
static int label_of(int i, int classes)
{
	return classes > EXPORT_SAMPLES ? i * (classes / EXPORT_SAMPLES) : classes ? i % classes : 0;
}

/* The network itself in evaluation mode: x [8,..] and labels -> out [n]. */
static bool run_network(const job *j, const network *n, const real *x, real *out, fault *e)
{
	graph *g = graph_new(e);
	buffer *b = buffer_new("x", network_input(n, EXPORT_SAMPLES), e),
		*label = buffer_new("y", SHAPE(EXPORT_SAMPLES), e);
	plan *p = NULL;
	if (g && b && label) {
		buffer_write(b, x);
		buffer_write(label, j->y);
		node *y = j->net->classes ? graph_leaf(g, label) : NULL, *in = graph_leaf(g, b);
		node *result = network_apply(g, n, in, y, (mode){0}, NULL);
		p = plan_new(g, &result, 1, 0, e);
		if (p) {
			plan_run(p);
			memcpy(out, plan_value(p, result), (size_t)shape_count(&result->s) * sizeof *out);
		}
	}
	const bool ok = p != NULL;
	plan_free(p);
	graph_free(g);
	buffer_free(b);
	buffer_free(label);
	return ok;
}

/* Images for the discriminator that hang on the shape alone, so that an imported network gets the same ones: three
 * waves a channel, [H,W,C] in (-1,1). */
static void draw_waves(rng *r, int64_t H, int64_t W, int64_t C, real *image)
{
	enum { WAVES = 3 };
	const double pi = acos(-1);
	for (int64_t c = 0; c < C; c++) {
		double wave[WAVES][4];               /* height, waves down and across, phase */
		for (int k = 0; k < WAVES; k++)
			for (int q = 0; q < 4; q++)
				wave[k][q] = q == 0 ? rng_normal(r)
					: q == 3 ? 2 * pi * rng_uniform(r) : 6 * rng_uniform(r) - 3;
		for (int64_t i = 0; i < H * W; i++) {
			double x = 0;
			for (int k = 0; k < WAVES; k++)
				x += wave[k][0] * cos(2 * pi * (wave[k][1] * (double)(i / W) / (double)H
					+ wave[k][2] * (double)(i % W) / (double)W) + wave[k][3]);
			image[i * C + c] = (real)tanh(x);
		}
	}
}

static bool make_samples(job *j, fault *e)
{
	const net_config *c = j->net;
	const size_t n = EXPORT_SAMPLES, size = (size_t)c->size.h * (size_t)c->size.w * (size_t)c->channels;
	rng r = rng_new(SEED, "export");
	j->z = mem_new(n * (size_t)c->latent, sizeof *j->z, e);
	j->y = mem_new(n, sizeof *j->y, e);
	j->seen = mem_new(n * size, sizeof *j->seen, e);
	j->image = mem_new(n * size, sizeof *j->image, e);
	j->logit = mem_new(n, sizeof *j->logit, e);
	if (!j->z || !j->y || !j->seen || !j->image || !j->logit)
		return false;
	for (int i = 0; i < EXPORT_SAMPLES; i++) {
		request_latent(c->latent, SEED, i, 0, j->z + i * c->latent);
		j->y[i] = (real)label_of(i, c->classes);
		draw_waves(&r, c->size.h, c->size.w, c->channels, j->seen + (size_t)i * size);
	}
	return (!j->g || run_network(j, j->g, j->z, j->image, e))
		&& (!j->d || run_network(j, j->d, j->seen, j->logit, e));
}

/* ---- what the report says ---- */

/* "attention14, attention28": gates that are zero. */
static void list_closed(export_net *about, const network *n)
{
	for (int i = 0; i < network_placed_layers(n); i++) {
		const placed_layer *s = network_placed_layer(n, i);
		const size_t used = strlen(about->closed);
		if (s->gamma && s->gamma->x[0] == 0)
			snprintf(about->closed + used, sizeof about->closed - used, "%s%s", used ? ", " : "", s->name);
	}
}

/* Runs the stock form, or the single operations, on the samples. The results of the first, which are of the numbers in
 * the files and of nothing else, become the reference: those of the network differ from them by rounding, and not in
 * the same way after an import. */
static bool compare(part *p, const keras_model *m, fault *e)
{
	keras_run *n = keras_run_new(m, EXPORT_SAMPLES, e);
	if (!n)
		return false;
	const shape s = keras_run_output_shape(n);
	const int64_t count = EXPORT_SAMPLES * shape_count(&s);
	real *got = mem_new((size_t)count, sizeof *got, e);
	bool ok = got && keras_run_predict(n, EXPORT_SAMPLES, p->input, got, e);
	if (ok) {
		p->about->difference = vec_largest_difference(got, p->output, count);
		if (m == p->stock)
			memcpy(p->output, got, (size_t)count * sizeof *got);
	}
	free(got);
	keras_run_free(n);
	if (ok && !(p->about->difference <= DIFFERENCE_MAX))
		return fault_set(e, "%s: the %s model differs by %g from the network; nothing is written",
			p->about->name, m->ops ? "ONNX" : "Keras", p->about->difference);
	return ok;
}

/* ---- files ---- */

/* DIR/NAME with this ending, and its place in the report. */
static bool next_file(const job *j, export_net *n, const char *ending, char path[RUN_PATH_MAX], fault *e)
{
	char *name = n->file[n->files++];
	snprintf(name, sizeof n->file[0], "%s%s", n->name, ending);
	return run_path(j->q->out, name, path, e) && kept_spared(path, KEPT_NOTHING, e);
}

typedef bool (*write_fn)(const keras_model *m, const char *path, fault *e);

/* Before all other files: it may refuse. */
static bool write_onnx(const job *j, const part *p, fault *e)
{
	char path[RUN_PATH_MAX];
	return !j->q->onnx || (next_file(j, p->about, ".onnx", path, e)
		&& keras_write_onnx(p->stock ? p->stock : p->ops, path, e));
}

static bool write_part(const job *j, const part *p, fault *e)
{
	const struct {
		const char *ending;
		write_fn write;
		const keras_model *m;
	} row[] = {
		{".h5", keras_write_h5, p->stock}, {".keras", keras_write_archive, p->stock},
		{".weights.h5", keras_write_weights, p->stock},
		{"_layers.h5", keras_write_h5, p->layers}, {"_layers.keras", keras_write_archive, p->layers},
	};
	char path[RUN_PATH_MAX];
	for (int i = 0; i < COUNT(row); i++)
		if (row[i].m && !(next_file(j, p->about, row[i].ending, path, e) && row[i].write(row[i].m, path, e)))
			return false;
	const keras_model *m = p->stock ? p->stock : p->layers;
	return next_file(j, p->about, ".reference.h5", path, e)
		&& keras_write_reference(path, m, EXPORT_SAMPLES, p->input, p->output, e);
}

static bool write_module(const job *j, fault *e)
{
	char path[RUN_PATH_MAX];
	return !j->q->layers || (run_path(j->q->out, "sagan_layers.py", path, e)
		&& file_replace(path, keras_layers_text, keras_layers_size, e));
}

/* ---- the whole ---- */

static bool trace_part(const job *j, part *p, const network *n, fault *e)
{
	const bool both = j->q->layers;
	fault *why = both ? &p->about->refused : e;
	p->stock = keras_of_network(n, KERAS_STOCK, why);
	if (!p->stock && !both)
		return false;
	if (!p->stock && fault_is_now(why))
		return fault_take(e, why);           /* not for want of a stock form */
	if (p->stock) {
		p->about->layers = p->stock->layers;
		p->about->weights = keras_count(p->stock);
		if (keras_find(p->stock, "attention_map") >= 0)
			snprintf(p->about->map, sizeof p->about->map, "attention_map");
	}
	if (both && !(p->layers = keras_of_network(n, KERAS_LAYERS, e)))
		return false;
	const bool single = j->q->onnx && !p->stock;
	if (single && !(p->ops = keras_of_network(n, KERAS_OPS, e)))
		return false;
	return p->stock || single ? compare(p, p->stock ? p->stock : p->ops, e) : true;
}

static bool export_parts(job *j, part *p, fault *e)
{
	const struct {
		const network *n;
		const char *output;
		real *x, *y;
	} row[] = {{j->g, "image", j->z, j->image}, {j->d, "logit", j->seen, j->logit}};
	int n = 0;
	for (int i = 0; i < COUNT(row); i++) {
		if (!row[i].n)
			continue;
		export_net *about = &j->r->net[n];
		*about = (export_net){.name = net_side_name(network_side(row[i].n)), .output = row[i].output};
		list_closed(about, row[i].n);
		p[n] = (part){.about = about, .input = {row[i].x, j->y}, .output = row[i].y};
		j->r->nets = n + 1;
		if (!trace_part(j, &p[n++], row[i].n, e))
			return false;
	}
	if (!file_make_folders(j->q->out, e))
		return false;
	for (int i = 0; i < n; i++)
		if (!write_onnx(j, &p[i], e))
			return false;
	for (int i = 0; i < n; i++)
		if (!write_part(j, &p[i], e))
			return false;
	return write_module(j, e);
}

static bool open_networks(job *j, const saved *from, fault *e)
{
	if (!j->q->generator && !j->q->discriminator)
		return fault_set(e, "%s: neither of its networks is asked for", from->path);
	if (j->q->generator && !(j->g = standing_open(from, j->q->raw, e)))
		return false;
	if (j->q->discriminator && !(j->d = network_open(from, NET_D, j->q->raw, e)))
		return false;
	j->net = network_config(j->g ? j->g : j->d);
	return true;
}

static bool open_job(job *j, fault *e)
{
	saved from;
	if (!saved_open(j->q->from, &from, &j->r->warning, e))
		return false;
	snprintf(j->r->path, sizeof j->r->path, "%s", from.path);
	j->r->step = from.step;
	if (from.cfg.ema.bn_mode == BN_BATCH && !*j->r->warning.text)
		fault_set(&j->r->warning, "ema.bn_mode = batch: Keras takes the running statistics, not those of each "
			"batch, so pictures differ from `sagan sample`; ema.bn_mode = standing gives the same ones");
	const bool ok = open_networks(j, &from, e);
	saved_close(&from);
	return ok;
}

bool keras_export(const export_request *q, export_report *out, fault *e)
{
	*out = (export_report){.nets = 0};
	job j = {.q = q, .r = out};
	part p[EXPORT_NETS] = {0};
	bool ok = open_job(&j, e) && make_samples(&j, e) && export_parts(&j, p, e);
	for (int i = 0; i < EXPORT_NETS; i++) {
		keras_model_free(p[i].stock);
		keras_model_free(p[i].layers);
		keras_model_free(p[i].ops);
	}
	free(j.z);
	free(j.y);
	free(j.image);
	free(j.seen);
	free(j.logit);
	network_free(j.g);
	network_free(j.d);
	return ok;
}
