/* profile_print.h - where the time of a step goes, as text and as JSON. */
#ifndef SAGAN_TOOLS_PROFILE_PRINT_H
#define SAGAN_TOOLS_PROFILE_PRINT_H

#include "tools/bench/profile.h"

/* peak: GFLOP/s of all threads. */
void profile_print(const profile *p, double peak);
/* Every convolution: one line for each shape, use and form. */
void profile_print_kernels(const profile *p, double peak);
/* The members of an object, without its braces. */
void profile_print_json(const profile *p);

#endif
