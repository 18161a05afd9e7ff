#!/bin/sh
# Finds the libraries that pkg-config is asked for (one is known by its header: not every system's pkg-config knows it)
# and programs that the build runs, and installs what is missing.
#
#     tools/setup.sh check NAME...      says what is missing; status 1 when something is
#     tools/setup.sh install NAME...    apt-get installs it (with sudo when not root)
#     tools/setup.sh packages NAME...   Debian's packages of these names, whether they are missing or not
#
# CC in the environment is a compiler with its flags: it must run, and compile for 64 bits.
set -eu

what=$1
shift

# Debian's package of a pkg-config name or of a program; `font` is any font at all.
package() {
	case $1 in
	openblas) echo libopenblas-dev ;;
	libpng) echo libpng-dev ;;
	libjpeg) echo libjpeg-dev ;;
	libwebp|libwebpmux) echo libwebp-dev ;;
	gif) echo libgif-dev ;;
	hdf5) echo libhdf5-dev ;;
	yaml-0.1) echo libyaml-dev ;;
	zlib) echo zlib1g-dev ;;
	jansson) echo libjansson-dev ;;
	nettle) echo nettle-dev ;;
	libarchive) echo libarchive-dev ;;
	libprotobuf-c) echo libprotobuf-c-dev ;;
	protoc-c) echo protobuf-c-compiler ;;
	librsvg-2.0) echo librsvg2-dev ;;
	fontconfig) echo libfontconfig-dev ;;
	libseccomp) echo libseccomp-dev ;;
	font) echo fonts-dejavu-core ;;
	check) echo check ;;
	mpi|ompi-c) echo libopenmpi-dev openmpi-bin ;;
	mpich) echo libmpich-dev mpich ;;
	*) echo "$0: $1: unknown library" >&2; exit 2 ;;
	esac
}

if [ "$what" = packages ]; then
	for name in "$@"; do
		package "$name"
	done
	exit
fi

# A program, font or header that is not there, or a name that pkg-config does not know; all of these names when there is
# no pkg-config.
is_missing() {
	case $1 in
	gif) ! echo '#include <gif_lib.h>' | ${CC:-cc} -E -x c - >/dev/null 2>&1 ;;
	font) ! fc-list 2>/dev/null | grep -q . ;;
	protoc-c) ! command -v "$1" >/dev/null 2>&1 ;;
	mpi) ! { command -v mpirun >/dev/null 2>&1 && { pkg-config --exists ompi-c || pkg-config --exists mpich; }; } ;;
	*) ! pkg-config --exists "$1" 2>/dev/null ;;
	esac
}

# What the compiler makes counts, not what the machine is: gcc -m32 is 32 bits everywhere.
if [ "${CC:-}" ]; then
	# shellcheck disable=SC2086
	macros=$($CC -dM -E -x c /dev/null 2>&1) || {
		echo "the C compiler \`$CC\` does not run: $(echo "$macros" | head -n 1). CC=... names another" >&2
		exit 1
	}
	case $macros in
	*'__SIZEOF_POINTER__ 8'*) ;;
	*)
		echo "sagan needs a 64-bit system: \`$CC\` compiles for 32 bits, where arrays above 2 GB have no" \
			"place" >&2
		exit 1
		;;
	esac
fi

missing=
# Which MPI there is to be is asked for by name, and nothing installs that one.
how="\`make demo\` and \`make test\` install it; or: "
command -v pkg-config >/dev/null 2>&1 || missing=" pkg-config"
for name in "$@"; do
	if is_missing "$name"; then
		missing="$missing $(package "$name")"
		case $name in
		ompi-c|mpich) how='To install it: ' ;;
		esac
	fi
done
[ "$missing" ] || exit 0

if [ "$what" = check ]; then
	echo "missing:$missing. ${how}apt-get install$missing" >&2
	exit 1
fi

sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null 2>&1 || {
		echo "missing:$missing; neither root nor sudo here. Ask for: apt-get install$missing" >&2
		exit 1
	}
fi
command -v apt-get >/dev/null 2>&1 || {
	echo "missing:$missing; no apt-get here. Install these (names of Debian) and try again" >&2
	exit 1
}
apt="$sudo env DEBIAN_FRONTEND=noninteractive apt-get"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# apt-get's own words are hundreds of lines; one of them is wanted, and only when it fails.
install_missing() {
	# shellcheck disable=SC2086
	$apt install -y --no-install-recommends $missing >>"$log" 2>&1
}

# The line that explains a failure best: no network, no such package, or whatever came last.
reason() {
	grep -m 1 'Failed to fetch' "$log" || grep -m 1 '^E: ' "$log" || tail -n 1 "$log"
}

echo "installing with apt-get (a minute or so):$missing"
# A fresh machine has no package lists, an old one old lists: update when the first try fails.
install_missing || { $apt update >>"$log" 2>&1 && install_missing; } || {
	echo "apt-get could not install:$missing; it said: $(reason)" >&2
	exit 1
}
