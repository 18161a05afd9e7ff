/* local.h - short names for our own files that another program must not get from us: memory, the assertion, MIN, MAX
 * and COUNT. Not installed. */
#ifndef SAGAN_CORE_BASE_LOCAL_H
#define SAGAN_CORE_BASE_LOCAL_H

#include "core/base/base.h"

#if defined(__GNUC__)
#define NORETURN __attribute__((noreturn))
#else
#define NORETURN
#endif

/* A bug in the program: prints file, line and message to stderr and aborts, in every build. must(cond, format, ..) does
 * so when cond is false. */
NORETURN void bug_abort(const char *file, int line, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define must(cond, ...) ((cond) ? (void)0 : bug_abort(__FILE__, __LINE__, __VA_ARGS__))

/* malloc and calloc of n * size bytes; NULL with `e` set when the product overflows or memory is
 * out. Zero bytes give a pointer that can be freed. new/free: release with free(). */
void *mem_new(size_t n, size_t size, fault *e);
void *mem_zero(size_t n, size_t size, fault *e);

/* 64-byte aligned memory (a vector register, a cache line), not cleared. free() releases it. */
void *mem_aligned(size_t bytes, fault *e);

/* What a message says where a file may be good and another try may read it (fault_is_now). */
#define FAULT_NOW "cannot be read now"

/* Whether so much memory could be had at this moment. It is given back at once. */
bool memory_is_there(size_t bytes);

/* Bytes of memory that this machine has. Linux hands out more and kills later: malloc does not tell. */
double machine_memory(void);

/* A copy of a string, or NULL with `e` set. */
char *text_copy(const char *s, fault *e);

/* The entry of list[0..n) that a misspelt `word` most likely meant: the one with the fewest single-letter insertions,
 * removals, replacements and swaps of neighbours, the first of equals. At most a third as many as `word` has letters
 * (always one), and fewer than it has letters; words of more than 63 letters are near nothing. NULL when nothing is
 * near. Borrows both, allocates nothing. */
const char *text_closest(const char *word, const char *const *list, int n);

#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#endif
