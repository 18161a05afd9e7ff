/* sum_form.h - a sum or a broadcast over neighbouring axes as three numbers, for kernels that run along them. */
#ifndef SAGAN_CORE_GRAPH_SUM_FORM_H
#define SAGAN_CORE_GRAPH_SUM_FORM_H

#include "core/base/base.h"

/* A sum over the middle of [outer, middle, inner]. */
typedef struct sum_form {
	int64_t outer, middle, inner;
} sum_form;

/* The form of a sum from `full` to `kept` (axes aligned at the end, 1 where summed); false when summed axes are not
 * neighbours. */
bool sum_form_of(const shape *full, const shape *kept, sum_form *f);

#endif
