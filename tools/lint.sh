#!/bin/sh
# Proves the include table: which folder may include what of ours, that each library's header stands in
# one .c file, and that every header compiles on its own (public ones as C++ too).
set -eu
cd "$(dirname "$0")/.."
CC=${CC:-gcc}
bad=0

say() {
	echo "lint: $*" >&2
	bad=1
}

# may FOLDER PATTERN: includes of files in FOLDER must match.
may() {
	found=$(grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$1"/*.[ch] | grep -vE "\"($2)\"" || true)
	[ -z "$found" ] || say "$1/ may include only $2:
$found"
}
may core 'core/.*'
may layers '(core|layers)/.*'
may optim '(core|optim)/.*'
may data 'core/(base|rng|thread|file|h5|confine)\.h|data/.*'
may gan '(core|layers|optim|data|gan)/.*'
may keras '(core|layers|gan|keras)/.*'
may tools '(core|layers|optim|data|gan|keras|tools)/.*'
may tests '(core|layers|optim|data|gan|keras|tests)/.*'

# Examples are what an outside program is: they see installed headers only.
for h in $(sed -n 's/^#include "\(.*\)"/\1/p' examples/*.c | sort -u); do
	grep -q 'extern "C"' "$h" || say "examples/ include $h, which is not installed"
done

# once HEADER FILE: only FILE includes HEADER (tests may make files with a library of their own).
once() {
	found=$(grep -lE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($1)>" core/* layers/* optim/* data/*.[ch] gan/* keras/*.[ch] tools/* || true)
	[ "$found" = "$2" ] || say "<$1> must be included by $2 alone, not by: $found"
}
once 'cblas\.h|openblas.*\.h' core/blas.c
once 'hdf5\.h|H5.*\.h' core/h5_internal.h
once 'jansson\.h' keras/json_internal.h
once 'png\.h' data/png.c
once 'zlib\.h' data/source.c
once 'protobuf-c.*\.h' ''
once 'zip\.h' keras/zip.c
once 'yaml\.h' gan/config_yaml.c

# The library neither prints nor exits. (bug() in base.c ends the program when the program is wrong.)
found=$(grep -nE '\b(printf|puts|putchar|perror|exit|_exit)\(' core/*.c layers/*.c optim/*.c data/*.c gan/*.c keras/*.c || true)
[ -z "$found" ] || say "only tools/ prints and exits:
$found"

flags="-std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -I. $(pkg-config --cflags hdf5) -fsyntax-only"
for h in core/*.h layers/*.h optim/*.h data/*.h gan/*.h keras/*.h tools/*.h tests/*.h; do
	# shellcheck disable=SC2086
	printf '#include "%s"\ntypedef int lint_some_content;\n' "$h" | $CC $flags -x c - || say "$h does not compile on its own"
done
if echo | $CC -x c++ -fsyntax-only - 2>/dev/null; then
	for h in $(grep -l 'extern "C"' core/*.h layers/*.h optim/*.h data/*.h gan/*.h keras/*.h); do
		$CC -std=c++11 -Wall -Wextra -Werror -I. -fsyntax-only -x c++ "$h" || say "$h does not compile as C++"
	done
else
	echo "lint: no C++ compiler: headers were tried as C only"
fi
[ $bad = 0 ] && echo "lint: includes are as the table allows, headers compile on their own"
exit $bad
