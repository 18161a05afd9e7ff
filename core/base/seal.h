/* seal.h - a process gives up what it does not need, for good: on Linux by a seccomp filter, which the kernel keeps.
 *
 * For the children that run a library over a file of a stranger (confine.h): a file that takes the library over can
 * then read, compute, and write to the pipes that it is given. It cannot write to or create any other file, open a
 * socket, run a program, make a process, signal or trace another one, or make memory that can be executed. What it
 * may read is what the user may: names of files cannot be told apart by such a filter. */
#ifndef SAGAN_CORE_BASE_SEAL_H
#define SAGAN_CORE_BASE_SEAL_H

#include "core/base/base.h"

enum { SEAL_WRITES_MAX = 4 };

/* From here on this process writes to these n descriptors only. False: it goes on as it was, because the system has no
 * such filter (not Linux, an old kernel, an emulator), or under valgrind, a sanitizer or `make coverage`, which need
 * more. */
bool seal_process(const int *writes, int n);

/* For its test: the same filter as a BPF program to fd, for a machine by libseccomp's name ("x86_64", "aarch64"), which
 * need not be this one. False as above. */
bool seal_export(const char *machine, const int *writes, int n, int fd);

/* The number of a call there, negative when it has none of that name; *audit: what its filter knows the machine by. */
int seal_call(const char *machine, const char *call, uint32_t *audit);

/* What the filter is made by, "libseccomp 2.5.4"; NULL: this program has none. */
const char *seal_maker(char *buf, size_t size);

#endif
