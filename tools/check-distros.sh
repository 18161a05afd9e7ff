#!/bin/sh
# Builds and tests the last commit on other systems than this one: each is made from nothing by debootstrap in a folder
# below build/distros/ and holds git, a compiler, make and no library. One row of a table for each; what was said goes
# to build/distros/SYSTEM.log. docs/portability.md has the table of the last time. Needs root, debootstrap and the
# network.
#
#     tools/check-distros.sh [SYSTEM...]         default: the systems of the list below
#
# SYSTEM is DISTRO[-COMPILER][-arm64][-user], such as debian12, debian13-gcc13, ubuntu24.04-clang18, debian12-arm64.
#   arm64   is compiled by a cross compiler and run by qemu-user
#   user    whoever builds is a user with sudo; otherwise root
#
# From the environment:
#   STEPS=   some of: build demo test bits user. build: everything compiles. demo, test: `make demo`, `make test`. bits:
#            tools/same-bits.sh; the table shows the checksum of the base level and that of the other levels, which
#            must be the same on all systems. user: `make test` once more, by a user without sudo, from what `make dist`
#            packs, in a folder with a space in its name. Default: demo test bits user; for arm64 build test bits.
#   SKIP=    tests left out: an extended regular expression, such as 'kill_resume|trainer'
#   KEEP=1   the systems stay; without it only the bare ones do (build/distros/base), for the next time
#   UBUNTU_MIRROR=, DEBIAN_MIRROR=   archives; default: that of this machine's own apt, else what debootstrap knows
# Nothing compiles with a warning here: -Werror is on.
set -eu
cd "$(dirname "$0")/.."

default='debian12 debian13 ubuntu22.04 ubuntu24.04 debian12-user debian13-user
ubuntu22.04-gcc11 debian12-gcc12 debian13-gcc13 debian13-gcc14
ubuntu22.04-clang14 ubuntu24.04-clang15 ubuntu24.04-clang16 ubuntu24.04-clang17 ubuntu24.04-clang18 debian13-clang19
debian12-arm64'
top=$PWD/build/distros
flags='-O3 -g -Werror'

die() {
	echo "$0: $*" >&2
	exit 1
}

[ "$(id -u)" = 0 ] || die "needs root, for debootstrap and chroot"
command -v debootstrap >/dev/null || die "needs debootstrap: apt-get install debootstrap"

# ---- a bare system ----

# The code name of a distribution's release.
suite() {
	case $1 in
	debian12) echo bookworm ;;
	debian13) echo trixie ;;
	ubuntu22.04) echo jammy ;;
	ubuntu24.04) echo noble ;;
	*) die "$1: unknown; one of debian12, debian13, ubuntu22.04, ubuntu24.04" ;;
	esac
}

# The archive that apt of this machine takes packages of Debian or Ubuntu from; nothing: debootstrap's own default.
mirror_here() { # LABEL
	# shellcheck disable=SC2016
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' "Label: $1" 2>/dev/null | sort -u | head -n 1
}

# debootstrap of DISTRO. An older debootstrap does not know newer names, but they are made like the older ones.
bootstrap() { # DISTRO FOLDER
	name=$(suite "$1")
	case $1 in
	debian*) kind=Debian; old=sid; components=main; mirror=${DEBIAN_MIRROR:-$(mirror_here Debian)} ;;
	*) kind=ubuntu; old=gutsy; components=main,universe; mirror=${UBUNTU_MIRROR:-$(mirror_here Ubuntu)} ;;
	esac
	scripts=/usr/share/debootstrap/scripts
	script=$scripts/$name
	[ -e "$script" ] || script=$scripts/$old
	check=
	if [ $kind = ubuntu ] && [ ! -e /usr/share/keyrings/ubuntu-archive-keyring.gpg ]; then
		echo "no keyring of Ubuntu here: its first packages are not checked for signatures"
		check=--no-check-gpg
	fi
	# shellcheck disable=SC2086
	debootstrap $check --variant=minbase --components=$components "$name" "$2" "$mirror" "$script"
}

base() { # DISTRO
	[ -d "$top/base/$1" ] && return 0
	rm -rf "$top/base/$1.part"
	mkdir -p "$top/base"
	bootstrap "$1" "$top/base/$1.part" && mv "$top/base/$1.part" "$top/base/$1"
}

# Runs a line of shell in the system, by root or by somebody; what is mounted goes with the process.
inside() { # USER-ID COMMAND
	home=/root
	[ "$1" = 0 ] || home=/home/somebody
	# shellcheck disable=SC2016
	unshare --mount sh -c 'mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" &&
		exec chroot --userspec="$2:$2" "$1" \
			env -i HOME="$3" PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 $5 sh -c "$4"' \
		sh "$system_root" "$1" "$home" "$2" "$environment" </dev/null
}

# Foreign programs are run by qemu where the kernel knows them by their first bytes.
register_arm64() {
	formats=/proc/sys/fs/binfmt_misc
	[ -e $formats/register ] || mount -t binfmt_misc none $formats
	[ -e $formats/qemu-aarch64 ] && return 0
	command -v qemu-aarch64-static >/dev/null || die "needs qemu-aarch64-static: apt-get install qemu-user-static"
	magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
	mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
	printf '%s' ":qemu-aarch64:M::$magic:$mask:$(command -v qemu-aarch64-static):F" >$formats/register
}

# ---- the steps ----

# What a bare system has before: git, the compiler, make; for arm64 the libraries, too, which `make` would look for
# here.
prepare() {
	packages="git make libc6-dev $compiler_package"
	[ "$who" = 0 ] || packages="$packages sudo"
	if [ "$arch" = arm64 ]; then
		inside 0 'dpkg --add-architecture arm64' || return 1
		packages="$packages pkg-config protobuf-c-compiler"
		for library in $(make -s packages | sort -u) check; do
			packages="$packages $library:arm64"
		done
	fi
	inside 0 "export DEBIAN_FRONTEND=noninteractive
		apt-get update -q && apt-get install -q -y --no-install-recommends $packages &&
		useradd -m -s /bin/sh -u 1000 somebody || exit 1
		[ ! -d /etc/sudoers.d ] || echo 'somebody ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/somebody"
}

copy_sources() {
	git clone -q --no-hardlinks . "$system_root/src" && make -s dist BUILD="$system_root/dist" &&
		inside 0 "mkdir '/home/somebody/a folder' && cd '/home/somebody/a folder' &&
			gzip -dc /dist/*.tar.gz | tar -xf - &&
			mv sagan-* sagan && chown -R somebody:somebody . && chown -R $who:$who /src"
}

# What apt would fetch and unpack for `make demo`, in its own words: "18.9 MB of archives", "118 MB of additional disk
# space".
weigh() {
	missing=$(inside "$who" "cd /src && make $arguments 2>&1" | sed -n 's/^missing: \(.*\)\. `make demo.*/\1/p')
	[ -z "$missing" ] || inside 0 "apt-get install --no-install-recommends --assume-no $missing" |
		grep -E '^(Need to get|After this)' || true
}

# The tests to run: all but those of SKIP.
tests() {
	[ "${SKIP:-}" ] || return 0
	list=
	for t in tests/test_*.c; do
		name=${t%.c}
		echo "$name" | grep -qE "$SKIP" || list="$list build/float/$name"
	done
	echo "TESTS='$list'"
}

# Leaves the seconds in `took`; a step that fails is named, and the next one runs.
timed() { # STEP USER-ID COMMAND
	echo "+ $3"
	took=$(date +%s)
	inside "$2" "$3" || failed="$failed $1"
	took=$(($(date +%s) - took))
}

run_steps() {
	for step in $steps; do
		case $step in
		build)
			programs="\$(ls tests/test_*.c docs/examples/*.c | sed 's,^,build/float/,; s,\\.c\$,,')"
			timed build "$who" "cd /src && make deps $arguments && make -j$(nproc) $arguments all $programs"
			build_s=$took
			;;
		demo) timed demo "$who" "cd /src && make demo DEMO='--max-time 170s' $arguments"; demo_s=$took ;;
		test) timed test "$who" "cd /src && make test $arguments $(tests)"; test_s=$took ;;
		bits) timed bits "$who" "cd /src && tools/same-bits.sh build/sagan" ;;
		user)
			rm -f "$system_root/etc/sudoers.d/somebody"
			timed user 1000 "cd '/home/somebody/a folder/sagan' && make test $arguments $(tests)"
			user_s=$took
			;;
		*) die "STEPS: $step: unknown" ;;
		esac
	done
}

everything() {
	base "$distro" && rm -rf "$system_root" && cp -a --reflink=auto "$top/base/$distro" "$system_root" &&
		prepare && copy_sources && weigh && run_steps && inside 0 "$cc --version" | sed -n '1s/^/compiler: /p'
}

# Sets what the name says.
parse() { # SYSTEM
	system=$1
	system_root=$top/$1
	distro=${1%%-*}
	suite "$distro" >/dev/null
	compiler_package=gcc cc=gcc arch=amd64 who=0 steps=${STEPS:-demo test bits user}
	for part in $(echo "${1#"$distro"}" | tr - ' '); do
		case $part in
		gcc[0-9]*) compiler_package=gcc-${part#gcc}; cc=$compiler_package ;;
		clang[0-9]*) compiler_package=clang-${part#clang}; cc=$compiler_package ;;
		arm64)
			arch=arm64 compiler_package=gcc-aarch64-linux-gnu cc=aarch64-linux-gnu-gcc
			steps=${STEPS:-build test bits}
			;;
		user) who=1000 ;;
		*) die "$1: $part: unknown; see the head of this file" ;;
		esac
	done
	arguments="CFLAGS='$flags'" environment=
	[ "$cc" = gcc ] || arguments="CC=$cc $arguments"
	if [ $arch = arm64 ]; then
		register_arm64
		environment='PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig:/usr/share/pkgconfig'
		environment="$environment CK_TIMEOUT_MULTIPLIER=20" # qemu is ten times slower and more
	fi
}

count() { # WHAT, of the last lines of check
	sed -n "s/.*$1: \([0-9]*\).*/\1/p" "$log" | awk '{n += $1} END {print n + 0}'
}

# The first checksum that same-bits.sh printed for a level of this kind.
bits() { # LEVELS
	sum=$(sed -nE "s/^([0-9a-f]{16})[0-9a-f]*  ($1), .*/\1/p" "$log" | head -n 1)
	echo "${sum:--}"
}

row() {
	printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' \
		"$system" "$(sed -n 's/^compiler: //p' "$log")" \
		"${build_s:--}" "${demo_s:--}" "${test_s:--}" "${user_s:--}" \
		"$(count Checks)" "$(bits base)" "$(bits 'v3|v4|neon')" "$1"
}

check() { # SYSTEM
	parse "$1"
	failed='' build_s='' demo_s='' test_s='' user_s='' log=$top/$1.log
	mkdir -p "$top"
	everything >"$log" 2>&1 || failed="$failed set-up"
	if [ -z "$failed" ]; then
		row passed
		[ "${KEEP:-}" ] || rm -rf "$system_root"
	else
		row "failed:$failed, see build/distros/$1.log"
		bad=1
	fi
}

bad=0
# shellcheck disable=SC2086
[ $# -gt 0 ] || set -- $default
for system in "$@"; do
	(parse "$system")
done
echo '| system | compiler | build, s | demo, s | test, s | test by a user, s | checks | bits at base | other levels | |'
echo '|---|---|---|---|---|---|---|---|---|---|'
for system in "$@"; do
	check "$system"
done
exit $bad
