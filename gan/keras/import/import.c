/* import.c - a file's weights in the place of a trace's, from there into the network, and what came of it. */
#include "gan/keras/import/import.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/checkpoint/saved.h"
#include "gan/config/config_apply.h"
#include "gan/keras/file/read.h"
#include "gan/keras/import/import_internal.h"
#include "gan/keras/model/shapes.h"
#include "gan/keras/run/run.h"

/* ---- the file's weights as a plain list ---- */

/* u of Keras' SpectralNormalization, whose kernel is divided already. */
static bool is_vector(const keras_layer *l, const keras_weight *w)
{
	return l->weights > 1 && (!strcmp(w->name, "vector_u") || !strcmp(w->name, "sn_u"));
}

/* The layers of `from` that own weights, in Keras' order; the arrays move. */
static keras_model *list_weights(keras_model *from, fault *e)
{
	keras_model *w = keras_model_new(from->name, e);
	int *order = mem_new((size_t)from->layers, sizeof *order, e);
	bool ok = w && order && keras_order(from, order, e);
	for (int o = 0; ok && o < from->layers; o++) {
		keras_layer *l = &from->layer[from->topology ? order[o] : o];
		if (l->weights == 0)
			continue;
		const int i = keras_add(w, from->topology ? l->class_name : "", l->name, 0, NULL, e);
		const char *name = keras_text(l, "name", NULL);
		ok = i >= 0 && (!name || keras_set_text(w, i, "name", name, e));
		for (int k = 0; ok && k < l->weights; k++)
			ok = is_vector(l, &l->weight[k]) ||
				keras_add_weight(w, i, l->weight[k].name, l->weight[k].s, l->weight[k].x, e);
	}
	free(order);
	if (ok) {
		w->topology = false;
		return w;
	}
	keras_model_free(w);
	return NULL;
}

static bool has_own_classes(const keras_model *m)
{
	for (int i = 0; i < m->layers; i++)
		if (!strncmp(m->layer[i].class_name, "sagan>", 6))
			return true;
	return false;
}

/* ---- the file's images ---- */

/* [H,W,C] of the images that the model makes or takes, of rank 0 where it does not tell. all: shapes of its layers. */
static shape image_of(const keras_model *from, enum net_side side, const shape *all)
{
	const int n = side == NET_G ? from->outputs : from->inputs, *at = side == NET_G ? from->output : from->input;
	for (int i = 0; i < n; i++)
		if (all[at[i]].rank == 3)
			return all[at[i]];
	return shape_scalar();
}

/* Weights alone do not show every difference: [24,16] and [16,24] have the same, and a discriminator that ends in a sum
 * over its map has none that knows the map's size. */
static bool check_image(const network *n, const keras_model *from, fault *e)
{
	const enum net_side side = network_side(n);
	const net_config *c = network_config(n);
	const shape own = SHAPE(c->size.h, c->size.w, c->channels);
	shape *all = mem_new((size_t)from->layers + 1, sizeof *all, e);
	fault why;
	if (!all)
		return false;
	const bool known = from->topology && keras_shapes(from, all, &why);
	const shape image = known ? image_of(from, side, all) : shape_scalar();
	free(all);
	if (image.rank == 0 || shape_equal(&image, &own))
		return true;
	return fault_set(e, "the file's %s %s images of %s, the config's of %s: set model.size and model.channels",
		net_side_name(side), side == NET_G ? "makes" : "takes", shape_print(&image).s, shape_print(&own).s);
}

/* ---- what came of it ---- */

static void compare(const keras_model *now, const keras_model *want, keras_imported *out)
{
	for (int i = 0; i < want->layers; i++) {
		const keras_layer *l = &want->layer[i];
		out->layers += l->weights > 0;
		for (int k = 0; k < l->weights; k++) {
			const keras_weight *w = &l->weight[k], *v = &now->layer[i].weight[k];
			const int64_t n = shape_count(&w->s);
			double most = 0, off = 0;
			for (int64_t j = 0; j < n; j++) {
				most = MAX(most, fabs((double)w->x[j]));
				off = MAX(off, fabs((double)w->x[j] - (double)v->x[j]));
			}
			out->weights++;
			out->values += n;
			out->same = out->same && !memcmp(w->x, v->x, (size_t)n * sizeof(real));
			if (off > out->worst * (most > 0 ? most : 1)) {
				out->worst = off / (most > 0 ? most : 1);
				snprintf(out->worst_at, sizeof out->worst_at, "%s/%s", l->name, w->name);
			}
		}
	}
}

/* The trace's own are what spectral norm can say of them. */
static void take_weights(keras_model *to, const keras_model *from)
{
	for (int i = 0; i < to->layers; i++)
		for (int k = 0; k < to->layer[i].weights; k++) {
			const keras_weight *w = &from->layer[i].weight[k];
			memcpy(to->layer[i].weight[k].x, w->x, (size_t)shape_count(&w->s) * sizeof(real));
		}
}

/* file: what the file's network says. */
static bool asks(importer *p, keras_model *now, const keras_model *from, const answer *file)
{
	answer own;
	take_weights(now, p->target);
	const bool ok = import_ask(now, &own, p->report.e)
		&& import_same_answer(file, &own, from, now, p->report.e);
	import_answer_free(&own);
	return ok;
}

static bool verify(importer *p, const keras_model *from, const answer *file, keras_imported *out)
{
	keras_model *now = keras_of_network(p->n, p->form, p->report.e);
	bool ok = now != NULL;
	if (now) {
		compare(now, p->target, out);
		ok = !out->asked || asks(p, now, from, file);
	}
	keras_model_free(now);
	return ok;
}

/* Before its weights go: what the file's network says. One that does not run here says nothing, and why. */
static bool ask_file(const keras_model *from, answer *file, keras_imported *out, fault *e)
{
	fault why = {.text = ""};
	*out = (keras_imported){.same = true};
	*file = (answer){0};
	out->asked = from->topology && import_ask(from, file, &why);
	if (fault_is_memory(&why))
		return fault_take(e, &why);
	snprintf(out->why, sizeof out->why, "%.500s", why.text);
	return true;
}

/* ---- all of it ---- */

static bool keep(importer *p)
{
	const size_t np = (size_t)module_block_size(p->m), ns = (size_t)module_state_size(p->m);
	p->params = mem_new(np, sizeof(real), p->report.e);
	p->states = mem_new(ns, sizeof(real), p->report.e);
	if (!p->params || !p->states)
		return false;
	memcpy(p->params, module_param_block(p->m), np * sizeof(real));
	memcpy(p->states, module_state_block(p->m), ns * sizeof(real));
	return true;
}

static void restore(importer *p)
{
	memcpy(module_param_block(p->m), p->params, (size_t)module_block_size(p->m) * sizeof(real));
	memcpy(module_state_block(p->m), p->states, (size_t)module_state_size(p->m) * sizeof(real));
}

/* The trace in one form with the file's weights in the place of its own; on failure w is as it was. */
static bool make_target(importer *p, enum keras_form form, keras_model *w, complaints *report)
{
	p->form = form;
	keras_model_free(p->target);
	p->target = keras_of_network(p->n, form, report->e);
	return p->target && keras_match(p->target, w, report->line, report->ctx, report->e);
}

static void count_line(void *ctx, const char *text)
{
	(void)text;
	++*(int *)ctx;
}

/* How many complaints a form gives; 0: it fits, and the target is made. */
static int try_form(importer *p, enum keras_form form, keras_model *w)
{
	fault why;
	int lines = 0;
	complaints quiet = {count_line, &lines, &why, 0};
	return make_target(p, form, w, &quiet) ? 0 : MAX(lines, 1);
}

/* A file with classes of ours is of the second form, another network of the first. Weights alone do not say it: the
 * form that fits, or else the complaints of that which comes nearer. */
static bool find_target(importer *p, keras_model *from)
{
	keras_model *w = list_weights(from, p->report.e);
	bool ok = w != NULL;
	enum keras_form form = has_own_classes(from) ? KERAS_LAYERS : KERAS_STOCK;
	if (ok && !from->topology) {
		const int stock = try_form(p, KERAS_STOCK, w), layers = stock ? try_form(p, KERAS_LAYERS, w) : 1;
		form = layers < stock ? KERAS_LAYERS : KERAS_STOCK;
		if (!stock || !layers) {
			keras_model_free(w);
			return true;
		}
	}
	ok = ok && make_target(p, form, w, &p->report);
	keras_model_free(w);
	return ok;
}

bool keras_import_network(network *n, keras_model *from, keras_imported *out, complaints_line line, void *ctx, fault *e)
{
	importer p = {.n = n, .m = network_module(n), .report = {line, ctx, e, 0}};
	answer file = {0};
	bool ok = check_image(n, from, e) && ask_file(from, &file, out, e) && keep(&p) && find_target(&p, from);
	if (ok) {
		ok = import_find_origins(&p);
		restore(&p);
		ok = ok && import_put(&p) && import_put_settings(&p, from) && verify(&p, from, &file, out);
		if (!ok)
			restore(&p);
	}
	import_answer_free(&file);
	keras_model_free(p.target);
	free(p.from);
	free(p.params);
	free(p.states);
	return ok;
}

/* ---- from a file ---- */

/* Of a discriminator: the mode of the checkpoint. Of both what follows the data. */
static bool follow_checkpoint(config *c, enum net_side side, const char *path, fault *e)
{
	checkpoint_info info;
	config was;
	if (!checkpoint_read_info(path, &info, e))
		return false;
	const bool ok = saved_config(&info, &was, e);
	if (ok) {
		if (side == NET_D)
			c->ema.bn_mode = was.ema.bn_mode;
		c->model.channels = c->model.channels ? c->model.channels : was.model.channels;
		c->model.classes = c->model.classes ? c->model.classes : was.model.classes;
		config_free(&was);
	}
	checkpoint_info_free(&info);
	return ok;
}

/* Channels of the image that goes in or comes out, and classes of the labels. */
static void follow_network(config *c, enum net_side side, const keras_run *n)
{
	shape image = side == NET_G ? keras_run_output_shape(n) : shape_scalar();
	int64_t classes = 0;
	for (int k = 0; k < keras_run_inputs(n); k++) {
		const shape s = keras_run_input_shape(n, k);
		image = side == NET_D && s.rank == 3 ? s : image;
		classes = MAX(classes, keras_run_classes(n, k));
	}
	if (c->model.channels == 0 && image.rank == 3 && (image.dim[2] == 1 || image.dim[2] == 3))
		c->model.channels = (int)image.dim[2];
	if (c->model.classes == 0 && classes <= INT_MAX)
		c->model.classes = (int)classes;
}

/* A network that does not run here, with layers that only our own networks have, tells nothing. */
static bool follow_file(config *c, enum net_side side, const keras_source *from, fault *e)
{
	fault why;
	keras_model *m = keras_read(from->path, &(keras_read_options){.json = from->json}, e);
	if (!m)
		return false;
	keras_run *n = m->topology ? keras_run_new(m, 1, &why) : NULL;
	if (n)
		follow_network(c, side, n);
	keras_run_free(n);
	keras_model_free(m);
	return true;
}

bool keras_import_config(config *c, enum net_side side, const keras_source *from, const char *onto, fault *e)
{
	if (side == NET_G)
		c->ema.bn_mode = BN_RUNNING;
	if (onto)
		return follow_checkpoint(c, side, onto, e);
	const bool open = c->model.channels == 0 || (c->model.conditional && c->model.classes == 0);
	return !open || follow_file(c, side, from, e);
}

bool keras_import_file(const config *c, enum net_side side, module *m, module *average, const keras_source *from,
		       keras_imported *out, complaints_line line, void *ctx, fault *e)
{
	net_config net;
	fault why = {.text = ""};
	rng start = rng_new(0, "import");            /* m's values take the place of these */
	if (!config_network(c, &net, e))
		return false;
	keras_model *file = keras_read(from->path, &(keras_read_options){.json = from->json}, e);
	network *n = file ? network_new(&net, side, &start, e) : NULL;
	bool ok = n != NULL;
	if (ok) {
		module_copy(network_module(n), m);
		ok = keras_import_network(n, file, out, line, ctx, &why)
			|| fault_set(e, "%s: %.900s", from->path, why.text);
	}
	if (ok)
		module_copy(m, network_module(n));
	if (ok && average)
		module_copy(average, network_module(n));
	network_free(n);
	keras_model_free(file);
	return ok;
}
