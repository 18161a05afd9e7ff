/* json.c - see json.h. */
#include "core/base/json.h"

#include <stdlib.h>

#include "core/base/text.h"

json_t *json_text(const char *text)
{
	char *plain = text_plain_new(text, '\n', NULL);
	json_t *t = plain ? json_string(plain) : NULL;
	free(plain);
	return t;
}
