#!/bin/sh
# Trains a tiny network with each PROGRAM at every level of this processor, with 1 to 4 threads, and compares the
# checksums of the checkpoints' arrays, which `sagan info` prints. Levels with FMA must give one, and base one;
# docs/portability.md says why. The files themselves may differ between versions of HDF5.
#
#     tools/same-bits.sh PROGRAM...       RUN='qemu-aarch64 -L DIR' stands before each program
set -eu

[ $# -gt 0 ] || { echo "usage: $0 PROGRAM..." >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat > "$dir/tiny.yaml" <<'EOF'
name: tiny
seed: 7
steps: 6
batch: 4
data: {format: random, flip: true}
model: {network: resnet, size: 16, channels: 3, classes: 2, latent: 8, g_channels: 32, d_channels: 32,
        layers_g: [8], layers_d: [8]}
loss: {penalty: r1, penalty_weight: 1, penalty_every: 2}
optim: {lr_g: 1e-3, lr_d: 2e-3, beta1: 0.5, beta2: 0.9, schedule: cosine, clip_norm: 5}
ema: {decay: 0.9}
augment: {policy: [color, translation, cutout]}
train: {log_every: 3, sample_every: 0, checkpoint_every: 6}
EOF

bad=0
base= fused=
for program in "$@"; do
	tried=
	for level in base neon v3 v4; do
		# shellcheck disable=SC2086
		SAGAN_LEVEL=$level ${RUN:-} "$program" --version >"$dir/log" 2>&1 || continue
		tried=1
		for threads in 1 2 3 4; do
			rm -rf "$dir/run"
			# shellcheck disable=SC2086
			SAGAN_LEVEL=$level ${RUN:-} "$program" train "$dir/tiny.yaml" --out "$dir/run" \
				--threads $threads > "$dir/log" 2>&1 ||
				{ cat "$dir/log"; exit 1; }
			# shellcheck disable=SC2086
			sum=$(${RUN:-} "$program" info "$dir/run" |
				sed -n 's/.* the arrays alone give \([0-9a-f]*\)$/\1/p')
			[ "$sum" ] || { echo "$program: no checkpoint with a right checksum"; exit 1; }
			echo "$sum  $level, $threads threads, $program"
			if [ $level = base ]; then
				want=${base:=$sum}
			else
				want=${fused:=$sum}
			fi
			[ "$sum" = "$want" ] || { echo "  differs from $want"; bad=1; }
		done
	done
	[ "$tried" ] || { echo "$program: starts at no level: $(head -n 1 "$dir/log")"; exit 1; }
done
exit $bad
