#!/bin/sh
# Proves the include table: which room may include what of ours, that each library's header stands in
# one file, that every header compiles on its own, and that the public ones do so as they are installed, in C and C++;
# that names of files are right and lines not too long.
set -eu
cd "$(dirname "$0")/.."
CC=${CC:-gcc}
bad=0

say() {
	echo "lint: $*" >&2
	bad=1
}

# A room, and the rooms whose headers its files may include besides their own. "x/" means x and all below it.
# docs/architecture.md draws this table.
rooms='
core/base         -
core/h5           core/base
core/archive      core/base
core/kernels      core/base
core/graph        core/base core/kernels
core/peers        core/base
core/plan         core/base core/kernels core/graph core/peers
layers            core/base core/graph core/plan
layers/types      core/base core/graph core/plan layers
optim             core/base
data/picture      core/base
data              core/base core/h5 core/archive data/picture
gan/nets          core/base core/graph core/plan layers/
gan/loss          core/base core/graph layers/
gan/config        core/base core/graph gan/nets gan/loss data/ optim layers/
gan/checkpoint    core/base core/h5 core/graph core/peers layers gan/nets gan/config gan/log
gan/log           core/base
gan/sample        core/ layers/ data/ gan/nets gan/config gan/checkpoint
gan/classify      core/ layers/ data/ optim gan/nets gan/loss gan/config gan/checkpoint
gan/score         core/ layers/ data/ gan/nets gan/config gan/checkpoint gan/sample gan/classify gan/keras/
gan/report        core/ data/ gan/nets gan/config gan/checkpoint gan/sample gan/score
gan/train core/ layers/ data/ optim gan/nets gan/loss gan/config gan/checkpoint gan/sample gan/log gan/score gan/report
gan/web           core/ layers/ data/ gan/nets gan/config gan/checkpoint gan/sample gan/keras/
gan/keras         core/ layers/ data/ gan/nets gan/config gan/checkpoint gan/sample gan/keras/
tools/bench       core/ layers/ gan/config gan/sample gan/train
tools             core/ layers/ optim data/ gan/ tools/bench
tests             core/ layers/ optim data/ gan/ tools/ tests/
'

sources() {
	find core layers optim data gan tools tests -name '*.[ch]' | sort
}

# One line per include of ours that the table does not allow; `all` prints the table of what is included.
includes() {
	# shellcheck disable=SC2046
	awk -v rooms="$rooms" -v print_all="${1:-}" '
	function folder(path) { sub(/\/[^\/]*$/, "", path); return path }
	# The longest room that is the folder or stands above it.
	function room_of(path,   d) {
		for (d = path; d != ""; d = d ~ /\// ? folder(d) : "")
			if (d in may)
				return d
		return ""
	}
	function allowed(room, from, to,   n, word, i) {
		if (to == from || to == room || (room ~ /^gan\/keras/ && index(to, "gan/keras/") == 1))
			return 1
		n = split(may[room], word, " ")
		for (i = 1; i <= n; i++)
			if (word[i] == to || (word[i] ~ /\/$/ && index(to "/", word[i]) == 1))
				return 1
		return 0
	}
	BEGIN {
		n = split(rooms, line, "\n")
		for (i = 1; i <= n; i++)
			if (split(line[i], word, " ") > 1) {
				may[word[1]] = line[i]
				sub(/^[^ ]+ +/, "", may[word[1]])
			}
	}
	/^[ \t]*#[ \t]*include[ \t]*"/ {
		split($0, part, "\"")
		from = folder(FILENAME)
		to = folder(part[2])
		if (from != to)
			count[from " -> " to]++
		room = room_of(from)
		if (room == "")
			print FILENAME ":" FNR ": " from "/ is no room of the table"
		else if (!allowed(room, from, to))
			print FILENAME ":" FNR ": " room "/ may not include " part[2]
	}
	END {
		if (print_all)
			for (c in count)
				printf "%4d  %s\n", count[c], c
	}' $(sources)
}

if [ "${1:-}" = table ]; then
	includes all | sort -k2
	exit 0
fi
found=$(includes)
[ -z "$found" ] || say "the table of rooms (tools/lint.sh) does not allow:
$found"

# The public headers (tools/sagan.h lists them) include each other and nothing else of ours, and only they are marked to
# be seen from outside; examples include them as they are installed.
public=$(sed -n 's/^#include "\(.*\)"/\1/p' tools/sagan.h)
for h in $public; do
	for i in $(sed -n 's/^#include "\(.*\)"/\1/p' "$h"); do
		case " $(echo $public) " in
		*" $i "*) ;;
		*) say "$h is public and includes $i, which is not (tools/sagan.h)" ;;
		esac
	done
done
for h in $(grep -rl --include='*.h' '^SAGAN_BEGIN' core layers optim data gan); do
	case " $(echo $public) " in
	*" $h "*) ;;
	*) say "$h says SAGAN_BEGIN, but tools/sagan.h does not list it" ;;
	esac
done
found=$(grep -n '^#include "' docs/examples/*.c || true)
[ -z "$found" ] || say "examples include installed headers, <sagan/..>:
$found"

# once HEADER FILE: only FILE includes HEADER (tests may make files with a library of their own).
once() {
	found=$(grep -rlE --include='*.[ch]' "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($1)>" \
		core layers optim data gan tools || true)
	[ "$found" = "$2" ] || say "<$1> must be included by $2 alone, not by: $found"
}
once 'cblas\.h|openblas.*\.h' core/kernels/blas.c
once 'hdf5\.h|H5.*\.h' core/h5/hdf_internal.h
once 'jansson\.h' core/base/json.h
once 'png\.h' data/picture/png.c
once 'librsvg/.*\.h|cairo.*\.h|fontconfig/.*\.h|pango/.*\.h' data/picture/draw.c
once 'jpeglib\.h|jerror\.h' data/picture/jpeg.c
once 'webp/.*\.h' data/picture/webp.c
once 'gif_lib\.h' data/picture/gif.c
once 'zlib\.h' data/source.c
once 'protobuf-c.*\.h' ''
once 'archive(_entry)?\.h' core/archive/libarchive.h
once 'yaml\.h' gan/config/config_yaml.c
once 'seccomp\.h' core/base/seal.c
once 'nettle/.*\.h' core/base/sha256.c

# A comment that names a file of ours names one that exists: files move, comments stay behind.
found=$(find Makefile README.md configs core data docs gan layers optim tests tools -type f | sed 's|.*/||' | awk '
	FILENAME == "-" { there[$0] = 1; next }
	/^#[ \t]*include[ \t]*</ { name = $0; gsub(/.*<|>.*/, "", name); sub(/.*\//, "", name); there[name] = 1 }
	{
		text = $0
		if (!inside && !match(text, /\/\*/))
			next
		if (!inside)
			text = substr(text, RSTART)
		inside = !match(text, /\*\//)
		if (!inside)
			text = substr(text, 1, RSTART)
		while (match(text, /[A-Za-z_][A-Za-z0-9_-]+\.[ch]([^A-Za-z0-9_]|$)/)) {
			name = substr(text, RSTART, RLENGTH)
			sub(/[^A-Za-z0-9_]$/, "", name)
			said[name] = said[name] " " FILENAME ":" FNR
			text = substr(text, RSTART + RLENGTH)
		}
	}
	END {
		for (name in said)
			if (!(name in there) && name !~ /pb-c/)
				print "  " name ":" said[name]
	}' - $(sources) | sort)
[ -z "$found" ] || say "comments name files that do not exist:
$found"

# A line has at most 120 columns, and a tab goes to the next multiple of 8.
# shellcheck disable=SC2046
found=$(awk '
	function columns(text,   n, part, i, at) {
		n = split(text, part, "\t")
		for (i = 1; i <= n; i++)
			at += length(part[i]) + (i < n ? 8 - (at + length(part[i])) % 8 : 0)
		return at
	}
	columns($0) > 120 { print FILENAME ":" FNR ": " columns($0) " columns; at most 120" }
	' Makefile $(sources) $(find docs tests tools -name '*.sh' -o -path 'docs/*.c' | sort))
[ -z "$found" ] || say "lines are too long:
$found"

# The library neither prints nor exits. (bug() in base.c ends the program when the program is wrong.)
found=$(grep -rnE --include='*.c' '\b(printf|puts|putchar|perror|exit|_exit)\(' core layers optim data gan || true)
[ -z "$found" ] || say "only tools/ prints and exits:
$found"

# A header with another name in its guard, or in the first line of a file, was copied or moved without care.
for h in $(find core layers optim data gan tools tests -name '*.h'); do
	guard=SAGAN_$(echo "$h" | tr 'a-z/.' 'A-Z__')
	grep -q "^#ifndef $guard\$" "$h" || say "$h: its guard should be $guard"
done

# Pages, too. Links are seen from the page, other names
# from here, and may have a pattern in it (core/graph/ops_*.c).
links=$(for page in README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md $(find docs gan data tests -name '*.md'); do
	[ -f "$page" ] || continue
	grep -noE '\]\([^)#: ]+[)#]' "$page" | tr -d ')#' | while IFS=: read -r line link; do
		[ -e "$(dirname "$page")/${link#](}" ] || echo "$page:$line: ${link#](}"
	done
	case $page in CHANGELOG.md) continue ;; esac         # tells of what is gone
	grep -noE '`(core|layers|optim|data|gan|tools|tests|configs|docs)/[A-Za-z0-9_./*-]+`' "$page" | tr -d '`' |
		while IFS=: read -r line name; do
			# shellcheck disable=SC2086
			ls -d $name >/dev/null 2>&1 || echo "$page:$line: $name"
		done
done)
[ -z "$links" ] || say "pages name files that do not exist:
$links"

# An op that is not in the list would escape the derivative tests. Leaves and stops have no derivative.
records=$(sed -nE 's/^const op op_rec_([a-z0-9_]+) = .*/\1/p' core/graph/*.c | grep -vxE 'leaf|stop' | sort)
listed=$(sed -n '/^#define OP_LIST/,/[^\\]$/p' core/graph/ops_internal.h | grep -o 'OP([a-z0-9_]*)' |
	sed 's/OP(//; s/)//' | sort)
[ "$records" = "$listed" ] || say "ops and OP_LIST differ: $(printf '%s\n%s\n' "$records" "$listed" | sort | uniq -u)"

flags="-std=c11 -D_POSIX_C_SOURCE=200809L -Wall -Wextra -Wpedantic -Werror -fsyntax-only -I."
flags="$flags $(pkg-config --cflags hdf5)"
for h in $(find core layers optim data gan tools tests -name '*.h'); do
	# shellcheck disable=SC2086
	printf '#include "%s"\ntypedef int lint_some_content;\n' "$h" | $CC $flags -x c - ||
		say "$h does not compile on its own"
done
# As they are installed: in one folder, C and C++.
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
tools/headers.sh "$stage/sagan" || say "tools/headers.sh failed"
try() {
	for h in "$stage"/sagan/*.h; do
		printf '#include <sagan/%s>\ntypedef int lint_some_content;\n' "${h##*/}" |
			$CC "$@" -Wall -Wextra -Wpedantic -Werror -I"$stage" -fsyntax-only - ||
			say "<sagan/${h##*/}> does not compile alone ($*)"
	done
}
try -std=c11 -x c
if echo | $CC -x c++ -fsyntax-only - 2>/dev/null; then
	try -std=c++11 -x c++
else
	echo "lint: no C++ compiler: headers were tried as C only"
fi

# What was built exports what those headers declare, and nothing else; AddressSanitizer adds names of its own.
for a in build/*/libsagan.a; do
	[ -e "$a" ] || continue
	cat "$stage"/sagan/*.h | tr -cs A-Za-z0-9_ '\n' | sort -u > "$stage/words"
	found=$(nm -g --defined-only "$a" | awk 'NF == 3 && $3 !~ /^__odr_asan/ { print $3 }' | sort -u |
		comm -23 - "$stage/words" | head -5)
	[ -z "$found" ] || say "$a exports what no public header declares: $(echo $found)"
done
[ $bad = 0 ] && echo "lint: includes are as the table allows, headers compile on their own"
exit $bad
