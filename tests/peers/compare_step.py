r"""Training steps in PyTorch, from the start and the numbers that a run of sagan has written down.

    make REAL=double                                    # beside the program in float: build/double/sagan
    build/double/sagan train configs/demo.yaml --out RUN --steps 0 --set loss.penalty=none --set optim.schedule=constant \
        --set model.spectral_norm_g=true --set model.spectral_norm_d=true
    build/double/sagan train RUN --steps 10 --record 10
    python3 -m venv build/peer && build/peer/bin/pip install torch numpy h5py
    build/peer/bin/python tests/peers/compare_step.py RUN

checkpoint-00000000.h5 holds the parameters and the vectors of spectral norm, steps.h5 the images, latents and labels of
each pass and the losses. This program builds the ResNet networks (network: resnet28, resnet32, ..) of PyTorch's own parts,
gives them the start, and takes the steps: torch.nn.utils.spectral_norm, BatchNorm2d, Adam. Prints both losses of each
step; status 1 when one differs by more than --limit (default 1e-10) of its size. docs/step.md says what was found.
"""
import argparse
import pathlib
import sys

import h5py
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm

# What this program computes; another value of one of these keys is refused.
FIXED = {
    "model.sn_iterations": "1",
    "model.sn_update": "every_forward", "model.d_batch_norm": "false", "model.cbn_sn": "false",
    "model.up": "nearest", "model.d_skip": "linear", "optim.kind": "adam", "loss.penalty_every": "1",
    "optim.form": "torch", "optim.schedule": "constant", "optim.warmup": "0", "optim.weight_decay": "0",
    "optim.clip_norm": "0", "optim.accumulate": "1", "augment.policy": "none",
}


def read_config(path):
    """The keys of a config.yaml that sagan has written, as texts: model.latent and so on."""
    keys, section = {}, ""
    for line in path.read_text().splitlines():
        name, _, value = line.strip().partition(":")
        if not line.startswith(" "):
            section = "" if value.strip() else name + "."
        if value.strip():
            keys[(section if line.startswith(" ") else "") + name] = value.strip().strip('"')
    return keys


class ConditionalNorm(nn.Module):
    """Gain and bias are layers of what the norm follows: tables of labels, or products with vectors."""
    def __init__(self, c, eps, plus, layer):
        super().__init__()
        self.plus = plus
        self.bn = nn.BatchNorm2d(c, eps=eps, affine=False)
        self.gain, self.bias = layer(), layer()

    def forward(self, x, y):
        return self.bn(x) * (self.plus + self.gain(y)[:, :, None, None]) + self.bias(y)[:, :, None, None]


class Parts:
    """The layers of the networks, with the settings of the run."""
    def __init__(self, keys, w, normed=True):
        self.normed = normed
        self.sn_eps, self.bn_eps = float(keys["model.sn_eps"]), float(keys["model.bn_eps"])
        self.plus = keys["model.cbn_form"] == "one_plus"
        table = next((w[name] for name in ("class/embeddings", "block1/norm1/gain/embeddings") if name in w), None)
        self.classes, self.class_vector = table.shape if table is not None else (0, 0)
        self.modulation, self.latent = keys["model.modulation"], int(keys["model.latent"])

    def sn(self, layer):
        return spectral_norm(layer, eps=self.sn_eps) if self.normed else layer

    def conv(self, i, o, k, bias=True):
        return self.sn(nn.Conv2d(i, o, k, padding=k // 2, bias=bias))

    def norm(self, c, latent=0):
        """Of a block of G; `latent` is how much of the latent its norms follow."""
        if self.modulation != "label":
            return ConditionalNorm(c, self.bn_eps, 1, lambda: nn.Linear(latent + self.class_vector, c, bias=False))
        if self.classes == 0:
            return nn.BatchNorm2d(c, eps=self.bn_eps)
        return ConditionalNorm(c, self.bn_eps, self.plus, lambda: nn.Embedding(self.classes, c))


class Attention(nn.Module):
    def __init__(self, p, c):
        super().__init__()
        self.theta, self.phi = p.conv(c, c // 8, 1, False), p.conv(c, c // 8, 1, False)
        self.g, self.attn = p.conv(c, c // 2, 1, False), p.conv(c // 2, c, 1, False)
        self.sigma_ratio = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        n, c, h, w = x.shape
        q = self.theta(x).flatten(2)
        k, v = (F.max_pool2d(t, 2).flatten(2) for t in (self.phi(x), self.g(x)))
        s = torch.softmax(q.transpose(1, 2) @ k, -1)
        return x + self.sigma_ratio * self.attn((v @ s.transpose(1, 2)).view(n, c // 2, h, w))


class GBlock(nn.Module):
    def __init__(self, p, c, latent):
        super().__init__()
        self.norm1, self.norm2 = p.norm(c, latent), p.norm(c, latent)
        self.conv1, self.conv2, self.skip = p.conv(c, c, 3), p.conv(c, c, 3), p.conv(c, c, 1)

    def forward(self, x, y):
        norm = lambda layer, t: layer(t, y) if isinstance(layer, ConditionalNorm) else layer(t)
        up = lambda t: F.interpolate(t, scale_factor=2)
        r = self.conv1(up(F.relu(norm(self.norm1, x))))
        return self.conv2(F.relu(norm(self.norm2, r))) + self.skip(up(x))


class DBlock(nn.Module):
    def __init__(self, p, i, o, down, first):
        super().__init__()
        self.down, self.first = down, first
        self.conv1, self.conv2 = p.conv(i, o, 3), p.conv(o, o, 3)
        self.skip = p.conv(i, o, 1) if down or i != o else None

    def forward(self, x):
        r = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        pool = (lambda t: F.avg_pool2d(t, 2)) if self.down else lambda t: t
        if self.skip is not None:
            x = self.skip(pool(x)) if self.first else pool(self.skip(x))
        return pool(r) + x


class Generator(nn.Module):
    def __init__(self, p, w, size):
        super().__init__()
        self.c = w["out/kernel"].shape[2]
        self.blocks = sum(f"block{i}/conv1/kernel" in w for i in range(1, 9))
        self.base = size >> self.blocks
        first = w["dense/kernel"].shape[0]
        self.dense = p.sn(nn.Linear(first, self.base ** 2 * self.c))
        each = (p.latent - first) // self.blocks or p.latent
        self.pieces = [first] + [each] * self.blocks                  # what each part sees of the latent
        self.modulated, self.chunks = p.modulation != "label", p.modulation == "chunks"
        if self.modulated and p.classes:
            self.add_module("class", nn.Embedding(p.classes, p.class_vector))
        for i in range(self.blocks):
            setattr(self, f"block{i + 1}", GBlock(p, self.c, each))
        for name in {k.split("/")[0] for k in w if k.startswith("attention")}:
            setattr(self, name, Attention(p, self.c))
        self.norm, self.out = nn.BatchNorm2d(self.c, eps=p.bn_eps), p.conv(self.c, w["out/kernel"].shape[3], 3)

    def followed(self, z, y):
        """What the norms of each block follow: labels, or [vector of the class, the latent or a piece of it]."""
        if not self.modulated:
            return [y] * self.blocks
        vector = [getattr(self, "class")(y)] if hasattr(self, "class") else []
        return [torch.cat(vector + [piece], 1) for piece in (z.split(self.pieces, 1)[1:] if self.chunks else [z] * self.blocks)]

    def forward(self, z, y):
        x = self.dense(z[:, :self.pieces[0]]).view(-1, self.base, self.base, self.c).permute(0, 3, 1, 2)
        for i, condition in enumerate(self.followed(z, y)):
            x = getattr(self, f"block{i + 1}")(x, condition)
            x = getattr(self, f"attention{x.shape[2]}", lambda t: t)(x)
        return torch.tanh(self.out(F.relu(self.norm(x))))


class Discriminator(nn.Module):
    def __init__(self, p, w, size):
        super().__init__()
        self.blocks = sum(f"block{i}/conv1/kernel" in w for i in range(1, 9))
        c = w["linear/kernel"].shape[0]
        for i in range(self.blocks):
            ins = w[f"block{i + 1}/conv1/kernel"].shape[2]
            setattr(self, f"block{i + 1}", DBlock(p, ins, c, f"block{i + 1}/skip/kernel" in w, i == 0))
        for name in {k.split("/")[0] for k in w if k.startswith("attention")}:
            setattr(self, name, Attention(p, c))
        self.linear = p.sn(nn.Linear(c, 1))
        self.embed = p.sn(nn.Embedding(p.classes, c)) if p.classes else None

    def forward(self, x, y):
        size = x.shape[2]
        for i in range(self.blocks):
            x = getattr(self, f"block{i + 1}")(x)
            if x.shape[2] != size:                       # once for each map
                size = x.shape[2]
                x = getattr(self, f"attention{size}", lambda t: t)(x)
        h = F.relu(x).sum((2, 3))
        logit = self.linear(h)[:, 0]
        return logit + (self.embed(y) * h).sum(1) if self.embed else logit


def give(network, weights):
    """The numbers of a checkpoint, by name: block1/conv1/kernel becomes block1.conv1.weight_orig, turned."""
    left = {**dict(network.named_parameters()), **dict(network.named_buffers())}
    for path, x in weights.items():
        *layer, last = path.split("/")
        name = {"kernel": "weight", "embeddings": "weight", "gamma": "weight", "beta": "bias", "u": "weight_u",
                "moving_mean": "running_mean", "moving_variance": "running_var"}.get(last, last)
        at = [".".join(layer + extra + [n]) for n in (name, name + "_orig") for extra in ([], ["bn"])]
        to = next((left.pop(n) for n in at if n in left), None)
        if to is None:
            sys.exit(f"{path}: no such part here")
        if last == "kernel":
            x = x.permute(3, 2, 0, 1) if x.dim() == 4 else x.T
        with torch.no_grad():
            to.copy_(x.reshape(to.shape))
    # Made anew in the first pass: the other vector of spectral norm, and the divided weight. Counts of batches.
    made = [n.removesuffix("_orig") for n, _ in network.named_parameters() if n.endswith("_orig")]
    rest = [n for n in left if n not in made and not n.endswith(("weight_v", "num_batches_tracked"))]
    if rest:
        sys.exit(f"the checkpoint has no {', '.join(rest)}")


def read_group(f, group):
    """Every data set below a group: path -> tensor of doubles."""
    out = {}
    f[group].visititems(lambda name, x: out.update({name: torch.tensor(x[()], dtype=torch.float64)})
                        if isinstance(x, h5py.Dataset) else None)
    return out


# loss.name: the losses of D and of G from the logits of real and fake images.
LOSSES = {
    "hinge": (lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean(), lambda r, f: -f.mean()),
    "ns": (lambda r, f: F.softplus(-r).mean() + F.softplus(f).mean(), lambda r, f: F.softplus(-f).mean()),
    "rpgan": (lambda r, f: F.softplus(-(r - f)).mean(), lambda r, f: F.softplus(-(f - r)).mean()),
}
PAIRS = ("rpgan",)


def slope(logits, images):
    """Mean squared length of the gradient of D at the images."""
    grad, = torch.autograd.grad(logits.sum(), images, create_graph=True)
    return grad.square().sum((1, 2, 3)).mean()


class Rules:
    """What the keys say about losses and penalties."""
    def __init__(self, keys):
        self.d_loss, self.g_loss = LOSSES[keys["loss.name"]]
        self.pairs, self.joint = keys["loss.name"] in PAIRS, keys["loss.d_batch"] == "joint"
        gamma = float(keys["loss.penalty_weight"].strip("[]").split(",")[0])     # where a ramp begins
        self.gammas = {"none": None, "r1r2": (gamma, float(keys["loss.penalty_weight_fake"]) or gamma)}[keys["loss.penalty"]]

    def penalty(self, logits, images):
        return sum(c / 2 * slope(y, x) for c, y, x in zip(self.gammas, logits, images)) if self.gammas else 0


def networks(keys, checkpoint):
    """G and D as a checkpoint has them, and the rules of their training. KeyError: a value that is not known here."""
    if not keys["model.network"].startswith("resnet"):
        raise KeyError(keys["model.network"])
    with h5py.File(checkpoint) as f:
        w_g, w_d = read_group(f, "generator"), read_group(f, "discriminator")
    size = int(keys["model.size"].strip("[]").split(",")[0])
    normed = lambda side: keys[f"model.spectral_norm_{side}"] == "true"
    g = Generator(Parts(keys, w_g, normed("g")), w_g, size)
    d = Discriminator(Parts(keys, w_g, normed("d")), w_d, size)
    give(g, w_g)
    give(d, w_d)
    return g, d, Rules(keys)


def step(g, d, opt_g, opt_d, record, rules):
    """One step as sagan takes it: losses of D and G, penalty, lengths of their gradients; of several updates the mean."""
    maps = lambda x: torch.tensor(x[()], dtype=torch.float64).permute(0, 3, 1, 2)
    draw = lambda p, name: torch.tensor(p[name][()], dtype=torch.float64)
    label = lambda p, name: torch.tensor(p[name][()]).long() if name in p else None
    losses, penalties, norms = [], [], []
    length = lambda n: torch.cat([p.grad.flatten() for p in n.parameters() if p.grad is not None]).norm().item()
    for name in sorted((n for n in record if n[0] == "d"), key=lambda n: int(n[1:])):
        p = record[name]
        with torch.no_grad():
            fake = g(draw(p, "latent"), label(p, "label"))
        real, real_y, y = maps(p["real"]), label(p, "real_label"), label(p, "label")
        images = real.requires_grad_(), fake.requires_grad_()
        if rules.joint:
            both = d(torch.cat(images), None if y is None else torch.cat([real_y, y])).split(len(real))
        else:
            both = d(real, real_y), d(fake, y)
        loss = rules.d_loss(*both)
        opt_d.zero_grad()
        penalty = rules.penalty(both, images)
        (loss + penalty).backward()
        opt_d.step()
        losses.append(loss.item())
        penalties.append(penalty.item() if rules.gammas else 0.0)
        norms.append(length(d))
    p = record["g1"]
    d.requires_grad_(False)
    fake = d(g(draw(p, "latent"), label(p, "label")), label(p, "label"))
    loss = rules.g_loss(d(maps(p["real"]), label(p, "real_label")) if rules.pairs else None, fake)
    opt_g.zero_grad()
    loss.backward()
    opt_g.step()
    d.requires_grad_(True)
    mean = lambda x: sum(x) / len(x)
    return mean(losses), loss.item(), mean(penalties), mean(norms), length(g)


def refuse_others(keys, fixed, run):
    """Ends the program where the config has another value of a key than the one that is known."""
    for name, value in fixed.items():
        if keys.get(name) != value:
            sys.exit(f"{run}/config.yaml: {name} is {keys.get(name)}; this program knows {value}")


def adam(network, keys, rate):
    return torch.optim.Adam(network.parameters(), float(keys[rate]), eps=float(keys["optim.eps"]),
                            betas=(float(keys["optim.beta1"]), float(keys["optim.beta2"])))


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("run", type=pathlib.Path)
    arguments.add_argument("--limit", type=float, default=1e-10)
    arguments.add_argument("--write", type=pathlib.Path, help="a line for each step: losses, penalty, lengths of gradients")
    a = arguments.parse_args()
    torch.set_default_dtype(torch.float64)
    keys = read_config(a.run / "config.yaml")
    refuse_others(keys, FIXED, a.run)
    if "," in keys["loss.penalty_weight"]:
        sys.exit(f"{a.run}/config.yaml: loss.penalty_weight is {keys['loss.penalty_weight']}; this program knows one number")
    try:
        g, d, rules = networks(keys, a.run / "checkpoint-00000000.h5")
    except KeyError as unknown:
        sys.exit(f"{a.run}/config.yaml: this program does not know {unknown}")
    opt_g, opt_d = adam(g, keys, "optim.lr_g"), adam(d, keys, "optim.lr_d")
    worst, lines = 0.0, []
    print(f"{'step':>4}  {'loss of D, sagan':>20}  {'PyTorch':>20}  {'loss of G, sagan':>20}  {'PyTorch':>20}  difference")
    with h5py.File(a.run / "steps.h5") as f:
        for i in range(1, len(f) + 1):
            ours = f[f"step{i}"].attrs
            theirs = step(g, d, opt_g, opt_d, f[f"step{i}"], rules)
            lines.append(" ".join([str(i)] + [f"{x:.12g}" for x in theirs]) + "\n")
            off = max(abs(x - y) / max(abs(x), 1) for x, y in zip((ours["d_loss"], ours["g_loss"]), theirs))
            worst = max(worst, off)
            print(f"{i:4}  {ours['d_loss']:20.15f}  {theirs[0]:20.15f}  {ours['g_loss']:20.15f}  {theirs[1]:20.15f}  {off:.1e}")
    if a.write:
        a.write.write_text("".join(lines))
    print(f"PyTorch {torch.__version__}: largest difference {worst:.1e}, {a.limit:.0e} allowed")
    return not worst <= a.limit


if __name__ == "__main__":
    sys.exit(main())
