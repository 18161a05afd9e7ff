/* op_list.c - the records of all ops as an array. */
#include "core/graph/ops_internal.h"

#define OP_ADDRESS(name) &op_rec_##name,
const op *const op_list[] = {
	OP_LIST(OP_ADDRESS)
	NULL,
};
