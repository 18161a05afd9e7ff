"""Writes classes/: a small model for every class and variant of one that import knows, and what Keras predicts for it.

    python make_classes.py [ROW ..]

Needs keras, tensorflow-cpu and h5py. Keras 3 writes NAME.keras (compressed anew: a reader does not mind) of all rows;
Keras 2.15, whose JSON is another, NAME.keras2.h5 of the rows marked with it. Of some also NAME.keras3.h5. Inputs and predictions of all files go to
classes.expected.h5 as "FILE|input", "FILE|output". Rows given by name are written alone and replaced there.

A row is a function of inputs; weights are random numbers, so that a wrong order of two of them cannot be overlooked.
"""
import io
import os
import pathlib
import sys
import zipfile
import zlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "gan" / "keras"))

import h5py                                                                # noqa: E402
import keras                                                               # noqa: E402
import numpy as np                                                         # noqa: E402

KERAS3 = keras.__version__.startswith("3")
L = keras.layers
SAMPLES = 2
MAP, ROW = (4, 5, 4), (6,)

if KERAS3:
    import sagan_layers as S                                               # noqa: E402
    F = keras.ops
else:
    import tensorflow as tf                                                # noqa: E402
    S = None

    class F:
        """The functions of keras.ops as users of Keras 2 write them."""
        tanh, sigmoid, relu, exp, log = tf.tanh, tf.sigmoid, tf.nn.relu, tf.exp, tf.math.log
        square, sqrt, rsqrt, abs, divide = tf.square, tf.sqrt, tf.math.rsqrt, tf.abs, tf.math.divide
        clip, maximum, minimum, concatenate, reshape = tf.clip_by_value, tf.maximum, tf.minimum, tf.concat, tf.reshape
        mean = tf.reduce_mean


def of(*shapes, both=False, labels=(), label_type="int32"):
    """A row: a function of as many inputs as there are shapes. labels: {input: classes}. both: Keras 2.15, too."""
    def mark(f):
        f.shapes, f.both, f.labels, f.label_type = shapes, both, dict(labels), label_type
        return f
    return mark


def one(layer, shape=MAP, both=False):
    """A row of one layer of one input; the layer is made when its turn comes."""
    return of(shape, both=both)(lambda x: layer()(x))


ROWS = {
    # products
    "dense": one(lambda: L.Dense(3, activation="relu"), ROW, both=True),
    "dense-map-no-bias": one(lambda: L.Dense(3, use_bias=False)),
    "embedding": of((3,), labels={0: 7}, both=True)(lambda y: L.Embedding(7, 4)(y)),
    "conv-same-stride": one(lambda: L.Conv2D(3, 4, strides=(2, 3), padding="same")),
    "conv-valid": one(lambda: L.Conv2D(3, (3, 2), strides=2, activation="tanh")),
    "conv-groups": one(lambda: L.Conv2D(6, 3, groups=2, padding="same", use_bias=False)),
    "convt-same": one(lambda: L.Conv2DTranspose(3, 4, strides=2, padding="same")),
    "convt-same-odd": one(lambda: L.Conv2DTranspose(3, 3, strides=(2, 1), padding="same", use_bias=False)),
    "convt-valid": one(lambda: L.Conv2DTranspose(3, (5, 3), strides=(2, 3))),
    "convt-gaps": one(lambda: L.Conv2DTranspose(3, 2, strides=3, activation="relu")),
    "convt-same-gaps": one(lambda: L.Conv2DTranspose(3, 2, strides=3, padding="same")),
    "depthwise": one(lambda: L.DepthwiseConv2D(3, padding="same")),
    "depthwise-multiplier": one(lambda: L.DepthwiseConv2D((3, 2), depth_multiplier=3, strides=2, activation="relu"),
                                both=True),
    "depthwise-no-bias": one(lambda: L.DepthwiseConv2D(4, strides=2, padding="same", use_bias=False)),
    "separable": one(lambda: L.SeparableConv2D(5, 3, padding="same")),
    "separable-multiplier": one(lambda: L.SeparableConv2D(5, (2, 3), strides=2, depth_multiplier=2, use_bias=False,
                                                          activation="tanh"), both=True),
    "spectral-dense": one(lambda: L.SpectralNormalization(L.Dense(3)), ROW, both=True),
    "spectral-conv": one(lambda: L.SpectralNormalization(L.Conv2D(3, 3, padding="same")), both=True),
    # Keras 3 casts what is inside to the type of the input: of whole numbers nothing would be left.
    "spectral-embedding": of((3,), labels={0: 7}, label_type="float32")(
        lambda y: L.SpectralNormalization(L.Embedding(7, 4))(y)),
    # windows
    "average-pool-same": one(lambda: L.AveragePooling2D(3, strides=2, padding="same"), both=True),
    "average-pool": one(lambda: L.AveragePooling2D((2, 3))),
    "average-pool-overlap": one(lambda: L.AveragePooling2D(3, strides=1)),
    "max-pool-same": one(lambda: L.MaxPooling2D(3, strides=2, padding="same")),
    "max-pool": one(lambda: L.MaxPooling2D((2, 3), strides=(1, 2))),
    "global-average": one(lambda: L.GlobalAveragePooling2D()),
    "global-average-keep": one(lambda: L.GlobalAveragePooling2D(keepdims=True)),
    "global-max": one(lambda: L.GlobalMaxPooling2D()),
    "global-max-keep": one(lambda: L.GlobalMaxPooling2D(keepdims=True), both=True),
    "up-nearest": one(lambda: L.UpSampling2D((2, 3))),
    "up-bilinear": one(lambda: L.UpSampling2D((3, 2), interpolation="bilinear"), both=True),
    "resizing-bilinear": one(lambda: L.Resizing(9, 3), both=True),
    "resizing-nearest": one(lambda: L.Resizing(3, 8, interpolation="nearest")),
    "resizing-twice": one(lambda: L.Resizing(8, 10, interpolation="nearest")),
    # attention
    "attention": of((5, 4), (7, 4), both=True)(lambda q, v: L.Attention()([q, v])),
    "attention-scale": of((5, 4), (7, 3), (7, 4))(lambda q, v, k: L.Attention(use_scale=True)([q, v, k])),
    "attention-concat": of((5, 4), (7, 4))(lambda q, v: L.Attention(use_scale=True, score_mode="concat")([q, v])),
    "additive-attention": of((5, 4), (7, 4), both=True)(lambda q, v: L.AdditiveAttention()([q, v])),
    "multi-head-self": of((5, 4), both=True)(lambda x: L.MultiHeadAttention(2, 3)(x, x)),
    "multi-head-two": of((5, 4), (7, 6))(
        lambda q, v: L.MultiHeadAttention(2, 3, value_dim=5, use_bias=False, output_shape=7)(q, v)),
    "multi-head-key": of((5, 4), (7, 6), (7, 4), both=True)(
        lambda q, v, k: L.MultiHeadAttention(2, 3)(q, key=k, value=v)),
    # norms
    "batch-norm": one(lambda: L.BatchNormalization(epsilon=0.02), both=True),
    "batch-norm-no-scale": one(lambda: L.BatchNormalization(scale=False)),
    "batch-norm-no-center": one(lambda: L.BatchNormalization(center=False)),
    "batch-norm-row": one(lambda: L.BatchNormalization(center=False, scale=False), ROW),
    "layer-norm": one(lambda: L.LayerNormalization(epsilon=0.05), both=True),
    "layer-norm-no-scale": one(lambda: L.LayerNormalization(scale=False)),
    "layer-norm-row": one(lambda: L.LayerNormalization(center=False), ROW, both=True),
    "group-norm": one(lambda: L.GroupNormalization(2, epsilon=0.05), both=True),
    "group-norm-all": one(lambda: L.GroupNormalization(1, scale=False)),
    "group-norm-each": one(lambda: L.GroupNormalization(-1, center=False)),
    "group-norm-row": one(lambda: L.GroupNormalization(3), ROW),
    # activations
    "relu": one(lambda: L.ReLU()),
    "relu-slope": one(lambda: L.ReLU(negative_slope=0.2)),
    "relu-most": one(lambda: L.ReLU(max_value=0.5, negative_slope=0.25), both=True),
    "leaky-relu": one(lambda: L.LeakyReLU(0.4), both=True),
    "leaky-relu-default": one(lambda: L.LeakyReLU()),
    "elu": one(lambda: L.ELU()),
    "elu-alpha": one(lambda: L.ELU(alpha=0.3), both=True),
    "prelu": one(lambda: L.PReLU()),
    "prelu-shared": one(lambda: L.PReLU(shared_axes=[1, 2]), both=True),
    "prelu-shared-one": one(lambda: L.PReLU(shared_axes=[2])),
    "softmax": one(lambda: L.Softmax(), both=True),
    "softmax-axis": one(lambda: L.Softmax(axis=1)),
    # shapes
    "reshape": one(lambda: L.Reshape((8, -1))),
    "flatten": one(lambda: L.Flatten()),
    "permute": one(lambda: L.Permute((3, 1, 2)), both=True),
    "permute-swap": one(lambda: L.Permute((2, 1)), (4, 5)),
    "repeat": one(lambda: L.RepeatVector(3), ROW, both=True),
    "zero-padding": one(lambda: L.ZeroPadding2D(((1, 2), (3, 0))), both=True),
    "zero-padding-two": one(lambda: L.ZeroPadding2D((1, 2))),
    "zero-padding-one": one(lambda: L.ZeroPadding2D(2)),
    "cropping": one(lambda: L.Cropping2D(((1, 2), (0, 3))), both=True),
    "cropping-two": one(lambda: L.Cropping2D((1, 2))),
    "cropping-one": one(lambda: L.Cropping2D(1)),
    "rescaling": one(lambda: L.Rescaling(0.5, offset=-3.0)),
    "rescaling-scale": one(lambda: L.Rescaling(2.0)),
    # what does nothing when a network predicts
    "dropout": one(lambda: L.Dropout(0.5)),
    "spatial-dropout": one(lambda: L.SpatialDropout2D(0.5)),
    "alpha-dropout": one(lambda: L.AlphaDropout(0.5)),
    "gaussian-dropout": one(lambda: L.GaussianDropout(0.5)),
    "gaussian-noise": one(lambda: L.GaussianNoise(0.5)),
    "activity": one(lambda: L.ActivityRegularization(0.1)),
    "identity": one(lambda: L.Identity()),
    # several inputs
    "add": of(MAP, MAP, (1, 1, 4), both=True)(lambda a, b, c: L.Add()([a, b, c])),
    "add-ranks": of(MAP, (4,))(lambda a, b: L.Add()([a, b])),
    "subtract": of(MAP, MAP)(lambda a, b: L.Subtract()([a, b])),
    "subtract-broadcast": of((1, 5, 1), MAP)(lambda a, b: L.Subtract()([a, b])),
    "multiply": of(MAP, (4, 1, 1), MAP)(lambda a, b, c: L.Multiply()([a, b, c])),
    "average": of(MAP, MAP, MAP)(lambda a, b, c: L.Average()([a, b, c])),
    "maximum": of(MAP, (1, 1, 4), MAP)(lambda a, b, c: L.Maximum()([a, b, c])),
    "minimum": of(MAP, MAP, MAP)(lambda a, b, c: L.Minimum()([a, b, c])),
    "concatenate": of(MAP, (4, 5, 1))(lambda a, b: L.Concatenate()([a, b])),
    "concatenate-axis": of(MAP, (2, 5, 4), (1, 5, 4))(lambda a, b, c: L.Concatenate(axis=1)([a, b, c])),
    "dot": of(ROW, ROW, both=True)(lambda a, b: L.Dot(axes=1)([a, b])),
    "dot-rows": of((5, 3), (7, 3))(lambda a, b: L.Dot(axes=(2, 2))([a, b])),
    "dot-mixed": of((5, 3), (5, 2))(lambda a, b: L.Dot(axes=1)([a, b])),
    "dot-last-first": of((5, 3), (3, 2))(lambda a, b: L.Dot(axes=(-1, 1))([a, b])),
    "dot-vector": of((5, 3), (3,))(lambda a, b: L.Dot(axes=(2, 1))([a, b])),
    # operators and functions between layers
    "op-range": of(MAP, both=True)(lambda x: (x + 1) / 2),
    "op-constants-first": of(MAP, both=True)(lambda x: 1 - 2 / (x * x + 3)),
    "op-two": of(MAP, MAP, both=True)(lambda a, b: (a - b) * (a + b) / (b * b + 1)),
    "op-powers": of(MAP, both=True)(lambda x: -(abs(x) ** 0.5) + x ** 3 - x ** 2),
    "op-clip": of(MAP, both=True)(lambda x: F.clip(F.tanh(x) * 1.5 + 0.5, 0, 1)),
    "op-functions": of(MAP, both=True)(lambda x: F.sigmoid(x) * F.exp(-F.square(x)) + F.relu(x) / F.sqrt(x * x + 1)),
    "op-logs": of(MAP, both=True)(lambda x: F.log(F.square(x) + 2) * F.rsqrt(F.abs(x) + 1)),
    "op-divide": of(MAP, (4, 5, 1), both=True)(lambda a, b: F.divide(a, b * b + 0.5)),
    "op-extremes": of(MAP, MAP, both=True)(lambda a, b: F.maximum(a, b) - F.minimum(a, 0.25)),
    "op-concatenate": of(MAP, (4, 5, 1), both=True)(lambda a, b: F.concatenate([a, b], axis=-1)),
    "op-reshape": of(MAP, both=True)(lambda x: F.reshape(x, (-1, 20, 4))),
    "op-mean": of(MAP, both=True)(lambda x: F.mean(x, axis=(1, 2))),
    "op-mean-keep": of(MAP)(lambda x: F.mean(x, axis=-1, keepdims=True)),
    # ours: sagan_layers.py
    "own-dense": one(lambda: S.SpectralDense(units=3), ROW),
    "own-conv": one(lambda: S.SpectralConv2D(filters=3, kernel_size=[3, 3], strides=[2, 2], padding="same")),
    "own-conv-no-bias": one(lambda: S.SpectralConv2D(filters=3, kernel_size=[2, 3], padding="valid", use_bias=False)),
    "own-convt": one(lambda: S.SpectralConv2DTranspose(filters=3, kernel_size=[4, 4], strides=[2, 2],
                                                       padding="same")),
    "own-embedding": of((3,), labels={0: 7})(lambda y: S.SpectralEmbedding(input_dim=7, output_dim=4)(y)),
    "own-attention": one(lambda: S.SelfAttention2D(query_channels=2, value_channels=3)),
    "own-attention-bias": one(lambda: S.SelfAttention2D(query_channels=2, value_channels=3, use_bias=True,
                                                        gamma_inside=True, spectral_norm=True)),
    "own-attention-pool": one(lambda: S.SelfAttention2D(query_channels=2, value_channels=4, pool=True, out_proj=False,
                                                        spectral_norm=True), (4, 6, 4)),
    "own-attention-row": one(lambda: S.SelfAttention2D(query_channels=2, value_channels=4, row=True, out_proj=False,
                                                       use_bias=True)),
    "own-scale-shift": of(MAP, (1,), labels={1: 3})(
        lambda x, y: S.ConditionalScaleShift(classes=3, one_plus=True, spectral_norm=True)([x, y])),
    "own-scale-shift-row": of(ROW, (1,), labels={1: 3})(
        lambda x, y: S.ConditionalScaleShift(classes=3, one_plus=False)([x, y])),
    "own-global-sum": one(lambda: S.GlobalSumPooling2D()),
    "own-gain": one(lambda: S.ScalarGain()),
}


def block(name, frozen=()):
    """A model to put into another: layers of equal shapes, so that only the order tells whose weights are whose."""
    i = L.Input((4,))
    inner = keras.Sequential([L.Input((4,)), L.Dense(4, name="p"), L.BatchNormalization(name="q")], name="inner")
    x = L.BatchNormalization(name="b")(L.Dense(4, name="a")(i))
    model = keras.Model(i, L.Dense(4, name="c")(inner(x)), name=name)
    for layer in model.layers + inner.layers:
        if layer.name in frozen:
            layer.trainable = False
    return model


def two_inputs(z, y):
    """The generator of a conditional network inside a network: Keras 3 notes "mask": [null, null]."""
    a, b = L.Input((4,)), L.Input((1,), dtype="int32")
    x = L.Multiply()([a, L.Flatten()(L.Embedding(3, 4)(b))])
    return L.Activation("tanh")(keras.Model([a, b], L.Dense(5)(x), name="gen")([z, y]))


def long_names(x):
    name = "generator_of_" + 9 * "many_scopes_whose_names_were_joined_"
    return L.Dense(4, name=name + "2")(L.Dense(4, name=name + "1")(x))


ROWS.update({
    "nested-two-inputs": of((4,), (1,), labels={1: 3}, both=True)(two_inputs),
    "nested-frozen-parts": of((4,), both=True)(lambda x: block("gen", "bp")(x)),
    "nested-frozen-deep": of((4,), both=True)(lambda x: block("gen", ("a", "inner"))(block("dis", "q")(x))),
    "nested-frozen-whole": of((4,), both=True)(lambda x: block("gen", "abc" "pq")(x)),
    "names-long": of((4,), both=True)(long_names),
    "names-odd": of((4,), both=True)(lambda x: L.Dense(4, name="a_b")(L.Dense(4, name="a b" if KERAS3 else "a/b")(x))),
})
ACTIVATIONS = """linear relu sigmoid tanh softmax swish silu gelu softplus elu selu exponential relu6 leaky_relu softsign
                 mish"""
for name in ACTIVATIONS.split():
    ROWS[f"activation-{name.replace('_', '-')}"] = one(lambda name=name: L.Activation(name))


def random_weights(model, rng):
    """Variances stay positive and the gates open; u of spectral norm stays a unit vector or what it is."""
    for layer in model.layers:
        values = []
        for w in layer.weights:
            name = w.name.split("/")[-1].split(":")[0]
            x = np.asarray(w)
            if "seed" in name:
                values.append(x)
            elif name == "moving_variance":
                values.append(rng.uniform(0.5, 2, x.shape).astype("f4"))
            elif name.endswith("_u") or name == "u":
                v = rng.normal(size=x.shape)
                values.append((v / np.sqrt((v * v).sum())).astype("f4"))
            else:
                values.append(rng.normal(size=x.shape).astype("f4"))
        layer.set_weights(values)


def make(name, f):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    inputs = [L.Input(s, name=f"x{i}", dtype=f.label_type if i in f.labels else "float32")
              for i, s in enumerate(f.shapes)]
    model = keras.Model(inputs, f(*inputs), name="m")
    random_weights(model, rng)
    samples = [rng.integers(0, f.labels[i], (SAMPLES, *s)).astype(f.label_type) if i in f.labels
               else rng.normal(size=(SAMPLES, *s)).astype("f4") for i, s in enumerate(f.shapes)]
    return model, samples, np.asarray(model(samples if len(samples) > 1 else samples[0], training=False))


def squeeze(path):
    """The archive with its members compressed, and without the time at which it was made."""
    with zipfile.ZipFile(path) as z:
        members = {i.filename: z.read(i) for i in z.infolist()}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
        for name, data in members.items():
            z.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED, 9)
    path.write_bytes(out.getvalue())


def files_of(folder, name):
    """What to save: in Keras 3 also .h5 of operators, which there have no module, and of models inside models."""
    if not KERAS3:
        return [folder / f"{name}.keras2.h5"]
    old = name in ("op-range", "op-two", "op-reshape") or name.startswith(("nested-", "names-"))
    return [folder / f"{name}.keras"] + [folder / f"{name}.keras3.h5"] * old


def put(expected, key, x):
    if key in expected:
        del expected[key]
    expected.create_dataset(key, data=x)


def main(wanted):
    folder = HERE / "classes"
    folder.mkdir(exist_ok=True)
    with h5py.File(HERE / "classes.expected.h5", "a", libver="latest") as expected:
        for name, f in ROWS.items():
            if (wanted and name not in wanted) or not (KERAS3 or f.both):
                continue
            model, inputs, output = make(name, f)
            for path in files_of(folder, name):
                model.save(path)
                if path.suffix == ".keras":
                    squeeze(path)
                for key, x in [(f"x{i}", x) for i, x in enumerate(inputs)] + [("y", output)]:
                    put(expected, f"{path.name}|{key}", x)
                print(f"{path.name:32} {path.stat().st_size:6} bytes  {list(output.shape)}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
