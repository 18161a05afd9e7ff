"""Checks exported ONNX files: the format's own checker, and ONNX Runtime against the program's reference outputs.

    python check_onnx.py generator.onnx generator.reference.h5 [discriminator.onnx discriminator.reference.h5 ...]

Needs onnx, onnxruntime, h5py, numpy. Prints one line per file; status 1 when an error reaches 1e-4.
"""
import sys

import h5py
import numpy as np
import onnx
import onnxruntime

LIMIT = 1e-4


def check(path, reference):
    """The largest differences for all samples together and one by one."""
    onnx.checker.check_model(path, full_check=True)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 2                      # warnings are shown: there should be none
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
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
            worst = max(worst, float(np.abs(y - expected[lo:hi]).max()))
    return worst, len(onnx.load(path).graph.node)


def main(argv):
    if not argv or len(argv) % 2:
        sys.exit(__doc__)
    bad = False
    for path, reference in zip(argv[::2], argv[1::2]):
        worst, nodes = check(path, reference)
        bad |= worst >= LIMIT
        print(f"{path}: {nodes} nodes, checker passed, ONNX Runtime {onnxruntime.__version__}: "
              f"largest error {worst:.2g}{' TOO LARGE' if worst >= LIMIT else ''}")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
