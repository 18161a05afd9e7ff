/* describe.h - what a data set contains, in numbers and in lines for people. */
#ifndef SAGAN_DATA_DESCRIBE_H
#define SAGAN_DATA_DESCRIBE_H

#include "data/dataset.h"

typedef struct dataset_stats {
	double mean[3], sd[3];                       /* per channel, of v/255 */
	int64_t *per_class;                          /* own; [classes], or NULL without labels */
	int64_t empty_classes;
	int64_t constant_images;                     /* every pixel alike in each channel */
	int64_t repeated_images;                     /* equal to an earlier one (by 64-bit hash) */
	uint64_t checksum;                           /* dataset_checksum */
} dataset_stats;

/* Fills s from d. False with e set, and nothing to free: no memory. */
bool dataset_stats_make(const dataset *d, dataset_stats *s, fault *e);
void dataset_stats_free(dataset_stats *s);

/* Calls line(ctx, text) for every line, without newline: kind, sizes, mean and deviation, checksum, images per class
 * with a bar (the first 40 classes), and warnings ("warning: ..") on what makes training go wrong. */
typedef void (*line_fn)(void *ctx, const char *text);
void dataset_describe(const dataset *d, const dataset_stats *s, line_fn line, void *ctx);

#endif
