#!/bin/sh
# headers.sh DIR [double]: the public headers, those that tools/sagan.h includes, as they are installed: in one folder,
# so that each finds the others next to itself, and with the scalar type of this build written in.
set -eu
to=$1
mkdir -p "$to"
rm -f "$to"/*.h
list=$(sed -n 's/^#include "\(.*\)"/\1/p' tools/sagan.h)
for h in $list tools/sagan.h; do
	[ ! -e "$to/${h##*/}" ] || { echo "headers.sh: two public headers are called ${h##*/}" >&2; exit 1; }
	sed -e 's|^#include ".*/\([^/]*\)"|#include "\1"|' \
	    ${2:+-e 's/^#ifdef REAL_DOUBLE$/#if 1/'} "$h" > "$to/${h##*/}"
done
