/* test_memory.c - memory that runs out: each allocation of the library fails once, in every part of it that allocates.
 *
 * The call then returns an error of one line, nothing that it took is left behind, and what it was given is as it was.
 * To look at one in a debugger: SUBJECT=export ALLOCATION=12 CK_FORK=no, and a breakpoint where fails() says yes.
 *
 * The program is linked with --wrap for malloc and its kin, so that calls of the library and of this program come here
 * first; those of other libraries do not. */
#include <check.h>
#include <errno.h>
#include <hdf5.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/graph/ops.h"
#include "core/h5/h5.h"
#include "core/kernels/blas.h"
#include "core/plan/plan.h"
#include "data/loader.h"
#include "data/picture/chart.h"
#include "data/picture/moving.h"
#include "data/picture/png.h"
#include "gan/checkpoint/checkpoint.h"
#include "gan/checkpoint/rundir.h"
#include "gan/config/config_apply.h"
#include "gan/keras/export.h"
#include "gan/keras/file/read.h"
#include "gan/log/events.h"
#include "gan/sample/attention_file.h"
#include "gan/sample/gaze.h"
#include "gan/sample/image_file.h"
#include "gan/sample/network_sampler.h"
#include "gan/sample/pictures.h"
#include "gan/sample/request.h"
#include "gan/score/evaluate.h"
#include "gan/train/run.h"
#include "gan/train/trainer.h"
#include "gan/web/web.h"
#include "layers/attention.h"
#include "layers/conv.h"
#include "layers/norm.h"
#include "optim/optimizer.h"
#include "tests/data_files.h"
#include "tests/memory.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

/* ---- the memory below ---- */

enum { SLOTS = 1 << 18 };                            /* more than any subject holds at once */

static struct {
	pthread_mutex_t lock;
	pid_t owner;                                 /* who is tried */
	bool counting, inside;                       /* inside: allocations of its children count, in each for itself */
	long made;                                   /* allocations since counting began */
	long failing;                                /* the number of the one that fails; 0: none */
	long live;                                   /* made while counting and not freed */
	void *at[SLOTS];                             /* open hash of those */
} heap = {.lock = PTHREAD_MUTEX_INITIALIZER};

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t align, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void *__wrap_aligned_alloc(size_t align, size_t n);
void __wrap_free(void *p);

static char dropped;                                 /* marks a slot that was used: searches go on behind it */

static size_t first_slot(const void *p)
{
	return (size_t)((uintptr_t)p / 16 * 0x9e3779b97f4a7c15u >> 32) % SLOTS;
}

static void note(void *p)
{
	size_t k = first_slot(p);
	while (heap.at[k] && heap.at[k] != &dropped)
		k = (k + 1) % SLOTS;
	heap.at[k] = p;
	heap.live++;
}

static void forget(const void *p)
{
	for (size_t k = first_slot(p); heap.at[k]; k = (k + 1) % SLOTS)
		if (heap.at[k] == p) {
			heap.at[k] = &dropped;
			heap.live--;
			return;
		}
}

/* Whether this allocation is the one that fails. */
static bool fails(void)
{
	pthread_mutex_lock(&heap.lock);
	const bool counts = heap.counting && (getpid() != heap.owner) == heap.inside;
	const bool yes = counts && ++heap.made == heap.failing;
	pthread_mutex_unlock(&heap.lock);
	if (yes)
		errno = ENOMEM;
	return yes;
}

/* `old` became p: NULL when there was none. */
static void *moved(void *old, void *p)
{
	pthread_mutex_lock(&heap.lock);
	if (old)
		forget(old);
	if (p && heap.counting)
		note(p);
	pthread_mutex_unlock(&heap.lock);
	return p;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : moved(NULL, __real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : moved(NULL, __real_calloc(n, size));
}

void *__wrap_aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : moved(NULL, __real_aligned_alloc(align, n));
}

void *__wrap_realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	void *const q = __real_realloc(p, n);
	return q ? moved(p, q) : NULL;
}

void __wrap_free(void *p)
{
	if (p)
		moved(p, NULL);
	__real_free(p);
}

/* Runs `go` with its k-th allocation failing (0: none), or inside of it each child's k-th; *made: how many it asked
 * for, *left: how many it kept. */
static bool run_failing(bool (*go)(fault *), bool inside, long k, fault *e, long *made, long *left)
{
	heap.owner = getpid();
	heap.inside = inside;
	memset(heap.at, 0, sizeof heap.at);
	heap.made = heap.live = 0;
	heap.failing = k;
	e->text[0] = '\0';
	heap.counting = true;
	const bool ok = go(e);
	heap.counting = false;
	*made = heap.made;
	*left = heap.live;
	return ok;
}

/* ---- graphs and plans ---- */

static buffer *leaf[6];

static void make_leaves(void)
{
	const shape s[] = {
		SHAPE(2, 4, 4, 8), SHAPE(3, 3, 8, 8), SHAPE(8), SHAPE(2, 16, 4), SHAPE(2, 1), SHAPE(2, 4, 4, 8)
	};
	for (int i = 0; i < COUNT(leaf); i++)
		leaf[i] = buffer_new("leaf", s[i], NULL);
}

static void free_leaves(void)
{
	for (int i = 0; i < COUNT(leaf); i++)
		buffer_free(leaf[i]);
}

/* A little of everything: convolution with an epilogue, statistics, attention, a chain, products, a penalty. */
static node *some_value(graph *g, node **x)
{
	node *mean, *var, *w = graph_leaf(g, leaf[1]), *b = graph_leaf(g, leaf[2]), *q = graph_leaf(g, leaf[3]);
	*x = graph_leaf(g, leaf[0]);
	graph_push(g, "block");
	node *y = op_relu(g, op_add(g, op_conv2d(g, *x, w, (conv_geometry){1, 1, 1, 1, 1, 1, 1, 0}), b));
	graph_called(g, "conv", leaf[1], *x, NULL, y);
	graph_pop(g);
	op_moments(g, y, 7, &mean, &var);
	y = op_mul(g, op_sub(g, y, mean), op_rsqrt(g, op_add_scalar(g, var, 1e-3)));
	node *a = op_attention_blocked(g, q, q, q, 0.5);
	return op_add(g, op_mean_all(g, op_tanh(g, op_avg_pool(g, y, (window_geometry){2, 2, 2, 2, 0, 0, 0, 0}))),
		op_mean_all(g, op_square(g, a)));
}

/* leaf 4 says whether a value that is not finite is to be found. */
static bool plan_some_value(unsigned flags, fault *e)
{
	graph *g = graph_new(e);
	if (!g)
		return false;
	graph_trace(g, true);
	node *x, *d, *y = some_value(g, &x);
	graph_grad(g, y, NULL, &x, 1, &d);
	node *penalty = op_sum_all(g, op_square(g, d)), *out[3] = {y, penalty, NULL};
	node *const wrt[] = {x, graph_leaf(g, leaf[1])};
	node *second[2];
	graph_grad(g, penalty, NULL, wrt, 2, second);
	out[2] = second[1];
	graph_assign(g, leaf[5], second[0]);
	plan *p = plan_new(g, out, 3, flags, e);
	bool ok = p != NULL;
	if (p && plan_profile(p, e))
		plan_run(p);
	else
		ok = false;
	char where[200];
	if (ok && leaf[4]->x[0] < 0 && !plan_find_bad(p, where, sizeof where))
		ok = fault_set(e, "no memory to find the bad value");
	plan_free(p);
	graph_free(g);
	return ok;
}

static bool go_plan_steady(fault *e)
{
	graph *g = graph_new(e);
	if (!g)
		return false;
	node *x, *y = some_value(g, &x);
	plan *p = plan_steady(g, &y, 1, &x, 1, e);
	const bool ok = p != NULL;
	if (p) {
		plan_run(p);
		plan_renew(p);
		plan_run(p);
	}
	plan_free(p);
	graph_free(g);
	return ok;
}

static bool go_plan(fault *e) { return plan_some_value(0, e); }
static bool go_plan_unfused(fault *e) { return plan_some_value(PLAN_NO_FUSE, e); }

/* In a debug run every value has memory of its own; without it nothing is found, and that is no crash. */
static bool go_find_bad(fault *e)
{
	leaf[2]->x[0] = NAN;
	leaf[4]->x[0] = -1;
	const bool ok = plan_some_value(0, e);
	leaf[2]->x[0] = leaf[4]->x[0] = 0;
	return ok;
}

/* ---- modules, optimiser ---- */

static bool go_module(fault *e)
{
	module *m = module_new(e), *copy = module_new(e);
	rng r = rng_new(1, "memory");
	conv c, c2;
	batch_norm b;
	if (!m || !copy) {
		module_free(m);
		module_free(copy);
		return false;
	}
	const sn_options sn = {.on = true, .iterations = 1, .eps = 1e-6};
	const init orthogonal = {INIT_ORTHOGONAL, 1};
	module_push(m, "block");
	conv_init(m, &c, "conv", 4, conv_same(8, 3, orthogonal, sn));
	batch_norm_init(m, &b, "norm", 8, (bn_options){BN_USUAL, .no_bessel = true});
	module_pop(m);
	conv_init(copy, &c2, "conv", 4, conv_same(8, 3, (init){INIT_TRUNCATED, 1}, (sn_options){0}));
	const bool ok = module_alloc(m, &r, e) && module_alloc(copy, &r, e);
	module_free(m);
	module_free(copy);
	return ok;
}

static bool go_optimizer(fault *e)
{
	optimizer *o = optimizer_new(&(optimizer_config){.rule = RULE_ADAM, .beta1 = 0.5, .beta2 = 0.9, .eps = 1e-8},
		100, e);
	optimizer_free(o);
	return o != NULL;
}

static bool go_eigen(fault *e)
{
	double a[9] = {2, 1, 0, 1, 2, 1, 0, 1, 2}, w[3];
	return blas_eigen(3, a, w, true, e);
}

/* ---- config ---- */

static void put_config(void)
{
	file_put("a.yaml", TINY_FULL, strlen(TINY_FULL));
}

/* In pieces, so that it grows several times. */
static bool go_text(fault *e)
{
	char *text;
	size_t n;
	FILE *f = file_begin_text(&text, &n);
	for (int i = 0; f && i < 4000; i++)
		fprintf(f, "%05d,", i);
	if (!file_end_text(f, &text))
		return fault_set(e, "out of memory for a text");
	must(n == 24000 && strlen(text) == n && strcmp(text + n - 6, "03999,") == 0, "a text with a hole");
	free(text);
	return true;
}

static bool go_config(fault *e)
{
	config c, copy = {0};
	config_init(&c);
	char *text = NULL;
	bool ok = config_load(&c, scratch_at("a.yaml"), e)
		&& config_set(&c, "model.attention_g=[{at: 8, type: halo}]", e)
		&& config_set(&c, "augment.policy=[color, cutout]", e) && config_check(&c, e)
		&& config_fit_data(&c, 100, 1, 2, e) && (text = config_text(&c, e));
	if (ok && (ok = config_copy(&copy, &c, e)))
		config_free(&copy);
	free(text);
	config_free(&c);
	return ok;
}

/* ---- files ---- */

static real kernel[6] = {1, 2, 3, 4, 5, 6};
static double sums[4];
static int64_t stream[3];

static bool go_checkpoint(fault *e)
{
	static const checkpoint_info about = {.step = 3, .program = "sagan test", .config = (char *)"seed: 1\n"};
	char path[RUN_PATH_MAX];
	state_list l = {0};
	checkpoint_info info = {0};
	rundir_checkpoint(scratch_folder(), 3, path, sizeof path);
	state_add(&l, ARRAY_REAL, "/generator/block1/kernel", SHAPE(2, 3), kernel, NULL);
	state_add(&l, ARRAY_F64, "/trainer/sums", SHAPE(4), sums, "sums of something");
	state_add(&l, ARRAY_I64, "/random/latent", SHAPE(3), stream, "key, stream, block");
	const bool ok = checkpoint_save(path, &about, &l, e) && checkpoint_load(path, &l, true, e)
		&& checkpoint_read_info(path, &info, e) && checkpoint_verify(path, e);
	checkpoint_info_free(&info);
	state_list_free(&l);
	return ok;
}

static void put_checkpoint(void)
{
	fault e = {.text = ""};
	must(go_checkpoint(&e), "%s", e.text);
}

static bool go_rundir(fault *e)
{
	char path[RUN_PATH_MAX], found[RUN_PATH_MAX];
	fault warning;
	rundir *d = NULL;
	bool better;
	rundir_checkpoint(scratch_folder(), 3, path, sizeof path);
	const bool ok = rundir_keep_best(scratch_folder(), path, 2.0, "distance", &better, &warning, e)
		&& rundir_latest(scratch_folder(), found, &warning, e)
		&& (!warning.text[0] || fault_set(e, "%s", warning.text))    /* a checkpoint that could not be read */
		&& (d = rundir_open(scratch_folder(), e)) && rundir_prune(d, 1, 3, &warning, e)
		&& (!warning.text[0] || fault_set(e, "%s", warning.text));
	rundir_close(d);
	return ok;
}

static bool write_some(const char *path, fault *e)
{
	static const char *const words[] = {"one", "two"};
	h5 *f = h5_create(path, e);
	if (!f)
		return false;
	h5_write_real(f, "/a/kernel", SHAPE(2, 3), kernel, e);
	h5_write_f32(f, "/a/small", SHAPE(2, 3), kernel, e);
	h5_write_i32(f, "/a/whole", SHAPE(2, 3), kernel, e);
	const bool ok = h5_attr_write_text(f, "/", "config", "text", e)
		&& h5_attr_write_ascii(f, "/", "ascii", "text", e) && h5_attr_write_texts(f, "/", "names", 2, words, e);
	if (ok)
		return h5_commit(f, e);              /* it closes the file, whatever comes of it */
	h5_close(f);
	return false;
}

/* A second open file: its reader has the first one's socket, too, and a reader whose answer finds no memory here must
 * end all the same. */
static bool go_h5(fault *e)
{
	const char *path = scratch_at("a.h5");
	h5_names names = {0}, texts = {0};
	real x[6];
	bool ok = write_some(path, e);
	h5 *f = ok ? h5_open(path, e) : NULL, *beside = f ? h5_open(path, e) : NULL;
	char *text = NULL;
	ok = beside && h5_list(f, "/a", &names, e) && h5_read_real(f, "/a/kernel", x, 6, e)
		&& (text = h5_attr_text_new(f, "/", "config", e)) && h5_attr_texts(f, "/", "names", &texts, e);
	free(text);
	h5_names_free(&names);
	h5_names_free(&texts);
	h5_close(f);
	h5_close(beside);
	return ok;
}

/* With a list as other programs write it, of texts of any length. */
static void put_lists(void)
{
	static const char *const words[] = {"one", "two"};
	fault e;
	must(write_some(scratch_at("lists.h5"), &e), "%s", e.text);
	const hid_t f = H5Fopen(scratch_at("lists.h5"), H5F_ACC_RDWR, H5P_DEFAULT), text = H5Tcopy(H5T_C_S1);
	const hid_t space = H5Screate_simple(1, &(hsize_t){COUNT(words)}, NULL);
	H5Tset_size(text, H5T_VARIABLE);
	const hid_t a = H5Acreate2(f, "variable", text, space, H5P_DEFAULT, H5P_DEFAULT);
	must(H5Awrite(a, text, words) >= 0, "no list of texts of any length");
	H5Aclose(a);
	H5Sclose(space);
	H5Tclose(text);
	H5Fclose(f);
}

static bool go_lists(fault *e)
{
	h5_names fixed = {0}, variable = {0};
	h5 *f = h5_open(scratch_at("lists.h5"), e);
	const bool ok = f && h5_attr_texts(f, "/", "names", &fixed, e)
		&& h5_attr_texts(f, "/", "variable", &variable, e);
	h5_names_free(&fixed);
	h5_names_free(&variable);
	h5_close(f);
	return ok;
}

enum { SIDE = 8, IMAGES = 6, PIXELS = SIDE * SIDE };
static uint8_t grey[PIXELS * 3];

static void put_images(void)
{
	static uint8_t bytes[1 << 16];
	size_t n = idx_bytes(bytes, (uint32_t[]){IMAGES, SIDE, SIDE}, 3, IMAGES * PIXELS, 3, 251);
	file_put_gz("idx/train-images-idx3-ubyte.gz", bytes, n);
	n = idx_bytes(bytes, (uint32_t[]){IMAGES}, 1, IMAGES, 1, 2);
	file_put_gz("idx/train-labels-idx1-ubyte.gz", bytes, n);
	file_put("idx/classes.txt", "bar\nblob\n", 9);
	for (int i = 0; i < 2 * 3073; i++)
		bytes[i] = (uint8_t)(i % 3073 ? i % 251 : i / 3073);
	file_put("cifar/data_batch_1.bin", bytes, 2 * 3073);
	for (int i = 0; i < COUNT(grey); i++)
		grey[i] = (uint8_t)i;
	fault e;
	must(png_write(scratch_at("png/a/1.png"), grey, SIDE, SIDE, 1, &e), "%s", e.text);
	must(png_write(scratch_at("png/b/1.png"), grey, SIDE, SIDE, 3, &e), "%s", e.text);
	h5 *f = h5_create(scratch_at("images.h5"), &e);
	must(f && h5_write_u8(f, "/images", SHAPE(2, SIDE, SIDE, 1), grey, &e)
		&& h5_write_i64(f, "/labels", SHAPE(2), (int64_t[]){0, 1}, &e) && h5_commit(f, &e), "%s", e.text);
}

static bool open_and_free(const char *name, fault *e)
{
	dataset *d = dataset_open(scratch_at(name), &(dataset_options){.h = 16, .w = 16, .channels = 3}, e);
	dataset_free(d);
	return d != NULL;
}

static bool go_idx(fault *e) { return open_and_free("idx", e); }
static bool go_cifar(fault *e) { return open_and_free("cifar", e); }
static bool go_png(fault *e) { return open_and_free("png", e); }
static bool go_hdf5(fault *e) { return open_and_free("images.h5", e); }

static bool open_golden(const char *name, fault *e)
{
	char path[96];
	snprintf(path, sizeof path, "tests/golden/archives/%s", name);
	dataset *d = dataset_open(path, NULL, e);
	dataset_free(d);
	return d != NULL;
}

static bool go_zip(fault *e) { return open_golden("fruit.zip", e); }
static bool go_listed(fault *e) { return open_golden("stylegan.zip", e); }
static bool go_numpy(fault *e) { return open_golden("fortran.npz", e); }
static bool go_pickles(fault *e) { return open_golden("cifar-10-python.tar.gz", e); }
static bool go_kinds(fault *e)
{
	dataset *d = dataset_open("tests/golden/pictures", &(dataset_options){.h = 8, .w = 8}, e);
	dataset_free(d);
	return d != NULL;
}

static dataset *data;
static config cfg;
static trainer *grown;
static char saved[RUN_PATH_MAX];

static void make_data(void)
{
	data = tiny_data(25, 16, 2);
	cfg = tiny_config(TINY_FULL,
		(const char *const[]){"steps=1", "train.checkpoint_every=1", "train.sample_every=1", NULL});
}

static void free_data(void)
{
	dataset_free(data);
	config_free(&cfg);
}

static bool load_batches(bool direct, fault *e)
{
	static real x[4 * 16 * 16];
	loader *l = loader_new(data, &(loader_options){.batch = 4, .seed = 1, .flip = true, .direct = direct}, e);
	if (!l)
		return false;
	for (int i = 0; i < 8; i++)
		loader_next(l, x, NULL);
	const bool ok = loader_seek(l, (loader_place){3, 1}, e);
	loader_next(l, x, NULL);
	loader_free(l);
	return ok;
}

static bool go_loader(fault *e) { return load_batches(false, e); }
static bool go_loader_direct(fault *e) { return load_batches(true, e); }

static bool go_pictures(fault *e)
{
	static const double x[] = {1, 2, 3}, y[] = {1, 0.5, 0.25};
	static const real images[4 * PIXELS];
	const chart_series series = {"loss", x, y, 3};
	image im = {0};
	const bool ok = png_write_grid(scratch_at("grid.png"), images, 4, SIDE, SIDE, 1, 2, 2, e)
		&& picture_open(scratch_at("grid.png"), &im, e)
		&& chart_write(scratch_at("chart.png"), &(chart){.title = "t", .series = &series, .count = 1},
			NULL, e);
	image_free(&im);
	return ok;
}

/* ---- training and sampling ---- */

static void make_checkpoint(void)
{
	fault e;
	step_stats s;
	make_data();
	grown = trainer_new(&cfg, data, &e);
	must(grown && trainer_step(grown, &s, &e), "%s", e.text);
	rundir_checkpoint(scratch_folder(), 1, saved, sizeof saved);
	must(trainer_save(grown, saved, &e), "%s", e.text);
}

static void free_checkpoint(void)
{
	trainer_free(grown);
	free_data();
}

static bool go_trainer(fault *e)
{
	step_stats s;
	trainer *t = trainer_new(&cfg, data, e);
	const bool ok = t && trainer_step(t, &s, e) && trainer_save(t, scratch_at("own.h5"), e)
		&& trainer_load(t, saved, e);
	trainer_free(t);
	return ok;
}

static bool go_slices(fault *e)
{
	config c = cfg;
	step_stats s;
	c.train.slices = 2;
	trainer *t = trainer_new(&c, data, e);
	const bool ok = t && trainer_step(t, &s, e);
	trainer_free(t);
	return ok;
}

/* What a run goes on without, an event file or a picture of the course, is told by a warning. */
static void keep_warning(void *ctx, enum run_note kind, const char *text)
{
	if (kind == NOTE_WARNING)
		fault_set(ctx, "%s", text);
}

static bool go_run(fault *e)
{
	enum run_end end;
	fault told = {.text = ""};
	trainer *t = trainer_new(&cfg, data, e);
	const run_options o = {.out = scratch_at("run"), .fresh = true, .ctx = &told, .note = keep_warning};
	const bool ok = t && run_trainer(t, &o, &end, e);
	trainer_free(t);
	return ok && told.text[0] ? fault_take(e, &told) : ok;
}

static bool go_events(fault *e)
{
	static const event_setting setting = {"loss.name", SETTING_TEXT, 0, "hinge"};
	static const event_scalar scalar = {"loss/d", 0.5};
	static const real x[4] = {1, 2, 3, 4};
	events *v = events_open(scratch_folder(), 7, e);
	const bool ok = v && events_begin(v, 1, &setting, e) && events_scalars(v, 8, 1, &scalar, e)
		&& events_histogram(v, 8, "weights", x, COUNT(x), e) && events_text(v, 8, "config", "a: 1", e)
		&& events_end(v, EVENT_SUCCESS, e);
	return events_close(v, ok ? e : NULL) && ok;
}

static bool go_sampler(fault *e)
{
	static real x[3 * 16 * 16];
	fault warning;
	sampler *s = network_sampler_open(saved, false, 4, &warning, e);
	const bool ok = s && request_run(s, &(sample_request){.n = 3, .label = -1, .truncation = 1}, x, e)
		&& picture_attention(scratch_at("attention.png"), s, 1, 2,
			&(picture_about){.what = "t", .step = 1, .seed = 1}, e);
	sampler_free(s);
	return ok;
}

static bool go_gaze(fault *e)
{
	static real x[16 * 16];
	attention_view view;
	net_config c;
	rng first = rng_new(1, "init");
	network *n = config_network(&cfg, &c, e) ? network_new(&c, NET_D, &first, e) : NULL;
	gaze *g = n ? gaze_new(n, e) : NULL;
	if (g)
		gaze_look(g, x, 1);
	const bool ok = g && gaze_view(g, 0, -1, &view, e) && attention_file_write(scratch_at("maps.h5"), g, 0, 1,
		SHAPE(16, 16, 1), NET_D, 1, &(picture_about){.step = 1}, e);
	gaze_free(g);
	network_free(n);
	return ok;
}

static bool go_image_file(fault *e)
{
	static const char *const name[] = {"i.npz", "i.h5", "i.idx", "i/"};
	static real x[4 * 4 * 4], label[4];
	bool ok = true;
	for (int k = 0; ok && k < COUNT(name); k++) {
		image_file *f = image_file_new(scratch_at(name[k]), 4, SHAPE(4, 4, 1), true, e);
		ok = f && image_file_add(f, 4, x, label, e);
		if (ok)
			ok = image_file_commit(f, e);
		else
			image_file_free(f);
	}
	return ok;
}

static bool go_moving(fault *e)
{
	static uint8_t x[2][4 * 4 * 3] = {{0}, {9}};
	const image frame[] = {{4, 4, 3, x[0]}, {4, 4, 3, x[1]}};
	return moving_write(scratch_at("m.gif"), frame, 2, 50, e)
		&& moving_write(scratch_at("m.webp"), frame, 2, 50, e);
}

static bool go_export(fault *e)
{
	export_report report;
	const export_request q = {.from = saved, .out = scratch_at("exported"), .generator = true,
		.discriminator = true, .onnx = true, .layers = true};
	return keras_export(&q, &report, e);
}

static bool go_page(fault *e)
{
	web_report report;
	const web_request q = {.from = saved, .out = scratch_at("page.html")};
	return web_export(&q, &report, e);
}

static bool go_evaluate(fault *e)
{
	fault why;
	lens *look = lens_open(LENS_PIXELS, data, &why, e);
	image_source real_ones = source_of_data(data), test = real_ones;
	const evaluate_task t = {.fakes = real_ones, .train = &real_ones, .test = &test, .split = SPLIT_TRAIN,
		.look = look, .pairs = scratch_at("pairs.png")};
	evaluation v = {.classes = 0};
	const bool ok = look && evaluate(&t, &v, e) && (!v.no_picture.text[0] || fault_take(e, &v.no_picture));
	evaluation_free(&v);
	lens_free(look);
	return ok;
}

static bool go_drawn(fault *e)
{
	static real x[SOURCE_BATCH * 16 * 16];
	int label[SOURCE_BATCH];
	fault warning;
	sampler *s = network_sampler_open(saved, false, 4, &warning, e);
	drawn *d = s ? drawn_new(s, &(sample_request){.n = 5, .label = -1, .truncation = 1}, e) : NULL;
	image_source from = d ? source_of_drawn(d) : (image_source){0};
	const bool ok = d && from.read(from.ctx, 0, 5, x, label, e);
	drawn_free(d);
	sampler_free(s);
	return ok;
}

/* ---- the table ---- */

static const memory_subject subjects[] = {
	{"plan", go_plan, make_leaves, free_leaves},
	{"plan, unfused", go_plan_unfused, make_leaves, free_leaves},
	{"plan, steady", go_plan_steady, make_leaves, free_leaves},
	{"bad value", go_find_bad, make_leaves, free_leaves},
	{"module", go_module, NULL, NULL},
	{"optimizer", go_optimizer, NULL, NULL},
	{"eigenvalues", go_eigen, NULL, NULL},
	{"text", go_text, NULL, NULL},
	{"config", go_config, put_config, NULL},
	{"checkpoint", go_checkpoint, NULL, NULL},
	{"checkpoints of a run", go_rundir, put_checkpoint, NULL},
	{"h5", go_h5, NULL, NULL},
	{"h5, lists of texts", go_lists, put_lists, NULL},
	{"idx", go_idx, put_images, NULL},
	{"cifar", go_cifar, put_images, NULL},
	{"png", go_png, put_images, NULL},
	{"hdf5", go_hdf5, put_images, NULL},
	{"zip", go_zip, NULL, NULL},
	{"dataset.json", go_listed, NULL, NULL},
	{"npz", go_numpy, NULL, NULL},
	{"pickles", go_pickles, NULL, NULL},
	{"kinds of pictures", go_kinds, NULL, NULL},
	{"loader", go_loader, make_data, free_data},
	{"loader without a thread", go_loader_direct, make_data, free_data},
	{"pictures", go_pictures, NULL, NULL},
	{"trainer", go_trainer, make_checkpoint, free_checkpoint},
	{"slices", go_slices, make_data, free_data},
	{"run", go_run, make_data, free_data},
	{"events", go_events, NULL, NULL},
	{"sampler", go_sampler, make_checkpoint, free_checkpoint},
	{"gaze", go_gaze, make_checkpoint, free_checkpoint},
	{"images in files", go_image_file, NULL, NULL},
	{"moving pictures", go_moving, NULL, NULL},
	{"evaluation", go_evaluate, make_data, free_data},
	{"drawn images", go_drawn, make_checkpoint, free_checkpoint},
	{"export", go_export, make_checkpoint, free_checkpoint},
	{"page", go_page, make_checkpoint, free_checkpoint},
};

/* All of the first ALL allocations fail, one after the other, then one in total / SAMPLES: graphs make nodes by the
 * thousand. */
#ifdef __SANITIZE_ADDRESS__
enum { ALL = 40, SAMPLES = 20 };                     /* a child costs it ten times as much */
#else
enum { ALL = 100, SAMPLES = 100 };
#endif

/* What fails once may have no consequence there: a checkpoint is read twice before it is called unreadable. */
static bool tries_again(const memory_subject *s)
{
	return s->go == go_run || s->go == go_rundir;
}

/* A good file, nothing else: what is said must not be what a damaged one gets. */
static bool reads_only(const memory_subject *s)
{
	return s->go == go_lists;
}

static void fail_each(const memory_subject *s)
{
	fault e = {.text = ""};
	long total, made, left;
	if (getenv("SUBJECT") && strcmp(getenv("SUBJECT"), s->name))
		return;
	if (s->before)
		s->before();
	/* Twice: files are there at the second time. */
	for (int i = 0; i < 2; i++)
		ck_assert_msg(run_failing(s->go, false, 0, &e, &total, &left), "%s: %s", s->name, e.text);
	ck_assert_msg(left == 0, "%s: %ld allocations are left when nothing fails", s->name, left);
	ck_assert_msg(total > 0, "%s: no allocation was seen", s->name);
	const char *only = getenv("ALLOCATION");
	const long rare = MAX(1, (total - ALL) / SAMPLES);
	const long first = only ? atol(only) : 1;
	ck_assert_msg(first >= 1 && first <= total, "%s: ALLOCATION=%s: must be 1 to %ld", s->name, only, total);
	for (long k = first; k <= total; k += only ? total : k < ALL ? 1 : rare) {
		const bool ok = run_failing(s->go, false, k, &e, &made, &left);
		if (made < k)
			continue;                    /* it went another way this time */
		ck_assert_msg(!ok || tries_again(s), "%s: allocation %ld of %ld failed, and nobody said so", s->name, k,
			total);
		ck_assert_msg(left == 0, "%s: %ld allocations are left when number %ld fails", s->name, left, k);
		ck_assert_msg(ok || (e.text[0] && !strchr(e.text, '\n')), "%s: number %ld: \"%s\" is no line", s->name,
			k, e.text);
		ck_assert_msg(ok || !reads_only(s) || fault_is_now(&e), "%s: number %ld: %s", s->name, k, e.text);
	}
	/* How many a child makes is not known here: until none of them fails. */
	bool through = only != NULL;
	for (long k = 1; !through && k <= ALL; k++) {
		through = run_failing(s->go, true, k, &e, &made, &left);
		ck_assert_msg(left == 0, "%s: %ld allocations are left when a child's number %ld fails", s->name, left,
			k);
		ck_assert_msg(through || (e.text[0] && !strchr(e.text, '\n')),
			"%s: a child's number %ld: \"%s\" is no line", s->name, k, e.text);
		ck_assert_msg(through || !reads_only(s) || fault_is_now(&e), "%s: a child's number %ld: %s", s->name, k,
			e.text);
	}
	if (s->after)
		s->after();
}

START_TEST(every_allocation_may_fail)
{
	fail_each(&subjects[_i]);
}
END_TEST

START_TEST(every_allocation_for_keras_may_fail)
{
	fail_each(&memory_keras[_i]);
}
END_TEST

START_TEST(every_allocation_for_features_may_fail)
{
	fail_each(&memory_features[_i]);
}
END_TEST

static void setup(void)
{
	fault e;
	must(pool_start(2, &e), "%s", e.text);
}

static const memory_subject *subject(int i)
{
	const int own = COUNT(subjects);
	return i < own ? &subjects[i] : i < own + MEMORY_KERAS ? &memory_keras[i - own]
		: &memory_features[i - own - MEMORY_KERAS];
}

static const char *subject_name(int i)
{
	return subject(i)->name;
}

int main(void)
{
	if (!suite_knows("SUBJECT", subject_name, COUNT(subjects) + MEMORY_KERAS + MEMORY_FEATURES))
		return EXIT_FAILURE;
	const suite_test tests[] = {
		{every_allocation_may_fail, COUNT(subjects)},
		{every_allocation_for_keras_may_fail, MEMORY_KERAS},
		{every_allocation_for_features_may_fail, MEMORY_FEATURES},
	};
	const suite_case cases[] = {
		{.name = "memory", TESTS(tests), .timeout = 600, .setup = setup, .teardown = pool_stop},
	};
	return suite_run_cases("memory", cases, COUNT(cases), 60);
}
