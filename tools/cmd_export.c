/* cmd_export.c - sagan export: Keras files of a checkpoint, and the lines that load them. */
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/keras/export.h"
#include "gan/web/web.h"
#include "tools/command.h"

static bool choose_nets(const char *word, export_request *q, fault *e)
{
	const bool both = !strcmp(word, "both");
	q->generator = both || !strcmp(word, "generator");
	q->discriminator = both || !strcmp(word, "discriminator");
	return q->generator || q->discriminator ? true
		: fault_set(e, "--net %s: must be generator, discriminator or both", word);
}

static void print_files(const char *dir, const export_net *n, bool onnx)
{
	printf("%s: ", n->name);
	if (!n->refused.text[0])
		printf("%d layers, %lld weights; evaluated again it differs by at most %.1e\n", n->layers,
			(long long)n->weights, n->difference);
	else
		printf("the second form only: %.*s\n", (int)strcspn(n->refused.text, ";"), n->refused.text);
	if (n->refused.text[0] && onnx)
		printf("  %s.onnx is made of single operations; evaluated here it differs by at most %.1e\n", n->name,
			n->difference);
	printf("  %s/%s", text_show(dir).s, n->name);        /* then the endings alone: one line */
	for (int i = 0; i < n->files; i++)
		printf("%s%s", i ? " " : "", n->file[i] + strlen(n->name));
	printf("\n");
	if (n->closed[0])
		printf("  the gate of %s is 0: the reference says nothing about what is behind it\n", n->closed);
}

/* ---- the lines of Python that load the files and compare them with the reference ---- */

/* A path in Python: "keras/generator.h5", or with f before it where `name` is a variable. */
static void print_path(const export_report *r, const char *dir, const char *ending)
{
	char text[6 * RUN_PATH_MAX + 11];
	const bool both = r->nets > 1;
	printf("%s\"%s/%s%s\"", both ? "f" : "", text_python(dir, both, text, sizeof text),
		both ? "{name}" : r->net[0].name, ending);
}

/* `call`(path), and the difference of what comes of it. */
static void print_check(const export_report *r, const char *dir, const char *indent, const char *call,
			const char *ending, const char *result)
{
	printf("%s%s(", indent, call);
	print_path(r, dir, ending);
	printf(")\n%sprint(abs(%s.reshape(y.shape) - y).max())      # below 1e-4\n", indent, result);
}

static void print_python(const char *dir, const export_report *r, bool layers, bool onnx)
{
	char text[6 * RUN_PATH_MAX + 11];
	bool stock = true;
	for (int i = 0; i < r->nets; i++)
		stock = stock && !r->net[i].refused.text[0];
	const char *indent = r->nets > 1 ? "      " : "  ";
	printf("\n  import h5py, keras%s\n", onnx ? ", onnxruntime" : "");
	if (layers)
		printf("  import sys; sys.path.append(\"%s\"); import sagan_layers   # for _layers.keras\n",
			text_python(dir, false, text, sizeof text));
	if (r->nets > 1)
		printf("  for name in \"%s\", \"%s\":\n", r->net[0].name, r->net[1].name);
	printf("%sr = h5py.File(", indent);
	print_path(r, dir, ".reference.h5");
	printf(")\n%sx = {k: v[()] for k, v in r[\"inputs\"].items()}\n", indent);
	if (r->nets > 1)
		printf("%sy = list(r[\"outputs\"].values())[0][()]\n", indent);
	else
		printf("%sy = r[\"outputs/%s\"][()]\n", indent, r->net[0].output);
	print_check(r, dir, indent, "m = keras.models.load_model", stock ? ".keras" : "_layers.keras", "m.predict(x)");
	if (onnx)
		print_check(r, dir, indent, "s = onnxruntime.InferenceSession", ".onnx", "s.run(None, x)[0]");
	if (stock && r->net[r->nets - 1].map[0])
		printf("  a = keras.Model(m.inputs, m.get_layer(\"%s\").output)      # the attention map\n",
			r->net[r->nets - 1].map);
}

/* ---- the page ---- */

static int export_page(const char *from, const char *file, bool raw, bool exact)
{
	const web_request q = {.from = from, .out = file[0] ? file : NULL, .raw = raw, .exact = exact};
	web_report r;
	fault e;
	if (!page_may_be(file, &e) || !web_export(&q, &r, &e))
		return fail(&e);
	if (r.warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", r.warning.text);
	FILE *to = told_beside(file);
	fprintf(to, "step %lld of %s\n", (long long)r.step, text_show(r.path).s);
	fprintf(to, "%s: %.2f MB; %lld weights as float%d; its images differ by at most %.1e of a range of 2\n",
		text_show(r.file).s, (double)r.bytes / 1e6, (long long)r.weights, 8 * r.width, r.error);
	fprintf(to, "  open it in any browser: it needs no network and no other file\n");
	return EXIT_GOOD;
}

static int run(const command *c, int argc, char **argv)
{
	const char *net = "generator", *html = NULL;
	bool exact = false;
	export_request q = {.out = "exported"};
	int threads = 0;
	const option_row rows[] = {
		{"out", OPTION_PATH, &q.out, 0, 0, "DIR", "folder, made when missing (default exported)"},
		{"net", OPTION_TEXT, &net, 0, 0, "NET", "generator (default), discriminator or both"},
		{"raw", OPTION_FLAG, &q.raw, 0, 0, NULL, "the generator itself, not its moving average"},
		{"layers", OPTION_FLAG, &q.layers, 0, 0, NULL, "also NAME_layers: gates, tables, norms as layers"},
		{"onnx", OPTION_FLAG, &q.onnx, 0, 0, NULL, "also NAME.onnx, for ONNX Runtime and others (opset 17)"},
		{"html", OPTION_PATH, &html, 0, 0, "[FILE.html]", "only a page with the generator in it"},
		{"float32", OPTION_FLAG, &exact, 0, 0, NULL, "no float16, whatever the error of it is"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &q.from, 1, 1);
	if (status >= 0)
		return status;
	fault e;
	export_report r;
	if (!choose_nets(net, &q, &e))
		return fail_usage(c, "%s", e.text);
	if (!pool_start(threads, &e))
		return fail(&e);
	status = html ? export_page(q.from, html, q.raw, exact) : keras_export(&q, &r, &e) ? EXIT_GOOD : fail(&e);
	pool_stop();
	if (status != EXIT_GOOD || html)
		return status;
	if (r.warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", r.warning.text);
	printf("step %lld of %s\n", (long long)r.step, text_show(r.path).s);
	for (int i = 0; i < r.nets; i++)
		print_files(q.out, &r.net[i], q.onnx);
	print_python(q.out, &r, q.layers, q.onnx);
	return EXIT_GOOD;
}

const command command_export = {
	.name = "export", .argument = "RUN-or-CHECKPOINT", .summary = "files that Keras 2 and 3 load",
	.about = "Writes the moving average of the generator as .h5, .keras and .weights.h5 of\n"
		 "stock Keras layers, which need nothing of this program, and .reference.h5 with\n"
		 "eight samples; prints the lines of Python that load them and compare. --layers\n"
		 "adds a second form that keeps gates, tables of classes and spectral norms as\n"
		 "layers of sagan_layers.py, written beside it, to go on training with. --onnx\n"
		 "adds NAME.onnx, in which any layer can be said. --html writes one page instead\n"
		 "that draws, morphs and shows attention in any browser, without a network.",
	.examples = "examples:\n"
		    "  sagan export runs/demo --out exported\n"
		    "  sagan export runs/mnist-sagan --net both --layers\n"
		    "  sagan export runs/demo --html demo.html",
	.rules = (const option_rule[]){
		{"html", NULL, "out net layers onnx"}, {"float32", "html", NULL}, {0},
	},
	.run = run,
};
