#!/bin/sh
# Packs the last commit as FOLDER/NAME.tar.gz, everything in it below NAME/. The same commit gives the same bytes:
# times and owners are the commit's, and gzip writes no time.
#
#     tools/dist.sh FOLDER NAME
set -eu
cd "$(dirname "$0")/.."

if ! top=$(git rev-parse --show-toplevel 2>/dev/null) || [ "$top" != "$(pwd -P)" ]; then
	echo "make dist: $(pwd) is no checkout of git (or of another user): a release is packed from a commit" >&2
	exit 1
fi
[ -z "$(git status --porcelain --untracked-files=no)" ] || echo "make dist: what is not committed is left out" >&2
mkdir -p "$1"
out=$1/$2.tar.gz
git archive --format=tar --prefix="$2/" HEAD >"$out.tar"
gzip -n <"$out.tar" >"$out.part"
rm "$out.tar"
mv "$out.part" "$out"
echo "$out: $(git rev-parse --short HEAD), $(($(wc -c <"$out") / 1000000)) MB"
