/* cmd_import.c - sagan import: a file of Keras becomes a checkpoint of ours. */
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "gan/checkpoint/kept.h"
#include "gan/checkpoint/rundir.h"
#include "gan/config/config_apply.h"
#include "gan/train/trainer.h"
#include "gan/keras/import/import.h"
#include "tools/command.h"

typedef struct request {
	const char *file, *json, *config, *onto, *out, *net;
	enum net_side side;                          /* what net says */
	text_list sets;
} request;

static void print_mismatch(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "  %s\n", text_show(text).s);
}

/* bn_mode: the config's; c has what the checkpoint says. */
static void print_result(const request *q, int bn_mode, const config *c, const keras_imported *r)
{
	char values[32];
	FILE *to = told_beside(q->out);
	fprintf(to, "checkpoint %s\n", text_show(q->out).s);
	fprintf(to, "%s: %d layers, %d weights, %s numbers\n", text_show(q->file).s, r->layers, r->weights,
		print_count(r->values, values, sizeof values));
	if (r->same)
		fprintf(to, "exported again it gives the same numbers, to the last bit\n");
	else
		fprintf(to, "exported again it differs by at most %.1e of the largest weight, at %s\n", r->worst,
			r->worst_at);
	if (r->why[0])
		printf("what its layers compute was not compared: %s\n", text_show(r->why).s);
	if (!r->same && r->worst > 1e-4)
		fprintf(stderr, "sagan: warning: %s cannot be said under spectral norm, it is divided by its norm; "
			"model.spectral_norm_g or spectral_norm_d = false keeps it\n", r->worst_at);
	if (bn_mode != c->ema.bn_mode && q->side == NET_G)
		fprintf(to, "ema.bn_mode = %s in it, so that samples have the statistics of the file; `sagan train` "
			"goes on with %s\n", config_choice("ema.bn_mode", c->ema.bn_mode),
			config_choice("ema.bn_mode", bn_mode));
}

/* Only where the config leaves to the data what neither the file nor the checkpoint tells. */
static bool open_data(config *c, dataset **data, fault *e)
{
	fault why;
	if (c->model.channels && (c->model.classes || !c->model.conditional))
		return true;
	return config_open_data(c, data, &why) || fault_set(e, "%s; the file does not tell the channels of the image "
		"and the classes: where there are no data, give model.channels and model.classes by --set", why.text);
}

/* A checkpoint that is put into the folder of a run changes the run: only while nobody trains there. *folder becomes
 * NULL where the file goes elsewhere; else it is the caller's. */
static bool lock_run(const char *out, rundir **folder, fault *e)
{
	char lock[RUN_PATH_MAX];
	const char *slash = strrchr(out, '/'), *name = slash ? slash + 1 : out;
	const int n = slash == out ? 1 : slash ? (int)(slash - out) : 1;
	*folder = NULL;
	if (snprintf(lock, sizeof lock, "%.*s/lock", n, slash ? out : ".") >= (int)sizeof lock)
		return fault_set(e, "%.200s...: the path is too long", out);
	if (strncmp(name, "checkpoint-", 11) != 0 && file_type(lock) == FILE_MISSING)
		return true;
	lock[strlen(lock) - strlen("/lock")] = '\0';
	return (*folder = rundir_open(lock, e)) != NULL;
}

static bool import(const request *q, config *cfg, fault *e)
{
	dataset *data = NULL;
	trainer *t = NULL;
	keras_imported r;
	const keras_source from = {q->file, q->json};
	const enum net_side side = q->side;
	const int bn_mode = cfg->ema.bn_mode;
	rundir *folder = NULL;
	const bool ok = keras_import_config(cfg, side, &from, q->onto, e) && open_data(cfg, &data, e)
		&& (t = trainer_new(cfg, data, e)) && (!q->onto || trainer_load(t, q->onto, e))
		&& rundir_name_fits(q->out, trainer_steps_done(t), e)
		&& keras_import_file(trainer_config(t), side, trainer_module(t, side),
			side == NET_G ? trainer_ema(t) : NULL, &from, &r, print_mismatch, NULL, e)
		&& kept_spared(q->out, KEPT_CHECKPOINT, e) && file_make_parents(q->out, e)
		&& lock_run(q->out, &folder, e) && trainer_save(t, q->out, e);
	rundir_close(folder);
	if (ok)
		print_result(q, bn_mode, cfg, &r);
	trainer_free(t);
	dataset_free(data);
	return ok;
}

static int run(const command *c, int argc, char **argv)
{
	request q = {.net = "generator"};
	int threads = 0;
	const option_row rows[] = {
		{"config", OPTION_PATH, &q.config, 0, 0, "CONFIG.yaml", "the network that the weights belong to"},
		{"set", OPTION_TEXTS, &q.sets, 0, 0, "KEY=VALUE", "a key of the config; may be given often"},
		{"net", OPTION_TEXT, &q.net, 0, 0, "NET", "generator (default) or discriminator"},
		{"model", OPTION_PATH, &q.json, 0, 0, "FILE.json", "the network's JSON, of weights that have none"},
		{"onto", OPTION_PATH, &q.onto, 0, 0, "CHECKPOINT", "change this one instead of a new start"},
		{"out", OPTION_PATH, &q.out, 0, 0, "CHECKPOINT", "the file to write"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &q.file, 1, 1);
	if (status >= 0)
		return status;
	if (!q.config || !q.out)
		return fail_usage(c, "--%s is missing", q.config ? "out" : "config");
	if (file_same(q.file, q.out))
		return fail_usage(c, "--out %s: is the file that is read", q.out);
	q.side = strcmp(q.net, net_side_name(NET_G)) == 0 ? NET_G : NET_D;
	if (strcmp(q.net, net_side_name(q.side)) != 0)
		return fail_usage(c, "--net %s: must be generator or discriminator", q.net);
	config cfg;
	fault e;
	status = read_config(&cfg, q.config, &q.sets);
	if (status == EXIT_GOOD && (!pool_start(threads, &e) || !import(&q, &cfg, &e)))
		status = fail(&e);
	pool_stop();
	config_free(&cfg);
	return status;
}

const command command_import = {
	.name = "import", .argument = "FILE", .summary = "a checkpoint from a file of Keras",
	.about = "Puts the weights of a Keras file (.keras, .weights.h5, .h5; of Keras 2 or 3)\n"
		 "into the network of a config and writes a checkpoint, from which `sagan train`\n"
		 "goes on and `sagan sample` draws. Layers are matched by name, else by position,\n"
		 "and by shape; what does not match is listed, and nothing is written.",
	.examples = "examples:\n"
		    "  sagan import generator.keras --config run.yaml \\\n"
		    "        --out new/checkpoint-00000000.h5\n"
		    "  sagan import discriminator.h5 --net discriminator --config run.yaml \\\n"
		    "        --onto new/checkpoint-00000000.h5 --out new/checkpoint-00000000.h5\n"
		    "  sagan train run.yaml --out new",
	.run = run,
};
