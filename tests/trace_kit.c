/* trace_kit.c - what test_trace and test_onnx_layers share. */
#include "tests/trace_kit.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/vecmath.h"
#include "core/plan/plan.h"
#include "gan/keras/file/write.h"
#include "gan/keras/run/run.h"

const double trace_tolerance = sizeof(real) == 8 ? 1e-12 : 2e-5;

void trace_stir(module *m)
{
	rng r = rng_new(11, "stir");
	for (int i = 0; i < module_params(m) + module_states(m); i++) {
		const bool state = i >= module_params(m);
		buffer *b = state ? module_state_at(m, i - module_params(m)) : module_param_at(m, i);
		if (state && !strstr(b->name, "moving"))
			continue;
		for (int64_t k = 0; k < shape_count(&b->s); k++) {
			double v = rng_normal(&r);
			if (state)
				b->x[k] = (real)(strstr(b->name, "variance") ? 0.8 + 0.4 * v * v : 0.3 * v);
			else
				b->x[k] = b->s.rank == 0 ? (real)-0.7 : b->x[k] + (real)(0.1 * v);
		}
	}
}

double trace_difference(const network *net, const keras_model *k, const char *what, const char *reference)
{
	fault e = {.text = ""};
	const shape s = network_input(net, SAMPLES);
	const int classes = network_config(net)->classes;
	graph *g = graph_new(&e);
	buffer *x = buffer_new("x", s, &e), *y = buffer_new("y", SHAPE(SAMPLES), &e);
	rng r = rng_new(5, "inputs");
	rng_fill_normal(&r, x->x, shape_count(&s));
	for (int i = 0; i < SAMPLES; i++)
		y->x[i] = (real)(classes ? (i * 2 + 1) % classes : 0);
	node *out = network_apply(g, net, graph_leaf(g, x), classes ? graph_leaf(g, y) : NULL, (mode){0}, NULL);
	plan *p = plan_new(g, &out, 1, 0, &e);
	ck_assert_msg(p, "%s: %s", what, e.text);
	plan_run(p);
	keras_run *n = keras_run_new(k, 2, &e);
	ck_assert_msg(n, "%s: %s", what, e.text);
	const int64_t count = shape_count(&out->s);
	const real *want = plan_value(p, out);
	real *got = malloc((size_t)count * sizeof *got);
	ck_assert_msg(keras_run_predict(n, SAMPLES, (const real *const[]){x->x, y->x}, got, &e), "%s: %s", what,
		e.text);
	const double worst = vec_largest_difference(got, want, count);
	double largest = 0;
	for (int64_t i = 0; i < count; i++)
		if (fabs((double)want[i]) > largest)
			largest = fabs((double)want[i]);
	ck_assert_msg(largest > 1e-3 && isfinite(largest), "%s: outputs up to %g", what, largest);
	if (reference)
		ck_assert_msg(keras_write_reference(reference, k, SAMPLES, (const real *const[]){x->x, y->x}, want, &e),
			"%s: %s", what, e.text);
	free(got);
	keras_run_free(n);
	plan_free(p);
	graph_free(g);
	buffer_free(x);
	buffer_free(y);
	return worst / fmax(largest, 1);
}

network *trace_network(const net_config *c, enum net_side side)
{
	fault e;
	rng r = side == NET_G ? rng_new(3, "g") : rng_new(4, "d");
	network *n = network_new(c, side, &r, &e);
	ck_assert_msg(n, "%s", e.text);
	trace_stir(network_module(n));
	return n;
}
