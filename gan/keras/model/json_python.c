/* json_python.c - the numbers that Python writes into JSON and JSON does not have: Infinity, -Infinity and NaN.
 *
 * Each becomes a text of the same letters. So a file is not refused for one that says nothing of the network (a bound
 * of the optimizer), and a setting that must be a number is refused by its name, as with any other text. */
#include "core/base/local.h"
#include "gan/keras/model/json_internal.h"

#include <string.h>

/* Letters of such a number at the beginning of text[0..n), or 0. */
static size_t number_at(const char *text, size_t n)
{
	static const char *const names[] = {"NaN", KERAS_INFINITY, ("-" KERAS_INFINITY)};
	for (int i = 0; i < COUNT(names); i++)
		if (strlen(names[i]) <= n && !memcmp(text, names[i], strlen(names[i])))
			return strlen(names[i]);
	return 0;
}

char *keras_plain_json(const char *text, size_t n, size_t *plain, fault *e)
{
	char *out = mem_new(n, 2, e);                /* three letters become five at most */
	bool quoted = false;
	size_t at = 0;
	for (size_t i = 0, k = 1; out && i < n; i += k) {
		const size_t number = quoted ? 0 : number_at(text + i, n - i);
		k = number ? number : quoted && text[i] == '\\' && i + 1 < n ? 2 : 1;
		quoted ^= text[i] == '"';
		if (number)
			out[at++] = '"';
		memcpy(out + at, text + i, k);
		at += k;
		if (number)
			out[at++] = '"';
	}
	*plain = at;
	return out;
}
