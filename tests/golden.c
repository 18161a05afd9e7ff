#include "tests/golden.h"

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"

#include <dirent.h>
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const part_name[GOLDEN_PARTS] = {"output64", "grad_input64", "grad_weight64", "updated64"};

enum { LIST_SIZE = 64 };

/* ---- attributes ---- */

double golden_number(const golden_case *c, const char *name, double fallback)
{
	double x = fallback;
	char kind = h5_attr_kind(c->f, c->group, name);
	if (kind == 'i' || kind == 'f')
		h5_attr_f64(c->f, c->group, name, &x, NULL);
	return x;
}

void golden_text(const golden_case *c, const char *name, const char *fallback, char *out, size_t size)
{
	if (h5_attr_kind(c->f, c->group, name) != 's' || !h5_attr_text(c->f, c->group, name, out, size, NULL) ||
	    !strcmp(out, "None"))
		snprintf(out, size, "%s", fallback);
}

static hid_t golden_id = H5I_INVALID_HID;            /* of the file that golden_file reads */

/* h5.h reads lists of texts only: no program of ours needs one of numbers. */
int golden_list(const golden_case *c, const char *name, double *x, int max)
{
	double all[LIST_SIZE];
	hid_t a = H5Aopen_by_name(golden_id, c->group, name, H5P_DEFAULT, H5P_DEFAULT);
	hid_t space = H5Aget_space(a);
	int n = (int)H5Sget_simple_extent_npoints(space);
	if (n > LIST_SIZE || (n > 0 && H5Aread(a, H5T_NATIVE_DOUBLE, all) < 0))
		n = -1;
	for (int i = 0; i < MIN(n, max); i++)
		x[i] = all[i];
	H5Sclose(space);
	H5Aclose(a);
	return n;
}

void golden_pair(const golden_case *c, const char *name, int fallback, int out[2])
{
	double x[2] = {fallback, fallback};
	char kind = h5_attr_kind(c->f, c->group, name);
	if ((kind == 'i' || kind == 'f') && golden_list(c, name, x, 2) == 1)
		x[1] = x[0];
	out[0] = (int)x[0];
	out[1] = (int)x[1];
}

/* ---- reading a case ---- */

static const char *member(const golden_case *c, const char *group, const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s%s%s", c->group, group, name ? "/" : "", name ? name : "");
	return path;
}

/* Members of a group of the case; none when it is absent. */
static bool members(const golden_case *c, const char *group, h5_names *out)
{
	char path[512];
	*out = (h5_names){0, NULL};
	return !h5_exists(c->f, member(c, group, NULL, path)) || h5_list(c->f, path, out, c->e);
}

static bool read_inputs(golden_case *c)
{
	for (int i = 0; i < GOLDEN_NODES; i++) {
		char path[512], name[16];
		h5_info info;
		snprintf(name, sizeof name, "%d", i);
		if (!h5_exists(c->f, member(c, "input", name, path)))
			break;
		if (!h5_stat(c->f, path, &info, c->e) || !(c->xb[i] = buffer_new(name, info.s, c->e)) ||
		    !h5_read_real(c->f, path, c->xb[i]->x, shape_count(&info.s), c->e))
			return false;
		c->x[i] = graph_leaf(c->g, c->xb[i]);
		c->nx++;
	}
	return true;
}

static bool read_weight(golden_case *c, const char *name)
{
	char path[512];
	h5_info info;
	int64_t trainable = 1;
	if (c->nw == GOLDEN_WEIGHTS)
		return fault_set(c->e, "%s: more than %d weights", c->group, GOLDEN_WEIGHTS);
	golden_weight *w = &c->w[c->nw++];
	snprintf(w->name, sizeof w->name, "%s", name);
	if (!h5_stat(c->f, member(c, "weight", name, path), &info, c->e))
		return false;
	if (h5_attr_exists(c->f, path, "trainable") && !h5_attr_i64(c->f, path, "trainable", &trainable, c->e))
		return false;
	w->trainable = trainable != 0;
	w->s = info.s;
	w->x = mem_new((size_t)shape_count(&w->s), sizeof *w->x, c->e);
	return w->x && h5_read_real(c->f, path, w->x, shape_count(&w->s), c->e);
}

static bool read_case(golden_case *c)
{
	h5_names names;
	if (!read_inputs(c) || !members(c, "weight", &names))
		return false;
	bool ok = true;
	for (int i = 0; ok && i < names.n; i++)
		ok = read_weight(c, names.name[i]);
	h5_names_free(&names);
	bool train = golden_number(c, "training", 0) != 0;
	c->mode = (mode){.train = train, .update = train};
	return ok;
}

static golden_case *case_new(h5 *f, const char *group, fault *e)
{
	golden_case *c = mem_zero(1, sizeof *c, e);
	if (!c)
		return NULL;
	*c = (golden_case){.f = f, .group = group, .e = e};
	c->g = graph_new(e);
	c->m = module_new(e);
	return c;
}

static void case_free(golden_case *c)
{
	if (!c)
		return;
	graph_free(c->g);
	module_free(c->m);
	if (c->drop)
		c->drop(c->kept);
	for (int i = 0; i < GOLDEN_NODES; i++)
		buffer_free(c->xb[i]);
	for (int i = 0; i < c->nw; i++) {
		free(c->w[i].x);
		if (c->w[i].owned)
			buffer_free(c->w[i].buf);
	}
	free(c);
}

bool golden_give(golden_case *c, node *y)
{
	must(c->ny < GOLDEN_NODES, "%s: more than %d outputs", c->group, GOLDEN_NODES);
	c->y[c->ny++] = y;
	return true;
}

/* ---- weights ---- */

node *golden_leaf(golden_case *c, int i)
{
	must(i < c->nw, "%s: weight %d of %d", c->group, i, c->nw);
	golden_weight *w = &c->w[i];
	if (!w->buf) {
		w->buf = buffer_new(w->name, w->s, c->e);
		must(w->buf, "no memory");
		w->owned = true;
		buffer_write(w->buf, w->x);
	}
	return graph_leaf(c->g, w->buf);
}

static bool bind_one(golden_case *c, golden_weight *w, buffer *b)
{
	if (!b)
		return fault_set(c->e, "%s: no place for weight %s", c->group, w->name);
	if (shape_count(&b->s) != shape_count(&w->s))
		return fault_set(c->e, "%s: weight %s is %s, our %s is %s", c->group, w->name, shape_print(&w->s).s,
				 b->name, shape_print(&b->s).s);
	w->buf = b;
	buffer_write(b, w->x);
	return true;
}

bool golden_bind(golden_case *c, module *m, int first_state)
{
	rng r = rng_new(1, "golden");
	int params = 0, states = first_state;
	if (!module_alloc(m, &r, c->e))
		return false;
	for (int i = 0; i < c->nw; i++) {
		golden_weight *w = &c->w[i];
		buffer *b = w->trainable ? params < module_params(m) ? module_param_at(m, params++) : NULL
					 : states < module_states(m) ? module_state_at(m, states++) : NULL;
		if (!bind_one(c, w, b))
			return false;
	}
	if (params != module_params(m))
		return fault_set(c->e, "%s: the file has %d parameters, we have %d", c->group, params,
			module_params(m));
	return true;
}

bool golden_bind_names(golden_case *c, module *m, void (*translate)(const char *weight, char *out, size_t size))
{
	for (int i = 0; i < c->nw; i++) {
		char ours[256];
		translate(c->w[i].name, ours, sizeof ours);
		if (!bind_one(c, &c->w[i], module_find(m, ours)))
			return false;
	}
	if (c->nw != module_params(m) + module_states(m))
		return fault_set(c->e, "%s: the file has %d weights, we have %d", c->group, c->nw,
				 module_params(m) + module_states(m));
	return true;
}

/* ---- what is compared ---- */

typedef struct wanted {
	enum golden_part part;
	char name[128];
	node *at;                                    /* differentiated with respect to it, or the value */
	node *value;                                 /* NULL: the buffer after the run */
	const buffer *buf;
} wanted;

typedef struct checklist {
	int n;
	wanted at[2 * GOLDEN_WEIGHTS + 2 * GOLDEN_NODES];
} checklist;

static golden_weight *weight_named(golden_case *c, const char *name)
{
	for (int i = 0; i < c->nw; i++)
		if (!strcmp(c->w[i].name, name))
			return &c->w[i];
	return NULL;
}

/* Where the value of a reference set comes from; false when the builder gave none. */
static bool locate(golden_case *c, wanted *w)
{
	int i = atoi(w->name);
	golden_weight *of = weight_named(c, w->name);
	switch (w->part) {
	case GOLDEN_OUTPUT:
		w->value = i < c->ny ? c->y[i] : NULL;
		return w->value;
	case GOLDEN_GRAD_INPUT:
		w->at = i < c->nx ? c->x[i] : NULL;
		return w->at;
	case GOLDEN_GRAD_WEIGHT:
		w->at = !of || !of->buf ? NULL : of->at ? of->at : graph_leaf(c->g, of->buf);
		return w->at;
	default:
		w->value = of ? of->after : NULL;
		w->buf = of ? of->buf : NULL;
		return w->value || w->buf;
	}
}

static bool list_wanted(golden_case *c, checklist *l)
{
	for (int part = 0; part < GOLDEN_PARTS; part++) {
		h5_names names;
		if (!members(c, part_name[part], &names))
			return false;
		bool ok = part != GOLDEN_OUTPUT || names.n == c->ny;
		if (!ok)
			fault_set(c->e, "%s: the file has %d outputs, we have %d", c->group, names.n, c->ny);
		for (int i = 0; ok && i < names.n; i++) {
			wanted *w = &l->at[l->n++];
			*w = (wanted){.part = (enum golden_part)part};
			snprintf(w->name, sizeof w->name, "%s", names.name[i]);
			ok = locate(c, w) || fault_set(c->e, "%s/%s/%s: we have no such value", c->group,
						       part_name[part], w->name);
		}
		h5_names_free(&names);
		if (!ok)
			return false;
	}
	return true;
}

/* Gradients of sum(grad_output * y[0]) at every place of the list that wants one. */
static bool differentiate(golden_case *c, checklist *l)
{
	char path[512];
	node *wrt[COUNT(l->at)], *grad[COUNT(l->at)];
	int n = 0;
	for (int i = 0; i < l->n; i++)
		if (l->at[i].at)
			wrt[n++] = l->at[i].at;
	if (n == 0)
		return true;
	buffer *seed = buffer_new("seed", c->y[0]->s, c->e);
	c->xb[GOLDEN_NODES - 1] = seed;              /* the case frees it */
	if (!seed || !h5_read_real(c->f, member(c, "grad_output", "0", path), seed->x, shape_count(&seed->s), c->e))
		return false;
	graph_grad(c->g, c->y[0], graph_leaf(c->g, seed), wrt, n, grad);
	n = 0;
	for (int i = 0; i < l->n; i++)
		if (l->at[i].at)
			l->at[i].value = grad[n++];
	return true;
}

/* ---- comparing ---- */

typedef struct tally {
	char layer[64];
	const golden_layer *row;
	int cases, failed;
	double worst[GOLDEN_PARTS];
	double own[GOLDEN_PARTS];                    /* worst of the file's float32 results */
} tally;

/* In float32 the last bit of the largest value is the floor: what TensorFlow copies exactly we may round. */
static double tolerance(const tally *t, int part)
{
	double exact = t->row->exact > 0 ? t->row->exact : 1e-10;
	return sizeof(real) == 8 ? exact : fmax(4 * fmax(t->row->figure[part], t->own[part]), 1.2e-7);
}

static double largest(const double *x, int64_t n)
{
	double m = 0;
	for (int64_t i = 0; i < n; i++)
		m = fmax(m, fabs(x[i]));
	return m;
}

static double *reference(const golden_case *c, const wanted *w, int64_t count)
{
	char path[512];
	double *ref = mem_new((size_t)count, sizeof *ref, c->e);
	if (ref && !h5_read_f64(c->f, member(c, part_name[w->part], w->name, path), ref, count, c->e)) {
		free(ref);
		return NULL;
	}
	return ref;
}

/* Largest gradient of the case: gradients that are zero in exact arithmetic hold only rounding, and are
 * measured against it. 0 when one of the sets cannot be read, which compare() then reports. */
static double largest_gradient(const golden_case *c, const checklist *l)
{
	double m = 0;
	for (int i = 0; i < l->n; i++) {
		const wanted *w = &l->at[i];
		if (!w->at)
			continue;
		int64_t count = shape_count(&w->value->s);
		double *ref = reference(c, w, count);
		m = ref ? fmax(m, largest(ref, count)) : m;
		free(ref);
	}
	return m;
}

static bool compare(const golden_case *c, const plan *p, const wanted *w, double gradient, tally *t)
{
	const real *x = w->value ? plan_value(p, w->value) : w->buf->x;
	int64_t count = shape_count(w->value ? &w->value->s : &w->buf->s);
	double *ref = reference(c, w, count);
	if (!ref)
		return false;
	double off = 0, size = largest(ref, count);
	bool noise = w->at && size <= 1e-7 * gradient;
	for (int64_t i = 0; i < count; i++) {
		double d = fabs((double)x[i] - (noise ? 0 : ref[i]));
		off = d > off || isnan(d) ? d : off;
	}
	free(ref);
	size = noise ? gradient : size;
	off = off == 0 ? 0 : off / size;
	double allowed = tolerance(t, (int)w->part);
	if (!(off <= t->worst[w->part]))
		t->worst[w->part] = off;
	if (off <= allowed)
		return true;
	return fault_set(c->e, "%s/%s/%s: off by %.2g, %.2g allowed", c->group, part_name[w->part], w->name, off,
		allowed);
}

/* Weights that the call is not said to change must be as before. */
static bool unchanged(const golden_case *c, const golden_weight *w, const checklist *l)
{
	for (int i = 0; i < l->n; i++)
		if (l->at[i].part == GOLDEN_UPDATED && !strcmp(l->at[i].name, w->name))
			return true;
	if (!w->buf || !memcmp(w->buf->x, w->x, (size_t)shape_count(&w->s) * sizeof *w->x))
		return true;
	return fault_set(c->e, "%s: weight %s was changed", c->group, w->name);
}

static bool run_and_compare(golden_case *c, const checklist *l, tally *t)
{
	node *out[COUNT(l->at)];
	int n = 0;
	for (int i = 0; i < l->n; i++)
		if (l->at[i].value)
			out[n++] = l->at[i].value;
	plan *p = plan_new(c->g, out, n, 0, c->e);
	if (!p)
		return false;
	plan_run(p);
	double gradient = largest_gradient(c, l);
	bool ok = true;
	for (int i = 0; i < l->n; i++)               /* go on after a failure: worst is of all sets */
		ok = compare(c, p, &l->at[i], gradient, t) && ok;
	for (int i = 0; i < c->nw; i++)
		ok = unchanged(c, &c->w[i], l) && ok;
	plan_free(p);
	return ok;
}

static bool check_case(h5 *f, const char *group, tally *t, fault *e)
{
	if (t->row->run) {
		double worst = 0;
		bool ok = t->row->run(f, group, &worst, e);
		t->worst[GOLDEN_OUTPUT] = fmax(t->worst[GOLDEN_OUTPUT], worst);
		if (ok && !(worst <= tolerance(t, GOLDEN_OUTPUT)))
			return fault_set(e, "%s: off by %.2g, %.2g allowed", group, worst,
					 tolerance(t, GOLDEN_OUTPUT));
		return ok;
	}
	checklist *l = mem_zero(1, sizeof *l, e);
	golden_case *c = case_new(f, group, e);
	bool ok = l && c && read_case(c) && t->row->build(c) && graph_ok(c->g, e) && list_wanted(c, l) &&
		  differentiate(c, l) && run_and_compare(c, l, t);
	if (ok && golden_number(c, "float64", 0) != 1)
		ok = fault_set(e, "%s: no values in double to compare with", group);
	case_free(c);
	free(l);
	return ok;
}

/* ---- files ---- */

static const golden_layer *layer_row(const char *layer, const char *source)
{
	const golden_layer *const tables[] = {golden_layers, golden_gan, golden_attention, golden_blocks};
	for (int i = 0; i < COUNT(tables); i++)
		for (const golden_layer *r = tables[i]; r->layer; r++)
			if (!strcmp(r->layer, layer) && (!r->source || strstr(source, r->source)))
				return r;
	return NULL;
}

static void print_tally(const char *file, const tally *t)
{
	static const char *const label[GOLDEN_PARTS] = {"y", "dx", "dw", "state"};
	printf("%-30s %-28s %3d cases ", file, t->layer, t->cases);
	for (int i = 0; i < GOLDEN_PARTS; i++)
		if (t->worst[i] > 0)
			printf(" %s %.1e", label[i], t->worst[i]);
	printf("  %s\n", t->failed ? "FAILED" : "passed");
}

/* The tally of a case's layer; a new one when this layer is seen first. NULL for an unknown layer. */
static tally *tally_of(h5 *f, const char *group, tally *all, int *n, int max, fault *e)
{
	char layer[64], source[256] = "";
	if (!h5_attr_text(f, group, "layer", layer, sizeof layer, e))
		return NULL;
	h5_attr_text(f, group, "source", source, sizeof source, NULL);
	const golden_layer *row = layer_row(layer, source);
	for (int i = 0; i < *n; i++)
		if (all[i].row == row && !strcmp(all[i].layer, layer))
			return &all[i];
	if (!row || *n == max) {
		fault_set(e, "%s: layer %s (%s) is not known", group, layer, source);
		return NULL;
	}
	tally *t = &all[(*n)++];
	*t = (tally){.row = row};
	snprintf(t->layer, sizeof t->layer, "%s", layer);
	return t;
}

/* ---- how far the original's own float32 results are off ---- */

/* The values of a data set, in double; NULL when they cannot be read. */
static double *values_of(h5 *f, const char *group, const char *part, const char *name, int64_t *count)
{
	char path[512];
	h5_info info;
	fault e;
	snprintf(path, sizeof path, "%s/%s/%s", group, part, name);
	if (!h5_stat(f, path, &info, &e))
		return NULL;
	*count = shape_count(&info.s);
	double *x = mem_new((size_t)*count, sizeof *x, &e);
	if (x && h5_read_f64(f, path, x, *count, &e))
		return x;
	free(x);
	return NULL;
}

/* max |x - ref| / max |ref|, and the largest value; 0 where there is nothing to compare. */
static double own_error(h5 *f, const char *group, int part, const char *name, double *size)
{
	char rough[32];
	int64_t n = 0, m = 0;
	snprintf(rough, sizeof rough, "%.*s", (int)strlen(part_name[part]) - 2, part_name[part]);     /* without 64 */
	double *ref = values_of(f, group, part_name[part], name, &n), *x = values_of(f, group, rough, name, &m);
	double off = 0;
	*size = ref ? largest(ref, n) : 0;
	for (int64_t i = 0; x && ref && n == m && i < n; i++)
		off = fmax(off, fabs(x[i] - ref[i]));
	free(ref);
	free(x);
	return *size > 0 ? off / *size : 0;
}

/* Gradients that are zero but for rounding do not count: two passes, as the largest must be known. */
static void note_own(h5 *f, const char *group, tally *t)
{
	double most = 0, size;
	for (int pass = 0; pass < 2; pass++)
		for (int part = 0; part < GOLDEN_PARTS; part++) {
			const bool gradient = part == GOLDEN_GRAD_INPUT || part == GOLDEN_GRAD_WEIGHT;
			char path[512];
			h5_names names;
			fault e;
			snprintf(path, sizeof path, "%s/%s", group, part_name[part]);
			if (!h5_exists(f, path) || !h5_list(f, path, &names, &e))
				continue;
			for (int i = 0; i < names.n; i++) {
				const double off = own_error(f, group, part, names.name[i], &size);
				if (pass == 0 && gradient)
					most = fmax(most, size);
				else if (pass == 1 && (!gradient || size > 1e-7 * most))
					t->own[part] = fmax(t->own[part], off);
			}
			h5_names_free(&names);
		}
}

bool golden_file(const char *path, golden_count *n, fault *e)
{
	static tally all[64];
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	h5_names cases;
	int tallies = 0;
	h5 *f = h5_open(path, e);
	if (!f || !h5_list(f, "/", &cases, e)) {
		h5_close(f);
		return false;
	}
	golden_id = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
	n->files++;
	for (int i = 0; i < cases.n; i++) {
		char group[256];
		fault why;
		snprintf(group, sizeof group, "/%s", cases.name[i]);
		tally *t = tally_of(f, group, all, &tallies, COUNT(all), &why);
		if (t && !t->row->run)
			note_own(f, group, t);
	}
	for (int i = 0; i < cases.n; i++) {
		char group[256];
		fault why = {.text = ""};
		snprintf(group, sizeof group, "/%s", cases.name[i]);
		tally *t = tally_of(f, group, all, &tallies, COUNT(all), &why);
		bool ok = t && check_case(f, group, t, &why);
		if (t)
			t->cases++, t->failed += !ok;
		n->cases++;
		n->failed += !ok;
		if (!ok && !n->silent)
			printf("%s: %s\n", name, why.text);
	}
	for (int i = 0; i < tallies && !n->silent; i++)
		print_tally(name, &all[i]);
	fflush(stdout);                              /* a failed assertion ends the process without it */
	h5_names_free(&cases);
	H5Fclose(golden_id);
	h5_close(f);
	return true;
}

static int is_h5(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 3 && !strcmp(d->d_name + n - 3, ".h5");
}

bool golden_walk(const char *dir, golden_count *n, fault *e)
{
	struct dirent **file;
	int files = scandir(dir, &file, is_h5, alphasort);
	if (files < 0)
		return fault_set(e, "%s: %s", dir, strerror(errno));
	bool ok = files > 0 || fault_set(e, "%s: no .h5 files", dir);
	for (int i = 0; i < files; i++) {
		char path[4096];
		fault why;
		snprintf(path, sizeof path, "%s/%s", dir, file[i]->d_name);
		if (!golden_file(path, n, &why)) {
			printf("%s\n", why.text);
			n->failed++;
		}
		free(file[i]);
	}
	free(file);
	return ok;
}
