#!/bin/sh
# `make dist` packs what is committed, the same bytes each time, and refuses in one line where there is no git; called
# by test_setup. Says what is wrong and ends with 1.
#
#     tests/dist.sh FOLDER
set -eu

folder=$1

die() {
	echo "tests/dist.sh: $*" >&2
	exit 1
}

sagan_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s --no-print-directory "$@"
}

must_refuse() { # WHERE
	(cd "$1" && ! sagan_make dist BUILD="$folder/none" 2>"$folder/said") || die "packs a folder without git"
	[ "$(grep -c '^make dist: .* is no checkout of git' "$folder/said")" = 1 ] &&
		[ "$(wc -l <"$folder/said")" -le 2 ] ||
		die "refuses, but says: $(cat "$folder/said")"
	[ ! -e "$folder/none" ] || die "refuses, but leaves a folder"
}

# A release has no git: that is the whole test there.
if [ "$(git rev-parse --show-toplevel 2>/dev/null)" != "$(pwd -P)" ]; then
	must_refuse .
	exit 0
fi

name=$(sed -n 's/.*SAGAN_VERSION "\(.*\)"/sagan-\1/p' core/base/version.h)
for once in 1 2; do
	sagan_make dist BUILD="$folder/$once" >"$folder/said" 2>&1 || die "fails: $(cat "$folder/said")"
done
cmp "$folder/1/$name.tar.gz" "$folder/2/$name.tar.gz" || die "two archives of one commit differ"
(cd "$folder" && gzip -dc "1/$name.tar.gz" | tar -xf -)
[ -s "$folder/$name/Makefile" ] && [ -s "$folder/$name/LICENSE" ] || die "no Makefile or no LICENSE in it"
must_refuse "$folder/$name"
