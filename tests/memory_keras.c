/* memory_keras.c - what of the Keras files allocates: models, JSON, files both ways, matching, running, ONNX. */
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/keras/file/match.h"
#include "gan/keras/file/read_internal.h"
#include "gan/keras/file/write.h"
#include "gan/keras/model/json.h"
#include "gan/keras/onnx/onnx.h"
#include "gan/keras/run/run.h"
#include "gan/keras/sample.h"
#include "tests/memory.h"
#include "tests/suite.h"

#define GOLDEN "tests/golden/keras/"

/* ---- reading ---- */

/* What the child process of keras_read does, here. */
static bool read_one(const char *file, bool weights_only, fault *e)
{
	keras_model *m = read_unconfined(file, &(keras_read_options){.weights_only = weights_only}, e);
	keras_model_free(m);
	return m != NULL;
}

static bool go_read_archive(fault *e) { return read_one(GOLDEN "classes/own-attention-bias.keras", false, e); }
static bool go_read_wrapped(fault *e) { return read_one(GOLDEN "classes/spectral-conv.keras", false, e); }
static bool go_read_sequential(fault *e) { return read_one(GOLDEN "discriminator-seq-keras2.15.keras", false, e); }
static bool go_read_legacy(fault *e) { return read_one(GOLDEN "classes/separable-multiplier.keras2.h5", false, e); }
static bool go_read_numbers(fault *e) { return read_one(GOLDEN "discriminator-seq-keras2.15.weights.h5", true, e); }

/* The program's side of it. */
static bool go_read_confined(fault *e)
{
	keras_model *m = keras_read(GOLDEN "classes/own-attention-bias.keras", NULL, e);
	keras_model_free(m);
	return m != NULL;
}

/* ---- matching ---- */

/* The weights of a file into the model of another. A failure leaves the model with those that it had. */
static bool match_one(const char *model, const char *file, fault *e)
{
	keras_model *m = read_unconfined(model, NULL, e);
	keras_model *w = m ? read_unconfined(file, &(keras_read_options){.weights_only = true}, e) : NULL;
	const int64_t had = m ? keras_count(m) : 0;
	const bool ok = w && keras_match(m, w, NULL, NULL, e);
	must(!m || keras_count(m) == had, "a model lost its weights");
	keras_model_free(w);
	keras_model_free(m);
	return ok;
}

#define SEQ GOLDEN "discriminator-seq-keras2.15."
static bool go_match_legacy(fault *e) { return match_one(SEQ "full.h5", SEQ "legacy.h5", e); }
static bool go_match_native(fault *e) { return match_one(SEQ "full.h5", SEQ "weights.h5", e); }

static bool go_match_wrapped(fault *e)
{
	return match_one(GOLDEN "discriminator-plain-keras2.15.full.h5",
		GOLDEN "discriminator-sn-keras2.15.weights.h5", e);
}

/* ---- running and writing ---- */

static keras_model *topology;

static void read_topology(const char *file)
{
	fault e;
	topology = keras_read(file, NULL, &e);
	must(topology != NULL, "%s", e.text);
}

static void drop_topology(void)
{
	keras_model_free(topology);
}

static void before_run(void) { read_topology(GOLDEN "classes/own-attention-bias.keras"); }
static void before_write(void) { read_topology(GOLDEN "example-generator-cond.keras"); }

static bool go_run(fault *e)
{
	static const real x[160];
	static real y[160];
	const real *in[1] = {x};
	keras_run *n = keras_run_new(topology, 2, e);
	const bool ok = n && keras_run_predict(n, 2, in, y, e);
	keras_run_free(n);
	return ok;
}

static bool go_build(fault *e)
{
	keras_model *m = keras_model_new("own", e);
	int at = m ? keras_add_input(m, "x", SHAPE(4), "float32", e) : -1;
	at = at < 0 ? -1 : keras_add(m, "Dense", "d", 1, &at, e);
	const bool ok = at >= 0 && keras_set_int(m, at, "units", 2, e) && keras_set_text(m, at, "activation", "relu", e)
		&& keras_set_list(m, at, "list", 2, (int64_t[]){1, 2}, e)
		&& keras_set_pairs(m, at, "pairs", 2, (int64_t[]){1, 2}, e)
		&& keras_add_weight(m, at, "kernel", SHAPE(4, 2), NULL, e) && keras_set_output(m, at, e);
	keras_model_free(m);
	return ok;
}

static bool go_write(fault *e)
{
	return keras_write_h5(topology, scratch_at("m.h5"), e)
		&& keras_write_archive(topology, scratch_at("m.keras"), e)
		&& keras_write_weights(topology, scratch_at("m.weights.h5"), e)
		&& keras_write_onnx(topology, scratch_at("m.onnx"), e);
}

static bool go_reference(fault *e)
{
	static const real x[64], y[2 * 64 * 64 * 3];
	return keras_write_reference(scratch_at("r.h5"), topology, 2, (const real *const[]){x, x}, y, e);
}

static bool go_sample(fault *e)
{
	sampler *s = keras_sampler_open(GOLDEN "generator-convt-keras3.15.keras", NULL, 2, e);
	sampler_free(s);
	return s != NULL;
}

const memory_subject memory_keras[MEMORY_KERAS] = {
	{"keras: an archive", go_read_archive, NULL, NULL},
	{"keras: a wrapped layer", go_read_wrapped, NULL, NULL},
	{"keras: a sequential model", go_read_sequential, NULL, NULL},
	{"keras: a legacy model", go_read_legacy, NULL, NULL},
	{"keras: weights by number", go_read_numbers, NULL, NULL},
	{"keras: a confined reader", go_read_confined, NULL, NULL},
	{"keras: weights by name", go_match_legacy, NULL, NULL},
	{"keras: weights by counter", go_match_native, NULL, NULL},
	{"keras: weights of wrapped layers", go_match_wrapped, NULL, NULL},
	{"keras: a run", go_run, before_run, drop_topology},
	{"keras: a model", go_build, NULL, NULL},
	{"keras: files", go_write, before_write, drop_topology},
	{"keras: a reference", go_reference, before_write, drop_topology},
	{"keras: a sampler", go_sample, NULL, NULL},
};
