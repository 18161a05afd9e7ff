/* cmd_train.c - sagan train: a run, and how it goes on. */
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "core/peers/peers.h"
#include "gan/checkpoint/saved.h"
#include "gan/config/config_apply.h"
#include "gan/train/peers_fit.h"
#include "gan/train/run.h"
#include "tools/command.h"
#include "tools/screen.h"
#include "tools/stop.h"

/* No system opens a longer path: one that is cut would be another folder. */
enum { PATH_ROOM = 4096 };

typedef struct request {
	const char *path, *out, *begin_from;
	text_list sets;
	int threads, freeze_d;                       /* freeze_d -1: not given */
	int64_t steps, log_every, record;
	double max_seconds;
	bool fresh, quiet, new_data;
} request;

static const char *why_stopped(enum run_end end)
{
	if (end == RUN_TIME)
		return "by --max-time";
	return stop_asked == SIGPIPE ? "because nobody reads the output" : "by a signal";
}

/* The folder of a run holds its config, with every --set; an end given by --steps is not part of it. */
static void how_to_go_on(const request *q, const config *cfg, enum run_end end, int64_t step, const char *out)
{
	char word[4 * PATH_ROOM + 6], program[4 * PATH_ROOM + 6], steps[32] = "";
	FILE *to = stop_asked == SIGPIPE ? stderr : stdout;
	text_shell(out, word, sizeof word);
	text_shell(program_name, program, sizeof program);
	if (q->steps > 0 && q->steps != cfg->steps)
		snprintf(steps, sizeof steps, " --steps %lld", (long long)q->steps);
	if (end == RUN_FINISHED)
		fprintf(to, "done: %lld steps in %s; `%s sample %s` makes pictures\n", (long long)step,
			text_show(out).s, program, word);
	else
		fprintf(to, "stopped %s after step %lld; go on with: %s train %s%s\n", why_stopped(end),
			(long long)step, program, word, steps);
}

/* What to do about it: fetch them, or say where they are now. Returns false. */
static bool no_data(const request *q, const config *cfg, fault *e)
{
	const bool moved = file_type(q->path) == FILE_FOLDER && file_type(cfg->data.path) == FILE_MISSING;
	offer_data(cfg->data.path, e);
	const fault why = *e;
	return moved ? fault_set(e, "%.900s; --set data.path=PATH says where they are now", why.text) : false;
}

/* Who takes part: hosts in the order of ranks, and what makes them slow. */
static void tell_processes(screen *s)
{
	char line[1024];
	const int count = peers_count(), threads = peers_most(pool_threads());
	const int crowd = peers_most(pool_threads() * peers_beside() - pool_processors());
	if (count == 1)
		return;
	int n = snprintf(line, sizeof line, "%d processes, %d thread%s each:", count, threads, threads > 1 ? "s" : "");
	for (int i = 0, last; i < count && n < (int)sizeof line; i = last) {
		for (last = i; last < count && strcmp(peers_host(last), peers_host(i)) == 0; last++)
			continue;
		n += snprintf(line + n, sizeof line - (size_t)n, "%s %d on %s", i ? "," : "", last - i, peers_host(i));
	}
	screen_note(s, NOTE_INFO, line);
	if (crowd > 0)
		screen_note(s, NOTE_WARNING, "more threads than processors on a machine: they wait for each other; "
			"fewer processes, or train.threads = 1");
	else if (threads == 1 && pool_processors() == 1 && count <= 2)
		screen_note(s, NOTE_INFO, "each process may use one core only, as mpirun has it for two or fewer; "
			"`mpirun --bind-to none` gives them all");
}

/* A config may have room for classes that come later, or of imported weights; who only mistyped must hear of it. */
static void tell_classes(screen *s, const config *cfg, const dataset *data)
{
	char line[128];
	const int lack = data && cfg->model.conditional ? cfg->model.classes - data->classes : 0;
	if (lack <= 0)
		return;
	snprintf(line, sizeof line, "model.classes = %d: %d of %d classes have no image, so they learn nothing",
		cfg->model.classes, lack, cfg->model.classes);
	screen_note(s, NOTE_WARNING, line);
}

static void tell_idle(void *ctx, const char *line)
{
	screen_note(ctx, NOTE_INFO, line);
}

static bool train(const request *q, config *cfg, const char *out, enum run_end *end, fault *e)
{
	screen s = screen_new(q->quiet || peers_rank() > 0);
	dataset *data = NULL;
	trainer *t = NULL;
	fault told = {.text = ""};
	if (!q->fresh)
		saved_follow(out, cfg, &told);
	if (told.text[0])
		screen_note(&s, NOTE_INFO, told.text);
	config_tell_idle(cfg, tell_idle, &s);
	bool ok = peers_agree(config_open_data(cfg, &data, e) || no_data(q, cfg, e), e) && peers_fit(cfg, data, e);
	ok = ok && peers_agree((t = trainer_new(cfg, data, e)), e)
		&& peers_agree(q->freeze_d < 0 || trainer_may_freeze_d(t, q->freeze_d, e), e);
	if (ok) {
		tell_processes(&s);
		if (peers_rank() == 0)
			tell_classes(&s, cfg, data);
		const run_options o = {
			.out = out, .steps = MAX(q->steps, 0), .start_only = q->steps == 0,
			.record = q->record, .max_seconds = q->max_seconds, .fresh = q->fresh,
			.begin_from = q->begin_from, .freeze_d = q->freeze_d >= 0 ? &q->freeze_d : NULL,
			.new_data = q->new_data, .stop = &stop_asked, .ctx = &s, .progress = screen_progress,
			.step = screen_step,
			.note = peers_rank() == 0 ? screen_note : NULL,
		};
		ok = run_trainer(t, &o, end, e);
		screen_close(&s);
	}
	if (ok && !q->quiet)
		how_to_go_on(q, cfg, *end, trainer_steps_done(t), out);
	trainer_free(t);
	dataset_free(data);
	return ok;
}

/* The config of a run: its config.yaml, or where that is lost the one in its newest checkpoint. */
static int read_run(const request *q, config *cfg)
{
	char path[PATH_ROOM + 16];
	fault e, warning;
	saved s;
	snprintf(path, sizeof path, "%s/config.yaml", q->path);
	if (file_type(path) != FILE_MISSING)
		return read_config(cfg, path, &q->sets);
	config_init(cfg);
	if (!saved_open_run(q->path, &s, &warning, &e))
		return fail(&e);
	config_free(cfg);
	const bool ok = config_copy(cfg, &s.cfg, &e);
	saved_close(&s);
	return ok ? finish_config(cfg, &q->sets) : fail(&e);
}

static int read_file(const request *q, config *cfg)
{
	checkpoint_info info;
	if (!checkpoint_read_info(q->path, &info, NULL))
		return read_config(cfg, q->path, &q->sets);
	checkpoint_info_free(&info);
	config_init(cfg);
	fault e;
	fault_at(&e, q->path, "is a checkpoint: `sagan train RUN` with its folder goes on, --init-from begins a new "
		 "run with its weights");
	return fail(&e);
}

/* A run's folder stands for the config in it and for itself. Otherwise the config says where the run goes, or its
 * name does. */
static int read_request(request *q, config *cfg, char *out, size_t size)
{
	const bool run = file_type(q->path) == FILE_FOLDER;
	const int status = run ? read_run(q, cfg) : read_file(q, cfg);
	fault e;
	char every[64];
	snprintf(every, sizeof every, "train.log_every=%lld", (long long)q->log_every);
	if (status != EXIT_GOOD)
		return status;
	if (run && cfg->line[config_key_find("train.out")] == LINE_COMMAND) {
		config_wrong(cfg, "train.out", &e, "the run goes on in its folder, %s; --out names another place",
			     text_show(q->path).s);
		return fail(&e);
	}
	if (q->log_every && !config_set(cfg, every, &e))
		return fail(&e);
	if (run || cfg->train.out[0])
		file_from_home(run ? q->path : cfg->train.out, out, size);
	else
		snprintf(out, size, "runs/%s", cfg->name);
	return EXIT_GOOD;
}

static int run(const command *c, int argc, char **argv)
{
	request q = {.steps = -1, .freeze_d = -1};
	const option_row rows[] = {
		{"out", OPTION_PATH, &q.out, 0, 0, "RUN", "folder of the run (default: runs/NAME of the config)"},
		{"set", OPTION_TEXTS, &q.sets, 0, 0, "KEY=VALUE", "another value for a key, as optim.lr_g=1e-4"},
		{"threads", OPTION_INT, &q.threads, 1, THREADS_MAX, "N", "default: one per processor; same results"},
		{"steps", OPTION_COUNT, &q.steps, 0, CONFIG_STEPS_MAX, "N",
			"stop when N steps are done in all; 0: save the start"},
		{"record", OPTION_COUNT, &q.record, 1, 1e6, "N", "what N steps draw, and their losses, into steps.h5"},
		{"max-time", OPTION_TIME, &q.max_seconds, 0, 0, "T", "stop after 90s, 30m, 2h, 1d; can go on"},
		{"log-every", OPTION_COUNT, &q.log_every, 1, 1e9, "N", "steps between two reports: train.log_every"},
		{"quiet", OPTION_FLAG, &q.quiet, 0, 0, NULL, "say nothing but warnings and errors"},
		{"fresh", OPTION_FLAG, &q.fresh, 0, 0, NULL, "begin anew; an earlier run is put aside"},
		{"init-from", OPTION_PATH, &q.begin_from, 0, 0, "RUN", "begin with the weights of a run or checkpoint"},
		{"freeze-d", OPTION_INT, &q.freeze_d, 0, 64, "N", "D's first N blocks, at the image, do not learn"},
		{"new-data", OPTION_FLAG, &q.new_data, 0, 0, NULL, "go on with more or other images than before"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &q.path, 1, 1);
	if (status >= 0)
		return status;
	config cfg;
	fault e;
	enum run_end end = RUN_FINISHED;
	char out[PATH_ROOM];
	status = read_request(&q, &cfg, out, sizeof out);
	status = fail_together(status);
	if (status == EXIT_GOOD) {
		stop_on_signals(peers_rank() == 0);
		/* --threads stays out of cfg: the checkpoint holds its text, and the same run has the same bytes. */
		if (!peers_agree(pool_start(threads_here(q.threads ? q.threads : cfg.train.threads), &e), &e)
			|| !train(&q, &cfg, q.out ? q.out : out, &end, &e))
			status = fail(&e);
		pool_stop();
	}
	config_free(&cfg);
	return status == EXIT_GOOD && end == RUN_STOPPED ? EXIT_SIGNAL + (stop_asked ? stop_asked : SIGTERM) : status;
}

const command command_train = {
	.name = "train", .argument = "CONFIG.yaml-or-RUN", .summary = "train, or go on from the last checkpoint",
	.about = "Trains the GAN that a config describes. Checkpoints, sample grids, metrics.csv\n"
		 "and a loss curve go into the run's folder. With a checkpoint there the run goes\n"
		 "on from it, to the same bits as without the interruption. Ctrl-C finishes the\n"
		 "step, saves and leaves. The last checkpoints stay, and the one of lowest score,\n"
		 "how far its images are from the data's. Keys: `sagan info --keys`.",
	.examples = "examples:\n"
		    "  sagan train configs/mnist-sagan.yaml --max-time 1h --set model.g_channels=32\n"
		    "  sagan train my.yaml --init-from runs/mnist-sagan --freeze-d 2",
	.run = run, .shared = true, .own = "out set threads quiet",
};
