#!/bin/sh
# Races sagan against PyTorch, one D and one G step of the 32x32 network (64 channels, batch 64): first every
# configuration of the peer, then pairs with its fastest one, in turn. Prints medians over the pairs.
#
#     python3 -m venv build/peer && build/peer/bin/pip install torch numpy
#     tests/peers/compare.sh [THREADS [PAIRS]]          needs an otherwise idle machine
set -eu
cd "$(dirname "$0")/../.."
threads=${1:-2}
pairs=${2:-7}
python=${PYTHON:-build/peer/bin/python}

number() {
	sed -n "s/.*\"$1\": \([0-9.e+-]*\).*/\1/p"
}
peer() {
	# shellcheck disable=SC2086
	"$python" tests/peers/peer_torch.py --size 32 --gch 64 --dch 64 --batch 64 --threads "$threads" --steps 5 $1
}
ours() {
	build/sagan bench configs/bench32.yaml --threads "$threads" --steps 5 --json
}
median() {
	sort -g | awk '{ x[NR] = $1 } END { print (x[int((NR + 1) / 2)] + x[int(NR / 2) + 1]) / 2 }'
}

best=
least=
for layout in nhwc nchw; do
	# Compiled needs --joint: two passes through one compiled D fail in its backward pass (PyTorch 2.15).
	for more in "" --joint "--compile --joint"; do
		s=$(peer "--layout $layout $more" | number median_s)
		echo "PyTorch $layout $more: $s s"
		if [ -z "$least" ] || awk "BEGIN { exit !($s < $least) }"; then
			least=$s
			best="--layout $layout $more"
		fi
	done
done
echo "fastest: $best; $pairs pairs, $threads threads"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for i in $(seq "$pairs"); do
	a=$(ours)
	b=$(peer "$best")
	sa=$(echo "$a" | number median_s)
	sb=$(echo "$b" | number median_s)
	echo "$sa $sb $(echo "$a" | number maxrss_bytes) $(echo "$b" | number maxrss_mb)" >>"$log"
	echo "pair $i: sagan $sa s, PyTorch $sb s"
done
echo "median: sagan $(awk '{ print $1 }' "$log" | median) s, PyTorch $(awk '{ print $2 }' "$log" | median) s," \
	"ratio $(awk '{ print $1 / $2 }' "$log" | median)"
echo "memory: sagan $(awk '{ print $3 / 1048576 }' "$log" | median) MiB," \
	"PyTorch $(awk '{ print $4 }' "$log" | median) MiB"
