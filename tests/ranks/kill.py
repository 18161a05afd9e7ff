"""A process of a run on several is killed with SIGKILL at a random moment, and the run goes on with another number of
them; again and again. Whenever the run comes to its end, its files must be those of a run that nobody disturbed.

    make torture-ranks MPI=1 KILLS=100          SAGAN_SEED=N: the same moments again

Each number of processes first makes a whole run, which is timed and compared. The moment of a kill is uniform over that
time, whether the run begins or goes on: one that goes on may come to its end before.

Prints a table: how many processes there were, how often one of them was killed and how far the run had come. Status 1:
a file differs, a process was left behind, or a run did not go on.
"""
import collections
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

NUMBERS = (1, 2, 4, 8)
STEPS, PARTS, LIMIT_S = 120, 4, 600             # PARTS: columns of the table
CONFIG = f"""steps: {STEPS}
batch: 8
seed: 5
data: {{format: random}}
model: {{network: resnet, size: 16, channels: 1, latent: 8, g_channels: 8, d_channels: 8, classes: 2, layers_g: [8],
  layers_d: [8]}}
loss: {{penalty: r1, penalty_weight: 1, penalty_every: 4}}
ema: {{decay: 0.9}}
augment: {{policy: [color, translation]}}
train: {{slices: 8, log_every: 5, sample_every: 0, tensorboard: false, sample_count: 4, checkpoint_every: 10}}
score: {{count: 0}}
"""
FILES = (f"checkpoint-{STEPS:08}.h5", "metrics.csv")
ANY_USER = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}


def children(pid):
    try:
        return [int(x) for x in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def ranks(pid):
    """What mpirun has started; MPICH's with a process between. What a rank starts itself is no rank."""
    found = []
    for child in children(pid):
        try:
            ours = pathlib.Path(f"/proc/{child}/comm").read_text().startswith("sagan")
        except OSError:
            continue
        found += [child] if ours else ranks(child)
    return found


def steps_done(out):
    """Of the last line of metrics.csv."""
    try:
        return int((out / "metrics.csv").read_text().splitlines()[-1].split(",")[0])
    except (OSError, IndexError, ValueError):
        return 0


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Torture:
    def __init__(self, program, kills, work):
        self.program, self.kills, self.work = program, kills, work
        self.mpi, self.mpirun = os.environ["SAGAN_MPI"], os.environ.get("MPIRUN", "mpirun")
        self.config, self.out, self.whole = work / "run.yaml", work / "run", work / "whole"
        self.config.write_text(CONFIG)
        self.made, self.ended, self.late = collections.Counter(), 0, 0
        self.part = collections.Counter()            # kills, by processes and part of the run

    def words(self, out):
        return ["train", str(self.config), "--out", str(out), "--threads", "1", "--quiet"]

    def start(self, n):
        return subprocess.Popen([self.mpirun, "-n", str(n), self.mpi, *self.words(self.out)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def undisturbed(self, n):
        """Seconds that n processes take for a whole run."""
        begin = time.time()
        self.to_the_end(n)
        took = time.time() - begin
        self.compare()
        return took

    def compare(self):
        for name in FILES:
            if (self.whole / name).read_bytes() != (self.out / name).read_bytes():
                sys.exit(f"{name} differs from that of the run that nobody disturbed; see {self.work}")
        self.ended += 1
        shutil.rmtree(self.out)

    def once(self, n, after):
        """One process of n is killed after some seconds, or the run ends before."""
        job = self.start(n)
        try:
            said, _ = job.communicate(timeout=after)
        except subprocess.TimeoutExpired:
            there = ranks(job.pid)
            victim = random.choice(there) if there else job.pid
            at = steps_done(self.out)
            os.kill(victim, signal.SIGKILL)
            said, _ = job.communicate(timeout=LIMIT_S)
            if job.returncode == 0:              # it had ended when the signal came
                self.late += 1
                return self.compare()
            time.sleep(0.2)
            left = [p for p in there if is_alive(p)]
            if left:
                sys.exit(f"{len(left)} of {n} processes live on after one was killed")
            self.made[n] += 1
            self.part[n, min(at * PARTS // STEPS, PARTS - 1)] += 1
            return None
        if job.returncode != 0:
            sys.exit(f"{n} processes: status {job.returncode}: {said}")
        return self.compare()

    def to_the_end(self, n):
        job = self.start(n)
        said, _ = job.communicate()
        if job.returncode != 0:
            sys.exit(f"{n} processes: status {job.returncode}: {said}")

    def go(self):
        subprocess.run([self.program, *self.words(self.whole)], check=True)
        length = {n: self.undisturbed(n) for n in NUMBERS}
        print("undisturbed: " + ", ".join(f"{n} in {s:.1f} s" for n, s in length.items()), flush=True)
        last = 0
        while sum(self.made.values()) < self.kills:
            n = random.choice([k for k in NUMBERS if k != last])
            self.once(n, random.uniform(0, length[n]))
            last = n
        if self.out.exists():
            self.to_the_end(2)
            self.compare()

    def table(self):
        """How far the run had come: by the last row of metrics.csv, which has every fifth step."""
        ends = [STEPS * i // PARTS for i in range(PARTS + 1)]
        print("| processes | killed |" + "".join(f" in steps {a} to {b} |" for a, b in zip(ends, ends[1:])))
        print("| --- | --- |" + " --- |" * PARTS)
        for n in NUMBERS:
            print(f"| {n} | {self.made[n]} |" + "".join(f" {self.part[n, i]} |" for i in range(PARTS)))
        print(f"\n{sum(self.made.values())} processes killed; {self.ended} runs came to their end, all to the same bytes; "
              f"{self.late} signals came too late")


def main():
    program, kills = sys.argv[1], int(sys.argv[2])
    if kills < 1:
        sys.exit(f"KILLS={kills}: nothing would be killed")
    seed = int(os.environ.get("SAGAN_SEED", time.time()))
    print(f"SAGAN_SEED={seed}", flush=True)
    random.seed(seed)
    os.environ.update(ANY_USER)
    work = pathlib.Path(tempfile.mkdtemp(prefix="sagan-ranks-"))
    torture = Torture(program, kills, work)
    torture.go()
    torture.table()
    shutil.rmtree(work)


main()
