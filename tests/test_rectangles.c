/* test_rectangles.c - whole networks whose images are no squares: is their gradient the gradient? */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/nets/networks.h"
#include "tests/suite.h"

static const struct {
	const char *network;
	net_size size;
	enum net_side side;
	const char *layer;                           /* at the map of 8 */
} rows[] = {
	{"resnet", {24, 16}, NET_G, "official"}, {"resnet", {24, 16}, NET_D, "plain"},
	{"resnet", {16, 40}, NET_G, "ashpy_row"}, {"resnet", {16, 40}, NET_D, "mhsa"},
	{"dcgan", {16, 28}, NET_G, "simplegan"}, {"dcgan", {28, 16}, NET_D, "official"},
};

static network *network_of(int i)
{
	net_config c;
	fault e = {.text = ""};
	rng r = rng_new(5, "init");
	ck_assert_msg(net_config_default(rows[i].network, rows[i].size, &c, &e), "%s", e.text);
	c.classes = 0;
	c.latent = 6;
	c.channels = 1;
	c.g_width = c.d_width = 8;
	c.init = NET_XAVIER;
	c.layer_gamma = 0.7;
	c.g_layers = c.d_layers = (layer_specs){1, {{.at = 8, .type = layer_type_named(rows[i].layer)}}};
	network *n = network_new(&c, rows[i].side, &r, &e);
	ck_assert_msg(n != NULL, "%s", e.text);
	return n;
}

/* L = sum of w y, a step of h times b's gradient away from where b is. */
static double at(plan *p, const node *loss, buffer *b, const real *start, const real *gradient, double h)
{
	for (int64_t i = 0; i < shape_count(&b->s); i++)
		b->x[i] = (real)((double)start[i] + h * (double)gradient[i]);
	plan_run(p);
	return (double)plan_value(p, loss)[0];
}

/* Along the gradient g of b, L grows by |g|^2 a unit. The step is small for the kinks of ReLU; the rounding of float
 * and they together stay below a part in thirty. */
static void check_along(plan *p, const node *loss, buffer *b, const node *gradient, const char *what)
{
	const int64_t n = shape_count(&b->s);
	real *start = mem_new((size_t)n, sizeof *start, NULL), *g = mem_new((size_t)n, sizeof *g, NULL);
	double square = 0;
	memcpy(start, b->x, (size_t)n * sizeof *start);
	plan_run(p);
	memcpy(g, plan_value(p, gradient), (size_t)n * sizeof *g);
	for (int64_t i = 0; i < n; i++)
		square += (double)g[i] * (double)g[i];
	const double h = 2e-3 / sqrt(square);
	const double grown = (at(p, loss, b, start, g, h) - at(p, loss, b, start, g, -h)) / (2 * h);
	at(p, loss, b, start, g, 0);
	ck_assert_msg(square > 0 && fabs(grown / square - 1) < 1.0 / 30, "%s: %g, differences say %g", what, square,
		grown);
	free(start);
	free(g);
}

/* With respect to latents or images, and to the first parameter. */
START_TEST(gradients_are_those_of_differences)
{
	fault e = {.text = ""};
	network *n = network_of(_i);
	module *m = network_module(n);
	rng r = rng_new(6, "values");
	buffer *b[] = {buffer_new("input", network_input(n, 2), NULL), module_param_at(m, 0)};
	rng_fill_normal(&r, b[0]->x, shape_count(&b[0]->s));
	graph *g = graph_new(NULL);
	node *leaf[] = {graph_leaf(g, b[0]), graph_leaf(g, b[1])}, *out[3];
	node *y = network_apply(g, n, leaf[0], NULL, (mode){0}, NULL);
	buffer *w = buffer_new("w", y->s, NULL);
	rng_fill_normal(&r, w->x, shape_count(&w->s));
	node *weight = graph_leaf(g, w);
	out[2] = op_sum_all(g, op_mul(g, y, weight));
	graph_grad(g, out[2], NULL, leaf, 2, out);
	plan *p = plan_new(g, out, 3, 0, &e);
	ck_assert_msg(p != NULL, "%s", e.text);
	for (int k = 0; k < 2; k++)
		check_along(p, out[2], b[k], out[k], b[k]->name);
	plan_free(p);
	graph_free(g);
	buffer_free(b[0]);
	buffer_free(w);
	network_free(n);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {{gradients_are_those_of_differences, COUNT(rows)}};
	return suite_run("rectangles", tests, COUNT(tests), 60);
}
