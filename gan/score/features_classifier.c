/* features_classifier.c - the mean of a classifier's last map (gan/classify/classifier.h) as features. */
#include "gan/classify/classifier_file.h"
#include "gan/score/features_internal.h"

#include <stdio.h>
#include <string.h>

static bool fits(const classifier_options *o, const dataset *like, fault *e)
{
	return (o->size.h == like->h && o->size.w == like->w && o->channels == like->c)
		|| fault_set(e, "made for images of %dx%dx%d, these are %dx%dx%d", o->size.h, o->size.w, o->channels,
			like->h, like->w, like->c);
}

static bool is_classifier(const feature_file *f)
{
	return strcmp(f->kind, CLASSIFIER_KIND) == 0;
}

static bool open_classifier(feature_net *n, const feature_file *f, const dataset *like, fault *e)
{
	classifier_record r;
	if (f->option[0])
		return fault_set(e, ":%.60s: a classifier has no choice of layers", f->option);
	classifier *c = classifier_read(f->h5, &r, e);
	if (!c)
		return false;
	n->net = c;
	snprintf(n->about, sizeof n->about, "%s classifier, %.2f %% of %lld test images right", r.name,
		100 * r.accuracy, (long long)r.tested);
	classifier_record_free(&r);
	if (!fits(classifier_options_of(c), like, e))
		return false;
	n->scores = classifier_apply(n->g, c, graph_leaf(n->g, n->x), (mode){0}, &n->features);
	return graph_ok(n->g, e);
}

static void free_classifier(void *net)
{
	classifier_free(net);
}

extern const feature_kind features_classifier;
const feature_kind features_classifier = {
	.batch = 64, .is = is_classifier, .open = open_classifier, .free = free_classifier,
};
