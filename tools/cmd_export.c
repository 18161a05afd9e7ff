/* cmd_export.c - sagan export: Keras files of a checkpoint, and the lines that load them. */
#include <stdio.h>
#include <string.h>

#include "core/thread.h"
#include "keras/export.h"
#include "tools/command.h"

static bool choose_nets(const char *word, export_request *q, error *e)
{
	const bool both = !strcmp(word, "both");
	q->generator = both || !strcmp(word, "generator");
	q->discriminator = both || !strcmp(word, "discriminator");
	return q->generator || q->discriminator ? true
		: error_set(e, "--net %s: must be generator, discriminator or both", word);
}

static void print_files(const char *dir, const export_net *n)
{
	printf("%s: ", n->name);
	if (!n->refused.text[0])
		printf("%d layers, %lld weights; evaluated again it differs by at most %.1e\n", n->layers,
			(long long)n->weights, n->difference);
	else
		printf("the second form only: %s\n", n->refused.text);
	for (int i = 0; i < n->files; i++)
		printf("  %s/%s\n", dir, n->file[i]);
	if (n->closed[0])
		printf("  the gate of %s is 0: the reference says nothing about what is behind it\n", n->closed);
}

/* What a user of the files types. `import sagan_layers` stands before what needs it. */
static void print_python(const char *dir, const export_net *n, bool layers)
{
	const bool stock = !n->refused.text[0];
	const char letter = n->name[0];
	printf("\n  import h5py, keras%s\n", layers ? ", sys" : "");
	if (!stock)
		printf("  sys.path.append(\"%s\"); import sagan_layers\n", dir);
	printf("  %c = keras.models.load_model(\"%s/%s%s.keras\")\n", letter, dir, n->name, stock ? "" : "_layers");
	printf("  r = h5py.File(\"%s/%s.reference.h5\")\n", dir, n->name);
	printf(n->has_labels ? "  x = %c.predict([r[\"inputs/%s\"][()], r[\"inputs/y\"][()]])\n"
			     : "  x = %c.predict(r[\"inputs/%s\"][()])\n", letter, n->input);
	printf("  print(abs(x - r[\"outputs/%s\"][()].reshape(x.shape)).max())   # below 1e-4\n", n->output);
	if (n->map[0])
		printf("  a = keras.Model(%c.inputs, %c.get_layer(\"%s\").output)   # the attention map\n", letter, letter,
			n->map);
	if (layers && stock)
		printf("  sys.path.append(\"%s\"); import sagan_layers   # before load_model(\"%s/%s_layers.keras\")\n", dir,
			dir, n->name);
}

/* The same check without Keras. */
static void print_onnx(const char *dir, const export_net *n)
{
	printf("\n  import h5py, onnxruntime\n");
	printf("  s = onnxruntime.InferenceSession(\"%s/%s.onnx\"); r = h5py.File(\"%s/%s.reference.h5\")\n", dir, n->name,
		dir, n->name);
	printf("  x = s.run(None, {i.name: r[\"inputs/\" + i.name][()] for i in s.get_inputs()})[0]\n");
	printf("  print(abs(x - r[\"outputs/%s\"][()]).max())   # below 1e-4\n", n->output);
}

static int run(const command *c, int argc, char **argv)
{
	const char *net = "generator";
	export_request q = {.out = "keras"};
	int threads = 0;
	const option_row rows[] = {
		{"out", OPTION_TEXT, &q.out, 0, 0, "DIR", "folder of the files (default keras)"},
		{"net", OPTION_TEXT, &net, 0, 0, "NET", "generator (default), discriminator or both"},
		{"raw", OPTION_FLAG, &q.raw, 0, 0, NULL, "the generator itself, not its moving average"},
		{"layers", OPTION_FLAG, &q.layers, 0, 0, NULL, "gates, tables and norms as layers, too"},
		{"onnx", OPTION_FLAG, &q.onnx, 0, 0, NULL, "the same as .onnx, too (opset 17)"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &q.from, 1, 1);
	if (status >= 0)
		return status;
	error e;
	export_report r;
	if (!choose_nets(net, &q, &e))
		return fail_usage(c, "%s", e.text);
	status = pool_start(threads, &e) && keras_export(&q, &r, &e) ? EXIT_GOOD : fail(&e);
	pool_stop();
	if (status != EXIT_GOOD)
		return status;
	if (r.warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", r.warning.text);
	printf("step %lld of %s\n", (long long)r.step, r.path);
	for (int i = 0; i < r.nets; i++)
		print_files(q.out, &r.net[i]);
	for (int i = 0; i < r.nets; i++)
		print_python(q.out, &r.net[i], q.layers);
	for (int i = 0; q.onnx && i < r.nets; i++)
		if (!r.net[i].refused.text[0])
			print_onnx(q.out, &r.net[i]);
	return EXIT_GOOD;
}

const command command_export = {
	.name = "export", .argument = "RUN-or-CHECKPOINT", .summary = "files that Keras 2 and 3 load",
	.about = "Writes the moving average of the generator as .h5, .keras and .weights.h5 of\n"
		 "stock Keras layers, which need nothing of this program, and eight samples to\n"
		 "check them by. --layers adds a second form that keeps gates, tables of classes\n"
		 "and spectral norms as layers of sagan_layers.py, to go on training with.",
	.examples = "examples:\n"
		    "  sagan export runs/demo --out keras\n"
		    "  sagan export runs/mnist-sagan --net both --layers",
	.run = run,
};
