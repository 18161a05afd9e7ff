/* module.c - parameters, gradients and states of one network, in three contiguous blocks.
 *
 * Registration only notes names, shapes and starts; module_alloc gives memory. Every buffer begins at
 * a 64-byte boundary of its block; the padding between buffers is zero and stays zero, so that an
 * optimiser or a norm may run over the whole block. */
#include "layers/module.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "layers/init.h"

enum { PREFIX_MAX = 256, ALIGN_ELEMENTS = 64 / sizeof(real) };

typedef struct entry {
	buffer *b;                                   /* own; memory lies in the group's block */
	buffer *grad;                                /* own; parameters only */
	init start;
	bool is_param;
	state_role role;                             /* states only */
} entry;

struct module {
	entry *all;                                  /* [n] in order of registration */
	int n, cap;
	int *param, *state;                          /* [params], [states]: indices into all */
	int params, states;
	char prefix[PREFIX_MAX];
	real *param_block, *grad_block, *state_block;        /* own */
	int64_t param_elements, block_size, state_size;
	bool failed;
	fault err;
};

module *module_new(fault *e)
{
	return mem_zero(1, sizeof(module), e);
}

void module_free(module *m)
{
	if (!m)
		return;
	for (int i = 0; i < m->n; i++) {
		buffer_free(m->all[i].b);
		buffer_free(m->all[i].grad);
	}
	free(m->all);
	free(m->param);
	free(m->state);
	free(m->param_block);
	free(m->grad_block);
	free(m->state_block);
	free(m);
}

void module_fail(module *m, const char *fmt, ...)
{
	if (m->failed)
		return;
	char reason[768];
	va_list args;
	va_start(args, fmt);
	vsnprintf(reason, sizeof reason, fmt, args);
	va_end(args);
	fault_set(&m->err, "%s%s%s", m->prefix, *m->prefix ? ": " : "", reason);
	m->failed = true;
}

void module_name(module *m, char *to, size_t size, const char *name)
{
	if (snprintf(to, size, "%s", name) >= (int)size)
		module_fail(m, "%s: a layer's name has at most %zu letters", name, size - 1);
}

void module_push(module *m, const char *name)
{
	size_t n = strlen(m->prefix);
	must(n + strlen(name) + 2 < PREFIX_MAX, "layer path %s/%s is too long", m->prefix, name);
	snprintf(m->prefix + n, sizeof m->prefix - n, "%s%s", n ? "/" : "", name);
}

void module_pop(module *m)
{
	char *slash = strrchr(m->prefix, '/');
	*(slash ? slash : m->prefix) = '\0';
}

/* A buffer without memory: module_alloc points it into a block. */
static buffer *bare_buffer(const char *name, const char *suffix, shape s)
{
	buffer *b = calloc(1, sizeof *b);
	char *text = malloc(strlen(name) + strlen(suffix) + 1);
	if (!b || !text) {
		free(b);
		free(text);
		return NULL;
	}
	strcat(strcpy(text, name), suffix);
	b->name = text;
	b->s = s;
	b->common = true;
	return b;
}

/* Room for one more entry in all three arrays. */
static bool grow(module *m)
{
	if (m->n < m->cap)
		return true;
	int cap = m->cap ? 2 * m->cap : 64;
	entry *all = realloc(m->all, (size_t)cap * sizeof *all);
	if (all)
		m->all = all;
	int *param = realloc(m->param, (size_t)cap * sizeof *param);
	if (param)
		m->param = param;
	int *state = realloc(m->state, (size_t)cap * sizeof *state);
	if (state)
		m->state = state;
	if (!all || !param || !state)
		return false;
	m->cap = cap;
	return true;
}

static buffer *add(module *m, const char *name, shape s, init start, bool is_param, state_role role)
{
	if (m->failed)
		return NULL;
	char path[PREFIX_MAX + 64];
	const int length = snprintf(path, sizeof path, "%s%s%s", m->prefix, *m->prefix ? "/" : "", name);
	must(length < (int)sizeof path, "the name %s/%s is too long", m->prefix, name);
	char why[256];
	if (!shape_is_valid(&s, why, sizeof why)) {
		module_fail(m, "%s: %s", name, why);
		return NULL;
	}
	must(!module_find(m, path), "%s is registered twice", path);
	buffer *b = bare_buffer(path, "", s);
	buffer *grad = is_param ? bare_buffer(path, "/gradient", s) : NULL;
	if (!grow(m) || !b || (is_param && !grad)) {
		buffer_free(b);
		buffer_free(grad);
		module_fail(m, "%s: out of memory", name);
		return NULL;
	}
	int i = m->n++;
	m->all[i] = (entry){b, grad, start, is_param, role};
	if (is_param)
		m->param[m->params++] = i;
	else
		m->state[m->states++] = i;
	return b;
}

buffer *module_param(module *m, const char *name, shape s, init i)
{
	return add(m, name, s, i, true, (state_role){0});
}

buffer *module_state(module *m, const char *name, shape s, init i, state_role role)
{
	return add(m, name, s, i, false, role);
}

static int64_t padded(const shape *s)
{
	return (shape_count(s) + ALIGN_ELEMENTS - 1) / ALIGN_ELEMENTS * ALIGN_ELEMENTS;
}

/* A block of n elements, zero; NULL with e set when memory is out. */
static real *block_new(int64_t n, fault *e)
{
	real *x = mem_aligned((size_t)MAX(n, ALIGN_ELEMENTS) * sizeof *x, e);
	if (x)
		memset(x, 0, (size_t)MAX(n, ALIGN_ELEMENTS) * sizeof *x);
	return x;
}

/* False with e set: all together cannot be counted in bytes. */
static bool measure(module *m, fault *e)
{
	const int64_t limit = INT64_MAX / (int64_t)sizeof(double);
	for (int i = 0; i < m->n; i++) {
		const entry *t = &m->all[i];
		int64_t *size = t->is_param ? &m->block_size : &m->state_size;
		const int64_t n = padded(&t->b->s);
		if (n > limit - *size)
			return fault_set(e, "%s %s: with what stands before it, it has too many elements", t->b->name,
				shape_print(&t->b->s).s);
		*size += n;
		m->param_elements += t->is_param ? shape_count(&t->b->s) : 0;
	}
	return true;
}

static void place(module *m)
{
	int64_t param_at = 0, state_at = 0;
	for (int i = 0; i < m->n; i++) {
		entry *t = &m->all[i];
		if (t->is_param) {
			t->b->x = m->param_block + param_at;
			t->grad->x = m->grad_block + param_at;
			param_at += padded(&t->b->s);
		} else {
			t->b->x = m->state_block + state_at;
			state_at += padded(&t->b->s);
		}
	}
}

bool module_good(const module *m, fault *e)
{
	return !m->failed || fault_set(e, "%s", m->err.text);
}

bool module_alloc(module *m, rng *r, fault *e)
{
	must(!m->param_block, "module_alloc is called twice");
	if (m->failed)
		return fault_set(e, "%s", m->err.text);
	if (!measure(m, e))
		return false;
	m->param_block = block_new(m->block_size, e);
	m->grad_block = block_new(m->block_size, e);
	m->state_block = block_new(m->state_size, e);
	if (!m->param_block || !m->grad_block || !m->state_block)
		return false;
	place(m);
	for (int i = 0; i < m->n; i++)
		if (!init_draw(m->all[i].start, &m->all[i].b->s, m->all[i].b->x, r, e))
			return false;
	return true;
}

int module_params(const module *m)
{
	return m->params;
}

int module_states(const module *m)
{
	return m->states;
}

buffer *module_param_at(const module *m, int i)
{
	must(i >= 0 && i < m->params, "parameter %d of %d", i, m->params);
	return m->all[m->param[i]].b;
}

buffer *module_state_at(const module *m, int i)
{
	must(i >= 0 && i < m->states, "state %d of %d", i, m->states);
	return m->all[m->state[i]].b;
}

state_role module_role_at(const module *m, int i)
{
	must(i >= 0 && i < m->states, "state %d of %d", i, m->states);
	return m->all[m->state[i]].role;
}

buffer *module_grad_at(const module *m, int i)
{
	must(i >= 0 && i < m->params, "gradient %d of %d", i, m->params);
	return m->all[m->param[i]].grad;
}

buffer *module_find(const module *m, const char *name)
{
	for (int i = 0; i < m->n; i++)
		if (!strcmp(m->all[i].b->name, name))
			return m->all[i].b;
	return NULL;
}

/* Characters of "block1/conv1/kernel" up to the last slash. */
static size_t folder_length(const char *name)
{
	const char *slash = strrchr(name, '/');
	return slash ? (size_t)(slash - name) : 0;
}

buffer *module_beside(const module *m, const buffer *b, enum state_kind kind)
{
	size_t n = folder_length(b->name);
	for (int i = 0; i < m->states; i++) {
		const entry *t = &m->all[m->state[i]];
		if (t->role.kind == kind && folder_length(t->b->name) == n && !memcmp(t->b->name, b->name, n))
			return t->b;
	}
	return NULL;
}

int64_t module_param_count(const module *m)
{
	return m->param_elements;
}

real *module_param_block(const module *m)
{
	return m->param_block;
}

real *module_grad_block(const module *m)
{
	return m->grad_block;
}

real *module_state_block(const module *m)
{
	return m->state_block;
}

int64_t module_block_size(const module *m)
{
	return m->block_size;
}

int64_t module_state_size(const module *m)
{
	return m->state_size;
}

void module_grad(module *m, graph *g, node *loss)
{
	node **leaf = mem_new(2 * (size_t)m->params, sizeof *leaf, NULL);
	if (!leaf) {
		graph_fail(g, "out of memory for %d gradients", m->params);
		return;
	}
	node **grad = leaf + m->params;
	for (int i = 0; i < m->params; i++)
		leaf[i] = graph_leaf(g, module_param_at(m, i));
	graph_grad(g, loss, NULL, leaf, m->params, grad);
	for (int i = 0; i < m->params; i++)
		graph_assign(g, module_grad_at(m, i), op_slice_sum(g, grad[i]));
	free(leaf);
}

void module_copy(module *dst, const module *src)
{
	must(dst->block_size == src->block_size && dst->state_size == src->state_size,
		"module_copy between different networks: %lld and %lld elements",
		(long long)src->block_size, (long long)dst->block_size);
	memcpy(dst->param_block, src->param_block, (size_t)src->block_size * sizeof(real));
	memcpy(dst->state_block, src->state_block, (size_t)src->state_size * sizeof(real));
}
