/* evaluate.c - three readings, the judged images first, then the comparisons.
 *
 * With other processes everybody has all of what was read, and each takes a share of a work that has parts: images that
 * are drawn and looked at, rows of tables, subsets, classes. */
#include "gan/score/evaluate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/peers/peers.h"
#include "data/class_names.h"
#include "gan/score/copy_search.h"
#include "gan/score/crowd.h"

/* Moments of each class are kept only where they take less. */
enum { CLASS_BYTES_MAX = 1 << 30 };

typedef struct state {
	const evaluate_task *t;
	evaluation *v;
	crowd fakes, train, test;                    /* own */
	copy_search search;                          /* own */
	image_source judged, learnt, unseen;         /* the task's, without labels that the lens does not know */
	int *as;                                     /* own; the real images' class of each class of the judged ones */
	int classes;
	bool by_class;
} state;

static void tell(const state *s, const char *what)
{
	if (s->t->progress)
		s->t->progress(s->t->ctx, what, 0, 1);
}

static bool same_size(const image_source *a, const image_source *b, fault *e)
{
	return (a->size.h == b->size.h && a->size.w == b->size.w && a->channels == b->channels)
		|| fault_set(e, "the judged images are %dx%dx%d, the real ones %dx%dx%d: they must be of one size",
			a->size.h, a->size.w, a->channels, b->size.h, b->size.w, b->channels);
}

/* A source, of which labels are forgotten when they are not those of the lens or of the real data. */
static image_source known(const image_source *from, int classes)
{
	image_source s = from ? *from : (image_source){0};
	if (s.classes != classes)
		s.classes = 0;
	return s;
}

/* Labels of the judged images are of use where their classes are those of the real ones. */
static bool match_labels(state *s, const image_source *real_ones, fault *e)
{
	const image_source *judged = &s->t->fakes;
	const char *from = judged->class_names ? judged->class_names : "";
	const char *to = real_ones->class_names ? real_ones->class_names : "";
	const int K = judged->classes;
	char theirs[96], reals[96];
	if (K && real_ones->classes && !s->judged.classes && K != real_ones->classes)
		fault_set(&s->v->no_labels, "they are of %d classes, the real ones of %d", K, real_ones->classes);
	if (!s->judged.classes || K != real_ones->classes)
		return true;
	if (!(s->as = mem_new((size_t)K, sizeof *s->as, e)))
		return false;
	if (class_names_match(from, to, K, s->as))
		return true;
	s->judged.classes = 0;
	fault_set(&s->v->no_labels, "their classes are called %s, those of the real ones %s",
		class_names_print(from, theirs, sizeof theirs), class_names_print(to, reals, sizeof reals));
	return true;
}

/* ---- reading ---- */

static crowd_reading reading_of(const state *s, const char *what)
{
	return (crowd_reading){.what = what, .progress = s->t->progress, .progress_ctx = s->t->ctx};
}

static crowd_plan plan_of(const state *s, int64_t images, int64_t keep, int64_t pixels)
{
	return (crowd_plan){.images = images, .keep = MIN(keep, images), .pixels = pixels, .small = s->v->copy_size,
		.classes = s->classes, .seed = s->t->seed};
}

static bool read_fakes(state *s, int64_t keep, fault *e)
{
	crowd_plan want = plan_of(s, s->judged.n, keep, s->search.wanted ? MIN(s->judged.n, COPIES_MAX) : 0);
	const crowd_reading how = reading_of(s, "judged images");
	want.by_class = s->by_class;
	want.probabilities = lens_classes(s->t->look) > 0;
	want.as = s->as;
	/* Scores of classes are over all images, whatever is kept of their features. */
	want.keep = want.probabilities ? want.images : want.keep;
	return crowd_read(&s->fakes, &want, &s->judged, s->t->look, &how, e);
}

/* One part of the real images: all of the one that is compared with, of the other as many as are judged, if it has
 * them. */
static bool read_real(state *s, crowd *c, const image_source *from, bool compared, crowd_reading how, fault *e)
{
	const int64_t most = compared ? from->n : MIN(from->n, s->judged.n);
	const bool unseen = from == &s->unseen && s->search.wanted;
	crowd_plan want = plan_of(s, most, compared ? s->v->kept : 0, unseen ? MIN(from->n, COPIES_MAX) : 0);
	want.by_class = compared && s->by_class;
	want.probabilities = compared && lens_classes(s->t->look) > 0;
	how.all = from == &s->learnt && s->search.wanted ? from->n : most;
	return crowd_read(c, &want, from, s->t->look, &how, e);
}

static bool read_test(state *s, fault *e)
{
	return !s->t->test || read_real(s, &s->test, &s->unseen, s->t->split == SPLIT_TEST,
		reading_of(s, "test images"), e);
}

static bool read_train(state *s, fault *e)
{
	crowd_reading how = reading_of(s, "training images");
	if (!s->t->train)
		return true;
	if (!peers_agree(!s->search.wanted
		|| copy_search_begin(&s->search, &s->fakes, &s->test, &s->learnt, e), e))
		return false;
	how.each = s->search.wanted ? copy_search_batch : NULL;
	how.each_ctx = &s->search;
	return read_real(s, &s->train, &s->learnt, s->t->split == SPLIT_TRAIN, how, e);
}

/* ---- comparing ---- */

/* Of its share of the classes each process takes the distance. */
static bool frechet_of_classes(const state *s, crowd *real_ones, fault *e)
{
	evaluation *v = s->v;
	int64_t lo, hi;
	peers_span(s->classes, &lo, &hi);
	for (int64_t k = lo; k < hi; k++) {
		moments *a = &real_ones->of_class[k], *b = &s->fakes.of_class[k];
		v->class_fid[k] = NAN;
		if (a->n >= 2 && b->n >= 2 && !frechet_distance(a, b, &v->class_fid[k], e))
			return false;
	}
	return true;
}

static bool frechet_by_class(state *s, crowd *real_ones, fault *e)
{
	evaluation *v = s->v;
	const size_t K = (size_t)s->classes;
	int n = 0;
	if (!s->by_class)
		return true;
	if (!peers_agree((v->class_fid = mem_new(K, sizeof *v->class_fid, e))
		&& (v->class_n = mem_new(2 * K, sizeof *v->class_n, e)) && frechet_of_classes(s, real_ones, e), e))
		return false;
	peers_join(v->class_fid, s->classes, sizeof *v->class_fid);
	v->by_label = s->judged.classes > 0;
	for (int k = 0; k < s->classes; k++) {
		v->class_n[k] = s->fakes.of_class[k].n;
		v->class_n[s->classes + k] = real_ones->of_class[k].n;
		if (isnan(v->class_fid[k]))
			continue;
		v->class_fid_mean += v->class_fid[k];
		n++;
	}
	v->class_fid_mean = n ? v->class_fid_mean / n : NAN;
	return true;
}

/* Two processes take one of the two distances each. */
static bool distances(state *s, crowd *real_ones, crowd *others, fault *e)
{
	evaluation *v = s->v;
	moments *const of[] = {&s->fakes.all, &others->all};
	double found[COUNT(of)];
	const int n = others->all.n >= 2 ? 2 : 1;
	int64_t lo, hi;
	bool ok = true;
	tell(s, "Frechet distance");
	peers_span(n, &lo, &hi);
	for (int64_t i = lo; ok && i < hi; i++)
		ok = frechet_distance(&real_ones->all, of[i], &found[i], e);
	if (!peers_agree(ok, e))
		return false;
	peers_join(found, n, sizeof *found);
	v->fid = found[0];
	v->has_floor = n == 2;
	v->floor_n = others->all.n;
	v->floor = v->has_floor ? found[1] : 0;
	return frechet_by_class(s, real_ones, e);
}

static bool compare_points(state *s, const crowd *real_ones, const points *fakes, fault *e)
{
	evaluation *v = s->v;
	tell(s, "kernel distance");
	v->kid_size = MIN(KID_SIZE, v->kept);
	v->has_kid = true;
	if (!kernel_distances(&real_ones->kept, fakes, KID_SUBSETS, v->kid_size, s->t->seed, &v->kid, e))
		return false;
	tell(s, "neighbours");
	v->has_manifold = v->kept > DENSITY_K;
	return !v->has_manifold || manifold_compare(&real_ones->kept, fakes, &v->points, e);
}

/* Features of all judged images may have been kept: as many of them as of the real ones. */
static bool choose_fakes(const state *s, points *chosen, fault *e)
{
	const points *all = &s->fakes.kept;
	const int64_t n = s->v->kept;
	int64_t *which = rng_subset(s->t->seed, "judged features", n, all->n, e);
	const bool ok = which && points_init(chosen, n, all->d, e);
	if (ok)
		points_choose(all, which, chosen);
	free(which);
	return ok;
}

static bool compare_as_many(state *s, const crowd *real_ones, fault *e)
{
	points fakes = {0};
	if (s->fakes.kept.n == s->v->kept)
		return compare_points(s, real_ones, &s->fakes.kept, e);
	const bool ok = peers_agree(choose_fakes(s, &fakes, e), e) && compare_points(s, real_ones, &fakes, e);
	points_free(&fakes);
	return ok;
}

static bool judge_certainty(state *s, const crowd *real_ones, fault *e)
{
	evaluation *v = s->v;
	const crowd *f = &s->fakes;
	const uint64_t seed = s->t->seed;
	const int K = s->classes;
	v->real_is = (mean_sd){NAN, NAN};
	v->has_is = v->fakes >= INCEPTION_SPLITS;
	return !v->has_is || (inception_scores(f->p, f->kept.n, K, INCEPTION_SPLITS, seed, &v->is, e)
		&& inception_scores(f->p, f->kept.n, K, 1, seed, &v->is_whole, e)
		&& (real_ones->kept.n < INCEPTION_SPLITS
			|| inception_scores(real_ones->p, real_ones->kept.n, K, INCEPTION_SPLITS, seed, &v->real_is,
				e)));
}

static bool judge_classes(state *s, crowd *real_ones, fault *e)
{
	evaluation *v = s->v;
	crowd *f = &s->fakes;
	v->classes = s->classes;
	if (!s->classes)
		return true;
	v->real_histogram = real_ones->histogram;
	v->histogram = f->histogram;
	real_ones->histogram = f->histogram = NULL;
	if (!f->p)
		return true;
	v->modes = modes_of(v->histogram, s->classes);
	v->kl = histogram_kl(v->histogram, s->t->even ? NULL : v->real_histogram, s->classes);
	v->has_right = f->labelled > 0;
	v->right = f->labelled ? (double)f->right / (double)f->labelled : 0;
	v->real_right = real_ones->labelled ? (double)real_ones->right / (double)real_ones->labelled : NAN;
	return judge_certainty(s, real_ones, e);
}

static bool find_copies(state *s, fault *e)
{
	tell(s, "copies");
	if (!s->search.wanted)
		return true;
	if (!copy_search_end(&s->search, s->v, e))
		return false;
	if (s->t->pairs && peers_rank() == 0)
		(void)copy_search_draw(&s->search, s->v, &s->judged, s->t->pairs, &s->v->no_picture);
	return true;
}

static bool compare(state *s, fault *e)
{
	crowd *real_ones = s->t->split == SPLIT_TRAIN ? &s->train : &s->test;
	crowd *others = s->t->split == SPLIT_TRAIN ? &s->test : &s->train;
	return distances(s, real_ones, others, e) && compare_as_many(s, real_ones, e)
		&& peers_agree(judge_classes(s, real_ones, e), e) && find_copies(s, e);
}

/* ---- everything ---- */

static bool begin(state *s, fault *e)
{
	const evaluate_task *t = s->t;
	const image_source *real_ones = t->split == SPLIT_TRAIN ? t->train : t->test;
	const int64_t D = lens_count(t->look);
	must(real_ones && (t->split == SPLIT_TRAIN || t->split == SPLIT_TEST), "evaluation against nothing");
	s->classes = lens_classes(t->look) ? lens_classes(t->look) : real_ones->classes;
	*s->v = (evaluation){.fakes = t->fakes.n, .reals = real_ones->n, .features = D,
		.kept = MIN(t->fakes.n, real_ones->n), .copy_size = pool_size(t->fakes.size, COPY_SIDE_MAX)};
	s->judged = known(&t->fakes, s->classes);
	s->learnt = known(t->train, s->classes);
	s->unseen = known(t->test, s->classes);
	if (!match_labels(s, real_ones, e))
		return false;
	s->by_class = s->classes > 0 && (double)s->classes * (double)(D * D) * 2 * sizeof(double) <= CLASS_BYTES_MAX
		&& (lens_classes(t->look) || s->judged.classes);
	s->search.wanted = t->train != NULL;
	return true;
}

bool evaluate(const evaluate_task *t, evaluation *out, fault *e)
{
	state s = {.t = t, .v = out};
	const bool ok = peers_agree(begin(&s, e), e)
		&& (out->kept >= 2 || fault_set(e, "an evaluation needs two images or more of each kind"))
		&& (!t->train || same_size(&t->fakes, t->train, e)) && (!t->test || same_size(&t->fakes, t->test, e))
		&& read_fakes(&s, out->kept, e) && read_test(&s, e)
		&& read_train(&s, e) && compare(&s, e);
	copy_search_free(&s.search);
	free(s.as);
	crowd_free(&s.fakes);
	crowd_free(&s.train);
	crowd_free(&s.test);
	return ok;
}

void evaluation_free(evaluation *v)
{
	free(v->histogram);
	free(v->real_histogram);
	free(v->class_fid);
	free(v->class_n);
	*v = (evaluation){0};
}
