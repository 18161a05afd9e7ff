/* processors.c - affinity by the system's call, quotas by the files of cgroups, which may be missing. */
#define _GNU_SOURCE                                  /* sched_getaffinity */
#include "core/base/processors.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/local.h"

enum { PATH = 4096, LINE = 64 };

/* ---- affinity ---- */

/* The system refuses a set with room for fewer processors than it may have: a cpu_set_t holds 1,024. */
void processors_allowed(processor_set *s)
{
	memset(s, 0, sizeof *s);
	if (sched_getaffinity(0, sizeof s->bit, (cpu_set_t *)s->bit) == 0)
		return;
	const long online = sysconf(_SC_NPROCESSORS_ONLN);
	for (long i = 0; i < MIN(MAX(online, 1), PROCESSORS_MAX); i++)
		s->bit[i / 64] |= UINT64_C(1) << i % 64;
}

int processors_count(const processor_set *s)
{
	int n = 0;
	for (int i = 0; i < COUNT(s->bit); i++)
		n += __builtin_popcountll(s->bit[i]);
	return n;
}

bool processors_meet(const processor_set *a, const processor_set *b)
{
	for (int i = 0; i < COUNT(a->bit); i++)
		if (a->bit[i] & b->bit[i])
			return true;
	return false;
}

/* ---- quotas ---- */

int processors_in_quota(const char *text)
{
	char *behind;
	const long long quota = strtoll(text, &behind, 10), period = strtoll(behind, NULL, 10);
	if (quota <= 0 || period <= 0)
		return 0;
	return (int)MIN((quota - 1) / period + 1, INT_MAX);
}

/* Without the C library's streams: they ask for memory. Returns how many bytes; text ends with 0. */
static size_t read_text(const char *path, char *text, size_t size)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[MAX(n, 0)] = '\0';
	return (size_t)MAX(n, 0);
}

/* Of one cgroup: version 2 has both numbers in one file, version 1 has a file for each. */
static int quota_at(const char *folder)
{
	static const char *const file[][2] = {{"cpu.max", NULL}, {"cpu.cfs_quota_us", "cpu.cfs_period_us"}};
	for (int v = 0; v < COUNT(file); v++) {
		char path[PATH + LINE], text[2 * LINE];
		size_t n = 0;
		for (int i = 0; i < 2 && file[v][i]; i++) {
			snprintf(path, sizeof path, "%s/%s", folder, file[v][i]);
			n += read_text(path, text + n, LINE);
		}
		if (n)
			return processors_in_quota(text);
	}
	return 0;
}

static int least(int a, int b)
{
	return a && b ? MIN(a, b) : MAX(a, b);
}

/* Whether a line "7:cpu,cpuacct:/a/b" is of cgroups that bound processors, and where these are below the root: version
 * 2 has one hierarchy for all, "0::/a/b". */
static const char *hierarchy(const char *line, size_t n)
{
	static const char *const is[][2] = {{"0::", ""}, {":cpu,cpuacct:", "/cpu"}, {":cpuacct,cpu:", "/cpu"},
		{":cpu:", "/cpu"}};
	for (int i = 0; i < COUNT(is); i++) {
		const char *at = strstr(line, is[i][0]);
		if (at && at < line + n && (i > 0 || at == line))
			return is[i][1];
	}
	return NULL;
}

int processors_of_cgroups(const char *root, const char *own)
{
	int quota = 0;
	for (const char *line = own; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		const size_t n = strcspn(line, "\n");
		const char *below = hierarchy(line, n), *at = memchr(line, '/', n);
		char folder[PATH];
		if (!below || !at)
			continue;
		const int length = snprintf(folder, sizeof folder, "%s%s%.*s", root, below, (int)(line + n - at), at);
		const size_t top = strlen(root) + strlen(below);
		/* In a container the path may be the machine's, of which only the top is there. */
		for (size_t end = MIN((size_t)length, sizeof folder - 1); end >= top; end--)
			if (folder[end] == '/' || !folder[end]) {
				folder[end] = '\0';
				quota = least(quota, quota_at(folder));
			}
	}
	return quota;
}

int processors_usable(void)
{
	processor_set allowed;
	char own[PATH];
	processors_allowed(&allowed);
	read_text("/proc/self/cgroup", own, sizeof own);
	const int n = MAX(processors_count(&allowed), 1), quota = processors_of_cgroups("/sys/fs/cgroup", own);
	return quota ? MIN(n, quota) : n;
}
