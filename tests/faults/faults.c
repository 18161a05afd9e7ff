#define _XOPEN_SOURCE 700                            /* nftw */
#include "tests/faults/faults.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/local.h"
#include "core/h5/h5.h"
#include "gan/checkpoint/checkpoint.h"
#include "tests/command.h"
#include "tests/files.h"
#include "tests/scratch.h"

const char *const fault_call_name[FAULT_CALLS] = {
	[FAULT_MEMORY] = "malloc", [FAULT_THREAD] = "pthread_create", [FAULT_FORK] = "fork", [FAULT_MMAP] = "mmap",
	[FAULT_OPEN] = "open", [FAULT_CLOSE] = "close", [FAULT_READ] = "read", [FAULT_WRITE] = "write",
	[FAULT_FSYNC] = "fsync", [FAULT_RENAME] = "rename", [FAULT_READDIR] = "readdir", [FAULT_MKDIR] = "mkdir",
	[FAULT_UNLINK] = "unlink", [FAULT_TRUNCATE] = "ftruncate", [FAULT_PIPE] = "pipe", [FAULT_STAT] = "stat",
	[FAULT_LOCK] = "lock",
};

enum { FILES = 256, PATH = 256, TEXT = 1 << 16 };

typedef struct one_file {
	char path[PATH];
	uint64_t hash;
	bool varies;                                 /* from run to run */
} one_file;

typedef struct folder {
	one_file file[FILES];
	int n;
} folder;

struct faults {
	char name[64], start[PATH], work[PATH], out[PATH], err[PATH];
	pid_t pid;
	int orders, answers;
	fault_count *count;
	folder before, after, now;
	char usual[TEXT], said[TEXT], verdict[2 * TEXT];
	int64_t swallowed;                           /* see faults_swallowed */
};

/* ---- folders ---- */

static folder *walked;                               /* nftw hands no context on */
static size_t root_length;

static uint64_t file_hash(const char *path)
{
	size_t n;
	unsigned char *x = file_bytes(path, &n);
	uint64_t h = n;
	for (size_t i = 0; i < n; i++)
		h = (h ^ x[i]) * 0x100000001b3u;
	free(x);
	return h;
}

static int note_file(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)at;
	if (type != FTW_F)
		return 0;
	ck_assert_int_lt(walked->n, FILES);
	one_file *f = &walked->file[walked->n++];
	snprintf(f->path, sizeof f->path, "%s", path + root_length + 1);
	f->hash = file_hash(path);
	f->varies = false;
	return 0;
}

static void look(const char *path, folder *f)
{
	f->n = 0;
	walked = f;
	root_length = strlen(path);
	nftw(path, note_file, 16, FTW_PHYS);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st, (void)type;
	return at->level ? remove(path) : 0;
}

static char copy_from[PATH], copy_to[PATH];

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char to[2 * PATH];
	size_t n;
	(void)st;
	if (at->level == 0)
		return 0;
	snprintf(to, sizeof to, "%s%s", copy_to, path + strlen(copy_from));
	if (type == FTW_D)
		return mkdir(to, 0777);
	void *x = file_bytes(path, &n);
	file_store(to, x, n);
	free(x);
	return 0;
}

static void start_anew(const faults *f)
{
	nftw(f->work, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	snprintf(copy_from, sizeof copy_from, "%s", f->start);
	snprintf(copy_to, sizeof copy_to, "%s", f->work);
	if (f->start[0])
		ck_assert_int_eq(nftw(f->start, copy_one, 16, FTW_PHYS), 0);
}

static const one_file *find(const folder *f, const char *path)
{
	for (int i = 0; i < f->n; i++)
		if (strcmp(f->file[i].path, path) == 0)
			return &f->file[i];
	return NULL;
}

/* ---- the server ---- */

static int obey(faults *f, enum fault_call call, int error, bool lasting, int64_t k, int depth)
{
	fault_order o = {.call = call, .error = error, .k = k, .lasting = lasting, .depth = depth,
		.trace = call == FAULT_MEMORY || getenv("FAULT")};
	int status = -1;
	start_anew(f);
	snprintf(o.folder, sizeof o.folder, "%s", f->work);
	snprintf(o.out, sizeof o.out, "%s", f->out);
	snprintf(o.err, sizeof o.err, "%s", f->err);
	ck_assert_int_eq(write(f->orders, &o, sizeof o), (int)sizeof o);
	if (read(f->answers, &status, sizeof status) != (int)sizeof status)
		ck_abort_msg("%s: the server is gone", f->name);
	size_t n;
	char *text = file_bytes(f->err, &n);
	snprintf(f->said, sizeof f->said, "%s", text);
	free(text);
	look(f->work, &f->now);
	return status;
}

static void split(char *line, char **argv, int room)
{
	int n = 0;
	for (char *word = strtok(line, " "); word && n + 1 < room; word = strtok(NULL, " "))
		argv[n++] = word;
	argv[n] = NULL;
}

static void become_server(const char *line, const char *counts, int orders, int answers)
{
	char copy[1024], *argv[64], program[PATH];
	const char *shim = getenv("FAULTS_SHIM");
	snprintf(copy, sizeof copy, "sagan %s", line);
	split(copy, argv, COUNT(argv));
	dup2(orders, FAULT_ORDERS);
	dup2(answers, FAULT_ANSWERS);
	setenv("FAULT_COUNT", counts, 1);
	if (realpath(sagan_program(), program) && shim && setenv("LD_PRELOAD", shim, 1) == 0)
		execv(program, argv);
	_exit(127);
}

/* What differs between two runs without a fault may be anything. False: the system does not let the shim work. */
static bool learn(faults *f)
{
	look(f->work, &f->before);
	start_anew(f);
	look(f->work, &f->before);
	for (int i = 0; i < 2; i++) {
		const int status = obey(f, i ? FAULT_LOCK : FAULT_NONE, 0, false, 0, 0);
		if (i && WIFEXITED(status) && WEXITSTATUS(status) == FAULT_NO_SHIM)
			return false;
		ck_assert_msg(status == 0, "%s: without a fault: status %#x, %s", f->name, status, f->said);
		if (i == 0)
			f->after = f->now;
	}
	snprintf(f->usual, sizeof f->usual, "%s", f->said);
	for (int i = 0; i < f->after.n; i++) {
		const one_file *again = find(&f->now, f->after.file[i].path);
		f->after.file[i].varies = !again || again->hash != f->after.file[i].hash;
	}
	return true;
}

faults *faults_open(const char *name, const char *line, const char *start)
{
	int orders[2], answers[2];
	faults *f = calloc(1, sizeof *f);
	const char *counts = scratch_at("counts");
	must(f && pipe(orders) == 0 && pipe(answers) == 0, "no memory or no pipe");
	snprintf(f->name, sizeof f->name, "%s", name);
	snprintf(f->start, sizeof f->start, "%s", start ? start : "");
	snprintf(f->work, sizeof f->work, "%s", scratch_at("work"));
	snprintf(f->out, sizeof f->out, "%s", scratch_at("out.txt"));
	snprintf(f->err, sizeof f->err, "%s", scratch_at("err.txt"));
	mkdir(f->work, 0777);
	const int fd = open(counts, O_RDWR | O_CREAT, 0600);
	must(fd >= 0 && ftruncate(fd, sizeof *f->count) == 0, "%s", counts);
	f->count = mmap(NULL, sizeof *f->count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	f->pid = fork();
	if (f->pid == 0)
		become_server(line, counts, orders[0], answers[1]);
	close(orders[0]);
	close(answers[1]);
	f->orders = orders[1];
	f->answers = answers[0];
	if (learn(f))
		return f;
	faults_close(f);
	return NULL;
}

void faults_close(faults *f)
{
	if (!f)
		return;
	close(f->orders);
	close(f->answers);
	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	munmap(f->count, sizeof *f->count);
	free(f);
}

int64_t faults_count(faults *f, enum fault_call call, int depth, int64_t *places, const int64_t **at)
{
	const int status = obey(f, call, 0, false, 0, MIN(depth, FAULT_DEPTH_MAX));
	ck_assert_msg(status == 0, "%s: counting %s: status %#x, %s", f->name, fault_call_name[call], status, f->said);
	*places = MIN(f->count->places, FAULT_PLACES);
	*at = f->count->place;
	return f->count->made;
}

/* ---- the judge ---- */

static bool ends_with(const char *text, const char *end)
{
	const size_t n = strlen(text), k = strlen(end);
	return n >= k && strcmp(text + n - k, end) == 0;
}

/* Whole by what it says itself: one that was written on the way to the last. */
static bool is_whole(const faults *f, const char *path)
{
	static const char png_end[] = "IEND\xae\x42\x60\x82";
	char whole[2 * PATH];
	snprintf(whole, sizeof whole, "%s/%s", f->work, path);
	if (strstr(path, "checkpoint-") && ends_with(path, ".h5"))
		return checkpoint_verify(whole, NULL);
	if (ends_with(path, ".h5.state")) {          /* the library compares its length with what it says */
		h5 *h = h5_open(whole, NULL);
		h5_close(h);
		return h != NULL;
	}
	/* A page of a run has its time and the minute: two runs in a row may be equal in both, and the next is not. */
	static const char page_end[] = "</html>\n";
	const bool page = ends_with(path, "report.html");
	if (!page && !ends_with(path, ".png"))
		return false;
	size_t n;
	char *x = file_bytes(whole, &n);
	const bool ok = n > 8 && memcmp(x + n - 8, page ? page_end : png_end, 8) == 0;
	free(x);
	return ok;
}

/* Row by row: any number of rows is right. */
static bool is_log(const char *path)
{
	return ends_with(path, ".csv") || strstr(path, "events.out.tfevents") || ends_with(path, "lock");
}

/* Lines of standard error that it has without the fault, and warnings, do not count. */
static int new_lines(const faults *f, bool *warned)
{
	char copy[TEXT], *save = NULL;
	int n = 0;
	*warned = false;
	snprintf(copy, sizeof copy, "%s", f->said);
	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const bool warning = strncmp(line, "sagan: warning: ", 16) == 0;
		*warned = *warned || warning;
		n += !warning && !strstr(f->usual, line);
	}
	return n;
}

static const char *bad(faults *f, const char *what, const char *path)
{
	snprintf(f->verdict, sizeof f->verdict, "%s%s%s; it said: %s%s", what, path ? ": " : "", path ? path : "",
		f->said, getenv("FAULT") ? f->count->who : "");
	return f->verdict;
}

/* Under its name, or where a run that begins anew has put it. */
static bool is_still_there(const faults *f, const one_file *was)
{
	for (int i = 0; i < f->now.n; i++)
		if (strcmp(f->now.file[i].path, was->path) == 0 || f->now.file[i].hash == was->hash)
			return true;
	return false;
}

/* Whether it was a library that goes on when it finds no memory, once, and tells nobody: letters are drawn in another
 * font or left out, a WebP is packed less well. */
static bool is_of_library(const faults *f)
{
	static const char *const library[] = {"libfontconfig", "libpango", "libharfbuzz", "libfreetype", "libcairo",
		"libwebp"};
	for (int i = 0; i < COUNT(library); i++)
		if (strstr(f->count->who, library[i]))
			return true;
	return false;
}

int64_t faults_swallowed(const faults *f)
{
	return f->swallowed;
}

static const char *judge_files(faults *f, int status, bool warned)
{
	bool swallowed = false;
	for (int i = 0; i < f->now.n; i++) {
		const one_file *x = &f->now.file[i], *a = find(&f->after, x->path), *b = find(&f->before, x->path);
		if (strstr(x->path, ".sagan-"))
			return bad(f, "a temporary file is left", x->path);
		const bool same = (a && (a->varies || a->hash == x->hash)) || (b && b->hash == x->hash);
		const bool other = status == 0 && a && is_of_library(f);
		if (!same && !is_log(x->path) && !(warned && a) && !is_whole(f, x->path) && !other)
			return bad(f, "a file is not whole", x->path);
		const bool differs = status == 0 && a && !a->varies && a->hash != x->hash && !warned;
		swallowed = swallowed || (differs && other);
		if (differs && !other)
			return bad(f, "status 0, but not the right bytes", x->path);
	}
	f->swallowed += swallowed;
	for (int i = 0; i < f->after.n; i++)
		if (status == 0 && !f->after.file[i].varies && !find(&f->now, f->after.file[i].path) && !warned)
			return bad(f, "status 0, but missing", f->after.file[i].path);
	for (int i = 0; i < f->before.n; i++)
		if (!is_still_there(f, &f->before.file[i]) && find(&f->after, f->before.file[i].path))
			return bad(f, "lost", f->before.file[i].path);
	return NULL;
}

/* Who can write nothing any more cannot say so. */
static bool is_told(enum fault_call call, bool lasting, int ended, int lines)
{
	return ended <= 1 && (lines == ended || (call == FAULT_WRITE && lasting && lines == 0));
}

const char *faults_run(faults *f, enum fault_call call, int error, bool lasting, int64_t k)
{
	char what[64];
	bool warned;
	const int status = obey(f, call, error, lasting, k, 0), lines = new_lines(f, &warned);
	if (WIFSIGNALED(status)) {
		snprintf(what, sizeof what, "ended by signal %d", WTERMSIG(status));
		return bad(f, what, NULL);
	}
	const int ended = WEXITSTATUS(status);
	snprintf(what, sizeof what, "status %d and %d lines", ended, lines);
	if (!is_told(call, lasting, ended, lines))
		return bad(f, what, NULL);
	if (strstr(f->said, "damaged") && !strstr(f->said, "stopped on signal"))
		return bad(f, "a good file is called damaged", NULL);
	return judge_files(f, ended, warned);
}
