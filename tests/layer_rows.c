/* layer_rows.c - the rows, and the network around one. */
#include "tests/layer_rows.h"

#include <stdio.h>

#include "core/base/local.h"
#include "gan/config/config.h"
#include "tests/expect.h"
#include "tests/trace_kit.h"

const layer_row_of layer_rows[LAYER_ROWS] = {
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

network *layer_row_network(const char *layer, enum net_side side)
{
	fault e = {.text = ""};
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
