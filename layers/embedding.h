/* embedding.h - one row of a table per label, with optional spectral norm of the table. */
#ifndef SAGAN_LAYERS_EMBEDDING_H
#define SAGAN_LAYERS_EMBEDDING_H

#include "layers/module.h"
#include "layers/spectral_norm.h"

SAGAN_BEGIN

typedef struct embedding {
	char name[32];
	buffer *table;                               /* [K,C], registered as name/embeddings */
	spectral_norm sn;                            /* by_rows: u is [K], as PyTorch */
} embedding;

void embedding_init(module *m, embedding *e, const char *name, int64_t K, int64_t C, init table_init,
		    sn_options sn);
/* label [B], whole numbers 0..K-1 -> [B,C]; others are a bug (op_gather, core/graph/ops.h). Or shares [B,K] of all
 * rows, which are mixed. */
node *embedding_apply(graph *g, const embedding *e, node *label, mode m);

SAGAN_END
#endif
