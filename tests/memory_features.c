/* memory_features.c - classifiers and networks for features, when memory runs out (test_memory.c). */
#include "tests/memory.h"

#include <string.h>

#include "core/base/local.h"
#include "data/dataset.h"
#include "gan/classify/class_trainer.h"
#include "gan/score/features.h"
#include "tests/scratch.h"
#include "tests/tiny_run.h"

static config cfg;                                   /* of make_config */
static dataset *data;

static void make_config(void)
{
	static const char text[] = "batch: 4\nclassify: {width: 2}\naugment: {policy: none}\n";
	fault e;
	config_init_for(&cfg, CONFIG_CLASSIFIER);
	must(config_parse(&cfg, text, strlen(text), "tiny", &e) && config_check(&cfg, &e), "%s", e.text);
	data = tiny_data(8, 8, 2);
}

static void free_config(void)
{
	dataset_free(data);
	config_free(&cfg);
}

static bool go_trainer(fault *e)
{
	double loss;
	int64_t right;
	class_trainer *t = class_trainer_new(&cfg, data, e);
	const bool ok = t && class_trainer_step(t, &loss, e) && class_trainer_save(t, scratch_at("c.state"), e)
		&& class_trainer_load(t, scratch_at("c.state"), e)
		&& classifier_test(class_trainer_average(t), data, &right, e);
	class_trainer_free(t);
	return ok;
}

static bool open_features(const char *spec, int side, fault *e)
{
	const dataset like = {.h = side, .w = side, .c = 1};
	features *f = features_open(spec, &like, e);
	features_free(f);
	return f != NULL;
}

static bool go_shipped(fault *e)
{
	return open_features("mnist", 28, e);
}

const memory_subject memory_features[MEMORY_FEATURES] = {
	{"features: a classifier learns", go_trainer, make_config, free_config},
	{"features: a classifier", go_shipped, NULL, NULL},
};
