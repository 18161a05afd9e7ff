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
#include "tests/layer_rows.h"
#include "tests/onnx_kit.h"
#include "tests/suite.h"
#include "tests/trace_kit.h"

static fault e;

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
	network *n = layer_row_network(layer, side);
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
	expect_file(layer_rows[_i].layer, NET_G, layer_rows[_i].ops);
	expect_file(layer_rows[_i].layer, NET_D, layer_rows[_i].ops);
}
END_TEST

START_TEST(every_layer_type_has_a_row)
{
	for (int i = 0; i < layer_type_count(); i++) {
		const char *name = layer_type_at(i)->name;
		bool found = false;
		for (int r = 0; r < LAYER_ROWS; r++)
			found = found || (!strncmp(layer_rows[r].layer, name, strlen(name))
				&& strchr(",", layer_rows[r].layer[strlen(name)]));
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
		{a_layer_in_g_and_d_becomes_a_file, LAYER_ROWS},
		{every_layer_type_has_a_row, 1},
		{every_activation_becomes_a_file, COUNT(activations)},
	};
	return suite_run("onnx layers", tests, COUNT(tests), 60);
}
