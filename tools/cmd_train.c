/* cmd_train.c - sagan train: a run, its live line, and Ctrl-C. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "gan/checkpoint/saved.h"
#include "gan/config/config_apply.h"
#include "gan/train/run.h"
#include "tools/command.h"

static volatile sig_atomic_t stop_asked;

/* The step under way is finished and saved; a second signal ends the program at once. */
static void on_signal(int number)
{
	(void)number;
	stop_asked = 1;
}

static void catch_signals(void)
{
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};
	sigemptyset(&a.sa_mask);
	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

/* What is on the screen: one line that is written over on a terminal, plain lines elsewhere. */
typedef struct screen {
	bool is_terminal;
	bool is_open;                                /* the live line has no end yet */
} screen;

static int columns(void)
{
	struct winsize w;
	return ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 20 ? w.ws_col : 80;
}

static void end_line(screen *s)
{
	if (s->is_open)
		putchar('\n');
	s->is_open = false;
}

static void on_note(void *ctx, enum run_note kind, const char *text)
{
	end_line(ctx);
	printf("%s%s\n", kind == NOTE_WARNING ? "warning: " : "", text);
	fflush(stdout);
}

static void on_progress(void *ctx, const run_progress *p)
{
	screen *s = ctx;
	const step_stats *m = &p->mean;
	char eta[32], line[1024];
	int n = snprintf(line, sizeof line, "step %lld/%lld  %s left  epoch %.2f  %.0f img/s  D %.3f  G %.3f  "
			 "D(real) %+.2f  D(fake) %+.2f", (long long)m->step, (long long)p->steps,
			 print_time(p->eta_s, eta, sizeof eta), p->epoch,
			 p->images_per_s, m->d_loss, m->g_loss, m->d_real, m->d_fake);
	for (int i = 0; i < m->gammas && n < (int)sizeof line - 32; i++)
		n += snprintf(line + n, sizeof line - (size_t)n, "%s%+.3f", i ? " " : "  gamma ", m->gamma[i].value);
	/* A live line must not wrap, or it cannot be written over; \033[K clears the rest of an older one. */
	if (s->is_terminal)
		printf("\r%.*s\033[K", columns() - 1, line);
	else
		puts(line);
	s->is_open = s->is_terminal;
	fflush(stdout);
}

typedef struct request {
	const char *path, *out;
	text_list sets;
	int threads;
	int64_t steps;
	double max_seconds;
	bool fresh;
} request;

static void how_to_go_on(const request *q, enum run_end end, int64_t step, const char *out)
{
	if (end == RUN_FINISHED) {
		printf("done: %lld steps in %s; `sagan sample %s` makes pictures\n", (long long)step, out, out);
		return;
	}
	printf("stopped %s after step %lld; go on with: sagan train %s --out %s%s\n",
	       end == RUN_TIME ? "by --max-time" : "by a signal", (long long)step, q->path, out,
	       q->sets.n ? " and the same --set" : "");
}

static bool train(const request *q, config *cfg, const char *out, fault *e)
{
	screen s = {.is_terminal = isatty(STDOUT_FILENO)};
	enum run_end end = RUN_FINISHED;
	dataset *data = NULL;
	trainer *t = NULL;
	fault told = {.text = ""};
	if (!q->fresh)
		saved_follow(out, cfg, &told);
	if (told.text[0])
		puts(told.text);
	bool ok = config_open_data(cfg, &data, e) && (t = trainer_new(cfg, data, e));
	if (ok) {
		const run_options o = {
			.out = out, .steps = q->steps, .max_seconds = q->max_seconds, .fresh = q->fresh,
			.stop = &stop_asked, .ctx = &s, .progress = on_progress, .note = on_note,
		};
		ok = run_trainer(t, &o, &end, e);
		end_line(&s);
	}
	if (ok)
		how_to_go_on(q, end, trainer_steps_done(t), out);
	trainer_free(t);
	dataset_free(data);
	return ok;
}

static int run(const command *c, int argc, char **argv)
{
	request q = {0};
	const option_row rows[] = {
		{"out", OPTION_TEXT, &q.out, 0, 0, "RUN", "folder of the run (default: runs/NAME of the config)"},
		{"set", OPTION_TEXTS, &q.sets, 0, 0, "KEY=VALUE", "another value for a key, as optim.lr_g=1e-4"},
		{"threads", OPTION_INT, &q.threads, 1, THREADS_MAX, "N", "default: one per processor; same results"},
		{"steps", OPTION_COUNT, &q.steps, 1, 1e9, "N", "stop when N steps are done in all"},
		{"max-time", OPTION_TIME, &q.max_seconds, 0, 0, "T", "stop after 90s, 30m, 2h, 1d; can go on"},
		{"fresh", OPTION_FLAG, &q.fresh, 0, 0, NULL, "begin anew; an earlier run is put aside"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &q.path, 1, 1);
	if (status >= 0)
		return status;
	config cfg;
	fault e;
	char out[CONFIG_TEXT_MAX + 16];
	status = read_config(&cfg, q.path, &q.sets);
	if (status == EXIT_GOOD) {
		snprintf(out, sizeof out, "%s%s", cfg.train.out[0] ? "" : "runs/",
			 cfg.train.out[0] ? cfg.train.out : cfg.name);
		catch_signals();
		/* --threads stays out of cfg: the checkpoint holds its text, and the same run has the same bytes. */
		if (!pool_start(q.threads ? q.threads : cfg.train.threads, &e)
			|| !train(&q, &cfg, q.out ? q.out : out, &e))
			status = fail(&e);
		pool_stop();
	}
	config_free(&cfg);
	return status;
}

const command command_train = {
	.name = "train", .argument = "CONFIG.yaml", .summary = "train, or go on from the last checkpoint",
	.about = "Trains the GAN that a config describes. Checkpoints, sample grids, metrics.csv\n"
		 "and a loss curve go into the run's folder. With a checkpoint there the run goes\n"
		 "on from it, to the same bits as without the interruption. Ctrl-C finishes the\n"
		 "step, saves and leaves. All keys of a config: `sagan info --keys`.\n"
		 "The last checkpoints stay, and the one with the lowest score: the Frechet\n"
		 "distance to the data of images averaged to 8x8 pixels. It sees lost classes,\n"
		 "colours and collapse, not sharpness, and compares within one data set only.",
	.examples = "examples:\n"
		    "  sagan train configs/demo.yaml\n"
		    "  sagan train configs/mnist-sagan.yaml --max-time 1h --set model.g_channels=32",
	.run = run,
};
