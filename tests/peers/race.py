"""Races training steps of sagan against the same steps in PyTorch and TensorFlow, and its drawing against ONNX Runtime:
`make bench`.

Virtual environments with both are made below FOLDER. Every form of a peer (layout, compiled or not, one batch or two)
runs once with all threads; the fastest of each peer then runs in turn with sagan. FOLDER/speed.md gets the medians over
these rounds with their spread, and is printed; FOLDER/speed.svg shows them as bars. Needs an otherwise idle machine:
the short race takes about ten minutes of it.

    tests/peers/race.py [--full] [--rounds N] [--only NAME] PROGRAM FOLDER

The short race has one network, three rounds, and no torch.compile, which compiles for minutes; --full has all
networks, forms (chosen for each number of threads), and seven rounds. TORCH, TENSORFLOW and ONNX in the environment name a Python that has the one or the
other. --only draw: drawing alone.
"""
import argparse, json, os, platform, re, statistics, subprocess, sys, venv

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGES = {"torch": ["torch", "numpy"], "tensorflow": ["tensorflow-cpu"], "onnx": ["onnxruntime", "numpy"]}
SCRIPTS = {"torch": "peer_torch.py", "tensorflow": "peer_tf.py"}
NAMES = {"sagan": "sagan", "torch": "PyTorch", "tensorflow": "TensorFlow", "onnx": "ONNX Runtime"}
# Two passes through one compiled D fail in PyTorch's backward pass: compiled needs --joint.
FORMS = {
    "torch": [f"--layout {layout} {more}".split() for layout in ("nhwc", "nchw")
              for more in ("", "--joint", "--compile --joint")],
    "tensorflow": [[], ["--joint"], ["--xla"], ["--xla", "--joint"]],
}
# name, config, channels, batch, size, colours of an image, whether the short race has it
RACES = [
    ("32x32, 64 channels, batch 64", "bench32", 64, 64, 32, 3, True),
    ("28x28 gray, 64 channels, batch 64", "bench28", 64, 64, 28, 1, False),
    ("32x32, 128 channels, batch 64", "bench32", 128, 64, 32, 3, False),
    ("32x32, 256 channels, batch 16", "bench32", 256, 16, 32, 3, False),
]
THREADS = (1, 2)
# Drawing: config, images of a pass.
DRAWS, DRAW_BATCHES = "demo", (1, 64)


def python_of(peer, folder):
    """The interpreter of a peer's environment, which is made when it is not there."""
    given = os.environ.get(peer.upper())
    if given:
        return given
    place = os.path.join(folder, peer)
    python = os.path.join(place, "bin", "python")
    done = os.path.join(place, ".complete")          # an installation may have been interrupted
    if not os.path.exists(done):
        print(f"installing {', '.join(PACKAGES[peer])} into {place}", flush=True)
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES[peer]], check=True)
        open(done, "w").close()
    return python


def last_json(command):
    """What a program prints last, or None when it fails."""
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = out.stdout.strip().splitlines()
    if out.returncode or not lines:
        print(f"  failed: {' '.join(command)}\n  {out.stderr.strip()[-300:]}", flush=True)
        return None
    return json.loads(lines[-1])


class Race:
    def __init__(self, program, pythons, race, threads, steps):
        self.title, self.config, self.channels, self.batch, self.size, self.img, _ = race
        self.program, self.pythons, self.threads, self.steps = program, pythons, threads, steps
        self.runs = {"sagan": []}

    def sagan(self):
        sets = [f"model.g_channels={self.channels}", f"model.d_channels={self.channels}", f"batch={self.batch}"]
        return [self.program, "bench", config(self.config), "--json",
                "--threads", str(self.threads), "--steps", str(self.steps), *(w for s in sets for w in ("--set", s))]

    def peer(self, peer, form, steps):
        values = {"size": self.size, "img": self.img, "gch": self.channels, "dch": self.channels,
                  "batch": self.batch, "threads": self.threads, "steps": steps}
        return [self.pythons[peer], os.path.join(HERE, SCRIPTS[peer]), *form,
                *(w for k, v in values.items() for w in (f"--{k}", str(v)))]

    def choose(self, full):
        """The fastest form of each peer, by the least of two steps."""
        fastest = {}
        for peer in self.pythons:
            best = None
            for form in FORMS[peer]:
                if "--compile" in form and not full:
                    continue
                r = last_json(self.peer(peer, form, 2))
                if r:
                    print(f"  {NAMES[peer]} {' '.join(form)}: {r['min_s']:.3f} s", flush=True)
                if r and (best is None or r["min_s"] < best):
                    best, fastest[peer] = r["min_s"], form
            if best is None:
                sys.exit(f"{NAMES[peer]}: no form of it runs here")
        return fastest

    def enter(self, forms):
        self.form = forms
        self.runs.update((peer, []) for peer in self.pythons)

    def round(self):
        for who in self.runs:
            r = last_json(self.sagan() if who == "sagan" else self.peer(who, self.form[who], self.steps))
            if r is None:
                sys.exit(f"{NAMES[who]} ran before, and does not now")
            r.setdefault("params", {"G": r.get("params_g"), "D": r.get("params_d")})
            r.setdefault("maxrss_mb", r.get("maxrss_bytes", 0) / 2 ** 20)
            self.runs[who].append(r)
        ours, last = self.runs["sagan"][0]["params"], {who: self.runs[who][-1] for who in self.runs}
        for who in self.runs:
            if last[who]["params"] != ours:
                sys.exit(f"{NAMES[who]} has {last[who]['params']} parameters, sagan {ours}: not the same network")
        print("  " + ", ".join(f"{NAMES[w]} {r['median_s']:.3f} s" for w, r in last.items()), flush=True)

    def median(self, who, key="median_s"):
        return statistics.median(r[key] for r in self.runs[who])

    def peers(self):
        return [w for w in self.runs if w != "sagan"]

    def fastest(self):
        return min(self.peers(), key=self.median)

    def ratio(self):
        """Of each round; their median is the result."""
        return [p["median_s"] / o["median_s"] for p, o in zip(self.runs[self.fastest()], self.runs["sagan"])]


def config(name):
    return os.path.join(HERE, f"../../configs/{name}.yaml")


def race_drawing(program, python, folder, rounds):
    """Lines of a table: images a second of the generator of DRAWS, sagan and ONNX Runtime in turn."""
    run, out = os.path.join(folder, "drawing"), os.path.join(folder, "drawing.onnx")
    if not os.path.exists(os.path.join(run, "config.yaml")):
        subprocess.run([program, "train", config(DRAWS), "--steps", "1", "--out", run, "--quiet"], check=True)
    subprocess.run([program, "export", run, "--onnx", "--out", out], check=True, stdout=subprocess.DEVNULL)
    lines = []
    for batch in DRAW_BATCHES:
        for threads in (t for t in THREADS if t <= (os.cpu_count() or 1)):
            same = ["--batch", str(batch), "--threads", str(threads)]
            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(last_json([program, "bench", config(DRAWS), "--sample", "--json", *same]))
                theirs.append(last_json([python, os.path.join(HERE, "peer_onnx.py"), *same,
                                         os.path.join(out, "generator.onnx")]))
                if not ours[-1] or not theirs[-1]:
                    sys.exit("drawing: it does not run here")
            q = [o["images_per_s"] / t["images_per_s"] for o, t in zip(ours, theirs)]
            a, b = (statistics.median(r["images_per_s"] for r in who) for who in (ours, theirs))
            print(f"drawing {batch} at a time, {threads} threads: {a:.0f} and {b:.0f} images a second", flush=True)
            lines.append(f"| {batch} | {threads} | {a:.0f} | {b:.0f} "
                         f"| **{statistics.median(q):.2f}** ({min(q):.2f}..{max(q):.2f}) |")
    return ["# Drawing", "", f"Images a second of the generator of configs/{DRAWS}.yaml, without writing them; ONNX Runtime "
            f"{theirs[-1]['onnx']} runs what `sagan export --onnx` wrote.", "",
            "| images at a time | threads | sagan | ONNX Runtime | ratio |", "|" + " --- |" * 5, *lines, ""]


def seconds(race, who):
    s = [r["median_s"] for r in race.runs[who]]
    return f"{statistics.median(s):.3f} ({min(s):.3f}..{max(s):.3f})"


def bars(races):
    """Images a second as bars, one for each program and race: SVG."""
    LEFT, LINE, LONGEST, COLOURS = 90, 22, 420, {"sagan": "#1f6f8b", "torch": "#c9884a", "tensorflow": "#b9b0a2"}
    most = max(r.median(w, "images_per_s") for r in races for w in r.runs)
    parts, y = [], 6
    for r in races:
        parts.append(f'<text x="0" y="{y + 15}" font-weight="bold">{threads_title(r)}</text>')
        y += LINE
        for w in r.runs:
            v = r.median(w, "images_per_s")
            wide = LONGEST * v / most
            parts.append(f'<text x="{LEFT - 8}" y="{y + 15}" text-anchor="end">{NAMES[w]}</text>'
                         f'<rect x="{LEFT}" y="{y + 3}" width="{wide:.1f}" height="{LINE - 6}" fill="{COLOURS[w]}"/>'
                         f'<text x="{LEFT + wide + 6:.1f}" y="{y + 15}">{v:.0f}</text>')
            y += LINE
        y += LINE // 2
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + LONGEST + 50} {y}" '
            f'width="{LEFT + LONGEST + 50}" height="{y}" font-family="DejaVu Sans, sans-serif" font-size="13">'
            f'<title>Training, images a second</title><rect width="100%" height="100%" fill="#fff"/>'
            + "".join(parts) + "</svg>\n")


def threads_title(r):
    return f"{r.title}, {r.threads} thread{'s' * (r.threads > 1)}"


def table(races, full):
    versions = {w: races[0].runs[w][0][w] for w in races[0].peers()}
    cpu = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        found = re.search(r"model name\s*: (.*)", open("/proc/cpuinfo").read())
        cpu = found.group(1) if found else cpu
    rounds = len(races[0].runs["sagan"])
    out = [
        "# Speed of a training step", "",
        f"{cpu}, peak of a core {races[0].median('sagan', 'peak_gflops'):.0f} GFLOP/s; "
        + ", ".join(f"{NAMES[w]} {v}" for w, v in versions.items()) + f"; {rounds} rounds, each program in turn.",
        "Seconds of one update of D and one of G: median (least..most) over the rounds. Ratio: the faster peer's time by",
        "ours, median (least..most). Efficiency: GFLOP/s of the plain formulation by the peak of the cores.",
        f"Made by `make bench{' FULL=1' if full else ''}`.", "",
        "| network | threads | sagan, s | " + " | ".join(f"{NAMES[w]}, s" for w in versions)
        + " | ratio | efficiency | memory, MB: sagan, " + ", ".join(NAMES[w] for w in versions) + " |",
        "|" + " --- |" * (6 + len(versions)),
    ]
    for r in races:
        q = r.ratio()
        out.append(f"| {r.title} | {r.threads} | {seconds(r, 'sagan')} | "
                   + " | ".join(seconds(r, w) for w in versions)
                   + f" | **{statistics.median(q):.2f}** ({min(q):.2f}..{max(q):.2f})"
                   + f" | {r.median('sagan', 'efficiency'):.2f} | "
                   + ", ".join(f"{r.median(w, 'maxrss_mb'):.0f}" for w in r.runs) + " |")
    out += ["", "The fastest form of each peer:", ""]
    out += [f"* {threads_title(r)}: "
            + "; ".join(f"{NAMES[w]} `{' '.join(r.form[w]) or 'as it is'}`" for w in r.peers()) for r in races]
    return out + ["", "![training, images a second](speed.svg)", ""]


def write(path, text):
    """Whole or not at all."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.replace(path + ".new", path)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--full", action="store_true")
    p.add_argument("--rounds", type=int)
    p.add_argument("--steps", type=int, default=5)
    p.add_argument("--only", default="", help="networks whose name holds this")
    p.add_argument("program")
    p.add_argument("folder")
    a = p.parse_args()
    rounds = a.rounds or (7 if a.full else 3)
    os.makedirs(a.folder, exist_ok=True)
    draws, races = a.only in ("", "draw"), []
    pythons = {peer: python_of(peer, a.folder) for peer in PACKAGES if peer not in SCRIPTS or a.only != "draw"}
    onnx = pythons.pop("onnx")
    for race in RACES:
        if a.only not in race[0] or not (a.full or a.only or race[6]):
            continue
        forms, some = {}, []
        for threads in sorted((t for t in THREADS if t <= (os.cpu_count() or 1)), reverse=True):
            r = Race(a.program, pythons, race, threads, a.steps)
            print(threads_title(r), flush=True)
            if a.full or not forms:
                forms = r.choose(a.full)
            r.enter(forms)
            for _ in range(rounds):
                r.round()
            some.append(r)
        races += reversed(some)
    if not races and not draws:
        sys.exit(f"--only {a.only}: no network is called so")
    path = os.path.join(a.folder, "speed.md")
    out = table(races, a.full) if races else []
    text = "\n".join(out + (race_drawing(a.program, onnx, a.folder, rounds) if draws else []))
    write(path, text)
    if races:
        write(os.path.join(a.folder, "speed.svg"), bars(races))
    print(f"\n{text}\nwritten to {path}")


main()
