"""Whether the program, given a file that Keras saved, computes what Keras computed with it.

    python tests/keras/check_import.py REFERENCE.h5 EXPECTED.h5

REFERENCE is the reference file of the imported checkpoint exported again, EXPECTED what check_export.py left beside the
saved model. Prints the largest error, or why there is none; status 1 unless it is below 1e-4.
"""
import sys

import h5py
import numpy as np


def main(reference, expected):
    with h5py.File(reference) as r, h5py.File(expected) as e:
        for name in r["inputs"]:
            if not np.array_equal(r["inputs"][name][()], e["inputs"][name][()]):
                sys.exit(f"FAILED other values of input {name}")
        (ours,), (theirs,) = ([v[()] for v in f["outputs"].values()] for f in (r, e))
    error = float(np.abs(ours - theirs.reshape(ours.shape)).max())
    print(f"{error:.1e}")
    return not error < 1e-4


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
