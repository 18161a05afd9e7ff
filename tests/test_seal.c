/* test_seal.c - what a sealed process may do and what it may not: tried in a confined child, and by reading the filter
 * as the kernel does, for machines that are not here, too. */
#define _GNU_SOURCE                                  /* syscall */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#endif

#include "core/base/confine.h"
#include "core/base/local.h"
#include "core/base/seal.h"
#include "tests/files.h"
#include "tests/suite.h"

#ifdef __linux__

/* ---- a child that a file has taken over ---- */

enum { ATTEMPTS_MAX = 128 };

/* The error of each, 0 where it went well. */
typedef struct attempt {
	const char *what;
	int error;
} attempt;

typedef struct target {
	const char *file;
	int socket;                                  /* inherited */
} target;

static int error_of(long result)
{
	return result == -1 ? errno : 0;
}

/* Arguments are such that it is not their fault when a call fails; but for those that would end this machine. */
static void try_all(const target *t, attempt *a)
{
	static char memory[8192], *none[] = {NULL};
	const char *file = t->file;
	const pid_t parent = getppid();
	const long page = (long)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095);
	struct { void *base; size_t n; } part = {memory, 8};
	char here[32];
	int n = 0;
	errno = 0;
#define TRY(what) a[n++] = (attempt){#what, error_of((long)(what))}
#define CALL(name, ...) a[n++] = (attempt){#name, error_of(syscall(SYS_##name, __VA_ARGS__))}
	/* files */
	TRY(open(file, O_WRONLY));
	TRY(open(file, O_RDWR));
	TRY(open(file, O_RDONLY | O_TRUNC));
	TRY(open(file, O_WRONLY | O_CREAT, 0600));
	CALL(openat, AT_FDCWD, file, O_RDWR);
	CALL(openat, AT_FDCWD, ".", 020200000 | O_RDWR, 0600);              /* O_TMPFILE */
	CALL(openat2, AT_FDCWD, file, (uint64_t[]){O_RDWR, 0, 0}, 24);
	TRY(unlink(file));
	TRY(rename(file, "elsewhere"));
	TRY(link(file, "elsewhere"));
	TRY(symlink(file, "elsewhere"));
	TRY(truncate(file, 0));
	TRY(chmod(file, 0777));
	TRY(chown(file, 0, 0));
	TRY(mkdir("sealed", 0777));
	CALL(mknodat, AT_FDCWD, "sealed", 0010600, 0);                      /* a FIFO */
	CALL(utimensat, AT_FDCWD, file, NULL, 0);
	CALL(setxattr, file, "user.a", "b", 1, 0);
	CALL(memfd_create, "code", 0);
	CALL(pwrite64, 1, "x", 1, 0);
	CALL(writev, 1, &part, 1);
	CALL(sendfile, 1, 0, NULL, 1);
	CALL(splice, 0, NULL, 1, NULL, 1, 0);
	CALL(copy_file_range, 0, NULL, 1, NULL, 1, 0);
	CALL(fallocate, 1, 0, 0, 1);
	CALL(io_uring_setup, 1, memory);
	CALL(mount, "none", ".", "tmpfs", 0, NULL);
	CALL(umount2, ".", 0);
	CALL(chroot, ".");
	TRY(chdir("."));
	/* programs, processes, memory that runs */
	TRY(execl("/bin/true", "true", (char *)NULL));
	CALL(execveat, 0, "", none, none, 0x1000);                          /* AT_EMPTY_PATH */
	TRY(fork());
	CALL(clone, SIGCHLD, 0, 0, 0, 0);
	CALL(unshare, 0x10000000);                                          /* CLONE_NEWUSER */
	CALL(setns, 0, 0);
	TRY(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC));
	CALL(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CALL(mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CALL(pkey_mprotect, page, 4096, PROT_READ | PROT_EXEC, -1);
	CALL(remap_file_pages, page, 4096, 0, 0, 0);
	/* other processes */
	TRY(kill(parent, SIGTERM));
	TRY(kill(parent, 0));
	TRY(kill(-1, 0));
	CALL(tgkill, parent, parent, 0);
	CALL(tkill, parent, 0);
	CALL(rt_sigqueueinfo, parent, 0, memory);
	CALL(pidfd_open, parent, 0);
	CALL(pidfd_send_signal, 0, 0, NULL, 0);
	CALL(pidfd_getfd, 0, 0, 0);
	CALL(ptrace, PTRACE_ATTACH, parent, 0, 0);
	CALL(ptrace, PTRACE_TRACEME, 0, 0, 0);
	CALL(process_vm_readv, parent, &part, 1, &part, 1, 0);
	CALL(process_vm_writev, parent, &part, 1, &part, 1, 0);
	CALL(process_madvise, 0, &part, 1, 0, 0);
	CALL(prlimit64, parent, 0, NULL, NULL);
	CALL(prlimit64, 0, 0, memory, NULL);
	CALL(setpriority, 0, parent, 19);
	CALL(sched_setaffinity, parent, 8, memory);
	/* the network and other ways out */
	TRY(socket(AF_INET, SOCK_STREAM, 0));
	TRY(socket(AF_UNIX, SOCK_STREAM, 0));
	TRY(socket(AF_NETLINK, SOCK_RAW, 0));
	TRY(socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}));
	TRY(connect(t->socket, (void *)memory, 16));
	TRY(send(t->socket, "x", 1, 0));
	CALL(sendto, t->socket, "x", 1, 0, NULL, 0);
	CALL(sendmsg, t->socket, memory, 0);
	TRY(write(t->socket, "x", 1));
	CALL(recvmsg, t->socket, memory, MSG_DONTWAIT);                     /* takes descriptors */
	TRY(dup(1));
	CALL(dup3, t->socket, 1, 0);
	CALL(ioctl, 0, 0x5412, "x");                                        /* TIOCSTI: types at the terminal */
	TRY(fcntl(t->socket, F_DUPFD, 0));
	TRY(fcntl(t->socket, F_SETOWN, parent));
	TRY(fcntl(t->socket, F_SETFL, O_ASYNC));
	CALL(shmget, 0, 4096, 01600);
	CALL(msgget, 0, 01600);
	CALL(mq_open, "sealed", O_RDWR | O_CREAT, 0600, NULL);
	/* the kernel's corners */
	CALL(bpf, 0, memory, 8);
	CALL(perf_event_open, memory, 0, -1, -1, 0);
	CALL(userfaultfd, 0);
	CALL(keyctl, 0, -3, 1);
	CALL(add_key, "user", "a", "b", 1, -3);
	CALL(seccomp, 0, 0, NULL);
	CALL(prctl, 4, 1, 0, 0, 0);                                         /* PR_SET_DUMPABLE */
	CALL(personality, 0x0400000);                                       /* READ_IMPLIES_EXEC */
	CALL(setuid, (long)getuid());
	CALL(timer_create, 0, NULL, here);
	CALL(inotify_init1, 0);
	CALL(fanotify_init, 0, 0);
	CALL(syslog, 3, memory, 8);
	CALL(init_module, memory, 8, "");
	CALL(finit_module, 0, "", 0);
	CALL(quotactl, 0, NULL, 0, NULL);
	CALL(swapon, "", 0);
	CALL(acct, NULL);
	CALL(open_by_handle_at, 0, memory, 0);
#undef CALL
#undef TRY
	a[n].what = NULL;
}

static bool send_attempts(void *ctx, confine_out *out, fault *e)
{
	static attempt a[ATTEMPTS_MAX];
	const char sealed = confine_sealed();
	(void)e;
	if (sealed)
		try_all(ctx, a);
	return confine_put(out, &sealed, 1) && confine_put(out, a, sizeof a);
}

/* Whether the child is sealed, and what it could do. */
static bool attempts(confine_limits l, attempt a[ATTEMPTS_MAX])
{
	char sealed = 0, path[512];
	fault e = {.text = ""};
	int fd[2];
	snprintf(path, sizeof path, "%s", scratch_at("file"));
	file_store(path, "x", 1);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	target t = {path, fd[0]};
	confine *c = confine_start("x.h5", send_attempts, &t, &l, &e);
	ck_assert(confine_take(c, &sealed, 1) && confine_take(c, a, ATTEMPTS_MAX * sizeof *a));
	ck_assert_msg(confine_end(c, &e), "%s", e.text);
	close(fd[0]);
	close(fd[1]);
	ck_assert(file_exists(scratch_folder(), "file"));
	return sealed;
}

START_TEST(a_sealed_child_can_do_nothing_but_answer)
{
	attempt a[ATTEMPTS_MAX] = {{NULL, 0}};
	const bool sealed = attempts((confine_limits){0}, a);
	int n = 0;
	for (; sealed && a[n].what; n++)
		ck_assert_msg(a[n].error == EPERM, "%s: %s", a[n].what, strerror(a[n].error));
	ck_assert(!sealed || n > 80);
	ck_assert(!attempts((confine_limits){.files = true}, a));    /* one that makes a file must be able to */
}
END_TEST

#ifdef __x86_64__
/* Calls by the door of 32-bit programs, where numbers mean others: 20 is getpid there. */
static bool enter_by_another_door(void *ctx, confine_out *out, fault *e)
{
	long got = 20;
	(void)ctx, (void)out, (void)e;
	if (!confine_sealed())
		return true;
	__asm__ volatile("int $0x80" : "+a"(got) : : "memory", "r8", "r9", "r10", "r11");
	return fault_set(e, "it answered %ld", got);
}

START_TEST(the_door_of_32_bit_programs_is_shut)
{
	fault e = {.text = ""};
	confine *c = confine_start("x.h5", enter_by_another_door, NULL, &(confine_limits){0}, &e);
	if (!confine_end(c, &e))
		ck_assert_msg(strstr(e.text, "stopped on signal"), "%s", e.text);
}
END_TEST
#endif

/* ---- the filter, as the kernel reads it ---- */

typedef struct program {
	struct sock_filter code[2048];
	int n;
} program;

static uint32_t load(const struct seccomp_data *d, uint32_t at)
{
	uint32_t x;
	ck_assert_uint_le(at + sizeof x, sizeof *d);
	memcpy(&x, (const char *)d + at, sizeof x);
	return x;
}

/* Of the instructions, those that libseccomp writes. */
static uint32_t verdict(const program *p, const struct seccomp_data *d)
{
	uint32_t a = 0;
	for (int i = 0; i < p->n; i++) {
		const struct sock_filter *c = &p->code[i];
		const uint32_t k = c->k;
		switch (c->code) {
		case BPF_LD | BPF_W | BPF_ABS: a = load(d, k); break;
		case BPF_ALU | BPF_AND | BPF_K: a &= k; break;
		case BPF_JMP | BPF_JA: i += (int)k; break;
		case BPF_JMP | BPF_JEQ | BPF_K: i += a == k ? c->jt : c->jf; break;
		case BPF_JMP | BPF_JGE | BPF_K: i += a >= k ? c->jt : c->jf; break;
		case BPF_JMP | BPF_JGT | BPF_K: i += a > k ? c->jt : c->jf; break;
		case BPF_RET | BPF_K: return k;
		default: ck_abort_msg("instruction %d is %#x", i, c->code);
		}
	}
	ck_abort_msg("the filter has no end");
	return 0;
}

enum { ANSWERS_TO = 7 };                             /* the descriptor that is written to */

static bool read_filter(const char *machine, program *p)
{
	const int fd = open(scratch_at("filter"), O_RDWR | O_CREAT | O_TRUNC, 0600), to = ANSWERS_TO;
	ck_assert_int_ge(fd, 0);
	const bool ok = seal_export(machine, &to, 1, fd);
	const ssize_t n = ok ? pread(fd, p->code, sizeof p->code, 0) : 0;
	close(fd);
	ck_assert(n >= 0 && (size_t)n < sizeof p->code);
	p->n = (int)((size_t)n / sizeof *p->code);
	return ok;
}

/* Under a sanitizer there is no filter. */
static uint32_t ask(const program *p, const char *machine, const char *name, const uint64_t arg[6])
{
	struct seccomp_data d;
	uint32_t audit;
	memset(&d, 0, sizeof d);
	const int number = seal_call(machine, name, &audit);
	ck_assert_msg(number >= 0, "%s has no %s", machine, name);
	d.nr = number;
	d.arch = audit;
	memcpy(d.args, arg, sizeof d.args);
	return verdict(p, &d);
}

typedef struct row {
	const char *name;
	uint64_t arg[6];
} row;

/* What a reader and the C library below it ask for on either machine: glibc 2.36 and 2.41, musl 1.2. */
static const row BOTH[] = {
	{"read", {3}}, {"readv", {3}}, {"pread64", {3}}, {"lseek", {3}}, {"close", {3}},
	{"openat", {(uint64_t)AT_FDCWD, 0, O_RDONLY | O_CLOEXEC}}, {"fstat", {3}}, {"newfstatat", {3}}, {"statx", {3}},
	{"faccessat", {3}}, {"readlinkat", {3}}, {"getdents64", {3}}, {"fstatfs", {3}}, {"fadvise64", {3}},
	{"brk", {0}}, {"munmap", {0}}, {"mremap", {0}}, {"madvise", {0}},
	{"mmap", {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS}},
	{"mmap", {0, 4096, PROT_READ, MAP_SHARED, 3}},
	{"mprotect", {0, 4096, PROT_READ | PROT_WRITE}},
	{"futex", {0}}, {"set_robust_list", {0}}, {"rseq", {0}}, {"sched_yield", {0}}, {"sched_getaffinity", {0}},
	{"getcpu", {0}}, {"membarrier", {0}},
	{"clone", {0x3d0f00}},                       /* what pthread_create asks for */
	{"rt_sigaction", {6}}, {"rt_sigprocmask", {0}}, {"rt_sigreturn", {0}}, {"sigaltstack", {0}}, {"ppoll", {0}},
	{"clock_gettime", {0}}, {"clock_nanosleep", {0}}, {"getrusage", {0}}, {"sysinfo", {0}}, {"uname", {0}},
	{"getpid", {0}}, {"gettid", {0}}, {"getuid", {0}}, {"getrandom", {0}}, {"prlimit64", {0, 3, 0, 1}},
	{"fcntl", {3, F_GETFL}}, {"fcntl", {3, F_SETLK}}, {"ioctl", {3, 0x5401}},                /* TCGETS */
	{"write", {ANSWERS_TO}}, {"exit", {0}}, {"exit_group", {0}},
};

static const row NEVER[] = {
	{"openat", {(uint64_t)AT_FDCWD, 0, O_RDWR}}, {"openat", {(uint64_t)AT_FDCWD, 0, O_WRONLY | O_CREAT}},
	{"openat", {(uint64_t)AT_FDCWD, 0, O_RDONLY | O_TRUNC}}, {"write", {3}}, {"write", {ANSWERS_TO + (1ull << 32)}},
	{"mmap", {0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE}}, {"mmap", {0, 4096, PROT_WRITE, MAP_SHARED}},
	{"mprotect", {0, 4096, PROT_EXEC}}, {"clone", {SIGCHLD}}, {"ioctl", {3, 0x5412}},
	{"fcntl", {3, F_DUPFD}}, {"prlimit64", {0, 3, 1, 0}}, {"prlimit64", {1}}, {"kill", {1}}, {"tgkill", {1}},
};

static void check_rows(const program *p, const char *machine, const row *r, int n, uint32_t want)
{
	for (int i = 0; i < n; i++) {
		const uint32_t got = ask(p, machine, r[i].name, r[i].arg);
		ck_assert_msg(got == want, "%s on %s, row %d: %#x", r[i].name, machine, i, got);
	}
}

/* Names that this list does not have are for the libraries of other systems to ask for; it must grow on purpose. */
static int count_allowed(const program *p, const char *machine)
{
	static const uint64_t none[6] = {0};
	struct seccomp_data d;
	uint32_t audit;
	int n = 0;
	seal_call(machine, "read", &audit);
	for (int i = 0; i < 1024; i++) {
		memset(&d, 0, sizeof d);
		d.nr = i;
		d.arch = audit;
		memcpy(d.args, none, sizeof none);
		n += verdict(p, &d) == SECCOMP_RET_ALLOW;
	}
	return n;
}

START_TEST(the_filter_lets_readers_read_on_each_machine)
{
	static const char *const machine[] = {"x86_64", "aarch64"};
	static const uint64_t none[6] = {0};
	static program p;
	for (int i = 0; i < COUNT(machine); i++) {
		if (!read_filter(machine[i], &p))
			return;
		check_rows(&p, machine[i], BOTH, COUNT(BOTH), SECCOMP_RET_ALLOW);
		check_rows(&p, machine[i], NEVER, COUNT(NEVER), SECCOMP_RET_ERRNO | EPERM);
		ck_assert_uint_eq(ask(&p, machine[i], "clone3", none), SECCOMP_RET_ERRNO | ENOSYS);
		ck_assert_int_lt(count_allowed(&p, machine[i]), 80);
	}
}
END_TEST

/* Calls of one machine are numbers of others on the next. */
START_TEST(the_filter_is_of_one_machine)
{
	static program p;
	struct seccomp_data d;
	if (!read_filter("aarch64", &p))
		return;
	memset(&d, 0, sizeof d);
	seal_call("x86_64", "read", &d.arch);
	ck_assert_uint_ne(verdict(&p, &d), SECCOMP_RET_ALLOW);
}
END_TEST

int main(void)
{
	const suite_test tests[] = {
		{a_sealed_child_can_do_nothing_but_answer, 1},
#ifdef __x86_64__
		{the_door_of_32_bit_programs_is_shut, 1},
#endif
		{the_filter_lets_readers_read_on_each_machine, 1},
		{the_filter_is_of_one_machine, 1},
	};
	return suite_run("seal", tests, COUNT(tests), 60);
}

#else

int main(void)
{
	printf("no seal on this system\n");
	return 0;
}

#endif
