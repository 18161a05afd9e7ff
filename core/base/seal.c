/* seal.c - the list of system calls that reading, computing and drawing need; all others fail with EPERM.
 *
 * Found by running the tests of readers and of drawings with SCMP_ACT_KILL_PROCESS in place of the error (Debian 12),
 * and by reading what glibc does where a test does not go: abort, a stack that grows, threads. One call is refused
 * that a library makes: libhdf5 asks whether there is a file of the name that it gives to one in memory, by opening
 * it for writing, and goes on when there is none. */
#define _GNU_SOURCE                                  /* CLONE_THREAD, MAP_TYPE */
#include "core/base/seal.h"

/* The sanitizers' reports open, map and ask for more; counters of coverage are written to files. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define WATCHED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || defined(COVERAGE)
#define WATCHED
#endif

#if defined(__linux__) && !defined(WATCHED)

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "core/base/local.h"

/* With any arguments. Those that a processor does not have are passed over. */
static const int FREE[] = {
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(preadv), SCMP_SYS(lseek), SCMP_SYS(close),
	SCMP_SYS(fstat), SCMP_SYS(newfstatat), SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(statx), SCMP_SYS(access),
	SCMP_SYS(faccessat), SCMP_SYS(faccessat2), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
	SCMP_SYS(getdents64), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(fadvise64), SCMP_SYS(flock),
	SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
	SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getcpu), SCMP_SYS(membarrier),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(times), SCMP_SYS(getrusage), SCMP_SYS(sysinfo),
	SCMP_SYS(uname), SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getegid), SCMP_SYS(getrandom), SCMP_SYS(getrlimit), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* Each row is one way in which a call is allowed: all its conditions on arguments, counted from 0, hold. */
#define BITS(n, mask, value) {(n), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value)}
#define IS(n, value) {(n), SCMP_CMP_EQ, (scmp_datum_t)(value), 0}
enum { CONDITIONS = 2 };
typedef struct way {
	int call, n;
	struct scmp_arg_cmp when[CONDITIONS];
} way;

/* Opened to be read, and not made. (O_TMPFILE asks for writing, too.) */
#define FOR_READING(n) BITS(n, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)

static const way WAYS[] = {
	{SCMP_SYS(open), 1, {FOR_READING(1)}},
	{SCMP_SYS(openat), 1, {FOR_READING(2)}},
	{SCMP_SYS(mmap), 2, {BITS(2, PROT_EXEC, 0), BITS(3, MAP_TYPE, MAP_PRIVATE)}},
	{SCMP_SYS(mmap), 2, {BITS(2, PROT_EXEC | PROT_WRITE, 0), BITS(3, MAP_TYPE, MAP_SHARED)}},
	{SCMP_SYS(mprotect), 1, {BITS(2, PROT_EXEC, 0)}},
	{SCMP_SYS(fcntl), 1, {IS(1, F_GETFD)}}, {SCMP_SYS(fcntl), 1, {IS(1, F_SETFD)}},
	{SCMP_SYS(fcntl), 1, {IS(1, F_GETFL)}}, {SCMP_SYS(fcntl), 1, {IS(1, F_SETLK)}},
	{SCMP_SYS(ioctl), 1, {IS(1, TCGETS)}},       /* whether a file is a terminal */
	{SCMP_SYS(prctl), 1, {IS(0, PR_SET_NAME)}},
	{SCMP_SYS(prlimit64), 2, {IS(0, 0), IS(2, 0)}},      /* asks for its own limits */
	{SCMP_SYS(clone), 1, {BITS(0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM)}},
};

static int try_way(scmp_filter_ctx f, const way *w)
{
	return seccomp_rule_add_array(f, SCMP_ACT_ALLOW, w->call, (unsigned)w->n, w->when);
}

static bool add_way(scmp_filter_ctx f, const way *w)
{
	return try_way(f, w) == 0;
}

/* Descriptors and this process itself are known only now. */
static bool add_own(scmp_filter_ctx f, const int *writes, int n)
{
	const way own[] = {
		{SCMP_SYS(tgkill), 1, {IS(0, getpid())}}, {SCMP_SYS(kill), 1, {IS(0, getpid())}},        /* abort */
	};
	bool ok = true;
	for (int i = 0; ok && i < COUNT(own); i++)
		ok = add_way(f, &own[i]);
	for (int i = 0; ok && i < n; i++)
		ok = add_way(f, &(way){SCMP_SYS(write), 1, {IS(0, writes[i])}});
	return ok;
}

/* glibc asks for clone3 first, whose flags a filter cannot see, and takes clone where there is none. */
static bool fill(scmp_filter_ctx f, const int *writes, int n)
{
	bool ok = seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
	/* A filter that lacks rules for want of memory would make every file a damaged one. */
	for (int i = 0; i < COUNT(FREE); i++)
		ok = seccomp_rule_add(f, SCMP_ACT_ALLOW, FREE[i], 0) != -ENOMEM && ok;
	for (int i = 0; i < COUNT(WAYS); i++)
		ok = try_way(f, &WAYS[i]) != -ENOMEM && ok;
	return ok && add_own(f, writes, n);
}

/* valgrind makes calls of its own within the process. */
static bool is_watched(void)
{
	const char *loaded = getenv("LD_PRELOAD");
	return loaded && strstr(loaded, "vgpreload");
}

bool seal_process(const int *writes, int n)
{
	if (is_watched())
		return false;
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	const bool ok = f && fill(f, writes, n) && seccomp_load(f) == 0;
	if (f)
		seccomp_release(f);
	return ok;
}

/* seccomp_arch_add fills the new one with the rules that there are, so the machine's own goes last. */
static bool change_machine(scmp_filter_ctx f, uint32_t machine)
{
	const uint32_t own = seccomp_arch_native();
	return machine == own || (machine && seccomp_arch_add(f, machine) == 0 && seccomp_arch_remove(f, own) == 0);
}

bool seal_export(const char *machine, const int *writes, int n, int fd)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	const bool ok = f && change_machine(f, seccomp_arch_resolve_name(machine)) && fill(f, writes, n)
		&& seccomp_export_bpf(f, fd) == 0;
	if (f)
		seccomp_release(f);
	return ok;
}

int seal_call(const char *machine, const char *call, uint32_t *audit)
{
	*audit = seccomp_arch_resolve_name(machine);
	return seccomp_syscall_resolve_name_arch(*audit, call);
}

const char *seal_maker(char *buf, size_t size)
{
	const struct scmp_version *v = seccomp_version();
	snprintf(buf, size, "libseccomp %u.%u.%u", v ? v->major : 0, v ? v->minor : 0, v ? v->micro : 0);
	return buf;
}

#else

bool seal_process(const int *writes, int n)
{
	return (void)writes, (void)n, false;
}

bool seal_export(const char *machine, const int *writes, int n, int fd)
{
	return (void)machine, (void)writes, (void)n, (void)fd, false;
}

int seal_call(const char *machine, const char *call, uint32_t *audit)
{
	return (void)machine, (void)call, (void)audit, -1;
}

const char *seal_maker(char *buf, size_t size)
{
	return (void)buf, (void)size, NULL;
}

#endif
