"""What a user does with exported files, in the Keras that runs this: load, predict, look, train on, save again.

    python tests/keras/check_export.py OUT.tsv SAVED FOLDER..

A FOLDER holds what `sagan export --net both --layers` wrote. Every way of loading is compared with the reference file,
the program's own outputs: the same shape, and a largest error below 1e-4. Warnings about the inputs are faults. A line
of OUT.tsv is folder, network, way, largest error. SAVED/FOLDER receives the models as this Keras saves them, with the outputs it then gives, for `sagan import`.
"""
import logging
import os
import pathlib
import sys
import tempfile
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("SAGAN_KERAS") == "tf_keras":
    import tf_keras as keras
else:
    import keras
import h5py                                                                # noqa: E402
import numpy as np                                                         # noqa: E402
from dialect import best                                                   # noqa: E402

logging.getLogger("absl").setLevel(logging.ERROR)                          # it praises .keras over .h5 at every save
logging.getLogger("tensorflow").setLevel(logging.ERROR)

LIMIT = 1e-4
JAX = hasattr(keras, "ops") and keras.backend.backend() == "jax"
BEST = best(keras)

warnings.filterwarnings("error", message="The structure of `inputs`")


class Network:
    """One exported network: its files, its inputs and what the program made of them."""

    def __init__(self, folder, name):
        self.base = str(folder / name)
        with h5py.File(self.base + ".reference.h5") as f:
            self.inputs = {k: v[()] for k, v in f["inputs"].items()}
            self.expected, = (v[()] for v in f["outputs"].values())

    def load(self, suffix):
        return keras.models.load_model(self.base + suffix, compile=False)

    def feed(self, model, rows=slice(None)):
        """As users do: one array, or a list of two."""
        return _alone([self.inputs[_name(x)][rows] for x in model.inputs])

    def predict(self, model, rows=slice(None)):
        """The user's predict where it is compiled anyway; elsewhere a call, which is the faster for a few samples."""
        if JAX:
            return np.asarray(model.predict(self.feed(model, rows), verbose=0))
        return np.asarray(model(self.feed(model, rows), training=False))

    def error(self, model):
        return _distance(self.predict(model), self.expected)


def _name(tensor):
    return tensor.name.split(":")[0]


def _alone(x):
    return x if len(x) > 1 else x[0]


def _distance(x, y):
    x, y = np.asarray(x), np.asarray(y)
    assert x.shape == y.shape, f"{x.shape}, but {y.shape} is expected"
    assert np.isfinite(x).all(), "not finite"
    return float(np.abs(x - y).max())


def _noise(model):
    """Other weights, so that a load that does nothing is seen."""
    draw = np.random.default_rng(3)
    model.set_weights([draw.uniform(0.5, 1.5, w.shape).astype(w.dtype) for w in model.get_weights()])
    return model


# ---- ways: each takes a network and returns the largest error, or raises --------------------------------------------------

def load_keras(n):
    model = n.load(".keras")
    return _distance(model.predict(n.feed(model), verbose=0), n.expected)


def load_h5(n):
    return n.error(n.load(".h5"))


def weights_native(n):
    model = _noise(n.load(BEST))
    model.load_weights(n.base + ".weights.h5")
    return n.error(model)


def weights_by_order(n):
    model = _noise(n.load(BEST))
    model.load_weights(n.base + ".h5")
    return n.error(model)


def weights_by_name(n):
    model = _noise(n.load(BEST))
    model.load_weights(n.base + ".h5", by_name=True)
    return n.error(model)


def one_by_one(n):
    model = n.load(BEST)
    return max(_distance(n.predict(model, slice(i, i + 1)), n.expected[i:i + 1]) for i in range(len(n.expected)))


def by_input_name(n):
    """Of several; a lone one is an array, and Keras 3 warns of anything else."""
    if len(n.inputs) == 1:
        return None
    model = n.load(BEST)
    return _distance(model.predict({k: v for k, v in n.inputs.items()}, verbose=0), n.expected)


def inside(n, suffix=BEST):
    """A part of what the user builds: a call gives one tensor, for the next layer, an operator, a Sequential."""
    model = n.load(suffix)
    inputs = [keras.Input(x.shape[1:], dtype=x.dtype) for x in model.inputs]
    y = model(_alone(inputs))
    assert tuple(y.shape) == (None, *n.expected.shape[1:]), f"a call gives {y}"
    head = keras.layers.Conv2D(1, 3) if len(y.shape) == 4 else keras.layers.Dense(1)
    keras.Model(inputs, head(y))
    bigger = [keras.Model(inputs, keras.layers.Rescaling(0.5, offset=0.5)(y)), keras.Model(inputs, (y + 1) / 2)]
    if len(inputs) == 1:
        shape = inputs[0].shape[1:]
        for before in [keras.layers.InputLayer(shape)], []:
            bigger.append(keras.Sequential([*before, model, keras.layers.Rescaling(0.5, offset=0.5)]))
    return max(_distance(m.predict(n.feed(model), verbose=0), (n.expected + 1) / 2) for m in bigger)


def attention(n):
    """The map as an output of its own: how far its rows are from a sum of 1. Without one there is nothing to say."""
    model = n.load(BEST)
    maps = [x.name for x in model.layers if x.name.endswith("attention_map") or x.name == "attention_map"]
    if not maps:
        return None
    a = np.asarray(keras.Model(model.inputs, model.get_layer(maps[0]).output).predict(n.feed(model), verbose=0))
    assert a.min() >= 0 and a.std() > 0, "no attention map"
    return _distance(a.sum(-1), np.ones(a.shape[:-1]))


def train(n, suffix=BEST):
    """Three steps towards random outputs: every kernel and table moves."""
    model = n.load(suffix)
    target = np.random.default_rng(4).standard_normal(n.predict(model).shape).astype("float32")
    trained = [(layer.name, w) for layer in model.layers for w in layer.trainable_weights]
    before = [np.array(w) for _, w in trained]
    model.compile(optimizer=keras.optimizers.Adam(1e-3, epsilon=1e-12), loss="mse")
    for _ in range(3):
        model.train_on_batch(n.feed(model), target)
    still = [f"{layer}/{w.name}" for (layer, w), old in zip(trained, before)
             if _is_matrix(w.name) and np.array_equal(np.array(w), old)]
    assert not still, f"did not move: {', '.join(still)}"
    return model


def _is_matrix(name):
    return any(part in name for part in ("kernel", "embeddings", "gain", "gamma"))


def trained_and_saved(n, saved=None, suffix=BEST, tag=""):
    """Trained, saved as .keras, .h5 and weights, loaded: the same predictions. The files stay for `sagan import`."""
    model, worst = train(n, suffix), 0.0
    y, path = n.predict(model), saved / (pathlib.Path(n.base).name + tag)
    for end in (".keras", ".h5"):
        model.save(f"{path}{end}")
        worst = max(worst, _distance(n.predict(keras.models.load_model(f"{path}{end}", compile=False)), y))
    model.save_weights(f"{path}.weights.h5")
    again = _noise(n.load(suffix))
    again.load_weights(f"{path}.weights.h5")
    worst = max(worst, _distance(n.predict(again), y))
    with h5py.File(f"{path}.expected.h5", "w") as f:
        for k, v in n.inputs.items():
            f[f"inputs/{k}"] = v
        f["outputs/y"] = y
    return worst


def layers_keras(n):
    return n.error(n.load("_layers.keras"))


def layers_h5(n):
    return n.error(n.load("_layers.h5"))


def layers_trained_and_saved(n, saved=None):
    return trained_and_saved(n, saved, "_layers" + BEST, "_layers")


def layers_inside(n):
    return inside(n, "_layers" + BEST)


def layers_folder(n):
    """Saved as Keras 2 saves without an ending: a folder of TensorFlow's."""
    if hasattr(keras, "ops"):
        return None
    with tempfile.TemporaryDirectory() as folder:
        n.load("_layers.keras").save(folder, save_format="tf")
        return n.error(keras.models.load_model(folder, compile=False))


def layers_attention(n):
    """The map of SelfAttention2D, from the input of that layer."""
    model = n.load("_layers" + BEST)
    layers = [x for x in model.layers if hasattr(x, "attention_map")]
    if not layers:
        return None
    x = keras.Model(model.inputs, layers[0].input).predict(n.feed(model), verbose=0)
    a = np.asarray(layers[0].attention_map(x))
    return _distance(a.sum(-1), np.ones(a.shape[:-1]))


STOCK = [load_keras, load_h5, weights_native, weights_by_order, weights_by_name, one_by_one, by_input_name, inside,
         attention, trained_and_saved]
LAYERS = [layers_keras, layers_h5, layers_inside, layers_folder, layers_attention, layers_trained_and_saved]


def ways_of(folder, name):
    """What the files of a network allow: some networks have only one of the two forms."""
    ways = STOCK if (folder / f"{name}.keras").exists() else []
    ways = ways + (LAYERS if (folder / f"{name}_layers.keras").exists() else [])
    return [way for way in ways if BEST == ".keras" or way not in (load_keras, layers_keras)]


def attempt(folder, name, way, saved):
    """(good, text for the table): an error of any kind is a row, and the other ways are tried all the same."""
    extra = {"saved": saved / folder.name} if "saved" in way.__name__ else {}
    try:
        result = way(Network(folder, name), **extra)
    except Exception as e:
        return False, f"FAILED {type(e).__name__}: {' '.join(str(e).split())[:200]}"
    return result is None or result < LIMIT, "-" if result is None else f"{result:.1e}"


def main(out, saved, *folders):
    sys.path.insert(0, str(folders[0]))
    import sagan_layers                                                    # noqa: F401  (the exporter puts it there)
    failed = False
    with open(out, "a") as rows:
        for folder in folders:
            (saved / folder.name).mkdir(parents=True, exist_ok=True)
            for name in ("generator", "discriminator"):
                for way in ways_of(folder, name):
                    good, text = attempt(folder, name, way, saved)
                    failed |= not good
                    print(folder.name, name, way.__name__, text, sep="\t", file=rows, flush=True)
                    print(f"  {folder.name:10} {name:14} {way.__name__:26} {text}{'' if good else '  <--'}", flush=True)
                    keras.backend.clear_session()
    return failed


if __name__ == "__main__":
    sys.exit(main(*map(pathlib.Path, sys.argv[1:])))
