/* base64.c - three bytes as four letters. */
#include "core/base/base64.h"

#include <stdint.h>
#include <stdlib.h>

char *base64_text(const void *bytes, size_t n)
{
	static const char letter[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *x = bytes;
	char *text = malloc((n + 2) / 3 * 4 + 1), *to = text;
	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i += 3) {
		const size_t k = n - i;
		const uint32_t v = (uint32_t)x[i] << 16 | (uint32_t)(k > 1 ? x[i + 1] : 0) << 8
			| (k > 2 ? x[i + 2] : 0);
		*to++ = letter[v >> 18];
		*to++ = letter[v >> 12 & 63];
		*to++ = k > 1 ? letter[v >> 6 & 63] : '=';
		*to++ = k > 2 ? letter[v & 63] : '=';
	}
	*to = '\0';
	return text;
}
