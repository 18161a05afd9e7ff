/* import_internal.h - spectral norm's side of importing (import_sigma.c). */
#ifndef SAGAN_KERAS_IMPORT_INTERNAL_H
#define SAGAN_KERAS_IMPORT_INTERNAL_H

#include "layers/module.h"
#include "layers/spectral_norm.h"

/* The vector of a kernel or table: the state "u" beside it, or NULL. *by_rows: it is of the rows. */
buffer *sigma_vector(const module *m, const buffer *w, bool *by_rows);

/* |W u| with u as it is. */
double sigma_estimate(const buffer *w, const buffer *u, bool by_rows);

/* The largest singular value; the unit vector of it into u. */
double sigma_top(const buffer *w, buffer *u, bool by_rows, error *e);

/* Sets u so that spectral norm's sigma of w is `want` in floating point, or as near as it comes. Its length is 1 up to
 * some units of rounding. top and its vector in u are of sigma_top; where `want` lies neither between the smallest
 * singular value and top nor near top, u stays. *exact: it is to the last bit. */
bool sigma_set(const buffer *w, buffer *u, bool by_rows, double top, double want, bool *exact, error *e);

#endif
