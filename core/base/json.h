/* json.h - the one place where jansson is included, and texts of others in JSON. */
#ifndef SAGAN_CORE_BASE_JSON_H
#define SAGAN_CORE_BASE_JSON_H

#include <jansson.h>

/* A text as json_string makes it, but of any bytes: jansson takes UTF-8 only. What is not harmless (text.h) becomes
 * question marks; lines stay lines. NULL: no memory. The caller's. */
json_t *json_text(const char *text);

#endif
