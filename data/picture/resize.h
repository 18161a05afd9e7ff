/* resize.h - how pictures of other sizes become the size that is wanted. */
#ifndef SAGAN_DATA_PICTURE_RESIZE_H
#define SAGAN_DATA_PICTURE_RESIZE_H

#include "core/base/base.h"

SAGAN_BEGIN

/* How an image that is not h x w becomes so: crop scales until it covers and cuts the centre, fit
 * scales until it is inside and fills with black, stretch changes the proportions, pad does not
 * scale: it adds black around, or cuts (MNIST 28 -> 32). */
enum data_resize { RESIZE_CROP, RESIZE_FIT, RESIZE_STRETCH, RESIZE_PAD, RESIZES };
extern const char *const data_resize_name[];         /* crop fit stretch pad; ended by NULL */

enum { DATA_SIDE_MAX = 1 << 14 };                     /* pixels a side */

SAGAN_END
#endif
