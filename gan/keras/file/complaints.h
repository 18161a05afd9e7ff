/* complaints.h - what does not agree between a file and a network: a line per layer to the caller, the first into the
 * error. */
#ifndef SAGAN_GAN_KERAS_FILE_COMPLAINTS_H
#define SAGAN_GAN_KERAS_FILE_COMPLAINTS_H

#include "core/base/base.h"

/* Gets one complaint. */
typedef void (*complaints_line)(void *ctx, const char *text);

typedef struct complaints {
	complaints_line line;                        /* NULL: nobody listens */
	void *ctx;
	fault *e;
	int wrong;                                   /* lines so far */
} complaints;

/* One more line. Returns false. */
bool complaints_add(complaints *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
