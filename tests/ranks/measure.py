"""What slices and processes cost on this machine: tables in Markdown for docs/scaling.md. Needs two idle cores.

    make bench-ranks MPI=1          PAIRS=5 STEPS=8: so many pairs of runs, and steps of each

Every figure is the median over pairs of runs, one after the other in turn; the time of a step is the median over the
steps of a run, the first two left out. Two hosts (tests/ranks/hosts.sh) are measured where root may make them.
"""
import csv
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

PAIRS, STEPS = int(os.environ.get("PAIRS", 5)), int(os.environ.get("STEPS", 8))
CONFIG = os.environ.get("CONFIG", "configs/bench32.yaml")
BATCH = int(os.environ.get("BATCH", 64))
ANY_USER = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
HERE = pathlib.Path(__file__).parent
median = statistics.median


class Bench:
    def __init__(self, program, work):
        self.program, self.work = program, work
        self.mpi, self.mpirun = os.environ["SAGAN_MPI"], os.environ.get("MPIRUN", "mpirun")
        self.runs = 0

    def words(self, out, batch, slices, threads):
        sets = {"train.slices": slices, "batch": batch, "train.log_every": 1, "train.sample_every": 0, "score.count": 0,
                "train.tensorboard": "false"}
        return ["train", CONFIG, "--out", str(out), "--steps", str(STEPS), "--threads", str(threads),
                *(f"--set={k}={v}" for k, v in sets.items())]

    def folder(self):
        self.runs += 1
        return self.work / f"run{self.runs}"

    def read(self, out, said):
        """Seconds of a step, and of several processes what they sent, had under way and waited for, in a step."""
        if not (out / "timing.csv").exists():
            sys.exit(said)
        at = [float(row["seconds"]) for row in csv.DictReader((out / "timing.csv").open())]
        steps = [b - a for a, b in zip(at, at[1:])][1:]
        found = re.search(r"a step of .* s: (.*) MB sent by a process, (.*) s under way, (.*) s of that waited", said)
        shutil.rmtree(out)
        return (median(steps), *(float(x) for x in found.groups())) if found else (median(steps), 0, 0, 0)

    def run(self, lines, batch, slices, threads):
        """One run for each line before the program's words, all at the same time; slices: of all, or of each."""
        each = slices if isinstance(slices, tuple) else (slices,) * len(lines)
        outs = [self.folder() for _ in lines]
        jobs = [subprocess.Popen([*line, *self.words(out, batch, n, threads)], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True) for line, out, n in zip(lines, outs, each)]
        said = [j.communicate()[0] for j in jobs]
        return [self.read(out, text) for out, text in zip(outs, said)]

    def alone(self, slices, threads, cores="0,1"):
        return self.run([["taskset", "-c", cores, self.program]], BATCH, slices, threads)[0]

    def together(self, n, slices, batch=BATCH, before=(), options=("--bind-to", "none")):
        if "mpich" in self.mpirun:
            options = ()
        line = [*before, self.mpirun, "-n", str(n), *options, self.mpi]
        return self.run([line], batch, slices, 1)[0]


def ratio(a, b):
    """Of times in pairs: median of b / a, and the smallest and largest."""
    r = [y[0] / x[0] for x, y in zip(a, b)]
    return f"{median(r):.2f} ({min(r):.2f} to {max(r):.2f})"


def seconds(rows):
    return f"{median(r[0] for r in rows):.3f}"


def slices(b):
    """Both at the same time, one on each core, then on the other: what the machine does meets both."""
    one, eight = [], []
    for _ in range(PAIRS):
        rows = [b.run([["taskset", "-c", c, b.program] for c in cores], BATCH, (1, 8), 1) for cores in ("01", "10")]
        one.append((statistics.geometric_mean(r[0][0] for r in rows),))
        eight.append((statistics.geometric_mean(r[1][0] for r in rows),))
    print("\n**What slices cost**, one process, one thread\n\n| slices | a step, s | S = 8 over S = 1 |\n| --- | --- | --- |")
    print(f"| 1 | {seconds(one)} | |\n| 8 | {seconds(eight)} | {ratio(one, eight)} |", flush=True)


def processes(b):
    threads, both, plain = [], [], []
    for _ in range(PAIRS):
        plain.append(b.alone(1, 2))
        threads.append(b.alone(2, 2))
        both.append(b.together(2, 2))
    print("\n**Two processes against two threads**, one machine\n\n| | a step, s | speed, of the first row |\n| --- | --- | --- |")
    print(f"| 1 process x 2 threads, slices 2 | {seconds(threads)} | |")
    print(f"| 2 processes x 1 thread, slices 2 | {seconds(both)} | {ratio(both, threads)} |")
    print(f"| 1 process x 2 threads, slices 1 | {seconds(plain)} | {ratio(plain, threads)} |", flush=True)


def exchanges(b):
    print("\n**What is carried**, in a step, by rank 0; hidden: under way while it computed\n\n"
          "| processes | sent, MB | under way, s | hidden, s | not hidden, s | a step, s |\n"
          "| --- | --- | --- | --- | --- | --- |")
    for n in (2, 4):
        rows = [b.together(n, 4, options=("--bind-to", "none", "--oversubscribe")) for _ in range(PAIRS)]
        step, sent, carried, waited = (median(r[i] for r in rows) for i in range(4))
        over = " (two a core)" if n > 2 else ""
        print(f"| {n}{over} | {sent:.2f} | {carried:.3f} | {carried - waited:.3f} | {waited:.3f} | {step:.3f} |",
              flush=True)


def hosts(b):
    """Runs inside of hosts.sh: a run of its own on each host, then one of both, with two batches."""
    own, both = [], []
    here = ["taskset", "-c", "0", b.program]
    there = ["ssh", "node2", "cd", os.getcwd(), "&&", "taskset", "-c", "1", b.program]
    pinned = "mpich" not in b.mpirun
    options = ("--host", "node1:1,node2:1", "--map-by", "node", "--bind-to", "none") if pinned else ("-hosts", "node1,node2")
    b.mpi = os.path.abspath(b.mpi)
    for _ in range(PAIRS):
        own.append(b.run([here, there], BATCH, 1, 1))
        both.append(b.together(2, 2, 2 * BATCH, options=options))
    share = [2 * BATCH / y[0] / sum(BATCH / x[0] for x in xs) for xs, y in zip(own, both)]
    step, sent, carried, waited = (median(r[i] for r in both) for i in range(4))
    print("\n**Two hosts**, a batch of {0} for each, one core each, {1}\n\n| of the sum of two runs of their own | a step, s |"
          " sent, MB | hidden, s | not hidden, s |\n| --- | --- | --- | --- | --- |".format(BATCH, os.environ["LINK"]))
    print(f"| {median(share):.2f} ({min(share):.2f} to {max(share):.2f}) | {step:.3f} | {sent:.2f} | {carried - waited:.3f} | "
          f"{waited:.3f} |", flush=True)


def main():
    os.environ.update(ANY_USER)
    work = pathlib.Path(tempfile.mkdtemp(prefix="sagan-ranks-"))
    b = Bench(os.path.abspath(sys.argv[1]), work)
    if "--hosts" in sys.argv:
        hosts(b)
    else:
        print(f"{CONFIG}, batch {BATCH}, {PAIRS} pairs, {STEPS} steps of each run")
        slices(b)
        processes(b)
        exchanges(b)
        sys.stdout.flush()
        os.environ["LINK"] = "1 Gbit/s"
        if subprocess.run([HERE / "hosts.sh", sys.executable, __file__, sys.argv[1], "--hosts"]).returncode == 3:
            print("\nTwo hosts were not measured.")
    shutil.rmtree(work, ignore_errors=True)


main()
