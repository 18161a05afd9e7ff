/* import_setting.c - gates that are no weight of the file but a number in a layer's settings.
 *
 * Where nothing can take a gate gamma, a trace has a Rescaling whose scale is a constant times gamma. Which ones, is
 * found by traces with each gate at two places. A file of weights alone does not have them. */
#include "gan/keras/import/import_internal.h"

#include <math.h>
#include <string.h>

/* The scale of layer i; NAN when it is no Rescaling. */
static double scale_of(const keras_model *m, int i)
{
	const keras_layer *l = &m->layer[i];
	return strcmp(l->class_name, "Rescaling") ? NAN : keras_number(l, "scale", NAN);
}

/* The scale that the file has for a layer; NAN: it does not tell. */
static double scale_in(const keras_model *from, const char *layer)
{
	const int i = from->topology ? keras_find(from, layer) : -1;
	return i < 0 ? NAN : scale_of(from, i);
}

/* A trace with the gate at x. */
static keras_model *traced_at(const importer *p, buffer *gate, double x)
{
	const real start = *gate->x;
	*gate->x = (real)x;
	keras_model *t = keras_of_network(p->n, p->form, p->report.e);
	*gate->x = start;
	return t;
}

/* One gate: where a scale is a constant times it. */
static bool put_scale(importer *p, const keras_model *from, buffer *gate)
{
	keras_model *a = traced_at(p, gate, 0.75), *b = a ? traced_at(p, gate, 1.25) : NULL;
	bool ok = b != NULL, found = false;
	for (int i = 0; ok && !found && i < a->layers; i++) {
		const double constant = (scale_of(b, i) - scale_of(a, i)) / 0.5;
		found = fabs(constant) > 1e-6;
		if (!found)
			continue;
		const double scale = scale_in(from, a->layer[i].name);
		ok = isfinite(scale) || complaints_add(&p->report, "layer %s: the gate %s is its scale, which the file "
			"does not tell; a .keras or full .h5 file does", a->layer[i].name, gate->name);
		if (ok)
			*gate->x = (real)(scale / (fabs(constant - 1) < 1e-4 ? 1 : constant));
	}
	keras_model_free(a);
	keras_model_free(b);
	return ok;
}

bool import_put_settings(importer *p, const keras_model *from)
{
	bool ok = true;
	for (int i = 0; ok && i < module_params(p->m); i++)
		if (module_param_at(p->m, i)->s.rank == 0)
			ok = put_scale(p, from, module_param_at(p->m, i));
	return ok;
}
