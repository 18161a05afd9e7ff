/* descriptor.c - the one loop around read, write and send. */
#include "core/base/descriptor.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/base/local.h"

/* What is left: `to` is NULL where bytes go out. */
typedef struct rest {
	const char *from;
	char *to;
	size_t n;
} rest;

typedef ssize_t step(int fd, const rest *r);

static ssize_t step_write(int fd, const rest *r)
{
	return write(fd, r->from, r->n);
}

static ssize_t step_send(int fd, const rest *r)
{
	return send(fd, r->from, r->n, MSG_NOSIGNAL);
}

static ssize_t step_read(int fd, const rest *r)
{
	return read(fd, r->to, r->n);
}

static bool all(int fd, rest r, step *go)
{
	while (r.n > 0) {
		const ssize_t k = go(fd, &r);
		if (k < 0 && errno == EINTR)
			continue;
		if (k == 0)
			errno = 0;
		if (k <= 0)
			return false;
		r.from += r.from ? k : 0;
		r.to += r.to ? k : 0;
		r.n -= (size_t)k;
	}
	return true;
}

bool descriptor_write(int fd, const void *x, size_t n)
{
	return all(fd, (rest){.from = x, .n = n}, step_write);
}

bool descriptor_send(int fd, const void *x, size_t n)
{
	return all(fd, (rest){.from = x, .n = n}, step_send);
}

bool descriptor_send_parts(int fd, const struct iovec *part, int n)
{
	struct iovec all[4];
	struct msghdr m = {.msg_iov = all};
	ssize_t sent;
	must(n <= COUNT(all), "%d parts", n);
	for (int i = 0; i < n; i++)
		all[i] = part[i];
	m.msg_iovlen = (size_t)n;
	while ((sent = sendmsg(fd, &m, MSG_NOSIGNAL)) < 0 && errno == EINTR)
		;
	bool ok = sent >= 0;
	for (int i = 0; ok && i < n; i++) {
		const size_t done = MIN((size_t)sent, all[i].iov_len);
		sent -= (ssize_t)done;
		ok = descriptor_send(fd, (const char *)all[i].iov_base + done, all[i].iov_len - done);
	}
	return ok;
}

bool descriptor_read(int fd, void *x, size_t n)
{
	return all(fd, (rest){.to = x, .n = n}, step_read);
}

static bool raise_both(int fd[2])
{
	int why = 0;
	for (int i = 0; i < 2; i++) {
		const int low = fd[i];
		fd[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
		why = fd[i] < 0 ? errno : why;
		close(low);
	}
	if (!why)
		return true;
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	fd[0] = fd[1] = -1;
	errno = why;
	return false;
}

bool descriptor_pair(int fd[2])
{
	return socketpair(AF_UNIX, SOCK_STREAM, 0, fd) == 0 && raise_both(fd);
}

bool descriptor_pipe(int fd[2])
{
	return pipe(fd) == 0 && raise_both(fd);
}
