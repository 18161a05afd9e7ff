/* engine.js - runs the layers of an exported generator: the list of gan/keras/trace, one sample at a time.
 *
 * A value is {s: shape, x: Float32Array} with the channels last and no batch. A layer is what gan/web/program.c writes:
 * c: its class, i: the layers that feed it, s: the shape of its result, a: settings under their names in Keras, w: weights.
 * Classes that begin with op> are single operations (gan/keras/trace/trace_single.c). Knows no page: Node runs it, too. */
"use strict";

const Engine = (() => {
const count = s => s.reduce((n, d) => n * d, 1);
const value = s => ({s, x: new Float32Array(count(s))});
const last = s => s[s.length - 1];

/* ---- element by element ---- */

/* 2/sqrt(pi) exp(-z^2) sum of 2^n z^(2n+1) / (2n+1)!!, all terms of one sign (Abramowitz and Stegun, 7.1.6). */
function erf(x) {
	const z = Math.abs(x);
	if (z > 6)
		return Math.sign(x);
	let sum = z, term = z;
	for (let n = 1; term > 1e-16 * sum; n++) {
		term *= 2 * z * z / (2 * n + 1);
		sum += term;
	}
	return Math.sign(x) * 2 / Math.sqrt(Math.PI) * Math.exp(-z * z) * sum;
}

const sigmoid = x => 1 / (1 + Math.exp(-x));
const ELU = 1.6732632423543772, SELU = 1.0507009873554805;   /* arXiv 1706.02515 */
const ACTIVATIONS = {
	linear: x => x, relu: x => Math.max(x, 0), tanh: Math.tanh, sigmoid, exponential: Math.exp,
	softplus: x => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), softsign: x => x / (1 + Math.abs(x)),
	elu: x => x > 0 ? x : Math.expm1(x), selu: x => SELU * (x > 0 ? x : ELU * Math.expm1(x)),
	gelu: x => x * (1 + erf(x / Math.SQRT2)) / 2, swish: x => x * sigmoid(x), silu: x => x * sigmoid(x),
};

function map(f, v, s) {
	const y = value(s || v.s);
	for (let i = 0; i < y.x.length; i++)
		y.x[i] = f(v.x[i]);
	return y;
}

const activate = (y, name) => !name || name === "linear" ? y : map(ACTIVATIONS[name], y);
const unary = f => (l, v) => map(f, v);

/* How far one step along each axis of `to` goes in a value of shape s, whose axes of size 1 are repeated. */
function strides(s, to) {
	const out = new Array(to.length).fill(0);
	let step = 1;
	for (let i = s.length - 1; i >= 0; i--) {
		out[i + to.length - s.length] = s[i] === 1 ? 0 : step;
		step *= s[i];
	}
	return out;
}

/* visit(i) for every place of shape `to`, in order; at[k] is where value k with strides st[k] is read. */
function walk(to, st, visit) {
	const place = new Array(to.length).fill(0), at = st.map(() => 0), n = count(to);
	for (let i = 0; i < n; i++) {
		visit(i, at);
		for (let d = to.length - 1; d >= 0; d--) {
			place[d]++;
			for (let k = 0; k < st.length; k++)
				at[k] += st[k][d];
			if (place[d] < to[d])
				break;
			for (let k = 0; k < st.length; k++)
				at[k] -= st[k][d] * to[d];
			place[d] = 0;
		}
	}
}

function pairs(f, a, b, s) {
	const y = value(s);
	if (a.x.length === y.x.length && b.x.length === y.x.length)
		for (let i = 0; i < y.x.length; i++)
			y.x[i] = f(a.x[i], b.x[i]);
	else if (a.x.length === y.x.length && b.x.length === last(s) && last(b.s) === last(s))
		for (let i = 0, C = last(s); i < y.x.length; i++)
			y.x[i] = f(a.x[i], b.x[i % C]);
	else
		walk(s, [strides(a.s, s), strides(b.s, s)], (i, at) => { y.x[i] = f(a.x[at[0]], b.x[at[1]]); });
	return y;
}

/* Two inputs, of which one may be a constant of the layer. */
function binary(f) {
	return (l, ...v) => {
		const c = l.w.constant, in2 = !c ? v : l.a.constant_first ? [c, v[0]] : [v[0], c];
		return pairs(f, in2[0], in2[1], l.s);
	};
}

const joined = f => (l, ...v) => v.slice(1).reduce((sum, x) => pairs(f, sum, x, l.s), v[0]);
const gate = (l, ...v) => binary((x, sel) => sel > 0 ? x : (l.a.slope || 0) * x)(l, ...v);

function relu(l, v) {
	const slope = l.a.negative_slope || 0, top = l.a.max_value === undefined ? Infinity : l.a.max_value;
	return map(x => x < 0 ? slope * x : Math.min(x, top), v);
}

const leaky = (l, v) => {
	const slope = l.a.negative_slope !== undefined ? l.a.negative_slope : l.a.alpha !== undefined ? l.a.alpha : 0.3;
	return map(x => x < 0 ? slope * x : x, v);
};

/* ---- norms ---- */

function batchNorm(l, v) {
	const C = last(v.s), a = new Float64Array(C), b = new Float64Array(C), w = l.w, y = value(v.s);
	const eps = l.a.epsilon === undefined ? 1e-3 : l.a.epsilon;
	for (let c = 0; c < C; c++) {
		a[c] = (w.gamma ? w.gamma.x[c] : 1) / Math.sqrt(w.moving_variance.x[c] + eps);
		b[c] = (w.beta ? w.beta.x[c] : 0) - a[c] * w.moving_mean.x[c];
	}
	for (let i = 0; i < y.x.length; i++)
		y.x[i] = a[i % C] * v.x[i] + b[i % C];
	return y;
}

function layerNorm(l, v) {
	const C = last(v.s), y = value(v.s), eps = l.a.epsilon === undefined ? 1e-3 : l.a.epsilon;
	for (let at = 0; at < y.x.length; at += C) {
		let mean = 0, square = 0;
		for (let c = 0; c < C; c++)
			mean += v.x[at + c] / C;
		for (let c = 0; c < C; c++)
			square += (v.x[at + c] - mean) ** 2 / C;
		for (let c = 0; c < C; c++)
			y.x[at + c] = (v.x[at + c] - mean) / Math.sqrt(square + eps) * (l.w.gamma ? l.w.gamma.x[c] : 1)
				+ (l.w.beta ? l.w.beta.x[c] : 0);
	}
	return y;
}

/* Over the last axis, the only one that the tracer writes. */
function softmax(l, v) {
	const C = last(v.s), y = value(v.s);
	for (let at = 0; at < y.x.length; at += C) {
		let top = -Infinity, sum = 0;
		for (let c = 0; c < C; c++)
			top = Math.max(top, v.x[at + c]);
		for (let c = 0; c < C; c++)
			sum += y.x[at + c] = Math.exp(v.x[at + c] - top);
		for (let c = 0; c < C; c++)
			y.x[at + c] /= sum;
	}
	return y;
}

/* ---- products ---- */

/* y [N] += x[i] w [i,N] for n numbers of x: the innermost loop of everything linear. Four rows at once read and write y
 * a fourth as often, which is twice as fast. */
function rows(y, to, N, x, from, n, w, at) {
	let i = 0;
	for (; i + 4 <= n; i += 4, at += 4 * N) {
		const a = x[from + i], b = x[from + i + 1], c = x[from + i + 2], d = x[from + i + 3];
		if (a === 0 && b === 0 && c === 0 && d === 0)
			continue;
		for (let o = 0, k = at; o < N; o++, k++)
			y[to + o] += a * w[k] + b * w[k + N] + c * w[k + 2 * N] + d * w[k + 3 * N];
	}
	for (; i < n; i++, at += N)
		for (let o = 0; o < N; o++)
			y[to + o] += x[from + i] * w[at + o];
}

function addBias(y, bias) {
	if (bias)
		for (let i = 0, C = bias.x.length; i < y.x.length; i++)
			y.x[i] += bias.x[i % C];
	return y;
}

function dense(l, v) {
	const [K, N] = l.w.kernel.s, y = value(l.s);
	for (let r = 0; r * K < v.x.length; r++)
		rows(y.x, r * N, N, v.x, r * K, K, l.w.kernel.x, 0);
	return activate(addBias(y, l.w.bias), l.a.activation);
}

/* A row of the table. On the way from one class to another, [a, b, t], a mix of two. */
function embedding(l, v) {
	const C = l.w.embeddings.s[1], [a, b = a, t = 0] = v.x;
	const y = value(l.s), w = l.w.embeddings.x;
	for (let c = 0; c < C; c++)
		y.x[c] = (1 - t) * w[a * C + c] + t * w[b * C + c];
	return y;
}

/* [.., n, k] and [.., k, m], each turned when asked. */
function multiply(a, b, ta, tb, s) {
	const n = s[s.length - 2], m = last(s), k = ta ? a.s[a.s.length - 2] : last(a.s), y = value(s);
	for (let p = 0; p * n * m < y.x.length; p++)
		for (let i = 0; i < n; i++)
			for (let q = 0; q < k; q++) {
				const f = a.x[p * n * k + (ta ? q * n + i : i * k + q)];
				let to = (p * n + i) * m, at = p * k * m + (tb ? q : q * m);
				for (let j = 0, step = tb ? k : 1; j < m; j++, at += step)
					y.x[to + j] += f * b.x[at];
			}
	return y;
}

const matmul = (l, a, b) => multiply(a, b, l.a.ta, l.a.tb, l.s);

/* Axes are counted with the batch: 1 or 2 of matrices. */
function dot(l, a, b) {
	const axes = l.a.axes;
	if (a.s.length === 1)
		return {s: l.s, x: Float32Array.of(a.x.reduce((sum, x, i) => sum + x * b.x[i], 0))};
	return multiply(a, b, axes[0] === 1, axes[1] === 2, l.s);
}

/* ---- windows ---- */

/* Zeros in front of one axis of n for padding "same" (gan/keras/model/shapes.c). */
const sameBefore = (n, k, stride) =>
	Math.floor(Math.max((Math.ceil(n / stride) - 1) * stride + k - n, 0) / 2);

/* Calls visit(y, x, tap, i, j) for each window [i,j] of a map h x w and each pixel [y,x] in it, tap by tap. */
function windows(h, w, g, rowsOut, columnsOut, visit) {
	for (let i = 0; i < rowsOut; i++)
		for (let j = 0; j < columnsOut; j++)
			for (let u = 0; u < g.kh; u++) {
				const y = i * g.sh + u - g.top;
				if (y < 0 || y >= h)
					continue;
				for (let t = 0; t < g.kw; t++) {
					const x = j * g.sw + t - g.left;
					if (x >= 0 && x < w)
						visit(y, x, u * g.kw + t, i, j);
				}
			}
}

/* The window of a layer of Keras over a map h x w. */
function geometry(l, size, h, w) {
	const [kh, kw] = l.a[size], [sh, sw] = l.a.strides || (size === "pool_size" ? [kh, kw] : [1, 1]);
	const same = l.a.padding === "same";
	return {kh, kw, sh, sw, top: same ? sameBefore(h, kh, sh) : 0, left: same ? sameBefore(w, kw, sw) : 0};
}

/* That of an operation of the graph. */
const opGeometry = l => ({kh: l.a.size[0], kw: l.a.size[1], sh: l.a.strides[0], sw: l.a.strides[1], top: l.a.zeros[0],
	left: l.a.zeros[2]});

/* Kernel [kh,kw,in/groups,out]. */
function conv(l, v) {
	const [h, w, C] = v.s, [ho, wo, O] = l.s, groups = l.a.groups || 1, part = C / groups, each = O / groups;
	const y = value(l.s), k = l.w.kernel.x;
	windows(h, w, geometry(l, "kernel_size", h, w), ho, wo, (r, c, tap, i, j) => {
		const from = (r * w + c) * C, to = (i * wo + j) * O;
		if (groups === 1) {
			rows(y.x, to, O, v.x, from, C, k, tap * C * O);
			return;
		}
		for (let q = 0; q < part; q++)
			for (let o = 0; o < O; o++)
				y.x[to + o] += v.x[from + Math.floor(o / each) * part + q] * k[(tap * part + q) * O + o];
	});
	return activate(addBias(y, l.w.bias), l.a.activation);
}

/* The adjoint of a convolution: kernel [kh,kw,out/groups,in], maps of the axes in front one after the other. */
function spread(v, kernel, g, groups, s) {
	const [h, w, C] = v.s.slice(-3), [ho, wo, O] = s.slice(-3), y = value(s), k = kernel.x;
	const part = O / groups, each = C / groups;
	for (let m = 0; m * h * w * C < v.x.length; m++)
		windows(ho, wo, g, h, w, (r, c, tap, i, j) => {
			const from = ((m * h + i) * w + j) * C, to = ((m * ho + r) * wo + c) * O;
			for (let q = 0; q < part; q++)
				for (let n = 0; n < groups; n++) {
					let sum = 0;
					for (let o = n * each; o < (n + 1) * each; o++)
						sum += v.x[from + o] * k[(tap * part + q) * C + o];
					y.x[to + n * part + q] += sum;
				}
		});
	return y;
}

function convTranspose(l, v) {
	const y = spread(v, l.w.kernel, geometry(l, "kernel_size", l.s[0], l.s[1]), 1, l.s);
	return activate(addBias(y, l.w.bias), l.a.activation);
}

const convAdjoint = (l, v) => spread(v, l.w.constant, opGeometry(l), l.a.groups || 1, l.s);

/* join(old, new) over each window's pixels, from `start`. */
function pool(v, g, s, start, join) {
	const [h, w, C] = v.s, y = value(s);
	y.x.fill(start);
	windows(h, w, g, s[0], s[1], (r, c, tap, i, j) => {
		for (let q = 0, from = (r * w + c) * C, to = (i * s[1] + j) * C; q < C; q++)
			y.x[to + q] = join(y.x[to + q], v.x[from + q]);
	});
	return y;
}

const sumPool = (l, v) => pool(v, opGeometry(l), l.s, 0, (a, b) => a + b);
const maxPool = (l, v) => pool(v, geometry(l, "pool_size", v.s[0], v.s[1]), l.s, -Infinity, Math.max);

/* Pixels outside the map do not count. */
function averagePool(l, v) {
	const g = geometry(l, "pool_size", v.s[0], v.s[1]), y = pool(v, g, l.s, 0, (a, b) => a + b);
	const n = pool({s: v.s, x: new Float32Array(v.x.length).fill(1)}, g, l.s, 0, (a, b) => a + b);
	return pairs((a, b) => a / b, y, n, l.s);
}

function averageAll(l, v) {
	const C = last(v.s), y = value(l.s);
	for (let i = 0; i < v.x.length; i++)
		y.x[i % C] += v.x[i];
	return map(x => x * C / v.x.length, y);
}

function patches(l, v) {
	const [h, w, C] = v.s, y = value(l.s), K = l.s[2];
	windows(h, w, opGeometry(l), l.s[0], l.s[1], (r, c, tap, i, j) => {
		for (let q = 0; q < C; q++)
			y.x[(i * l.s[1] + j) * K + tap * C + q] = v.x[(r * w + c) * C + q];
	});
	return y;
}

function patchesFold(l, v) {
	const [h, w, C] = l.s, [hh, ww, K] = v.s, y = value(l.s);
	windows(h, w, opGeometry(l), hh, ww, (r, c, tap, i, j) => {
		for (let q = 0; q < C; q++)
			y.x[(r * w + c) * C + q] += v.x[(i * ww + j) * K + tap * C + q];
	});
	return y;
}

/* Nearest: the pixel itself. Bilinear: half-pixel centres, the edge goes on. */
function upsample(l, v) {
	const [h, w, C] = v.s, [H, W] = l.s, [fh, fw] = l.a.size, y = value(l.s);
	const nearest = (l.a.interpolation || "nearest") === "nearest";
	const place = (i, f, n) => {
		const at = nearest ? Math.floor(i / f) : Math.max((i + 0.5) / f - 0.5, 0), lo = Math.min(Math.floor(at), n - 1);
		return [lo, Math.min(lo + 1, n - 1), at - lo];
	};
	for (let i = 0; i < H; i++)
		for (let j = 0; j < W; j++) {
			const [r0, r1, a] = place(i, fh, h), [c0, c1, b] = place(j, fw, w);
			for (let q = 0; q < C; q++) {
				const p = (r, c) => v.x[(r * w + c) * C + q];
				y.x[(i * W + j) * C + q] = nearest ? p(r0, c0) : (1 - a) * ((1 - b) * p(r0, c0) + b * p(r0, c1))
					+ a * ((1 - b) * p(r1, c0) + b * p(r1, c1));
			}
		}
	return y;
}

/* ---- places ---- */

const reshape = (l, v) => ({s: l.s, x: v.x});

/* y[to] = x at strides st from `from`. */
function gathered(v, s, st, from) {
	const y = value(s);
	walk(s, [st], (i, at) => { y.x[i] = v.x[from + at[0]]; });
	return y;
}

const plainStrides = s => s.map((_, i) => count(s.slice(i + 1)));

function permute(l, v) {
	const st = plainStrides(v.s);
	return gathered(v, l.s, l.a.axes.map(k => st[k]), 0);
}

const offset = (s, lo) => plainStrides(s).reduce((sum, st, i) => sum + st * lo[i], 0);
const slice = (l, v) => gathered(v, l.s, plainStrides(v.s), offset(v.s, l.a.before));
const broadcast = (l, v) => gathered(v, l.s, strides(v.s, l.s), 0);

/* v into y, its first element at `lo`. */
function put(y, v, lo) {
	const to = offset(y.s, lo);
	walk(v.s, [plainStrides(y.s)], (i, at) => { y.x[to + at[0]] = v.x[i]; });
	return y;
}

const pad = (l, v) => put(value(l.s), v, l.a.before);

function zeroPadding(l, v) {
	const p = l.a.padding;
	return put(value(l.s), v, [p[0][0], p[1][0], 0]);
}

function concat(l, ...v) {
	const y = value(l.s), lo = l.s.map(() => 0);
	for (const part of v) {
		put(y, part, lo);
		lo[l.a.axis] += part.s[l.a.axis];
	}
	return y;
}

function sumTo(l, v) {
	const y = value(l.s);
	walk(v.s, [strides(l.s, v.s)], (i, at) => { y.x[at[0]] += v.x[i]; });
	return y;
}

/* y[..,m,i,j] = x[..,m,i, P-1 + j - m] */
function skew(l, v) {
	const [M, I, L] = v.s.slice(-3), P = (L + 1) / 2, y = value(l.s);
	for (let r = 0; r * L < v.x.length; r++)
		for (let j = 0, m = Math.floor(r / I) % M; j < P; j++)
			y.x[r * P + j] = v.x[r * L + P - 1 + j - m];
	return y;
}

/* ---- all of them ---- */

const OPS = {
	"Dense": dense, "Conv2D": conv, "Conv2DTranspose": convTranspose, "Embedding": embedding, "Dot": dot,
	"BatchNormalization": batchNorm, "LayerNormalization": layerNorm, "Softmax": softmax, "ReLU": relu, "LeakyReLU": leaky,
	"Activation": (l, v) => activate(v, l.a.activation), "Dropout": (l, v) => v,
	"Rescaling": (l, v) => map(x => l.a.scale * x + (l.a.offset || 0), v), "Reshape": reshape, "Flatten": reshape,
	"Add": joined((a, b) => a + b), "Multiply": joined((a, b) => a * b), "ZeroPadding2D": zeroPadding,
	"AveragePooling2D": averagePool, "MaxPooling2D": maxPool, "GlobalAveragePooling2D": averageAll,
	"UpSampling2D": upsample,
	"op>recip": unary(x => 1 / x), "op>sqrt": unary(Math.sqrt), "op>rsqrt": unary(x => 1 / Math.sqrt(x)),
	"op>log": unary(Math.log), "op>erf": unary(erf), "op>gate": gate, "op>skew": skew,
	"op>add": binary((a, b) => a + b), "op>sub": binary((a, b) => a - b), "op>mul": binary((a, b) => a * b),
	"op>div": binary((a, b) => a / b), "op>permute": permute, "op>pad": pad, "op>slice": slice, "op>concat": concat,
	"op>sum_to": sumTo, "op>broadcast": broadcast, "op>matmul": matmul, "op>patches": patches,
	"op>patches_fold": patchesFold, "op>sum_pool": sumPool, "op>conv2d_dx": convAdjoint,
};

/* ---- attention maps: row q of a head, as the functions `lay` of layers/types/ ---- */

/* Adds the window w [k,k], whose upper left pixel is [y,x]. */
function layWindow(t, scores, at, k, y, x, row) {
	for (let i = Math.max(0, -y); i < k && y + i < t.h; i++)
		for (let j = Math.max(0, -x); j < k && x + j < t.w; j++)
			row[(y + i) * t.w + x + j] += scores[at + i * k + j];
}

const LAY = {
	whole(t, v, head, q, row) {                  /* [N,M] or [n,N,M] */
		const M = row.length, at = (head * t.h * t.w + q) * M;
		for (let i = 0; i < M; i++)
			row[i] += v.x[at + i];
	},
	row(t, v, head, q, row) {                    /* [H,W,W] */
		for (let x = 0; x < t.w; x++)
			row[Math.floor(q / t.w) * t.w + x] += v.x[q * t.w + x];
	},
	halo(t, v, head, q, row) {                   /* [n,rows,columns,b*b,P*P] */
		const b = t.block, P = b + 2 * t.halo, y = Math.floor(q / t.w), x = q % t.w, i = Math.floor(y / b);
		const j = Math.floor(x / b), block = (head * v.s[1] + i) * v.s[2] + j;
		layWindow(t, v.x, ((block * b + y % b) * b + x % b) * P * P, P, i * b - t.halo, j * b - t.halo, row);
	},
	outlook(t, v, head, q, row) {                /* [hh,ww,n,K,K] */
		const k = t.kernel, K = k * k, y = Math.floor(q / t.w) + t.before, x = q % t.w + t.before;
		for (let i = 0; i < v.s[0]; i++)
			for (let j = 0; j < v.s[1]; j++) {
				const u = y - i * t.strides, o = x - j * t.strides;
				if (u >= 0 && u < k && o >= 0 && o < k)
					layWindow(t, v.x, (((i * v.s[1] + j) * v.s[2] + head) * K + u * k + o) * K, k,
						i * t.strides - t.before, j * t.strides - t.before, row);
			}
	},
	cot(t, v, head, q, row) {                    /* [H,W,G,k*k] */
		const k = t.kernel, r = Math.floor(k / 2);
		layWindow(t, v.x, (q * v.s[2] + head) * k * k, k, Math.floor(q / t.w) - r, q % t.w - r, row);
	},
};

/* What query q of one layer takes of each key, [kh*kw]; head -1: the mean of all heads. */
function look(t, v, head, q) {
	const row = new Float32Array(t.kh * t.kw);
	for (let n = head < 0 ? 0 : head; n <= (head < 0 ? t.heads - 1 : head); n++)
		LAY[t.lay](t, v, n, q, row);
	return head < 0 ? row.map(x => x / t.heads) : row;
}

/* ---- a program and its weights ---- */

/* A float16: sign, five bits of exponent, ten of fraction. */
function half(bits) {
	const e = bits >> 10 & 31, f = bits & 1023, sign = bits >> 15 ? -1 : 1;
	return sign * (e === 0 ? f * 2 ** -24 : e === 31 ? (f ? NaN : Infinity) : (1024 + f) * 2 ** (e - 25));
}

function numbers(bytes, width) {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const x = new Float32Array(bytes.byteLength / width);
	for (let i = 0; i < x.length; i++)
		x[i] = width === 2 ? half(view.getUint16(2 * i, true)) : view.getFloat32(4 * i, true);
	return x;
}

/* The program with its weights in place, ready to run. */
function load(program, bytes) {
	const x = numbers(bytes, program.width), r = program.reference;
	const at = ([from, s]) => ({s, x: x.subarray(from, from + count(s))});
	r.z = at(r.z);
	r.images = at(r.images);
	for (const l of program.layers) {
		if (l.c !== "InputLayer" && !OPS[l.c])
			throw new Error("unknown layer " + l.c);
		for (const name of Object.keys(l.w))
			l.w[name] = at(l.w[name]);
	}
	return program;
}

/* The values of all layers for a latent z and labels, [class] or [from, to, share of the second]. */
function run(program, z, labels) {
	const values = [];
	for (const [k, l] of program.layers.entries())
		values[k] = k === program.input[0] ? {s: l.s, x: Float32Array.from(z)}
			: k === program.input[1] ? {s: [labels.length], x: Float32Array.from(labels)}
			: OPS[l.c](l, ...l.i.map(i => values[i]));
	return {image: values[program.output].x, values};
}

return {load, run, look, OPS};
})();

if (typeof module !== "undefined")
	module.exports = Engine;
