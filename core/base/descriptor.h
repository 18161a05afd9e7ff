/* descriptor.h - all n bytes of a descriptor: calls that are interrupted are made again, and short ones go on. */
#ifndef SAGAN_CORE_BASE_DESCRIPTOR_H
#define SAGAN_CORE_BASE_DESCRIPTOR_H

#include "core/base/base.h"

/* False with errno set: not all were written. A pipe without a reader ends the process by SIGPIPE, as write does. */
bool descriptor_write(int fd, const void *x, size_t n);

/* The same into a socket, where nobody at the other end is a failure (EPIPE) and no signal. */
bool descriptor_send(int fd, const void *x, size_t n);

/* And several, as if they were one behind the other: in one call of the system, if they fit. At most 4. */
struct iovec;
bool descriptor_send_parts(int fd, const struct iovec *part, int n);

/* Two ends of a socket or pipe (of which fd[0] reads), above the standard descriptors, which a child replaces and the
 * program may have closed; programs that are executed do not get them. False with errno set, and nothing is open. */
bool descriptor_pair(int fd[2]);
bool descriptor_pipe(int fd[2]);

/* False with errno set, 0 where the bytes ended before. */
bool descriptor_read(int fd, void *x, size_t n);

#endif
