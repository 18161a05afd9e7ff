"""The TensorFlow peer of `sagan bench --layers`: the same layers, inputs and batch in plain TensorFlow ops.

Written from the formulas of layers/*.h. Forward is inference; both is training with the gradients by the
input and every weight, running statistics updated. Every layer runs in each of its formulations, as
tf.function and compiled by XLA (jit_compile=True); the fastest counts, for forward and both by itself.
Shapes and numbers of parameters are checked against the documented ones. One JSON line a layer.

    python3 -m venv build/peer-tf && build/peer-tf/bin/pip install tensorflow-cpu==2.15.1
    build/peer-tf/bin/python tests/peers/layers_tf.py --threads 2 [--layers halo,mlp] [--best FILE]

--best names an earlier output: only its fastest configurations are run again.
"""
import argparse, json, math, os, statistics, time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import numpy as np
import tensorflow as tf

nn = tf.nn
rng = np.random.default_rng(1)


# ---- weights and the parts that layers share ----

class Weights:
    """What a layer learns, in order of creation, and what it only keeps."""

    def __init__(self):
        self.params = []

    def __call__(self, *shape, fill=None):
        x = rng.normal(0, 0.05, shape) if fill is None else np.full(shape, fill)
        self.params.append(tf.Variable(x.astype(np.float32)))
        return self.params[-1]

    def state(self, *shape, fill=0.0):
        return tf.Variable(np.full(shape, fill, np.float32), trainable=False)


def dense(x, w, b=None):
    y = tf.reshape(tf.matmul(tf.reshape(x, [-1, w.shape[0]]), w), x.shape[:-1] + w.shape[-1:])
    return y if b is None else y + b


def conv(x, w, b=None, stride=1, pad="SAME"):
    if w.shape[0] == 1 and w.shape[1] == 1 and stride == 1:
        return dense(x, tf.reshape(w, w.shape[2:]), b)
    y = nn.conv2d(x, w, stride, pad)
    return y if b is None else nn.bias_add(y, b)


def batch_norm(W, C, eps=1e-5, momentum=0.9):
    gamma, beta = W(C, fill=1), W(C, fill=0)
    mean, var = W.state(C), W.state(C, fill=1)

    def apply(x, training):
        y, m, v = tf.compat.v1.nn.fused_batch_norm(
            x, gamma, beta, None if training else mean, None if training else var, eps, is_training=training)
        if training:
            mean.assign(momentum * mean + (1 - momentum) * m)
            var.assign(momentum * var + (1 - momentum) * v)
        return y
    return apply


def layer_norm(W, C, eps, form):
    """form 0: moments; 1: Keras' way, rows as the channels of a fused batch norm."""
    gamma, beta = W(C, fill=1), W(C, fill=0)

    def apply(x):
        if form == 0:
            m, v = nn.moments(x, [-1], keepdims=True)
            return nn.batch_normalization(x, m, v, beta, gamma, eps)
        rows = math.prod(x.shape[:-1])
        y, _, _ = tf.compat.v1.nn.fused_batch_norm(tf.reshape(x, [1, rows, C, 1]), tf.ones([rows]), tf.zeros([rows]),
                                                   epsilon=eps, data_format="NCHW")
        return tf.reshape(y, x.shape) * gamma + beta
    return apply


def group_norm(W, C, groups, eps):
    gamma, beta = W(C, fill=1), W(C, fill=0)

    def apply(x):
        B, H, Wd, _ = x.shape
        y = tf.reshape(x, [B, H, Wd, groups, C // groups])
        m, v = nn.moments(y, [1, 2, 4], keepdims=True)
        per = [1, 1, 1, groups, C // groups]
        y = nn.batch_normalization(y, m, v, tf.reshape(beta, per), tf.reshape(gamma, per), eps)
        return tf.reshape(y, x.shape)
    return apply


def patches(x, k, s, top, left, hh, ww, form):
    """[B,hh,ww,k*k,C]. form 0: slices of the map, stacked; 1: extract_patches."""
    B, H, Wd, C = x.shape
    below, right = max((hh - 1) * s + k - top - H, 0), max((ww - 1) * s + k - left - Wd, 0)
    x = tf.pad(x, [[0, 0], [top, below], [left, right], [0, 0]])
    if form:
        x = x[:, :(hh - 1) * s + k, :(ww - 1) * s + k]
        y = tf.image.extract_patches(x, [1, k, k, 1], [1, s, s, 1], [1, 1, 1, 1], "VALID")
        return tf.reshape(y, [B, hh, ww, k * k, C])
    return tf.stack([x[:, i:i + (hh - 1) * s + 1:s, j:j + (ww - 1) * s + 1:s] for i in range(k) for j in range(k)], 3)


def fold_axis(z, s, n):
    """z [.., cells, taps, ..] with cells on axis 1 and taps on axis 2 -> sums at cell*s + tap, axis 1."""
    cells, k = z.shape[1], z.shape[2]
    extra = (k + s - 1) // s - 1
    total = None
    for q in range(extra + 1):
        part = z[:, :, q * s:min((q + 1) * s, k)]
        rest = [[0, 0]] * (len(z.shape) - 3)
        part = tf.pad(part, [[0, 0], [q, extra - q], [0, s - part.shape[2]]] + rest)
        total = part if total is None else total + part
    return tf.reshape(total, [z.shape[0], (cells + extra) * s] + z.shape[3:])


def fold(z, k, s, top, left, H, Wd, form):
    """z [B,hh,ww,k*k,E] added up at its taps -> [B,H,W,E]: slices, or a transposed convolution with ones."""
    B, hh, ww, K, E = z.shape
    if form:
        ones = tf.reshape(tf.eye(K), [k, k, 1, K])
        each = tf.reshape(tf.transpose(z, [0, 4, 1, 2, 3]), [B * E, hh, ww, K])
        y = nn.conv2d_transpose(each, ones, [B * E, (hh - 1) * s + k, (ww - 1) * s + k, 1], s, "VALID")
        y = tf.transpose(tf.reshape(y, [B, E] + y.shape[1:3]), [0, 2, 3, 1])
    else:
        z = tf.reshape(z, [B, hh, ww, k, k, E])
        y = fold_axis(tf.transpose(z, [0, 1, 3, 2, 4, 5]), s, H)          # [B, rows, ww, k, E]
        y = tf.transpose(fold_axis(tf.transpose(y, [0, 2, 3, 1, 4]), s, Wd), [0, 2, 1, 3])
    y = y[:, top:top + H, left:left + Wd]
    return tf.pad(y, [[0, 0], [0, H - y.shape[1]], [0, Wd - y.shape[2]], [0, 0]])


def skew(x, keys):
    """Logits of displacements [..,M,2P-1] -> of keys [..,M,P]: y[m,j] = x[m, P-1+j-m]."""
    lead, M, P = x.shape[:-2], x.shape[-2], keys
    y = tf.reshape(x, lead + [M * (2 * P - 1)])[..., P - 1:]
    want = M * (2 * P - 2)
    if y.shape[-1] < want:
        y = tf.pad(y, [[0, 0]] * len(lead) + [[0, want - y.shape[-1]]])
    return tf.reshape(y[..., :want], lead + [M, 2 * P - 2])[..., :P]


def positions(q, r_height, r_width, PH, PW):
    """q [..,H,W,d] -> the two parts [..,H,W,PH,1] and [..,H,W,1,PW]."""
    last = len(q.shape)
    swap = list(range(last - 3)) + [last - 2, last - 3, last - 1]
    rows = tf.transpose(skew(dense(tf.transpose(q, swap), r_height), PH), swap)
    return rows[..., tf.newaxis], skew(dense(q, r_width), PW)[..., tf.newaxis, :]


# ---- layers: (weights, form, input shape) -> f(x, training) ----

def self_attention(cq, cv, pool=False, out=True, bias=False, inside=False, row=False, filters=None):
    def build(W, form, s):
        C, F = s[-1], filters or s[-1]
        one = lambda i, o: (W(i, o), W(o, fill=0) if bias else None)
        q, k, v = one(C, cq), one(C, cq), one(C, cv)
        o = one(cv, F) if out else None
        gamma = W(fill=0.1)

        def apply(x, training):
            B, H, Wd, _ = x.shape
            at = lambda y: y if row else tf.reshape(y, [B, -1, y.shape[-1]])
            Q, K, V = dense(x, *q), dense(x, *k), dense(x, *v)
            if pool:
                K, V = nn.max_pool2d(K, 2, 2, "VALID"), nn.max_pool2d(V, 2, 2, "VALID")
            A = nn.softmax(tf.matmul(at(Q), at(K), transpose_b=True))
            O = tf.reshape(tf.matmul(A, at(V)), [B, H, Wd, cv])
            if inside:
                return x + dense(gamma * O, *o)
            return x + gamma * (dense(O, *o) if o else O)
        return apply
    return build


def anti_alias(stride):
    def build(W, form, s):
        f = np.array([0.25, 0.5, 0.25], np.float32)
        w = tf.constant(np.tile((f[:, None] * f)[:, :, None, None], [1, 1, s[-1], 1]))
        return lambda x, training: nn.depthwise_conv2d(x, w, [1, stride, stride, 1], "SAME")
    return build


def bn(activation):
    def build(W, form, s):
        norm = batch_norm(W, s[-1])
        return lambda x, training: activation(norm(x, training))
    return build


def conv3x3(W, form, s):
    w = W(3, 3, s[-1], s[-1])
    return lambda x, training: conv(x, w)


def depthwise(W, form, s):
    w, b = W(3, 3, s[-1], 1), W(s[-1], fill=0)
    return lambda x, training: nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME") + b


def conv_transpose(W, form, s):
    w, b = W(4, 4, s[-1] // 2, s[-1]), W(s[-1] // 2, fill=0)
    shape = [s[0], 2 * s[1], 2 * s[2], s[-1] // 2]
    return lambda x, training: nn.bias_add(nn.conv2d_transpose(x, w, shape, 2, "SAME"), b)


def dense_layer(W, form, s):
    w, b = W(s[-1], s[-1]), W(s[-1], fill=0)
    return lambda x, training: dense(x, w, b)


def squeeze(W, form, s):
    C, r = s[-1], s[-1] // 4
    a, ab, b, bb = W(C, r), W(r, fill=0), W(r, C), W(C, fill=0)
    mean = lambda x: tf.reduce_mean(x, [1, 2], keepdims=True)
    return lambda x, training: x * tf.sigmoid(dense(nn.relu(dense(mean(x), a, ab)), b, bb))


def attend(q, k, v, tables, h, w, PH, PW, scale):
    """q [..,h*w,d], k, v [..,PH*PW,.]; positions see q as it is, content is scaled."""
    lead = q.shape[:-2]
    rows, columns = positions(tf.reshape(q, lead + [h, w, q.shape[-1]]), *tables, PH, PW)
    S = tf.reshape(tf.matmul(q * scale if scale != 1 else q, k, transpose_b=True), lead + [h, w, PH, PW])
    A = nn.softmax(tf.reshape(S + rows + columns, lead + [h * w, PH * PW]))
    return tf.matmul(A, v)


def mhsa(function):
    def build(W, form, s):
        B, H, Wd, C = s
        n, d = 4, 128
        O = C if function else n * d
        scale = 1 / math.sqrt(d)
        if function:
            qkv = W(C, 2 * n * d + O)
            rh, rw, o = W(d, 2 * H - 1), W(d, 2 * Wd - 1), W(O, O)
        else:
            wq, wk, wv, o = W(C, n * d), W(C, n * d), W(C, n * d), W(n * d, O)
            rw, rh = W(d, 2 * Wd - 1), W(d, 2 * H - 1)

        def apply(x, training):
            if function:
                q, k, v = tf.split(dense(x, qkv), [n * d, n * d, O], -1)
            else:
                q, k, v = dense(x, wq) * scale, dense(x, wk), dense(x, wv)
            heads = lambda y: tf.transpose(tf.reshape(y, [B, H * Wd, n, -1]), [0, 2, 1, 3])
            y = attend(heads(q), heads(k), heads(v), (rh, rw), H, Wd, H, Wd, scale if function else 1)
            return dense(tf.reshape(tf.transpose(y, [0, 2, 1, 3]), [B, H, Wd, O]), o)
        return apply
    return build


def mhsa_absolute(W, form, s):
    B, H, Wd, C = s
    n, d = 4, 128
    wq, wk, wv, o = W(C, n * d), W(C, n * d), W(C, n * d), W(n * d, n * d)
    rw, rh = W(d, Wd), W(d, H)

    def apply(x, training):
        heads = lambda y: tf.transpose(tf.reshape(y, [B, H * Wd, n, -1]), [0, 2, 1, 3])
        q, k, v = heads(dense(x, wq) / math.sqrt(d)), heads(dense(x, wk)), heads(dense(x, wv))
        table = tf.reshape(rh[:, :, tf.newaxis] + rw[:, tf.newaxis, :], [d, H * Wd])
        A = nn.softmax(tf.matmul(q, k, transpose_b=True) + dense(q, table))
        return dense(tf.reshape(tf.transpose(tf.matmul(A, v), [0, 2, 1, 3]), [B, H, Wd, n * d]), o)
    return apply


def relative_position(W, form, s):
    H, Wd, d = s[2:]
    rh, rw = W(d, 2 * H - 1), W(d, 2 * Wd - 1)

    def apply(x, training):
        rows, columns = positions(x, rh, rw, H, Wd)
        return rows + columns
    return apply


def halo(function):
    def build(W, form, s):
        B, H, Wd, C = s
        n, b, d, dv = (4, 4, 64, 96) if function else (4, 2, 128, 128)
        P, O, scale = b + 2, n * dv, 1 / math.sqrt(d)
        wq, wkv = W(C, n * d), W(C, n * (d + dv))
        o, rh, rw = W(O, O), W(d, 2 * P - 1), W(d, 2 * P - 1)
        hh, ww = H // b, Wd // b

        def apply(x, training):
            q = dense(x, wq)
            q = q if function else q * scale
            q = tf.reshape(q, [B, hh, b, ww, b, n, d])
            q = tf.reshape(tf.transpose(q, [0, 5, 1, 3, 2, 4, 6]), [B * n * hh * ww, b * b, d])
            kv = patches(dense(x, wkv), P, b, 1, 1, hh, ww, form)
            kv = tf.transpose(tf.reshape(kv, [B, hh, ww, P * P, n, d + dv]), [0, 4, 1, 2, 3, 5])
            k, v = tf.split(tf.reshape(kv, [-1, P * P, d + dv]), [d, dv], -1)
            y = attend(q, k, v, (rh, rw), b, b, P, P, scale if function else 1)
            y = tf.transpose(tf.reshape(y, [B, n, hh, ww, b, b, dv]), [0, 2, 4, 3, 5, 1, 6])
            return dense(tf.reshape(y, [B, H, Wd, O]), o)
        return apply
    return build


def cot(W, form, s):
    B, H, Wd, F = s
    G, S = F // 8, max(F // 2, 32)
    key_w, key_bn = W(3, 3, F // 4, F), batch_norm(W, F)
    ew1, ew1_bn = W(2 * F, F // 2), batch_norm(W, F // 2)
    ew2, ew2_b, ew_gn = W(F // 2, 9 * G), W(9 * G, fill=0), group_norm(W, 9 * G, G, 1e-5)
    embed, embed_bn, embed2_bn = W(F, F), batch_norm(W, F), batch_norm(W, F)
    se1, se1_b, se_bn = W(F, S), W(S, fill=0), batch_norm(W, S)
    se2, se2_b = W(S, 2 * F), W(2 * F, fill=0)

    def apply(x, training):
        key = nn.relu(key_bn(grouped(x, key_w, 4), training))
        w = nn.relu(ew1_bn(dense(tf.concat([x, key], -1), ew1), training))
        w = tf.transpose(tf.reshape(ew_gn(dense(w, ew2, ew2_b)), [B, H, Wd, G, 9]), [0, 1, 2, 4, 3])
        val = embed_bn(dense(x, embed), training)
        taps = tf.reshape(patches(val, 3, 1, 1, 1, H, Wd, form), [B, H, Wd, 9, 8, G])
        e = tf.reshape(tf.reduce_sum(taps * w[:, :, :, :, tf.newaxis], 3), [B, H, Wd, F])
        e = nn.swish(embed2_bn(e, training))
        m = tf.reduce_mean(e + key, [1, 2], keepdims=True)
        m = nn.relu(se_bn(dense(m, se1, se1_b), training))
        a = nn.softmax(tf.reshape(dense(m, se2, se2_b), [B, 1, 1, F, 2]))
        return e * a[..., 0] + key * a[..., 1]
    return apply


def grouped(x, w, groups):
    """Blocks of channels by convolutions of their own: TensorFlow's grouped kernels cannot be differentiated on CPU."""
    parts = zip(tf.split(x, groups, -1), tf.split(w, groups, -1))
    return tf.concat([conv(a, b) for a, b in parts], -1)


def layer_norm_of(W, form, s):
    norm = layer_norm(W, s[-1], 1e-6, form)
    return lambda x, training: norm(x)


def group_norm_of(W, form, s):
    norm = group_norm(W, s[-1], 32, 1e-5)
    return lambda x, training: norm(x)


def evo_norm(nonlinearity, groups):
    def build(W, form, s):
        B, H, Wd, C = s
        gamma, beta = W(C, fill=1), W(C, fill=0)
        moving = None if groups else W.state(C, fill=1)
        v = W(C, fill=1) if nonlinearity else None

        def apply(x, training):
            if groups:
                y = tf.reshape(x, [B, H, Wd, groups, C // groups])
                _, var = nn.moments(y, [1, 2, 4], keepdims=True)
                std = tf.repeat(tf.reshape(tf.sqrt(var + 1e-3), [B, 1, 1, groups]), C // groups, -1)
                y = x * tf.sigmoid(x * v) / std if nonlinearity else x / std
            else:
                if training:
                    _, var = nn.moments(x, [0, 1, 2])
                    moving.assign(0.99 * moving + 0.01 * var)
                else:
                    var = moving
                _, each = nn.moments(x, [1, 2], keepdims=True)
                y = x / tf.maximum(tf.sqrt(var + 1e-3), v * x + tf.sqrt(each + 1e-3))
            return y * gamma + beta
        return apply
    return build


def prelu(W, form, s):
    alpha = W(1, 1, s[-1], fill=0.25)
    return lambda x, training: nn.relu(x) - alpha * nn.relu(-x)


def star_relu(W, form, s):
    scale, bias = W(fill=1), W(fill=0)
    return lambda x, training: scale * tf.square(nn.relu(x)) + bias


def conv_position(W, form, s):
    B, N, C = s
    h = math.isqrt(N - 1)
    w, b = W(3, 3, C, 1), W(C, fill=0)

    def apply(x, training):
        img = tf.reshape(x[:, 1:], [B, h, h, C])
        img = img + nn.bias_add(nn.depthwise_conv2d(img, w, [1, 1, 1, 1], "SAME"), b)
        return tf.concat([x[:, :1], tf.reshape(img, [B, N - 1, C])], 1)
    return apply


def conv_relative(W, form, s):
    B, n, N, d = s
    h = math.isqrt(N - 1)
    part = [(W(k, k, heads * d, 1), W(heads * d, fill=0)) for heads, k in ((2, 3), (3, 5), (3, 7))]

    def apply(x, training):
        img = tf.reshape(tf.transpose(x[:, :, 1:], [0, 2, 1, 3]), [B, h, h, n * d])
        cut = tf.split(img, [2 * d, 3 * d, 3 * d], -1)
        y = tf.concat([nn.depthwise_conv2d(c, w, [1, 1, 1, 1], "SAME") + b for c, (w, b) in zip(cut, part)], -1)
        y = x[:, :, 1:] * tf.transpose(tf.reshape(y, [B, h * h, n, d]), [0, 2, 1, 3])
        return tf.pad(y, [[0, 0], [0, 0], [1, 0], [0, 0]])
    return apply


def rsoftmax(W, form, s):
    return lambda x, training: tf.reshape(nn.softmax(tf.reshape(x, [s[0], 1, 2, s[-1] // 2]), 2), s)


def split_attention(W, form, s):
    B, H, Wd, C = s
    F, inner = 384, max(C * 2 // 4, 32)
    w = [W(3, 3, C // 2, F), W(3, 3, C // 2, F)]
    bn1 = batch_norm(W, 2 * F)
    w2, b2 = W(F, inner), W(inner, fill=0)
    bn2 = batch_norm(W, inner)
    w3, b3 = W(inner, 2 * F), W(2 * F, fill=0)

    def apply(x, training):
        parts = [conv(a, k) for a, k in zip(tf.split(x, 2, -1), w)]
        L = nn.relu(bn1(tf.concat(parts, -1), training))
        gap = tf.reduce_mean(tf.add_n(tf.split(L, 2, -1)), [1, 2], keepdims=True)
        a = dense(nn.relu(bn2(dense(gap, w2, b2), training)), w3, b3)
        a = tf.reshape(nn.softmax(tf.reshape(a, [B, 1, 2, F]), 2), [B, 1, 1, 2 * F])
        return tf.add_n(tf.split(L * a, 2, -1))
    return apply


def outlook(simple):
    def build(W, form, s):
        B, H, Wd, C = s
        E, n, k = 192, 4, 3
        st, p, K, d = (3, 0, 9, 48) if simple else (2, 1, 9, 48)
        hh, ww = -(-H // st), -(-Wd // st)
        wv, wa, ba = W(C, E), W(C, K * K * n), W(K * K * n, fill=0)
        wo, bo = W(E, E), W(E, fill=0)

        def apply(x, training):
            around = tf.pad(x, [[0, 0], [0, hh * st - H], [0, ww * st - Wd], [0, 0]])
            a = dense(nn.avg_pool2d(around, st, st, "VALID"), wa, ba) / math.sqrt(d)
            a = nn.softmax(tf.reshape(a, [B, hh, ww, n, K, K]))
            v = patches(dense(x, wv), k, st, p, p, hh, ww, form)
            v = tf.transpose(tf.reshape(v, [B, hh, ww, K, n, d]), [0, 1, 2, 4, 3, 5])
            z = tf.reshape(tf.transpose(tf.matmul(a, v), [0, 1, 2, 4, 3, 5]), [B, hh, ww, K, E])
            return dense(fold(z, k, st, p, p, H, Wd, form), wo, bo)
        return apply
    return build


def bias_layer(W, form, s):
    b = W(s[-1], fill=0)
    return lambda x, training: x + b


def channel_affine(W, form, s):
    w, b = W(s[-1], fill=1), W(s[-1], fill=0)
    return lambda x, training: x * w + b


def positional_embedding(W, form, s):
    p = W(1, *s[1:])
    return lambda x, training: x + p


def class_token(W, form, s):
    t = W(1, 1, s[-1])
    return lambda x, training: tf.concat([tf.repeat(t, s[0], 0), x], 1)


def mlp_of(W, C, hidden):
    a, ab, b, bb = W(C, hidden), W(hidden, fill=0), W(hidden, C), W(C, fill=0)
    return lambda x: dense(nn.gelu(dense(x, a, ab), approximate=False), b, bb)


def mlp_block(W, form, s):
    block = mlp_of(W, s[-1], 36)
    return lambda x, training: block(x)


def mixer_block(W, form, s):
    B, N, C = s
    ln0, token = layer_norm(W, C, 1e-5, form), mlp_of(W, N, 196)
    ln1, channel = layer_norm(W, C, 1e-5, form), mlp_of(W, C, 36)

    def apply(x, training):
        t = x + tf.transpose(token(tf.transpose(ln0(x), [0, 2, 1])), [0, 2, 1])
        return t + channel(ln1(t))
    return apply


def spatial_gating(W, form, s):
    B, N, C = s
    norm, w, b = layer_norm(W, C // 2, 1e-5, form), W(N, N), W(N, fill=1)

    def apply(x, training):
        u, v = tf.split(x, 2, -1)
        return u * tf.transpose(dense(tf.transpose(norm(v), [0, 2, 1]), w, b), [0, 2, 1])
    return apply


# ---- the table: input and output without the batch, parameters, formulations ----

MAP, LARGE, SMALL = (32, 32, 128), (64, 64, 64), (28, 28, 192)
ROWS = {
    "official": (MAP, MAP, 20481, 1, self_attention(16, 64, pool=True)),
    "paper": (MAP, MAP, 8193, 1, self_attention(16, 16)),
    "plain": (MAP, MAP, 20641, 1, self_attention(16, 128, out=False, bias=True)),
    "ashpy": (MAP, MAP, 20641, 1, self_attention(16, 128, out=False, bias=True)),
    "ashpy_row": (MAP, MAP, 20641, 1, self_attention(16, 128, out=False, bias=True, row=True)),
    "simplegan": (MAP, MAP, 20705, 1, self_attention(16, 64, pool=True, bias=True)),
    "mnistgans": (MAP, MAP, 8369, 1, self_attention(16, 16, bias=True, inside=True)),
    "conv2d": ((28, 28, 1), (28, 28, 8), 65, 1, self_attention(4, 4, bias=True, inside=True, filters=8)),
    "official_64": (LARGE, LARGE, 5121, 1, self_attention(8, 32, pool=True)),
    "plain_64": (LARGE, LARGE, 5201, 1, self_attention(8, 64, out=False, bias=True)),
    "conv2d_64": (LARGE, LARGE, 16641, 1, self_attention(64, 64, bias=True, inside=True, filters=64)),
    "anti_alias_downsample": (SMALL, (14, 14, 192), 0, 1, anti_alias(2)),
    "blur": (SMALL, SMALL, 0, 1, anti_alias(1)),
    "bn_act": (SMALL, SMALL, 384, 1, bn(nn.relu)),
    "batch_norm": (SMALL, SMALL, 384, 1, bn(lambda x: x)),
    "group_norm": (SMALL, SMALL, 384, 1, group_norm_of),
    "layer_norm": (SMALL, SMALL, 384, 2, layer_norm_of),
    "evo_norm_b0": (SMALL, SMALL, 576, 1, evo_norm(True, 0)),
    "evo_norm_s0": (SMALL, SMALL, 576, 1, evo_norm(True, 32)),
    "evo_norm_s0a": (SMALL, SMALL, 384, 1, evo_norm(False, 32)),
    "prelu": (SMALL, SMALL, 192, 1, prelu),
    "star_relu": (SMALL, SMALL, 2, 1, star_relu),
    "dense": (SMALL, SMALL, 37056, 1, dense_layer),
    "conv": (SMALL, SMALL, 331776, 1, conv3x3),
    "depthwise_conv2d": (SMALL, SMALL, 1920, 1, depthwise),
    "conv2d_transpose": ((14, 14, 192), (28, 28, 96), 295008, 1, conv_transpose),
    "se": (SMALL, SMALL, 18672, 1, squeeze),
    "mhsa": ((14, 16, 256), (14, 16, 512), 662784, 1, mhsa(False)),
    "mhsa_absolute": ((14, 16, 256), (14, 16, 512), 659200, 1, mhsa_absolute),
    "mhsa_h": ((14, 16, 256), (14, 16, 256), 400640, 1, mhsa(True)),
    "relative_position": ((4, 14, 16, 32), (4, 14, 16, 14, 16), 1856, 1, relative_position),
    "halo": ((14, 16, 256), (14, 16, 512), 657152, 2, halo(False)),
    "halo_h": ((12, 16, 256), (12, 16, 384), 378240, 2, halo(True)),
    "cot": (SMALL, SMALL, 235368, 2, cot),
    "conv_position": ((197, 256), (197, 256), 2560, 1, conv_position),
    "conv_relative_positional": ((8, 197, 6), (8, 197, 6), 1488, 1, conv_relative),
    "rsoftmax": ((1, 1, 98), (1, 1, 98), 0, 1, rsoftmax),
    "split_attention": (SMALL, (28, 28, 384), 776736, 1, split_attention),
    "outlook": (SMALL, SMALL, 136452, 2, outlook(False)),
    "outlook_simple": (SMALL, SMALL, 136452, 2, outlook(True)),
    "bias": ((14, 14, 192), (14, 14, 192), 192, 1, bias_layer),
    "channel_affine": ((14, 14, 192), (14, 14, 192), 384, 1, channel_affine),
    "positional_embedding": ((8, 16, 49), (8, 16, 49), 6272, 1, positional_embedding),
    "class_token": ((196, 192), (197, 192), 192, 1, class_token),
    "mlp": ((784, 192), (784, 192), 14052, 1, mlp_block),
    "mixer": ((784, 192), (784, 192), 323128, 2, mixer_block),
    "spatial_gating_block": ((784, 192), (784, 96), 615632, 2, spatial_gating),
}


# ---- the stopwatch ----

def build(name, batch, form):
    shape, out, params, _, make = ROWS[name]
    W = Weights()
    layer = make(W, form, tf.TensorShape([batch, *shape]))
    found = sum(math.prod(v.shape) for v in W.params)
    assert found == params, f"{name}: {found} parameters, {params} are documented"
    x = tf.constant(rng.normal(size=(batch, *shape)).astype(np.float32))
    dy = tf.constant(rng.normal(size=(batch, *out)).astype(np.float32))

    def forward():
        return layer(x, False)

    def both():
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = layer(x, True)
        return y, tape.gradient(y, [x, *W.params], dy)
    return forward, both, (batch, *out)


def measure(f, runs, shape):
    """Median seconds of a call."""
    y = f()
    y = y if isinstance(y, tf.Tensor) else y[0]
    assert tuple(y.shape) == shape, f"output {tuple(y.shape)}, documented {shape}"
    f()
    s = []
    for _ in range(runs):
        start = time.perf_counter()
        f()
        s.append(time.perf_counter() - start)
    return statistics.median(s)


def fastest(name, what, batch, runs, only):
    """(seconds, configuration): the best of formulations and compilers, those in `only` if it names any."""
    found, failures = [], []
    for form in range(ROWS[name][3]):
        for jit in (False, True):
            label = f"form {form + 1}{', jit' if jit else ''}"
            if only and only != label:
                continue
            forward, both, shape = build(name, batch, form)
            f = tf.function(forward if what == "forward" else both, jit_compile=jit)
            try:
                found.append((measure(f, runs, shape), label))
            except (tf.errors.OpError, ValueError) as e:      # XLA cannot compile every op
                failures.append(f"{label}: {str(e).splitlines()[0]}")
    assert found, f"{name}: {failures}"
    return min(found)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--batch", type=int, default=16)
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--layers", default=",".join(ROWS))
    p.add_argument("--best", help="output of an earlier run: only its configurations are run")
    a = p.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(a.threads)
    tf.config.threading.set_inter_op_parallelism_threads(a.threads)
    best = {}
    if a.best:
        with open(a.best) as f:
            best = {row["layer"]: row for row in map(json.loads, f)}
    for name in a.layers.split(","):
        known = best.get(name, {})
        forward = fastest(name, "forward", a.batch, a.steps, known.get("forward_by"))
        both = fastest(name, "both", a.batch, a.steps, known.get("both_by"))
        print(json.dumps({
            "layer": name, "output": [a.batch, *ROWS[name][1]], "params": ROWS[name][2], "threads": a.threads,
            "forward_s": forward[0], "both_s": both[0], "forward_by": forward[1], "both_by": both[1],
        }), flush=True)


if __name__ == "__main__":
    main()
