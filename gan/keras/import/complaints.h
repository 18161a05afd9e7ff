/* complaints.h - what does not agree between a file and a network: a line per layer to the caller, the first into the
 * error. */
#ifndef SAGAN_GAN_KERAS_IMPORT_COMPLAINTS_H
#define SAGAN_GAN_KERAS_IMPORT_COMPLAINTS_H

#include "gan/keras/file/read.h"

typedef struct keras_report {
	keras_line line;                             /* NULL: nobody listens */
	void *ctx;
	error *e;
	int wrong;                                   /* lines so far */
} keras_report;

/* One more line. Returns false. */
bool keras_complain(keras_report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
