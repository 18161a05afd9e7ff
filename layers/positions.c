/* positions.c - position tables, the logits they give, and their resizing. */
#include "layers/positions.h"

#include <math.h>

#include "core/base/local.h"
#include "core/graph/ops.h"
#include "core/plan/plan.h"

/* ---- registration ---- */

static int64_t table_length(const positions *p, int64_t keys)
{
	return p->opt.use_absolute_pos ? keys : 2 * keys - 1;
}

static void add_tables(module *m, positions *p)
{
	const init start = {INIT_NORMAL, 1 / sqrt((double)p->d)};
	const shape height = SHAPE(p->d, table_length(p, p->PH)), width = SHAPE(p->d, table_length(p, p->PW));
	if (p->opt.width_first)
		p->r_width = module_param(m, "r_width", width, start);
	p->r_height = module_param(m, "r_height", height, start);
	if (!p->opt.width_first)
		p->r_width = module_param(m, "r_width", width, start);
}

void positions_init(module *m, positions *p, const char *name, int64_t H, int64_t W, int64_t d,
		    position_options opt)
{
	const int64_t width = opt.position_width ? opt.position_width : opt.position_height;
	*p = (positions){
		.H = H, .W = W, .PH = MAX(opt.position_height, H), .PW = MAX(width, W), .d = d, .opt = opt,
	};
	module_name(m, p->name, sizeof p->name, name);
	if (*name)
		module_push(m, name);
	if (opt.position_height < 0 || opt.position_width < 0)
		module_fail(m, "positions: position_height = %lld, position_width = %lld: must be at least 0",
			(long long)opt.position_height, (long long)opt.position_width);
	if (H < 1 || W < 1 || d < 1)
		module_fail(m, "positions: map %lldx%lld, width %lld: must be at least 1", (long long)H,
			(long long)W, (long long)d);
	else
		add_tables(m, p);
	if (*name)
		module_pop(m);
}

/* ---- application ---- */

/* q [G,M,I,d] times a table [d,L] -> [G,M,I,P]: key j of query m, whatever i. */
static node *axis_logits(graph *g, const positions *p, node *q, buffer *table)
{
	node *y = op_dense(g, q, graph_leaf(g, table));
	return p->opt.use_absolute_pos ? y : op_skew(g, y);
}

void positions_parts(graph *g, const positions *p, node *q, node **rows, node **columns)
{
	const int64_t G = q->s.dim[0], H = p->H, W = p->W, d = p->d;
	node *per_row = op_reshape(g, q, SHAPE(G * H, W, 1, d));
	*rows = op_reshape(g, axis_logits(g, p, q, p->r_height), SHAPE(G, H, W, p->PH, 1));
	*columns = op_reshape(g, axis_logits(g, p, per_row, p->r_width), SHAPE(G, H, W, 1, p->PW));
}

static node *logits(graph *g, const positions *p, node *q)
{
	const int r = q->s.rank;
	shape s = q->s;
	if (r < 4 || r > RANK_MAX - 1 || s.dim[r - 3] != p->H || s.dim[r - 2] != p->W || s.dim[r - 1] != p->d)
		return graph_fail(g, "positions: built for queries [..,%lld,%lld,%lld], given %s",
			(long long)p->H, (long long)p->W, (long long)p->d, shape_print(&s).s);
	node *rows, *columns;
	positions_parts(g, p, op_reshape(g, q, SHAPE(shape_count(&s) / (p->H * p->W * p->d), p->H, p->W, p->d)),
		&rows, &columns);
	if (p->opt.dynamic_shape) {
		rows = op_slice_axis(g, rows, 3, 0, p->H);
		columns = op_slice_axis(g, columns, 4, 0, p->W);
	}
	s.rank = r + 1;
	s.dim[r - 1] = p->opt.dynamic_shape ? p->H : p->PH;
	s.dim[r] = p->opt.dynamic_shape ? p->W : p->PW;
	return op_reshape(g, op_add(g, rows, columns), s);
}

node *positions_apply(graph *g, const positions *p, node *q)
{
	if (*p->name)
		graph_push(g, p->name);
	node *y = logits(g, p, q);
	if (*p->name)
		graph_pop(g);
	return y;
}

/* ---- resizing ---- */

/* A table is an image of height d: only its width changes. */
static bool resize(graph *g, buffer *dst, const buffer *src, fault *e)
{
	const int64_t d = src->s.dim[0], from = src->s.dim[1], to = dst->s.dim[1];
	node *x = op_reshape(g, graph_leaf(g, (buffer *)src), SHAPE(1, d, from, 1));
	graph_assign(g, dst, op_reshape(g, op_resize_bilinear(g, x, d, to), dst->s));
	plan *p = plan_new(g, NULL, 0, 0, e);
	if (!p)
		return false;
	plan_run(p);
	plan_free(p);
	return true;
}

bool position_table_load(buffer *dst, const buffer *src, fault *e)
{
	if (dst->s.rank != 2 || src->s.rank != 2 || dst->s.dim[0] != src->s.dim[0])
		return fault_set(e, "%s %s cannot be resized to %s %s: tables [d,length] of the same d are "
			"needed", src->name, shape_print(&src->s).s, dst->name, shape_print(&dst->s).s);
	graph *g = graph_new(e);
	bool ok = g && resize(g, dst, src, e);
	graph_free(g);
	return ok;
}

bool positions_load(positions *p, const buffer *r_height, const buffer *r_width, fault *e)
{
	return position_table_load(p->r_height, r_height, e) && position_table_load(p->r_width, r_width, e);
}
