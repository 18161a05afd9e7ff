"""Writes the HDF5 and zip files of this folder that no sane program writes (README.md): python make_hostile.py"""
import os
import zipfile

import h5py
import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def native(name):
    return h5py.File(os.path.join(HERE, name), "w", track_order=False)


def kernel(f):
    f.create_dataset("layers/dense/vars/0", data=np.ones((3, 2), "f4"))


with native("soft.h5") as f:
    kernel(f)
    f["layers/dense_1"] = h5py.SoftLink("/layers/dense")
with native("external.h5") as f:
    kernel(f)
    f["layers/dense_1"] = h5py.ExternalLink("soft.h5", "/layers/dense")
with native("storage.h5") as f:
    f.create_dataset("layers/dense/vars/0", (2, 2), "f4", external=[("/etc/hostname", 0, 16)])
with native("virtual.h5") as f:
    v = h5py.VirtualLayout((3, 2), "f4")
    v[:] = h5py.VirtualSource("soft.h5", "layers/dense/vars/0", (3, 2))
    f.create_virtual_dataset("layers/dense/vars/0", v)
with native("loop.h5") as f:                     # a group that is its own member
    kernel(f)
    f["layers/dense/again"] = f["layers/dense"]
with native("bomb.h5") as f:                     # one packed array under many names
    x = f.create_dataset("layers/dense/vars/0", (4096, 1024), "f4", data=np.zeros((4096, 1024), "f4"),
                         chunks=(4096, 1024), compression="gzip", compression_opts=9)
    for i in range(1, 8):
        f["layers/dense/vars/%d" % i] = x
with native("huge.h5") as f:                     # a shape larger than any memory, never filled
    f.create_dataset("layers/dense/vars/0", (1 << 20, 1 << 20), "f4", chunks=(64, 64))
with zipfile.ZipFile(os.path.join(HERE, "bomb.keras"), "w", zipfile.ZIP_DEFLATED, compresslevel=9) as z:
    z.writestr("config.json", "{}")
    z.writestr("model.weights.h5", bytes(300 << 20))
with h5py.File(os.path.join(HERE, "images-old.h5"), "w", libver="earliest") as f:
    r = np.random.default_rng(0)
    f.attrs["about"], f.attrs["classes"] = "small pictures, for readers", ["zero", "one", "two"]
    for name, n in (("train", 24), ("test", 6)):
        g = f.create_group(name)
        packed = dict(chunks=(6, 8, 8, 3), compression="gzip", shuffle=True) if name == "train" else {}
        g.create_dataset("images", data=r.integers(0, 256, (n, 8, 8, 3), dtype="u1"), **packed)
        g.create_dataset("labels", data=r.integers(0, 3, n, dtype="i8"))
        g["images"].attrs["source"] = "made up"
