#!/usr/bin/env python3
"""Weights of FID's Inception, from the file that PyTorch programs use to one that `sagan evaluate --features` reads.

    tools/inception_weights.py pt_inception-2015-12-05-6726825d.pth inception.h5

The file is that of pytorch-fid (github.com/mseitzer/pytorch-fid, releases, fid_weights); torch-fidelity and clean-fid
have the same weights. You need it, PyTorch and h5py. It is read without running code from it (weights_only).
"""
import hashlib
import sys

# The first letters of the SHA-256 that is part of the file's name.
KNOWN = "6726825d"
# Of BatchNorm2d to ours.
NORM = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def place(name):
    """Where an entry of the state dict goes: (path, axes to permute), or None for what is not used."""
    layer, _, last = name.rpartition(".")
    unit, _, part = layer.rpartition(".")
    if name == "fc.weight":
        return "/fc/kernel", (1, 0)                        # [classes, features] -> [features, classes]
    if part == "conv" and last == "weight":
        return "/" + unit.replace(".", "/") + "/conv/kernel", (2, 3, 1, 0)      # OIHW -> HWIO
    if part == "bn" and last in NORM:
        return "/" + unit.replace(".", "/") + "/norm/" + NORM[last], None
    return None                                            # fc.bias, num_batches_tracked, the auxiliary classifier


def write(state, path, source, digest, side=299, kernels="float32"):
    """The state dict of the network into an HDF5 file; `kernels` is the type of theirs."""
    import h5py

    with h5py.File(path, "w", libver=("v108", "v108")) as f:
        f.attrs["kind"] = "sagan inception"
        f.attrs["format"] = 1
        f.attrs["side"] = side
        f.attrs["source"] = source
        f.attrs["source_sha256"] = digest
        for name, value in state.items():
            to = place(name)
            if to and not name.startswith("AuxLogits."):
                x = value.detach().cpu().float().numpy()
                x = x.transpose(to[1]).astype(kernels) if to[1] else x
                f.create_dataset(to[0], data=x, track_times=False)


def main(source, target):
    try:
        import torch
        import h5py  # noqa: F401
    except ImportError as e:
        sys.exit(f"inception_weights.py: {e}; it needs PyTorch and h5py: pip install torch h5py")
    with open(source, "rb") as f:
        digest = hashlib.sha256(f.read()).hexdigest()
    if not digest.startswith(KNOWN):
        print(f"warning: {source} has the SHA-256 {digest[:8]}.., FID's own weights have {KNOWN}..: numbers made with "
              "it are no FID of papers", file=sys.stderr)
    state = torch.load(source, map_location="cpu", weights_only=True)
    if "fc.weight" not in state or "Mixed_7c.branch_pool.conv.weight" not in state:
        sys.exit(f"inception_weights.py: {source}: not the state dict of FID's Inception")
    write(state, target, source.rsplit("/", 1)[-1], digest)
    print(f"{target}: `sagan evaluate RUN --features {target}` gives FID, with {target}:clean that of clean-fid")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2])
