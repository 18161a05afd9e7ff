"""Attention over large maps: the kernels of bench_attention against PyTorch's scaled_dot_product_attention, in turn.

    make build/float/tests/bench_attention
    python3 -m venv build/peer && build/peer/bin/pip install torch
    build/peer/bin/python tests/peers/attention_torch.py [THREADS [NAME-PART]]

Prints a table in Markdown: milliseconds forward and with all derivatives, the least of all runs of each (of processor
time with one thread), and the ratio. PyTorch's blocked kernel wants queries, keys and values of one width: queries and
keys are also given padded with zeros, and the faster one of the two counts. Shapes are those that bench_attention
prints; those with keys that have positions are left out.
"""
import os, re, subprocess, sys, time
import torch
import torch.nn.functional as F

ROUNDS, RUNS = 3, 5
LINE = re.compile(r"(.+?)\s+(\d+) x +(\d+) x +(\d+), +(\d+), +(\d+) +([\d.]+) ms.*?ms.*?([\d.]+) ms")
threads = sys.argv[1] if len(sys.argv) > 1 else "1"
clock = time.process_time if threads == "1" else time.perf_counter
torch.set_num_threads(int(threads))


def ours():
    """{(name, samples, N, M, d, c): (forward, both)} in ms."""
    text = subprocess.run(["build/float/tests/bench_attention", *(sys.argv[1:] or ["1"])], check=True, text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "BEST": "1"}).stdout
    rows = [m.groups() for m in map(LINE.match, text.splitlines()) if m]
    return {(r[0], *map(int, r[1:6])): (float(r[6]), float(r[7])) for r in rows if not r[0].startswith("mhsa")}


def least(f):
    f()
    times = []
    for _ in range(RUNS):
        start = clock()
        f()
        times.append(clock() - start)
    return 1e3 * min(times)


def torchs(shape):
    samples, n, m, d, c = shape
    q, k, v = (torch.randn(samples, 1, *s, requires_grad=True) for s in ((n, d), (m, d), (m, c)))
    dy = torch.randn(samples, 1, n, c)
    pad = lambda x: F.pad(x, (0, max(0, c - d)))
    plain = lambda: F.scaled_dot_product_attention(q, k, v, scale=1.0)
    padded = lambda: F.scaled_dot_product_attention(pad(q), pad(k), v, scale=1.0)
    both = [least(lambda: torch.autograd.grad(f(), (q, k, v), dy)) for f in (plain, padded)]
    with torch.no_grad():
        return min(map(least, (plain, padded))), min(both)


times = {}
for _ in range(ROUNDS):
    for key, mine in ours().items():
        pair = [*mine, *torchs(key[1:])]
        times[key] = [min(a, b) for a, b in zip(times.get(key, pair), pair)]
print(f"PyTorch {torch.__version__}, threads: {threads}\n")
print("| shape | forward, ms | PyTorch | ratio | with derivatives, ms | PyTorch | ratio |")
print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
for key, (a, b, c, d) in times.items():
    print(f"| {key[0]} | {a:.1f} | {c:.1f} | {c / a:.1f} | {b:.1f} | {d:.1f} | {d / b:.1f} |")
