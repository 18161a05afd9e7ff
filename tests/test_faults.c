/* test_faults.c - a call that fails: memory, or a system call, in every command of the program. How it must end stands
 * in tests/faults/faults.h.
 *
 * `make test` runs a small form, always the same: a few places of each command, so chosen that every kind of fault has
 * its turn. `make faults`: SEVERAL places of each call (2; 0: all), other ones each time (SAGAN_SEED).
 * FAULTS_SECONDS: any for so long, all commands together. CALL=malloc and COMMAND=export restrict it. To look at one
 * again: FAULT='train malloc 12 812' is call 812 of malloc with errno 12.
 *
 * A run of four steps allocates 350,000 times, from 2,000 places; a place is where DEPTH callers are the same (4; 0:
 * every call is one). */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/rng.h"
#include "tests/command.h"
#include "tests/faults/faults.h"
#include "tests/files.h"
#include "tests/suite.h"

static uint64_t seed;
static const char *self;
#define NO_SHIM "this system does not let calls fail"

/* ---- what commands work on ---- */

static const char CONFIG[] =
	"name: tiny\nseed: 7\nsteps: 4\nbatch: 4\n"
	"data: {path: DATA}\n"
	"model: {network: resnet, size: 16, channels: 1, classes: 2, latent: 8, g_channels: 8, d_channels: 8,"
	" layers_g: [8], layers_d: [8]}\n"
	"loss: {penalty: r1, penalty_weight: 1, penalty_every: 2}\n"
	"optim: {lr_g: 1e-3, lr_d: 2e-3}\n"
	"ema: {decay: 0.9}\n"
	"score: {metric: pixels, count: 6, every: 2}\n"
	"train: {log_every: 2, sample_every: 2, checkpoint_every: 2, sample_count: 4, keep: 9, threads: 1}\n";
static const char CLASSIFY[] =
	"name: c\nseed: 1\nsteps: 3\nbatch: 8\ndata: {path: DATA}\nclassify: {width: 4, lr: 0.06}\n"
	"train: {log_every: 1, checkpoint_every: 2, threads: 1}\n";

enum { SIDE = 16, IMAGES = 24 };

static void put_idx(const char *name, const uint8_t *head, size_t head_n, const uint8_t *x, size_t n)
{
	static uint8_t all[1 << 14];
	must(head_n + n <= sizeof all, "%s is too large", name);
	memcpy(all, head, head_n);
	memcpy(all + head_n, x, n);
	file_store(scratch_at(name), all, head_n + n);
}

static void put_data(void)
{
	static uint8_t x[IMAGES * SIDE * SIDE], label[IMAGES];
	for (int i = 0; i < IMAGES * SIDE * SIDE; i++)
		x[i] = (uint8_t)(i % SIDE < SIDE / 2 ? i * 7 / 16 % 256 : i * 3 % 256);
	for (int i = 0; i < IMAGES; i++)
		label[i] = (uint8_t)(i % 2);
	for (int part = 0; part < 2; part++) {
		put_idx(part ? "data/t10k-images-idx3-ubyte" : "data/train-images-idx3-ubyte",
			(const uint8_t[]){0, 0, 8, 3, 0, 0, 0, IMAGES, 0, 0, 0, SIDE, 0, 0, 0, SIDE}, 16, x, sizeof x);
		put_idx(part ? "data/t10k-labels-idx1-ubyte" : "data/train-labels-idx1-ubyte",
			(const uint8_t[]){0, 0, 8, 1, 0, 0, 0, IMAGES}, 8, label, sizeof label);
	}
}

static void must_run(const char *line)
{
	const answer a = sagan("%s", line);
	ck_assert_msg(a.status == 0, "%s: status %d: %s", line, a.status, a.text);
}

static void put_text(const char *name, const char *text)
{
	char all[2048];
	const char *at = strstr(text, "DATA");
	snprintf(all, sizeof all, "%.*s%s%s", (int)(at - text), text, scratch_at("data"), at + 4);
	file_store(scratch_at(name), all, strlen(all));
}

static void put_config(void)
{
	put_data();
	put_text("tiny.yaml", CONFIG);
	put_text("classify.yaml", CLASSIFY);
}

/* A run of two steps: "start" holds it as the folder r, too. */
static void put_run(void)
{
	char line[1024];
	put_config();
	snprintf(line, sizeof line, "train %s --steps 2 --quiet --out %s", scratch_at("tiny.yaml"),
		scratch_at("start/r"));
	must_run(line);
}

static void put_keras(void)
{
	char line[1024];
	put_run();
	snprintf(line, sizeof line, "export %s --out %s", scratch_at("start/r"), scratch_at("keras"));
	must_run(line);
}

static void put_classifier(void)
{
	char line[1024];
	put_config();
	snprintf(line, sizeof line, "classify %s --quiet --out %s", scratch_at("classify.yaml"), scratch_at("c.h5"));
	must_run(line);
	put_run();
}

static void copy_golden(const char *from, const char *to)
{
	size_t n;
	void *x = file_bytes(from, &n);
	file_store(scratch_at(to), x, n);
	free(x);
}

static void put_archives(void)
{
	copy_golden("tests/golden/archives/fruit.zip", "fruit.zip");
	copy_golden("tests/golden/archives/fortran.npz", "fortran.npz");
	copy_golden("tests/golden/archives/cifar-10-python.tar.gz", "cifar.tar.gz");
}

/* Lines are of the folder "work" beside these. */
static const struct {
	const char *name, *line;
	void (*prepare)(void);
	bool start;                                  /* with a copy of the run */
} COMMANDS[] = {
	{"train", "train ../tiny.yaml --out r", put_config, false},
	{"resume", "train r", put_run, true},
	{"fresh", "train ../tiny.yaml --steps 2 --fresh --out r", put_run, true},
	{"warm", "train ../tiny.yaml --steps 1 --init-from ../start/r --out w", put_run, false},
	{"sample", "sample ../start/r --n 4 --threads 1 --out a.png", put_run, false},
	{"sample to npz", "sample ../start/r --n 4 --threads 1 --out a.npz", put_run, false},
	{"sample to h5", "sample ../start/r --n 4 --threads 1 --out a.h5 --latents l.h5", put_run, false},
	{"sample to folder", "sample ../start/r --n 3 --threads 1 --out a/", put_run, false},
	{"film", "sample ../start/r --n 8 --columns 4 --interpolate --threads 1 --out a.webp", put_run, false},
	{"direction", "sample ../start/r --n 6 --columns 3 --direction 1 --threads 1 --out a.gif", put_run, false},
	{"sample keras", "sample --from ../keras/generator.keras --n 2 --threads 1", put_keras, false},
	{"attend", "attend ../start/r --threads 1", put_run, false},
	{"attend numbers", "attend ../start/r --out a.h5 --threads 1", put_run, false},
	{"export", "export ../start/r --net both --layers --onnx --out e --threads 1", put_run, false},
	{"page", "export ../start/r --html p.html --threads 1", put_run, false},
	{"import", "import ../keras/generator.h5 --config ../tiny.yaml --out i.h5 --threads 1", put_keras, false},
	{"import v3", "import ../keras/generator.keras --config ../tiny.yaml --out i.h5 --threads 1", put_keras, false},
	{"info", "info ../start/r", put_run, false},
	{"info config", "info ../tiny.yaml --plan d_penalty", put_config, false},
	{"layers", "layers halo --input 16x16x32", put_config, false},
	{"data", "data ../data --picture d.png", put_config, false},
	{"data zip", "data ../fruit.zip --picture d.png", put_archives, false},
	{"data npz", "data ../fortran.npz", put_archives, false},
	{"data tar", "data ../cifar.tar.gz", put_archives, false},
	{"classify", "classify ../classify.yaml --out c.h5 --threads 1", put_config, false},
	{"evaluate", "evaluate ../start/r --n 8 --features ../c.h5 --threads 1 --quiet", put_classifier, false},
	{"report", "report r --threads 1", put_run, true},
	{"compare", "compare ../start/r ../start/r", put_run, false},
};

/* ---- which calls fail ---- */

static const struct {
	enum fault_call call;
	int error;
	bool lasting;                                /* from there on */
} FAULTS[] = {
	{FAULT_MEMORY, ENOMEM, false}, {FAULT_OPEN, EMFILE, false}, {FAULT_OPEN, EIO, false},
	{FAULT_OPEN, ENOSPC, false}, {FAULT_OPEN, EINTR, false}, {FAULT_CLOSE, EIO, false}, {FAULT_CLOSE, EINTR, false},
	{FAULT_READ, EIO, false}, {FAULT_READ, EINTR, false}, {FAULT_WRITE, ENOSPC, false}, {FAULT_WRITE, EIO, false},
	{FAULT_WRITE, EINTR, false}, {FAULT_FSYNC, EIO, false}, {FAULT_FSYNC, ENOSPC, false},
	{FAULT_RENAME, EIO, false}, {FAULT_RENAME, ENOSPC, false}, {FAULT_READDIR, EIO, false},
	{FAULT_MKDIR, ENOSPC, false}, {FAULT_UNLINK, EIO, false}, {FAULT_TRUNCATE, EIO, false},
	{FAULT_MMAP, ENOMEM, false}, {FAULT_THREAD, EAGAIN, false}, {FAULT_FORK, EAGAIN, false},
	{FAULT_PIPE, EMFILE, false}, {FAULT_STAT, EIO, false}, {FAULT_LOCK, EIO, false},
	{FAULT_MEMORY, ENOMEM, true}, {FAULT_OPEN, EMFILE, true}, {FAULT_READ, EIO, true}, {FAULT_WRITE, ENOSPC, true},
	{FAULT_FORK, EAGAIN, true}, {FAULT_MMAP, ENOMEM, true},
};

/* What is chosen: about `several` places of a call (0: all) of every fault, again and again until `late`; small: one
 * place of FEW faults that change from command to command. */
typedef struct choice {
	double several, late;
	int depth;
	bool small, timed;
	int64_t places;                              /* that there were to choose from */
	rng r;
} choice;

enum { FEW = 2, DEPTH = 4 };

static bool is_over(const choice *c)
{
	return c->timed && clock_s() >= c->late;
}

/* Memory each time, for most fails there. */
static bool has_turn(const choice *c, int command, int which)
{
	const int others = COUNT(FAULTS) - 1, first = command * FEW % others;
	return !c->small || which == 0 || (which - 1 - first + others) % others < FEW;
}

static bool is_chosen(choice *c, int64_t of)
{
	return c->several == 0 || rng_uniform(&c->r) * (double)of < c->several;
}

/* Every place that makes the call. */
static int64_t try_call(faults *f, const char *name, int i, choice *c, int *failed)
{
	const enum fault_call call = FAULTS[i].call;
	int64_t places, tried = 0;
	const int64_t *at;
	const int64_t made = faults_count(f, call, c->depth, &places, &at), n = c->depth ? places : made;
	int64_t *k = calloc((size_t)MAX(n, 1), sizeof *k);
	must(k, "out of memory");
	for (int64_t j = 0; j < n; j++)
		k[j] = c->depth ? at[j] : j + 1;
	c->places += n;
	const int64_t only = c->small && n ? (int64_t)rng_below(&c->r, (uint64_t)n) : -1;
	for (int64_t j = 0; j < n; j++) {
		if (c->small ? j != only : !is_chosen(c, n) || is_over(c))
			continue;
		const char *why = faults_run(f, call, FAULTS[i].error, FAULTS[i].lasting, k[j]);
		tried++;
		if (!why)
			continue;
		++*failed;
		printf("FAULT='%s %s%s %d %lld': %s\n", name, fault_call_name[call], FAULTS[i].lasting ? "+" : "",
			FAULTS[i].error, (long long)k[j], why);
		fflush(stdout);
	}
	free(k);
	return tried;
}

static const char *command_name(int i)
{
	return COMMANDS[i].name;
}

static const char *call_name(int i)
{
	return fault_call_name[FAULT_NONE + 1 + i];
}

/* FAULT="COMMAND CALL ERRNO K", of which the command may have spaces; a "+" behind the call: from there on. */
static struct {
	bool asked;
	int command, error;
	enum fault_call call;
	bool lasting;
	long long k;
} one;

static bool read_one(const char *wish)
{
	char call[32], rest;
	for (int i = 0; i < COUNT(COMMANDS); i++) {
		const size_t n = strlen(COMMANDS[i].name);
		if (strncmp(wish, COMMANDS[i].name, n) || wish[n] != ' '
			|| sscanf(wish + n, " %31s %d %lld%c", call, &one.error, &one.k, &rest) != 3)
			continue;
		char *plus = strchr(call, '+');
		one.lasting = plus;
		if (plus)
			*plus = '\0';
		one.command = i;
		for (int c = FAULT_NONE + 1; c < FAULT_CALLS; c++)
			if (strcmp(fault_call_name[c], call) == 0) {
				one.call = (enum fault_call)c;
				return one.asked = true;
			}
	}
	printf("FAULT=%s: must be \"COMMAND CALL ERRNO K\"\n", wish);
	return false;
}

/* What is asked for is there: else nothing would be tried, and all would be well. */
static bool choose_by_names(void)
{
	const char *wish = getenv("FAULT");
	return (!wish || read_one(wish)) && suite_knows("COMMAND", command_name, COUNT(COMMANDS))
		&& suite_knows("CALL", call_name, FAULT_CALLS - FAULT_NONE - 1);
}

static void try_one(faults *f)
{
	int64_t places;
	const int64_t *at;
	const int64_t made = faults_count(f, one.call, 0, &places, &at);
	ck_assert_msg(one.k >= 1 && one.k <= made, "FAULT: %s %lld of %s: must be 1 to %lld",
		fault_call_name[one.call], one.k, COMMANDS[one.command].name, (long long)made);
	const char *why = faults_run(f, one.call, one.error, one.lasting, one.k);
	ck_assert_msg(!why, "%s", why);
}

/* What ended badly once and is quickly tried, at every place, in `make test`, too. */
static const struct {
	const char *command;
	enum fault_call call;
} FOUND[] = {
	{"layers", FAULT_MEMORY}, {"data npz", FAULT_READ}, {"data npz", FAULT_OPEN}, {"data npz", FAULT_STAT},
	{"data", FAULT_STAT}, {"info", FAULT_READ},
};

static bool was_found(const char *name, enum fault_call call)
{
	for (int i = 0; i < COUNT(FOUND); i++)
		if (FOUND[i].call == call && strcmp(FOUND[i].command, name) == 0)
			return true;
	return false;
}

static choice choose(int command)
{
	const char *several = getenv("SEVERAL"), *seconds = getenv("FAULTS_SECONDS"), *depth = getenv("DEPTH");
	const bool small = !several && !seconds;
	choice c = {.several = several ? atof(several) : 1, .small = small, .timed = seconds,
		.depth = small ? 0 : depth ? atoi(depth) : DEPTH};
	c.r = rng_new((small ? 1 : seed) + (uint64_t)command, "faults");
	c.late = clock_s() + (seconds ? atof(seconds) / COUNT(COMMANDS) : 0);
	return c;
}

/* All faults, in an order that begins anywhere. */
static int64_t try_all(faults *f, int command, const char *only, choice *c, int *failed)
{
	int64_t tried = 0;
	const int from = c->timed ? (int)rng_below(&c->r, COUNT(FAULTS)) : 0;
	for (int j = 0; j < COUNT(FAULTS) && !is_over(c); j++) {
		const int i = (from + j) % COUNT(FAULTS);
		const char *name = COMMANDS[command].name;
		choice all = {.depth = DEPTH}, *which = c->small && was_found(name, FAULTS[i].call) ? &all : c;
		if (only ? !strcmp(only, fault_call_name[FAULTS[i].call]) : which == &all || has_turn(c, command, i))
			tried += try_call(f, name, i, which, failed);
	}
	return tried;
}

START_TEST(a_failing_call_ends_a_command_well)
{
	const char *name = COMMANDS[_i].name, *command = getenv("COMMAND"), *only = getenv("CALL");
	int failed = 0;
	int64_t tried = 0;
	if (one.asked ? one.command != _i : command && strcmp(command, name) != 0)
		return;
	COMMANDS[_i].prepare();
	faults *f = faults_open(name, COMMANDS[_i].line, COMMANDS[_i].start ? scratch_at("start") : NULL);
	choice c = choose(_i);
	if (!f) {
		printf("%s: " NO_SHIM "\n", name);
		return;
	}
	if (one.asked)
		try_one(f);
	else
		do
			tried += try_all(f, _i, only, &c, &failed);
		while (c.timed && !is_over(&c));
	printf("%s: %lld calls failed, of %lld places; %d ended badly, %lld with another picture\n", name,
		(long long)tried, (long long)c.places, failed, (long long)faults_swallowed(f));
	faults_close(f);
	fflush(stdout);
	ck_assert_int_eq(failed, 0);
}
END_TEST

/* By this program: a number that no call has. */
START_TEST(a_call_that_is_not_made_is_refused)
{
	const answer a = command("FAULT='layers malloc 12 1000000000' SAGAN_TEST=a_failing %s", self);
	if (strstr(a.text, NO_SHIM))
		return;
	ck_assert_msg(a.status == 1 && strstr(a.text, "FAULT: malloc 1000000000 of layers: must be 1 to "), "%d: %s",
		a.status, a.text);
}
END_TEST

int main(int argc, char **argv)
{
	self = argc ? argv[0] : "";
	if (!getenv("FAULTS_SHIM")) {
		printf("FAULTS_SHIM must name the library that lets calls fail: make faults\n");
		return 1;
	}
	if (!choose_by_names())
		return 1;
	if (getenv("SEVERAL") || getenv("FAULTS_SECONDS"))
		seed = suite_seed();
	const suite_test tests[] = {
		{a_failing_call_ends_a_command_well, COUNT(COMMANDS)},
		{a_call_that_is_not_made_is_refused, 1},
	};
	return suite_run("faults", tests, COUNT(tests), 36000);
}
