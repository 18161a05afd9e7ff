"""Scores MNIST samples with a small classifier: how the recipes of docs/recipes.md were compared.

For each checkpoint given it draws N digits per class with `sagan sample` and prints one line: Frechet distance of
the classifier's 84 features to the 10,000 test digits (the metric of arXiv 1706.08500 on our own features: compare
only numbers of this script), accuracy of the asked labels, and recall and coverage (arXiv 1904.06991, 2002.09797,
k = 5, 2,000 digits each). A classifier is trained from a fixed seed (LeNet-5 with max pooling and tanh, five epochs).

    python3 -m venv build/peer && build/peer/bin/pip install torch numpy pillow
    build/peer/bin/python tests/peers/score_mnist.py build/sagan data/mnist runs/mnist-sagan/checkpoint-*.h5
"""
import gzip, os, subprocess, sys, tempfile
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

PER_CLASS = 300
torch.manual_seed(0)
torch.set_num_threads(1)


def idx(path):
    with gzip.open(path) as f:
        raw = f.read()
    dims = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = nn.Conv2d(1, 6, 5), nn.Conv2d(6, 16, 5)
        self.d1, self.d2, self.d3 = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def features(self, x):
        x = F.interpolate(x, (32, 32), mode="bilinear", align_corners=False)
        x = torch.tanh(F.max_pool2d(self.c1(x), 2))
        x = torch.tanh(F.max_pool2d(self.c2(x), 2)).flatten(1)
        return torch.tanh(self.d2(torch.tanh(self.d1(x))))

    def forward(self, x):
        return self.d3(self.features(x))


def pixels(a):
    return torch.from_numpy(a.astype(np.float32) / 255)[:, None]


def train(folder):
    net, opt = LeNet(), None
    opt = torch.optim.Adam(net.parameters(), 1e-3)
    x, y = pixels(idx(f"{folder}/train-images-idx3-ubyte.gz")), torch.from_numpy(idx(f"{folder}/train-labels-idx1-ubyte.gz").astype(np.int64))
    for epoch in range(5):
        for g in opt.param_groups:
            g["lr"] = 1e-3 * 0.5 ** epoch
        for i in torch.randperm(len(x)).split(128):
            opt.zero_grad()
            F.cross_entropy(net(x[i]), y[i]).backward()
            opt.step()
    return net


def frechet(a, b):
    m = a.mean(0) - b.mean(0)
    s, t = np.cov(a.T), np.cov(b.T)
    w, u = np.linalg.eigh(s)
    r = (u * np.sqrt(w.clip(0))) @ u.T
    mid = r @ t @ r
    return m @ m + np.trace(s) + np.trace(t) - 2 * np.sqrt(np.linalg.eigvalsh((mid + mid.T) / 2).clip(0)).sum()


def balls(a, k=5):
    return torch.cdist(a, a).kthvalue(k + 1).values


def samples(program, checkpoint, folder):
    out = []
    for c in range(10):
        d = os.path.join(folder, f"{c}/")
        subprocess.run([program, "sample", checkpoint, "--n", str(PER_CLASS), "--class", str(c), "--seed", "7",
                        "--threads", "1", "--out", d], check=True, stdout=subprocess.DEVNULL)
        out.append(np.stack([np.array(Image.open(os.path.join(d, f)).convert("L")) for f in sorted(os.listdir(d))]))
    return np.concatenate(out), np.arange(10).repeat(PER_CLASS)


program, data, checkpoints = sys.argv[1], sys.argv[2], sys.argv[3:]
net = train(data)
with torch.no_grad():
    tx, ty = pixels(idx(f"{data}/t10k-images-idx3-ubyte.gz")), idx(f"{data}/t10k-labels-idx1-ubyte.gz")
    real = net.features(tx)
    print(f"classifier: {(net.d3(real).argmax(1).numpy() == ty).mean():.4f} of the test digits right", flush=True)
    near = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(1))[:2000]]
    r_real = balls(near)
    for c in checkpoints:
        with tempfile.TemporaryDirectory() as folder:
            x, y = samples(program, c, folder)
        f = net.features(pixels(x))
        right = (net.d3(f).argmax(1).numpy() == y).mean()
        g = f[torch.randperm(len(f), generator=torch.Generator().manual_seed(2))[:2000]]
        d = torch.cdist(near, g)
        recall = (d < balls(g)[None]).any(1).float().mean()
        precision = (d < r_real[:, None]).any(0).float().mean()
        coverage = (d.min(1).values < r_real).float().mean()
        print(f"{c}: FD {frechet(f.double().numpy(), real.double().numpy()):.2f}  label {right:.3f}  "
              f"precision {precision:.3f}  recall {recall:.3f}  coverage {coverage:.3f}", flush=True)
