#!/bin/sh
# The page of `sagan report` in headless Chromium: tests/browser/run.sh PROGRAM FOLDER. Trains two short runs, whose
# name and first class are markup, and tries their pages. Needs chromium and python3; what a person should look at is in
# FOLDER.
set -eu
program=$1
folder=$2
chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || {
	echo "$0: no chromium here: apt-get install chromium" >&2
	exit 1
}
mkdir -p "$folder"
for run in one two; do
	"$program" train configs/demo.yaml --out "$folder/$run" --steps 24 --fresh --quiet --log-every 2 \
		--set model.g_channels=8 --set model.d_channels=8 --set batch=16 --set train.score_count=100 \
		--set train.sample_count=20 --set train.checkpoint_every=8 --set train.sample_every=6 \
		--set "name=<!--<b&onload='x'>$run" \
		--set "data.class_names=</script><b onload='x'>, 1, 2, 3, 4, 5, 6, 7, 8, 9" \
		--set "seed=$([ $run = one ] && echo 1 || echo 2)"
done
"$program" report "$folder/one" "$folder/two" --out "$folder/both.html"
python3 tests/browser/report.py "$chromium" "$folder" "$folder/one/report.html" "$folder/both.html"
