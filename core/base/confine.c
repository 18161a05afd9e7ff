/* confine.c - a forked child, two pipes and a clock.
 *
 * One pipe carries what the child found, the other its last word: a byte (1: good, 0: an error) and the error's
 * text, in one write that is shorter than PIPE_BUF and so never waits for the parent. */
#define _DEFAULT_SOURCE                              /* wait4 */
#include "core/base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include "core/base/descriptor.h"
#include "core/base/local.h"
#include "core/base/seal.h"

enum {
	OUT_BUFFER = 1 << 16,                        /* the size of a pipe in Linux */
	CPU_DEFAULT = 60, WALL_DEFAULT = 600,
};

/* The child's last word. */
typedef struct last_word {
	char good;
	fault why;
} last_word;

struct confine_out {
	int fd;
	size_t n;
	uint8_t buffer[OUT_BUFFER];
};

struct confine {
	const char *label;                           /* borrow */
	pid_t pid;
	int data, word;                              /* read ends */
	int64_t deadline_ms;
	int wall_s, cpu_s;
	bool writes;
	bool late;                                   /* stopped by the parent's clock */
	int error;                                   /* of reading what it sends: no fault of the file */
	uint8_t ahead[4096];                         /* of data: read, but not taken; [at, have) */
	size_t at, have;
};

/* ---- the child ---- */

bool confine_flush(confine_out *out)
{
	const size_t n = out->n;
	out->n = 0;
	return descriptor_write(out->fd, out->buffer, n);
}

bool confine_put(confine_out *out, const void *x, size_t n)
{
	if (n > sizeof out->buffer - out->n && !confine_flush(out))
		return false;
	if (n > sizeof out->buffer)
		return descriptor_write(out->fd, x, n);
	if (n > 0)                                   /* of nothing there may be no address */
		memcpy(out->buffer + out->n, x, n);
	out->n += n;
	return true;
}

static void limit(int what, rlim_t most)
{
	struct rlimit r;
	if (getrlimit(what, &r) != 0)
		return;
	r.rlim_cur = r.rlim_max == RLIM_INFINITY ? most : MIN(most, r.rlim_max);
	r.rlim_max = r.rlim_cur;
	setrlimit(what, &r);
}

/* The soft limit comes a second before the hard one: its signal says what it was. Where both are the same Linux sends
 * SIGKILL, as it does when memory is out. */
static void limit_processor(int seconds)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_CPU, &r) != 0)
		return;
	r.rlim_cur = MIN((rlim_t)seconds, r.rlim_max);
	r.rlim_max = MIN((rlim_t)seconds + 1, r.rlim_max);
	setrlimit(RLIMIT_CPU, &r);
}

/* What this process has mapped already: a limit on the whole is a limit on what comes. 0: unknown. */
static rlim_t mapped_now(void)
{
	long long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	const bool ok = f && fscanf(f, "%lld", &pages) == 1 && pages > 0;
	if (f)
		fclose(f);
	return ok ? (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) : 0;
}

static void limit_memory(size_t bytes)
{
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	const rlim_t now = mapped_now();
	if (bytes && now)
		limit(RLIMIT_AS, now + bytes);
#else
	(void)bytes, (void)mapped_now;
#endif
}

/* Signals mean what they mean to a new process, except that the terminal's go to the parent, which decides. */
static void default_signals(void)
{
	static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGPIPE, SIGTERM, SIGXCPU, SIGALRM};
	sigset_t none;
	for (int i = 0; i < COUNT(fatal); i++)
		signal(fatal[i], SIG_DFL);
	signal(SIGINT, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* The C library and libhdf5 print when they find their memory in ruins; the parent's line says it. What a sanitizer
 * finds in our own code must be seen. */
static void silence(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	const int last = 1;
#else
	const int last = 2;
#endif
	const int null = open("/dev/null", O_RDWR);
	if (null < 0)
		return;
	for (int fd = 0; fd <= last; fd++)
		dup2(null, fd);
}

/* What a child ran must be counted, too: for `make coverage` it may write its counters, which leaving at once loses. */
#ifdef COVERAGE
void __gcov_dump(void);
enum { FILE_BYTES = 1 << 24 };
#else
#define __gcov_dump() ((void)0)
enum { FILE_BYTES = 0 };
#endif

static bool within, sealed;

bool confine_within(void)
{
	return within;
}

bool confine_sealed(void)
{
	return sealed;
}

/* A child that waits for ever, as fontconfig does for its own lock when memory was out, uses no processor: the limit on
 * that never ends it, and a parent that was killed does not either. */
static void end_with(pid_t parent)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_Exit(0);
#else
	(void)parent;
#endif
}

static void confine_self(const confine_limits *l, int cpu_s, pid_t parent)
{
	within = true;
	end_with(parent);
	default_signals();
	silence();
	limit(RLIMIT_CORE, 0);
	if (!l->files)
		limit(RLIMIT_FSIZE, FILE_BYTES);
	limit_processor(cpu_s);
	limit_memory(l->memory);
}

static void run_child(int data, int word, confine_fn fn, void *ctx)
{
	static confine_out out;                      /* 64 KiB, and the child has one */
	last_word last;
	memset(&last, 0, sizeof last);               /* its padding goes through the pipe, too */
	fault_set(&last.why, "the reader gave no reason");
	out.fd = data;
	last.good = fn(ctx, &out, &last.why) && confine_flush(&out);
	descriptor_write(word, &last, sizeof last);
	__gcov_dump();
	_Exit(0);                                    /* no handlers, no flushing: what is open is the parent's */
}

/* ---- the parent ---- */

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void close_both(int fd[2])
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
}

confine_limits confine_limits_for(int64_t n, double memory)
{
	const int minutes = 1 + (int)MIN(n / 100000000, 1000);
	return (confine_limits){.cpu_s = 60 * minutes, .wall_s = 600 * minutes, .memory = (size_t)memory};
}

void confine_anew(confine *c)
{
	c->deadline_ms = now_ms() + (int64_t)c->wall_s * 1000;
}

confine *confine_start(const char *label, confine_fn fn, void *ctx, const confine_limits *l, fault *e)
{
	int data[2] = {-1, -1}, word[2] = {-1, -1};
	confine *c = mem_zero(1, sizeof *c, e);
	if (!c)
		return NULL;
	c->label = label;
	c->cpu_s = l->cpu_s ? l->cpu_s : CPU_DEFAULT;
	c->wall_s = l->wall_s ? l->wall_s : WALL_DEFAULT;
	c->writes = l->writes;
	c->pid = -1;
	const pid_t parent = getpid();
	confine_anew(c);
	if (descriptor_pipe(data) && descriptor_pipe(word))
		c->pid = fork();
	if (c->pid == 0) {
		close(data[0]);
		close(word[0]);
		confine_self(l, c->cpu_s, parent);
		sealed = !l->files && seal_process((const int[]){1, 2, data[1], word[1]}, 4);
		run_child(data[1], word[1], fn, ctx);
	}
	if (c->pid < 0) {
		fault_set(e, "%s: %s: no process for it: %s", label, l->writes ? "cannot be written" : FAULT_NOW,
			strerror(errno));
		close_both(data);
		close_both(word);
		free(c);
		return NULL;
	}
	close(data[1]);
	close(word[1]);
	c->data = data[0];
	c->word = word[0];
	return c;
}

static void kill_child(confine *c)
{
	kill(c->pid, SIGKILL);
}

/* Waits until fd has bytes or its end; false, and the child is stopped, when the time is up. */
static bool wait_for(confine *c, int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	for (;;) {
		const int64_t left = c->deadline_ms - now_ms();
		const int k = left > 0 ? poll(&p, 1, (int)MIN(left, 1000)) : 0;
		if (k > 0)
			return true;
		if (left <= 0) {
			c->late = true;
			kill_child(c);
			return false;
		}
		if (k < 0 && errno != EINTR) {
			c->error = errno;
			return false;
		}
	}
}

/* Some bytes of fd, at most n; 0 at its end, when the time is up, or when the system fails here. */
static size_t read_some(confine *c, int fd, void *x, size_t n)
{
	while (wait_for(c, fd)) {
		const ssize_t k = read(fd, x, n);
		if (k >= 0)
			return (size_t)k;
		if (errno != EINTR && errno != EAGAIN) {
			c->error = errno;
			return 0;
		}
	}
	return 0;
}

/* An answer is some numbers and their bytes: short ones come in one read. */
static size_t take_some(confine *c, void *x, size_t n)
{
	if (c->at == c->have && n >= sizeof c->ahead)
		return read_some(c, c->data, x, n);
	if (c->at == c->have) {
		c->have = read_some(c, c->data, c->ahead, sizeof c->ahead);
		c->at = 0;
	}
	n = MIN(n, c->have - c->at);
	memcpy(x, c->ahead + c->at, n);
	c->at += n;
	return n;
}

bool confine_take(confine *c, void *x, size_t n)
{
	for (size_t got = 0, k; got < n; got += k)
		if ((k = take_some(c, (char *)x + got, n - got)) == 0)
			return false;
	return true;
}

static bool take_word(confine *c, last_word *last)
{
	for (size_t got = 0, k; got < sizeof *last; got += k)
		if ((k = read_some(c, c->word, (char *)last + got, sizeof *last - got)) == 0)
			return false;
	return true;
}

/* Reaps the child; its status, or -1 when somebody else did (SIGCHLD ignored). *cpu_s: its processor time. */
static int reap(confine *c, double *cpu_s)
{
	int status = -1;
	struct rusage use = {.ru_utime = {0}};
	while (wait4(c->pid, &status, 0, &use) < 0)
		if (errno != EINTR)
			return -1;
	*cpu_s = (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec)
		+ (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) * 1e-6;
	return status;
}

static void confine_free(confine *c)
{
	if (c->data >= 0)
		close(c->data);
	close(c->word);
	free(c);
}

/* What a library that opens a small file may want. With less it may stumble over what it does not get. */
enum { LIBRARY_BYTES = 64 << 20 };

/* Signals of a process that met an end from outside: somebody's kill (the system's, when memory is out), the limit on
 * its time, a call that it may not make. The others are a library's own mistake. */
static bool is_from_outside(int sig)
{
	return sig == SIGKILL || sig == SIGXCPU || sig == SIGTERM || sig == SIGSYS || sig == SIGALRM;
}

/* Why a child ended without its last word. A reader that met its end from outside, or that had no memory, has found
 * nothing out about its file. */
static bool say_why(const confine *c, int status, double cpu_s, fault *e)
{
	const int sig = status != -1 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
	const bool own = sig && !is_from_outside(sig), short_of = own && !memory_is_there(LIBRARY_BYTES);
	const char *what = c->writes ? "cannot be written (the writer" : own && !short_of ? "damaged file (the reader"
		: FAULT_NOW " (the reader";
	if (c->late)
		return fault_set(e, "%s: %s did not end in %d s)", c->label, what, c->wall_s);
	if (sig == SIGXCPU || (sig == SIGKILL && cpu_s >= 0.9 * c->cpu_s))        /* two clocks differ a little */
		return fault_set(e, "%s: %s did not end in %d s of processor time)", c->label, what, c->cpu_s);
	if (sig == SIGKILL)
		return fault_set(e, "%s: %s was killed: is there too little memory?)", c->label, what);
	if (sig)
		return fault_set(e, "%s: %s stopped on signal %d%s)", c->label, what, sig,
			short_of ? ": out of memory" : own && c->writes ? ": out of memory?" : "");
	return fault_set(e, "%s: %s stopped without a word)", c->label, what);
}

bool confine_end(confine *c, fault *e)
{
	last_word last;
	double cpu_s = 0;
	if (!c)
		return false;
	close(c->data);                              /* who still sends is told so, and ends */
	c->data = -1;
	const bool told = take_word(c, &last);
	if (told)                                    /* it has nothing more to do */
		kill_child(c);
	const int status = reap(c, &cpu_s);
	const bool ok = told && last.good == 1 && !c->error;
	if (c->error)
		fault_at(e, c->label, "%s: its %s is not heard: %s", c->writes ? "cannot be written" : FAULT_NOW,
			c->writes ? "writer" : "reader", strerror(c->error));
	else if (told && !ok)
		fault_take(e, &last.why);
	else if (!told)
		say_why(c, status, cpu_s, e);
	confine_free(c);
	return ok;
}

void confine_stop(confine *c)
{
	if (!c)
		return;
	double cpu_s;
	kill_child(c);
	reap(c, &cpu_s);
	confine_free(c);
}
