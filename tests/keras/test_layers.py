"""Every class of gan/keras/sagan_layers.py against the reference files of tests/golden, in the Keras that runs this.

    python tests/keras/test_layers.py [FILE ..]

A row of TABLE is a file, the class, and how a case's attributes become its settings. Compared are the output, the
gradients of input and weights, what training moves, and the output of the layer after it was saved and loaded again.
Errors are max|c - ref| / max|ref| against the reference in double; a gradient that is zero in exact arithmetic is
measured against the largest gradient of its case. Layers without a file of their own are held against their formula.
"""
import logging
import math
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "gan" / "keras"))

import h5py                                                                # noqa: E402
import numpy as np                                                         # noqa: E402

import sagan_layers as L                                                   # noqa: E402

keras = L.keras
logging.getLogger("absl").setLevel(logging.ERROR)                          # it praises .keras over .h5 at every save
logging.getLogger("tensorflow").setLevel(logging.ERROR)
JAX = hasattr(keras, "ops") and keras.backend.backend() == "jax"
if JAX:
    import jax
else:
    import tensorflow as tf

# The largest error allowed: TensorFlow's own float32 comes to 1e-6, and to 2e-5 behind a batch norm of two samples.
LIMIT, LIMIT_OF_SMALL_BATCH = 1e-5, 1e-4


# ---- running a function of weights and inputs, with gradients ----------------------------------------------------------

def run_jax(f, weights, inputs, cotangent):
    def pure(values, xs):
        with keras.StatelessScope(state_mapping=list(zip(weights, values))) as scope:
            y = f(*xs)
        return y, [v if (v := scope.get_current_value(w)) is not None else w.value for w in weights]

    @jax.jit                                         # one compilation; without it every single operation is compiled
    def everything(values, xs):
        y, back, after = jax.vjp(pure, values, xs, has_aux=True)
        return y, *back(jax.numpy.asarray(cotangent)), after

    y, of_weights, of_inputs, after = everything([w.value for w in weights], list(inputs))
    return np.asarray(y), of_inputs, of_weights, after


def run_tensorflow(f, weights, inputs, cotangent):
    raw = [getattr(w, "value", w) if hasattr(keras, "ops") else w for w in weights]
    xs = [tf.constant(x) for x in inputs]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(xs)
        tape.watch([r for r, w in zip(raw, weights) if w.trainable])
        y = f(*xs)
    of_inputs, of_weights = tape.gradient(y, [xs, raw], output_gradients=tf.constant(cotangent))
    return y.numpy(), of_inputs, of_weights, [np.array(w) for w in weights]


run = run_jax if JAX else run_tensorflow


# ---- a case of a reference file ----------------------------------------------------------------------------------------

class Case:
    """Attributes, inputs and weights; weights in the row's order, or what is trained first, as Keras lists them."""

    def __init__(self, group, order):
        self.name = group.name.strip("/")
        self.a = {k: self._plain(v) for k, v in group.attrs.items()}
        self.input = [np.asarray(v) for _, v in sorted(group["input"].items())]
        names = sorted(group["weight"])
        trained = [n for n in names if group["weight"][n].attrs.get("trainable", 1)]
        self.names = [names[i] for i in order] if order else trained + [n for n in names if n not in trained]
        self.weight = [np.asarray(group["weight"][n]) for n in self.names]
        self.group = group

    @staticmethod
    def _plain(v):
        v = v.decode() if isinstance(v, bytes) else v
        return None if isinstance(v, str) and v == "None" else v.tolist() if hasattr(v, "tolist") else v

    def exact(self, what, name):
        """In double where there is such a group; None where there is nothing."""
        for where in (what + "64", what):
            if where in self.group and name in self.group[where]:
                return np.asarray(self.group[where][name], dtype="float64")
        return None


def relative(got, want):
    return float(np.max(np.abs(np.asarray(got, dtype="float64") - want)) / max(np.max(np.abs(want)), 1e-30))


class Errors(dict):
    """The largest error of each kind, and where a limit was passed."""

    def __init__(self):
        super().__init__()
        self.failures = []

    def add(self, kind, error, limit, where):
        self[kind] = max(self.get(kind, 0.0), error)
        if not error <= limit:
            self.failures.append(f"{where}: {kind} {error:.1e}")


def compare_gradients(errors, case, kind, names, got, limit):
    want = {n: case.exact(kind, n) for n in names}
    largest = max((np.max(np.abs(w)) for w in want.values() if w is not None), default=0)
    for name, g in zip(names, got):
        if want[name] is None:
            continue
        assert g is not None, f"{case.name}: {name} has no gradient"
        if np.max(np.abs(want[name])) <= 1e-7 * largest:
            error = float(np.max(np.abs(np.asarray(g)))) / largest
        else:
            error = relative(g, want[name])
        errors.add(kind, error, limit, f"{case.name} {name}")


# ---- rows --------------------------------------------------------------------------------------------------------------

def none_is(value, otherwise):
    return otherwise if value is None else value


def attention(**settings):
    return lambda a, x: L.SelfAttention2D(**{k: v(x.shape[-1]) if callable(v) else v for k, v in settings.items()})


def conv2d(a, x):
    c = x.shape[-1]
    width, filters = none_is(a["num_heads"], c), none_is(a["filters"], c)
    return L.SelfAttention2D(query_channels=width, value_channels=width, use_bias=True, gamma_inside=True,
                             filters=filters, residual="broadcast", activation=a["activation"])


def mhsa(cls):
    def build(a, x):
        width = none_is(a["out_shape"], 0 if cls is L.MultiHeadAttentionH2D else a["num_heads"] * a["key_dim"])
        return cls(heads=a["num_heads"], key_dim=a["key_dim"], out=width, out_weight=bool(a["out_weight"]),
                   position="relative" if a["relative"] else "absolute", out_bias=bool(a["out_bias"]),
                   dropout=a["attn_dropout"])
    return build


def halo(cls):
    def build(a, x):
        if a["block_size"] % a.get("strides", 1):
            return None                              # the original pools instead of striding; no map keeps its size
        return cls(heads=a["num_heads"], key_dim=a["key_dim"], block=a["block_size"], halo=a["halo_size"],
                   out=none_is(a["out_shape"], 0), strides=a.get("strides", 1), out_weight=bool(a["out_weight"]),
                   out_bias=bool(a["out_bias"]), dropout=a["attn_dropout"])
    return build


def outlook(heads, fold=False):
    return lambda a, x: L.OutlookAttention2D(
        heads=a[heads], out=a["embed_dim"], kernel=a["kernel_size"], strides=a["strides"], padding=bool(a["padding"]),
        output_dropout=a["output_dropout"], dropout=a["attn_dropout"], fold_kernel=fold)


def outlook_simple(heads):
    return lambda a, x: L.OutlookAttentionSimple2D(
        heads=a[heads], out=a["embed_dim"], kernel=a["kernel_size"], dropout=a["attn_dropout"])


def keeps_map(build):
    """Only cases without strides: a placed layer has none."""
    return lambda a, x: build(a, x) if a.get("strides", 1) == 1 else None


def cot(a, x):
    return L.ContextualTransformer2D(kernel=a["kernel_size"], activation=a["activation"])


def split(a, x):
    return L.SplitAttention2D(kernel=a["kernel_size"], groups=a["groups"], activation=a["activation"],
                              filters=a["filters"])


def mixer(a, x):
    return L.Mixer2D(tokens=a["tokens_mlp_dim"], channels=a["channels_mlp_dim"], activation=a["activation"],
                     drop_rate=a["drop_rate"], bias=bool(a.get("use_bias", 1)))


def row_of_tokens(x):
    return x.reshape(len(x), 1, *x.shape[1:])


def spectral(a, x):
    common = {"sn_iterations": a["power_iterations"], "sn_epsilon": 1e-6, "use_bias": bool(a.get("use_bias", 1))}
    if a["inner"] == "Dense":
        return L.SpectralDense(units=a["units"], **common) if a["training"] else None
    cls = L.SpectralConv2D if a["inner"] == "Conv2D" else L.SpectralConv2DTranspose
    k, s = a["kernel_size"], a.get("strides", 1)
    return cls(filters=a["filters"], kernel_size=[k, k], strides=[s, s], padding=a["padding"], **common) \
        if a["training"] else None                   # Keras' inference uses a kernel that training has divided


def halved(c):
    return c // 2


def eighth(c):
    return c // 8


def same(c):
    return c


ASHPY = attention(query_channels=eighth, value_channels=same, out_proj=False, use_bias=True, row=True)
OFFICIAL = attention(query_channels=eighth, value_channels=halved, pool=True)
MNISTGANS = attention(query_channels=eighth, value_channels=eighth, use_bias=True, gamma_inside=True)
SIMPLEGAN = attention(query_channels=eighth, value_channels=halved, pool=True, use_bias=True, spectral_norm=True,
                      sn_iterations=5, sn_epsilon=1e-12)

# file, build(attributes, input), and what is not as usual: order of the weights, view of the input, `map` (output 1),
# `power`: the original divides its kernels in place, so that kernels and their gradients mean something else.
TABLE = [
    ("official_attention", OFFICIAL, {"order": [4, 0, 1, 2, 3], "map": True}),
    ("ashpy_attention", ASHPY, {"order": [0, 3, 4, 1, 2, 5, 6]}),
    ("simplegan_self_attention", SIMPLEGAN, {"power": True, "skip": "sn_false_still_wraps_three"}),
    ("mnistgans_attention", MNISTGANS, {"map": True}),
    ("self_attention_conv2d", conv2d, {"map": True}),
    ("d_mhsa_with_position_embedding", mhsa(L.MultiHeadAttention2D), {}),
    ("h_mhsa_with_relative_position_embedding", mhsa(L.MultiHeadAttentionH2D), {}),
    ("d_halo_attention", halo(L.HaloAttention2D), {}),
    ("h_halo_attention", halo(L.HaloAttentionH2D), {}),
    ("d_outlook_attention", outlook("num_head"), {}),
    ("h_outlook_attention", outlook("num_heads", fold=True), {"order": [0, 1, 2, 4, 5, 3]}),
    ("d_outlook_attention_simple", outlook_simple("num_head"), {}),
    ("h_outlook_attention_simple", outlook_simple("num_heads"), {}),
    ("d_cot_attention", cot, {}),
    ("h_cot_attention", keeps_map(cot), {}),
    ("d_split_attention_conv2d", keeps_map(split), {}),
    ("h_split_attention_conv2d", keeps_map(split), {}),
    ("d_mixer_block", mixer, {"view": row_of_tokens}),
    ("h_mlp_mixer_block", mixer, {"view": row_of_tokens}),
    ("d_positional_embedding", lambda a, x: L.PositionalEmbedding2D(), {}),
    ("keras_spectral_normalization", spectral, {"power": True}),
]


# ---- comparing ---------------------------------------------------------------------------------------------------------

def set_weights(layer, values):
    shapes = [tuple(w.shape) for w in layer.weights]
    assert len(shapes) == len(values), f"{layer.name}: {len(values)} weights, expected {shapes}"
    layer.set_weights([v.reshape(s) for v, s in zip(values, shapes)])


def compare(errors, case, build, options):
    """False when the row does not take this case."""
    view = options.get("view", lambda x: x)
    xs = [view(x) for x in case.input]
    layer = build(case.a, xs[0])
    if layer is None or case.name == options.get("skip"):
        return False
    layer.build((None, *xs[0].shape[1:]))
    set_weights(layer, case.weight)
    training = bool(case.a["training"]) or bool(options.get("power"))
    limit = LIMIT_OF_SMALL_BATCH if case.a["training"] else LIMIT
    cotangent = view(np.asarray(case.group["grad_output/0"]))
    y, of_inputs, of_weights, after = run(lambda x: layer(x, training=training), layer.weights, xs, cotangent)
    want = view(case.exact("output", "0"))
    errors.add("output", relative(y, want), limit, case.name)
    if not training and "loaded again" not in errors:    # once for each file: it takes time
        for got in save_and_load(layer, xs[0]):
            errors.add("loaded again", relative(got, want), limit, case.name)
    if options.get("map"):
        of_map = case.a.get("output_names", "y,attention_map").split(",").index("attention_map")
        errors.add("map", relative(layer.attention_map(xs[0]), case.exact("output", str(of_map))), limit, case.name)
    flat = [np.asarray(g).reshape(x.shape) for g, x in zip(of_inputs, case.input)]
    compare_gradients(errors, case, "grad_input", [str(i) for i in range(len(xs))], flat, limit)
    kept = [i for i, w in enumerate(layer.weights) if w.trainable and not (options.get("power") and "kernel" in w.name)]
    compare_gradients(errors, case, "grad_weight", [case.names[i] for i in kept], [of_weights[i] for i in kept], limit)
    for i, (name, weight) in enumerate(zip(case.names, layer.weights)):
        moved = case.exact("updated", name)
        if moved is not None and "kernel" not in weight.name:
            errors.add("updated", relative(np.reshape(after[i], moved.shape), moved), limit, f"{case.name} {name}")
    return True


def save_and_load(layer, x):
    """The layer's outputs after its model went through .keras and .h5, and after its config went round."""
    config = layer.get_config()
    assert type(layer).from_config(config).get_config() == config, f"{layer.name}: config changes on its way round"
    inputs = keras.Input(x.shape[1:])
    model = keras.Model(inputs, layer(inputs))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for name in ("model.keras", "model.h5"):
            path = os.path.join(folder, name)
            model.save(path)
            found.append(outputs(keras.models.load_model(path, compile=False), x))
    return found


def outputs(model, x):
    return model.predict(x, verbose=0) if JAX else np.asarray(model(x))      # each the faster for one small batch


def test_files(golden, chosen):
    failures = []
    for file, build, options in TABLE:
        if chosen and file not in chosen:
            continue
        errors, cases = Errors(), 0
        with h5py.File(golden / f"{file}.h5") as f:
            for name in sorted(f):
                case = Case(f[name], options.get("order"))
                cases += compare(errors, case, build, options)
        assert cases, f"{file}: no case fits"
        print(f"{file:42} {cases:2} cases  " + "  ".join(f"{k} {v:.0e}" for k, v in errors.items()), flush=True)
        failures += [f"{file}: {text}" for text in errors.failures]
    return failures


# ---- parts of layers that have a reference, and layers that have only a formula ------------------------------------------

def test_gate(golden, errors):
    """SpatialGating2D's inside: the original is the gate alone, without the dense layers around it."""
    with h5py.File(golden / "d_spatial_gating_block.h5") as f:
        for name in f:
            case = Case(f[name], None)
            (_, n, c), x = case.input[0].shape, case.input[0]
            layer = L.SpatialGating2D(hidden=c)
            layer.build((None, 1, n, 3))
            own = [w for w in layer.weights if w.name.split(":")[0].split("/")[-1].startswith(("norm", "gate"))]
            for w, v in zip(own, case.weight):
                w.assign(v)
            y, dx, dw, _ = run(layer.gated, own, [x], np.asarray(case.group["grad_output/0"]))
            errors.add("gate", relative(y, case.exact("output", "0")), LIMIT, name)
            compare_gradients(errors, case, "grad_input", ["0"], dx, LIMIT)
            compare_gradients(errors, case, "grad_weight", case.names, dw, LIMIT)


def test_relative_positions(golden, errors):
    """FactorisedAttention2D's term Q * depthwise(V); the original carries a class token, whose row stays zero."""
    with h5py.File(golden / "d_conv_relative_positional_encoding.h5") as f:
        case = Case(f["default_8_heads"], None)
        q, v = (x[:, :, 1:] for x in case.input)
        layer = L.FactorisedAttention2D()
        side, channels = int(q.shape[2] ** 0.5), q.shape[1] * q.shape[3]
        layer.build((None, side, side, channels))
        own = [w for w in layer.weights if "position" in w.name]
        for w, value in zip(own, case.weight):
            w.assign(value)
        g = np.asarray(case.group["grad_output/0"])[:, :, 1:]
        y, dx, dw, _ = run(lambda q, v: layer.positions(q, v, (side, side)), own, [q, v], g)
        errors.add("positions", relative(y, case.exact("output", "0")[:, :, 1:]), LIMIT, case.name)
        for i in (0, 1):
            errors.add("grad_input", relative(dx[i], case.exact("grad_input", str(i))[:, :, 1:]), LIMIT, case.name)
        compare_gradients(errors, case, "grad_weight", case.names, dw, LIMIT)


def fresh(layer, *shapes, seed=1):
    """The layer built for the shapes with random weights, and inputs."""
    draw = np.random.default_rng(seed)
    xs = [draw.standard_normal(s).astype("float32") for s in shapes]
    layer.build(xs[0].shape if len(xs) == 1 else [x.shape for x in xs])
    layer.set_weights([np.abs(draw.standard_normal(w.shape)).astype("float32") + 0.1 for w in layer.weights])
    return layer, xs


def numbers(x):
    return np.asarray(x, dtype="float64")


def test_conditional(errors):
    for one_plus, shape in ((False, (3, 4, 5, 6)), (True, (3, 6))):
        layer, (x, _) = fresh(L.ConditionalScaleShift(classes=7, one_plus=one_plus), shape, (3, 1))
        label = np.array([[6], [0], [3]])
        gain, bias = (numbers(w)[label[:, 0]].reshape(3, *[1] * (len(shape) - 2), 6) for w in layer.get_weights())
        for labels in (label.astype("int32"), label[:, 0].astype("float32")):
            errors.add("conditional", relative(layer([x, labels]), x * (gain + one_plus) + bias), LIMIT, str(shape))


def test_simple(errors):
    layer, (x,) = fresh(L.GlobalSumPooling2D(), (2, 3, 4, 5))
    errors.add("sum", relative(layer(x), numbers(x).sum((1, 2))), LIMIT, "GlobalSumPooling2D")
    layer, (x,) = fresh(L.ScalarGain(), (2, 3))
    errors.add("gain", relative(layer(x), numbers(x) * numbers(layer.get_weights()[0])), LIMIT, "ScalarGain")


def test_sigma(errors):
    """After many steps of the power iteration sigma is the largest singular value, of tables and kernels alike, and
    inference leaves u alone; a frozen layer does, too."""
    layer, _ = fresh(L.SpectralEmbedding(input_dim=5, output_dim=7, sn_iterations=50), (2, 3))
    labels = np.array([[4, 0, 2]])
    before = layer.get_weights()[-1]
    layer(labels)
    layer.trainable = False
    layer(labels, training=True)
    errors.add("u at rest", float(np.abs(layer.get_weights()[-1] - before).max()), 0, "SpectralEmbedding")
    layer.trainable = True
    y = layer(labels, training=True)
    table = numbers(layer.get_weights()[0])
    errors.add("sigma", relative(y, table[labels] / np.linalg.norm(table, 2)), LIMIT, "SpectralEmbedding")
    layer = L.SpectralDense(units=7)
    layer.build((None, 5))
    errors.add("sigma", abs(float(np.linalg.norm(layer.get_weights()[-1])) - 1), LIMIT, "u of a new layer")
    layer, (x,) = fresh(L.FactorisedAttention2D(spectral_norm=True, sn_iterations=50, kernel=3, heads=2), (1, 4, 4, 6))
    layer(x, training=True)
    kernel = numbers(layer.position_1_kernel)
    want = kernel / np.linalg.norm(kernel.reshape(9, 6), 2)
    got = layer._used("position_1", False, lambda w: L.ops.reshape(w, (-1, w.shape[2])))
    errors.add("sigma", relative(got, want), LIMIT, "depthwise")


def test_evo_norm(errors):
    """B0 and S0 of arXiv 2004.02967, table 1, and the moving variance."""
    def root(v, axes):
        return np.sqrt(v.var(axes, keepdims=True) + 1e-5)

    layer, (x,) = fresh(L.EvoNorm2D(), (3, 4, 5, 6))
    gamma, beta, v, moving = map(numbers, layer.get_weights())
    want = x / np.maximum(np.sqrt(moving + 1e-5), v * x + root(numbers(x), (1, 2))) * gamma + beta
    errors.add("evo", relative(layer(x), want), LIMIT, "B0, inference")
    want = x / np.maximum(root(numbers(x), (0, 1, 2)), v * x + root(numbers(x), (1, 2))) * gamma + beta
    errors.add("evo", relative(layer(x, training=True), want), LIMIT, "B0, training")
    want = 0.9 * moving + 0.1 * numbers(x).var((0, 1, 2))
    errors.add("evo", relative(layer.get_weights()[-1], want), LIMIT, "moving variance")
    layer, (x,) = fresh(L.EvoNorm2D(group_size=3), (3, 4, 5, 6))
    gamma, beta, v = map(numbers, layer.get_weights())
    by_group = numbers(x).reshape(3, 4, 5, 2, 3)
    std = np.broadcast_to(root(by_group, (1, 2, 4)), by_group.shape).reshape(x.shape)
    errors.add("evo", relative(layer(x), x / (1 + np.exp(-v * x)) / std * gamma + beta), LIMIT, "S0")


def test_residuals(errors):
    """What is added to a layer: nothing, x, or x and a gate; a projection where widths differ."""
    plain, (x,) = fresh(L.HaloAttention2D(heads=2, skip=False), (2, 4, 4, 6))
    f = numbers(plain(x))
    added = L.HaloAttention2D(heads=2, skip=True)
    added.build(x.shape)
    added.set_weights(plain.get_weights())
    errors.add("residual", relative(added(x), x + f), LIMIT, "skip")
    gated = L.HaloAttention2D(heads=2, skip=True, gain=True)
    gated.build(x.shape)
    gated.set_weights([*plain.get_weights(), np.float32(0.3)])
    errors.add("residual", relative(gated(x), x + np.float32(0.3) * f), LIMIT, "gain")
    layer, (x,) = fresh(L.SelfAttention2D(query_channels=2, value_channels=3, filters=8, residual="projected"),
                        (2, 3, 4, 5))
    layer.gamma.assign(0.0)
    skip = numbers(layer.get_weights()[-1])[0, 0]
    errors.add("residual", relative(layer(x), numbers(x) @ skip), LIMIT, "projected")
    rows = numbers(layer.attention_map(x)).sum(-1)
    errors.add("rows sum to 1", relative(rows, np.ones_like(rows)), LIMIT, "SelfAttention2D")


def test_activations(errors):
    """The named functions at points on both sides of their bends, against formulas in double."""
    x = np.linspace(-5, 5, 41)
    sigmoid, softplus = 1 / (1 + np.exp(-x)), np.log1p(np.exp(x))
    gelu = np.array([0.5 * v * (1 + math.erf(v / math.sqrt(2))) for v in x])
    parabola = 0.5 - 0.1444 * (1.769 - 0.7071 * np.abs(x)).clip(0) ** 2
    want = {
        "gelu/quick": x / (1 + np.exp(-1.702 * x)), "gelu/linear": x * (np.sign(x) * parabola + 0.5),
        "exponential": np.exp(x), "hard_sigmoid_torch": (x / 6 + 0.5).clip(0, 1), "softmax": np.exp(x) / np.exp(x).sum(),
        "linear": x, "relu": x.clip(0), "leaky_relu": np.where(x > 0, x, 0.3 * x), "sigmoid": sigmoid,
        "tanh": np.tanh(x), "swish": x * sigmoid, "gelu": gelu, "softplus": softplus,
        "gelu_tanh": 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
        "elu": np.where(x > 0, x, np.exp(x) - 1),
        "selu": 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * (np.exp(x) - 1)),
        "hard_sigmoid": (0.2 * x + 0.5).clip(0, 1), "hard_swish": x * (x + 3).clip(0, 6) / 6,
        "mish": x * np.tanh(softplus), "phish": x * np.tanh(gelu), "squared_relu": x.clip(0) ** 2,
    }
    assert set(want) == set(L.ACTIVATIONS), set(want) ^ set(L.ACTIVATIONS)
    for name, values in want.items():
        got = L.ACTIVATIONS[name](L.ops.cast(x.astype("float32"), "float32"))
        errors.add("activations", relative(got, values), LIMIT, name)


def test_formulas(golden):
    errors = Errors()
    test_gate(golden, errors)
    test_relative_positions(golden, errors)
    for test in (test_conditional, test_simple, test_sigma, test_evo_norm, test_residuals, test_activations):
        test(errors)
    print(f"{'parts and formulas':42}           " + "  ".join(f"{k} {v:.0e}" for k, v in errors.items()), flush=True)
    return errors.failures


if __name__ == "__main__":
    golden = ROOT / "tests" / "golden"
    failures = test_files(golden, sys.argv[1:]) + ([] if sys.argv[1:] else test_formulas(golden))
    print("\n".join(["FAILED", *failures]) if failures else f"Keras {keras.__version__}: all layers as their references")
    sys.exit(bool(failures))
