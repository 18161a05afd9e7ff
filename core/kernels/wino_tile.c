/* wino_tile.c - the transforms of Winograd's forms in vectors of channels, compiled once per level.
 *
 * Each is a short matrix, applied to the columns of a tile and then to the rows of what came out. The matrices stand
 * here as additions, with what is needed twice computed once. Factors 2, 4 and 8 are exact, so a fused product gives
 * the bits of a separate one; 5 and the factors of G are rounded once or twice, as the level's other products are. */
#include "core/kernels/vectors.h"
#include "core/kernels/wino.h"

#ifdef __SANITIZE_ADDRESS__                          /* with a check in each of so many copies gcc takes minutes */
#undef UNROLL
#define UNROLL(n)
#endif

/* The matrices. F(4x4,3x3) has the points 0, 1, -1, 2, -2 and infinity, F(2x2,3x3) 0, 1, -1 and infinity; the others
 * are described in wino.h. */
typedef enum axis { F2_INPUT, F2_WEIGHTS, F2_OUTPUT, F2_GRADIENT, F2_FOLD,
		    F4_INPUT, F4_WEIGHTS, F4_OUTPUT, F4_GRADIENT, F4_FOLD,
		    UNIT_INPUT, UNIT_WEIGHTS, UNIT_OUTPUT, UNIT_GRADIENT, UNIT_FOLD,
		    HALF_INPUT, HALF_WEIGHTS, HALF_OUTPUT, HALF_GRADIENT, HALF_FOLD,
		    HALF4_INPUT, HALF4_WEIGHTS, HALF4_OUTPUT, HALF4_GRADIENT, HALF4_FOLD,
		    DOUBLE_INPUT, DOUBLE_WEIGHTS, DOUBLE_OUTPUT } axis;

/* o = B' d */
INLINE void f4_input(vec *o, const vec *d)
{
	const vec a = ADD_PRODUCT(d[4], d[2], -4), b = ADD_PRODUCT(d[3], d[1], -4);
	const vec c = d[4] - d[2], e = d[3] - d[1];
	o[0] = ADD_PRODUCT(ADD_PRODUCT(d[4], d[2], -5), d[0], 4);
	o[1] = a + b;
	o[2] = a - b;
	o[3] = ADD_PRODUCT(c, e, 2);
	o[4] = ADD_PRODUCT(c, e, -2);
	o[5] = ADD_PRODUCT(ADD_PRODUCT(d[5], d[3], -5), d[1], 4);
}

/* o = G w: rows (1/4,0,0) (-1/6,-1/6,-1/6) (-1/6,1/6,-1/6) (1/24,1/12,1/6) (1/24,-1/12,1/6) (0,0,1) */
INLINE void f4_weights(vec *o, const vec *w)
{
	const vec s = (w[0] + w[2]) * (real)(-1.0 / 6), t = w[1] * (real)(1.0 / 6);
	const vec p = ADD_PRODUCT(w[0] * (real)(1.0 / 24), w[2], (real)(1.0 / 6)), q = w[1] * (real)(1.0 / 12);
	o[0] = w[0] * (real)0.25;
	o[1] = s - t;
	o[2] = s + t;
	o[3] = p + q;
	o[4] = p - q;
	o[5] = w[2];
}

/* o = A' m */
INLINE void f4_output(vec *o, const vec *m)
{
	const vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
	o[0] = m[0] + a + c;
	o[1] = ADD_PRODUCT(b, d, 2);
	o[2] = ADD_PRODUCT(a, c, 4);
	o[3] = ADD_PRODUCT(b, d, 8) + m[5];
}

/* o = A d */
INLINE void f4_gradient(vec *o, const vec *d)
{
	const vec s = d[0] + d[2], t = d[1] + d[3];
	const vec u = ADD_PRODUCT(d[0], d[2], 4), w = ADD_PRODUCT(d[1], d[3], 4);
	o[0] = d[0];
	o[1] = s + t;
	o[2] = s - t;
	o[3] = ADD_PRODUCT(u, w, 2);
	o[4] = ADD_PRODUCT(u, w, -2);
	o[5] = d[3];
}

/* o = G' u */
INLINE void f4_fold(vec *o, const vec *u)
{
	const vec s = (u[1] + u[2]) * (real)(-1.0 / 6), p = u[3] + u[4];
	o[0] = ADD_PRODUCT(ADD_PRODUCT(s, u[0], (real)0.25), p, (real)(1.0 / 24));
	o[1] = ADD_PRODUCT((u[2] - u[1]) * (real)(1.0 / 6), u[3] - u[4], (real)(1.0 / 12));
	o[2] = ADD_PRODUCT(s, p, (real)(1.0 / 6)) + u[5];
}

INLINE void f2_input(vec *o, const vec *d)
{
	o[0] = d[0] - d[2];
	o[1] = d[1] + d[2];
	o[2] = d[2] - d[1];
	o[3] = d[3] - d[1];
}

/* o = G w: rows (1,0,0) (1/2,1/2,1/2) (1/2,-1/2,1/2) (0,0,1) */
INLINE void f2_weights(vec *o, const vec *w)
{
	const vec s = (w[0] + w[2]) * (real)0.5, t = w[1] * (real)0.5;
	o[0] = w[0];
	o[1] = s + t;
	o[2] = s - t;
	o[3] = w[2];
}

INLINE void f2_output(vec *o, const vec *m)
{
	o[0] = m[0] + m[1] + m[2];
	o[1] = m[1] - m[2] + m[3];
}

INLINE void f2_gradient(vec *o, const vec *d)
{
	o[0] = d[0];
	o[1] = d[0] + d[1];
	o[2] = d[0] - d[1];
	o[3] = d[1];
}

INLINE void f2_fold(vec *o, const vec *u)
{
	const vec s = (u[1] + u[2]) * (real)0.5;
	o[0] = u[0] + s;
	o[1] = (u[1] - u[2]) * (real)0.5;
	o[2] = u[3] + s;
}

/* With R = d4-d2, S = d1-d3, c = w0-w2 the outputs need (c R + w1 S) / 2 = m3 + m4 and (c S - w1 R) / 2 = m5 - m3. */
INLINE void unit_input(vec *o, const vec *d)
{
	const vec p = d[4] + d[2], q = d[1] + d[3];
	o[0] = d[0] - d[4];
	o[1] = p + q;
	o[2] = p - q;
	o[4] = d[4] - d[2];
	o[5] = d[1] - d[3];
	o[3] = o[4] + o[5];
	o[6] = d[5] - d[1];
}

/* o = G w: rows (1,0,0) (1/4,1/4,1/4) (1/4,-1/4,1/4) (0,1/2,0) (1/2,-1/2,-1/2) (1/2,1/2,-1/2) (0,0,1) */
INLINE void unit_weights(vec *o, const vec *w)
{
	const vec s = (w[0] + w[2]) * (real)0.25, t = w[1] * (real)0.25, c = (w[0] - w[2]) * (real)0.5;
	o[0] = w[0];
	o[1] = s + t;
	o[2] = s - t;
	o[3] = w[1] * (real)0.5;
	o[4] = c - o[3];
	o[5] = c + o[3];
	o[6] = w[2];
}

INLINE void unit_output(vec *o, const vec *m)
{
	const vec s = m[1] + m[2], t = m[1] - m[2], a = m[3] + m[4], b = m[5] - m[3];
	o[0] = s + a + m[0];
	o[1] = t + b;
	o[2] = s - a;
	o[3] = t - b + m[6];
}

INLINE void unit_gradient(vec *o, const vec *d)
{
	const vec p = d[0] + d[2], q = d[1] + d[3];
	o[0] = d[0];
	o[1] = p + q;
	o[2] = p - q;
	o[4] = d[0] - d[2];
	o[5] = d[1] - d[3];
	o[3] = o[4] - o[5];
	o[6] = d[3];
}

INLINE void unit_fold(vec *o, const vec *u)
{
	const vec s = (u[1] + u[2]) * (real)0.25, c = (u[4] + u[5]) * (real)0.5;
	o[0] = u[0] + s + c;
	o[1] = ADD_PRODUCT((u[1] - u[2]) * (real)0.25, u[3] + (u[5] - u[4]), (real)0.5);
	o[2] = s - c + u[6];
}

/* Odd sums d0+d1, d2+d3, d4+d5 by F(2,2); even sums d1+d2, d3+d4. */
INLINE void half_input(vec *o, const vec *d)
{
	const vec s = d[2] + d[3];
	o[0] = (d[0] + d[1]) - s;
	o[1] = s;
	o[2] = (d[4] + d[5]) - s;
	o[3] = d[1] + d[2];
	o[4] = d[3] + d[4];
}

/* o = G w: rows (1,0,0) (1,0,1) (0,0,1) (0,1,0) (0,1,0) */
INLINE void half_weights(vec *o, const vec *w)
{
	o[0] = w[0];
	o[1] = w[0] + w[2];
	o[2] = w[2];
	o[3] = o[4] = w[1];
}

INLINE void half_output(vec *o, const vec *m)
{
	o[0] = m[0] + m[1];
	o[1] = m[1] + m[2];
}

INLINE void half_gradient(vec *o, const vec *d)
{
	o[0] = d[0];
	o[1] = d[0] + d[1];
	o[2] = d[1];
}

INLINE void half_fold(vec *o, const vec *u)
{
	o[0] = u[0] + u[1];
	o[1] = u[3] + u[4];
	o[2] = u[1] + u[2];
}

/* Odd sums d0+d1, d2+d3, .. by F(4,2) at the points 0, 1, -1, 2 and infinity; even sums d1+d2, d3+d4, .. */
INLINE void half4_input(vec *o, const vec *d)
{
	const vec t0 = d[0] + d[1], t1 = d[2] + d[3], t2 = d[4] + d[5], t3 = d[6] + d[7], t4 = d[8] + d[9];
	const vec a = t3 - t1, b = ADD_PRODUCT(t3 - t2, t1, -2);
	o[0] = ADD_PRODUCT(a, t2 - t0, -2);
	o[1] = b;
	o[2] = ADD_PRODUCT(ADD_PRODUCT(t3, t2, -3), t1, 2);
	o[3] = a;
	o[4] = ADD_PRODUCT(t4 - t2, a, -2);
	o[5] = d[1] + d[2];
	o[6] = d[3] + d[4];
	o[7] = d[5] + d[6];
	o[8] = d[7] + d[8];
}

/* o = G w: rows (1/2,0,0) (-1/2,0,-1/2) (-1/6,0,1/6) (1/6,0,1/3) (0,0,1) (0,1,0) four times */
INLINE void half4_weights(vec *o, const vec *w)
{
	o[0] = w[0] * (real)0.5;
	o[1] = (w[0] + w[2]) * (real)-0.5;
	o[2] = (w[2] - w[0]) * (real)(1.0 / 6);
	o[3] = ADD_PRODUCT(w[0], w[2], 2) * (real)(1.0 / 6);
	o[4] = w[2];
	o[5] = o[6] = o[7] = o[8] = w[1];
}

/* Sums 0 and 6 hold the first and the last even product, too; 4 and 5 are the other two. */
INLINE void half4_output(vec *o, const vec *m)
{
	const vec s = m[1] + m[2], t = m[1] - m[2];
	o[0] = m[0] + s + m[3];
	o[1] = ADD_PRODUCT(t + m[4], m[3], 2);
	o[2] = ADD_PRODUCT(s + m[5], m[3], 4);
	o[3] = ADD_PRODUCT(t + m[6], m[3], 8);
}

INLINE void half4_gradient(vec *o, const vec *d)
{
	const vec s = d[0] + d[2], t = d[1] + d[3];
	o[0] = d[0];
	o[1] = s + t;
	o[2] = s - t;
	o[3] = ADD_PRODUCT(ADD_PRODUCT(d[0], d[2], 4), ADD_PRODUCT(d[1], d[3], 4), 2);
	o[4] = d[1];
	o[5] = d[2];
	o[6] = d[3];
}

INLINE void half4_fold(vec *o, const vec *u)
{
	const vec a = (u[0] - u[1]) * (real)0.5, b = u[3] * (real)(1.0 / 6), c = u[2] * (real)(1.0 / 6);
	o[0] = a + (b - c);
	o[1] = (u[5] + u[6]) + (u[7] + u[8]);
	o[2] = ADD_PRODUCT(ADD_PRODUCT(c + u[4], u[1], (real)-0.5), b, 2);
}

/* Samples before doubling. */
INLINE void double_input(vec *o, const vec *d)
{
	o[0] = d[0] - d[2];
	o[1] = d[1] + d[2];
	o[2] = d[2] - d[1];
	o[3] = d[3] - d[1];
}

/* o = G w: rows (1,0,0) (1/2,1/2,1/2) (1/2,-1/2,-1/2) (-1/2,-1/2,1/2) (0,0,1) */
INLINE void double_weights(vec *o, const vec *w)
{
	const vec a = (w[0] - w[2]) * (real)0.5, s = (w[0] + w[2]) * (real)0.5, b = w[1] * (real)0.5;
	o[0] = w[0];
	o[1] = s + b;
	o[2] = a - b;
	o[3] = -a - b;
	o[4] = w[2];
}

INLINE void double_output(vec *o, const vec *m)
{
	o[0] = m[0] + m[1] + m[2];
	o[1] = m[1] + m[3];
	o[2] = m[1] - m[2];
	o[3] = m[4] + m[1] - m[3];
}

/* The matrix `a`, which is known when this is compiled. */
INLINE void apply(const axis a, vec *o, const vec *d)
{
	switch (a) {
	case F2_INPUT: f2_input(o, d); break;
	case F2_WEIGHTS: f2_weights(o, d); break;
	case F2_OUTPUT: f2_output(o, d); break;
	case F2_GRADIENT: f2_gradient(o, d); break;
	case F2_FOLD: f2_fold(o, d); break;
	case F4_INPUT: f4_input(o, d); break;
	case F4_WEIGHTS: f4_weights(o, d); break;
	case F4_OUTPUT: f4_output(o, d); break;
	case F4_GRADIENT: f4_gradient(o, d); break;
	case F4_FOLD: f4_fold(o, d); break;
	case UNIT_INPUT: unit_input(o, d); break;
	case UNIT_WEIGHTS: unit_weights(o, d); break;
	case UNIT_OUTPUT: unit_output(o, d); break;
	case UNIT_GRADIENT: unit_gradient(o, d); break;
	case UNIT_FOLD: unit_fold(o, d); break;
	case HALF_INPUT: half_input(o, d); break;
	case HALF_WEIGHTS: half_weights(o, d); break;
	case HALF_OUTPUT: half_output(o, d); break;
	case HALF_GRADIENT: half_gradient(o, d); break;
	case HALF_FOLD: half_fold(o, d); break;
	case HALF4_INPUT: half4_input(o, d); break;
	case HALF4_WEIGHTS: half4_weights(o, d); break;
	case HALF4_OUTPUT: half4_output(o, d); break;
	case HALF4_GRADIENT: half4_gradient(o, d); break;
	case HALF4_FOLD: half4_fold(o, d); break;
	case DOUBLE_INPUT: double_input(o, d); break;
	case DOUBLE_WEIGHTS: double_weights(o, d); break;
	case DOUBLE_OUTPUT: double_output(o, d); break;
	}
}

/* The first `left` channels, zeros behind. */
INLINE vec load(const real *x, int64_t left)
{
	if (left >= VEC)
		return *(const vec_any *)x;
	vec v = {0};
	for (int i = 0; i < left; i++)
		v[i] = x[i];
	return v;
}

/* One vector of channels from c on: N x N samples to M x M positions. */
INLINE void spread_channels(const axis a, const int N, const int M, const bool INSIDE, const wino_spread *s, int64_t c)
{
	vec half[WINO_POSITIONS], d[WINO_SIDE], o[WINO_SIDE];
	UNROLL(10) for (int j = 0; j < N; j++) {
		UNROLL(10) for (int i = 0; i < N; i++)
			d[i] = load((INSIDE ? s->x + i * s->row + j * s->col : s->at[i * N + j]) + c, s->channels - c);
		apply(a, o, d);
		UNROLL(10) for (int i = 0; i < M; i++)
			half[i * N + j] = o[i];
	}
	UNROLL(10) for (int i = 0; i < M; i++) {
		apply(a, o, half + i * N);
		UNROLL(10) for (int j = 0; j < M; j++)
			*(vec *)(s->to + s->slot[i * M + j] + c) = o[j];
	}
}

INLINE void spread(const axis a, const int N, const int M, const wino_spread *s)
{
	for (int64_t c = 0; c < s->channels; c += VEC) {
		if (s->at)
			spread_channels(a, N, M, false, s, c);
		else
			spread_channels(a, N, M, true, s, c);
	}
}

/* M x M positions to N x N samples. */
INLINE void collect(const axis a, const int M, const int N, const wino_collect *s)
{
	for (int64_t c = 0; c < s->channels; c += VEC) {
		vec half[WINO_POSITIONS], d[WINO_SIDE], o[WINO_SIDE];
		UNROLL(10) for (int j = 0; j < M; j++) {
			UNROLL(10) for (int i = 0; i < M; i++)
				d[i] = *(const vec *)(s->from + s->slot[i * M + j] + c);
			apply(a, o, d);
			UNROLL(10) for (int i = 0; i < N; i++)
				half[i * M + j] = o[i];
		}
		for (int i = 0; i < s->rows; i++) {
			apply(a, o, half + i * M);
			UNROLL(10) for (int j = 0; j < N; j++) {
				if (j >= s->cols)
					break;
				const int64_t at = i * s->row + j * s->col + c;
				store(&s->e, o[j], s->y + at, s->residual ? s->residual + at : NULL,
				      s->e.bias ? s->e.bias + c : NULL, s->channels - c);
			}
		}
	}
}

static void f2_input_tile(const wino_spread *s) { spread(F2_INPUT, 4, 4, s); }
static void f2_weights_tile(const wino_spread *s) { spread(F2_WEIGHTS, 3, 4, s); }
static void f2_gradient_tile(const wino_spread *s) { spread(F2_GRADIENT, 2, 4, s); }
static void f2_output_tile(const wino_collect *s) { collect(F2_OUTPUT, 4, 2, s); }
static void f2_fold_tile(const wino_collect *s) { collect(F2_FOLD, 4, 3, s); }
static void f4_input_tile(const wino_spread *s) { spread(F4_INPUT, 6, 6, s); }
static void f4_weights_tile(const wino_spread *s) { spread(F4_WEIGHTS, 3, 6, s); }
static void f4_gradient_tile(const wino_spread *s) { spread(F4_GRADIENT, 4, 6, s); }
static void f4_output_tile(const wino_collect *s) { collect(F4_OUTPUT, 6, 4, s); }
static void f4_fold_tile(const wino_collect *s) { collect(F4_FOLD, 6, 3, s); }
static void unit_input_tile(const wino_spread *s) { spread(UNIT_INPUT, 6, 7, s); }
static void unit_weights_tile(const wino_spread *s) { spread(UNIT_WEIGHTS, 3, 7, s); }
static void unit_gradient_tile(const wino_spread *s) { spread(UNIT_GRADIENT, 4, 7, s); }
static void unit_output_tile(const wino_collect *s) { collect(UNIT_OUTPUT, 7, 4, s); }
static void unit_fold_tile(const wino_collect *s) { collect(UNIT_FOLD, 7, 3, s); }
static void half_input_tile(const wino_spread *s) { spread(HALF_INPUT, 6, 5, s); }
static void half_weights_tile(const wino_spread *s) { spread(HALF_WEIGHTS, 3, 5, s); }
static void half_gradient_tile(const wino_spread *s) { spread(HALF_GRADIENT, 2, 3, s); }
static void half_output_tile(const wino_collect *s) { collect(HALF_OUTPUT, 3, 2, s); }
static void half_fold_tile(const wino_collect *s) { collect(HALF_FOLD, 5, 3, s); }
static void half4_input_tile(const wino_spread *s) { spread(HALF4_INPUT, 10, 9, s); }
static void half4_weights_tile(const wino_spread *s) { spread(HALF4_WEIGHTS, 3, 9, s); }
static void half4_gradient_tile(const wino_spread *s) { spread(HALF4_GRADIENT, 4, 7, s); }
static void half4_output_tile(const wino_collect *s) { collect(HALF4_OUTPUT, 7, 4, s); }
static void half4_fold_tile(const wino_collect *s) { collect(HALF4_FOLD, 9, 3, s); }
static void double_input_tile(const wino_spread *s) { spread(DOUBLE_INPUT, 4, 4, s); }
static void double_weights_tile(const wino_spread *s) { spread(DOUBLE_WEIGHTS, 3, 5, s); }
static void double_output_tile(const wino_collect *s) { collect(DOUBLE_OUTPUT, 5, 4, s); }

const wino_kernels PASTE(wino_kernels_, TILE_LEVEL)[WINO_FORMS] = {
	[WINO_F2] = {f2_input_tile, f2_weights_tile, f2_output_tile, f2_gradient_tile, f2_fold_tile},
	[WINO_F4] = {f4_input_tile, f4_weights_tile, f4_output_tile, f4_gradient_tile, f4_fold_tile},
	[WINO_F4_UNIT] = {unit_input_tile, unit_weights_tile, unit_output_tile, unit_gradient_tile, unit_fold_tile},
	[WINO_HALF] = {half_input_tile, half_weights_tile, half_output_tile, half_gradient_tile, half_fold_tile},
	[WINO_HALF4] = {half4_input_tile, half4_weights_tile, half4_output_tile, half4_gradient_tile,
			half4_fold_tile},
	[WINO_DOUBLE] = {double_input_tile, double_weights_tile, double_output_tile, NULL, NULL},
};
