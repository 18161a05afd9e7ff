r"""Trains a network of sagan in PyTorch, by the recipe and from the weights that sagan has written down.

    build/sagan train configs/demo.yaml --out RUN --steps 0
    python3 -m venv build/peer && build/peer/bin/pip install torch numpy h5py pillow
    build/peer/bin/python tests/peers/train_torch.py RUN --seed 1 --out torch.npz
    build/sagan evaluate torch.npz --against data/mnist         # the same of the run itself, when it has been trained

The networks, losses and penalties are those of compare_step.py, which takes the very steps of a run; here PyTorch draws
its own batches and latents, for as many steps as the config says. It ends with images of the moving average, as many of
each class. What the config asks for and this program does not know is refused.
"""
import argparse
import math
import pathlib
import sys
import time

import h5py
import numpy as np
import torch

import compare_step as peer
from score_samples import load

# What this program computes; another value of one of these keys is refused.
FIXED = {name: value for name, value in peer.FIXED.items() if name != "optim.schedule"} | {
    "optim.schedule": "linear", "ema.start": "0", "ema.bn_mode": "running", "loss.lecam_weight": "0", "loss.cr_weight": "0",
    "loss.cr_weight_fake": "0", "loss.zcr_weight": "0", "loss.zcr_weight_g": "0", "loss.top_k": "1",
    "loss.penalty_weight_fake": "0", "optim.schedule_steps": "0", "model.conditional": "true", "data.split": "train",
    "data.limit": "0", "data.resize": "none",
}
DRAWN_AT_ONCE = 500


def ramp(text):
    """A number, or two as [from, to] on a cosine: a function of the share of the steps that is done."""
    ends = [float(x) for x in text.strip("[]").split(",")]
    return lambda share: ends[-1] + (ends[0] - ends[-1]) * (1 + math.cos(math.pi * share)) / 2


class Batches:
    """Images in [-1, 1] and labels, in a new order in each epoch."""
    def __init__(self, folder, batch, flip, draw):
        x, y = load(folder, "train")
        self.x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())
        self.y = torch.from_numpy(y.astype(np.int64))
        self.batch, self.flip, self.draw, self.left = batch, flip, draw, torch.empty(0, dtype=torch.int64)

    def next(self):
        if len(self.left) < self.batch:
            self.left = torch.randperm(len(self.x), generator=self.draw)
        at, self.left = self.left[:self.batch], self.left[self.batch:]
        x = self.x[at].float() / 127.5 - 1
        if self.flip:
            turn = torch.rand(len(x), generator=self.draw) < 0.5
            x[turn] = x[turn].flip(3)
        return x.contiguous(memory_format=torch.channels_last), self.y[at]


class Average:
    """A moving average of parameters and running statistics: half of a change after `half_life` images, at the beginning
    after a share of those seen."""
    def __init__(self, network, keys):
        self.now = {n: x.clone() for n, x in network.state_dict().items()}
        self.half_life, self.share = float(keys["ema.half_life"]), float(keys["ema.rampup"])
        self.batch = int(keys["batch"])

    def follow(self, network, step):
        half = min(self.half_life, self.share * step * self.batch) if self.share else self.half_life
        keep = 0.5 ** (self.batch / half) if half > 0 else 0
        for n, x in network.state_dict().items():
            if x.is_floating_point():
                self.now[n].lerp_(x, 1 - keep)


def train(keys, g, d, rules, data, draw, steps):
    opts = peer.adam(d, keys, "optim.lr_d"), peer.adam(g, keys, "optim.lr_g")
    rates = [o.param_groups[0]["lr"] for o in opts]
    gamma, last = ramp(keys["loss.penalty_weight"]), float(keys["optim.final_fraction"])
    latent = lambda n: torch.randn(n, int(keys["model.latent"]), generator=draw)
    average, begin = Average(g, keys), time.perf_counter()
    for step in range(steps):
        share = step / steps
        for o, rate in zip(opts, rates):
            o.param_groups[0]["lr"] = rate * (1 - (1 - last) * share)
        rules.gammas = rules.gammas and (gamma(share),) * 2
        for _ in range(int(keys["optim.d_steps"])):
            real, y = data.next()
            with torch.no_grad():
                fake = g(latent(len(y)), y)
            images = real.requires_grad_(), fake.requires_grad_()
            both = d(torch.cat(images), torch.cat([y, y])).split(len(y)) if rules.joint else [d(x, y) for x in images]
            loss = rules.d_loss(*both)
            opts[0].zero_grad()
            (loss + rules.penalty(both, images)).backward()
            opts[0].step()
        d.requires_grad_(False)
        real, y = data.next() if rules.pairs else (None, data.next()[1])
        fake = d(g(latent(len(y)), y), y)
        lost = rules.g_loss(d(real, y) if rules.pairs else None, fake)
        opts[1].zero_grad()
        lost.backward()
        opts[1].step()
        d.requires_grad_(True)
        average.follow(g, step + 1)
        if (step + 1) % 50 == 0 or step + 1 == steps:
            seconds = time.perf_counter() - begin
            print(f"step {step + 1}/{steps}  D {loss.item():.3f}  G {lost.item():.3f}  {seconds / (step + 1):.3f} s a step, "
                  f"{seconds:.0f} s", flush=True)
    g.load_state_dict(average.now)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("run", type=pathlib.Path)
    arguments.add_argument("--data", help="default: data.path of the run")
    arguments.add_argument("--steps", type=int, help="default: those of the run")
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--n", type=int, default=10000, help="images to draw")
    arguments.add_argument("--out", type=pathlib.Path, required=True, help=".npz of images and labels")
    a = arguments.parse_args()
    torch.set_num_threads(a.threads)
    torch.manual_seed(a.seed)
    draw = torch.Generator().manual_seed(a.seed)
    keys = peer.read_config(a.run / "config.yaml")
    peer.refuse_others(keys, FIXED, a.run)
    for name in ("ema.half_life", "optim.beta2"):
        if keys[name] == "0" or "," in keys[name]:
            sys.exit(f"{a.run}/config.yaml: {name} is {keys[name]}; this program knows one number above 0")
    try:
        g, d, rules = peer.networks(keys, a.run / "checkpoint-00000000.h5")
    except KeyError as unknown:
        sys.exit(f"{a.run}/config.yaml: this program does not know {unknown}")
    g, d = (n.float().to(memory_format=torch.channels_last) for n in (g, d))
    data = Batches(a.data or keys["data.path"], int(keys["batch"]), keys["data.flip"] == "true", draw)
    train(keys, g, d, rules, data, draw, a.steps or int(keys["steps"]))
    g.eval()
    labels = torch.arange(a.n) % int(keys["model.classes"])
    with torch.no_grad():
        z = torch.randn(a.n, int(keys["model.latent"]), generator=draw)
        images = torch.cat([g(*part) for part in zip(z.split(DRAWN_AT_ONCE), labels.split(DRAWN_AT_ONCE))])
    np.savez(a.out, images=images.permute(0, 2, 3, 1).numpy(), labels=labels.numpy())
    print(f"{a.out}: {a.n} images")


if __name__ == "__main__":
    main()
