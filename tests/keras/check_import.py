"""Whether files that Keras saved mean the same to the program: imported, exported again, loaded, and predicted with.

    python tests/keras/check_import.py OUT.tsv LIST

A line of LIST is network, net, form, folder of the new export, and the outputs that Keras had when it saved
(check_export.py). Appends lines of network, net, "import FORM", largest error to OUT.tsv.
"""
import logging
import os
import pathlib
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if os.environ.get("SAGAN_KERAS") == "tf_keras":
    import tf_keras as keras
else:
    import keras
import h5py                                                                # noqa: E402
import numpy as np                                                         # noqa: E402
from dialect import best                                                   # noqa: E402

logging.getLogger("tensorflow").setLevel(logging.ERROR)
LIMIT = 1e-4
JAX = hasattr(keras, "ops") and keras.backend.backend() == "jax"


def error_of(folder, net, form, expected):
    sys.path.insert(0, str(folder))
    import sagan_layers                                                    # noqa: F401
    layers = "_layers" if form.startswith("_layers") else ""
    model = keras.models.load_model(folder / f"{net}{layers}{best(keras)}", compile=False)
    with h5py.File(expected) as f:
        inputs = [f["inputs"][x.name.split(":")[0]][()] for x in model.inputs]
        inputs = inputs if len(inputs) > 1 else inputs[0]
        want = f["outputs/y"][()]
    got = model.predict(inputs, verbose=0) if JAX else np.asarray(model(inputs))
    return float(np.abs(got - want).max())


def main(out, lines):
    failed = False
    with open(out, "a") as rows:
        for line in open(lines).read().splitlines():
            run, net, form, folder, expected = line.split("\t")
            try:
                error = error_of(pathlib.Path(folder), net, form, expected)
                good, text = error < LIMIT, f"{error:.1e}"
            except Exception as e:
                good, text = False, f"FAILED {type(e).__name__}: {' '.join(str(e).split())[:200]}"
            failed |= not good
            print(run, net, f"import {form}", text, sep="\t", file=rows)
            print(f"  {run:10} {net:14} import {form:19} {text}{'' if good else '  <--'}", flush=True)
            keras.backend.clear_session()
    return failed


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
