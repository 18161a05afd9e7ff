/* Keras files as we write them, against files that every Keras was seen to load (tests/golden/keras): same groups,
 * data sets, attributes, JSON and bytes of weights. And what may not happen to them: other bytes for the
 * same model, half a file, a text that ends the program.
 *
 * hdf5.h is included to see what core/h5/h5.h hides: how attributes are stored, and all of their names. */
#include "core/archive/archive.h"
#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/keras/file/write.h"
#include "gan/keras/model/json.h"
#include "tests/expect.h"
#include "tests/files.h"
#include "tests/suite.h"

#include <check.h>
#include <dirent.h>
#include <hdf5.h>

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define GOLDEN "tests/golden/keras/"

static fault e;

/* ---- the examples as models ---- */

static const char *const examples[] = {
	"example-generator-convt", "example-generator-cond", "example-discriminator-proj"
};

static const char *golden(const char *base, const char *end)
{
	static char path[4][160];
	static int turn;
	char *p = path[turn++ % 4];
	snprintf(p, sizeof path[0], GOLDEN "%s%s", base, end);
	return p;
}

/* A member of a golden archive, terminated. */
static char *member(const char *path, const char *name, size_t *n)
{
	size_t size;
	void *x;
	char *zip = file_bytes(path, &size);
	OK(archive_extract(path, zip, size, name, 1 << 26, &x, n, &e));
	free(zip);
	x = realloc(x, *n + 1);
	((char *)x)[*n] = '\0';
	return x;
}

/* The weights of one layer by the lists of the legacy layout. */
static void add_weights(keras_model *m, int at, h5 *f)
{
	char group[KERAS_LAYER + 20], path[2 * KERAS_LAYER];
	h5_names names;
	snprintf(group, sizeof group, "/model_weights/%s", m->layer[at].name);
	if (!h5_exists(f, group))
		return;
	OK(h5_attr_texts(f, group, "weight_names", &names, &e));
	for (int k = 0; k < names.n; k++) {
		h5_info info;
		char *last = strrchr(names.name[k], '/') + 1;
		snprintf(path, sizeof path, "%s/%s", group, names.name[k]);
		OK(h5_stat(f, path, &info, &e));
		real *x = mem_new((size_t)shape_count(&info.s), sizeof *x, &e);
		OK(h5_read_real(f, path, x, shape_count(&info.s), &e));
		*strrchr(last, ':') = '\0';
		OK(keras_add_weight(m, at, last, info.s, x, &e));
		free(x);
	}
	h5_names_free(&names);
}

static keras_model *example(const char *base)
{
	h5 *f = h5_open(golden(base, ".h5"), &e);
	ck_assert_msg(f, "%s", e.text);
	char *text = h5_attr_text_new(f, "/", "model_config", &e);
	keras_model *m = keras_from_json(text, strlen(text), &e);
	ck_assert_msg(m, "%s", e.text);
	for (int i = 0; i < m->layers; i++)
		add_weights(m, i, f);
	free(text);
	h5_close(f);
	return m;
}

/* ---- comparing files ---- */

typedef struct note {
	hid_t file;
	char *out;                                   /* text that describes the file, grows */
	size_t n;
	FILE *f;
} note;

static herr_t note_attribute(hid_t object, const char *name, const H5A_info_t *info, void *ctx)
{
	(void)info;
	note *w = ctx;
	hid_t a = H5Aopen(object, name, H5P_DEFAULT), type = H5Aget_type(a), space = H5Aget_space(a);
	size_t width = H5Tget_size(type), n = (size_t)H5Sget_simple_extent_npoints(space);
	char *x = calloc(n + 1, width);
	ck_assert_int_ge(H5Aread(a, type, x), 0);
	fprintf(w->f, "  @%s class %d width %zu pad %d set %d rank %d of %zu:", name, H5Tget_class(type), width,
		H5Tget_strpad(type), H5Tget_cset(type), H5Sget_simple_extent_ndims(space), n);
	for (size_t i = 0; i < n * width; i++)
		fputc(x[i] ? x[i] : '.', w->f);
	fputc('\n', w->f);
	free(x);
	H5Sclose(space);
	H5Tclose(type);
	H5Aclose(a);
	return 0;
}

static void note_values(note *w, hid_t set)
{
	hid_t type = H5Dget_type(set), space = H5Dget_space(set), list = H5Dget_create_plist(set);
	hsize_t dims[8];
	int rank = H5Sget_simple_extent_dims(space, dims, NULL);
	size_t width = H5Tget_size(type), n = (size_t)H5Sget_simple_extent_npoints(space);
	unsigned char *x = calloc(n + 1, width);
	ck_assert_int_ge(H5Dread(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, x), 0);
	fprintf(w->f, "  class %d width %zu order %d layout %d [", H5Tget_class(type), width, H5Tget_order(type),
		H5Pget_layout(list));
	for (int i = 0; i < rank; i++)
		fprintf(w->f, " %d", (int)dims[i]);
	fprintf(w->f, " ]:");
	for (size_t i = 0; i < n * width; i++)
		fprintf(w->f, "%02x", x[i]);
	fputc('\n', w->f);
	free(x);
	H5Pclose(list);
	H5Sclose(space);
	H5Tclose(type);
}

/* From 1.12 on, H5O_info_t is what the third form fills. */
#if H5_VERSION_GE(1, 12, 0)
#define H5Ovisit2 H5Ovisit3
#endif

static herr_t note_object(hid_t file, const char *name, const H5O_info_t *info, void *ctx)
{
	note *w = ctx;
	hid_t object = H5Oopen(file, name, H5P_DEFAULT);
	fprintf(w->f, "%s type %d links %u\n", name, info->type, info->rc);
	H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, NULL, note_attribute, w);
	if (info->type == H5O_TYPE_DATASET)
		note_values(w, object);
	H5Oclose(object);
	return 0;
}

/* Everything that a file holds, by name. free(). */
static char *describe(const char *path)
{
	note w = {.file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT)};
	ck_assert_int_ge(w.file, 0);
	w.f = open_memstream(&w.out, &w.n);
	H5Ovisit2(w.file, H5_INDEX_NAME, H5_ITER_INC, note_object, &w, H5O_INFO_BASIC);
	fclose(w.f);
	H5Fclose(w.file);
	return w.out;
}

static void check_same_content(const char *ours, const char *theirs)
{
	char *a = describe(ours), *b = describe(theirs);
	size_t at = 0;
	while (a[at] && a[at] == b[at])
		at++;
	ck_assert_msg(a[at] == b[at], "%s differs from %s: \"%.200s\" for \"%.200s\"", ours, theirs,
		      a + (at > 60 ? at - 60 : 0), b + (at > 60 ? at - 60 : 0));
	ck_assert_uint_gt(at, 1000);
	free(a);
	free(b);
}

START_TEST(written_files_hold_what_the_examples_hold)
{
	keras_model *m = example(examples[_i]);
	const char *p = scratch_at("a.h5"), *w = scratch_at("a.weights.h5");
	OK(keras_write_h5(m, p, &e));
	check_same_content(p, golden(examples[_i], ".h5"));
	OK(keras_write_weights(m, w, &e));
	check_same_content(w, golden(examples[_i], ".weights.h5"));
	keras_model_free(m);
}
END_TEST

/* The members of our .keras: the same metadata and JSON as the example's, and our own weights file. */
START_TEST(an_archive_holds_the_json_and_the_weights_file)
{
	static const char *const text[] = {"metadata.json", "config.json"};
	keras_model *m = example(examples[_i]);
	const char *p = scratch_at("a.keras"), *w = scratch_at("a.weights.h5");
	size_t na, nb;
	OK(keras_write_archive(m, p, &e));
	OK(keras_write_weights(m, w, &e));
	for (int i = 0; i < COUNT(text); i++) {
		char *a = member(p, text[i], &na), *b = member(golden(examples[_i], ".keras"), text[i], &nb);
		ck_assert_str_eq(a, b);
		free(a);
		free(b);
	}
	char *a = member(p, "model.weights.h5", &na), *b = file_bytes(w, &nb);
	ck_assert_uint_eq(na, nb);
	ck_assert_int_eq(memcmp(a, b, na), 0);
	free(a);
	free(b);
	keras_model_free(m);
}
END_TEST

START_TEST(a_reference_holds_what_the_example_holds)
{
	keras_model *m = example(examples[_i]);
	const char *theirs = golden(examples[_i], ".reference.h5"), *ours = scratch_at("a.reference.h5");
	const real *inputs[KERAS_INPUTS];
	real *x[KERAS_INPUTS + 1];
	char path[KERAS_LAYER + 20];
	h5 *f = h5_open(theirs, &e);
	for (int i = 0; i <= m->inputs; i++) {
		h5_info info;
		const keras_layer *l = &m->layer[i < m->inputs ? m->input[i] : m->output[0]];
		snprintf(path, sizeof path, "/%s/%s", i < m->inputs ? "inputs" : "outputs", l->name);
		OK(h5_stat(f, path, &info, &e));
		x[i] = mem_new((size_t)shape_count(&info.s), sizeof *x[i], &e);
		OK(h5_read_real(f, path, x[i], shape_count(&info.s), &e));
		if (i < m->inputs)
			inputs[i] = x[i];
	}
	h5_close(f);
	OK(keras_write_reference(ours, m, 8, inputs, x[m->inputs], &e));
	check_same_content(ours, theirs);
	if (m->inputs == 2) {                        /* labels are whole numbers or nothing */
		x[1][3] += (real)0.5;
		REFUSED(keras_write_reference(ours, m, 8, inputs, x[2], &e), "", "no whole number");
		check_same_content(ours, theirs);
	}
	for (int i = 0; i <= m->inputs; i++)
		free(x[i]);
	keras_model_free(m);
}
END_TEST

/* ---- the same bytes, or the old ones ---- */

typedef bool writer(const keras_model *m, const char *path, fault *e);
static writer *const writers[] = {keras_write_h5, keras_write_weights, keras_write_archive};

START_TEST(equal_models_give_equal_bytes)
{
	keras_model *m = example(examples[_i]), *again = example(examples[_i]);
	for (int k = 0; k < COUNT(writers); k++) {
		const char *a = scratch_at("a"), *b = scratch_at("b");
		OK(writers[k](m, a, &e));
		setenv("TZ", "Pacific/Kiritimati", 1);
		tzset();
		sleep(k == 2 && _i == 0 ? 2 : 0);     /* the step of a zip's clock */
		OK(writers[k](again, b, &e));
		unsetenv("TZ");
		tzset();
		ck_assert_msg(files_equal(a, b), "writer %d: other bytes", k);
	}
	keras_model_free(m);
	keras_model_free(again);
}
END_TEST

/* RLIMIT_FSIZE stops the write in the middle, as a full disk does. */
START_TEST(a_full_disk_leaves_the_old_file)
{
	keras_model *m = example(examples[0]);
	const char *p = scratch_at("a"), *copy = scratch_at("copy");
	OK(writers[_i](m, p, &e));
	OK(writers[_i](m, copy, &e));
	m->layer[1].weight[0].x[0] += 1;
	disk_full(4096);
	bool written = writers[_i](m, p, &e);
	disk_free();
	ck_assert(!written);
	ck_assert_msg(!strncmp(e.text, p, strlen(p)) && strstr(e.text, "cannot write"), "%s", e.text);
	ck_assert(files_equal(p, copy));
	ck_assert_int_eq(files_in(scratch_folder()), 2);
	OK(writers[_i](m, p, &e));
	ck_assert(!files_equal(p, copy));
	keras_model_free(m);
}
END_TEST

/* ---- JSON ---- */

START_TEST(json_of_the_examples_comes_back_to_the_byte)
{
	size_t n;
	char *text = member(golden(examples[_i], ".keras"), "config.json", &n);
	keras_model *m = keras_from_json(text, n, &e);
	ck_assert_msg(m, "%s", e.text);
	char *again = keras_json(m, KERAS_WRAP_ARCHIVE, &e);
	ck_assert_str_eq(text, again);
	free(again);
	/* A lone end without a list around it: what Keras builds upon from 3.4 on. The .h5 has the list, as before. */
	again = keras_json(m, KERAS_WRAP_H5, &e);
	ck_assert_ptr_nonnull(strstr(text, "\"output_layers\": [\""));
	ck_assert_ptr_nonnull(strstr(again, "\"output_layers\": [[\""));
	free(again);
	/* The decimal comma is nobody's business. */
	if (setlocale(LC_NUMERIC, "de_DE.UTF-8")) {
		again = keras_json(m, KERAS_WRAP_ARCHIVE, &e);
		setlocale(LC_NUMERIC, "C");
		ck_assert_str_eq(text, again);
		free(again);
	}
	free(text);
	keras_model_free(m);
}
END_TEST

/* Keras' own files of one network in three versions must be one model: same layers, classes, connections. */
START_TEST(every_version_gives_the_same_network)
{
	static const char *const base[] = {"generator-cond", "generator-convt", "discriminator-sn"};
	size_t n;
	char name[80];
	char *text = member(golden(base[_i], "-keras2.15.keras"), "config.json", &n);
	keras_model *a = keras_from_json(text, n, &e);
	free(text);
	ck_assert_msg(a, "%s", e.text);
	for (int v = 0; v < 2; v++) {
		snprintf(name, sizeof name, "-keras3.%s.keras", v ? "15" : "3");
		if (access(golden(base[_i], name), R_OK) != 0)
			continue;
		text = member(golden(base[_i], name), "config.json", &n);
		keras_model *b = keras_from_json(text, n, &e);
		free(text);
		ck_assert_msg(b, "%s: %s", name, e.text);
		ck_assert_int_eq(a->layers, b->layers);
		for (int i = 0; i < a->layers; i++) {
			ck_assert_str_eq(a->layer[i].name, b->layer[i].name);
			ck_assert_str_eq(a->layer[i].class_name, b->layer[i].class_name);
			ck_assert_int_eq(a->layer[i].nin, b->layer[i].nin);
			ck_assert_int_eq(memcmp(a->layer[i].in, b->layer[i].in, sizeof a->layer[i].in), 0);
		}
		ck_assert_int_eq(a->output[0], b->output[0]);
		ck_assert_int_eq(memcmp(a->input, b->input, sizeof a->input), 0);
		keras_model_free(b);
	}
	keras_model_free(a);
}
END_TEST

static keras_model *parse(const char *text)
{
	e.text[0] = '\0';
	return keras_from_json(text, strlen(text), &e);
}

#define IN(name) "{\"class_name\":\"InputLayer\",\"config\":{\"name\":\"" name "\",\"batch_input_shape\":[null,4]," \
	"\"dtype\":\"float32\"},\"name\":\"" name "\",\"inbound_nodes\":[]}"
#define LAYER(class, name, config, nodes) "{\"class_name\":\"" class "\"," \
	"\"config\":{\"name\":\"" name "\"" config "}," \
	"\"name\":\"" name "\",\"inbound_nodes\":" nodes "}"
#define FROM(name) "[[[\"" name "\",0,0,{}]]]"
#define MODEL(layers, in, out) "{\"class_name\":\"Functional\",\"config\":{\"name\":\"m\",\"layers\":[" layers "]," \
	"\"input_layers\":" in ",\"output_layers\":" out "}}"
#define X "[[\"x\",0,0]]"

/* A nested Functional with two inputs, a nested Sequential, Keras 3's call, and layers in the wrong order. */
START_TEST(nested_models_become_flat)
{
	keras_model *m = parse(MODEL(
		LAYER("Add", "sum", "",
			"[{\"args\":[[{\"class_name\":\"__keras_tensor__\","
			"\"config\":{\"keras_history\":[\"seq\",0,0]}},"
			"{\"class_name\":\"__keras_tensor__\",\"config\":{\"keras_history\":[\"gen\",1,0]}}]],"
			"\"kwargs\":{\"mask\":null}}]") ","
		IN("x") "," IN("y") ","
		"{\"class_name\":\"Functional\",\"name\":\"gen\",\"config\":{\"name\":\"gen\",\"layers\":["
			IN("a") "," IN("b") "," LAYER("Multiply", "mul", "", "[[[\"b\",0,0,{}],[\"a\",0,0,{}]]]") "],"
			"\"input_layers\":[[\"a\",0,0],[\"b\",0,0]],\"output_layers\":[[\"mul\",0,0]]},"
			"\"inbound_nodes\":[[[\"y\",0,0,{}],[\"x\",0,0,{}]]]},"
		"{\"class_name\":\"Sequential\",\"name\":\"seq\",\"config\":{\"name\":\"seq\",\"layers\":["
			LAYER("Dense", "d", ",\"units\":3", "[]") "," LAYER("ReLU", "r", "", "[]") "]},"
			"\"inbound_nodes\":[[[\"x\",0,0,{}]]]}",
		"[[\"y\",0,0],[\"x\",0,0]]", "[\"sum\",0,0]"));
	ck_assert_msg(m, "%s", e.text);
	static const char *const names[] = {"x", "seq.d", "seq.r", "y", "gen.mul", "sum"};
	ck_assert_int_eq(m->layers, COUNT(names));
	for (int i = 0; i < m->layers; i++)
		ck_assert_str_eq(m->layer[i].name, names[i]);
	ck_assert_int_eq(m->input[0], 3);
	ck_assert_int_eq(m->input[1], 0);
	ck_assert_int_eq(m->output[0], 5);
	ck_assert(m->layer[4].nin == 2 && m->layer[4].in[0] == 0 && m->layer[4].in[1] == 3);
	ck_assert(m->layer[5].nin == 2 && m->layer[5].in[0] == 2 && m->layer[5].in[1] == 4);
	ck_assert(m->layer[1].nin == 1 && m->layer[1].in[0] == 0);
	keras_model_free(m);
}
END_TEST

START_TEST(settings_become_what_the_header_says)
{
	keras_model *m = parse("{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\",\"layers\":["
		LAYER("SpectralNormalization", "c",
			",\"power_iterations\":2,\"layer\":{\"class_name\":\"Conv2D\",\"config\":"
			"{\"name\":\"in\",\"filters\":8,\"kernel_size\":[3,3],"
			"\"kernel_initializer\":{\"class_name\":\"Zeros\"}}},"
			"\"batch_input_shape\":[null,8,8,3]", "[]") ","
		LAYER("BatchNormalization", "n", ",\"axis\":[3],\"epsilon\":0.001,\"gamma_constraint\":null", "[]") ","
		"{\"module\":\"mine\",\"registered_name\":\"sagan>Odd\",\"class_name\":\"Odd\",\"config\":{"
			"\"name\":\"o\",\"dtype\":{\"class_name\":\"DTypePolicy\",\"config\":{\"name\":\"float32\"}},"
			"\"units\":[[1,2],[3]]}},"
		"{\"module\":\"mine\",\"class_name\":\"Dense\",\"config\":{\"name\":\"p\"}},"
		"{\"module\":\"keras.src.ops.numpy\",\"class_name\":\"Add\",\"config\":{\"name\":\"q\"}}]}}");
	ck_assert_msg(m, "%s", e.text);
	ck_assert_int_eq(m->layers, 6);
	ck_assert_str_eq(m->layer[0].name, "c_input");
	ck_assert_int_eq(keras_get(&m->layer[0], "batch_input_shape")->list[3], 3);
	ck_assert_str_eq(m->layer[1].class_name, "SpectralNormalization");
	ck_assert_str_eq(keras_text(&m->layer[1], "layer", ""), "Conv2D");
	ck_assert(keras_number(&m->layer[1], "filters", 0) == 8
		&& keras_number(&m->layer[1], "power_iterations", 0) == 2);
	ck_assert_ptr_null(keras_get(&m->layer[1], "kernel_initializer"));
	ck_assert(keras_number(&m->layer[2], "axis", 0) == 3 && m->layer[2].values == 2);
	ck_assert_str_eq(m->layer[3].class_name, "sagan>Odd");
	ck_assert_str_eq(keras_text(&m->layer[3], "dtype", ""), "float32");
	ck_assert_str_eq(keras_text(&m->layer[3], "units", ""), "[[1,2],[3]]");
	ck_assert_str_eq(m->layer[4].class_name, "mine>Dense");
	ck_assert_str_eq(m->layer[5].class_name, "ops>Add");
	keras_model_free(m);
}
END_TEST

START_TEST(texts_that_are_no_model_end_in_one_line)
{
	static const struct {
		const char *text, *message;
	} bad[] = {
		{"", "not JSON"},
		{"{\"class_name\": \"Functional\", \"class_name\": 1}", "not JSON: duplicate"},
		{"[1, 2]", "class_name or config is missing"},
		{"{\"class_name\":\"MyModel\",\"config\":{}}", "model of class MyModel"},
		{"{\"class_name\":\"Functional\",\"config\":{\"layers\":[]}}", "1 to 4096 layers"},
		{"{\"class_name\":\"Functional\",\"config\":{\"layers\":[7]}}", "has no name"},
		{MODEL(IN("x") "," IN("x"), X, X), "layer x: there are two"},
		{MODEL(IN("x"), "[[\"y\",0,0]]", X), "layer (model): is fed by a layer that does not exist"},
		{MODEL(IN("x"), X, "[]"), "has no output"},
		{MODEL(IN("x"), X, "[[\"x\",0,1]]"), "layer x: is asked for a result that it does not have"},
		{MODEL(IN("x"), X, "7"), "cannot be understood"},
		{MODEL(IN("x") "," LAYER("ReLU", "r", "", FROM("r")), X, X), "layer r: feeds itself"},
		{MODEL(IN("x") "," LAYER("ReLU", "r", "", FROM("t")) "," LAYER("ReLU", "t", "", FROM("r")), X, X),
		 "feeds itself"},
		{MODEL(IN("x") "," LAYER("ReLU", "r", "", "[[[\"x\",0,0,{}]],[[\"x\",0,0,{}]]]"), X, X),
		 "called more than once"},
		{MODEL(IN("x") "," LAYER("Dropout", "r", "", "[[[\"x\",0,0,{\"training\":true}]]]"), X, X),
		 "called with training"},
		{MODEL(IN("x") "," LAYER("Add", "r", "", "[{\"args\":[2.0],\"kwargs\":{}}]"), X, X),
		 "called with a constant"},
		{MODEL(IN("x") "," LAYER("ReLU", "a\\nb", "", FROM("y")), X, X), "layer a?b: is fed by"},
		{MODEL(IN("x") "," LAYER("Dense", "r", ",\"units\":\"many\"", FROM("x")), X, X),
		 "layer r: units must be a whole number"},
		{MODEL(IN("x") "," LAYER("Dense", "r", ",\"units\":1e9", FROM("x")), X, X), "units must be"},
		{MODEL(IN("x") "," LAYER("Dense", "r", ",\"units\":99999999999", FROM("x")), X, X), "units must be"},
		{MODEL(IN("x") "," LAYER("SpectralNormalization", "r", "", FROM("x")), X, X),
		 "layer r: wraps no layer"},
		{MODEL(LAYER("InputLayer", "x", "", "[]"), X, X), "layer x: has no shape"},
		{"{\"class_name\":\"Sequential\",\"config\":{\"layers\":[" LAYER("ReLU", "r", "", "[]") "]}}",
		 "no input shape"},
	};
	for (int i = 0; i < COUNT(bad); i++)
		REFUSED(parse(bad[i].text), "", bad[i].message);
}
END_TEST

/* Python's JSON has three numbers more. */
START_TEST(infinities_and_nan_of_python_are_read)
{
	keras_model *m = parse("{\"class_name\":\"Functional\",\"compile_config\":{\"optimizer\":{\"config\":{"
		"\"clipnorm\":Infinity,\"a\":[-Infinity,NaN]}}},\"config\":{\"name\":\"m\",\"layers\":["
		IN("x") "," LAYER("Dense", "d", ",\"units\":3", FROM("x")) ","
		LAYER("ReLU", "r", ",\"max_value\":Infinity,\"note\":\"\\\" NaN\"", FROM("d"))
		"],\"input_layers\":" X ",\"output_layers\":[\"r\",0,0]}}");
	ck_assert_msg(m, "%s", e.text);
	ck_assert_int_eq(m->layers, 3);
	ck_assert_ptr_null(keras_get(&m->layer[2], "max_value"));
	ck_assert_str_eq(keras_text(&m->layer[2], "note", ""), "\" NaN");
	keras_model_free(m);
	REFUSED(parse(MODEL(IN("x") "," LAYER("BatchNormalization", "r", ",\"epsilon\":NaN", FROM("x")), X, X)),
		"", "layer r: epsilon must be a number");
	REFUSED(parse(MODEL(IN("x") "," LAYER("LeakyReLU", "r", ",\"alpha\":-Infinity", FROM("x")), X, X)),
		"", "layer r: alpha must be a number");
	REFUSED(parse(MODEL(IN("x") "," LAYER("Dense", "r", ",\"units\":Infinit", FROM("x")), X, X)), "", "not JSON");
}
END_TEST

/* x * 3000000000 is a number beyond 32 bits, no text. */
START_TEST(large_whole_numbers_are_numbers)
{
	keras_model *m = parse(MODEL(IN("x") ","
		LAYER("TFOpLambda", "r", ",\"function\":\"math.multiply\"", "[[\"x\",0,0,{\"y\":3000000000}]]") ","
		LAYER("Rescaling", "s", ",\"scale\":-4294967297,\"offset\":2147483647", FROM("r")), X, "[\"s\",0,0]"));
	ck_assert_msg(m, "%s", e.text);
	static const struct {
		int layer;
		const char *key;
		enum keras_kind kind;
		double number;
	} want[] = {{1, "x2", KERAS_FLOAT, 3e9}, {2, "scale", KERAS_FLOAT, -4294967297.0},
		    {2, "offset", KERAS_INT, 2147483647}};
	for (int i = 0; i < COUNT(want); i++) {
		const keras_value *v = keras_get(&m->layer[want[i].layer], want[i].key);
		ck_assert_msg(v && v->kind == want[i].kind, "%s", want[i].key);
		ck_assert_double_eq(v->number, want[i].number);
	}
	keras_model_free(m);
}
END_TEST

#define TENSOR(name) "{\"class_name\":\"__keras_tensor__\",\"config\":{\"keras_history\":[\"" name "\",0,0]}}"
#define CALL(args, keywords) "[{\"args\":[" args "],\"kwargs\":{" keywords "}}]"
#define OP(class, nodes) "{\"module\":\"keras.src.ops.numpy\",\"class_name\":\"" class "\"," \
	"\"config\":{\"name\":\"r\"},\"name\":\"r\",\"inbound_nodes\":" nodes "}"

/* x // 2, x[..., :2], sum(x, axis=1), and Keras 2's x // 2: what is wrong is the operation, not what it is given. */
START_TEST(operations_that_are_not_known_are_called_by_name)
{
	static const struct {
		const char *layer, *message;
	} bad[] = {
		{OP("FloorDivide", CALL(TENSOR("x") ",2", "")), "layer r: class ops>FloorDivide is not known"},
		{OP("GetItem", CALL(TENSOR("x") ",[{\"class_name\":\"__ellipsis__\",\"config\":{}}]", "")),
		 "layer r: class ops>GetItem is not known"},
		{OP("Sum", CALL(TENSOR("x"), "\"axis\":1")), "layer r: class ops>Sum is not known"},
		{LAYER("TFOpLambda", "r", ",\"function\":\"math.floordiv\"", "[[\"x\",0,0,{\"y\":2}]]"),
		 "layer r: class tf>math.floordiv is not known"},
		{OP("Add", CALL("[" TENSOR("x") ",1]", "")), "called with a constant"},
		{LAYER("Dense", "r", ",\"units\":2", CALL(TENSOR("x") ",2", "")), "called with a constant"},
		{LAYER("MultiHeadAttention", "r", "", CALL(TENSOR("x") "," TENSOR("x") ",null," TENSOR("x"), "")),
		 "layer r: called with argument 4; only plain calls are read"},
	};
	for (int i = 0; i < COUNT(bad); i++) {
		char text[2000];
		snprintf(text, sizeof text, MODEL(IN("x") ",%s", X, "[\"r\",0,0]"), bad[i].layer);
		REFUSED(parse(text), "", bad[i].message);
	}
}
END_TEST

/* Keras notes the masks of a model with named inputs as an object of nulls; the inputs themselves are another thing. */
START_TEST(objects_of_nulls_say_nothing)
{
	keras_model *m = parse(MODEL(IN("x") "," LAYER("Dense", "r", ",\"units\":2",
		CALL(TENSOR("x"), "\"mask\":{\"p\":null,\"q\":[null,{}]}")), X, "[\"r\",0,0]"));
	ck_assert_msg(m, "%s", e.text);
	keras_model_free(m);
	REFUSED(parse(MODEL(IN("x") "," LAYER("Dense", "r", ",\"units\":2",
		CALL(TENSOR("x"), "\"mask\":{\"p\":true}")), X, "[\"r\",0,0]")), "", "called with mask = ..");
	REFUSED(parse(MODEL(IN("x") "," LAYER("Dense", "r", ",\"units\":2",
		CALL("{\"p\":" TENSOR("x") "}", "")), X, "[\"r\",0,0]")), "",
		"layer r: called with a dictionary of results of layers; only lists of them are read");
}
END_TEST

/* Depth, models inside each other and the number of layers end at their limits. */
START_TEST(large_texts_end_at_the_limits)
{
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	for (int i = 0; i < 100000; i++)
		fputc('[', f);
	fclose(f);
	REFUSED(keras_from_json(text, n, &e), "", "depth");
	free(text);

	f = open_memstream(&text, &n);
	for (int i = 0; i < 9; i++)
		fprintf(f, "{\"class_name\":\"Sequential\",\"config\":{\"name\":\"s\","
			"\"build_input_shape\":[null,3],\"layers\":[");
	fprintf(f, "{\"class_name\":\"ReLU\",\"config\":{\"name\":\"r\"}}");
	for (int i = 0; i < 9; i++)
		fprintf(f, "]}}");
	fclose(f);
	REFUSED(keras_from_json(text, n, &e), "", "deeper than 8");
	free(text);

	for (int layers = 4096; layers <= 4097; layers++) {          /* each before what feeds it: the deepest walk */
		f = open_memstream(&text, &n);
		fprintf(f, "{\"class_name\":\"Model\",\"config\":{\"name\":\"m\",\"layers\":[");
		for (int i = layers - 1; i > 0; i--)
			fprintf(f, "{\"class_name\":\"ReLU\",\"config\":{},\"name\":\"r%d\","
				"\"inbound_nodes\":[[[\"r%d\",0,0,{}]]]},", i, i - 1);
		fprintf(f, IN("r0") "],\"input_layers\":[\"r0\",0,0],\"output_layers\":[\"r%d\",0,0]}}", layers - 1);
		fclose(f);
		keras_model *m = keras_from_json(text, n, &e);
		ck_assert_msg(!m == (layers > 4096), "%d layers: %s", layers, e.text);
		keras_model_free(m);
		free(text);
	}
}
END_TEST

/* The first of the layers is a model of the same form, and each other one stands before the one that feeds it: the walk
 * through the outer model is under way when that through the inner one begins. */
START_TEST(depths_of_models_inside_each_other_add_up)
{
	enum { MODELS = 7, LAYERS = 4000 };
	char *text = NULL;
	size_t n;
	FILE *f = open_memstream(&text, &n);
	for (int k = 0; k < MODELS; k++) {
		fprintf(f, "{\"class_name\":\"Model\",\"name\":\"r0\",\"inbound_nodes\":[[[\"x\",0,0,{}]]],"
			"\"config\":{\"name\":\"m\",\"layers\":[");
		for (int i = LAYERS; i > 0; i--)
			fprintf(f, "{\"class_name\":\"ReLU\",\"config\":{},\"name\":\"r%d\","
				"\"inbound_nodes\":[[[\"r%d\",0,0,{}]]]},", i, i - 1);
	}
	fprintf(f, LAYER("ReLU", "r0", "", FROM("x")));
	for (int k = 0; k < MODELS; k++)
		fprintf(f, "," IN("x") "],\"input_layers\":[\"x\",0,0],\"output_layers\":[\"r%d\",0,0]}}", LAYERS);
	fclose(f);
	REFUSED(keras_from_json(text, n, &e), "", "each before the one that feeds it");
	free(text);
}
END_TEST

/* Any byte may be another: a model or a line, never a crash. */
START_TEST(damaged_json_never_crashes)
{
	static const char *const base[] = {"generator-convt-keras3.15.keras", "discriminator-sn-keras2.15.keras"};
	unsigned state = 12345;
	int read = 0;
	for (int k = 0; k < COUNT(base); k++) {
		size_t n;
		char *text = member(golden(base[k], ""), "config.json", &n), *copy = malloc(n);
		for (int i = 0; i < 400; i++) {
			memcpy(copy, text, n);
			for (int j = 0; j <= i % 3; j++) {
				state = state * 1664525u + 1013904223u;
				copy[(state >> 8) % n] = "[]{},:\"019-nftx"[state >> 28];
			}
			keras_model *m = keras_from_json(copy, i % 10 ? n : (state >> 8) % n, &e);
			ck_assert(m || !strchr(e.text, '\n'));
			read += m != NULL;
			keras_model_free(m);
		}
		free(text);
		free(copy);
	}
	ck_assert_int_gt(read, 20);
	ck_assert_int_lt(read, 700);
}
END_TEST

START_TEST(what_some_keras_would_not_load_is_not_written)
{
	static const struct {
		const char *class_name, *key, *text, *message;
	} bad[] = {
		{"LeakyReLU", "x", "y", "layer r: class LeakyReLU"},
		{"SpectralNormalization", "layer", "Dense", "class SpectralNormalization"},
		{"Activation", "activation", "dot", "activation = \"dot\""},
		{"Activation", "activation", "gel\xc3\xbc", "activation must be ASCII"},
		{"Conv2DTranspose", "groups", "1", "groups"},
	};
	for (int i = 0; i < COUNT(bad); i++) {
		keras_model *m = keras_model_new("m", &e);
		int x = keras_add_input(m, "x", SHAPE(4), "float32", &e);
		int at = keras_add(m, bad[i].class_name, "r", 1, &x, &e);
		OK(keras_set_output(m, at, &e) && keras_set_text(m, at, bad[i].key, bad[i].text, &e));
		REFUSED(keras_json(m, KERAS_WRAP_H5, &e), "", bad[i].message);
		REFUSED(keras_write_h5(m, scratch_at("r.h5"), &e), "", bad[i].message);
		REFUSED(keras_write_archive(m, scratch_at("r.keras"), &e), "", bad[i].message);
		ck_assert_int_eq(files_in(scratch_folder()), 0);
		keras_model_free(m);
	}
}
END_TEST

/* A name that is cut is another name: two layers, two settings become one. */
START_TEST(names_are_kept_whole_or_refused)
{
	char just[KERAS_NAME], over[KERAS_NAME + 1], model[1000], layer[KERAS_LAYER + 1];
	memset(just, 'n', sizeof just - 1);
	memset(over, 'n', sizeof over - 1);
	memset(model, 'm', sizeof model - 1);
	just[sizeof just - 1] = over[sizeof over - 1] = model[sizeof model - 1] = '\0';
	keras_model *m = keras_model_new(model, &e);
	ck_assert_str_eq(m->name, model);
	int x = keras_add_input(m, "x", SHAPE(4), "float32", &e), at = keras_add(m, just, just, 1, &x, &e);
	ck_assert_int_eq(at, 1);
	OK(keras_set_int(m, at, just, 1, &e) && keras_add_weight(m, at, just, SHAPE(2), NULL, &e));
	ck_assert_str_eq(m->layer[at].class_name, just);
	ck_assert_str_eq(m->layer[at].value[0].key, just);
	ck_assert_str_eq(m->layer[at].weight[0].name, just);
	memset(layer, 'l', sizeof layer - 1);
	layer[sizeof layer - 1] = '\0';
	ck_assert_int_eq(keras_add(m, "Dense", layer, 1, &x, &e), -1);
	REFUSED(keras_add(m, over, "r", 1, &x, &e) >= 0, "class \"nnn", "64 letters; at most 63");
	REFUSED(keras_set_int(m, at, over, 1, &e), "setting \"nnn", "64 letters; at most 63");
	REFUSED(keras_set_text(m, at, over, "a", &e), "setting \"nnn", "64 letters; at most 63");
	REFUSED(keras_add_weight(m, at, over, SHAPE(2), NULL, &e), "weight \"nnn", "64 letters; at most 63");
	REFUSED(keras_rename(m, at, layer, &e), "layer name \"lll", "must be 1 to 511");
	OK(keras_rename(m, at, layer + 1, &e));
	ck_assert_str_eq(m->layer[at].name, layer + 1);
	REFUSED(keras_rename(m, at, "x", &e), "layer name x", "there are two");
	ck_assert_int_eq(m->layer[at].values, 1);
	ck_assert_int_eq(m->layer[at].weights, 1);
	OK(keras_rename(m, at, "y", &e) && keras_set_output(m, at, &e));
	char *text = keras_json(m, KERAS_WRAP_H5, &e);
	keras_model *again = keras_from_json(text, strlen(text), &e);
	ck_assert_msg(again != NULL, "%s", e.text);
	ck_assert_str_eq(again->name, model);
	ck_assert_str_eq(again->layer[1].name, "y");
	keras_model_free(again);
	keras_model_free(m);
	free(text);
}
END_TEST

START_TEST(classes_in_snake_case_are_keras_own)
{
	static const char *const names[][2] = {
		{"Dense", "dense"}, {"Conv2D", "conv2d"}, {"Conv2DTranspose", "conv2d_transpose"},
		{"BatchNormalization", "batch_normalization"}, {"PReLU", "p_re_lu"}, {"ReLU", "re_lu"},
		{"sagan>SelfAttention2D", "self_attention2d"}, {"GlobalAveragePooling2D", "global_average_pooling2d"},
		{"DepthwiseConv2D", "depthwise_conv2d"}, {"MultiHeadAttention", "multi_head_attention"},
	};
	char out[2 * KERAS_NAME];
	for (int i = 0; i < COUNT(names); i++) {
		keras_snake(names[i][0], out);
		ck_assert_str_eq(out, names[i][1]);
	}
}
END_TEST

/* ---- lists of texts and zips ---- */

/* 97 names of 744 bytes: Keras splits them 49 and 48. */
START_TEST(long_lists_are_split_as_keras_splits_them)
{
	enum { N = 97, WIDTH = 744 };
	char *name[N];
	h5_names back;
	const char *p = scratch_at("a.h5");
	for (int i = 0; i < N; i++) {
		name[i] = malloc(WIDTH + 1);
		snprintf(name[i], WIDTH + 1, "%03d%0*d", i, WIDTH - 3 - i, 0);
	}
	h5 *f = h5_create(p, &e);
	OK(h5_attr_write_texts(f, "/", "long", N, (const char *const *)name, &e));
	OK(h5_attr_write_texts(f, "/", "short", 3, (const char *const *)name, &e));
	OK(h5_attr_write_texts(f, "/", "none", 0, NULL, &e));
	OK(h5_commit(f, &e));
	f = h5_open(p, &e);
	ck_assert(!h5_attr_exists(f, "/", "long") && h5_attr_exists(f, "/", "long1")
		&& !h5_attr_exists(f, "/", "long2"));
	OK(h5_attr_texts(f, "/", "long0", &back, &e));
	ck_assert_int_eq(back.n, 49);
	h5_names_free(&back);
	OK(h5_attr_texts(f, "/", "long", &back, &e));
	ck_assert_int_eq(back.n, N);
	for (int i = 0; i < N; i++)
		ck_assert_str_eq(back.name[i], name[i]);
	h5_names_free(&back);
	OK(h5_attr_texts(f, "/", "none", &back, &e));
	ck_assert_int_eq(back.n, 0);
	h5_names_free(&back);
	REFUSED(h5_attr_texts(f, "/", "nothing", &back, &e), "", "has no attribute");
	h5_close(f);
	for (int i = 0; i < N; i++)
		free(name[i]);
}
END_TEST

/* 126 names of 512 bytes are just not split; one of 64,513 bytes has no place. */
START_TEST(lists_are_split_beyond_64512_bytes)
{
	static char text[64514];
	const char *name[127];
	memset(text, 'a', 512);
	for (int i = 0; i < 127; i++)
		name[i] = text;
	h5 *f = h5_create(scratch_at("a.h5"), &e);
	OK(h5_attr_write_texts(f, "/", "full", 126, name, &e));
	OK(h5_attr_write_texts(f, "/", "more", 127, name, &e));
	ck_assert(h5_attr_exists(f, "/", "full") && !h5_attr_exists(f, "/", "full0"));
	ck_assert(!h5_attr_exists(f, "/", "more") && h5_attr_exists(f, "/", "more0"));
	memset(text, 'a', 64512);
	OK(h5_attr_write_texts(f, "/", "long", 1, name, &e));
	text[64512] = 'a';
	REFUSED(h5_attr_write_texts(f, "/", "longer", 1, name, &e), "", "64513 bytes; 64512");
	h5_close(f);
}
END_TEST

START_TEST(zips_that_lie_are_refused)
{
	char zeros[4096] = {0};
	archive_member two[] = {{"a", "text", 4}, {"b", zeros, sizeof zeros}};
	void *zip, *x;
	size_t size, n;
	OK(archive_pack("z", two, 2, &zip, &size, &e));
	OK(archive_extract("z", zip, size, "a", 4, &x, &n, &e));
	ck_assert(n == 4 && !memcmp(x, "text", 4));
	free(x);
	REFUSED(archive_extract("z", zip, size, "c", 10, &x, &n, &e), "", "z: no c");
	REFUSED(archive_extract("z", zip, size, "b", 4095, &x, &n, &e), "", "z: b has 4096 bytes; 4095");
	REFUSED(archive_extract("z", zip, size - 30, "b", 4096, &x, &n, &e), "", "z: ");
	char *at = zip;                              /* the first byte of the text behind its header and name */
	while (memcmp(at, "text", 4) != 0)
		at++;
	*at ^= 1;
	REFUSED(archive_extract("z", zip, size, "a", 4, &x, &n, &e), "", "damaged");
	free(zip);
	REFUSED(archive_extract("z", zeros, sizeof zeros, "a", 4, &x, &n, &e), "", "z: ");
	archive_member twice[] = {{"a", "1", 1}, {"b", "2", 1}};
	OK(archive_pack("z", twice, 2, &zip, &size, &e));
	for (char *c = zip; c < (char *)zip + size; c++)
		if (*c == 'b')
			*c = 'a';
	REFUSED(archive_extract("z", zip, size, "a", 4, &x, &n, &e), "", "z: ");
	free(zip);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{written_files_hold_what_the_examples_hold, 3},
		{an_archive_holds_the_json_and_the_weights_file, 3},
		{a_reference_holds_what_the_example_holds, 3},
		{equal_models_give_equal_bytes, 3},
		{a_full_disk_leaves_the_old_file, 3},
		{json_of_the_examples_comes_back_to_the_byte, 3},
		{every_version_gives_the_same_network, 3},
		{nested_models_become_flat, 1},
		{settings_become_what_the_header_says, 1},
		{texts_that_are_no_model_end_in_one_line, 1},
		{infinities_and_nan_of_python_are_read, 1},
		{large_whole_numbers_are_numbers, 1},
		{operations_that_are_not_known_are_called_by_name, 1},
		{objects_of_nulls_say_nothing, 1},
		{large_texts_end_at_the_limits, 1},
		{depths_of_models_inside_each_other_add_up, 1},
		{damaged_json_never_crashes, 1},
		{what_some_keras_would_not_load_is_not_written, 1},
		{names_are_kept_whole_or_refused, 1},
		{classes_in_snake_case_are_keras_own, 1},
		{long_lists_are_split_as_keras_splits_them, 1},
		{lists_are_split_beyond_64512_bytes, 1},
		{zips_that_lie_are_refused, 1},
	};
	return suite_run("keras files", tests, COUNT(tests), 60);
}
