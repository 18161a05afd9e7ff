"""Keras layers for networks that sagan has trained: what stock Keras cannot say, as layers of their own.

    import sagan_layers                                  # registers every class below
    model = keras.models.load_model("generator_layers.keras")

The files generator.keras and generator.h5 need nothing of this: there attention is spelled out in stock layers, with
gamma and the spectral norm multiplied into the kernels. Here gamma, the tables of the classes and the vectors u of
the spectral norm are weights of their own, so that training goes on where sagan stopped.

One file for Keras 2.15, tf-keras (with SAGAN_KERAS=tf_keras) and Keras 3 on any backend. Images are [B,H,W,C], tokens
[B,N,C] with N = H*W, channels last whatever the user's Keras says. A layer takes its settings by name and keeps its
weights in the order in which it makes them, what is trained before what is not; docs/keras-layers.md lists both.
"""
import math
import os

import numpy as np

if os.environ.get("SAGAN_KERAS") == "tf_keras":
    import tf_keras as keras
else:
    import keras

if hasattr(keras, "ops"):
    ops, LAST = keras.ops, {"data_format": "channels_last"}

    def _conv(x, kernel, strides, padding):
        return ops.conv(x, kernel, strides=strides, padding=padding, **LAST)

    def _conv_transpose(x, kernel, strides, padding):
        return ops.conv_transpose(x, kernel, strides=strides, padding=padding, **LAST)

    def _depthwise(x, kernel):
        return ops.depthwise_conv(x, kernel, strides=1, padding="same", **LAST)

    def _cell_means(x, s):
        return ops.average_pool(x, s, s, padding="same", **LAST)
else:
    import tensorflow as tf

    class ops:
        """What is used here of keras.ops, for Keras 2."""
        cast, einsum, matmul, reshape, transpose = tf.cast, tf.einsum, tf.matmul, tf.reshape, tf.transpose
        concatenate, pad, stack, take, zeros_like = tf.concat, tf.pad, tf.stack, tf.gather, tf.zeros_like
        max, mean, sum = tf.reduce_max, tf.reduce_mean, tf.reduce_sum
        abs, clip, exp, maximum, sign = tf.abs, tf.clip_by_value, tf.exp, tf.maximum, tf.sign
        sqrt, square = tf.sqrt, tf.square
        relu, sigmoid, softplus, tanh = tf.nn.relu, tf.nn.sigmoid, tf.nn.softplus, tf.tanh
        softmax, stop_gradient = tf.nn.softmax, tf.stop_gradient

    def _conv(x, kernel, strides, padding):
        return tf.nn.conv2d(x, kernel, strides, padding.upper())

    def _conv_transpose(x, kernel, strides, padding):
        h, w = (n * s + (max(k - s, 0) if padding == "valid" else 0)
                for n, s, k in zip(x.shape[1:3], strides, kernel.shape[:2]))
        size = tf.stack([tf.shape(x)[0], h, w, kernel.shape[2]])
        return tf.nn.conv2d_transpose(x, kernel, size, strides, padding.upper())

    def _depthwise(x, kernel):
        return tf.nn.depthwise_conv2d(x, kernel, [1, 1, 1, 1], "SAME")

    def _cell_means(x, s):
        return tf.nn.avg_pool2d(x, s, s, "SAME")


def _register(cls):
    if not hasattr(keras, "ops"):
        cls.call = _with_sides(cls.call)
    return keras.saving.register_keras_serializable(package="sagan")(cls)


def _with_sides(call):
    """`call` with the sides of maps that the layer was built for. Keras 2 forgets them while it saves a folder: it
    runs each stock layer before this one as a function of maps of any size."""
    def known(self, x, training=None):
        shapes = self._built_for if isinstance(x, (list, tuple)) else [self._built_for]
        parts = [tf.ensure_shape(part, (None, *shape[1:])) if len(shape) == 4 else part
                 for part, shape in zip(tf.nest.flatten(x), shapes)]
        return call(self, tf.nest.pack_sequence_as(x, parts), training)
    return known


# ---- activations ----------------------------------------------------------------------------------------------------

_gelu = keras.activations.gelu                                             # 0.5 x (1 + erf(x / sqrt 2))


def _gelu_linear(x):
    """A parabola for erf (arXiv 2101.01321); at 0 the sign is 0."""
    e = 0.5 - 0.1444 * ops.square(ops.relu(1.769 - 0.7071 * ops.abs(x)))
    return x * (ops.sign(x) * e + 0.5)


ACTIVATIONS = {
    "linear": lambda x: x,
    "relu": ops.relu,
    "leaky_relu": lambda x: ops.relu(x) - 0.3 * ops.relu(-x),
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "swish": lambda x: x * ops.sigmoid(x),
    "gelu": _gelu,
    "gelu_tanh": lambda x: _gelu(x, approximate=True),
    "gelu/quick": lambda x: x * ops.sigmoid(1.702 * x),                    # arXiv 1606.08415, section 2
    "gelu/linear": _gelu_linear,
    "softplus": ops.softplus,
    "elu": lambda x: ops.relu(x) + ops.exp(-ops.relu(-x)) - 1,
    "selu": keras.activations.selu,
    "exponential": ops.exp,
    "hard_sigmoid": lambda x: ops.clip(0.2 * x + 0.5, 0, 1),               # of Keras 2; Keras 3 has x/6 + 0.5
    "hard_sigmoid_torch": lambda x: ops.clip(x / 6 + 0.5, 0, 1),
    "hard_swish": lambda x: x * ops.clip(x + 3, 0, 6) / 6,
    "mish": lambda x: x * ops.tanh(ops.softplus(x)),                       # arXiv 1908.08681
    "phish": lambda x: x * ops.tanh(_gelu(x)),
    "squared_relu": lambda x: ops.square(ops.relu(x)),                     # arXiv 2109.08668
    "softmax": ops.softmax,                                                # over the channels
}


# ---- what all layers share ------------------------------------------------------------------------------------------

SPECTRAL = {"spectral_norm": False, "sn_iterations": 1, "sn_epsilon": 1e-6}


class SaganLayer(keras.layers.Layer):
    """Settings by name, weights by name, and the products that layers are made of.

    `settings` of a class are its arguments with their defaults: attributes of the layer, and its config. `make`
    registers the weights; a weight called "query_kernel" is the attribute of that name.
    """

    settings = {}

    def __init__(self, **kwargs):
        own = {key: kwargs.pop(key, default) for key, default in self.settings.items()}
        super().__init__(**kwargs)
        for key, value in own.items():
            setattr(self, key, value)

    def get_config(self):
        return {**super().get_config(), **{key: getattr(self, key) for key in self.settings}}

    def compute_output_shape(self, input_shape):
        return tuple(input_shape)

    def build(self, input_shape):
        self._states = ()                             # made last: Keras lists what is trained first
        self.make(input_shape)
        for name, shape, start in self._states:
            self._weight(name, shape, start, trainable=False)
        self._built_for = input_shape
        super().build(input_shape)

    def make(self, input_shape):
        """Registers the weights, by the functions below, in their order."""

    # Weights.

    def _weight(self, name, shape, start, trainable=True):
        setattr(self, name, self.add_weight(name=name, shape=shape, initializer=start, trainable=trainable))

    def _state(self, name, shape, start):
        self._states += ((name, tuple(shape), start),)

    def _matrix(self, part, shape, start="glorot_uniform", bias=None, rows=False):
        """part_kernel and, when `bias` says how it starts, part_bias [last]; u of the spectral norm, [last] or for a
        table [rows]."""
        kernel = _joined(part, "kernel")
        self._weight(kernel, shape, start)
        if bias:
            self._weight(_joined(part, "bias"), (shape[-1],), bias)
        if getattr(self, "spectral_norm", False):
            self._state(_joined(part, "u"), (shape[0 if rows else -1],), _direction)

    def _norm(self, part, channels):
        """Batch normalisation: part_gamma, part_beta; states part_moving_mean, part_moving_variance."""
        self._scales(part, channels)
        self._state(f"{part}_moving_mean", (channels,), "zeros")
        self._state(f"{part}_moving_variance", (channels,), "ones")

    def _scales(self, part, channels):
        """Of a layer or group normalisation."""
        self._weight(f"{part}_gamma", (channels,), "ones")
        self._weight(f"{part}_beta", (channels,), "zeros")

    def _act(self, part, kind, channels):
        """The weights of an activation, if it has any."""
        if kind == "prelu":                                                # arXiv 1502.01852
            self._weight(f"{part}_alpha", (1, 1, channels), keras.initializers.Constant(0.25))
        elif kind == "star_relu":                                          # arXiv 2210.13452
            self._weight(f"{part}_gain", (), "ones")
            self._weight(f"{part}_offset", (), "zeros")
        elif kind not in ACTIVATIONS:
            known = ", ".join([*ACTIVATIONS, "prelu", "star_relu"])
            raise ValueError(f"{self.name}: activation {kind!r}: unknown; there are {known}")

    # What they do.

    def _trains(self, training):
        return bool(training) and self.trainable

    def _used(self, part, training, seen_as=lambda w: ops.reshape(w, (-1, w.shape[-1]))):
        """The kernel W, divided by its largest singular value under spectral_norm (arXiv 1802.05957).

            v = n(W u), u = n(W' v) as often as sn_iterations says, in training only; sigma = v' W u

        W as the matrix that `seen_as` makes of it; n(x) = x / max(|x|, sn_epsilon). The derivative takes u and v as
        constants."""
        kernel = getattr(self, _joined(part, "kernel"))
        if not getattr(self, "spectral_norm", False):
            return kernel
        state, matrix = getattr(self, _joined(part, "u")), seen_as(kernel)
        u, trains = state + 0, self._trains(training)
        for _ in range(self.sn_iterations if trains else 1):
            v = ops.stop_gradient(self._unit(ops.einsum("ro,o->r", matrix, u)))
            image = ops.einsum("ro,r->o", matrix, v)
            u = ops.stop_gradient(self._unit(image)) if trains else u
        if trains:
            state.assign(u)
        return kernel / ops.sum(image * u)

    def _unit(self, x):
        return x / ops.sqrt(ops.maximum(ops.sum(ops.square(x)), self.sn_epsilon ** 2))

    def _dense(self, part, x, training):
        """x [..,in] times the kernel, (in,out) or (1,1,in,out), and the bias if there is one."""
        kernel = self._used(part, training)
        return self._biased(part, ops.matmul(x, ops.reshape(kernel, tuple(kernel.shape)[-2:])))

    def _biased(self, part, y):
        bias = getattr(self, _joined(part, "bias"), None)
        return y if bias is None else y + bias

    def _convolve(self, part, x, training, groups=1):
        """Stride 1, an odd kernel, zeros around: the map keeps its size. Groups are contiguous blocks of channels."""
        kernel = self._used(part, training)
        each, out = x.shape[-1] // groups, kernel.shape[-1] // groups
        y = [_conv(x[..., j * each:(j + 1) * each], kernel[..., j * out:(j + 1) * out], (1, 1), "same")
             for j in range(groups)]
        return self._biased(part, ops.concatenate(y, axis=-1))

    def _normalise(self, part, x, training, keep=0.9, epsilon=1e-5):
        """gamma (x - mean) / sqrt(var + epsilon) + beta over all axes but the last. The moving variance takes
        Bessel's factor n/(n-1), as Keras' fused kernel does."""
        mean, var = getattr(self, f"{part}_moving_mean"), getattr(self, f"{part}_moving_variance")
        if self._trains(training):
            now = [ops.reshape(m, (-1,)) for m in _moments(x, tuple(range(len(x.shape) - 1)))]
            n = ops.sum(ops.zeros_like(x[..., 0]) + 1)
            mean.assign(keep * mean + (1 - keep) * now[0])
            var.assign(keep * var + (1 - keep) * now[1] * n / ops.maximum(n - 1, 1))
            mean, var = now
        return self._scaled(part, (x - mean) / ops.sqrt(var + epsilon))

    def _layer_norm(self, part, x, epsilon=1e-5):
        """The same over the last axis of each pixel or token (arXiv 1607.06450)."""
        mean, var = _moments(x, -1)
        return self._scaled(part, (x - mean) / ops.sqrt(var + epsilon))

    def _group_norm(self, part, x, groups, epsilon=1e-5):
        """The same over the map and contiguous groups of channels (arXiv 1803.08494)."""
        h, w, c = x.shape[1:]
        y = ops.reshape(x, (-1, h, w, groups, c // groups))
        mean, var = _moments(y, (1, 2, 4))
        return self._scaled(part, ops.reshape((y - mean) / ops.sqrt(var + epsilon), (-1, h, w, c)))

    def _scaled(self, part, x):
        return x * getattr(self, f"{part}_gamma") + getattr(self, f"{part}_beta")

    def _activate(self, part, kind, x):
        if kind == "prelu":
            return ops.relu(x) - getattr(self, f"{part}_alpha")[0, 0] * ops.relu(-x)
        if kind == "star_relu":
            return getattr(self, f"{part}_gain") * ops.square(ops.relu(x)) + getattr(self, f"{part}_offset")
        return ACTIVATIONS[kind](x)


def _joined(part, what):
    return f"{part}_{what}" if part else what


def _direction(shape, dtype=None):
    """A random vector of length 1."""
    x = keras.initializers.RandomNormal()(shape, dtype=dtype)
    return x / ops.sqrt(ops.sum(ops.square(x)))


def _moments(x, axes):
    """Mean and biased variance, axes kept as 1."""
    mean = ops.mean(x, axis=axes, keepdims=True)
    return mean, ops.mean(ops.square(x - mean), axis=axes, keepdims=True)


def _drop(rate, noise_shape=None):
    """Dropout as a layer (a stream of random numbers is part of it), or None for rate 0."""
    return keras.layers.Dropout(rate, noise_shape=noise_shape) if rate else None


def _dropped(layer, x, training):
    return x if layer is None else layer(x, training=training)


def _tokens(x):
    """[B,H,W,C] -> [B,N,C]."""
    return ops.reshape(x, (-1, x.shape[1] * x.shape[2], x.shape[3]))


def _on_map(y, x):
    """Tokens [B,N,D] -> [B,H,W,D], the map of x."""
    return ops.reshape(y, (-1, x.shape[1], x.shape[2], y.shape[-1]))


def _swapped(x):
    """The last two axes exchanged."""
    axes = list(range(len(x.shape)))
    return ops.transpose(x, axes[:-2] + [axes[-1], axes[-2]])


# ---- parts of networks ----------------------------------------------------------------------------------------------

class _Spectral(SaganLayer):
    spectral_norm = True                              # always: the stock layer is the one without


@_register
class SpectralDense(_Spectral):
    """y = x W / sigma(W) + b; x [..,in]."""

    settings = {"units": 1, "use_bias": True, "sn_iterations": 1, "sn_epsilon": 1e-6}

    def make(self, input_shape):
        self._matrix("", (input_shape[-1], self.units), bias=self.use_bias and "zeros")

    def call(self, x, training=None):
        return self._dense("", x, training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.units)


@_register
class SpectralConv2D(_Spectral):
    """y = x * W / sigma(W) + b, a convolution; sigma is that of the matrix [kh*kw*in, filters]."""

    settings = {"filters": 1, "kernel_size": (3, 3), "strides": (1, 1), "padding": "same", "use_bias": True,
                "sn_iterations": 1, "sn_epsilon": 1e-6}

    def make(self, input_shape):
        self._matrix("", (*self.kernel_size, input_shape[-1], self.filters), bias=self.use_bias and "zeros")

    def call(self, x, training=None):
        return self._biased("", _conv(x, self._used("", training), tuple(self.strides), self.padding))

    def compute_output_shape(self, input_shape):
        sizes = zip(input_shape[1:3], self.kernel_size, self.strides)
        whole = self.padding == "same"
        return (input_shape[0], *(-(-n // s) if whole else (n - k) // s + 1 for n, k, s in sizes), self.filters)


@_register
class SpectralConv2DTranspose(_Spectral):
    """The adjoint of a convolution, W / sigma(W) with W [kh,kw,filters,in] seen as [kh*kw*filters, in]."""

    settings = SpectralConv2D.settings

    def make(self, input_shape):
        self._matrix("", (*self.kernel_size, self.filters, input_shape[-1]))
        if self.use_bias:
            self._weight("bias", (self.filters,), "zeros")

    def call(self, x, training=None):
        return self._biased("", _conv_transpose(x, self._used("", training), tuple(self.strides), self.padding))

    def compute_output_shape(self, input_shape):
        sizes = zip(input_shape[1:3], self.kernel_size, self.strides)
        more = self.padding == "valid"
        return (input_shape[0], *(n * s + (max(k - s, 0) if more else 0) for n, k, s in sizes), self.filters)


@_register
class SpectralEmbedding(_Spectral):
    """y = W[label] / sigma(W); labels of any shape and number type."""

    settings = {"input_dim": 1, "output_dim": 1, "sn_iterations": 1, "sn_epsilon": 1e-6}

    def make(self, input_shape):
        self._matrix("", (self.input_dim, self.output_dim), "random_uniform", rows=True)

    def call(self, y, training=None):
        return ops.take(self._used("", training, ops.transpose), ops.cast(y, "int32"), axis=0)

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.output_dim)


@_register
class ConditionalScaleShift(SaganLayer):
    """[x, label] -> x (one_plus + gain[label]) + bias[label]: the second half of class-conditional batch
    normalisation (arXiv 1610.07629), after BatchNormalization(center=False, scale=False). x [B,C] or [B,H,W,C]."""

    settings = {"classes": 1, "one_plus": False, **SPECTRAL}

    def make(self, input_shape):
        table = (self.classes, input_shape[0][-1])
        self._matrix("gain", table, "zeros" if self.one_plus else "ones", rows=True)
        self._matrix("bias", table, "zeros", rows=True)

    def call(self, inputs, training=None):
        x, label = inputs
        label = ops.reshape(ops.cast(label, "int32"), (-1,))
        shape = (-1, *(1 for _ in x.shape[1:-1]), x.shape[-1])
        gain, bias = (ops.reshape(ops.take(self._used(part, training, ops.transpose), label, axis=0), shape)
                      for part in ("gain", "bias"))
        return x * (gain + float(self.one_plus)) + bias

    def compute_output_shape(self, input_shape):
        return tuple(input_shape[0])


@_register
class GlobalSumPooling2D(SaganLayer):
    """The sum over the map: [B,H,W,C] -> [B,C]."""

    def call(self, x, training=None):
        return ops.sum(x, axis=(1, 2))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])


@_register
class ScalarGain(SaganLayer):
    """y = gamma x, one learned number."""

    def make(self, input_shape):
        self._weight("gamma", (), "zeros")

    def call(self, x, training=None):
        return x * self.gamma


# ---- self-attention -------------------------------------------------------------------------------------------------

@_register
class SelfAttention2D(SaganLayer):
    """SAGAN self-attention (arXiv 1805.08318, eq. 1 to 3) and its relatives. No 1/sqrt(cq) anywhere.

        Q = x Wq [N,cq]     K = pool(x Wk) [M,cq]     V = pool(x Wv) [M,cv]     A = softmax(Q K')
        y = x + gamma out(A V), or with gamma_inside y = x + out(gamma A V)

    pool is a 2x2 maximum (M = N/4) or nothing; out a 1x1 convolution, with `activation`, or nothing. With row each
    pixel looks along its own image row only, as ashpy computes it. `filters` other than 0 and C need residual
    "broadcast" (C or filters is 1; juancolonna/SelfAttention_Conv2D) or "projected" (x through a 1x1 convolution).
    """

    settings = {"query_channels": 1, "value_channels": 1, "pool": False, "out_proj": True, "use_bias": False,
                "gamma_inside": False, "row": False, **SPECTRAL,
                "filters": 0, "activation": "linear", "residual": "identity"}

    def make(self, input_shape):
        h, w, c = input_shape[1:]
        cq, cv, filters = self.query_channels, self.value_channels, self.filters or c
        projected = self.residual == "projected" and filters != c
        self._check(h, w, c, filters)
        self._weight("gamma", (), "zeros")
        sizes = [("query", c, cq), ("key", c, cq), ("value", c, cv)]
        sizes += [("out", cv, filters)] if self.out_proj else []
        sizes += [("skip", c, filters)] if projected else []
        for part, i, o in sizes:
            self._matrix(part, (1, 1, i, o), bias=self.use_bias and "zeros")

    def _check(self, h, w, c, filters):
        fits = (filters == c or self.residual == "projected"
                or (self.residual == "broadcast" and 1 in (c, filters)))
        if self.pool and (self.row or h % 2 or w % 2):
            raise ValueError(f"{self.name}: map {h}x{w}: pooled keys need even sides, and no rows")
        if not fits:
            raise ValueError(f"{self.name}: filters={filters} on {c} channels cannot be added to the input; "
                             f"use filters={c} or residual='projected'")
        if not self.out_proj and self.value_channels != filters:
            raise ValueError(f"{self.name}: without an output projection value_channels must be {filters}")

    def attention_map(self, x, training=None):
        """A of the layer's input: [B,N,M], or [B,H,W,W] with row. Its rows sum to 1."""
        query = self._keys("query", x, training, False)
        return ops.softmax(ops.matmul(query, _swapped(self._keys("key", x, training, self.pool))))

    def _keys(self, part, x, training, pool):
        y = self._dense(part, x, training)
        if pool:
            h, w, c = y.shape[1:]
            y = ops.max(ops.reshape(y, (-1, h // 2, 2, w // 2, 2, c)), axis=(2, 4))
        return y if self.row else _tokens(y)

    def call(self, x, training=None):
        attention = self.attention_map(x, training)
        o = _on_map(_rows(ops.matmul(attention, self._keys("value", x, training, self.pool))), x)
        o = o * self.gamma if self.gamma_inside else o
        if self.out_proj:
            o = ACTIVATIONS[self.activation](self._dense("out", o, training))
        o = o if self.gamma_inside else o * self.gamma
        return o + (self._dense("skip", x, training) if hasattr(self, "skip_kernel") else x)

    def compute_output_shape(self, input_shape):
        c = input_shape[-1]
        return (*input_shape[:-1], max(self.filters, c) if self.residual == "broadcast" else self.filters or c)


def _rows(y):
    """Rows [B,H,W,D] as tokens, tokens as they are."""
    return _tokens(y) if len(y.shape) == 4 else y


# ---- layers placed at a map -----------------------------------------------------------------------------------------

class PlacedLayer(SaganLayer):
    """A layer f that keeps the map, at a place of a network.

        skip and gain:  y = x + gamma f(x)        skip:  y = x + f(x)        neither:  y = f(x)

    gamma is the last of the trained weights. Classes below give f and its weights, `make_own` and `f`.
    """

    placed = {"skip": False, "gain": False, **SPECTRAL}

    def make(self, input_shape):
        self.make_own(*input_shape[1:])
        if self.gain:
            self._weight("gamma", (), "zeros")

    def call(self, x, training=None):
        y = self.f(x, training)
        if self.gain:
            y = y * self.gamma
        return x + y if self.skip else y

    def _heads(self, channels):
        """d of C / heads."""
        if channels % self.heads:
            raise ValueError(f"{self.name}: {channels} channels are not a multiple of {self.heads} heads")
        return channels // self.heads


def _split(x, n):
    """Tokens [G,N,n*d] -> heads [G,n,N,d]."""
    x = ops.reshape(x, (-1, x.shape[1], n, x.shape[-1] // n))
    return ops.transpose(x, (0, 2, 1, 3))


def _join(x):
    """Heads [G,n,N,d] -> tokens [G,N,n*d]."""
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, x.shape[1], x.shape[2] * x.shape[3]))


class _Heads(PlacedLayer):
    """Attention of several heads of width d that knows where queries and keys are (arXiv 2101.11605).

        A = softmax(Q K' / sqrt(d) + P)     P[(y,x),(p,q)] = Q[y,x].(r_height[:, p-y+PH-1] + r_width[:, q-x+PW-1])

    Absolute tables are read at p and q. The forms of keras_cv_attention_models 1.0.2 give P the query divided by
    sqrt(d), those of 1.4.3 (names ending in H) the query itself.
    """

    scaled_positions = True

    def _attend(self, q, k, v, queries, keys, training):
        """q [G,n,Y*X,d], k and v [G,n,P*Q,..] -> [G,n,Y*X,dv]; queries = (Y,X), keys = (P,Q)."""
        logits, d = ops.matmul(q, _swapped(k)) / math.sqrt(q.shape[-1]), q.shape[-1]
        seen = q / math.sqrt(d) if self.scaled_positions else q
        seen = ops.reshape(seen, (-1, q.shape[1], *queries, d))
        rows = ops.einsum("gnyxi,iyp->gnyxp", seen, self._table(self.r_height, queries[0], keys[0]))
        columns = ops.einsum("gnyxi,ixq->gnyxq", seen, self._table(self.r_width, queries[1], keys[1]))
        positions = rows[..., :, None] + columns[..., None, :]
        logits = logits + ops.reshape(positions, (-1, *logits.shape[1:]))
        return ops.matmul(_dropped(self._drop_scores, ops.softmax(logits), training), v)

    def _table(self, table, queries, keys):
        """[d,length] -> [d,queries,keys]: each query's own view of it."""
        place, own = np.meshgrid(np.arange(keys), np.arange(queries))
        return ops.take(table, place - own + keys - 1 if self._is_relative() else place, axis=1)

    def _is_relative(self):
        return getattr(self, "position", "relative") == "relative"

    def _tables(self, names, d, keys):
        for name, n in zip(names, keys):
            start = keras.initializers.RandomNormal(stddev=d ** -0.5)
            self._weight(name, (d, 2 * n - 1 if self._is_relative() else n), start)

    def _make_out(self, width, out):
        """The output's matrix (width,out), its bias, and the dropout of the scores."""
        self._drop_scores = _drop(self.dropout)
        if self.out_weight:
            self._matrix("output", (width, out))

    def _project(self, y, training):
        return self._dense("output", y, training) if self.out_weight else self._biased("output", y)


@_register
class MultiHeadAttention2D(_Heads):
    """Self-attention over the whole map, n heads of width d = key_dim or C/n (arXiv 2101.11605, BoTNet).

        Q, K, V = x Wq, x Wk, x Wv [N,n*d]     f(x) = concat over heads(A V) Wo + bo
    """

    settings = {**PlacedLayer.placed, "heads": 4, "key_dim": 0, "out": 0, "position": "relative", "out_weight": True,
                "out_bias": False, "dropout": 0.0}

    def make_own(self, h, w, c):
        d = self.key_dim or self._heads(c)
        e, out = self.heads * d, self._width(c)
        for part in ("query", "key", "value"):
            self._matrix(part, (c, e))
        self._make_out(e, out)
        if self.out_bias:
            self._weight("output_bias", (out,), "zeros")
        self._tables(("r_width", "r_height"), d, (w, h))

    def f(self, x, training):
        q, k, v = (_split(_tokens(self._dense(part, x, training)), self.heads) for part in ("query", "key", "value"))
        size = tuple(x.shape[1:3])
        return self._project(_on_map(_join(self._attend(q, k, v, size, size, training)), x), training)

    def _width(self, c):
        return self.out or c if self.out_weight else self.heads * (self.key_dim or self._heads(c))

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self._width(input_shape[-1]))


@_register
class MultiHeadAttentionH2D(_Heads):
    """The same from one product: Q | K | V = split(x Wqkv), values of width C/n, positions of the unscaled query."""

    settings = MultiHeadAttention2D.settings
    scaled_positions = False

    def make_own(self, h, w, c):
        d, out = self.key_dim or self._heads(c), self._width(c)
        self._matrix("qkv", (1, 1, c, 2 * self.heads * d + out))
        self._tables(("r_height", "r_width"), d, (h, w))
        self._make_out(out, out)
        if self.out_weight and self.out_bias:
            self._weight("output_bias", (out,), "zeros")
        self.inner = self.heads * d

    def f(self, x, training):
        qkv, e, size = _tokens(self._dense("qkv", x, training)), self.inner, tuple(x.shape[1:3])
        q, k, v = (_split(part, self.heads) for part in (qkv[..., :e], qkv[..., e:2 * e], qkv[..., 2 * e:]))
        return self._project(_on_map(_join(self._attend(q, k, v, size, size, training)), x), training)

    def _width(self, c):
        return self.out or c if self.out_weight else c

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self._width(input_shape[-1]))


class _Halo(_Heads):
    """Attention in blocks of b x b pixels that see h pixels over their edges (arXiv 2103.12731, HaloNet).

    Blocks become samples: queries [b,b], keys and values the window [P,P] around them, P = b + 2h. Pixels outside the
    map have K = V = 0 and take part in the softmax with their position alone. `strides` s leaves every s-th query.
    """

    def f(self, x, training):
        s = self.strides
        q = self._dense("query", x[:, ::s, ::s], training)
        y = self._blocks(q, self._dense("key_value", x, training), self.d, training)
        return self._project(y, training)

    def _blocks(self, q, kv, d, training):
        """q [B,H/s,W/s,n*d], kv [B,H,W,n*(d+dv)], of each head key before value -> [B,H/s,W/s,n*dv]."""
        n, b, window = self.heads, self.block // self.strides, self.block + 2 * self.halo
        rows, columns = q.shape[1] // b, q.shape[2] // b
        q = ops.transpose(ops.reshape(q, (-1, rows, b, columns, b, n, d)), (0, 1, 3, 5, 2, 4, 6))
        q = ops.reshape(q, (-1, n, b * b, d))
        kv = _windows(kv, window, self.block, self.halo, (rows, columns))
        kv = _split(ops.reshape(kv, (-1, window * window, kv.shape[-1])), n)
        y = self._attend(q, kv[..., :d], kv[..., d:], (b, b), (window, window), training)
        y = ops.reshape(y, (-1, rows, columns, n, b, b, y.shape[-1]))
        y = ops.transpose(y, (0, 1, 4, 2, 5, 3, 6))
        return ops.reshape(y, (-1, rows * b, columns * b, n * y.shape[-1]))

    def _check(self, h, w):
        if h % self.block or w % self.block or self.block % self.strides:
            raise ValueError(f"{self.name}: map {h}x{w}: blocks of {self.block} with strides {self.strides} do not "
                             "tile it")

    def compute_output_shape(self, input_shape):
        b, h, w, c = input_shape
        return (b, h // self.strides, w // self.strides, self.out or c)


@_register
class HaloAttention2D(_Halo):
    """f(x) = concat over heads(A V) Wo + bo within blocks; Q = x Wq, K and V = x Wkv, d = key_dim or C/n."""

    settings = {**PlacedLayer.placed, "heads": 4, "key_dim": 0, "block": 2, "halo": 1, "out": 0, "strides": 1,
                "out_weight": True, "out_bias": False, "dropout": 0.0}

    def make_own(self, h, w, c):
        self._check(h, w)
        self.d = self.key_dim or self._heads(c)
        e, out, table = self.heads * self.d, self.out or c, self.block + 2 * self.halo
        self._matrix("query", (c, e))
        self._matrix("key_value", (c, 2 * e))
        self._make_out(e, out)
        if self.out_bias:
            self._weight("output_bias", (out,), "zeros")
        self._tables(("r_width", "r_height"), self.d, (table, table))

@_register
class HaloAttentionH2D(_Halo):
    """The same with values of width C/n and positions of the unscaled query. key_dim: 0 is C/n, up to 1 a share of C
    in multiples of 8, divided by n, else the width."""

    settings = {**HaloAttention2D.settings, "heads": 8, "key_dim": 0.0, "block": 4}
    scaled_positions = False

    def make_own(self, h, w, c):
        self._check(h, w)
        out, table = self.out or c, self.block + 2 * self.halo
        self.d = self._key_width(c)
        e = self.heads * self.d
        self._matrix("query", (1, 1, c, e))
        self._matrix("key_value", (1, 1, c, e + out))
        self._tables(("r_height", "r_width"), self.d, (table, table))
        self._make_out(out, out)
        if self.out_weight and self.out_bias:
            self._weight("output_bias", (out,), "zeros")

    def _key_width(self, c):
        if self.key_dim > 1:
            return int(self.key_dim)
        if self.key_dim > 0:
            return _make_divisible(c * self.key_dim, 8) // self.heads
        return self._heads(c)


def _make_divisible(v, divisor, limit=0.9):
    """v to the nearest multiple, at least one, and up where less than limit * v is left."""
    near = max(int(v + divisor / 2) // divisor * divisor, divisor)
    return near + divisor if near < limit * v else near


# ---- windows --------------------------------------------------------------------------------------------------------

def _windows(x, k, s, before, cells):
    """The k x k pixels of each cell: [B,H,W,C] -> [B,hh,ww,k*k,C]. Cell (i,j) begins at (i*s - before, j*s - before);
    zeros outside the map."""
    after = [max((n - 1) * s + k - before - size, 0) for n, size in zip(cells, x.shape[1:3])]
    x = ops.pad(x, ((0, 0), (before, after[0]), (before, after[1]), (0, 0)))
    reach = [(n - 1) * s + 1 for n in cells]
    return ops.stack([x[:, i:i + reach[0]:s, j:j + reach[1]:s] for i in range(k) for j in range(k)], axis=3)


def _fold(z, k, s, before, size):
    """The adjoint: [B,hh,ww,k*k,C] added up where the pixels came from, [B,H,W,C]."""
    hh, ww, _, c = z.shape[1:]
    y = 0
    for t in range(k * k):
        spread = ops.pad(ops.reshape(z[:, :, :, t], (-1, hh, 1, ww, 1, c)),
                         ((0, 0), (0, 0), (0, s - 1), (0, 0), (0, s - 1), (0, 0)))
        i, j = divmod(t, k)
        y = y + ops.pad(ops.reshape(spread, (-1, hh * s, ww * s, c)), ((0, 0), (i, k - i), (j, k - j), (0, 0)))
    return y[:, before:before + size[0], before:before + size[1]]


class _Outlook(PlacedLayer):
    """A pixel's own features say how its neighbourhood is mixed (arXiv 2106.13112, VOLO).

        v = x Wv     a = softmax((mean of cell(x) Wa + ba) / sqrt(d)), k^2 x k^2 for each head and cell
        f(x) = fold(a windows(v)) Wo + bo          windows of k x k every s pixels, added, not averaged
    """

    def make_own(self, h, w, c):
        out, k2 = self.out or c, self.kernel ** 2
        self._heads(out)
        self._matrix("v", (c, out))
        self._matrix("attn", (c, k2 * k2 * self.heads), bias="zeros")
        if self.fold_kernel:
            self._state("fold", (self.kernel, self.kernel, 1, k2), _one_hot)
        self._matrix("out", (out, out), bias="zeros")
        self._drop_scores = _drop(self.dropout)

    def _mix(self, x, means, s, before, training):
        n, k, k2 = self.heads, self.kernel, self.kernel ** 2
        hh, ww = means.shape[1:3]
        d = (self.out or x.shape[-1]) // n
        a = ops.reshape(self._dense("attn", means, training) / math.sqrt(d), (-1, n, k2, k2))      # cells as samples
        a = _dropped(self._drop_scores, ops.softmax(a), training)
        v = _windows(self._dense("v", x, training), k, s, before, (hh, ww))
        z = _join(ops.matmul(a, _split(ops.reshape(v, (-1, k2, n * d)), n)))
        z = ops.reshape(z, (-1, hh, ww, k2, n * d))
        if self.fold_kernel:                          # ones where tap and channel agree: as published, no change
            z = ops.einsum("bijtc,ut->bijuc", z, ops.reshape(self.fold, (k2, k2)))
        return self._dense("out", _fold(z, k, s, before, x.shape[1:3]), training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.out or input_shape[-1])


def _one_hot(shape, dtype=None):
    return ops.cast(np.eye(shape[-1]).reshape(shape), dtype or "float32")


@_register
class OutlookAttention2D(_Outlook):
    """Windows that overlap: centred on their pixel, or with padding=False beginning at it; the mean of a cell is that
    of its real pixels."""

    settings = {**PlacedLayer.placed, "heads": 4, "out": 0, "kernel": 3, "strides": 2, "padding": True,
                "refuse_gaps": False, "output_dropout": 0.0, "dropout": 0.0, "fold_kernel": False}

    def make_own(self, h, w, c):
        if self.refuse_gaps and self.kernel < self.strides:
            raise ValueError(f"{self.name}: kernel {self.kernel} is smaller than stride {self.strides}: pixels "
                             "would be lost")
        super().make_own(h, w, c)
        self._drop_output = _drop(self.output_dropout)

    def f(self, x, training):
        before = self.kernel // 2 if self.padding else 0
        y = self._mix(x, _cell_means(x, self.strides), self.strides, before, training)
        return _dropped(self._drop_output, y, training)


@_register
class OutlookAttentionSimple2D(_Outlook):
    """Windows side by side: the map is filled up with zeros to whole windows, which the means count."""

    settings = {**PlacedLayer.placed, "heads": 4, "out": 0, "kernel": 3, "dropout": 0.0, "fold_kernel": False}

    def f(self, x, training):
        k, (h, w) = self.kernel, x.shape[1:3]
        means = ops.mean(_windows(x, k, k, 0, (-(-h // k), -(-w // k))), axis=3)
        return self._mix(x, means, k, 0, training)


# ---- convolutions as attention --------------------------------------------------------------------------------------

@_register
class FactorisedAttention2D(PlacedLayer):
    """CoaT's factorised attention (arXiv 2104.06399, eq. 2 and 6), n heads of width d = C/n:

        Q | K | V = x Wqkv     f(x) = concat over heads(Q (softmax over N(K)' V) / sqrt(d) + Q * depthwise(V)) Wo + bo

    kernel 0: heads in blocks of 2, 3 and 3 with depthwise kernels of 3, 5 and 7; else one kernel for all.
    """

    settings = {**PlacedLayer.placed, "heads": 8, "kernel": 0}

    def blocks(self):
        return [(self.heads, self.kernel)] if self.kernel else [(2, 3), (3, 5), (3, 7)]

    def make_own(self, h, w, c):
        d = self._heads(c)
        if sum(n for n, _ in self.blocks()) != self.heads:
            raise ValueError(f"{self.name}: heads={self.heads}: kernel=0 needs 8; with another number give kernel")
        self._matrix("qkv", (c, 3 * c))
        for i, (n, k) in enumerate(self.blocks(), 1):
            self._depthwise(f"position_{i}", k, n * d)
        self._matrix("out", (c, c), bias="zeros")

    def _depthwise(self, part, k, channels):
        self._weight(f"{part}_kernel", (k, k, channels, 1), "glorot_uniform")
        self._weight(f"{part}_bias", (channels,), "zeros")
        if self.spectral_norm:
            self._state(f"{part}_u", (channels,), _direction)

    def positions(self, q, v, size, training=None):
        """Q * depthwise(V): heads [B,n,N,d] -> same; size = (H,W)."""
        image = ops.reshape(_join(v), (-1, *size, v.shape[1] * v.shape[3]))
        parts, lo = [], 0
        for i, (n, _) in enumerate(self.blocks(), 1):
            hi = lo + n * v.shape[3]
            kernel = self._used(f"position_{i}", training, lambda w: ops.reshape(w, (-1, w.shape[2])))
            parts.append(self._biased(f"position_{i}", _depthwise(image[..., lo:hi], kernel)))
            lo = hi
        return q * _split(_tokens(ops.concatenate(parts, axis=-1)), v.shape[1])

    def f(self, x, training):
        qkv, c, n = _tokens(self._dense("qkv", x, training)), x.shape[-1], self.heads
        q, k, v = (_split(qkv[..., i * c:(i + 1) * c], n) for i in range(3))
        mixed = ops.matmul(_swapped(ops.softmax(k, axis=2)), v)            # [B,n,d,d]
        y = ops.matmul(q, mixed) / math.sqrt(c // n) + self.positions(q, v, tuple(x.shape[1:3]), training)
        return self._dense("out", _on_map(_join(y), x), training)


@_register
class ContextualTransformer2D(PlacedLayer):
    """CoTNet's attention (arXiv 2107.12292), F channels, k x k taps t, G = F/8:

        key = act(bn(conv_k(x)))                                   4 groups: the static context
        w   = gn(conv1(act(bn(conv1([x, key])))))                  k^2 local weights for each of G groups
        e   = swish(bn(sum over t of bn(conv1(x))[tap t, c] w[c mod G, t]))        the dynamic context
        f(x) = e a_0 + key a_1,  a = softmax of the two from the mean of e + key over the map, for each channel
    """

    settings = {**PlacedLayer.placed, "kernel": 3, "activation": "relu", "strides": 1, "torch_init": False}

    def make_own(self, h, w, c):
        k, act, squeeze = self.kernel, self.activation, max(c // 2, 32)
        local = k * k * c // 8
        if c % 8 or k % 2 == 0 or self.strides != 1:
            raise ValueError(f"{self.name}: {c} channels, kernel={k}, strides={self.strides}: a multiple of 8, an odd "
                             "kernel and strides=1 are needed")
        self._normed("key", (k, k, c // 4, c), act)
        self._normed("ww1", (1, 1, 2 * c, c // 2), act)
        self._matrix("ww2", (1, 1, c // 2, local), _he_or_torch(self.torch_init), bias="zeros")
        self._scales("group", local)
        self._normed("val", (1, 1, c, c), "linear")
        self._norm("e", c)
        self._normed("se1", (1, 1, c, squeeze), act, bias="zeros")
        self._matrix("se2", (1, 1, squeeze, 2 * c), _he_or_torch(self.torch_init), bias="zeros")

    def _normed(self, part, shape, act, bias=None):
        self._matrix(part, shape, _he_or_torch(self.torch_init), bias=bias)
        self._norm(part, shape[-1])
        self._act(part, act, shape[-1])

    def _act_norm(self, part, y, act, training):
        return self._activate(part, act, self._normalise(part, y, training))

    def f(self, x, training):
        act, k, c = self.activation, self.kernel, x.shape[-1]
        h, w = x.shape[1:3]
        key = self._act_norm("key", self._convolve("key", x, training, groups=4), act, training)
        ww = self._dense("ww1", ops.concatenate([x, key], axis=-1), training)
        ww = self._dense("ww2", self._act_norm("ww1", ww, act, training), training)
        ww = ops.reshape(self._group_norm("group", ww, c // 8), (-1, h, w, c // 8, k * k))
        val = self._act_norm("val", self._dense("val", x, training), "linear", training)
        taps = ops.reshape(_windows(val, k, 1, k // 2, (h, w)), (-1, h, w, k * k, 8, c // 8))
        e = ops.reshape(ops.einsum("bhwtrg,bhwgt->bhwrg", taps, ww), (-1, h, w, c))
        e = self._activate("e", "swish", self._normalise("e", e, training))
        s = ops.mean(e + key, axis=(1, 2), keepdims=True)
        s = self._act_norm("se1", self._dense("se1", s, training), act, training)
        a = ops.softmax(ops.reshape(self._dense("se2", s, training), (-1, 1, 1, c, 2)))
        return e * a[..., 0] + key * a[..., 1]


@_register
class SplitAttention2D(PlacedLayer):
    """Groups of channels that compete for each feature (arXiv 2004.08955, ResNeSt), g groups of C features:

        L = act(bn(concat over j of conv_k(x_j)))         x_j the j-th block of C/g channels
        a = rsoftmax(conv3(act(bn(conv2(mean over the map of sum_j L_j)))))        over the groups; sigmoid for one
        f(x) = sum over j of a_j L_j
    """

    settings = {**PlacedLayer.placed, "kernel": 3, "groups": 2, "activation": "relu", "strides": 1,
                "torch_init": False, "filters": 0}

    def make_own(self, h, w, c):
        k, g, act, inner = self.kernel, self.groups, self.activation, max(c * self.groups // 4, 32)
        filters = self.filters or c
        if c % g or self.strides != 1:
            raise ValueError(f"{self.name}: {c} channels, groups={g}, strides={self.strides}: groups must divide the "
                             "channels, and strides be 1")
        for j in range(g):
            self._matrix(f"split_{j + 1}", (k, k, c // g, filters), _he_or_torch(self.torch_init))
        self._norm("norm1", g * filters)
        self._act("norm1", act, g * filters)
        self._matrix("conv2", (1, 1, filters, inner), bias="zeros")
        self._norm("norm2", inner)
        self._act("norm2", act, inner)
        self._matrix("conv3", (1, 1, inner, g * filters), bias="zeros")

    def f(self, x, training):
        g, act, (h, w, channels) = self.groups, self.activation, x.shape[1:]
        c, each = self.filters or channels, channels // g
        parts = [self._convolve(f"split_{j + 1}", x[..., j * each:(j + 1) * each], training) for j in range(g)]
        y = self._normalise("norm1", ops.concatenate(parts, axis=-1), training)
        y = ops.reshape(self._activate("norm1", act, y), (-1, h, w, g, c))
        s = ops.sum(ops.mean(y, axis=(1, 2), keepdims=True), axis=3)
        s = self._normalise("norm2", self._dense("conv2", s, training), training)
        a = self._dense("conv3", self._activate("norm2", act, s), training)
        a = ops.softmax(ops.reshape(a, (-1, 1, 1, g, c)), axis=3) if g > 1 else ops.sigmoid(a)[..., None, :]
        return ops.sum(y * a, axis=3)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters or input_shape[-1])


def _he_or_torch(torch):
    """Truncated normal of variance 2 / fan out (arXiv 1502.01852), or PyTorch's U(-b,b), b = 1/sqrt(fan in)."""
    if torch:
        return keras.initializers.VarianceScaling(1 / 3, "fan_in", "uniform")
    return keras.initializers.VarianceScaling(2.0, "fan_out", "truncated_normal")


# ---- perceptrons and tables -----------------------------------------------------------------------------------------

@_register
class Mixer2D(PlacedLayer):
    """A perceptron over positions, one over channels (arXiv 2105.01601), ' exchanging the two:

        t = x + mlp(LN(x)')'     f(x) = t + mlp(LN(t))     mlp(x) = act(x W0 + b0) W1 + b1

    Hidden widths tokens and channels; 0 stands for max(N/2, 1) and 4 C. drop_rate silences a sample's branch.
    """

    settings = {**PlacedLayer.placed, "tokens": 0, "channels": 0, "activation": "gelu", "drop_rate": 0.0, "bias": True}

    def make_own(self, h, w, c):
        n = h * w
        for part, width, hidden, channels in (("t", n, self.tokens or max(n // 2, 1), c),
                                              ("c", c, self.channels or 4 * c, c)):
            bias = self.bias and "zeros"
            self._scales(f"{part}_norm", channels)
            self._matrix(f"{part}0", (width, hidden), bias=bias)
            self._act(f"{part}0", self.activation, hidden)
            self._matrix(f"{part}1", (hidden, width), bias=bias)
        self._drop_tokens, self._drop_channels = (_drop(self.drop_rate, (None, 1, 1)) for _ in range(2))

    def _perceptron(self, part, x, training):
        y = self._activate(f"{part}0", self.activation, self._dense(f"{part}0", x, training))
        return self._dense(f"{part}1", y, training)

    def f(self, x, training):
        t = _tokens(x)
        y = _swapped(self._perceptron("t", _swapped(self._layer_norm("t_norm", t)), training))
        t = t + _dropped(self._drop_tokens, y, training)
        y = self._perceptron("c", self._layer_norm("c_norm", t), training)
        return _on_map(t + _dropped(self._drop_channels, y, training), x)


@_register
class SpatialGating2D(PlacedLayer):
    """gMLP's block (arXiv 2105.08050): u | v = gelu(x Wi + bi), f(x) = (u * (K' LN(v) + b)) Wo + bo.

    K [N,N] mixes positions; hidden, 0 for 2 C, is the width before the gate, which halves it.
    """

    settings = {**PlacedLayer.placed, "hidden": 0}

    def make_own(self, h, w, c):
        hidden, n = self.hidden or 2 * c, h * w
        if hidden % 2:
            raise ValueError(f"{self.name}: hidden={hidden}: the gate halves it")
        self._matrix("in", (c, hidden), bias="zeros")
        self._scales("norm", hidden // 2)
        self._matrix("gate", (n, n), keras.initializers.TruncatedNormal(stddev=1e-6), bias="ones")
        self._matrix("out", (hidden // 2, c), bias="zeros")

    def gated(self, x, training=None):
        """u * (K' LN(v) + b): tokens [B,N,2D] -> [B,N,D]."""
        half = x.shape[-1] // 2
        v = self._layer_norm("norm", x[..., half:])
        return x[..., :half] * _swapped(self._dense("gate", _swapped(v), training))

    def f(self, x, training):
        y = self.gated(_gelu(self._dense("in", _tokens(x), training)), training)
        return _on_map(self._dense("out", y, training), x)


@_register
class PositionalEmbedding2D(PlacedLayer):
    """f(x) = x + p, a learned number for each place and channel (arXiv 2106.13112)."""

    settings = PlacedLayer.placed

    def make_own(self, h, w, c):
        self._weight("table", (1, h, w, c), keras.initializers.TruncatedNormal(stddev=0.2))

    def f(self, x, training):
        return x + self.table


@_register
class EvoNorm2D(PlacedLayer):
    """Normalisation and nonlinearity as one formula (arXiv 2004.02967), variances biased:

        B0, no groups:  x / max(sqrt(var of batch + eps), v x + sqrt(var of the sample's map + eps)) gamma + beta
        S0:             x sigmoid(v x) / sqrt(var of map and group + eps) gamma + beta

    Groups are C / group_size, lowered until they divide C. Training moves the variance of the batch that inference
    uses; `momentum` is the share it keeps.
    """

    settings = {**PlacedLayer.placed, "activation": "relu", "zero_gamma": False, "act_first": False, "evo_norm": True,
                "group_size": 0, "epsilon": 1e-5, "momentum": 0.9}

    def make_own(self, h, w, c):
        each, most = (1, 1, 1, c), c // self.group_size if self.group_size else 0
        self.groups = next((n for n in range(most, 0, -1) if c % n == 0), 0)
        self._weight("norm_gamma", each, "zeros" if self.zero_gamma else "ones")
        self._weight("norm_beta", each, "zeros")
        self._weight("norm_v", each, "ones")
        if self.groups == 0:
            self._state("moving_variance", each, "ones")

    def _deviation(self, var):
        return ops.sqrt(var + self.epsilon)

    def _over_groups(self, y, x):
        h, w, c = x.shape[1:]
        grouped = (-1, h, w, self.groups, c // self.groups)
        _, var = _moments(ops.reshape(x, grouped), (1, 2, 4))
        return ops.reshape(ops.reshape(y, grouped) / self._deviation(var), (-1, h, w, c))

    def _batch_variance(self, x, training):
        if not self._trains(training):
            return self.moving_variance
        _, var = _moments(x, (0, 1, 2))
        self.moving_variance.assign(self.momentum * self.moving_variance + (1 - self.momentum) * var)
        return var

    def f(self, x, training):
        slope = self.norm_v * x
        if self.groups:
            y = self._over_groups(x * ops.sigmoid(slope), x)
        else:
            of_sample = self._deviation(_moments(x, (1, 2))[1])
            y = x / ops.maximum(self._deviation(self._batch_variance(x, training)), slope + of_sample)
        return self._scaled("norm", y)
