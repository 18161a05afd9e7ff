"""Checks exported ONNX files: the format's own checker, ONNX Runtime against the program's reference outputs, and the same
after onnxslim, which renames and joins what it finds.

    python check_onnx.py generator.onnx generator.reference.h5 [discriminator.onnx discriminator.reference.h5 ...]

Needs onnx, onnxruntime, onnxslim, h5py, numpy. Prints one line per file; status 1 when an error, as a share of the largest
output or of 1, reaches 5e-5.
"""
import sys

import h5py
import numpy as np
import onnx
import onnxruntime
import onnxslim

LIMIT = 5e-5


def error_of(model, reference):
    """The largest difference for all samples together and one by one."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2                      # warnings are shown: there should be none
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    with h5py.File(reference) as f:
        inputs = {i.name: f["inputs"][i.name][()] for i in session.get_inputs()}
        assert len(inputs) == len(f["inputs"]), "other inputs than the reference"
        outputs = {o.name: f["outputs"][o.name][()] for o in session.get_outputs()}
    worst = 0.0
    n = len(next(iter(inputs.values())))
    for lo, hi in [(0, n)] + [(i, i + 1) for i in range(n)]:
        got = session.run(list(outputs), {name: x[lo:hi] for name, x in inputs.items()})
        for y, (name, expected) in zip(got, outputs.items()):
            assert y.shape == expected[lo:hi].shape, f"{name} is {y.shape}, not {expected[lo:hi].shape}"
            assert np.isfinite(y).all(), f"{name} is not finite"
            worst = max(worst, float(np.abs(y - expected[lo:hi]).max() / max(1, np.abs(expected).max())))
    return worst


def main(argv):
    if not argv or len(argv) % 2:
        sys.exit(__doc__)
    bad = False
    for path, reference in zip(argv[::2], argv[1::2]):
        onnx.checker.check_model(path, full_check=True)
        model = onnx.load(path)
        slim = onnxslim.slim(onnx.load(path))
        onnx.checker.check_model(slim, full_check=True)
        worst, after = error_of(model, reference), error_of(slim, reference)
        wrong = not max(worst, after) < LIMIT
        bad |= wrong
        print(f"{path}: {len(model.graph.node)} nodes, checker passed, ONNX Runtime {onnxruntime.__version__}: "
              f"largest error {worst:.2g}; by onnxslim {len(slim.graph.node)} nodes, {after:.2g}"
              f"{' TOO LARGE' if wrong else ''}")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
