/* step_time.h - how long a run takes on this machine, and how much memory: a few steps are timed. */
#ifndef SAGAN_TOOLS_STEP_TIME_H
#define SAGAN_TOOLS_STEP_TIME_H

#include "gan/config/config.h"

/* Prints it for a run of c that has done so many steps. False with e set: such a step cannot be made here. */
bool print_step_time(const config *c, int64_t done, fault *e);

#endif
