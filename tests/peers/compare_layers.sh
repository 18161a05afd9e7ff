#!/bin/sh
# Races `sagan bench --layers` against the same layers in TensorFlow 2.15, in turn: first every configuration of the
# peer (formulation, XLA or not), then pairs with the fastest ones. Prints the medians over the pairs as a table in
# Markdown: milliseconds forward, and in training with all derivatives; bytes and GFLOP/s of ours.
#
#     python3 -m venv build/peer-tf && build/peer-tf/bin/pip install tensorflow-cpu==2.15.1
#     tests/peers/compare_layers.sh [THREADS [PAIRS [NAMES]]]          needs an otherwise idle machine
#
# NAMES: layers with commas between them. BEST names a file of configurations from an earlier race, made when it is
# not there. A layer whose shape or number of parameters is not the peer's stops the race.
set -eu
cd "$(dirname "$0")/../.."
threads=${1:-2}
pairs=${2:-5}
python=${PYTHON:-build/peer-tf/bin/python}
sagan=${SAGAN:-build/sagan}
steps=${STEPS:-7}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
best=${BEST:-$tmp/best}

ours() {
	"$sagan" bench --layers --threads "$threads" --steps "$steps" --json ${3:+--only "$3"}
}
peer() {
	"$python" tests/peers/layers_tf.py --threads "$threads" --steps "$steps" "$@" 2>"$tmp/messages" ||
		{ tail -n 5 "$tmp/messages" >&2; exit 1; }
}

names=${3:+--layers $3}
# shellcheck disable=SC2086
[ -s "$best" ] || peer $names >"$best"
for i in $(seq "$pairs"); do
	ours "$@" >"$tmp/ours.$i"
	# shellcheck disable=SC2086
	peer $names --best "$best" >"$tmp/peer.$i"
done
python3 - "$tmp" "$pairs" "$threads" <<'END'
import json, statistics, sys

folder, pairs, threads = sys.argv[1], int(sys.argv[2]), sys.argv[3]
read = lambda name: [{r["layer"]: r for r in map(json.loads, open(f"{folder}/{name}.{i + 1}"))} for i in range(pairs)]
ours, peer = read("ours"), read("peer")
slower = []
print(f"{pairs} pairs, threads: {threads}\n")
print("| layer | input | forward, ms | TensorFlow | ratio | with derivatives, ms | TensorFlow | ratio | GFLOP/s | MB |")
print("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
for name, row in ours[0].items():
    other = peer[0].get(name)
    if not other:
        sys.exit(f"{name}: the peer has no such layer")
    for key in ("output", "params"):
        if row[key] != other[key]:
            sys.exit(f"{name}: {key} {row[key]}, of the peer {other[key]}")
    cells = []
    for key in ("forward_s", "both_s"):
        a, b = ([r[name][key] for r in runs] for runs in (ours, peer))
        ratio = statistics.median(x / y for x, y in zip(a, b))
        cells += [f"{1e3 * statistics.median(a):.3f}", f"{1e3 * statistics.median(b):.3f}", f"{ratio:.2f}"]
        if ratio >= 1:
            slower.append(f"{name} ({key[:-2]})")
    s = statistics.median(r[name]["both_s"] for r in ours)
    speed = f"{row['both_gflop'] / s:.0f}" if row["both_gflop"] else "-"
    size = "x".join(map(str, row["input"]))
    print(f"| {name} | {size} | {' | '.join(cells)} | {speed} | {row['both_bytes'] / 1e6:.1f} |")
print(f"\nslower than TensorFlow: {', '.join(slower) or 'none'}")
END
