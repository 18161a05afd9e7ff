"""Scores samples with a small classifier: how the recipes of docs/recipes.md were compared.

For each checkpoint given it draws 300 images per class with `sagan sample` and prints one line: Frechet distance of the
classifier's last features to the test images (the metric of arXiv 1706.08500 on our own features: compare only numbers
of this script and data set), accuracy of the asked labels, and precision, recall and coverage (arXiv 1904.06991,
2002.09797, k = 5, 2,000 images each). The classifier is trained from a fixed seed: for MNIST and Fashion-MNIST (IDX
files) LeNet-5 with max pooling and tanh, five epochs; for CIFAR-10 (binary batches) six 3x3 convolutions, six epochs.
SCORE_CACHE=FILE keeps the trained classifier, PER_CLASS=1000 draws more (fewer have a larger distance), AGAINST=train
compares with the training images.

    python3 -m venv build/peer && build/peer/bin/pip install torch numpy pillow
    build/peer/bin/python tests/peers/score_samples.py build/sagan data/mnist runs/mnist-sagan/checkpoint-*.h5
"""
import glob, gzip, os, subprocess, sys, tempfile
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from PIL import Image

PER_CLASS = int(os.environ.get("PER_CLASS", 300))
AGAINST = os.environ.get("AGAINST", "test")


def read(path):
    with (gzip.open if path.endswith(".gz") else open)(path, "rb") as f:
        return f.read()


def idx(path):
    raw = read(path)
    dims = [int.from_bytes(raw[4 + 4 * i:8 + 4 * i], "big") for i in range(raw[3])]
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * raw[3]).reshape(dims)


def load(folder, part):
    """Images [N,H,W,C] and labels [N] of "train" or "test"."""
    names = sorted(glob.glob(f"{folder}/" + ("data_batch_*.bin*" if part == "train" else "test_batch.bin*")))
    if names:                                                       # CIFAR-10
        rows = np.concatenate([np.frombuffer(read(n), np.uint8).reshape(-1, 3073) for n in names])
        return rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), rows[:, 0]
    name = f"{folder}/" + ("train" if part == "train" else "t10k")
    return idx(name + "-images-idx3-ubyte.gz")[..., None], idx(name + "-labels-idx1-ubyte.gz")


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


class ConvNet(nn.Module):
    def __init__(self):
        super().__init__()
        c, layers = 3, []
        for width in (32, 64, 128):
            for i in range(2):
                layers += [nn.Conv2d(c, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
                c = width
            layers.append(nn.MaxPool2d(2))
        self.body, self.d1, self.d3 = nn.Sequential(*layers), nn.Linear(2048, 128), nn.Linear(128, 10)

    def features(self, x):
        return torch.tanh(self.d1(self.body(2 * x - 1).flatten(1)))

    def forward(self, x):
        return self.d3(self.features(x))


def pixels(a):
    return torch.from_numpy(np.ascontiguousarray(a.transpose(0, 3, 1, 2)).astype(np.float32) / 255)


def train(x, y):
    colour = x.shape[-1] == 3
    net, epochs = (ConvNet(), 6) if colour else (LeNet(), 5)
    cache = os.environ.get("SCORE_CACHE")
    if cache and os.path.exists(cache):
        net.load_state_dict(torch.load(cache))
        return net.eval()
    x, y = pixels(x), torch.from_numpy(y.astype(np.int64))
    opt = torch.optim.Adam(net.parameters(), 1e-3)
    for epoch in range(epochs):
        for g in opt.param_groups:
            g["lr"] = 1e-3 * 0.5 ** epoch
        for i in torch.randperm(len(x)).split(128):
            batch = x[i]
            if colour and torch.rand(()) < 0.5:
                batch = batch.flip(3)
            opt.zero_grad()
            F.cross_entropy(net(batch), y[i]).backward()
            opt.step()
    if cache:
        torch.save(net.state_dict(), cache)
    return net.eval()


def in_parts(f, x):
    return torch.cat([f(p) for p in x.split(500)])


def frechet(a, b):
    m = a.mean(0) - b.mean(0)
    s, t = np.cov(a.T), np.cov(b.T)
    w, u = np.linalg.eigh(s)
    r = (u * np.sqrt(w.clip(0))) @ u.T
    mid = r @ t @ r
    return m @ m + np.trace(s) + np.trace(t) - 2 * np.sqrt(np.linalg.eigvalsh((mid + mid.T) / 2).clip(0)).sum()


def balls(a, k=5):
    return torch.cdist(a, a).kthvalue(k + 1).values


def samples(program, checkpoint, folder, mode):
    out = []
    for c in range(10):
        d = os.path.join(folder, f"{c}/")
        subprocess.run([program, "sample", checkpoint, "--n", str(PER_CLASS), "--class", str(c), "--seed", "7",
                        "--threads", "1", "--out", d], check=True, stdout=subprocess.DEVNULL)
        out += [np.array(Image.open(os.path.join(d, f)).convert(mode)) for f in sorted(os.listdir(d))]
    x = np.stack(out)
    return x.reshape(*x.shape[:3], -1), np.arange(10).repeat(PER_CLASS)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    program, data, checkpoints = sys.argv[1], sys.argv[2], sys.argv[3:]
    images, labels = load(data, "train")
    net = train(images, labels)
    with torch.no_grad():
        tx, ty = load(data, "test")
        test = in_parts(net.features, pixels(tx))
        print(f"classifier: {(net.d3(test).argmax(1).numpy() == ty).mean():.4f} of the test images right", flush=True)
        real = in_parts(net.features, pixels(images)) if AGAINST == "train" else test
        if AGAINST == "train":
            print(f"the test images: FD {frechet(test.double().numpy(), real.double().numpy()):.2f}", flush=True)
        near = real[torch.randperm(len(real), generator=torch.Generator().manual_seed(1))[:2000]]
        r_real = balls(near)
        for c in checkpoints:
            with tempfile.TemporaryDirectory() as folder:
                x, y = samples(program, c, folder, "RGB" if images.shape[-1] == 3 else "L")
            f = in_parts(net.features, pixels(x))
            right = (net.d3(f).argmax(1).numpy() == y).mean()
            g = f[torch.randperm(len(f), generator=torch.Generator().manual_seed(2))[:2000]]
            d = torch.cdist(near, g)
            recall = (d < balls(g)[None]).any(1).float().mean()
            precision = (d < r_real[:, None]).any(0).float().mean()
            coverage = (d.min(1).values < r_real).float().mean()
            print(f"{c}: FD {frechet(f.double().numpy(), real.double().numpy()):.2f}  label {right:.3f}  "
                  f"precision {precision:.3f}  recall {recall:.3f}  coverage {coverage:.3f}", flush=True)


if __name__ == "__main__":
    main()
