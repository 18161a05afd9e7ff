/* json.h - the one place where jansson is included, and texts of others in JSON. */
#ifndef SAGAN_CORE_BASE_JSON_H
#define SAGAN_CORE_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>

/* A text as json_string makes it, but of any bytes: jansson takes UTF-8 only. What is not harmless (text.h) becomes
 * question marks; lines stay lines. NULL: no memory. The caller's. */
json_t *json_text(const char *text);

/* A number; one that JSON has no word for (NaN, infinity) is null there. NULL: no memory. The caller's. */
json_t *json_number(double x);

/* Value (take) into an object, and at the end of a list. *ok becomes false without memory for it, or where there was
 * none for the value or what it goes into before (NULL). */
void json_put(json_t *object, const char *key, json_t *value, bool *ok);
void json_add(json_t *list, json_t *value, bool *ok);

#endif
