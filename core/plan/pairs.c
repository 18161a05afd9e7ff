/* pairs.c - two arithmetic operations in one pass over a block, to the bits of the two by themselves.
 *
 * Half of the passes of a normalisation and its derivative only carry a product to a sum or a difference to a
 * product. Nothing is contracted: each operation rounds. */
#include "core/base/local.h"
#include "core/graph/ops_internal.h"
#include "core/plan/plan_internal.h"

static CLONES(mul_add, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1], *c = in[2];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] * b[i] + c[i];
}

static CLONES(mul_sub, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1], *c = in[2];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] * b[i] - c[i];
}

static CLONES(sub_product, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1], *c = in[2];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = c[i] - a[i] * b[i];
}

static CLONES(sub_mul, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1], *c = in[2];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = (a[i] - b[i]) * c[i];
}

static CLONES(add_mul, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1], *c = in[2];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = (a[i] + b[i]) * c[i];
}

static CLONES(mul_mul, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1], *c = in[2];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] * b[i] * c[i];
}

static CLONES(add_add, (const attr *at, real *out, const real *const *in, int64_t n), (at, out, in, n))
{
	(void)at;
	const real *a = in[0], *b = in[1], *c = in[2];
	INDEPENDENT
	for (int64_t i = 0; i < n; i++)
		out[i] = a[i] + b[i] + c[i];
}

static const struct {
	const op *first, *second;
	int at;                                      /* input of the second that is the first */
	span_kernel both;                            /* of the first's inputs and the second's other one */
} row[] = {
	{&op_rec_mul, &op_rec_add, 0, mul_add},      {&op_rec_mul, &op_rec_add, 1, mul_add},
	{&op_rec_mul, &op_rec_sub, 0, mul_sub},      {&op_rec_mul, &op_rec_sub, 1, sub_product},
	{&op_rec_sub, &op_rec_mul, 0, sub_mul},      {&op_rec_sub, &op_rec_mul, 1, sub_mul},
	{&op_rec_add, &op_rec_mul, 0, add_mul},      {&op_rec_add, &op_rec_mul, 1, add_mul},
	{&op_rec_mul, &op_rec_mul, 0, mul_mul},      {&op_rec_mul, &op_rec_mul, 1, mul_mul},
	{&op_rec_add, &op_rec_add, 0, add_add},      {&op_rec_add, &op_rec_add, 1, add_add},
};

span_kernel pair_span(const op *first, const op *second, int at)
{
	for (int i = 0; i < COUNT(row); i++)
		if (row[i].first == first && row[i].second == second && row[i].at == at)
			return row[i].both;
	return NULL;
}
