/* onnx_kit.c - ONNX files read back with the messages of the format. */
#include "tests/onnx_kit.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gan/keras/onnx/onnx.pb-c.h"

void *onnx_unpack(const char *path)
{
	static uint8_t bytes[1 << 20];
	FILE *f = fopen(path, "rb");
	ck_assert_ptr_nonnull(f);
	size_t n = fread(bytes, 1, sizeof bytes, f);
	fclose(f);
	Onnx__ModelProto *p = onnx__model_proto__unpack(NULL, n, bytes);
	ck_assert_ptr_nonnull(p);
	return p;
}

/* Whether the graph has made `name` before node i. */
static bool is_made(const Onnx__GraphProto *g, const char *name, size_t i)
{
	bool yes = !*name;
	for (size_t k = 0; k < g->n_input; k++)
		yes = yes || !strcmp(g->input[k]->name, name);
	for (size_t k = 0; k < g->n_initializer; k++)
		yes = yes || !strcmp(g->initializer[k]->name, name);
	for (size_t k = 0; k < i; k++)
		yes = yes || !strcmp(g->node[k]->output[0], name);
	return yes;
}

static size_t names_of(const Onnx__GraphProto *g, const char **name)
{
	size_t n = 0;
	for (size_t k = 0; k < g->n_input; k++)
		name[n++] = g->input[k]->name;
	for (size_t k = 0; k < g->n_initializer; k++)
		name[n++] = g->initializer[k]->name;
	for (size_t k = 0; k < g->n_node; k++)
		name[n++] = g->node[k]->output[0];
	return n;
}

/* An optimiser calls what it makes of a value NAME_weight and NAME_bias, as onnxslim does: no value has such a name. */
static void expect_room(const Onnx__GraphProto *g)
{
	static const char *const end[] = {"_weight", "_bias"};
	const char **name = malloc((g->n_input + g->n_initializer + g->n_node) * sizeof *name);
	const size_t n = names_of(g, name);
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			for (int x = 0; x < 2; x++) {
				const size_t length = strlen(name[i]);
				ck_assert_msg(strncmp(name[k], name[i], length) || strcmp(name[k] + length, end[x]),
					"%s beside %s", name[k], name[i]);
			}
	free(name);
}

/* Values are made once, before they are used; every output is made. */
void onnx_expect_order(const void *graph)
{
	const Onnx__GraphProto *g = graph;
	for (size_t i = 0; i < g->n_node; i++) {
		ck_assert_msg(!is_made(g, g->node[i]->output[0], i), "%s twice", g->node[i]->output[0]);
		for (size_t k = 0; k < g->node[i]->n_input; k++)
			ck_assert_msg(is_made(g, g->node[i]->input[k], i), "%s of %s", g->node[i]->input[k],
				g->node[i]->name);
	}
	for (size_t k = 0; k < g->n_initializer; k++)
		for (size_t j = 0; j < k; j++)
			ck_assert_str_ne(g->initializer[k]->name, g->initializer[j]->name);
	for (size_t k = 0; k < g->n_output; k++)
		ck_assert(is_made(g, g->output[k]->name, g->n_node));
	expect_room(g);
}

/* Whether a node has this operator. */
static bool has_op(const Onnx__GraphProto *g, const char *op)
{
	for (size_t i = 0; i < g->n_node; i++)
		if (!strcmp(g->node[i]->op_type, op))
			return true;
	return false;
}

void onnx_expect_good(const char *path, const char *ops)
{
	char list[200], *rest = list;
	Onnx__ModelProto *o = onnx_unpack(path);
	onnx_expect_order(o->graph);
	snprintf(list, sizeof list, "%s", ops);
	for (char *op; (op = strtok_r(rest, " ", &rest));)
		ck_assert_msg(has_op(o->graph, op), "%s has no %s", path, op);
	onnx__model_proto__free_unpacked(o, NULL);
}
