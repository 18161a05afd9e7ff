#!/bin/sh
# What `make install` puts somewhere is complete, works from there and goes again; called by test_setup. Nothing is
# built: the library lies beside the program. Says what is wrong and ends with 1.
#
#     tests/install.sh PROGRAM float|double FOLDER
set -eu

real=$2
folder=$3
made=$(dirname "$1")
[ -f "$made/libsagan.a" ] || made=$made/$real
build=$(dirname "$made")
config=$(basename "$made")

die() {
	echo "tests/install.sh: $*" >&2
	exit 1
}

# -o all: do not make `all` again. What a make above us left in MAKEFLAGS (jobs, -n) is not for this one.
sagan_make() {
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s --no-print-directory -o all \
		BUILD="$build" CONFIG="$config" REAL="$real" "$@"
}

files() { # FOLDER
	(cd "$1" && find . -type f | sort)
}

before=$(ls -l --time-style=full-iso "$made/.flags" "$made/libsagan.a")
prefix="$folder/a b & c"
sagan_make install PREFIX="$prefix" >"$folder/said"
[ "$("$prefix/bin/sagan" --version)" = "$("$build/$config/sagan" --version)" ] || die "bin/sagan is another program"
for f in include/sagan/sagan.h lib/libsagan.a lib/pkgconfig/sagan.pc share/man/man1/sagan.1 \
	share/bash-completion/completions/sagan; do
	[ -s "$prefix/$f" ] || die "$f is not installed"
done

# A program of an outsider: from the installed files alone, in a folder without our sources.
cp docs/examples/layer.c "$folder/outsider.c"
case $config in
*-coverage) flavour=--coverage ;;
*-*) flavour=-fsanitize=$(echo "${config#*-}" | tr - ,) ;;
*) flavour= ;;
esac
PKG_CONFIG_PATH=$prefix/lib/pkgconfig
export PKG_CONFIG_PATH
flags=$(pkg-config --cflags --libs sagan)
compiler=${CC:-$(command -v gcc || echo cc)}
strict="-std=c11 -Wall -Wextra -Werror $flavour"
(cd "$folder" && eval "$compiler $strict outsider.c $flags -o outsider") ||
	die "a program does not compile with: $flags"
"$folder/outsider" >"$folder/said" || die "the program that was compiled with it fails"
[ "$(pkg-config --modversion sagan)" = "$("$prefix/bin/sagan" --version | cut -d ' ' -f 2)" ] ||
	die "sagan.pc has another version"

[ "$(ls -l --time-style=full-iso "$made/.flags" "$made/libsagan.a")" = "$before" ] || die "make install built something"

# Files of others in the same folders stay, the folders with them.
echo mine >"$prefix/bin/mine"
echo mine >"$prefix/include/sagan/mine.h"
sagan_make uninstall PREFIX="$prefix" >"$folder/said"
[ "$(files "$prefix")" = "$(printf './bin/mine\n./include/sagan/mine.h')" ] ||
	die "uninstall leaves or takes too much: $(files "$prefix")"
rm "$prefix/include/sagan/mine.h"
sagan_make uninstall PREFIX="$prefix" >"$folder/said" || die "uninstall twice is an error"
[ ! -e "$prefix/include/sagan" ] || die "uninstall leaves our own folder"

# Staging, as packagers do it: PREFIX in what is written, DESTDIR in front of where.
sagan_make install DESTDIR="$folder/stage d" PREFIX="/opt/a b" >"$folder/said"
grep -q '^prefix=/opt/a\\ b$' "$folder/stage d/opt/a b/lib/pkgconfig/sagan.pc" ||
	die "sagan.pc does not have PREFIX alone"
sagan_make uninstall DESTDIR="$folder/stage d" PREFIX="/opt/a b" >"$folder/said"
[ -z "$(files "$folder/stage d")" ] || die "uninstall leaves: $(files "$folder/stage d")"
