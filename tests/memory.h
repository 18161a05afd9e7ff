/* memory.h - what test_memory.c lets run out of memory. */
#ifndef SAGAN_TESTS_MEMORY_H
#define SAGAN_TESTS_MEMORY_H

#include "core/base/base.h"

typedef struct memory_subject {
	const char *name;
	bool (*go)(fault *e);
	void (*before)(void), (*after)(void);        /* around all its runs; NULL: nothing */
} memory_subject;

enum { MEMORY_KERAS = 14 };
extern const memory_subject memory_keras[MEMORY_KERAS];      /* memory_keras.c */

enum { MEMORY_FEATURES = 2 };
extern const memory_subject memory_features[MEMORY_FEATURES];        /* memory_features.c */

#endif
