/* ops_common.c - what the element-wise op files share: their shape rule, their evaluation on the
 * pool, and the writing of a refusal. */
#include "core/base/local.h"
#include "core/graph/ops_internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/base/thread.h"

enum { INPUTS_MAX = 4 };                             /* of an element-wise op: today's have at most two */

bool refuse(char *why, size_t why_size, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(why, why_size, fmt, args);
	va_end(args);
	return false;
}

bool infer_same(node *y, char *why, size_t why_size)
{
	for (int i = 1; i < y->nin; i++)
		if (!shape_equal(&y->in[i]->s, &y->in[0]->s))
			return refuse(why, why_size, "the shapes must be equal");
	y->s = y->in[0]->s;
	return true;
}

static void eval_chunk(void *ctx, int worker, int64_t lo, int64_t hi)
{
	(void)worker;
	const node *y = ctx;
	const real *in[INPUTS_MAX];
	for (int i = 0; i < y->nin; i++)
		in[i] = y->in[i]->x + lo;
	y->op->span(&y->a, y->x + lo, in, hi - lo);
}

void elementwise_eval(const node *y, void *scratch)
{
	(void)scratch;
	must(y->nin <= INPUTS_MAX, "%s: %d inputs in an element-wise op", y->op->name, y->nin);
	parallel_for(shape_count(&y->s), SPAN_GRAIN, eval_chunk, (void *)y);
}
