/* base.h - what every file stands on: the scalar type, errors, shapes.
 *
 * Nothing here knows graphs, files or networks. */
#ifndef SAGAN_CORE_BASE_BASE_H
#define SAGAN_CORE_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every public header stands between these two: C++ finds C functions, and the linker of another program finds
 * them at all. What no public header declares is hidden (-fvisibility=hidden; the Makefile's libsagan.a). */
#if defined(__GNUC__)
#define SAGAN_SHOW _Pragma("GCC visibility push(default)")
#define SAGAN_HIDE _Pragma("GCC visibility pop")
#else
#define SAGAN_SHOW
#define SAGAN_HIDE
#endif
#ifdef __cplusplus
#include <initializer_list>
#define SAGAN_BEGIN extern "C" { SAGAN_SHOW
#define SAGAN_END   SAGAN_HIDE }
#else
#define SAGAN_BEGIN SAGAN_SHOW
#define SAGAN_END   SAGAN_HIDE
#endif

SAGAN_BEGIN

/* The arithmetic of the whole program. `make REAL=double` builds everything in double: derivatives are checked so. The
 * headers that are installed with such a library say double, too. */
#ifdef REAL_DOUBLE
typedef double real;
#define REAL_NAME "float64"
#else
typedef float real;
#define REAL_NAME "float32"
#endif

#if defined(__GNUC__)
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PRINTF_LIKE(fmt, args)
#endif

/* An error as one line for the user: place, what was given, what is wrong, what is allowed. `text` has the whole line,
 * at most 1023 letters, ended by NUL; a caller that knows a better place (the line of a config, say) takes the reason
 * alone.
 * Meaningful only after a function failed that was given it. */
typedef struct fault {
	char text[1024];                             /* "place: reason", "place = value: reason" or the reason alone */
	int place;                                   /* letters of the place; 0: it has none */
	int reason;                                  /* where the reason begins */
} fault;

/* Each writes a line and returns false, so that `return fault_set(e, ...)` ends a function. `e` may be NULL: the caller
 * then only wants to know that it failed. fault_set writes the reason alone, fault_at "place: reason", fault_value and
 * fault_word "place = value: reason". */
bool fault_set(fault *e, const char *fmt, ...) PRINTF_LIKE(2, 3);
bool fault_at(fault *e, const char *place, const char *fmt, ...) PRINTF_LIKE(3, 4);  /* place: a file, a layer */
bool fault_value(fault *e, const char *place, double value, const char *fmt, ...) PRINTF_LIKE(4, 5);
bool fault_word(fault *e, const char *place, const char *value, const char *fmt, ...) PRINTF_LIKE(4, 5);
double plain_nan(double x);                          /* x, for a line: a NaN without the sign that %g would show */

/* Makes a text of somebody else fit to be shown, in place: bytes that are not UTF-8, and characters that a terminal
 * or a browser obeys instead of showing them (control characters, changes of direction), become question marks, one
 * for each byte, but `keep` ('\n' in a list; 0: none). Messages of faults go through it. Returns s. */
char *text_plain(char *s, char keep);

/* Whether the message names exactly this place. Here and below e is a fault that was written, not NULL. */
bool fault_is_at(const fault *e, const char *place);
/* The reason alone: a part of e->text, borrowed from e. */
const char *fault_reason(const fault *e);
/* *e = *told, for a message that another process wrote: where its text has no end or its numbers do not fit the text,
 * they are made to. `e` may be NULL. Returns false. */
bool fault_take(fault *e, const fault *told);

/* Whether the failure was a lack of memory (the message then says "out of memory"). */
bool fault_is_memory(const fault *e);

/* Whether what failed may work a moment later, or on another machine: no memory, or what fault_read says. Who can go on
 * without a file, or takes it for damaged, asks this before. It goes by the words of the message, which stay when one
 * message becomes a part of another; a stranger's text that has them makes a file "not now", never damaged. */
bool fault_is_now(const fault *e);

/* "path: cannot be read now: why", by errno of the call that failed; where the path is wrong, as one where nothing
 * lies: "path: why". Returns false; errno stays. */
bool fault_read(fault *e, const char *path);

enum { RANK_MAX = 8 };

/* The sizes of a value, row-major, last axis fastest: [B,H,W,C] images, [B,N,C] tokens. Rank 0 is a scalar. Sizes
 * beyond `rank` are 1: make shapes by the functions below. */
typedef struct shape {
	int rank;
	int64_t dim[RANK_MAX];
} shape;

/* The shape of `rank` sizes, which are copied; SHAPE(B, H, W, C) counts them itself. shape_scalar() has no axes. A rank
 * above RANK_MAX is a bug and stops the program; the sizes themselves are checked where a node or buffer is made. */
shape shape_of(int rank, const int64_t *dim);
#ifdef __cplusplus
#define SHAPE(...) shape_of_list({__VA_ARGS__})
#else
#define SHAPE(...) \
	shape_of((int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), (int64_t[]){__VA_ARGS__})
#endif
shape shape_scalar(void);
int64_t shape_count(const shape *s);                 /* number of elements; 1 for a scalar */
/* Every size is at least 1, and as many doubles can be counted in bytes; else false, and `why` says what is wrong. */
bool shape_is_valid(const shape *s, char *why, size_t size);
bool shape_equal(const shape *a, const shape *b);
int64_t shape_last(const shape *s);                  /* size of the last axis; 1 for a scalar */

/* "[64,32,32,3]". The text is returned by value, so that shape_print(&s).s can stand among the arguments of a printf;
 * a pointer to it must not be kept. */
enum { SHAPE_TEXT = 128 };
typedef struct shape_text {
	char s[SHAPE_TEXT];
} shape_text;
shape_text shape_print(const shape *s);

SAGAN_END

#ifdef __cplusplus
static inline shape shape_of_list(std::initializer_list<int64_t> dim)
{
	return shape_of((int)dim.size(), dim.begin());
}
#endif

#endif
