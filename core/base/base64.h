/* base64.h - bytes as text (RFC 4648, section 4), for pages that hold pictures. */
#ifndef SAGAN_CORE_BASE_BASE64_H
#define SAGAN_CORE_BASE_BASE64_H

#include <stddef.h>

/* new/free: free(). NULL: no memory. */
char *base64_text(const void *bytes, size_t n);

#endif
