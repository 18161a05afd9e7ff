/* conv.c - convolution: by the form that conv_form.c names, or as direct sums. */
#include "core/kernels/conv.h"

#include "core/kernels/conv_form.h"
#include "core/kernels/conv_internal.h"

conv_room conv_room_of(const tile_kernels *k, const conv_shape *s, conv_use use)
{
	wino_name form;
	if (conv_form_of(s, use, &form))
		return wino_room(k, form, s, use);
	if (s->resize)
		return conv_resized_room(k, s, use);
	if (use == CONV_DW)
		return (conv_room){.scratch = conv_direct_dw_scratch(k, s)};
	return conv_direct_room(k, s, use == CONV_DX);
}

void conv_pack(const tile_kernels *k, const conv_shape *s, conv_use use, const real *w, real *packed, void *scratch)
{
	wino_name form;
	if (conv_form_of(s, use, &form))
		wino_pack(k, form, s, use, w, packed, scratch);
	else if (s->resize)
		conv_resized_pack(k, s, use, w, packed, scratch);
	else
		conv_direct_pack(k, s, use == CONV_DX, w, packed, scratch);
}

void conv_forward(const tile_kernels *k, const conv_shape *s, const real *x, const real *w,
		  epilogue e, real *y, void *scratch)
{
	wino_name form;
	if (conv_form_of(s, CONV_FORWARD, &form))
		wino_forward(k, form, s, x, w, e, y, scratch);
	else if (s->resize)
		conv_resized(k, s, CONV_FORWARD, x, w, e, y, scratch);
	else
		conv_direct(k, s, false, x, w, e, y, scratch);
}

void conv_dx(const tile_kernels *k, const conv_shape *s, const real *dy, const real *w, real *dx,
	     void *scratch)
{
	wino_name form;
	if (conv_form_of(s, CONV_DX, &form))
		wino_dx(k, form, s, dy, w, dx, scratch);
	else if (s->resize)
		conv_resized(k, s, CONV_DX, dy, w, (epilogue){0}, dx, scratch);
	else
		conv_direct(k, s, true, dy, w, (epilogue){0}, dx, scratch);
}

void conv_dw(const tile_kernels *k, const conv_shape *s, const real *x, const real *dy, real *dw,
	     void *scratch)
{
	wino_name form;
	if (conv_form_of(s, CONV_DW, &form))
		wino_dw(k, form, s, x, dy, dw, scratch);
	else if (s->resize)
		conv_resized(k, s, CONV_DW, x, dy, (epilogue){0}, dw, scratch);
	else
		conv_direct_dw(k, s, x, dy, dw, scratch);
}
