/* shim.c - a library that is loaded before a program (LD_PRELOAD) and lets one call of it fail: the k-th allocation,
 * whoever makes it, or the k-th of one system call. Linux with glibc, on x86-64 and arm64.
 *
 * It is a server, too: before main it waits for orders (shim.h) and forks for each, so that libraries are loaded once.
 * An allocation fails by a malloc in front of the C library's; a system call by a seccomp filter that turns it into
 * SIGSYS, whose handler makes the call, or does not. So calls are seen from wherever they come. */
#define _GNU_SOURCE
#include "tests/faults/shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#define SHOWN __attribute__((visibility("default")))

/* Shared with the program's children, so that a call is counted once. */
static fault_count *count;
static fault_order order;

/* ---- which calls ---- */

enum { OWN = 4, SEEN = 1 << 16 };                    /* frames of this file, about */
static uint64_t seen[SEEN];                          /* an open hash of stacks, of the process that records */
static __thread bool within;                         /* backtrace allocates when it is first called */

/* A number for who calls whom. */
static uint64_t stack_hash(void)
{
	void *at[FAULT_DEPTH_MAX + OWN];
	uint64_t h = 0xcbf29ce484222325u;
	within = true;
	const int n = backtrace(at, order.depth + OWN);
	within = false;
	for (int i = 0; i < n; i++)
		h = (h ^ (uintptr_t)at[i]) * 0x100000001b3u;
	return h | 1;
}

static bool is_new(uint64_t h)
{
	for (size_t i = h % SEEN, tries = 0; tries < SEEN; i = (i + 1) % SEEN, tries++) {
		if (seen[i] == h)
			return false;
		if (!seen[i]) {
			seen[i] = h;
			return true;
		}
	}
	return false;
}

/* A child has no standard error, and may write to nothing. */
static void note_stack(void)
{
	void *at[40];
	size_t used = 0;
	within = true;
	const int n = backtrace(at, 40);
	char **line = backtrace_symbols(at, n);
	for (int i = 0; line && i < n && used < sizeof count->who; i++)
		used += (size_t)snprintf(count->who + used, sizeof count->who - used, "%s\n", line[i]);
	free(line);
	within = false;
}

/* To standard error, for a person: where the program dies. */
static void print_stack(int number)
{
	void *at[40];
	within = true;
	backtrace_symbols_fd(at, backtrace(at, 40), STDERR_FILENO);
	within = false;
	signal(number, SIG_DFL);
	raise(number);
}

/* Whether this call, which is counted, is the one to fail. */
static bool fails(void)
{
	if (!count || !order.call || within)
		return false;
	const int64_t k = __atomic_add_fetch(&count->made, 1, __ATOMIC_RELAXED);
	if (order.depth && is_new(stack_hash())) {
		const int64_t at = __atomic_fetch_add(&count->places, 1, __ATOMIC_RELAXED);
		if (at < FAULT_PLACES)
			count->place[at] = k;
	}
	if (!order.k || k < order.k || (k > order.k && !order.lasting))
		return false;
	if (order.trace && k == order.k)
		note_stack();
	return true;
}

/* ---- memory ---- */

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);

static bool no_memory(void)
{
	if (order.call != FAULT_MEMORY || !fails())
		return false;
	errno = ENOMEM;
	return true;
}

SHOWN void *malloc(size_t n)
{
	return no_memory() ? NULL : __libc_malloc(n);
}

SHOWN void *calloc(size_t n, size_t size)
{
	return no_memory() ? NULL : __libc_calloc(n, size);
}

SHOWN void *realloc(void *p, size_t n)
{
	return no_memory() ? NULL : __libc_realloc(p, n);
}

SHOWN void *aligned_alloc(size_t align, size_t n)
{
	return no_memory() ? NULL : __libc_memalign(align, n);
}

SHOWN void *memalign(size_t align, size_t n)
{
	return no_memory() ? NULL : __libc_memalign(align, n);
}

SHOWN int posix_memalign(void **p, size_t align, size_t n)
{
	void *got = no_memory() ? NULL : __libc_memalign(align, n);
	if (!got)
		return ENOMEM;
	*p = got;
	return 0;
}

/* ---- the clock ---- */

/* Stands still, or a page that has the minute in it would differ from the one before. */
SHOWN time_t time(time_t *t)
{
	const time_t now = 1000000000;
	if (t)
		*t = now;
	return now;
}

/* ---- threads and processes ---- */

SHOWN int pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *ctx)
{
	static int (*theirs)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
	if (order.call == FAULT_THREAD && fails())
		return order.error;
	if (!theirs)
		*(void **)&theirs = dlsym(RTLD_NEXT, "pthread_create");
	return theirs(t, a, f, ctx);
}

SHOWN pid_t fork(void)
{
	static pid_t (*theirs)(void);
	if (order.call == FAULT_FORK && fails()) {
		errno = order.error;
		return -1;
	}
	if (!theirs)
		*(void **)&theirs = dlsym(RTLD_NEXT, "fork");
	return theirs();
}

SHOWN void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	if (order.call == FAULT_MMAP && fails()) {
		errno = order.error;
		return MAP_FAILED;
	}
	return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

SHOWN void *mmap64(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
	return mmap(at, n, prot, flags, fd, offset);
}

/* ---- system calls ---- */

/* Those of an order; older ones are missing on arm64. */
static const struct {
	enum fault_call call;
	int number[3], n;
} CALLS[] = {
#ifdef SYS_open
	{FAULT_OPEN, {SYS_openat, SYS_open}, 2},
	{FAULT_RENAME, {SYS_renameat2, SYS_renameat, SYS_rename}, 3},
	{FAULT_MKDIR, {SYS_mkdirat, SYS_mkdir}, 2},
	{FAULT_UNLINK, {SYS_unlinkat, SYS_unlink}, 2},
	{FAULT_PIPE, {SYS_pipe2, SYS_pipe}, 2},
	{FAULT_STAT, {SYS_newfstatat, SYS_stat, SYS_lstat}, 3},
#else
	{FAULT_OPEN, {SYS_openat}, 1}, {FAULT_RENAME, {SYS_renameat2, SYS_renameat}, 2},
	{FAULT_MKDIR, {SYS_mkdirat}, 1},
	{FAULT_UNLINK, {SYS_unlinkat}, 1}, {FAULT_PIPE, {SYS_pipe2}, 1}, {FAULT_STAT, {SYS_newfstatat}, 1},
#endif
	{FAULT_CLOSE, {SYS_close}, 1}, {FAULT_READ, {SYS_read, SYS_pread64}, 2},
	{FAULT_WRITE, {SYS_write, SYS_pwrite64, SYS_writev}, 3}, {FAULT_FSYNC, {SYS_fsync, SYS_fdatasync}, 2},
	{FAULT_READDIR, {SYS_getdents64}, 1}, {FAULT_TRUNCATE, {SYS_ftruncate}, 1}, {FAULT_LOCK, {SYS_fcntl}, 1},
};

#ifdef __x86_64__
#define ARGUMENT(r, i) ((r)->gregs[(const int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9}[i]])
#define RESULT(r) ((r)->gregs[REG_RAX])
#define ARCH AUDIT_ARCH_X86_64
#else
#define ARGUMENT(r, i) ((r)->regs[i])
#define RESULT(r) ((r)->regs[0])
#define ARCH AUDIT_ARCH_AARCH64
#endif

/* close() ends the descriptor even where it fails; the others then have done nothing. */
static void on_call(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	const int before = errno;
	mcontext_t *r = &((ucontext_t *)context)->uc_mcontext;
	const long number = info->si_syscall;
	const bool counted = order.call != FAULT_LOCK || ARGUMENT(r, 1) == F_SETLK;
	const bool fail = counted && fails();
	long result = -order.error;
	if (!fail || number == SYS_close) {
		const long got = syscall(number, ARGUMENT(r, 0), ARGUMENT(r, 1), ARGUMENT(r, 2), ARGUMENT(r, 3),
			ARGUMENT(r, 4), ARGUMENT(r, 5));
		if (!fail)
			result = got < 0 ? -errno : got;
	}
	RESULT(r) = result;
	errno = before;
}

/* Calls of the C library's syscall(), the handler's own among them, pass. */
static bool watch(const int *number, int n)
{
	const uint64_t from = (uint64_t)(uintptr_t)dlsym(RTLD_DEFAULT, "syscall"), to = from + 64;
	if (from >> 32 != to >> 32)
		return false;
	struct sock_filter code[16] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	};
	int at = 4;
	for (int i = 0; i < n; i++, at++)
		code[at] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)number[i],
			(uint8_t)(n - i), 0);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, instruction_pointer) + 4);
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(from >> 32), 0, 3);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, instruction_pointer));
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, (uint32_t)from, 0, 1);
	code[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, (uint32_t)to, 0, 1);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	code[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	const struct sock_fprog program = {(unsigned short)at, code};
	struct sigaction a = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_RESTART};
	return sigaction(SIGSYS, &a, NULL) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
		&& prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* ---- the server ---- */

static void redirect(const char *path, int to)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		_exit(FAULT_NO_SHIM);
	dup2(fd, to);
	close(fd);
}

/* Goes on to main. */
static void become_program(const fault_order *o)
{
	redirect(o->out, STDOUT_FILENO);
	redirect(o->err, STDERR_FILENO);
	if (chdir(o->folder) != 0)
		_exit(FAULT_NO_SHIM);
	close(FAULT_ORDERS);
	close(FAULT_ANSWERS);
	unsetenv("LD_PRELOAD");
	alarm(FAULT_SECONDS);
	memset(count, 0, sizeof *count);
	for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
		if (CALLS[i].call == o->call && !watch(CALLS[i].number, CALLS[i].n))
			_exit(FAULT_NO_SHIM);
	for (int i = 0; o->trace && i < 2; i++)
		signal((const int[]){SIGSEGV, SIGABRT}[i], print_stack);
	order = *o;
}

__attribute__((constructor)) static void serve(void)
{
	fault_order o;
	void *first[1];
	const char *shared = getenv("FAULT_COUNT");
	const int fd = shared ? open(shared, O_RDWR) : -1;
	if (fd < 0)
		return;
	count = (void *)syscall(SYS_mmap, NULL, sizeof *count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (count == MAP_FAILED)
		_exit(FAULT_NO_SHIM);
	backtrace(first, 1);                         /* loads what it needs */
	while (read(FAULT_ORDERS, &o, sizeof o) == sizeof o) {
		int status = -1;
		const pid_t child = fork();
		if (child == 0) {
			become_program(&o);
			return;
		}
		if (child > 0)
			waitpid(child, &status, 0);
		if (write(FAULT_ANSWERS, &status, sizeof status) != sizeof status)
			break;
	}
	_exit(0);
}
