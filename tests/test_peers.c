/* test_peers.c - several processes train the network that one would, to the same bytes: mpirun with sagan-mpi.
 *
 * SAGAN_MPI names that program; without it (no MPI here) only what needs none is tested. */
#define _DEFAULT_SOURCE                              /* MAP_ANONYMOUS */
#include <check.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/local.h"
#include "core/base/rng.h"
#include "core/peers/peers.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/mpirun.h"
#include "tests/suite.h"

#define ONE_STEP "steps: 3\nbatch: 8\nseed: 5\ntrain: {slices: 4, log_every: 1, sample_every: 0, tensorboard: false, "\
	"sample_count: 4}\nscore: {count: 0}\n"
#define SMALL(network) ONE_STEP "data: {format: random}\nmodel: {" network ", channels: 1, latent: 8, g_channels: 8, "\
	"d_channels: 8"

static const struct {
	const char *name, *text;
} CONFIGS[] = {
	{"r1, accumulation, DiffAugment, several D steps, average",
	 SMALL("network: resnet, size: 16") ", classes: 2, layers_g: [8], layers_d: [8]}\n"
	 "loss: {penalty: r1, penalty_weight: 1, penalty_every: 2}\n"
	 "optim: {d_steps: 2, accumulate: 2, clip_norm: 5}\nema: {decay: 0.9}\n"
	 "augment: {policy: [color, translation, cutout]}\n"},
	{"gp", SMALL("network: resnet, size: 28") ", classes: 2, layers_g: [14], layers_d: [14]}\n"
	 "loss: {penalty: gp}\n"},
	{"dcgan", SMALL("network: dcgan, size: 28") "}\nloss: {name: ns}\n"},
	{"halo and mixer layers, pairs, ADA",
	 SMALL("network: resnet, size: 16") ", classes: 2, layers_g: [{at: 8, type: halo}], "
	 "layers_d: [{at: 8, type: mixer}]}\nloss: {lecam_weight: 0.3, lecam_start: 0, top_k: 0.5}\n"
	 "augment: {policy: [flip, scale], target: 0.6, images: 100}\n"},
};

static const char *config_file(int i)
{
	const char *path = scratch_at("run.yaml");
	file_store(path, CONFIGS[i].text, strlen(CONFIGS[i].text));
	return path;
}

static const char *line(const char *format, const char *a, const char *b)
{
	static char text[1 << 13];
	snprintf(text, sizeof text, format, a, b);
	return text;
}

/* All processes, whichever program; the checkpoint after the last step. */
static void train(int n, const char *config, const char *out)
{
	const char *rest = line("train %s --out %s --threads 1 --quiet", config, out);
	const answer a = n ? mpirun(n, rest) : sagan("%s", rest);
	ck_assert_msg(a.status == 0, "%d processes: %s", n, a.text);
}

START_TEST(any_number_of_processes_writes_the_same_checkpoint)
{
	const char *config = config_file(_i), *alone = scratch_at("alone");
	static const int numbers[] = {2, 4};
	train(0, config, alone);
	for (int k = 0; k < COUNT(numbers); k++) {
		char name[16];
		snprintf(name, sizeof name, "by%d", numbers[k]);
		const char *out = scratch_at(name);
		train(numbers[k], config, out);
		ck_assert_msg(files_equal_in(alone, out, "checkpoint-00000003.h5"), "%s: %d processes write other "
			"bytes", CONFIGS[_i].name, numbers[k]);
		ck_assert(files_equal_in(alone, out, "metrics.csv"));
	}
}
END_TEST

static void pause_s(double s)
{
	nanosleep(&(struct timespec){(time_t)s, (long)((s - (double)(time_t)s) * 1e9)}, NULL);
}

static int rows_in(const char *out)
{
	int n = 0;
	char *text = file_exists(out, "metrics.csv") ? file_bytes_in(out, "metrics.csv", NULL) : NULL;
	for (const char *at = text; at && *at; at++)
		n += *at == '\n';
	free(text);
	return n;
}

static bool has_ended(pid_t job)
{
	siginfo_t is = {.si_pid = 0};
	return waitid(P_PID, (id_t)job, &is, WEXITED | WNOHANG | WNOWAIT) != 0 || is.si_pid == job;
}

/* Each interruption at another moment, of another one, each time with another number of processes: some rows later than
 * it began, and so in the middle of the run, however fast that is. */
START_TEST(killed_and_resumed_with_other_numbers_it_ends_in_the_same_bytes)
{
	enum { ROWS = 8 };
	static const int numbers[] = {4, 2, 1, 4};
	int killed = 0;
	const char *config = config_file(0), *alone = scratch_at("alone"), *out = scratch_at("killed");
	char rest[1 << 12];
	rng r = rng_new(suite_seed(), "kill");
	const char *set = "--steps 40 --set train.checkpoint_every=2 --threads 1 --quiet";
	const answer a = sagan("train %s --out %s %s", config, alone, set);
	ck_assert_msg(a.status == 0, "%s", a.text);
	snprintf(rest, sizeof rest, "train %s --out %s %s", config, out, set);
	for (int k = 0; k < COUNT(numbers); k++) {
		const pid_t job = mpirun_begin(numbers[k], rest, scratch_at("log"));
		const int until = rows_in(out) + 1 + (int)rng_below(&r, ROWS);
		while (rows_in(out) < until && !has_ended(job))
			pause_s(0.002);
		pause_s(0.02 * rng_uniform(&r));
		const pid_t rank = mpirun_rank(job, (int)rng_below(&r, numbers[k]));
		const bool sent = rank && kill(rank, SIGKILL) == 0;
		killed += mpirun_end(job) != 0 && sent;
	}
	ck_assert_msg(killed >= 2, "%d of %d were killed before their end", killed, COUNT(numbers));
	const answer last = mpirun(2, rest);
	ck_assert_msg(last.status == 0, "%s", last.text);
	ck_assert(files_equal_in(alone, out, "checkpoint-00000040.h5"));
	ck_assert(files_equal_in(alone, out, "metrics.csv"));
}
END_TEST

/* Two programs side by side, as mpirun has it: -n 1 A : -n 1 B. */
static answer two(const char *a, const char *before_b, const char *b)
{
	char rest[1 << 13];
	snprintf(rest, sizeof rest, "%s : -n 1 %s%s %s", a, before_b, mpi_program(), b);
	return mpirun(1, rest);
}

static void one_line(const answer *a, const char *text)
{
	const char *at = strstr(a->text, text);
	ck_assert_msg(a->status != 0 && at, "%d: %s", a->status, a->text);
	ck_assert_msg(!strstr(at + 1, text), "said twice: %s", a->text);
}

START_TEST(processes_that_would_do_different_things_are_refused)
{
	const char *config = config_file(0);
	char out[256], other[512];
	snprintf(out, sizeof out, "train %.100s --out %.100s", config, scratch_at("refused"));
	const struct {
		const char *set, *message;
	} rows[] = {
		{"--set optim.lr_g=0.5", "sagan: rank 1 on "},
		{"--set optim.lr_g=0.5", ": another config than rank 0's: optim.lr_g is 0.5, there "},
		{"--set optim.lr_g=-1", "sagan: rank 1 on "},
		{"--set optim.lr_g=-1", "optim.lr_g = -1: "},
		{"", ": another program than rank 0's (docs/portability.md): convolutions fastest, here direct"},
	};
	for (int i = 0; i < COUNT(rows); i++) {
		snprintf(other, sizeof other, "%s %s", out, rows[i].set);
		const answer a = two(out, rows[i].set[0] ? "" : "env SAGAN_CONV=direct ", other);
		one_line(&a, rows[i].message);
		ck_assert(!file_exists(scratch_at("refused"), "metrics.csv"));
	}
}
END_TEST

START_TEST(a_number_that_does_not_divide_the_slices_is_refused)
{
	const char *config = config_file(0);
	answer a = mpirun(3, line("train %s --out %s", config, scratch_at("refused")));
	one_line(&a, "train.slices = 4: 3 processes share the slices of a batch: must be a multiple of their number");
}
END_TEST

START_TEST(more_processes_than_can_meet_are_refused)
{
	const answer a = mpirun(PEERS_MAX + 1, "--version");
	one_line(&a, "sagan: 65 processes; at most 64 can share the work\n");
	ck_assert_int_eq(a.status, 1);
}
END_TEST

/* After the last step, too, all learn that rank 0 could not write: nobody waits for ever. */
START_TEST(rank_0_that_cannot_write_ends_all)
{
	fault e = {.text = ""};
	const int at = _i + 2;                               /* of three steps: one on the way, and the last one */
	char file[64], rest[1 << 12];
	snprintf(file, sizeof file, "unwritten/samples-%08d.png", at);
	ck_assert_msg(file_make_folders(scratch_at(file), &e), "%s", e.text);
	snprintf(rest, sizeof rest, "train %s --out %s --threads 1 --set train.sample_every=%d", config_file(2),
		scratch_at("unwritten"), at);
	const answer a = mpirun(2, rest);
	ck_assert_msg(a.status == 1 && strstr(a.text, "is a folder; last good checkpoint"), "%d: %s", a.status, a.text);
}
END_TEST

/* Seconds from the first step to the last one, with what was written between them. */
static double seconds_until_the_last_step(const char *out)
{
	double seconds = 0;
	char *text = file_bytes_in(out, "timing.csv", NULL);
	const char *row = strstr(text, "\n3,");
	ck_assert_msg(row && sscanf(row, "\n3,%lf", &seconds) == 1, "%s", text);
	free(text);
	return seconds;
}

/* Pictures and a checkpoint follow each of the steps. */
START_TEST(what_a_step_took_is_told_without_what_is_written)
{
	double step = 0;
	const char *out = scratch_at("timed");
	const answer a = mpirun(2, line("train %s --out %s --threads 1 --set train.sample_every=1 --set "
		"train.checkpoint_every=1", config_file(2), out));
	const char *at = strstr(a.text, "a step of ");
	ck_assert_msg(a.status == 0 && at && sscanf(at, "a step of %lf s: ", &step) == 1, "%d: %s", a.status, a.text);
	ck_assert_msg(step > 0 && 3 * step < seconds_until_the_last_step(out), "%s", at);
}
END_TEST

/* To one of them, to which nobody has said anything else: all end after the same step, and save it. */
START_TEST(a_signal_to_one_ends_all_after_the_same_step)
{
	char rest[1 << 12];
	const char *log = scratch_at("log");
	snprintf(rest, sizeof rest, "train %s --out %s --steps 100000 --threads 1", config_file(2),
		scratch_at("stopped"));
	const pid_t job = mpirun_begin(2, rest, log);
	for (int k = 0; k < 100 && !file_exists(scratch_at("stopped"), "metrics.csv"); k++)
		pause_s(0.2);
	pause_s(1);
	const pid_t rank = mpirun_rank(job, 0);
	ck_assert(rank > 0 && kill(rank, SIGTERM) == 0);
	mpirun_end(job);
	char *text = file_bytes(log, NULL);
	ck_assert_msg(strstr(text, "stopped by a signal after step") && strstr(text, "checkpoint: "), "%s", text);
	free(text);
}
END_TEST

/* mpirun hands SIGUSR1 on and waits: of SIGINT and SIGTERM it makes an end after a second (docs/scaling.md). */
START_TEST(a_signal_to_mpirun_ends_all_and_is_the_status)
{
	char rest[1 << 12];
	const char *log = scratch_at("log"), *out = scratch_at("stopped");
	snprintf(rest, sizeof rest, "train %s --out %s --steps 100000 --threads 1", config_file(2), out);
	const pid_t job = mpirun_begin(2, rest, log);
	for (int k = 0; k < 500 && !file_exists(out, "metrics.csv"); k++)
		pause_s(0.2);
	pause_s(1);
	ck_assert_int_eq(kill(job, SIGUSR1), 0);
	const int status = mpirun_end(job);
	char *text = file_bytes(log, NULL);
	ck_assert_msg(status == 128 + SIGUSR1 && strstr(text, "stopped by a signal after step")
		&& strstr(text, "checkpoint: "), "%d: %s", status, text);
	free(text);
}
END_TEST

static const char *flip_program(void)
{
	const char *p = getenv("SAGAN_FLIP");
	return p && *p ? p : NULL;
}

/* A bit of one rank's generator is another one before step 6: the comparison after the last step says where. */
START_TEST(numbers_that_go_wrong_on_one_are_found)
{
	char line[2048], says[256], host[128] = "";
	const char *out = scratch_at("flipped");
	gethostname(host, sizeof host - 1);
	snprintf(line, sizeof line, "-n 4 %s %s 2 5 /generator/out/bias", flip_program(), out);
	const answer a = mpirun_line(line);
	snprintf(says, sizeof says, "step 12: rank 2 on %s has other numbers than rank 0 in /generator/out/bias", host);
	const char *at = strstr(a.text, says);
	ck_assert_msg(a.status == 1 && at && !strstr(at + 1, says), "%d: %s", a.status, a.text);
	ck_assert(file_exists(out, "checkpoint-00000008.h5") && !file_exists(out, "checkpoint-00000012.h5"));
	snprintf(line, sizeof line, "-n 2 %s %s -1 0 -", flip_program(), scratch_at("good"));
	const answer good = mpirun_line(line);
	ck_assert_msg(good.status == 0, "%s", good.text);
}
END_TEST

/* One of two sees what the other does not: both look for the bad value, or none does, and nobody waits for ever. */
START_TEST(a_bad_value_that_one_alone_sees_ends_all)
{
	static const char unknown[] = "unknown: all values of the pass are finite when it is repeated";
	static const struct {
		const char *path, *what, *says;
	} rows[] = {
		{"/discriminator/linear/bias", "nan", "parameter discriminator/linear/bias"},
		{"/discriminator/linear/u", "nan", "linear/u [1]"},
		{"/discriminator/block1/conv1/bias", "plan", unknown},
		{"/discriminator/block1/conv1/bias", "values", unknown},
	};
	char line[2048], says[256];
	snprintf(line, sizeof line, "-n 2 %s %s 1 5 %s %s", flip_program(), scratch_at("bad"), rows[_i].path,
		rows[_i].what);
	snprintf(says, sizeof says, "step 6: loss of the D step is nan; first bad value: %s; last good", rows[_i].says);
	const answer a = mpirun_line(line);
	one_line(&a, says);
}
END_TEST

/* ---- without MPI ---- */

START_TEST(the_plain_program_says_what_to_build)
{
	answer a = command("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=0 %s train x.yaml", sagan_program());
	ck_assert_int_eq(a.status, 1);
	ck_assert_str_eq(a.text, "sagan: started as one of 4 processes, but this program is built for one, and each "
		"would do all the work; `make MPI=1` builds build/sagan-mpi, which shares it\n");
	a = command("OMPI_COMM_WORLD_SIZE=4 OMPI_COMM_WORLD_RANK=3 %s train x.yaml", sagan_program());
	ck_assert(a.status == 1 && !a.text[0]);
	a = command("OMPI_COMM_WORLD_SIZE=1 OMPI_COMM_WORLD_RANK=0 %s --version", sagan_program());
	ck_assert_int_eq(a.status, 0);
}
END_TEST

START_TEST(one_process_exchanges_with_itself)
{
	int x = 7, all[1] = {0};
	fault e = {.text = ""};
	ck_assert(peers_count() == 1 && peers_rank() == 0 && peers_beside() == 1);
	peers_gather(&x, sizeof x, all);
	ck_assert_int_eq(all[0], 7);
	peers_spread(&x, sizeof x);
	ck_assert(x == 7 && peers_most(-3) == -3 && peers_agree(true, &e));
	fault_set(&e, "wrong");
	ck_assert(!peers_agree(false, &e) && strcmp(e.text, "wrong") == 0);
}
END_TEST

/* ---- a wire without another end ---- */

/* Of two processes this is rank 0; the other says what this one says. The bytes of large messages stay as they are. */
static struct {
	bool there;
	size_t sent, got, most;
} echo;

static bool echo_present(void)
{
	return echo.there;
}

static void echo_open(int *rank, int *count)
{
	*rank = 0;
	*count = 2;
}

static void echo_close(void)
{
	echo.there = false;
}

static void echo_start(int slot, int tag, const peers_block *b)
{
	(void)slot, (void)tag;
	echo.sent += b[1].to_bytes;
	echo.got += b[1].from_bytes;
	echo.most = MAX(echo.most, MAX(b[1].to_bytes, b[1].from_bytes));
	if (b[1].to_bytes == b[1].from_bytes && b[1].to_bytes < 1 << 12)
		memcpy(b[1].from, b[1].to, b[1].to_bytes);
}

static bool echo_test(int slot, bool *missing)
{
	(void)slot, (void)missing;
	return true;
}

static const peers_wire over_echo = {echo_present, echo_open, echo_close, echo_start, echo_test};
const peers_wire *const peers_network = &over_echo;

/* MPI counts bytes in int. Images of 2048x2048 in colour, 64 to a process, are more. */
START_TEST(large_arrays_go_in_messages_that_mpi_can_count)
{
	fault e = {.text = ""};
	const size_t part = (size_t)INT_MAX + 1 + (size_t)INT_MAX / 2;
	char *x = mmap(NULL, 2 * part, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	ck_assert(x != MAP_FAILED);
	echo.there = true;
	ck_assert_msg(peers_open(NULL, &e), "%s", e.text);
	echo.sent = echo.got = 0;
	peers_collect(x, 2, part);
	ck_assert(echo.sent == 0 && echo.got == part && echo.most <= INT_MAX);
	peers_join(x, 2, part);
	ck_assert(echo.sent == part && echo.got == 2 * part && echo.most <= INT_MAX);
	peers_close();
	munmap(x, 2 * part);
}
END_TEST

int main(void)
{
	const suite_test several_tests[] = {
		{any_number_of_processes_writes_the_same_checkpoint, COUNT(CONFIGS)},
		{killed_and_resumed_with_other_numbers_it_ends_in_the_same_bytes, 1},
		{processes_that_would_do_different_things_are_refused, 1},
		{a_number_that_does_not_divide_the_slices_is_refused, 1},
		{more_processes_than_can_meet_are_refused, 1},
		{rank_0_that_cannot_write_ends_all, 2},
		{what_a_step_took_is_told_without_what_is_written, 1},
		{a_signal_to_one_ends_all_after_the_same_step, 1},
		{a_signal_to_mpirun_ends_all_and_is_the_status, 1},
		{numbers_that_go_wrong_on_one_are_found, flip_program() ? 1 : 0},
		{a_bad_value_that_one_alone_sees_ends_all, flip_program() ? 4 : 0},
	};
	const suite_test alone[] = {
		{the_plain_program_says_what_to_build, 1},
		{one_process_exchanges_with_itself, 1},
		{large_arrays_go_in_messages_that_mpi_can_count, 1},
	};
	const suite_case cases[] = {
		{.name = "alone", TESTS(alone)},
		{.name = "several", TESTS(several_tests)},
	};
	mpi_any_user();
	return suite_run_cases("peers", cases, mpi_program() ? 2 : 1, 300);
}
