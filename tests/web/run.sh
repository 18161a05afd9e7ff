#!/bin/bash
# run.sh - `make test-web`: exported pages in Chromium, and their engine in Node where that is there.
#
#   WEB_PAGES=PROGRAM tests/web/run.sh SAGAN WORK [RUN]
#
# PROGRAM, test_web, leaves a page for every layer type in WORK/pages; SAGAN trains a small run, or RUN is one, and
# exports it in both widths. Each page opens in Chromium, which says how far its images are from those in the page, how
# many it draws a second, and what its console complains about. WORK/demo-*.png is what a person sees.
set -u -o pipefail

sagan=$(realpath "$1")
work=$(mkdir -p "$2" && realpath "$2")
run=$(realpath "${3:-$work/run}")
pages=$(realpath "$WEB_PAGES")
here=$(dirname "$(realpath "$0")")
cd "$here/../.." || exit 1
status=0

fault() { echo "test-web: $*" >&2; status=1; }

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) \
	|| { echo "test-web: needs Chromium" >&2; exit 1; }

browse()
{
	"$chromium" --headless --no-sandbox --disable-gpu --user-data-dir="$work/chromium" "$@" 2> "$work/chromium.log"
}

attribute() { grep -o "data-$1=\"[^\"]*\"" <<< "$2" | head -n 1 | cut -d'"' -f2; }

# open PAGE MOST: it draws all its images, those of the reference differ by at most MOST, and it is content with that.
open_page()
{
	local dom error
	dom=$(browse --enable-logging=stderr --virtual-time-budget=60000 --dump-dom "file://$1" | head -c 4000)
	error=$(attribute error "$dom")
	grep 'CONSOLE' "$work/chromium.log" && fault "$1: the console complains"
	if [ -n "$error" ] && [ -n "$(attribute drawn "$dom")" ] && [ "$(attribute good "$dom")" = true ] \
		&& awk "BEGIN { exit !($error <= $2) }"; then
		echo "ok $(basename "$1"): largest difference $error, $(attribute drawn "$dom") images"
	else
		fault "$1: error '$error' (at most $2), $(attribute drawn "$dom") images"
	fi
}

rm -rf "$work/pages"
mkdir -p "$work/pages"
SAGAN_WEB_DIR=$work/pages CK_RUN_CASE=web nice "$pages" > "$work/pages.log" || fault "$pages: see $work/pages.log"
for page in "$work"/pages/*.html; do open_page "$page" 1e-3; done

[ -d "$run" ] || nice "$sagan" train configs/demo.yaml --out "$run" --quiet --set steps=60 \
	--set train.checkpoint_every=60 || fault "training"
nice "$sagan" export "$run" --html "$work/demo-float32.html" --float32 && open_page "$work/demo-float32.html" 1e-3
nice "$sagan" export "$run" --html "$work/demo.html" && open_page "$work/demo.html" 2e-2
open_page "$PWD/docs/mnist.html" 2e-2                # README leads to it
# Drawn in real time, for the speed.
dom=$(browse --timeout=15000 --dump-dom "file://$work/demo.html" | head -c 4000)
echo "Chromium: $(attribute speed "$dom") images a second"
# A click, an arrow key and sliders, by a script that is put behind the page's own.
for tool in click dark; do
	{ cat "$work/demo.html"; cat "$here/$tool.html"; } > "$work/demo-$tool.html"
	browse --window-size=1100,1200 --virtual-time-budget=60000 --screenshot="$work/demo-$tool.png" \
		"file://$work/demo-$tool.html"
	browse --virtual-time-budget=60000 --dump-dom "file://$work/demo-$tool.html" | grep -q 'data-tool="done"' \
		|| fault "demo-$tool.html: the page did not do what it was asked"
done
command -v node > /dev/null && { node "$here/check.js" "$work"/demo.html "$work"/demo-float32.html || fault "Node"; }
exit $status
