/* evaluate_print.c - see evaluate_print.h. */
#include "tools/evaluate_print.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/base/local.h"
#include "core/base/text.h"
#include "core/base/version.h"

/* A FID of fewer images for each feature is visibly too large: with 2048 features that of 50,000 is not, of 10,000 by
 * some points (arXiv 1911.07023, figure 1). */
enum { IMAGES_PER_FEATURE = 20 };

/* ---- for people ---- */

static char *tag(const protocol *p, char *buf, size_t size)
{
	char cut[32];
	snprintf(cut, sizeof cut, p->truncation > 0 ? "truncation %g" : "no truncation", p->truncation);
	if (p->weights)
		snprintf(buf, size, "%s, seed %llu, %s, batch norm %s, %s", lens_short(p->look),
			(unsigned long long)p->seed, p->weights, p->batch_norm, cut);
	else
		snprintf(buf, size, "%s, seed %llu, images from files", lens_short(p->look),
			(unsigned long long)p->seed);
	return buf;
}

/* "FID   0.14   10000 against 60000 of train [..]" */
static void line(const protocol *p, const char *name, const char *value, int64_t n, int64_t m, const char *fmt, ...)
	PRINTF_LIKE(6, 7);
static void line(const protocol *p, const char *name, const char *value, int64_t n, int64_t m, const char *fmt, ...)
{
	char how[256], facts[256];
	va_list args;
	va_start(args, fmt);
	vsnprintf(how, sizeof how, fmt, args);
	va_end(args);
	printf("%-16s %-20s %lld images", name, value, (long long)n);
	if (m)
		printf(" against %lld of %s", (long long)m, p->split);
	printf("%s%s  [%s]\n", how[0] ? "; " : "", how, text_plain(tag(p, facts, sizeof facts), 0));
}

static const char *number(double x)
{
	static char buf[4][64];
	static int next;
	next = (next + 1) % COUNT(buf);
	snprintf(buf[next], sizeof buf[next], "%.4f", x);
	return buf[next];
}

static const char *spread(mean_sd x)
{
	static char buf[2][64];
	static int next;
	next = (next + 1) % COUNT(buf);
	snprintf(buf[next], sizeof buf[next], "%.4f +- %.4f", x.mean, x.sd);
	return buf[next];
}

static void print_points(const protocol *p, const evaluation *v)
{
	const struct {
		const char *name;
		double value;
		int k;
	} row[] = {{"precision", v->points.precision, PRECISION_K}, {"recall", v->points.recall, PRECISION_K},
		{"density", v->points.density, DENSITY_K}, {"coverage", v->points.coverage, DENSITY_K}};
	for (int i = 0; v->has_manifold && i < COUNT(row); i++)
		line(p, row[i].name, number(row[i].value), v->kept, v->kept, "k = %d", row[i].k);
}

static void print_classes(const protocol *p, const evaluation *v)
{
	enum { SHOWN = 40, NAME = 14 };
	if (v->has_is) {
		char real_ones[96] = "";
		if (!isnan(v->real_is.mean))
			snprintf(real_ones, sizeof real_ones, "; of %lld real images %s", (long long)v->kept,
				number(v->real_is.mean));
		line(p, "IS", spread(v->is), v->fakes, 0, "%d splits%s", INCEPTION_SPLITS, real_ones);
		line(p, "IS, one split", number(v->is_whole.mean), v->fakes, 0, "%s", "");
	}
	if (v->has_right)
		line(p, "labels right", number(v->right), v->fakes, 0, "of real images %.4f", v->real_right);
	if (v->modes) {
		char of[64];
		snprintf(of, sizeof of, "%d of %d", v->modes, v->classes);
		line(p, "modes", of, v->fakes, 0, "%s", "");
		line(p, "KL of classes", number(v->kl), v->fakes, 0, "from %s", p->even ? "equal shares" : p->split);
	}
	if (v->class_fid)
		line(p, "FID by class", number(v->class_fid_mean), v->fakes, v->reals, "%s", "mean");
	if (v->classes > SHOWN)
		return;
	for (int k = 0; k < v->classes; k++) {
		const char *name = p->class_name ? p->class_name[k] : "";
		int columns;
		const int bytes = text_first(name, NAME, &columns);
		printf("  %.*s%*s %8lld images, %8lld real", bytes, name, NAME - columns, "",
			(long long)v->histogram[k], (long long)v->real_histogram[k]);
		if (v->class_fid && !isnan(v->class_fid[k]))
			printf(", FID %.4f of %lld and %lld by %s", v->class_fid[k], (long long)v->class_n[k],
				(long long)v->class_n[v->classes + k], v->by_label ? "label" : "classifier");
		puts("");
	}
}

static void print_copies(const protocol *p, const evaluation *v)
{
	const copies *c = &v->copied;
	if (!v->has_copies)
		return;
	printf("nearest          %-20s of %lld images to %lld training images, as pixels %dx%d, median\n",
		number(c->fakes), (long long)v->copy_fakes, (long long)v->copy_train, v->copy_size.h, v->copy_size.w);
	if (v->has_test) {
		printf("                 %-20s of %lld test images; ratio %.4f\n", number(c->tests),
			(long long)v->copy_tests, c->ratio);
		printf("copies           %-20s of the images are nearer than all but 0.01 of the test images\n",
			number(c->near));
	}
	for (int i = 0; i < v->pairs; i++)
		printf("%s%lld:%lld %.3f%s", i ? ", " : "  closest (image:training image) ",
			(long long)v->pair[i].fake, (long long)v->pair[i].train, v->pair[i].distance,
			i + 1 == v->pairs ? "\n" : "");
	if (p->pairs)
		printf("  picture: %s\n", text_show(p->pairs).s);
}

void evaluation_print(const protocol *p, const evaluation *v)
{
	printf("judged: %s", text_show(p->judged).s);
	if (p->step >= 0)
		printf(", step %lld", (long long)p->step);
	printf("\nagainst: %s, %s, checksum %016llx\nfeatures: %s; %lld numbers\n",
		text_show(p->against).s, p->split, (unsigned long long)p->checksum, text_show(lens_about(p->look)).s,
		(long long)v->features);
	line(p, "FID", number(v->fid), v->fakes, v->reals, "%s", lens_is_pixels(p->look) ? "of pixels" : "");
	if (v->has_floor)
		line(p, "  floor", number(v->floor), v->floor_n, v->reals, "%s",
			"real images of the other part in place of the judged ones");
	if (v->has_kid && v->kid_size < v->kept)
		line(p, "KID", spread(v->kid), v->kept, v->kept, "%d subsets of %lld", KID_SUBSETS,
			(long long)v->kid_size);
	else if (v->has_kid)
		line(p, "KID", number(v->kid.mean), v->kept, v->kept, "%s", "of all, so without a deviation");
	print_points(p, v);
	print_classes(p, v);
	print_copies(p, v);
}

void evaluation_warn(const protocol *p, const evaluation *v, const char *why, const char *no_other)
{
	if (*why)
		fprintf(stderr, "sagan: warning: no network for features: %s; pixels are compared, which is not the "
			"FID of papers\n", text_show(why).s);
	if (v->no_labels.text[0])
		fprintf(stderr, "sagan: warning: the labels of the judged images are not used, so there are no scores "
			"of them: %s\n", text_show(v->no_labels.text).s);
	if (v->fakes < IMAGES_PER_FEATURE * v->features)
		fprintf(stderr, "sagan: warning: %lld images are few for %lld features: their FID is too large; "
			"compare it with the floor, and only with FIDs of as many images\n", (long long)v->fakes,
			(long long)v->features);
	if (v->has_kid && v->kid_size < KID_SIZE)
		fprintf(stderr, "sagan: warning: KID is of subsets of %lld images, usual are %d\n",
			(long long)v->kid_size, KID_SIZE);
	if (!v->has_floor)
		fprintf(stderr, "sagan: warning: %s has one part only%s%s: no floor, and no test images beside the "
			"copies\n", text_show(p->against).s, *no_other ? ": " : "", no_other);
}

/* ---- for programs ---- */

static void put_counts(json_t *o, const char *key, const int64_t *x, int n, bool *ok)
{
	json_t *list = json_array();
	for (int i = 0; x && i < n; i++)
		json_add(list, json_integer(x[i]), ok);
	json_put(o, key, list, ok);
}

static json_t *facts(const protocol *p, const evaluation *v, bool *ok)
{
	char sum[32];
	json_t *o = json_object();
	snprintf(sum, sizeof sum, "%016llx", (unsigned long long)p->checksum);
	json_put(o, "program", json_text("sagan " SAGAN_VERSION), ok);
	json_put(o, "judged", json_text(p->judged), ok);
	json_put(o, "step", p->step >= 0 ? json_integer(p->step) : json_null(), ok);
	json_put(o, "images", json_integer(v->fakes), ok);
	json_put(o, "seed", json_integer((json_int_t)p->seed), ok);
	json_put(o, "weights", p->weights ? json_text(p->weights) : json_null(), ok);
	json_put(o, "batch_norm", p->weights ? json_text(p->batch_norm) : json_null(), ok);
	json_put(o, "truncation", p->truncation > 0 ? json_real(p->truncation) : json_null(), ok);
	json_put(o, "against", json_text(p->against), ok);
	json_put(o, "split", json_text(p->split), ok);
	json_put(o, "real_images", json_integer(v->reals), ok);
	json_put(o, "checksum", json_text(sum), ok);
	json_put(o, "features", json_text(lens_about(p->look)), ok);
	json_put(o, "feature_count", json_integer(v->features), ok);
	json_put(o, "images_of_points", json_integer(v->kept), ok);
	return o;
}

static void put_points(json_t *o, const evaluation *v, bool *ok)
{
	json_put(o, "kid", v->has_kid ? json_number(v->kid.mean) : json_null(), ok);
	json_put(o, "kid_sd", v->has_kid && v->kid_size < v->kept ? json_number(v->kid.sd) : json_null(), ok);
	json_put(o, "kid_subset", json_integer(v->kid_size), ok);
	json_put(o, "precision", v->has_manifold ? json_number(v->points.precision) : json_null(), ok);
	json_put(o, "recall", v->has_manifold ? json_number(v->points.recall) : json_null(), ok);
	json_put(o, "density", v->has_manifold ? json_number(v->points.density) : json_null(), ok);
	json_put(o, "coverage", v->has_manifold ? json_number(v->points.coverage) : json_null(), ok);
}

static void put_classes(json_t *o, const protocol *p, const evaluation *v, bool *ok)
{
	json_t *of_class = json_array();
	json_put(o, "is", v->has_is ? json_number(v->is.mean) : json_null(), ok);
	json_put(o, "is_sd", v->has_is ? json_number(v->is.sd) : json_null(), ok);
	json_put(o, "is_real", v->has_is ? json_number(v->real_is.mean) : json_null(), ok);
	json_put(o, "is_real_sd", v->has_is ? json_number(v->real_is.sd) : json_null(), ok);
	json_put(o, "is_one_split", v->has_is ? json_number(v->is_whole.mean) : json_null(), ok);
	json_put(o, "labels_right", v->has_right ? json_number(v->right) : json_null(), ok);
	json_put(o, "labels_right_real", v->has_right ? json_number(v->real_right) : json_null(), ok);
	json_put(o, "classes", json_integer(v->classes), ok);
	json_put(o, "modes", v->modes ? json_integer(v->modes) : json_null(), ok);
	json_put(o, "kl", v->modes ? json_number(v->kl) : json_null(), ok);
	json_put(o, "kl_from", json_text(p->even ? "equal shares" : p->split), ok);
	put_counts(o, "histogram", v->histogram, v->classes, ok);
	put_counts(o, "histogram_real", v->real_histogram, v->classes, ok);
	for (int k = 0; v->class_fid && k < v->classes; k++)
		json_add(of_class, json_number(v->class_fid[k]), ok);
	json_put(o, "fid_by_class", of_class, ok);
	json_put(o, "fid_by_class_mean", v->class_fid ? json_number(v->class_fid_mean) : json_null(), ok);
}

static json_t *copies_object(const protocol *p, const evaluation *v, bool *ok)
{
	json_t *o = json_object(), *list = json_array();
	json_put(o, "images", json_integer(v->copy_fakes), ok);
	json_put(o, "test_images", json_integer(v->copy_tests), ok);
	json_put(o, "training_images", json_integer(v->copy_train), ok);
	json_put(o, "median", json_number(v->copied.fakes), ok);
	json_put(o, "median_test", v->has_test ? json_number(v->copied.tests) : json_null(), ok);
	json_put(o, "ratio", v->has_test ? json_number(v->copied.ratio) : json_null(), ok);
	json_put(o, "near", v->has_test ? json_number(v->copied.near) : json_null(), ok);
	for (int i = 0; i < v->pairs; i++)
		json_add(list, json_pack("{s:I,s:I,s:f}", "image", (json_int_t)v->pair[i].fake, "training_image",
			(json_int_t)v->pair[i].train, "distance", v->pair[i].distance), ok);
	json_put(o, "pairs", list, ok);
	json_put(o, "picture", p->pairs ? json_text(p->pairs) : json_null(), ok);
	return o;
}

bool evaluation_print_json(const protocol *p, const evaluation *v, fault *e)
{
	bool ok = true;
	json_t *o = facts(p, v, &ok);
	json_put(o, "fid", json_number(v->fid), &ok);
	json_put(o, "floor", v->has_floor ? json_number(v->floor) : json_null(), &ok);
	json_put(o, "floor_images", json_integer(v->floor_n), &ok);
	put_points(o, v, &ok);
	put_classes(o, p, v, &ok);
	json_put(o, "copies", v->has_copies ? copies_object(p, v, &ok) : json_null(), &ok);
	char *text = ok ? json_dumps(o, JSON_INDENT(2)) : NULL;
	json_decref(o);
	if (!text)
		return fault_set(e, "out of memory (JSON)");
	puts(text);
	free(text);
	return true;
}
