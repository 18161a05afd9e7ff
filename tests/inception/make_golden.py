#!/usr/bin/env python3
"""A network like FID's with random weights, and what pytorch-fid computes with it, for tests/test_inception.c.

    make_golden.py OUT.h5 [NARROW [SIDE]]      channels divided by NARROW (1), images resized to SIDE (299)

tests/golden/inception/narrow.h5 is `make_golden.py tests/golden/inception/narrow.h5 16 139`: its last maps are 3x3, so
that the last pooling shows. Needs torch, torchvision, pytorch-fid, clean-fid and h5py (tests/inception/run.sh makes a virtual
environment). The network is pytorch-fid's own: only its download is replaced by random weights, and for a narrow one
the numbers of channels of torchvision's convolutions.
"""
import sys

import h5py
import numpy as np
import torch
import torch.nn.functional as F
import torchvision
from pytorch_fid import inception as fid
from cleanfid.resize import make_resizer

sys.path.insert(0, __file__.rsplit("/", 3)[0] + "/tools")
from inception_weights import write  # noqa: E402

LINEAR = torch.nn.Linear
IMAGES = [(20, 26), (145, 141)]                            # smaller and larger than the narrow network's side


def narrowed(by):
    basic = torchvision.models.inception.BasicConv2d

    class Narrow(basic):
        def __init__(self, cin, cout, **rest):
            super().__init__(cin if cin == 3 else cin // by, cout // by, **rest)

    torchvision.models.inception.BasicConv2d = Narrow
    torch.nn.Linear = lambda i, o, **rest: LINEAR(i // by, o // by, **rest)


def network(by):
    fid.load_state_dict_from_url = lambda *a, **k: {}
    load = torchvision.models.Inception3.load_state_dict
    torchvision.models.Inception3.load_state_dict = lambda self, state: None
    if by > 1:
        narrowed(by)
    net = fid.fid_inception_v3()
    torchvision.models.Inception3.load_state_dict = load
    torch.nn.Linear = LINEAR
    g = torch.Generator().manual_seed(1)

    def uniform(x, lo, hi):
        x.copy_(torch.rand(x.shape, generator=g) * (hi - lo) + lo)

    with torch.no_grad():
        for m in net.modules():
            if isinstance(m, torch.nn.Conv2d):
                fan = m.weight[0].numel()
                m.weight.copy_(torch.randn(m.weight.shape, generator=g) * (2 / fan) ** 0.5)
            elif isinstance(m, torch.nn.BatchNorm2d):
                uniform(m.weight, 0.7, 1.3)
                uniform(m.bias, -0.2, 0.4)
                uniform(m.running_mean, -0.3, 0.3)
                uniform(m.running_var, 0.5, 1.5)
            elif isinstance(m, torch.nn.Linear):
                m.weight.copy_(torch.randn(m.weight.shape, generator=g) * 0.05)
    return net.eval()


def half(net):
    """Kernels become numbers that float16 holds, so that a small file has what was computed with."""
    with torch.no_grad():
        for p in net.parameters():
            if p.dim() > 1:
                p.copy_(p.half().float())


def features(net, x):
    """pytorch-fid's own blocks; x [B,3,side,side] in [-1,1]."""
    shell = fid.InceptionV3.__new__(fid.InceptionV3)
    build = fid.fid_inception_v3
    fid.fid_inception_v3 = lambda: net
    fid.InceptionV3.__init__(shell, resize_input=False, normalize_input=False)
    fid.fid_inception_v3 = build
    with torch.no_grad():
        return shell.eval()(x)[0][:, :, 0, 0]


def main(out, by=1, side=299):
    net = network(by)
    half(net)
    write(net.state_dict(), out, "random weights", "", side, "float16" if by > 1 else "float32")
    rng = np.random.default_rng(2)
    clean = make_resizer("PIL", False, "bicubic", (side, side))
    with h5py.File(out, "r+") as f:
        for i, (h, w) in enumerate(IMAGES):
            smooth = rng.normal(size=(2, 4, 4, 3))
            x = F.interpolate(torch.tensor(smooth).permute(0, 3, 1, 2), size=(h, w), mode="bicubic")
            x = ((x + 0.2 * torch.tensor(rng.normal(size=x.shape))) * 60 + 120).clamp(0, 255).round()
            bytes_ = x.permute(0, 2, 3, 1).numpy().astype(np.uint8)
            bilinear = 2 * F.interpolate(x.float() / 255, size=(side, side), mode="bilinear",
                                         align_corners=False) - 1
            bicubic = torch.tensor(np.stack([clean(b) for b in bytes_])).permute(0, 3, 1, 2)
            g = f.create_group(f"golden{i}")
            g.create_dataset("images", data=bytes_, track_times=False)
            for name, y in (("bilinear", bilinear), ("clean", (bicubic - 128) / 128)):
                d = features(net, y.float())
                z = d @ net.fc.weight.detach().T
                g.create_dataset(name + "_features", data=d.numpy(), track_times=False)
                g.create_dataset(name + "_probabilities", data=torch.softmax(z, 1).numpy(), track_times=False)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(sys.argv[1], *map(int, sys.argv[2:]))
