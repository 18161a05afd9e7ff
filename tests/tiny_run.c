#include "tests/tiny_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "gan/train/trainer_internal.h"

#define TINY_MODEL(network_and_size) \
	"seed: 7\nsteps: 12\nbatch: 4\n" \
	"model: {" network_and_size ", channels: 1, classes: 2, latent: 8, g_channels: 8, d_channels: 8," \
	" layers_g: [8], layers_d: [8]}\n"
#define TINY_RECIPE \
	"data: {flip: true}\n" \
	"loss: {penalty: r1, penalty_weight: 1, penalty_every: 2}\n" \
	"optim: {lr_g: 1e-3, lr_d: 2e-3, beta1: 0.5, beta2: 0.9, d_steps: 2, accumulate: 2, clip_norm: 5," \
	" schedule: cosine, warmup: 3}\n" \
	"ema: {decay: 0.9, start: 3}\n" \
	"augment: {policy: [color, translation, cutout]}\n" \
	"train: {log_every: 3, sample_every: 0, checkpoint_every: 4, sample_count: 4, keep: 2," \
	" score_count: 6}\n"

const char TINY_FULL[] = TINY_MODEL("network: resnet, size: 16") TINY_RECIPE;
const char TINY_TALL[] = TINY_MODEL("network: resnet, size: [24, 16]") TINY_RECIPE;
const char TINY_WIDE[] = TINY_MODEL("network: dcgan, conditional: true, d_batch_norm: false, size: [16, 28]")
	TINY_RECIPE;

const char TINY_PAIRS[] = TINY_MODEL("network: resnet, size: 16")
	"loss: {name: rpgan, penalty: r1r2, penalty_weight: [1, 0.1], penalty_weight_fake: [0.5, 0.2]}\n"
	"optim: {lr_g: 1e-3, lr_d: 1e-3, beta2: [0.9, 0.99], accumulate: 2}\n"
	"ema: {half_life: [8, 60], rampup: 0.5}\n"
	"augment: {policy: [color, translation], probability: [0, 0.6]}\n"
	"train: {log_every: 3, sample_every: 0, checkpoint_every: 4, sample_count: 4, keep: 2,"
	" score_count: 6}\n";

const char TINY_HELPED[] = TINY_MODEL("network: resnet, size: 16")
	"loss: {name: ns, penalty: r1, penalty_every: 2, lecam_weight: 0.3, lecam_decay: 0.9, lecam_start: 1,"
	" cr_weight: 10, cr_weight_fake: 5, zcr_weight: 20, zcr_weight_g: 0.5,"
	" top_k: 0.5, top_k_decay: 0.9, top_k_start: 1}\n"
	"augment: {policy: [flip, rotate90, shift, color, scale, rotate, stretch, fraction], target: 0.5, images: 50}\n"
	"optim: {lr_g: 1e-3, lr_d: 1e-3, d_steps: 2, accumulate: 2}\n"
	"train: {log_every: 3, sample_every: 0, checkpoint_every: 4, sample_count: 4, keep: 2, score_count: 6}\n";

const char TINY_PLAIN[] = TINY_MODEL("network: resnet, size: 16")
	"optim: {lr_g: 2e-3, lr_d: 2e-3}\n"
	"ema: {decay: 0.9}\n"
	"train: {log_every: 3, sample_every: 0, checkpoint_every: 4, sample_count: 4, keep: 2,"
	" score_count: 6}\n";

const char TINY_MNISTGANS[] =
	"seed: 7\nsteps: 4\nbatch: 2\n"
	"model: {network: mnistgans28, size: 28, channels: 1, latent: 8, conditional: false, attention: mnistgans,"
	" spectral_norm_g: false, spectral_norm_d: false}\n"
	"loss: {name: keras_hinge, d_batch: joint}\n";

config tiny_config(const char *text, const char *const *set)
{
	config c;
	fault e = {.text = ""};
	config_init(&c);
	must(config_parse(&c, text, strlen(text), "tiny.yaml", &e), "%s", e.text);
	for (int i = 0; set && set[i]; i++)
		must(config_set(&c, set[i], &e), "%s", e.text);
	must(config_check(&c, &e), "%s", e.text);
	return c;
}

/* Image i: a bright bar, upright for even classes and flat for odd ones, and a blob, both placed by i. */
static void paint(uint8_t *x, net_size size, int64_t i, int class)
{
	const int side = net_size_shorter(size);
	int bar = 1 + (int)(i * 5 % (side - 4)), blob = 2 + (int)(i * 7 % (side - 6));
	for (int r = 0; r < size.h; r++)
		for (int c = 0; c < size.w; c++) {
			int along = class % 2 ? r : c;
			bool on = along == bar || along == bar + 1;
			bool dot = abs(r - blob) + abs(c - (size.w - 1 - blob)) <= 2;
			x[r * size.w + c] = on ? 230 : dot ? 160 : 12;
		}
}

dataset *tiny_data(int64_t n, int side, int classes)
{
	return tiny_data_of(n, net_square(side), classes);
}

dataset *tiny_data_of(int64_t n, net_size size, int classes)
{
	dataset *d = mem_zero(1, sizeof *d, NULL);
	must(d, "out of memory");
	*d = (dataset){.kind = "idx", .n = n, .h = size.h, .w = size.w, .c = 1, .classes = classes};
	d->path = text_copy("tiny", NULL);
	d->pixels = mem_new((size_t)(n * size.h * size.w), 1, NULL);
	d->label = mem_new((size_t)n, sizeof *d->label, NULL);
	d->class_name = mem_zero((size_t)classes, sizeof *d->class_name, NULL);
	must(d->path && d->pixels && d->label && d->class_name, "out of memory");
	for (int k = 0; k < classes; k++) {
		char name[16];
		snprintf(name, sizeof name, "%d", k);
		d->class_name[k] = text_copy(name, NULL);
	}
	for (int64_t i = 0; i < n; i++) {
		d->label[i] = (int32_t)(i % classes);
		paint(d->pixels + i * size.h * size.w, size, i, d->label[i]);
	}
	return d;
}

static uint64_t hash(uint64_t h, const void *x, size_t n)
{
	const unsigned char *p = x;
	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3u;
	return h;
}

static uint64_t hash_module(uint64_t h, const module *m)
{
	h = hash(h, module_param_block(m), (size_t)module_block_size(m) * sizeof(real));
	return hash(h, module_state_block(m), (size_t)module_state_size(m) * sizeof(real));
}

static uint64_t hash_optimizer(uint64_t h, const optimizer *o)
{
	int64_t count = optimizer_count(o);
	for (int i = 0; i < optimizer_slots(o); i++)
		h = hash(h, optimizer_slot(o, i), (size_t)optimizer_size(o) * sizeof(real));
	return hash(h, &count, sizeof count);
}

typedef struct place {
	int64_t key, image;
} place;

static int by_key(const void *a, const void *b)
{
	const place *x = a, *y = b;
	return (x->key > y->key) - (x->key < y->key);
}

void order_by_class(dataset *d, bool in_turn)
{
	const int64_t size = dataset_image_bytes(d), n = d->n;
	uint8_t *pixels = malloc((size_t)(n * size));
	place *of = malloc((size_t)n * sizeof *of);
	int64_t *many = calloc((size_t)d->classes, sizeof *many);
	must(pixels && of && many, "no memory");
	for (int64_t i = 0; i < n; i++) {
		const int64_t c = d->label[i], before = many[c]++;
		of[i] = (place){in_turn ? before * d->classes + c : c * n + before, i};
	}
	qsort(of, (size_t)n, sizeof *of, by_key);
	for (int64_t i = 0; i < n; i++) {
		memcpy(pixels + i * size, d->pixels + of[i].image * size, (size_t)size);
		of[i].image = d->label[of[i].image];
	}
	for (int64_t i = 0; i < n; i++)
		d->label[i] = (int32_t)of[i].image;
	memcpy(d->pixels, pixels, (size_t)(n * size));
	free(pixels);
	free(of);
	free(many);
}

/* Taken from the parts, not from trainer_list, which may forget one. */
uint64_t tiny_hash(trainer *t)
{
	uint64_t h = hash_module(0xcbf29ce484222325u, t->pg.m);
	h = hash_module(h, t->pd.m);
	if (t->average)
		h = hash_module(h, network_module(t->average));
	h = hash_optimizer(h, t->pg.opt);
	h = hash_optimizer(h, t->pd.opt);
	h = hash(h, t->stream, sizeof t->stream);
	loader_place p = loader_position(t->loader);
	h = hash(h, &p, sizeof p);
	h = hash(h, &t->step, sizeof t->step);
	h = hash(h, &t->d_updates, sizeof t->d_updates);
	h = hash(h, t->sum, sizeof t->sum);
	const real *lecam = t->lecam->x;             /* runs of version 0.1.0 have none */
	h = lecam[0] != 0 || lecam[1] != 0 ? hash(h, lecam, 2 * sizeof *lecam) : h;
	return t->cfg.augment_target > 0 ? hash(h, t->adapt, sizeof t->adapt) : h;
}
