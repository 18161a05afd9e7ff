/* profile_print.h - where the time of a step goes, as text and as JSON. */
#ifndef SAGAN_TOOLS_PROFILE_PRINT_H
#define SAGAN_TOOLS_PROFILE_PRINT_H

#include "tools/bench/step.h"

void profile_print(const profile *p, const bench_result *r);
/* Every convolution: one line for each shape, use and form. */
void profile_print_kernels(const profile *p, const bench_result *r);
/* The members of an object, without its braces. */
void profile_print_json(const profile *p);

#endif
