/* cmd_info.c - sagan info: what a config or a checkpoint is, in layers, parameters, bytes; and the
 * table of keys. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/confine.h"
#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/seal.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "core/base/version.h"
#include "core/kernels/fingerprint.h"
#include "data/class_names.h"
#include "gan/checkpoint/saved.h"
#include "gan/config/config_apply.h"
#include "gan/sample/network_sampler.h"
#include "gan/train/trainer.h"
#include "tools/command.h"
#include "tools/step_time.h"

enum { ROWS_MAX = 512 };

/* ---- keys ---- */

/* A value in a column: without the quotes of a text, "-" for an empty one; the network's own by network. */
static const char *shown_default(int i, enum config_purpose p, char *buf, size_t size)
{
	const char *initial = config_key_initial(i, p);
	return !initial ? config_key_own(i, buf, size) : strcmp(initial, "\"\"") == 0 ? "-" : initial;
}

static void print_key(int i, enum config_purpose p, bool markdown)
{
	const config_key *k = config_key_at(i);
	char range[512], own[512];
	const char *value = shown_default(i, p, own, sizeof own), *whose = k->initial ? "" : "the network's own: ";
	config_key_range(k, range, sizeof range);
	if (markdown)
		printf("| `%s` | %s | %s%s | %s | %s |\n", k->name, range, whose, value, k->on_resume ? "yes" : "no",
			k->help);
	else
		printf("%-24s %s\n%24s %s; default %s%s%s\n", k->name, k->help, "", range, whose, value,
		       k->on_resume ? "" : "; fixed for a run");
}

/* Those of classifiers, or all. */
static bool is_listed(int i, const char *prefix, enum config_purpose p)
{
	return strncmp(config_key_at(i)->name, prefix, strlen(prefix)) == 0
		&& (p == CONFIG_GAN || config_key_used(i, p));
}

static int print_keys(const char *prefix, enum config_purpose p, bool markdown)
{
	int found = 0;
	for (int i = 0; i < config_key_count(); i++)
		found += is_listed(i, prefix, p);
	if (found && markdown)
		puts("| key | values | default | may change on resume | meaning |\n| --- | --- | --- | --- | --- |");
	for (int i = 0; i < config_key_count(); i++)
		if (is_listed(i, prefix, p))
			print_key(i, config_key_used(i, p) ? p : CONFIG_CLASSIFIER, markdown);
	if (found)
		return EXIT_GOOD;
	fprintf(stderr, "sagan: %s: no key begins so; `sagan info --keys` lists all\n", text_show(prefix).s);
	return EXIT_INPUT;
}

/* ---- networks ---- */

static void print_rows(const char *title, const layer_row *row, int n)
{
	int64_t params = 0;
	double mac = 0;
	char number[32];
	printf("%s\n", title);
	for (int i = 0; i < n; i++) {
		const shape_text s = shape_print(&row[i].out);
		printf("  %-28s %-18s %14s %10.2f\n", row[i].path, s.s,
		       print_count(row[i].params, number, sizeof number), row[i].mac / 1e6);
		params += row[i].params;
		mac += row[i].mac;
	}
	printf("  %-28s %-18s %14s %10.2f\n\n", "total", "", print_count(params, number, sizeof number), mac / 1e6);
}

static bool print_network(const net_config *c, enum net_side side, rng *r, fault *e)
{
	layer_row *row = mem_new(ROWS_MAX, sizeof *row, e);
	network *n = row ? network_new(c, side, r, e) : NULL;
	const int rows = n ? network_layers(n, row, ROWS_MAX, e) : -1;
	if (rows >= 0)
		print_rows(net_side_name(side), row, MIN(rows, ROWS_MAX));
	network_free(n);
	free(row);
	return rows >= 0;
}

static bool print_networks(const config *c, fault *e)
{
	net_config n;
	rng r = rng_new((uint64_t)c->seed, "init");
	printf("%-30s %-18s %14s %10s\n", "layer", "output", "parameters", "MMAC/image");
	return config_network(c, &n, e) && print_network(&n, NET_G, &r, e) && print_network(&n, NET_D, &r, e);
}

/* Each number of processes that can share the slices. */
static void print_shares(const config *c, const trainer *t)
{
	fault e;
	double memory, sent;
	char a[32], b[32];
	if (c->train.slices == 1)
		return;
	printf("%10s %18s %28s\n", "processes", "memory of each", "sent by each, a step");
	for (int n = 1; n <= c->train.slices; n *= 2)
		if (trainer_share_cost(t, n, &memory, &sent, &e))
			printf("%10d %18s %28s\n", n, print_bytes(memory, a, sizeof a), print_bytes(sent, b, sizeof b));
}

/* What a step costs; a network too large for this machine still has its layers printed. */
static void print_step(const config *c)
{
	fault e;
	char bytes[32];
	trainer *t = trainer_new(c, NULL, &e);
	if (!t) {
		printf("a training step cannot be planned here: %s\n", e.text);
		return;
	}
	printf("a step (%d D, 1 G, batch %d): %.4g GFLOP in the plain formulation, %s of arena\n", c->optim.d_steps,
	       c->batch, trainer_step_flop(t) * 1e-9, print_bytes((double)trainer_arena_bytes(t), bytes, sizeof bytes));
	print_shares(c, t);
	trainer_free(t);
}

/* Keys that are not at their defaults, which are those of the network. */
static void print_settings(const config *c)
{
	config plain;
	int at[CONFIG_KEYS_MAX];
	char value[CONFIG_VALUE_MAX], why[400];
	config_plain(c, &plain);
	printf("network %s, images of %dx%d\n\n", config_choice("model.network", c->model.network), c->net.size.h,
	       c->net.size.w);
	const int n = config_diff(&plain, c, at);
	puts("settings that differ from the defaults and the network's own");
	for (int i = 0; i < n; i++) {
		const bool idle = config_idle(c, at[i], why, sizeof why);
		printf("  %-24s %s%s%s\n", config_key_at(at[i])->name, config_value(c, at[i], value, sizeof value),
		       idle ? ": " : "", idle ? why : "");
	}
	puts("");
	config_free(&plain);
}

/* ---- plans ---- */

/* Where each update of D has a penalty, the plan of such an update is D's. */
static const plan *find_plan(const trainer *t, const char *which, fault *e)
{
	fault why;
	const plan *p = trainer_plan(t, which, &why);
	if (!p && strcmp(which, "d") == 0)
		p = trainer_plan(t, "d_penalty", &why);
	if (!p)
		fault_set(e, "%.900s; sample is that of drawing", why.text);
	return p;
}

/* What a training step ("d", "d_penalty", "g") or drawing images ("sample") does, line by line. */
static bool print_plan(const config *c, const char *which, fault *e)
{
	const bool sample = strcmp(which, "sample") == 0;
	sampler *s = sample ? network_sampler_new(c, SAMPLER_BATCH, e) : NULL;
	trainer *t = sample ? NULL : trainer_new(c, NULL, e);
	const plan *p = s ? sampler_plan(s) : t ? find_plan(t, which, e) : NULL;
	char *text = p ? plan_print(p, e) : NULL;
	if (text)
		fputs(text, stdout);
	free(text);
	sampler_free(s);
	trainer_free(t);
	return text != NULL;
}

/* ---- all of a config ---- */

/* What is asked for in place of everything. */
typedef struct wanted {
	const char *plan;
	bool time;
} wanted;

/* done: steps of the run, of a checkpoint. */
static bool print_config(const config *c, const wanted *w, int64_t done, fault *e)
{
	if (w->time)
		return print_step_time(c, done, e);
	if (w->plan)
		return print_plan(c, w->plan, e);
	print_settings(c);
	if (!print_networks(c, e))
		return false;
	print_step(c);
	return true;
}

/* ---- checkpoints ---- */

/* HDF5 files begin with these eight bytes; what is called .h5 is meant to. */
static bool is_checkpoint(const char *path)
{
	static const char magic[8] = "\211HDF\r\n\032\n";
	char head[8];
	struct stat s;
	if ((stat(path, &s) == 0 && S_ISDIR(s.st_mode)) || name_ends(path, ".h5"))
		return true;
	FILE *f = file_open_read(path, NULL);
	const bool is = f && fread(head, 1, sizeof head, f) == sizeof head && memcmp(head, magic, sizeof magic) == 0;
	if (f)
		fclose(f);
	return is;
}

/* Of a run's folder, its best checkpoint. */
static void print_best(const char *run)
{
	char path[RUN_PATH_MAX];
	fault why = {.text = ""};
	checkpoint *best = NULL;
	if (!rundir_best(run, path, sizeof path, NULL)
		|| checkpoint_examine(path, &best, &why) == CHECKPOINT_ABSENT)
		return;
	if (!best)
		printf("  best: %s\n", why.text);
	else if (checkpoint_about(best)->has_score)
		printf("  best: score %.4g at step %lld, %s\n", checkpoint_about(best)->score,
			(long long)checkpoint_about(best)->step, text_show(path).s);
	checkpoint_close(best);
}

/* Older checkpoints do not say it. */
static void print_origin(const checkpoint_info *info)
{
	char differs[FINGERPRINT_TEXT];
	bool certain;
	if (info->fingerprint[0])
		printf("  computed with %s\n", info->fingerprint);
	if (fingerprint_differs(info->fingerprint, differs, &certain))
		printf("  other than here: %s\n", differs);
	if (info->data[0])
		printf("  trained on %s\n", info->data);
	if (info->began_from[0])
		printf("  began with %s\n", info->began_from);
	if (info->frozen)
		printf("  the first %lld blocks of D do not learn\n", (long long)info->frozen);
}

static void print_class_names(const char *names)
{
	char text[4096];
	if (*names)
		printf("  %d classes: %s\n", class_names_count(names), class_names_print(names, text, sizeof text));
}

static bool print_checkpoint(const char *given, const wanted *w, fault *e)
{
	fault warning = {.text = ""};
	config cfg;
	checkpoint *c = rundir_newest(given, &warning, e);
	if (!c)
		return false;
	const checkpoint_info *info = checkpoint_about(c);
	if (warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", warning.text);
	printf("%s\n  step %lld, written by %s in %s\n", text_show(info->path).s, (long long)info->step, info->program,
		info->precision);
	if (info->has_score)
		printf("  score %.4g: %s\n", info->score, info->score_about);
	print_best(given);
	print_origin(info);
	print_class_names(info->class_names ? info->class_names : "");
	printf("  complete: its checksum %s is right%s; the arrays alone give %s\n\n", info->checksum,
		info->checksum_of[0] ? "" : " (of an older version: arrays, step and config only)", info->arrays);
	bool ok = saved_config(info, &cfg, e);
	if (ok) {
		ok = config_check(&cfg, e) && print_config(&cfg, w, info->step, e);
		config_free(&cfg);
	}
	checkpoint_close(c);
	return ok;
}

/* ---- this program on this machine ---- */

static bool send_sealed(void *ctx, confine_out *out, fault *e)
{
	const char sealed = confine_sealed();
	(void)ctx, (void)e;
	return confine_put(out, &sealed, 1);
}

/* What decides bits, and whether readers of files are sealed: tried, not believed. */
static int print_build(void)
{
	fingerprint_row r;
	fault e;
	char sealed = 0, maker[64];
	printf("sagan %s\n", SAGAN_VERSION);
	for (int i = 0; fingerprint_at(i, &r); i++)
		printf("  %-14s %-20s %s\n", r.name, r.value, r.meaning);
	confine *c = confine_start("a reader", send_sealed, NULL, &(confine_limits){0}, &e);
	const bool told = c && confine_take(c, &sealed, 1);
	if (!confine_end(c, &e) || !told)
		return fail(&e);
	printf("  %-14s %s%s\n", "readers", sealed ? "sealed by seccomp, "
		: "not sealed: they can do what the user can",
		sealed ? seal_maker(maker, sizeof maker) : "");
	return EXIT_GOOD;
}

static int run(const command *c, int argc, char **argv)
{
	const char *path = NULL;
	wanted w = {0};
	text_list sets = {0};
	bool keys = false, classify = false, markdown = false, build = false;
	const option_row rows[] = {
		{"set", OPTION_TEXTS, &sets, 0, 0, "KEY=VALUE", "another value for a key of the config"},
		{"plan", OPTION_TEXT, &w.plan, 0, 0, "PLAN", "what runs and where: d, d_penalty, g or sample"},
		{"time", OPTION_FLAG, &w.time, 0, 0, NULL, "hours and memory on this machine; times a few steps"},
		{"keys", OPTION_FLAG, &keys, 0, 0, NULL, "list the keys of a config (that begin with ...)"},
		{"classify", OPTION_FLAG, &classify, 0, 0, NULL, "those of `sagan classify`"},
		{"markdown", OPTION_FLAG, &markdown, 0, 0, NULL, "as a table for a web page"},
		{"build", OPTION_FLAG, &build, 0, 0, NULL, "what decides bits here, how files are read"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &path, 0, 1);
	if (status >= 0)
		return status;
	if (keys)
		return print_keys(path ? path : "", classify ? CONFIG_CLASSIFIER : CONFIG_GAN, markdown);
	if (build)
		return path ? fail_usage(c, "--build goes without %s", path) : print_build();
	if (!path)
		return fail_usage(c, "an argument is missing");
	config cfg;
	fault e;
	if (!pool_start(0, &e))
		return fail(&e);
	if (is_checkpoint(path) && sets.n) {
		status = fail_usage(c, "--set changes a config; %s holds its own", path);
	} else if (is_checkpoint(path)) {
		status = print_checkpoint(path, &w, &e) ? EXIT_GOOD : fail(&e);
	} else {
		status = read_config(&cfg, path, &sets);
		if (status == EXIT_GOOD && !print_config(&cfg, &w, 0, &e))
			status = fail(&e);
		config_free(&cfg);
	}
	pool_stop();
	return status;
}

const command command_info = {
	.name = "info", .argument = "CONFIG-or-CHECKPOINT", .summary = "layers, parameters, memory, operations",
	.about = "Prints what a config (or the one of a checkpoint or run) describes: every layer\n"
		 "with its output, parameters and multiply-adds, and what a training step costs.\n"
		 "With --time: how long the training takes here, which a few steps tell.\n"
		 "With --keys: every key of a config with its meaning, values and default.",
	.examples = "examples:\n"
		    "  sagan info configs/mnist-sagan.yaml\n"
		    "  sagan info configs/mnist-sagan.yaml --plan g\n"
		    "  sagan info configs/mnist-sagan.yaml --time\n"
		    "  sagan info --keys optim",
	.rules = (const option_rule[]){
		{"set", NULL, "keys"}, {"plan", NULL, "keys time"}, {"time", NULL, "keys"},
		{"classify", "keys", NULL}, {"markdown", "keys", NULL}, {"build", NULL, "keys set plan time"}, {0},
	},
	.run = run,
};
