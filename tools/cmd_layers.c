/* cmd_layers.c - sagan layers: the layers that a config can place, their arguments, and what one costs. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "layers/types/catalogue.h"
#include "tools/command.h"

/* ---- the list ---- */

static int print_list(void)
{
	printf("%-20s  %-60s  %-25s  %s\n", "layer", "what it is (N = H*W positions)", "multiply-adds", "source");
	for (int i = 0; i < layer_type_count(); i++) {
		const layer_type *t = layer_type_at(i);
		printf("%-20s  %-60s  %-25s  %s\n", t->name, t->what, t->cost, t->paper);
	}
	return EXIT_GOOD;
}

/* ---- one layer ---- */

/* "1 to 4096", "true or false", "relative, absolute" */
static char *print_range(const layer_arg *a, char *buf, size_t size)
{
	size_t n = 0;
	if (a->type == ARG_BOOL)
		snprintf(buf, size, "true or false");
	else if (a->type != ARG_WORD)
		snprintf(buf, size, a->lo == a->hi ? "%g" : "%g to %g", a->lo, a->hi);
	for (int i = 0; a->type == ARG_WORD && a->words[i] && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? ", " : "", a->words[i]);
	return buf;
}

static char *print_default(const layer_type *t, const layer_arg *a, char *buf, size_t size)
{
	const placed_layer l = {.spec = {.type = t}};
	const double x = layer_number(&l, a->name);
	if (t->own_skip && strcmp(a->name, "gamma") == 0)
		snprintf(buf, size, "the variant's own");
	else if (x == 0 && a->zero)
		snprintf(buf, size, "0: %s", a->zero);
	else if (a->type == ARG_WORD)
		snprintf(buf, size, "%s", a->words[(int)x]);
	else if (a->type == ARG_BOOL)
		snprintf(buf, size, "%s", x != 0 ? "true" : "false");
	else
		snprintf(buf, size, "%g", x);
	return buf;
}

static void print_lines(const char *title, const char *text)
{
	printf("\n%s\n", title);
	while (*text) {
		const size_t n = strcspn(text, "\n");
		printf("  %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void print_type(const layer_type *t)
{
	char range[256], value[64];
	printf("%s: %s (%s)\n  %s multiply-adds\n", t->name, t->what, t->paper, t->cost);
	if (t->own_skip)
		puts("  with a skip and a gamma of its own");
	print_lines("formula", t->formula);
	print_lines("weights", t->weights);
	puts("\narguments");
	for (int i = 0; i < layer_arg_count(t); i++) {
		const layer_arg *a = layer_arg_at(t, i);
		printf("  %-16s %s\n%18s %s; default %s\n", a->name, a->help, "", print_range(a, range, sizeof range),
		       print_default(t, a, value, sizeof value));
	}
	printf("\nin a config\n  layers_g: [{at: 16, type: %s}]\n", t->name);
}

/* ---- one layer on a map ---- */

/* "16x16x128" */
static bool read_map(const char *text, shape *map)
{
	const double most[] = {4096, 4096, 65536};
	for (int i = 0; i < COUNT(most); i++) {
		char number[8];
		const size_t n = strcspn(text, "x");
		snprintf(number, sizeof number, "%.*s", (int)MIN(n, sizeof number), text);
		if (!read_count(number, 1, most[i], &map->dim[1 + i]) || text[n] != (i < 2 ? 'x' : '\0'))
			return false;
		text += n + 1;
	}
	return true;
}

static void print_weight(void *ctx, const char *name, const shape *s, bool trained)
{
	char number[32];
	(void)ctx;
	printf("  %-44s %-20s %14s%s\n", name, shape_print(s).s, print_count(shape_count(s), number, sizeof number),
	       trained ? "" : "  state");
}

/* The number in "out=512", or as Keras' convolutions call it "filters=512": another width than the map's; NULL: another
 * argument. */
static const char *width_in(const char *set)
{
	static const char *const name[] = {"out=", "filters="};
	for (int i = 0; i < COUNT(name); i++)
		if (!strncmp(set, name[i], strlen(name[i])))
			return set + strlen(name[i]);
	return NULL;
}

static bool read_width(const char *set, int64_t *out, fault *e)
{
	return read_count(width_in(set), 0, 65536, out)
		|| fault_set(e, "command line: --set %.200s: must be a width from 0 to 65536", set);
}

/* The arguments of --set as a layer of a config, but for the width. */
static bool read_arguments(const layer_type *t, const text_list *sets, layer_args *out, int64_t *width, fault *e)
{
	char text[4096];
	layer_spec one;
	size_t n = (size_t)snprintf(text, sizeof text, "{at: 1, type: %s", t->name);
	for (int i = 0; i < sets->n && n < sizeof text; i++) {
		const char *equal = strchr(sets->text[i], '=');
		if (!equal || strpbrk(sets->text[i], ",:{}[]#&*!|>'\"\n"))      /* YAML's: more than a value */
			return fault_set(e, "command line: --set %.200s: must be KEY=VALUE, as heads=4", sets->text[i]);
		if (width_in(sets->text[i])) {
			if (!read_width(sets->text[i], width, e))
				return false;
			continue;
		}
		n += (size_t)snprintf(text + n, sizeof text - n, ", %.*s: %s", (int)(equal - sets->text[i]),
				      sets->text[i], equal + 1);
	}
	if (n + 2 > sizeof text)
		return fault_set(e, "command line: --set: too many arguments");
	strcpy(text + n, "}");
	if (!config_layer_parse(&one, text, e))
		return false;
	*out = one.args;
	return true;
}

static bool print_cost(const placed_layer *l, fault *e)
{
	layer_cost c;
	char number[32], bytes[32];
	if (!placed_layer_check(l, e))
		return false;
	const shape result = layer_result(l);
	printf("\non one map %s -> %s%s\n", shape_print(&l->input).s, shape_print(&result).s,
	       layer_stands_alone(l) ? ", the layer alone" : "");
	if (!layer_cost_of(l, &c, print_weight, NULL, e))
		return false;
	printf("  %-44s %-20s %14s\n", "parameters", "", print_count(c.params, number, sizeof number));
	if (!l->spec.type->own_skip && !layer_stands_alone(l) && layer_number(l, "residual") == LAYER_GAMMA)
		printf("  %-44s %-20s %14s\n", "without gamma", "", print_count(c.params - 1, number, sizeof number));
	printf("  forward: %.4g MFLOP, %s of arena\n", c.flop / 1e6, print_bytes((double)c.bytes, bytes, sizeof bytes));
	printf("  forward and backward: %.4g MFLOP, %s of arena\n", c.train_flop / 1e6,
	       print_bytes((double)c.train_bytes, bytes, sizeof bytes));
	return true;
}

static const layer_type *find_type(const char *name)
{
	const char *names[LAYER_TYPES_MAX];
	const int i = layer_type_find(name);
	if (i >= 0)
		return layer_type_at(i);
	layer_type_names(names);
	const char *near = text_closest(name, names, layer_type_count());
	fprintf(stderr, "sagan: %.60s: no such layer%s%s%s; `sagan layers` lists them\n", text_show(name).s,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	return NULL;
}

static int run(const command *c, int argc, char **argv)
{
	const char *name = NULL, *input = NULL;
	text_list sets = {0};
	bool sn = false;
	const option_row rows[] = {
		{"input", OPTION_TEXT, &input, 0, 0, "HxWxC", "what the layer costs on a map, as 16x16x128"},
		{"set", OPTION_TEXTS, &sets, 0, 0, "KEY=VALUE", "an argument; out: another width"},
		{"sn", OPTION_FLAG, &sn, 0, 0, NULL, "under spectral norm"},
	};
	const int status = options_parse(c, rows, COUNT(rows), argc, argv, &name, 0, 1);
	if (status >= 0)
		return status;
	if (!name)
		return input ? fail_usage(c, "name a layer for these options") : print_list();
	layer_spec spec = {.type = find_type(name)};
	int64_t width = 0;
	shape map = SHAPE(1, 1, 1, 1);
	fault e;
	if (!spec.type)
		return EXIT_INPUT;
	if (input && !read_map(input, &map))
		return fail_usage(c, "--input %s: must be HxWxC, as 16x16x128, sides to 4096", input);
	if (!read_arguments(spec.type, &sets, &spec.args, &width, &e))
		return fail_argument(&e);
	print_type(spec.type);
	if (!input)
		return EXIT_GOOD;
	if (!pool_start(0, &e))
		return fail(&e);
	placed_layer l = placed_layer_at("layer", &spec, map);
	l.sn.on = sn;
	l.out = width;
	const bool ok = print_cost(&l, &e);
	pool_stop();
	return ok ? EXIT_GOOD : fail(&e);
}

const command command_layers = {
	.name = "layers", .argument = "[LAYER]", .summary = "the layers that a config can place",
	.about = "Lists the layers for model.layers_g and model.layers_d; of one layer its\n"
		 "formula, weights and arguments with ranges and defaults, and on a map its\n"
		 "shapes, parameters, operations and bytes.",
	.examples = "examples:\n"
		    "  sagan layers\n"
		    "  sagan layers halo --input 16x16x128 --set heads=8\n"
		    "  sagan layers mhsa --input 14x16x256 --set key_dim=128 --set out=512",
	.rules = (const option_rule[]){
		{"set", "input", NULL}, {"sn", "input", NULL}, {0},
	},
	.run = run,
};
