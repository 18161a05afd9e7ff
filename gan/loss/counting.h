/* counting.h - whole numbers and comparisons as nodes, for augmentation and for choosing samples. */
#ifndef SAGAN_GAN_LOSS_COUNTING_H
#define SAGAN_GAN_LOSS_COUNTING_H

#include "core/graph/graph.h"

/* 0, 1, .., n-1 as [n], by doubling. */
node *count_up(graph *g, int64_t n);
/* 1 where x > 0, else 0; like x. No derivative flows through it. */
node *is_above_0(graph *g, node *x);
/* floor(u*n) for u [B,1] in [0,1) -> [B,1]. */
node *whole_below(graph *g, node *u, int64_t n);

#endif
