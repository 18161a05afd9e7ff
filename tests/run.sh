#!/bin/sh
# Runs test programs, several at a time, and says which failed. What a program prints is kept in a file beside it and
# printed whole when it ends: check's own summary ("100%: Checks: ..."), and the seconds that it took.
#
#     tests/run.sh PROGRAM...           JOBS=N: so many at a time (as many as there are processors)
set -u
# Seen by programs under the address sanitizer alone.
export LSAN_OPTIONS="${LSAN_OPTIONS:-suppressions='$PWD/tests/leaks.txt':print_suppressions=0}"

# One program: a child of the xargs below.
if [ "${1:-}" = --one ]; then
	program=$2
	begin=$(date +%s)
	"$program" >"$program.log" 2>&1
	status=$?
	seconds=$(($(date +%s) - begin))
	# One at a time: a pipe may tear long output to pieces.
	until mkdir "$RUN_FOLDER/printing" 2>/dev/null; do sleep 0.05; done
	cat "$program.log"
	echo "(${program##*/}: $seconds s)"
	[ $status = 0 ] || echo "$program (status $status)" >>"$RUN_FOLDER/failed"
	rmdir "$RUN_FOLDER/printing"
	exit 0
fi

[ $# -gt 0 ] || { echo "usage: tests/run.sh PROGRAM..." >&2; exit 2; }

# These take longest (a minute and more). They start first, or the last one runs alone.
slow='test_kill_resume test_trainer test_keras_round test_faults'

# The programs in the order of their start, one a line.
in_order() {
	for name in $slow; do
		for program in "$@"; do
			[ "${program##*/}" != "$name" ] || echo "$program"
		done
	done
	for program in "$@"; do
		case " $slow " in
		*" ${program##*/} "*) ;;
		*) echo "$program" ;;
		esac
	done
}

RUN_FOLDER=$(mktemp -d)
export RUN_FOLDER
trap 'rm -rf "$RUN_FOLDER"' EXIT
in_order "$@" | xargs -P "${JOBS:-$(nproc)}" -I '{}' sh "$0" --one '{}' || exit 1
if [ -s "$RUN_FOLDER/failed" ]; then
	echo "failed:"
	cat "$RUN_FOLDER/failed"
	exit 1
fi
echo "all $# test programs passed"
