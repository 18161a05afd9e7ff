/* embedding.c - rows of a table. */
#include "layers/embedding.h"

#include "core/graph/ops.h"

void embedding_init(module *m, embedding *e, const char *name, int64_t K, int64_t C, init table_init,
		    sn_options sn)
{
	*e = (embedding){0};
	module_name(m, e->name, sizeof e->name, name);
	module_push(m, name);
	e->table = module_param(m, "embeddings", SHAPE(K, C), table_init);
	spectral_norm_init(m, &e->sn, sn, SHAPE(K, C), true);
	module_pop(m);
}

node *embedding_apply(graph *g, const embedding *e, node *label, mode m)
{
	graph_push(g, e->name);
	node *table = spectral_norm_apply(g, &e->sn, graph_leaf(g, e->table), m);
	node *rows = label->s.rank == 2 ? op_matmul(g, label, table, false, false) : op_gather(g, table, label);
	graph_called(g, "embedding", e, label, NULL, rows);
	graph_pop(g);
	return rows;
}
