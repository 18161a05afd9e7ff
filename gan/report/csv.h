/* csv.h - columns of numbers by name, out of the CSV files of a run. */
#ifndef SAGAN_GAN_REPORT_CSV_H
#define SAGAN_GAN_REPORT_CSV_H

#include "core/base/base.h"

enum { CSV_COLUMNS_MAX = 64, CSV_NAME = 64 };

/* A file as columns; what is no number is NaN. Left out: rows whose first column is none, and a last line without
 * its end, which is being written. */
typedef struct csv {
	int columns;
	char name[CSV_COLUMNS_MAX][CSV_NAME];
	double *x[CSV_COLUMNS_MAX];                  /* own; [n] */
	int64_t n, room;
} csv;

/* Release with csv_free; on failure nothing is left to release. Columns after the first CSV_COLUMNS_MAX are not read.
 * False with e set: it cannot be read, it is empty, or no memory. */
bool csv_read(csv *c, const char *path, fault *e);
void csv_free(csv *c);                               /* all zero allowed */

/* The column of a name; -1: there is none, which e says. */
int csv_find(const csv *c, const char *path, const char *name, fault *e);

#endif
