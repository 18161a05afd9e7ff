#!/bin/bash
# run.sh - `make test-tensorboard`: event files of sagan in the real TensorBoard.
#
#   tests/tensorboard/run.sh SAGAN WORK
#
# Makes a virtual environment below WORK, trains two small runs, of which one lost its last checkpoint and went on, and
# reads them with TensorBoard's reader (check_events.py) and with its server: one curve, each step once. Then Chromium
# draws the page into WORK/page-*.png. Needs pip with a package index; without Chromium the page is not drawn.
set -u -o pipefail

sagan=$(realpath "$1")
work=$(mkdir -p "$2" && realpath "$2")
here=$(dirname "$(realpath "$0")")
cd "$here/../.." || exit 1
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null' EXIT
export PYTHONDONTWRITEBYTECODE=1

fail() { echo "test-tensorboard: $*" >&2; exit 1; }

environment()
{
	[ -e "$work/venv/made" ] && return
	python3 -m venv "$work/venv" || fail "python3 cannot make virtual environments (Debian: python3-venv)"
	nice "$work/venv/bin/pip" install -q --disable-pip-version-check tensorboard pillow numpy \
		> "$work/pip.log" 2>&1 || fail "pip could not install tensorboard: $(tail -n 1 "$work/pip.log")"
	touch "$work/venv/made"
}

train()
{
	nice "$sagan" train "$@" --threads 1 --quiet --set train.log_every=5 || fail "training failed"
}

# whole: 40 steps. resumed: the same, whose last checkpoint was lost, so that steps 21 to 40 were taken twice.
runs()
{
	train configs/demo.yaml --fresh --out "$work/runs/whole" --set steps=40 --set batch=8 \
		--set train.sample_every=10 --set train.checkpoint_every=20 --set score.count=100 \
		--set model.g_channels=8 --set model.d_channels=8
	rm -rf "${work:?}/runs/resumed"
	cp -r "$work/runs/whole" "$work/runs/resumed"
	rm "$work"/runs/resumed/checkpoint-00000040.h5 "$work"/runs/resumed/checkpoint-best.h5
	train "$work/runs/resumed"
}

# What the server, another reader than that of check_events.py, sends to its page.
ask()
{
	"$work/venv/bin/python" -c '
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1]).read().decode())' "$1"
}

serve()
{
	local port=$((20000 + $$ % 10000)) i
	"$work/venv/bin/tensorboard" --logdir "$work/runs" --port "$port" > "$work/server.log" 2>&1 &
	server=$!
	page=http://localhost:$port
	for ((i = 0; i < 120; i++)); do
		[[ $(ask "$page/data/plugin/scalars/tags" 2>/dev/null) == *resumed* ]] && return
		sleep 0.5
	done
	fail "the server does not answer: $(tail -n 1 "$work/server.log")"
}

check_server()
{
	local run
	sleep 3                                      # it reads on after its first answer
	for run in whole resumed; do
		ask "$page/data/plugin/scalars/scalars?run=$run&tag=loss/d" | "$work/venv/bin/python" -c '
import json, sys
steps = [row[1] for row in json.load(sys.stdin)]
assert steps == list(range(5, 41, 5)), steps
print(sys.argv[1] + ": the server sends one curve of", len(steps), "steps")' "$run" || fail "$run: see above"
	done
	ask "$page/data/plugin/images/tags" | grep -q samples/grid || fail "the server knows no pictures"
}

# What a person sees; someone has to look at it.
draw()
{
	local tab chromium
	chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) \
		|| { echo "no Chromium here: the page is not drawn"; return; }
	for tab in timeseries images histograms text hparams; do
		rm -f "$work/page-$tab.png"
		"$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$work/chromium" \
			--window-size=1500,1100 --virtual-time-budget=20000 \
			--screenshot="$work/page-$tab.png" "$page/#$tab" > "$work/chromium.log" 2>&1
		[ "$(stat -c %s "$work/page-$tab.png" 2>/dev/null || echo 0)" -gt 20000 ] \
			|| fail "Chromium drew nothing at $page/#$tab: see $work/chromium.log"
	done
	echo "the page: $work/page-*.png"
}

mkdir -p "$work/runs"
environment
runs
"$work/venv/bin/python" "$here/check_events.py" "$work/runs/whole" "$work/runs/resumed" 2> "$work/check.log" \
	|| fail "$(tail -n 5 "$work/check.log")"
serve
check_server
draw
