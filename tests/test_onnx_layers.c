/* test_onnx_layers.c - every layer that a config can place, as an ONNX file: what stock layers do not say becomes
 * single operations, which compute the same here. With SAGAN_ONNX_DIR set the files stay there, for
 * tests/keras/check_onnx.py. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/activations.h"
#include "gan/config/config.h"
#include "gan/keras/onnx/onnx.h"
#include "gan/keras/trace/trace.h"
#include "tests/expect.h"
#include "tests/onnx_kit.h"
#include "tests/suite.h"
#include "tests/trace_kit.h"

static fault e;

/* type and arguments as in a config, and the ONNX operators that the layer is for. */
static const struct {
	const char *layer, *ops;
} rows[] = {
	{"official", "Softmax MaxPool"}, {"paper", "Softmax"}, {"plain", "Softmax"}, {"ashpy", "Softmax"},
	{"ashpy_row", "Softmax MatMul"}, {"simplegan", "MaxPool"}, {"mnistgans", "Softmax"}, {"conv2d", "Softmax"},
	{"mhsa", "Transpose Gather MatMul"}, {"mhsa, heads: 2, key_dim: 3, out_bias: true", "Gather"},
	{"mhsa, position: absolute", "MatMul"}, {"mhsa, residual: none, out_weight: false", "Gather"},
	{"mhsa_h", "Slice Gather"}, {"mhsa_h, heads: 8, position: absolute, out_bias: true", "Slice"},
	{"halo", "Gather Transpose"}, {"halo, block: 4, halo: 2, heads: 2, key_dim: 5, out_bias: true", "Gather"},
	{"halo_h", "Gather"}, {"halo_h, block: 2, halo: 3, key_dim: 0.5, heads: 4", "Gather"},
	{"outlook", "Gather ConvTranspose"}, {"outlook, strides: 1, heads: 2", "ConvTranspose"},
	{"outlook, kernel: 2, strides: 3, padding: false", "ConvTranspose"},
	{"outlook, kernel: 5, strides: 3, fold_kernel: true", "ConvTranspose"},
	{"outlook_simple", "AveragePool ConvTranspose"},
	{"outlook_simple, kernel: 2, fold_kernel: true", "ConvTranspose"},
	{"conv_relative", "Pad Concat"}, {"conv_relative, heads: 4, kernel: 5", "Pad"},
	{"cot", "Gather ReduceSum"}, {"cot, kernel: 5, activation: prelu", "Gather"},
	{"split_attention", "Slice Concat"}, {"split_attention, groups: 4, activation: star_relu", "Slice Concat"},
	{"split_attention, groups: 1", "Conv"},
	{"se", "Mul"}, {"blur", "Conv"}, {"conv", "Conv"}, {"conv, groups: 8", "Conv"},
	{"conv, groups: 2, bias: true", "Conv"},
	{"mlp", "Erf"}, {"mixer", "Transpose"}, {"mixer, tokens: 7, channels: 9, bias: false", "Transpose"},
	{"spatial_gating", "Slice Transpose"}, {"conv_position", "Conv"}, {"positional_embedding", "Add"},
	{"channel_affine", "Add"}, {"bias", "Add"}, {"layer_norm", "LayerNormalization"},
	{"bn_act", "Relu"}, {"bn_act, evo_norm: true", "Sqrt Div"},
	{"bn_act, evo_norm: true, group_size: 4", "Reciprocal"},
	{"bn_act, evo_norm: true, group_size: 4, activation: linear", "Reciprocal"},
};

static network *network_with(const char *layer, enum net_side side)
{
	char text[200];
	net_config c;
	OK(net_config_default("resnet", (net_size){32, 32}, &c, &e));
	c.g_width = c.d_width = 8;
	c.classes = 3;
	c.channels = 1;
	c.g_layers.n = c.d_layers.n = 1;
	snprintf(text, sizeof text, "{at: 8, type: %s}", layer);
	OK(config_layer_parse(&c.g_layers.layer[0], text, &e));
	c.d_layers.layer[0] = c.g_layers.layer[0];
	return trace_network(&c, side);
}

static const char *file_of(const char *layer, enum net_side side, const char *ending)
{
	static char path[2][500];
	static int turn;
	const char *kept = getenv("SAGAN_ONNX_DIR");
	char name[100], *p = path[turn++ % 2];
	snprintf(name, sizeof name, "%s", layer);
	for (char *c = name; *c; c++)
		*c = strchr(": ,/", *c) ? '_' : *c;
	snprintf(p, sizeof path[0], "%s/%s-%c%s", kept ? kept : scratch_folder(), name, side == NET_G ? 'g' : 'd',
		ending);
	return p;
}

/* The network as single operations where that is needed: the same numbers, and a file in good order. */
static void expect_file(const char *layer, enum net_side side, const char *ops)
{
	network *n = network_with(layer, side);
	keras_model *stock = keras_of_network(n, KERAS_STOCK, &e), *k = keras_of_network(n, KERAS_OPS, &e);
	ck_assert_msg(k, "%s: %s", layer, e.text);
	ck_assert_msg(k->ops || stock, "%s: no stock form, and no single operations", layer);
	const double d = trace_difference(n, k, layer, file_of(layer, side, ".reference.h5"));
	ck_assert_msg(d <= trace_tolerance, "%s: %g", layer, d);
	const char *path = file_of(layer, side, ".onnx");
	ck_assert_msg(keras_write_onnx(k, path, &e), "%s: %s", layer, e.text);
	onnx_expect_good(path, ops);
	keras_model_free(stock);
	keras_model_free(k);
	network_free(n);
}

START_TEST(a_layer_in_g_and_d_becomes_a_file)
{
	expect_file(rows[_i].layer, NET_G, rows[_i].ops);
	expect_file(rows[_i].layer, NET_D, rows[_i].ops);
}
END_TEST

START_TEST(every_layer_type_has_a_row)
{
	for (int i = 0; i < layer_type_count(); i++) {
		const char *name = layer_type_at(i)->name;
		bool found = false;
		for (int r = 0; r < COUNT(rows); r++)
			found = found || (!strncmp(rows[r].layer, name, strlen(name))
				&& strchr(",", rows[r].layer[strlen(name)]));
		ck_assert_msg(found, "%s has no row", name);
	}
}
END_TEST

#define NAME(name, function) name,
static const char *const activations[] = {ACTIVATIONS(NAME) "prelu", "star_relu"};
#undef NAME

START_TEST(every_activation_becomes_a_file)
{
	char layer[100];
	snprintf(layer, sizeof layer, "bn_act, activation: %s", activations[_i]);
	expect_file(layer, NET_D, "BatchNormalization");
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_layer_in_g_and_d_becomes_a_file, COUNT(rows)},
		{every_layer_type_has_a_row, 1},
		{every_activation_becomes_a_file, COUNT(activations)},
	};
	return suite_run("onnx layers", tests, COUNT(tests), 60);
}
