/* cmd_sample.c - sagan sample: pictures from a trained generator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "core/base/words.h"
#include "core/peers/peers.h"
#include "gan/checkpoint/saved.h"
#include "gan/keras/sample.h"
#include "data/picture/moving.h"
#include "gan/sample/directions.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/request.h"
#include "gan/train/peers_fit.h"
#include "tools/command.h"
#include "tools/output.h"
#include "tools/pick.h"

/* What is asked for, beside the request. */
typedef struct asked {
	const char *from, *class, *truncation;
	keras_drawing *keras;                        /* NULL: `from` is a run or a checkpoint */
	bool raw;
	int direction;                               /* from 1; 0: none */
	output_names out;
} asked;

/* The sampler of a file of Keras, and what was decided about its numbers. */
static sampler *open_keras(const char *from, keras_drawing *d, int64_t n, const output_names *out, fault *e)
{
	sampler *s = keras_sampler_open(from, d, sampler_batch_for(n), e);
	if (s && peers_rank() == 0)
		fprintf(output_told(out), "%s\n", text_show(d->decided).s);
	return s;
}

/* ---- what words mean ---- */

/* Calls take for each part of "a,b,c", of which none is empty; at most REQUEST_STOPS_MAX. NULL: they are only
 * looked at. */
static bool each_part(const char *option, const char *text, bool (*take)(void *ctx, const char *part, fault *e),
	void *ctx, fault *e)
{
	char part[128];
	const char *whole = text;
	for (int k = 0;; k++) {
		const size_t n = strcspn(text, ",");
		if (n == 0)
			return fault_set(e, "--%s %s: nothing stands on one side of a comma", option, whole);
		if (k == REQUEST_STOPS_MAX)
			return fault_set(e, "--%s: at most %d fit", option, REQUEST_STOPS_MAX);
		snprintf(part, sizeof part, "%.*s", (int)MIN(n, sizeof part - 1), text);
		if (take && !take(ctx, part, e))
			return false;
		if (!text[n])
			return true;
		text += n + 1;
	}
}

typedef struct taking {
	const sampler *s;
	sample_request *q;
} taking;

static bool take_stop(void *ctx, const char *part, fault *e)
{
	taking *t = ctx;
	return pick_class(t->s, part, &t->q->stop[t->q->stops++], e);
}

/* One class, or several that a way leads through. */
static bool take_classes(const sampler *s, const asked *a, sample_request *q, fault *e)
{
	taking t = {s, q};
	if (!a->class || !strchr(a->class, ','))
		return pick_class(s, a->class, &q->label, e);
	return each_part("class", a->class, take_stop, &t, e);
}

static bool take_step(void *ctx, const char *part, fault *e)
{
	sample_request *q = ctx;
	double t;
	if (!read_real(part, 0.01, 100, &t))
		return fault_set(e, "--truncation %s: must be a number from 0.01 to 100, or several: 0.5,1,2", part);
	q->step[q->steps++] = t;
	return true;
}

static bool take_truncation(const char *text, sample_request *q, fault *e)
{
	if (!text)
		return true;
	if (!each_part("truncation", text, take_step, q, e))
		return false;
	if (q->steps > 1)
		return true;
	q->truncation = q->step[0];
	q->steps = 0;
	return true;
}

/* Direction number a->direction of the generator as it is drawn from, into d [Z]; the saved network is read again. */
static bool find_direction(const asked *a, const saved *from, int64_t Z, real **d, fault *e)
{
	if (a->direction > Z)
		return fault_set(e, "--direction %d: this generator has %lld, one for each number of its latent",
			a->direction, (long long)Z);
	network *g = network_open(from, NET_G, a->raw, e);
	*d = mem_new((size_t)(a->direction * Z), sizeof **d, e);
	const bool ok = g && *d && directions_of(g, a->direction, *d, NULL, e);
	network_free(g);
	return ok;
}

/* ---- the command ---- */

/* A file of Keras, which everybody must have. */
static sampler *open_file(const asked *a, int64_t n, fault *e)
{
	sampler *s = open_keras(a->from, a->keras, n, &a->out, e);
	if (peers_agree(s != NULL, e) && peers_fit_file(a->from, e))
		return s;
	sampler_free(s);
	return NULL;
}

/* Nothing lies among the images that the run has learnt from. */
static bool apart_from_data(const config *c, const output_names *to, fault *e)
{
	return peers_rank() > 0 || (output_apart(to->images ? to->images : OUTPUT_USUAL, c->data.path, e)
		&& (!to->latents || output_apart(to->latents, c->data.path, e)));
}

/* A run's generator, which comes from rank 0, and the direction that is asked for. */
static sampler *open_run(const asked *a, int64_t n, real **direction, fault *e)
{
	saved from;
	fault warning = {.text = ""};
	if (!saved_open_together(a->from, &from, &warning, e))
		return NULL;
	if (warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", warning.text);
	if (!peers_agree(apart_from_data(&from.cfg, &a->out, e), e)) {
		saved_close(&from);
		return NULL;
	}
	const bool apart = from.cfg.ema.bn_mode != BN_BATCH;      /* no image depends on others */
	sampler *s = network_sampler_of(&from, a->raw, apart ? sampler_batch_for(n) : SAMPLER_BATCH, e);
	if (!peers_agree(s != NULL, e)
		|| (a->direction && !find_direction(a, &from, sampler_latent_size(s), direction, e))) {
		sampler_free(s);
		s = NULL;
	}
	saved_close(&from);
	return s;
}

static bool sample(asked *a, sample_request *q, fault *e)
{
	real *direction = NULL;
	sampler *s = a->keras ? open_file(a, q->n, e) : open_run(a, q->n, &direction, e);
	bool ok = peers_agree(s != NULL, e) && peers_fit_data(NULL, e) && peers_agree(take_classes(s, a, q, e), e);
	if (ok && direction)
		q->direction = direction + (a->direction - 1) * sampler_latent_size(s);
	ok = ok && output_draw(s, q, &a->out, e);
	free(direction);
	sampler_free(s);
	return ok;
}

/* What does not go together: the line, or NULL. */
static const char *conflict(const asked *a, const sample_request *q)
{
	if ((q->interpolate ? 1 : 0) + (a->direction ? 1 : 0) + (q->steps ? 1 : 0) > 1)
		return "--interpolate, --direction and several truncations: one of them is what rows show";
	return NULL;
}

/* What cannot be asked for, beside what options_parse finds. A moving picture is of rank 0 alone, as every output. */
static int check(const command *c, asked *a, sample_request *q, const char *keras, const char *range, fault *e)
{
	const word_list ranges = WORDS(data_range_name);
	const bool moves = peers_rank() > 0 || (a->out.images && moving_is_named(a->out.images));
	char ends[64];
	if (!a->from == !keras)
		return fail_usage(c, a->from ? "--from FILE takes the place of a run" : "an argument is missing");
	if (range && word_find(ranges, range) < 0)
		return fail_usage(c, "--range %s: must be %s", range, words_print(ranges, ends, sizeof ends));
	if (a->class && strchr(a->class, ',') && !each_part("class", a->class, NULL, NULL, e))
		return fail_usage(c, "%s", e->text);
	if (a->class && strchr(a->class, ',') && !q->interpolate)
		return fail_usage(c, "--class %s: several classes are a way; it goes with --interpolate", a->class);
	if (!take_truncation(a->truncation, q, e))
		return fail_usage(c, "%s", e->text);
	if (a->out.latents && file_same(a->out.images ? a->out.images : OUTPUT_USUAL, a->out.latents))
		return fail_usage(c, "--latents %s: is the file of the images, too", a->out.latents);
	if (keras && ((a->out.images && file_same(keras, a->out.images))
		|| (a->out.latents && file_same(keras, a->out.latents))))
		return fail_usage(c, "--from %s: would be replaced; give the images another name", keras);
	if (a->out.ms && !moves)
		return fail_usage(c, "--delay is of a moving picture: --out FILE.gif or FILE.webp");
	return conflict(a, q) ? fail_usage(c, "%s", conflict(a, q)) : EXIT_GOOD;
}

static int run(const command *c, int argc, char **argv)
{
	enum { MS_USUAL = 60 };
	const word_list ranges = WORDS(data_range_name);
	const char *range = NULL, *keras = NULL;
	keras_drawing drawing = {.json = NULL};
	char best_path[4096];
	sample_request q = {.n = 64, .seed = 1, .label = -1};
	asked a = {.out = {.ms = 0}};
	int64_t seed = 1;
	int threads = 0;
	bool best = false;
	const option_row rows[] = {
		{"n", OPTION_COUNT, &q.n, 1, 1e9, "N", "how many images (default 64)"},
		{"seed", OPTION_COUNT, &seed, 0, 9e15, "S", "image k depends on S and k alone (default 1)"},
		{"class", OPTION_TEXT, &a.class, 0, 0, "K|NAME", "of one class (default: k mod K); 3,7: a way between"},
		{"truncation", OPTION_TEXT, &a.truncation, 0, 0, "T", "within +-T: better, less varied; 0.5,1: rows"},
		{"interpolate", OPTION_FLAG, &q.interpolate, 0, 0, NULL, "rows that lead from one latent to another"},
		{"direction", OPTION_INT, &a.direction, 1, 65536, "K", "rows along the K-th principal direction"},
		{"loop", OPTION_FLAG, &q.loop, 0, 0, NULL, "with either: rows end where they began"},
		{"columns", OPTION_INT, &q.columns, 1, 10000, "N", "images per row; of a moving picture: frames"},
		{"from", OPTION_PATH, &keras, 0, 0, "FILE", "a generator in a file of Keras: .keras or .h5"},
		{"model", OPTION_PATH, &drawing.json, 0, 0, "FILE.json", "the network of weights alone"},
		{"range", OPTION_TEXT, &range, 0, 0, "R", "black and white, as 0..1 (default: auto)"},
		{"best", OPTION_FLAG, &best, 0, 0, NULL, "the checkpoint with the best score, not the newest"},
		{"raw", OPTION_FLAG, &a.raw, 0, 0, NULL, "the generator itself, not its moving average"},
		{"out", OPTION_PATH, &a.out.images, 0, 0, "FILE|DIR/",
		 "samples.png; .gif .webp move; .npz .h5 .idx; DIR/"},
		{"delay", OPTION_INT, &a.out.ms, 10, 60000, "MS", "of a frame of .gif or .webp (default 60)"},
		{"latents", OPTION_PATH, &a.out.latents, 0, 0, "FILE.h5", "latents, labels and images as numbers, too"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	fault e;
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &a.from, 0, 1);
	if (status >= 0)
		return status;
	status = check(c, &a, &q, keras, range, &e);
	if ((status = fail_together(status)) != EXIT_GOOD)
		return status;
	a.out.ms = a.out.ms ? a.out.ms : MS_USUAL;
	drawing.range = range ? (enum data_range)word_find(ranges, range) : RANGE_AUTO;
	q.seed = (uint64_t)seed;
	a.keras = keras ? &drawing : NULL;
	best = best && peers_rank() == 0;
	if (!peers_agree(pool_start(threads_here(threads), &e)
		&& (!best || rundir_best(a.from, best_path, sizeof best_path, &e)), &e))
		return fail(&e);
	a.from = keras ? keras : best ? best_path : a.from;
	status = sample(&a, &q, &e) ? EXIT_GOOD : fail(&e);
	pool_stop();
	return status;
}

const command command_sample = {
	.name = "sample", .argument = "RUN-or-CHECKPOINT", .summary = "pictures from a trained generator",
	.about = "Draws images with the moving average of a run's newest generator (or --best).",
	.examples = "examples: sagan sample runs/demo --class 7 --truncation 0.8 --n 10 --out sevens/\n"
		    "          sagan sample runs/demo --interpolate --loop --out morph.gif",
	.rules = (const option_rule[]){
		{"loop", "interpolate direction", NULL},
		{"model", "from", NULL}, {"range", "from", NULL}, {"best", NULL, "from"},
		{"direction", NULL, "from"},      /* only a run's generator says which layer is its first */
		{"raw", NULL, "from"}, {0},
	},
	.run = run, .shared = true, .own = "threads",
};
