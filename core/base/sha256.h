/* sha256.h - SHA-256 (FIPS 180-4), by which people compare files: sha256sum prints the same. */
#ifndef SAGAN_CORE_BASE_SHA256_H
#define SAGAN_CORE_BASE_SHA256_H

#include "core/base/base.h"

/* A hash of what has been added so far, in any pieces. */
typedef struct sha256 {
	uint64_t state[16];                          /* sha256.c knows what lies in it */
} sha256;

enum { SHA256_TEXT = 65 };

sha256 sha256_new(void);                             /* of nothing yet; nothing to free */
void sha256_add(sha256 *s, const void *bytes, size_t n);
/* 64 hexadecimal digits of all bytes so far into text. */
void sha256_text(const sha256 *s, char text[SHA256_TEXT]);

#endif
