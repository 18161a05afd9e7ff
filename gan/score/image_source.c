/* image_source.c - see image_source.h. */
#include "gan/score/image_source.h"

#include <stdlib.h>

#include "core/base/local.h"
#include "data/picture/image.h"

static void read_rows(const dataset *d, int64_t lo, int64_t n, real *x, int *label)
{
	const int64_t size = dataset_image_bytes(d);
	for (int64_t i = 0; i < n * size; i++)
		x[i] = pixel_real(d->pixels[lo * size + i]);
	for (int64_t i = 0; d->label && i < n; i++)
		label[i] = d->label[lo + i];
}

static bool read_data(void *ctx, int64_t lo, int64_t n, real *x, int *label, fault *e)
{
	(void)e;
	read_rows(ctx, lo, n, x, label);
	return true;
}

image_source source_of_data(dataset *d)
{
	return (image_source){.n = d->n, .size = {d->h, d->w}, .channels = d->c, .classes = d->label ? d->classes : 0,
		.read = read_data, .ctx = d};
}

static bool read_part(void *ctx, int64_t lo, int64_t n, real *x, int *label, fault *e)
{
	const data_part *p = ctx;
	(void)e;
	for (int64_t i = 0; i < n; i++)
		read_rows(p->d, p->which[lo + i], 1, x + i * dataset_image_bytes(p->d), label + i);
	return true;
}

image_source source_of_part(data_part *p)
{
	const dataset *d = p->d;
	return (image_source){.n = p->n, .size = {d->h, d->w}, .channels = d->c, .classes = d->label ? d->classes : 0,
		.read = read_part, .ctx = p};
}

struct drawn {
	sampler *s;                                  /* keep */
	sample_request q;
	real *z, *label;                             /* own; [SOURCE_BATCH,Z], [SOURCE_BATCH] */
};

drawn *drawn_new(sampler *s, const sample_request *q, fault *e)
{
	drawn *d = mem_zero(1, sizeof *d, e);
	if (!d)
		return NULL;
	*d = (drawn){.s = s, .q = *q};
	if ((d->z = mem_new((size_t)(SOURCE_BATCH * sampler_latent_size(s)), sizeof *d->z, e))
		&& (d->label = mem_zero(SOURCE_BATCH, sizeof *d->label, e)))
		return d;
	drawn_free(d);
	return NULL;
}

void drawn_free(drawn *d)
{
	if (!d)
		return;
	free(d->z);
	free(d->label);
	free(d);
}

static bool read_drawn(void *ctx, int64_t lo, int64_t n, real *x, int *label, fault *e)
{
	drawn *d = ctx;
	const int64_t Z = sampler_latent_size(d->s), size = sampler_image_size(d->s);
	const int K = sampler_classes(d->s);
	for (int64_t i = 0; i < n; i++) {
		request_latent(Z, d->q.seed, lo + i, d->q.truncation, d->z + i * Z);
		label[i] = K ? (int)((lo + i) % K) : 0;
		d->label[i] = (real)label[i];
	}
	if (!sampler_run(d->s, n, d->z, d->label, x, e))
		return false;
	for (int64_t i = 0; i < n * size; i++)
		x[i] = pixel_real(pixel_byte(x[i]));
	return true;
}

image_source source_of_drawn(drawn *d)
{
	const shape s = sampler_image_shape(d->s);
	return (image_source){.n = d->q.n, .size = {(int)s.dim[0], (int)s.dim[1]}, .channels = (int)s.dim[2],
		.classes = sampler_classes(d->s), .read = read_drawn, .ctx = d};
}
