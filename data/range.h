/* range.h - what the numbers of images mean: which of them is black, and which is white.
 *
 * A file does not say it. Where the user does not either, a statistic of all values decides, not their extremes: one
 * value that a resampling pushed over the edge must not change how the whole set is read. */
#ifndef SAGAN_DATA_RANGE_H
#define SAGAN_DATA_RANGE_H

#include "data/dataset.h"

/* Black and white of a range; RANGE_AUTO has none. */
double range_black(enum data_range r);
double range_white(enum data_range r);

/* Values that were counted. 0.5 MB; new/free: range_count_free (NULL allowed). NULL: no memory. */
typedef struct range_count range_count;
range_count *range_count_new(fault *e);
void range_count_free(range_count *c);
void range_count_reals(range_count *c, const real *x, int64_t n);
void range_count_bytes(range_count *c, const uint8_t *x, int64_t n);
void range_count_add(range_count *c, const range_count *more);

/* What the counted values show. */
typedef struct range_found {
	enum data_range range;                       /* decided, or as it was asked for; never RANGE_AUTO */
	bool asked;                                  /* it was asked for */
	int64_t n, cut;                              /* values; those outside of the range, which are cut off */
	double least, most;                          /* the extremes */
	double low, high;                            /* 0.1 % of the values lie below low, 0.1 % above high */
} range_found;

/* Decides, unless `asked` is a range already. The first range counts in which 99.9 % of the values lie, give or take a
 * tenth of it; where all are whole numbers, in which all lie. False with e set, "PLACE: reason": there is no such
 * range, or a value is not a number. */
bool range_decide(const range_count *c, enum data_range asked, const char *place, range_found *f, fault *e);

/* As a line for people: "range: 0..1, by 99.9 % of the values (0.004 to 0.98); 3 values outside, up to 1.2, are cut
 * off". Returns text. */
char *range_print(const range_found *f, char *text, size_t size);
/* A warning where less than half of the range is used, or much is cut off. False: there is nothing to warn of. */
bool range_warning(const range_found *f, char *text, size_t size);

/* n numbers of range r as bytes: rounded, cut off at both ends; NaN is black. */
void range_bytes(enum data_range r, const real *x, int64_t n, uint8_t *to);

#endif
