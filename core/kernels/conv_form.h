/* conv_form.h - which form computes a convolution. */
#ifndef SAGAN_CORE_KERNELS_CONV_FORM_H
#define SAGAN_CORE_KERNELS_CONV_FORM_H

#include "core/kernels/conv.h"
#include "core/kernels/wino.h"

/* True: one of Winograd's, *form. False: the direct kernels. */
bool conv_form_of(const conv_shape *s, conv_use use, wino_name *form);

/* "direct", "F(4x4,3x3)", .. */
const char *conv_form_name(const conv_shape *s, conv_use use);

/* The environment variable SAGAN_CONV (fastest, exact, direct) holds for all convolutions of this process, where it is
 * stricter than what a config wants. False with e set: it says something else, and is then not looked at. */
bool conv_form_check(fault *e);
/* What it says: "fastest" where it is not set. */
const char *conv_form_least(void);

#endif
