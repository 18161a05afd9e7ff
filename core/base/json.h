/* json.h - the one place where jansson is included. */
#ifndef SAGAN_CORE_BASE_JSON_H
#define SAGAN_CORE_BASE_JSON_H

#include <jansson.h>

#endif
