/* conv_shape.c - what follows from the sizes of a convolution alone. */
#include "core/kernels/conv_internal.h"

bool conv_is_product(const conv_shape *s)
{
	return s->kh == 1 && s->kw == 1 && s->sh == 1 && s->sw == 1 && s->top == 0 && s->left == 0 &&
	       s->ho == s->h && s->wo == s->w && s->groups == 1;
}

conv_shape conv_flatten(const conv_shape *s)
{
	conv_shape f = *s;
	f.h = f.ho = s->b * s->h * s->w;
	f.b = f.w = f.wo = 1;
	return f;
}

double conv_shape_flop(const conv_shape *s)
{
	double terms = (double)s->kh * s->kw * (double)(s->cin / s->groups);
	double resized = s->resize == CONV_HALF ? 16.0 / 9 : s->resize == CONV_DOUBLE ? 4.0 / 9 : 1;
	return 2.0 * (double)s->b * (double)s->ho * (double)s->wo * (double)s->cout * terms * resized;
}
