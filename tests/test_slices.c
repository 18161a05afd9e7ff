/* test_slices.c - a batch in slices is the batch: sums over slices, their first and second derivatives, statistics,
 * random values, losses and whole training steps. The number of threads never counts. */
#include <check.h>
#include <math.h>
#include <string.h>

#include "core/base/local.h"
#include "core/base/thread.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"
#include "gan/loss/losses.h"
#include "gan/loss/penalties.h"
#include "gan/loss/top_k.h"
#include "gan/train/trainer_internal.h"
#include "layers/conv.h"
#include "layers/evo_norm.h"
#include "layers/norm.h"
#include "tests/suite.h"
#include "tests/tiny_run.h"

enum { B = 8, C = 5, POSITIONS = 9, PER_SAMPLE = POSITIONS * C, VALUES = 4 };

/* What a function of a batch is tested with: images, a vector that all samples have in common, random numbers. */
typedef struct given {
	node *x, *w;
	rng *stream;
	module *m;
	const void *layer;
} given;

/* Of a slice: its share of a loss, as a mean over its own samples. */
typedef node *(*loss_fn)(graph *g, const given *in);

/* One slice, or a whole batch. */
typedef struct part {
	graph *g;
	plan *p;
	buffer *x, *w;
	rng stream;
	node *out[VALUES];                           /* loss, dx [b,3,3,C], dw [C], random [b,C] */
} part;

static real whole_x[B * PER_SAMPLE], whole_w[C];

static void fill_whole(void)
{
	rng r = rng_new(11, "x");
	rng_fill_normal(&r, whole_x, COUNT(whole_x));
	rng_fill_normal(&r, whole_w, COUNT(whole_w));
}

/* The loss is f plus a penalty on the slope of f, so that the second derivative of every op on the way is met. */
static void part_build(part *p, int k, int slices, loss_fn f, module *m, const void *layer)
{
	fault e = {.text = ""};
	const int b = B / slices;
	*p = (part){.g = graph_new(NULL), .x = buffer_new("x", SHAPE(b, 3, 3, C), NULL),
		.w = buffer_new("w", SHAPE(C), NULL), .stream = rng_new(3, "noise")};
	graph *g = p->g;
	graph_slice(g, k, slices);
	buffer_write(p->x, whole_x + k * b * PER_SAMPLE);
	buffer_write(p->w, whole_w);
	given in = {graph_leaf(g, p->x), graph_leaf(g, p->w), &p->stream, m, layer};
	node *loss = f(g, &in), *slope, *wrt[] = {in.x, in.w}, *d[2];
	graph_grad(g, op_slice_share(g, loss), NULL, &in.x, 1, &slope);
	node *penalty = op_scale(g, op_sum_all(g, op_square(g, slope)), slices);
	graph_grad(g, op_slice_share(g, op_add(g, loss, penalty)), NULL, wrt, 2, d);
	p->out[0] = op_slice_mean(g, op_add(g, loss, penalty));
	p->out[1] = d[0];
	p->out[2] = op_slice_sum(g, d[1]);
	p->out[3] = op_random(g, SHAPE(b, C), RANDOM_NORMAL, &p->stream);
	p->p = plan_new(g, p->out, VALUES, 0, &e);
	ck_assert_msg(p->p != NULL, "%s", e.text);
}

static void part_free(part *p)
{
	plan_free(p->p);
	graph_free(p->g);
	buffer_free(p->x);
	buffer_free(p->w);
}

typedef struct result {
	real loss, dw[C], dx[B * PER_SAMPLE], noise[B * C];
} result;

static result run_parts(int slices, loss_fn f, module *m, const void *layer)
{
	part all[B];
	plan *p[B];
	result r;
	for (int k = 0; k < slices; k++) {
		part_build(&all[k], k, slices, f, m, layer);
		p[k] = all[k].p;
	}
	plan_run_slices(p, slices);
	r.loss = *plan_value(p[0], all[0].out[0]);
	memcpy(r.dw, plan_value(p[0], all[0].out[2]), sizeof r.dw);
	for (int k = 0; k < slices; k++) {
		const size_t n = sizeof r.dx / (size_t)slices, noise = sizeof r.noise / (size_t)slices;
		ck_assert(*plan_value(p[k], all[k].out[0]) == r.loss);
		ck_assert(memcmp(plan_value(p[k], all[k].out[2]), r.dw, sizeof r.dw) == 0);
		memcpy((char *)r.dx + (size_t)k * n, plan_value(p[k], all[k].out[1]), n);
		memcpy((char *)r.noise + (size_t)k * noise, plan_value(p[k], all[k].out[3]), noise);
		ck_assert_uint_eq(all[k].stream.counter, all[0].stream.counter);
		part_free(&all[k]);
	}
	return r;
}

static void compare(const char *what, const real *a, const real *b, int64_t n)
{
	const double rounding = sizeof(real) == sizeof(double) ? 1e-11 : 3e-4;
	double most = 0;
	for (int64_t i = 0; i < n; i++)
		most = fmax(most, fabs((double)b[i]));
	for (int64_t i = 0; i < n; i++)
		ck_assert_msg(fabs((double)a[i] - (double)b[i]) <= rounding * most, "%s %lld: %.9g in slices, %.9g "
			"whole", what, (long long)i, (double)a[i], (double)b[i]);
	ck_assert_msg(most > 0, "%s is nothing", what);
}

/* ---- functions that couple samples ---- */

static node *weighed(graph *g, const given *in)
{
	return op_mul(g, in->x, in->w);
}

static node *by_moments(graph *g, const given *in)
{
	node *x = weighed(g, in), *mean, *var;
	op_batch_moments(g, x, 7, &mean, &var);
	node *y = op_mul(g, op_sub(g, x, mean), op_rsqrt(g, op_add_scalar(g, var, 0.1)));
	return op_mean_all(g, op_square(g, op_tanh(g, y)));
}

static node *by_batch_norm(graph *g, const given *in)
{
	node *y = batch_norm_apply(g, in->layer, weighed(g, in), (mode){.train = true, .update = true});
	return op_mean_all(g, op_square(g, op_tanh(g, y)));
}

static node *by_evo_norm(graph *g, const given *in)
{
	node *y = evo_norm_apply(g, in->layer, weighed(g, in), (mode){.train = true, .update = true});
	return op_mean_all(g, op_square(g, op_tanh(g, y)));
}

/* Its kernel is divided by sigma and packed: all slices have both in common. */
static node *by_convolution(graph *g, const given *in)
{
	node *y = conv_apply(g, in->layer, weighed(g, in), (mode){.train = true, .update = true});
	return op_mean_all(g, op_square(g, op_tanh(g, y)));
}

static node *logits(graph *g, const given *in)
{
	const int64_t b = in->x->s.dim[0];
	return op_reshape(g, op_sum(g, op_tanh(g, weighed(g, in)), 14, true), SHAPE(b));
}

static node *by_top_k(graph *g, const given *in)
{
	node *f = logits(g, in);
	return gan_loss_g(g, gan_loss_find("ns", NULL), NULL, f, top_k_choice(g, f, op_fill(g, SHAPE(1), 3)));
}

static node *critic(graph *g, void *ctx, node *x)
{
	given in = *(const given *)ctx;
	in.x = x;
	return logits(g, &in);
}

static node *by_dragan(graph *g, const given *in)
{
	given c = *in;
	node *a = op_random(g, SHAPE(in->x->s.dim[0], 1, 1, 1), RANDOM_UNIFORM, in->stream);
	return penalty_dragan(g, critic, &c, in->x, a, op_random(g, in->x->s, RANDOM_UNIFORM, in->stream));
}

static const struct {
	const char *name;
	loss_fn f;
} COUPLED[] = {
	{"moments", by_moments}, {"batch norm", by_batch_norm}, {"EvoNorm", by_evo_norm}, {"top-k", by_top_k},
	{"DRAGAN", by_dragan}, {"convolution", by_convolution},
};

/* The layers of these functions; running statistics after a run are in m. */
typedef struct layers {
	module *m;
	batch_norm bn;
	evo_norm evo;
	conv c;
} layers;

static const void *layers_make(layers *l, loss_fn f)
{
	rng r = rng_new(5, "layers");
	l->m = module_new(NULL);
	batch_norm_init(l->m, &l->bn, "bn", C, (bn_options){BN_USUAL});
	evo_norm_init(l->m, &l->evo, "evo", C, (evo_options){.nonlinearity = true});
	const init kernel = {.kind = INIT_GLOROT_NORMAL};
	conv_init(l->m, &l->c, "conv", C, conv_same(C, 3, kernel, (sn_options){.on = true}));
	ck_assert(module_alloc(l->m, &r, NULL));
	return f == by_evo_norm ? (const void *)&l->evo : f == by_convolution ? (const void *)&l->c : &l->bn;
}

START_TEST(a_batch_in_slices_is_the_batch)
{
	layers whole, cut;
	const loss_fn f = COUPLED[_i].f;
	const char *name = COUPLED[_i].name;
	fill_whole();
	const void *layer = layers_make(&whole, f);
	const result want = run_parts(1, f, whole.m, layer);
	for (int slices = 2; slices <= B; slices *= 2) {
		layer = layers_make(&cut, f);
		const result r = run_parts(slices, f, cut.m, layer);
		compare(name, &r.loss, &want.loss, 1);
		compare(name, r.dw, want.dw, COUNT(r.dw));
		compare(name, r.dx, want.dx, COUNT(r.dx));
		ck_assert(memcmp(r.noise, want.noise, sizeof r.noise) == 0);
		compare("states", module_state_block(cut.m), module_state_block(whole.m), module_state_size(cut.m));
		module_free(cut.m);
	}
	module_free(whole.m);
}
END_TEST

START_TEST(no_thread_changes_a_bit_of_a_sum)
{
	layers l;
	result first;
	fill_whole();
	for (int threads = 1; threads <= 4; threads++) {
		ck_assert(pool_start(threads, NULL));
		const void *layer = layers_make(&l, by_moments);
		const result r = run_parts(4, by_moments, l.m, layer);
		first = threads == 1 ? r : first;
		ck_assert(memcmp(&r, &first, sizeof r) == 0);
		module_free(l.m);
		pool_stop();
	}
}
END_TEST

/* ---- what all have in common ---- */

static void take_as_own(module *m)
{
	for (int i = 0; i < module_params(m); i++)
		module_param_at(m, i)->common = false;
	for (int i = 0; i < module_states(m); i++)
		module_state_at(m, i)->common = false;
}

/* Of the plan of the second slice of four. */
static size_t arena_of_second(module *m, const void *layer)
{
	part p;
	part_build(&p, 1, 4, by_convolution, m, layer);
	const size_t bytes = plan_bytes(p.p);
	part_free(&p);
	return bytes;
}

/* What the first slice computes for all is what each computes for itself, and the others need no memory for it. */
START_TEST(what_slices_have_in_common_is_computed_once)
{
	layers l, own;
	fill_whole();
	ck_assert(pool_start(1 + _i, NULL));
	const void *layer = layers_make(&l, by_convolution), *apart = layers_make(&own, by_convolution);
	take_as_own(own.m);
	const size_t less = arena_of_second(l.m, layer), more = arena_of_second(own.m, apart);
	ck_assert_msg(less < more, "%zu of %zu bytes", less, more);
	for (int run = 0; run < 2; run++) {
		const result r = run_parts(4, by_convolution, l.m, layer);
		const result want = run_parts(4, by_convolution, own.m, apart);
		ck_assert(memcmp(&r, &want, sizeof r) == 0);
	}
	ck_assert(memcmp(module_state_block(l.m), module_state_block(own.m),
		(size_t)module_state_size(l.m) * sizeof(real)) == 0);
	module_free(l.m);
	module_free(own.m);
	pool_stop();
}
END_TEST

/* ---- the tree ---- */

/* Float adds these differently in every other order. */
START_TEST(sums_follow_the_tree)
{
	enum { N = 700, SLICES = 8 };
	real x[SLICES][N];
	graph *g[SLICES];
	buffer *b[SLICES];
	plan *p[SLICES];
	node *y[SLICES];
	rng r = rng_new(1, "tree");
	rng_fill_normal(&r, x[0], SLICES * N);
	for (int k = 0; k < SLICES; k++) {
		b[k] = buffer_new("x", SHAPE(N), NULL);
		buffer_write(b[k], x[k]);
		g[k] = graph_new(NULL);
		graph_slice(g[k], k, SLICES);
		y[k] = op_slice_sum(g[k], graph_leaf(g[k], b[k]));
		p[k] = plan_new(g[k], &y[k], 1, 0, NULL);
	}
	plan_run_slices(p, SLICES);
	for (int k = 0; k < SLICES; k++)
		for (int i = 0; i < N; i++) {
			const real a = (x[0][i] + x[1][i]) + (x[2][i] + x[3][i]);
			const real c = (x[4][i] + x[5][i]) + (x[6][i] + x[7][i]);
			ck_assert(plan_value(p[k], y[k])[i] == a + c);
		}
	for (int k = 0; k < SLICES; k++) {
		plan_free(p[k]);
		graph_free(g[k]);
		buffer_free(b[k]);
	}
}
END_TEST

START_TEST(parts_of_a_draw_are_the_draw)
{
	enum { N = 1000 };
	static const int64_t edge[] = {0, 1, 6, 257, 258, 999, N};
	real all[N], parts[N];
	for (int normal = 0; normal < 2; normal++) {
		rng one = rng_new(4, "parts"), before = one, after = one;
		(normal ? rng_fill_normal : rng_fill_uniform)(&one, all, N);
		for (int i = 0; i + 1 < COUNT(edge); i++) {
			after = before;
			(normal ? rng_part_normal : rng_part_uniform)(&after, parts + edge[i], edge[i + 1] - edge[i],
				edge[i], N);
			ck_assert_uint_eq(after.counter, one.counter);
		}
		ck_assert(memcmp(all, parts, sizeof all) == 0);
	}
}
END_TEST

/* ---- training ---- */

/* dcgan with its batch norm in D, and everything in which the slices of a batch meet. */
static const char DCGAN[] = "seed: 3\nsteps: 4\nbatch: 8\nmodel: {network: dcgan, size: 28, channels: 1, latent: 8, "
	"g_channels: 8, d_channels: 8}\ntrain: {log_every: 1}\n";

static const struct {
	const char *text, *set[8];
} RUNS[] = {
	{TINY_FULL, {"loss.d_batch=separate"}},
	{TINY_PAIRS, {"loss.d_batch=separate"}},
	{TINY_HELPED, {"loss.d_batch=separate", "loss.top_k=0.5", "loss.top_k_start=0"}},
	{TINY_PLAIN, {"loss.penalty=gp", "optim.d_steps=2"}},
	{TINY_PLAIN, {"loss.penalty=dragan", "model.layers_g=[{at: 8, type: halo}]",
		"model.layers_d=[{at: 8, type: mixer}]"}},
	{TINY_MNISTGANS, {"loss.d_batch=separate"}},
	{DCGAN, {"loss.name=ns"}},
};

static config config_of(int i, const char *slices)
{
	const char *set[COUNT(RUNS[0].set) + 3] = {"batch=8"};
	int n = 1;
	for (int k = 0; RUNS[i].set[k]; k++)
		set[n++] = RUNS[i].set[k];
	set[n++] = slices;
	return tiny_config(RUNS[i].text, set);
}

static trainer *trainer_of(int i, const char *slices, const dataset *d)
{
	fault e = {.text = ""};
	config c = config_of(i, slices);
	trainer *t = trainer_new(&c, d, &e);
	ck_assert_msg(t != NULL, "%s", e.text);
	config_free(&c);
	return t;
}

static dataset *data_of(int i)
{
	config c = config_of(i, "train.slices=1");
	dataset *d = tiny_data_of(33, c.net.size, 2);
	config_free(&c);
	return d;
}

static step_stats step(trainer *t)
{
	step_stats s;
	fault e = {.text = ""};
	ck_assert_msg(trainer_step(t, &s, &e), "%s", e.text);
	return s;
}

static void about(const char *what, double a, double b)
{
	ck_assert_msg(fabs(a - b) <= 2e-3 * fmax(fabs(b), 0.1), "%s: %.9g in slices, %.9g whole", what, a, b);
}

/* The same images, latents and transforms: only roundings differ. */
START_TEST(a_step_in_slices_is_the_step)
{
	dataset *d = data_of(_i);
	trainer *whole = trainer_of(_i, "train.slices=1", d), *cut = trainer_of(_i, "train.slices=4", d);
	const step_stats a = step(cut), b = step(whole);
	about("loss of D", a.d_loss, b.d_loss);
	about("loss of G", a.g_loss, b.g_loss);
	about("penalty", a.penalty, b.penalty);
	about("D(real)", a.d_real, b.d_real);
	about("D(fake)", a.d_fake, b.d_fake);
	about("gradient of D", a.d_norm, b.d_norm);
	about("gradient of G", a.g_norm, b.g_norm);
	about("spread", a.spread, b.spread);
	for (int k = 0; k < 8; k++)
		about("an output of D", (double)cut->d_real[k], (double)whole->d_real[k]);
	ck_assert(memcmp(cut->stream, whole->stream, sizeof cut->stream) == 0);
	ck_assert_double_eq_tol(trainer_step_flop(cut), trainer_step_flop(whole), 1e-2 * trainer_step_flop(whole));
	trainer_free(whole);
	trainer_free(cut);
	dataset_free(d);
}
END_TEST

START_TEST(threads_do_not_change_a_bit_of_a_sliced_run)
{
	dataset *d = data_of(_i);
	uint64_t first = 0;
	for (int threads = 1; threads <= 4; threads++) {
		ck_assert(pool_start(threads, NULL));
		trainer *t = trainer_of(_i, "train.slices=4", d);
		step(t);
		step(t);
		first = threads == 1 ? tiny_hash(t) : first;
		ck_assert_uint_eq(tiny_hash(t), first);
		trainer_free(t);
		pool_stop();
	}
	dataset_free(d);
}
END_TEST

START_TEST(a_sliced_run_resumes_to_the_same_bits)
{
	dataset *d = data_of(_i);
	fault e = {.text = ""};
	const char *file = scratch_at("middle.h5");
	trainer *t = trainer_of(_i, "train.slices=2", d);
	step(t);
	ck_assert_msg(trainer_save(t, file, &e), "%s", e.text);
	step(t);
	trainer *later = trainer_of(_i, "train.slices=2", d);
	ck_assert_msg(trainer_load(later, file, &e), "%s", e.text);
	step(later);
	ck_assert_uint_eq(tiny_hash(later), tiny_hash(t));
	trainer_free(t);
	trainer_free(later);
	dataset_free(d);
}
END_TEST

/* A value that is not finite is named as in a whole batch. */
START_TEST(the_first_bad_value_of_all_slices_is_named)
{
	dataset *d = data_of(0);
	trainer *t = trainer_of(0, "train.slices=4", d);
	step_stats s;
	fault e = {.text = ""};
	module_param_at(t->pd.m, 0)->x[0] = NAN;
	ck_assert(!trainer_step(t, &s, &e));
	ck_assert_msg(strstr(e.text, "parameter discriminator/") != NULL, "%s", e.text);
	trainer_free(t);
	dataset_free(d);
}
END_TEST

/* 2 (n-1)/n of each gradient, rounded up to whole parts, and what is small. */
START_TEST(processes_send_what_gradients_need_and_share_the_memory)
{
	dataset *d = data_of(3);
	trainer *t = trainer_of(3, "train.slices=8", d);
	fault e = {.text = ""};
	double memory[4], sent[4];
	for (int k = 0; k < 4; k++)
		ck_assert(trainer_share_cost(t, 1 << k, &memory[k], &sent[k], &e));
	const double params = (double)module_block_size(t->pg.m) + 2 * (double)module_block_size(t->pd.m);
	ck_assert(sent[0] == 0);
	for (int k = 1, n = 2; k < 4; k++, n *= 2) {
		const double least = 2.0 * (n - 1) / n * 0.9 * params * sizeof(real);
		ck_assert_msg(sent[k] > least && sent[k] < n * 2 * params * sizeof(real), "%d: %g, at least %g", n,
			sent[k], least);
		ck_assert(memory[k] < memory[k - 1]);
	}
	trainer_free(t);
	dataset_free(d);
}
END_TEST

START_TEST(wrong_numbers_of_slices_are_refused)
{
	static const char *const wrong[][2] = {
		{"train.slices=3", "train.slices = 3: must be 1, 2, 4, 8, 16, 32 or 64"},
		{"train.slices=16", "train.slices = 16: batch = 8 cannot be cut into so many equal parts"},
	};
	config c = tiny_config(TINY_PLAIN, (const char *[]){"batch=8", NULL});
	fault e = {.text = ""};
	ck_assert(!config_set(&c, wrong[_i][0], &e) || !config_check(&c, &e));
	ck_assert_msg(strstr(e.text, wrong[_i][1]) != NULL, "%s", e.text);
	config_free(&c);
}
END_TEST

int main(void)
{
	const suite_test sums[] = {
		{a_batch_in_slices_is_the_batch, COUNT(COUPLED)},
		{no_thread_changes_a_bit_of_a_sum, 1},
		{what_slices_have_in_common_is_computed_once, 4},
		{sums_follow_the_tree, 1},
		{parts_of_a_draw_are_the_draw, 1},
	};
	const suite_test training[] = {
		{a_step_in_slices_is_the_step, COUNT(RUNS)},
		{threads_do_not_change_a_bit_of_a_sliced_run, COUNT(RUNS)},
		{a_sliced_run_resumes_to_the_same_bits, COUNT(RUNS)},
		{the_first_bad_value_of_all_slices_is_named, 1},
		{processes_send_what_gradients_need_and_share_the_memory, 1},
		{wrong_numbers_of_slices_are_refused, 2},
	};
	const suite_case cases[] = {
		{.name = "sums", TESTS(sums)},
		{.name = "training", TESTS(training)},
	};
	return suite_run_cases("slices", cases, COUNT(cases), 120);
}
