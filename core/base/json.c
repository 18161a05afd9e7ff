/* json.c - see json.h. */
#include "core/base/json.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/text.h"

json_t *json_text(const char *text)
{
	char *plain = text_plain_new(text, '\n', NULL);
	json_t *t = plain ? json_string(plain) : NULL;
	free(plain);
	return t;
}

json_t *json_number(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

void json_put(json_t *object, const char *key, json_t *value, bool *ok)
{
	*ok = json_object_set_new(object, key, value) == 0 && *ok;
}

void json_add(json_t *list, json_t *value, bool *ok)
{
	*ok = json_array_append_new(list, value) == 0 && *ok;
}
