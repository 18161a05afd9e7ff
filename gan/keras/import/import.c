/* import.c - a file's weights in the place of a trace's, from there into the network, and what came of it. */
#include "gan/keras/import/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/checkpoint/saved.h"
#include "gan/config/config_apply.h"
#include "gan/keras/file/read.h"
#include "gan/keras/import/import_internal.h"

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

static bool verify(importer *p, keras_imported *out)
{
	keras_model *now = keras_of_network(p->n, p->form, p->report.e);
	*out = (keras_imported){.same = true};
	if (now)
		compare(now, p->target, out);
	keras_model_free(now);
	return now != NULL;
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

/* The trace with the file's weights in the place of its own. */
static bool make_target(importer *p, keras_model *from)
{
	p->form = has_own_classes(from) ? KERAS_LAYERS : KERAS_STOCK;
	keras_model *w = list_weights(from, p->report.e);
	p->target = w ? keras_of_network(p->n, p->form, p->report.e) : NULL;
	const bool ok = p->target && keras_match(p->target, w, p->report.line, p->report.ctx, p->report.e);
	keras_model_free(w);
	return ok;
}

bool keras_import_network(network *n, keras_model *from, keras_imported *out, complaints_line line, void *ctx, fault *e)
{
	importer p = {.n = n, .m = network_module(n), .report = {line, ctx, e, 0}};
	bool ok = keep(&p) && make_target(&p, from);
	if (ok) {
		ok = import_find_origins(&p);
		restore(&p);
		ok = ok && import_put(&p) && import_put_settings(&p, from) && verify(&p, out);
		if (!ok)
			restore(&p);
	}
	keras_model_free(p.target);
	free(p.from);
	free(p.params);
	free(p.states);
	return ok;
}

/* ---- from a file ---- */

static bool mode_of(const char *checkpoint, int *bn_mode, fault *e)
{
	checkpoint_info info;
	config was;
	if (!checkpoint_read_info(checkpoint, &info, e))
		return false;
	const bool ok = saved_config(&info, &was, e);
	if (ok) {
		*bn_mode = was.ema.bn_mode;
		config_free(&was);
	}
	checkpoint_info_free(&info);
	return ok;
}

bool keras_import_config(config *c, enum net_side side, const char *onto, fault *e)
{
	if (side == NET_G)
		c->ema.bn_mode = BN_RUNNING;
	return side == NET_G || !onto || mode_of(onto, &c->ema.bn_mode, e);
}

bool keras_import_file(const config *c, enum net_side side, module *m, module *average, const char *path,
		       keras_imported *out, complaints_line line, void *ctx, fault *e)
{
	net_config net;
	fault why = {.text = ""};
	rng start = rng_new(0, "import");            /* m's values take the place of these */
	if (!config_network(c, &net, e))
		return false;
	keras_model *from = keras_read(path, NULL, e);
	network *n = from ? network_new(&net, side, &start, e) : NULL;
	bool ok = n != NULL;
	if (ok) {
		module_copy(network_module(n), m);
		ok = keras_import_network(n, from, out, line, ctx, &why) || fault_set(e, "%s: %.900s", path, why.text);
	}
	if (ok)
		module_copy(m, network_module(n));
	if (ok && average)
		module_copy(average, network_module(n));
	network_free(n);
	keras_model_free(from);
	return ok;
}
