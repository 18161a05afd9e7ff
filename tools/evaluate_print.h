/* evaluate_print.h - an evaluation for people, a line a number, and for programs, one JSON object. */
#ifndef SAGAN_TOOLS_EVALUATE_PRINT_H
#define SAGAN_TOOLS_EVALUATE_PRINT_H

#include "gan/score/evaluate.h"

/* What an evaluation was made of: with these facts each number can be had again. */
typedef struct protocol {
	const char *judged;                          /* the file or folder */
	int64_t step;                                /* -1: none */
	const char *weights, *batch_norm;            /* "average" or "raw", "running" ..; NULL: images from files */
	double truncation;                           /* 0: none */
	uint64_t seed;
	const char *against, *split;                 /* "data/mnist", "train" */
	uint64_t checksum;                           /* of the real images (dataset_checksum) */
	const lens *look;
	char *const *class_name;                     /* [classes], or NULL */
	bool even;                                   /* KL is from equal shares of the classes */
	const char *pairs;                           /* the picture; NULL: none */
} protocol;

void evaluation_print(const protocol *p, const evaluation *v);
/* What makes a number less than it seems, on stderr. `why`: why there are pixels in place of a network, or "";
 * `no_other`: why the other part of the real data is not there, or "". */
void evaluation_warn(const protocol *p, const evaluation *v, const char *why, const char *no_other);
bool evaluation_print_json(const protocol *p, const evaluation *v, fault *e);

#endif
