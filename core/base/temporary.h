/* temporary.h - files under a name that is ours alone, until they are renamed or removed. */
#ifndef SAGAN_CORE_BASE_TEMPORARY_H
#define SAGAN_CORE_BASE_TEMPORARY_H

#include <sys/types.h>

#include "core/base/base.h"

/* A new, empty file ".sagan-PROCESS-NUMBER.tmp" in a folder. While it is open it is locked: a file of such a name that
 * nobody has locked was left by a process that was killed. */
typedef struct temporary {
	char *path;                                  /* own */
	int fd;                                      /* own; to write and to read; -1: none */
} temporary;

/* In the folder in which the file `beside` lies or will lie. Leftovers in that folder go first. False with errno, or
 * with ENOMEM where memory is out. */
bool temporary_make(temporary *t, const char *beside, mode_t mode);

/* Locks it again. Another part of the program that opens and closes the same file ends the lock. */
void temporary_lock(const temporary *t);

/* The file is at `target` from now on, or false with errno. */
bool temporary_rename(temporary *t, const char *target);

/* Closes it, and removes it where it has not been renamed. {NULL, -1} is allowed. errno stays. */
void temporary_end(temporary *t);

/* Removes what killed processes of the same user left in the folder. */
void temporary_sweep(const char *folder);

#endif
