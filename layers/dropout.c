/* dropout.c - the one place where a layer asks for random numbers, and says so when there are none. */
#include "layers/dropout.h"

#include "core/graph/ops.h"

node *drop_out(graph *g, node *x, double rate, shape noise, mode m, const char *what)
{
	if (!m.train || rate == 0)
		return x;
	if (!m.noise)
		return graph_fail(g, "%s = %g: training needs a random stream", what, rate);
	return op_dropout(g, x, rate, noise, m.noise);
}
