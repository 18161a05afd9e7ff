/* optim.h - everything that sees blocks of parameters and gradients, never layers. */
#ifndef SAGAN_OPTIM_OPTIM_H
#define SAGAN_OPTIM_OPTIM_H

#include "optim/ema.h"
#include "optim/gradient.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"

#endif
