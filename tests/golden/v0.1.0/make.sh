#!/bin/sh
# Makes the files of this folder with version 0.1.0: tests/golden/v0.1.0/make.sh DIR, where DIR is a checkout of commit
# 76a5092 in which `make` has been run. Two steps of each config, the checkpoint; then, from that checkpoint, what
# report.c.txt prints: the bits of the loaded state, mean and root of the mean square of four sampled images, and of
# every array of the state two steps later.
set -eu
cd "$(dirname "$0")"
old=$(cd "$1" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cc -x c -std=c11 -O1 -D_POSIX_C_SOURCE=200809L -I"$old" -o "$work/report" report.c.txt -x none \
	"$old/build/float/libsagan.a" \
	$(pkg-config --libs openblas libpng hdf5 yaml-0.1 zlib jansson libzip libprotobuf-c) -lm -pthread
for config in *.yaml; do
	name=${config%.yaml}
	"$old/build/sagan" train "$config" --out "$work/$name" > /dev/null
	cp "$work/$name/checkpoint-00000002.h5" "$work/$name.h5"
	"$work/report" "$work/$name.h5" > "$name.txt"
	gzip -9 -n -c "$work/$name.h5" > "$name.h5.gz"
done
