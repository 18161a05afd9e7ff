/* sha256.c - see sha256.h. Nettle computes it: it allocates nothing, cannot fail, and takes the processor's own
 * instructions where there are some. */
#include "core/base/sha256.h"

#include <nettle/sha2.h>
#include <nettle/version.h>
#include <stdio.h>

#include "core/base/local.h"

/* What is hashed so far lies in the caller's sha256. */
_Static_assert(sizeof(struct sha256_ctx) <= sizeof(sha256) && _Alignof(struct sha256_ctx) <= _Alignof(sha256),
	       "nettle's state fits");

static struct sha256_ctx *state_of(sha256 *s)
{
	return (struct sha256_ctx *)(void *)s->state;
}

sha256 sha256_new(void)
{
	sha256 s = {.state = {0}};
	sha256_init(state_of(&s));
	return s;
}

void sha256_add(sha256 *s, const void *bytes, size_t n)
{
	sha256_update(state_of(s), n, bytes);
}

void sha256_text(const sha256 *so_far, char text[SHA256_TEXT])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	sha256 s = *so_far;
#if NETTLE_VERSION_MAJOR >= 4
	sha256_digest(state_of(&s), digest);
#else
	sha256_digest(state_of(&s), sizeof digest, digest);
#endif
	for (int i = 0; i < SHA256_DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
}
