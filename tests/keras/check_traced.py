"""What single operations become in a Keras model, in the Keras that runs this: the files that test_trace_ops leaves.

    SAGAN_TRACE_DIR=FOLDER build/float/tests/test_trace_ops; python tests/keras/check_traced.py FOLDER

NAME.keras (but in Keras 3.0 to 3.3, see dialect.py) and NAME.h5 are loaded and predict what NAME.reference.h5 holds,
the program's own outputs. Status 1 when an error reaches 1e-5, relative to the largest output.
"""
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "gan" / "keras"))

import h5py                                                                # noqa: E402
import numpy as np                                                         # noqa: E402

import sagan_layers                                                        # noqa: E402
from dialect import best                                                   # noqa: E402

keras = sagan_layers.keras
LIMIT = 1e-5


def error_of(path, reference):
    model = keras.models.load_model(path, compile=False)
    with h5py.File(reference) as f:
        inputs = [f["inputs"][x.name.split(":")[0]][()] for x in model.inputs]
        want, = (x[()] for x in f["outputs"].values())
    got = np.asarray(model(inputs if len(inputs) > 1 else inputs[0], training=False))
    assert got.shape == want.shape, f"{path}: {got.shape}, not {want.shape}"
    return float(np.abs(got - want).max() / np.abs(want).max())


def main(folder):
    worst, files, bad = 0.0, 0, False
    for reference in sorted(pathlib.Path(folder).glob("*.reference.h5")):
        base = str(reference)[:-len(".reference.h5")]
        for ending in {best(keras), ".h5"}:
            error = error_of(base + ending, reference)
            if not error < LIMIT:
                bad = True
                print(f"{base}{ending}: error {error:.1e}")
            worst, files = max(worst, error), files + 1
            keras.backend.clear_session()
    print(f"  operations: {files} files, largest error {worst:.1e}")
    return bad or files == 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
