/* cmd_evaluate.c - sagan evaluate: how good, how varied, whether copied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/base/thread.h"
#include "core/base/words.h"
#include "core/peers/peers.h"
#include "data/class_names.h"
#include "gan/checkpoint/rundir.h"
#include "gan/checkpoint/saved.h"
#include "gan/config/config_apply.h"
#include "gan/sample/network_sampler.h"
#include "gan/score/evaluate.h"
#include "gan/train/peers_fit.h"
#include "tools/command.h"
#include "tools/evaluate_print.h"
#include "tools/screen.h"

/* The picture of copies where no name is given; the word that wants none. */
static const char PAIRS_NAME[] = "copies.png", PAIRS_NONE[] = "none";

typedef struct wish {
	const char *from, *against, *split, *features, *pairs;
	int64_t n;                                   /* 0: as many as is usual for the data */
	sample_request q;
	bool raw, best, json, quiet;
} wish;

/* What is judged and what it is compared with. */
typedef struct sides {
	saved model;                                 /* own, where is_model */
	bool is_model;
	sampler *s;                                  /* own; or */
	dataset *files;                              /* own */
	int64_t *which;                              /* own; those of the files that are judged: part.which */
	data_part part;
	drawn *d;                                    /* own */
	dataset *train, *test;                       /* own; NULL: there is no such part */
	char *names, *real_names;                    /* own; of the classes of the judged and the compared: texts */
	fault no_other;                              /* why there is one part only; "": the other has the same images */
} sides;

static void sides_free(sides *s)
{
	drawn_free(s->d);
	sampler_free(s->s);
	dataset_free(s->files);
	free(s->which);
	dataset_free(s->train);
	dataset_free(s->test);
	free(s->names);
	free(s->real_names);
	if (s->is_model)
		saved_close(&s->model);
}

/* ---- the real images ---- */

/* The part of the data that stands for a side, train or test: the training images of a run are those that it has learnt
 * from. */
static enum data_split part_of(const sides *s, const wish *w, enum data_split side)
{
	const enum data_split learnt = s->is_model && !w->against ? s->model.cfg.data.split : SPLIT_TRAIN;
	if (side == SPLIT_TRAIN || learnt == SPLIT_ALL)
		return learnt;
	return learnt == SPLIT_TRAIN ? SPLIT_TEST : SPLIT_TRAIN;
}

/* How many training images there are at most; 0: all. Other data have no limit of the run's. */
static int64_t limit_of(const sides *s, const wish *w)
{
	return s->is_model && !w->against ? s->model.cfg.data.limit : 0;
}

/* How the images of a run are stored says nothing of other data. What is kept is what becomes of them: size, channels,
 * background, and the coarse classes of CIFAR-100, which are the run's own. */
static bool point_at(config *c, const char *path, fault *e)
{
	static const char *const stored[] = {"data.format", "data.range", "data.images", "data.labels",
		"data.class_names"};
	char set[2048];
	snprintf(set, sizeof set, "data.path=%s", path);
	bool ok = config_set(c, set, e);
	for (int i = 0; ok && i < COUNT(stored); i++) {
		snprintf(set, sizeof set, "%s=%s", stored[i], config_key_at(config_key_find(stored[i]))->initial);
		ok = config_set(c, set, e);
	}
	return ok;
}

/* A part of the data of a config. Images of a batch are no matter here. */
static bool open_of_config(const config *c, const char *against, enum data_split part, int64_t limit, dataset **out,
	fault *e)
{
	config copy;
	if (!config_copy(&copy, c, e))
		return false;
	copy.batch = 1;
	copy.data.split = part;
	copy.data.limit = limit;
	bool ok = (!against || point_at(&copy, against, e)) && config_open_data(&copy, out, e);
	if (ok && !*out)
		ok = fault_set(e, "this run was trained on random images: say --against DATA");
	config_free(&copy);
	return ok;
}

static bool open_side(sides *s, const wish *w, enum data_split side, int64_t limit, dataset **out, fault *e)
{
	const enum data_split part = part_of(s, w, side);
	if (s->is_model)
		return open_of_config(&s->model.cfg, w->against, part, limit, out, e);
	*out = dataset_open(w->against, &(dataset_options){.split = part}, e);
	return *out != NULL;
}

/* Whether both sides are of the same images, as where a file is all there is. The limit cuts the training images alone:
 * the others are looked at when they are cut, too. */
static bool is_one_part(sides *s, const wish *w, bool *is, fault *e)
{
	dataset *cut;
	const int64_t limit = limit_of(s, w);
	*is = dataset_checksum(s->train) == dataset_checksum(s->test);
	if (*is || !limit)
		return true;
	if (!open_side(s, w, SPLIT_TEST, limit, &cut, e))
		return false;
	*is = dataset_checksum(s->train) == dataset_checksum(cut);
	dataset_free(cut);
	return true;
}

/* What was read, and what the reader decided, before numbers are made of it. */
static void say_files(const dataset *d, bool quiet)
{
	if (quiet || peers_rank() > 0)
		return;
	fprintf(stderr, "%s: %s, %lld images of %dx%d, %s\n", text_show(d->path).s, d->kind, (long long)d->n, d->h,
		d->w, d->c == 1 ? "gray" : "colour");
	for (int i = 0; i < d->notes; i++)
		fprintf(stderr, "%s: %s\n", text_show(d->path).s, d->note[i]);
}

/* Both sides; the one that is not compared with may be missing, be the same images again, or of another size. */
static bool open_sides(sides *s, const wish *w, enum data_split split, fault *e)
{
	const int64_t limit = limit_of(s, w);
	const bool trains = split == SPLIT_TRAIN;
	dataset **wanted = trains ? &s->train : &s->test, **other = trains ? &s->test : &s->train;
	bool one = false;
	if (!trains && part_of(s, w, SPLIT_TEST) == SPLIT_ALL)
		return fault_set(e, "the run has learnt from all images (data.split = all): there are no others for "
			"--split test");
	if (!open_side(s, w, split, trains ? limit : 0, wanted, e))
		return offer_data(w->against ? w->against : s->model.cfg.data.path, e);
	if (w->against)                              /* a run's own data were told of when it began */
		say_files(*wanted, w->quiet);
	if (!open_side(s, w, trains ? SPLIT_TEST : SPLIT_TRAIN, trains ? 0 : limit, other, &s->no_other))
		return !fault_is_now(&s->no_other) || fault_take(e, &s->no_other);
	if (!is_one_part(s, w, &one, e))
		return false;
	const dataset *a = *wanted, *b = *other;
	const bool same_size = a->h == b->h && a->w == b->w && a->c == b->c;
	if (!one && !same_size)
		fault_set(&s->no_other, "its %s images are %dx%dx%d, not %dx%dx%d", data_split_name[trains ? SPLIT_TEST
			: SPLIT_TRAIN], b->h, b->w, b->c, a->h, a->w, a->c);
	if (one || !same_size) {
		dataset_free(*other);
		*other = NULL;
	}
	return true;
}

/* ---- the judged ones ---- */

static bool open_model(sides *s, const wish *w, fault *e)
{
	char best[4096] = "";
	fault warning = {.text = ""};
	if (!peers_agree(!w->best || peers_rank() > 0 || rundir_best(w->from, best, sizeof best, e), e))
		return false;
	if (!saved_open_together(w->best ? best : w->from, &s->model, &warning, e))
		return false;
	s->is_model = true;
	if (warning.text[0])
		fprintf(stderr, "sagan: warning: %s\n", warning.text);
	s->s = network_sampler_of(&s->model, w->raw, SAMPLER_BATCH, e);
	saved_let_go(&s->model);
	return peers_agree(s->s != NULL, e);
}

/* A file or folder that has none of a run's marks is a set of images. */
static bool look_for_model(const char *from, bool *is, fault *e)
{
	checkpoint_info info;
	const enum file_type type = file_type(from);
	if (type == FILE_UNKNOWN || type == FILE_MISSING)
		return fault_read(e, from);
	if (type == FILE_FOLDER)
		return rundir_any(from, is, e);
	if ((*is = checkpoint_read_info(from, &info, e)))
		checkpoint_info_free(&info);
	return *is || !fault_is_now(e);
}

/* A run, a checkpoint, or images. Of several processes rank 0 alone needs the first two. */
static bool open_judged(sides *s, const wish *w, fault *e)
{
	bool is = false;
	if (!peers_agree(peers_rank() > 0 || look_for_model(w->from, &is, e), e))
		return false;
	peers_spread(&is, sizeof is);
	if (is)
		return open_model(s, w, e);
	if (!w->against)
		return fault_set(e, "%s is no run and no checkpoint; for a set of images say --against DATA, the real "
			"ones", w->from);
	return true;
}

/* Of a set that is sorted the first ones lack classes. */
static bool choose_files(sides *s, const wish *w, fault *e)
{
	const int64_t all = s->files->n, n = w->n ? MIN(w->n, all) : all;
	s->which = rng_subset(w->q.seed, "judged files", n, all, e);
	s->part = (data_part){s->files, s->which, n};
	if (n < all && !w->quiet && peers_rank() == 0)
		fprintf(stderr, "%s: %lld of them are judged, from all over the set, chosen by --seed %llu\n",
			text_show(s->files->path).s, (long long)n, (unsigned long long)w->q.seed);
	return s->which != NULL;
}

static bool open_files(sides *s, const wish *w, const dataset *like, fault *e)
{
	const dataset_options o = {.split = SPLIT_ALL, .channels = like->c};
	if (s->is_model)
		return true;
	if (w->best || w->raw || w->q.truncation > 0)
		return fault_set(e, "--%s is of a generator; %s is a set of images", w->best ? "best" : w->raw ? "raw"
			: "truncation", w->from);
	s->files = dataset_open(w->from, &o, e);
	if (!s->files)
		return false;
	say_files(s->files, w->quiet);
	return choose_files(s, w, e);
}

/* ---- progress ---- */

typedef struct progress_line {
	bool shown, open;
	double painted;
} progress_line;

static void show_progress(void *ctx, const char *what, int64_t done, int64_t of)
{
	progress_line *p = ctx;
	if (!p->shown || clock_s() - p->painted < 0.2)
		return;
	char text[160];
	snprintf(text, sizeof text, "%s: %lld of %lld", what, (long long)done, (long long)of);
	fprintf(stderr, "\r%.*s\033[K", screen_columns(STDERR_FILENO) - 1, text);
	p->painted = clock_s();
	p->open = true;
}

static void end_progress(progress_line *p)
{
	if (p->open)
		fprintf(stderr, "\r\033[K");
}

/* ---- together ---- */

static bool is_stacked(const dataset *d)
{
	return strcmp(d->kind, "stacked") == 0;
}

static protocol protocol_of(const sides *s, const wish *w, enum data_split split, const dataset *real_ones,
	const lens *look)
{
	const config *c = s->is_model ? &s->model.cfg : NULL;
	protocol p = {.judged = s->is_model ? s->model.path : w->from, .step = s->is_model ? s->model.step : -1,
		.seed = w->q.seed, .truncation = w->q.truncation, .against = real_ones->path,
		.split = data_split_name[part_of(s, w, split)],
		.checksum = dataset_checksum(real_ones), .look = look, .class_name = real_ones->class_name,
		.even = is_stacked(real_ones)};
	if (c) {
		p.weights = c->ema.decay > 0 && !w->raw ? "average" : "raw";
		p.batch_norm = config_choice("ema.bn_mode", c->ema.bn_mode);
	}
	return p;
}

/* After the results: a picture that could not be written is a failure where it was asked for. */
static bool tell_picture(const wish *w, const evaluation *v, fault *e)
{
	if (!v->no_picture.text[0])
		return true;
	if (w->pairs != PAIRS_NAME)
		return fault_set(e, "%.900s; the results above are complete", v->no_picture.text);
	fprintf(stderr, "sagan: warning: %s; the results are complete, --pairs %s draws none\n", v->no_picture.text,
		PAIRS_NONE);
	return true;
}

static bool name_classes(sides *s, const dataset *real_ones, fault *e)
{
	const dataset *f = s->files;
	s->names = f ? class_names_join(f->class_name, f->classes, e) : text_copy(s->model.class_names, e);
	s->real_names = s->names ? class_names_join(real_ones->class_name, real_ones->classes, e) : NULL;
	return peers_agree(s->real_names != NULL, e);
}

static bool judge(sides *s, const wish *w, enum data_split split, fault *e)
{
	dataset *real_ones = split == SPLIT_TRAIN ? s->train : s->test;
	sample_request q = w->q;
	q.n = w->n ? w->n : is_stacked(real_ones) ? 26000 : 10000;     /* of StackedMNIST 26,000 are counted */
	if (!peers_agree(!s->is_model || (s->d = drawn_new(s->s, &q, e)), e))
		return false;
	image_source train = {0}, test = {0}, fakes = s->is_model ? source_of_drawn(s->d) : source_of_part(&s->part);
	if (s->train)
		train = source_of_data(s->train);
	if (s->test)
		test = source_of_data(s->test);
	if (!name_classes(s, real_ones, e))
		return false;
	fakes.class_names = s->names;
	(split == SPLIT_TRAIN ? &train : &test)->class_names = s->real_names;
	fault why;
	lens *look = lens_open(w->features, real_ones, &why, e);
	if (!peers_agree(look != NULL, e) || !peers_same("network for features", lens_about(look), e)) {
		lens_free(look);
		return false;
	}
	progress_line line = {.shown = !w->quiet && peers_rank() == 0 && isatty(STDERR_FILENO)};
	const evaluate_task task = {
		.fakes = fakes, .train = s->train ? &train : NULL, .test = s->test ? &test : NULL, .split = split,
		.look = look, .even = is_stacked(real_ones), .seed = q.seed, .pairs = w->pairs,
		.ctx = &line, .progress = show_progress,
	};
	evaluation found;
	bool ok = evaluate(&task, &found, e);
	end_progress(&line);
	for (int i = 0; ok && s->which && i < found.pairs; i++)     /* numbers in the set */
		found.pair[i].fake = s->which[found.pair[i].fake];
	if (ok && peers_rank() == 0) {
		protocol p = protocol_of(s, w, split, real_ones, look);
		p.pairs = found.has_copies && !found.no_picture.text[0] ? w->pairs : NULL;
		if (found.classes != real_ones->classes)
			p.class_name = NULL;
		evaluation_warn(&p, &found, why.text, s->no_other.text);
		if (w->json)
			ok = evaluation_print_json(&p, &found, e);
		else
			evaluation_print(&p, &found);
		ok = ok && tell_picture(w, &found, e);
	}
	evaluation_free(&found);
	lens_free(look);
	return ok;
}

/* A run is no data: its folder may have the picture. */
static bool pairs_may_be(const sides *s, const wish *w, fault *e)
{
	return !w->pairs || peers_rank() > 0
		|| (output_apart(w->pairs, s->is_model ? NULL : w->from, e)
			&& output_apart(w->pairs, w->against ? w->against : s->model.cfg.data.path, e)
			&& file_make_parents(w->pairs, e));
}

static bool evaluate_all(const wish *w, enum data_split split, fault *e)
{
	sides s = {.is_model = false};
	const bool ok = open_judged(&s, w, e) && peers_agree(pairs_may_be(&s, w, e) && open_sides(&s, w, split, e)
		&& open_files(&s, w, split == SPLIT_TRAIN ? s.train : s.test, e), e)
		&& peers_fit_data(s.train, e) && peers_fit_data(s.test, e) && peers_fit_data(s.files, e)
		&& judge(&s, w, split, e);
	sides_free(&s);
	return ok;
}

static int run(const command *c, int argc, char **argv)
{
	int threads = 0;
	int64_t seed = 1;
	const word_list splits = WORDS(data_split_name);
	wish w = {.split = data_split_name[SPLIT_TRAIN], .features = LENS_AUTO, .pairs = PAIRS_NAME,
		.q = {.label = -1}};
	const option_row rows[] = {
		{"against", OPTION_PATH, &w.against, 0, 0, "DATA", "the real images (default: of the run)"},
		{"split", OPTION_TEXT, &w.split, 0, 0, "PART", "train or test: which of them (default train)"},
		{"n", OPTION_COUNT, &w.n, 2, 10000000, "N", "images judged, of files by --seed (10000; files: all)"},
		{"features", OPTION_PATH, &w.features, 0, 0, "FILE", "a network, or pixels (default: auto)"},
		{"seed", OPTION_COUNT, &seed, 0, 9e15, "S", "of images and of chosen subsets (default 1)"},
		{"truncation", OPTION_REAL, &w.q.truncation, 0.01, 100, "T", "latents within +-T"},
		{"best", OPTION_FLAG, &w.best, 0, 0, NULL, "the checkpoint with the best score, not the newest"},
		{"raw", OPTION_FLAG, &w.raw, 0, 0, NULL, "the generator itself, not its moving average"},
		{"pairs", OPTION_PATH, &w.pairs, 0, 0, "FILE.png", "ten closest pairs (copies.png); none: not drawn"},
		{"json", OPTION_FLAG, &w.json, 0, 0, NULL, "one JSON object in place of lines"},
		{"quiet", OPTION_FLAG, &w.quiet, 0, 0, NULL, "no progress line"},
		{"threads", OPTION_INT, &threads, 1, THREADS_MAX, "N", "default: one per processor"},
	};
	int status = options_parse(c, rows, COUNT(rows), argc, argv, &w.from, 1, 1);
	if (status >= 0)
		return status;
	const int split = word_find(splits, w.split);
	if (split != SPLIT_TRAIN && split != SPLIT_TEST)
		return fail_usage(c, "--split %s: must be train or test", w.split);
	fault e;
	w.q.seed = (uint64_t)seed;
	if (strcmp(w.pairs, PAIRS_NONE) == 0)
		w.pairs = NULL;
	const bool draws = w.pairs && peers_rank() == 0;
	const bool ok = peers_agree((!draws || picture_beside_may_be(w.pairs, &e))
		&& pool_start(threads_here(threads), &e), &e)
		&& evaluate_all(&w, (enum data_split)split, &e);
	pool_stop();
	return ok ? EXIT_GOOD : fail(&e);
}

const command command_evaluate = {
	.name = "evaluate", .argument = "RUN|CHECKPOINT|IMAGES",
	.summary = "how good, how varied, whether copied",
	.about = "Draws images from a run (or reads them: a folder of pictures, HDF5, npz, an\n"
		 "archive) and compares them with the real ones: FID, KID, IS, precision, recall,\n"
		 "density, coverage, classes, copies. docs/evaluation.md says what each means.",
	.examples = "examples:\n"
		    "  sagan evaluate runs/mnist-sagan\n"
		    "  sagan evaluate pictures/ --against data/mnist --split test\n"
		    "  sagan evaluate runs/demo --n 2000 --features pixels --json",
	.run = run, .shared = true, .own = "threads quiet",
};
