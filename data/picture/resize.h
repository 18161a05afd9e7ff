/* resize.h - how pictures of other sizes become the size that is wanted. */
#ifndef SAGAN_DATA_PICTURE_RESIZE_H
#define SAGAN_DATA_PICTURE_RESIZE_H

#include "core/base/base.h"

SAGAN_BEGIN

/* How an image of another size becomes h x w. crop: scaled until it covers h x w, the centre is kept. fit: scaled until
 * it lies inside, black around it. stretch: each side scaled for itself. pad: not scaled, black is added around (MNIST,
 * 28 to 32), or the centre kept. */
enum data_resize { RESIZE_CROP, RESIZE_FIT, RESIZE_STRETCH, RESIZE_PAD, RESIZES };
extern const char *const data_resize_name[];         /* crop fit stretch pad; ended by NULL */

enum { DATA_SIDE_MAX = 1 << 14 };                     /* pixels a side */

SAGAN_END
#endif
