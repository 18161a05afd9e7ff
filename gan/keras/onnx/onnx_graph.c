/* onnx_graph.c - the messages of onnx.proto (through protobuf-c), all owned by one list of blocks. */
#include "gan/keras/onnx/onnx_graph.h"

#include "core/base/file.h"
#include "core/base/local.h"
#include "gan/keras/onnx/onnx.pb-c.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Every piece of memory of the graph stands behind such a link. */
typedef union block {
	union block *next;
	max_align_t align;
} block;

struct onnx {
	block *blocks;
	bool failed;
	Onnx__ModelProto model;
	Onnx__OperatorSetIdProto opset, *opsets[1];
	Onnx__GraphProto graph;
};

struct onnx_node {
	Onnx__NodeProto m;
};

/* ---- memory ---- */

/* n * size bytes of zeros, or NULL once memory ran out. */
static void *take(onnx *g, size_t n, size_t size)
{
	block *b = g->failed || n > (SIZE_MAX - sizeof *b) / size ? NULL : calloc(1, sizeof *b + n * size);
	if (!b) {
		g->failed = true;
		return NULL;
	}
	b->next = g->blocks;
	g->blocks = b;
	return b + 1;
}

static char *text(onnx *g, const char *s)
{
	char *copy = take(g, strlen(s) + 1, 1);
	if (copy)
		memcpy(copy, s, strlen(s));
	return copy;
}

/* The list with one more pointer. Lists double, the old ones stay until the end. */
static bool push(onnx *g, void *list, size_t *n, void *item)
{
	void **old, **bigger;
	memcpy(&old, list, sizeof old);              /* a list of any message */
	if (!item)
		return false;
	if ((*n & (*n - 1)) == 0) {
		bigger = take(g, *n ? 2 * *n : 1, sizeof *bigger);
		if (!bigger)
			return false;
		if (*n)
			memcpy(bigger, old, *n * sizeof *bigger);
		memcpy(list, &bigger, sizeof bigger);
		old = bigger;
	}
	old[(*n)++] = item;
	return true;
}

onnx *onnx_new(const char *name, fault *e)
{
	onnx *g = mem_zero(1, sizeof *g, e);
	if (!g)
		return NULL;
	onnx__graph_proto__init(&g->graph);
	onnx__operator_set_id_proto__init(&g->opset);
	onnx__model_proto__init(&g->model);
	g->opset.domain = text(g, "");
	g->opset.has_version = true;
	g->opset.version = ONNX_OPSET;
	g->opsets[0] = &g->opset;
	g->graph.name = text(g, name);
	g->model.has_ir_version = true;
	g->model.ir_version = ONNX_IR_VERSION;
	g->model.producer_name = text(g, "sagan");
	g->model.n_opset_import = 1;
	g->model.opset_import = g->opsets;
	g->model.graph = &g->graph;
	return g;
}

void onnx_free(onnx *g)
{
	block *next;
	for (block *b = g ? g->blocks : NULL; b; b = next) {
		next = b->next;
		free(b);
	}
	free(g);
}

/* ---- nodes ---- */

onnx_node *onnx_add(onnx *g, const char *op, const char *output, int n, const char *const *input)
{
	onnx_node *node = take(g, 1, sizeof *node);
	must(n <= ONNX_NODE_INPUTS, "ONNX node %s has %d inputs", output, n);
	if (!node)
		return NULL;
	onnx__node_proto__init(&node->m);
	node->m.op_type = text(g, op);
	node->m.name = text(g, output);
	push(g, &node->m.output, &node->m.n_output, text(g, output));
	for (int i = 0; i < n; i++)
		push(g, &node->m.input, &node->m.n_input, text(g, input[i]));
	push(g, &g->graph.node, &g->graph.n_node, &node->m);
	return node;
}

static Onnx__AttributeProto *attribute(onnx *g, onnx_node *node, const char *name,
				       Onnx__AttributeProto__AttributeType type)
{
	Onnx__AttributeProto *a = node ? take(g, 1, sizeof *a) : NULL;
	if (!a)
		return NULL;
	onnx__attribute_proto__init(a);
	a->name = text(g, name);
	a->has_type = true;
	a->type = type;
	return push(g, &node->m.attribute, &node->m.n_attribute, a) ? a : NULL;
}

void onnx_int(onnx *g, onnx_node *node, const char *name, int64_t x)
{
	Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT);
	if (a) {
		a->has_i = true;
		a->i = x;
	}
}

void onnx_ints(onnx *g, onnx_node *node, const char *name, int n, const int64_t *x)
{
	Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS);
	if (a && (a->ints = take(g, (size_t)n, sizeof *x))) {
		memcpy(a->ints, x, (size_t)n * sizeof *x);
		a->n_ints = (size_t)n;
	}
}

void onnx_float(onnx *g, onnx_node *node, const char *name, double x)
{
	Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT);
	if (a) {
		a->has_f = true;
		a->f = (float)x;
	}
}

void onnx_text(onnx *g, onnx_node *node, const char *name, const char *x)
{
	Onnx__AttributeProto *a = attribute(g, node, name, ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING);
	if (a) {
		a->has_s = true;
		a->s.data = (uint8_t *)text(g, x);
		a->s.len = a->s.data ? strlen(x) : 0;
	}
}

/* ---- constants ---- */

static Onnx__TensorProto *tensor(onnx *g, const char *name, const shape *s, int type, size_t width)
{
	Onnx__TensorProto *t = take(g, 1, sizeof *t);
	if (!t)
		return NULL;
	onnx__tensor_proto__init(t);
	t->name = text(g, name);
	t->has_data_type = true;
	t->data_type = type;
	t->n_dims = (size_t)s->rank;
	t->dims = take(g, (size_t)s->rank, sizeof *t->dims);
	t->has_raw_data = true;
	t->raw_data.len = (size_t)shape_count(s) * width;
	t->raw_data.data = take(g, t->raw_data.len, 1);
	if (!t->raw_data.data || !push(g, &g->graph.initializer, &g->graph.n_initializer, t))
		return NULL;
	memcpy(t->dims, s->dim, (size_t)s->rank * sizeof *t->dims);
	return t;
}

/* The lowest `width` bytes of bits, lowest first. */
static void put_little(uint8_t *to, uint64_t bits, size_t width)
{
	for (size_t i = 0; i < width; i++)
		to[i] = (uint8_t)(bits >> (8 * i));
}

void onnx_floats(onnx *g, const char *name, shape s, const real *x)
{
	Onnx__TensorProto *t = tensor(g, name, &s, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, 4);
	for (int64_t i = 0; t && i < shape_count(&s); i++) {
		float value = (float)x[i];
		uint32_t bits;
		memcpy(&bits, &value, sizeof bits);
		put_little(t->raw_data.data + 4 * i, bits, 4);
	}
}

void onnx_table(onnx *g, const char *name, shape s, const int64_t *x)
{
	Onnx__TensorProto *t = tensor(g, name, &s, ONNX__TENSOR_PROTO__DATA_TYPE__INT64, 8);
	for (int64_t i = 0; t && i < shape_count(&s); i++)
		put_little(t->raw_data.data + 8 * i, (uint64_t)x[i], 8);
}

void onnx_list(onnx *g, const char *name, int n, const int64_t *x)
{
	onnx_table(g, name, SHAPE(n), x);
}

/* ---- inputs and outputs ---- */

static Onnx__TensorShapeProto__Dimension *dimension(onnx *g, int64_t n)
{
	Onnx__TensorShapeProto__Dimension *d = take(g, 1, sizeof *d);
	if (!d)
		return NULL;
	onnx__tensor_shape_proto__dimension__init(d);
	d->value_case = n < 0 ? ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM
			      : ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
	if (n < 0)
		d->dim_param = text(g, "N");
	else
		d->dim_value = n;
	return d;
}

static Onnx__ValueInfoProto *value_info(onnx *g, const char *name, const shape *s, int type)
{
	struct {
		Onnx__ValueInfoProto info;
		Onnx__TypeProto type;
		Onnx__TypeProto__Tensor tensor;
		Onnx__TensorShapeProto shape;
	} *v = take(g, 1, sizeof *v);
	if (!v)
		return NULL;
	onnx__value_info_proto__init(&v->info);
	onnx__type_proto__init(&v->type);
	onnx__type_proto__tensor__init(&v->tensor);
	onnx__tensor_shape_proto__init(&v->shape);
	v->info.name = text(g, name);
	v->info.type = &v->type;
	v->type.value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
	v->type.tensor_type = &v->tensor;
	v->tensor.has_elem_type = true;
	v->tensor.elem_type = type;
	v->tensor.shape = &v->shape;
	push(g, &v->shape.dim, &v->shape.n_dim, dimension(g, -1));
	for (int i = 0; i < s->rank; i++)
		push(g, &v->shape.dim, &v->shape.n_dim, dimension(g, s->dim[i]));
	return &v->info;
}

void onnx_input(onnx *g, const char *name, shape s, bool whole)
{
	int type = whole ? ONNX__TENSOR_PROTO__DATA_TYPE__INT32 : ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT;
	push(g, &g->graph.input, &g->graph.n_input, value_info(g, name, &s, type));
}

void onnx_output(onnx *g, const char *name, shape s)
{
	push(g, &g->graph.output, &g->graph.n_output, value_info(g, name, &s, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT));
}

bool onnx_save(const onnx *g, const char *path, fault *e)
{
	if (g->failed)
		return fault_set(e, "%s: out of memory", path);
	size_t n = onnx__model_proto__get_packed_size(&g->model);
	if (n > INT_MAX)
		return fault_set(e, "%s: %zu bytes; an ONNX file ends at %d", path, n, INT_MAX);
	uint8_t *bytes = mem_new(n, 1, e);
	bool ok = bytes && onnx__model_proto__pack(&g->model, bytes) == n;
	ok = ok && file_replace(path, bytes, n, e);
	free(bytes);
	return ok;
}
