#!/bin/sh
# Fetches the official archives of the data sets, checks their sums and puts them into data/.
#
#     tools/fetch-data.sh SET [FOLDER]      SET: mnist, fashion-mnist, cifar10, cifar100 or all
#
# Nothing needs it to build, test or run the demo: MNIST and a slice of CIFAR-10 come with the
# repository. A file is put in place only when its size and sum are right. What an interrupted fetch has
# got stays in FOLDER/.fetch, and the next fetch goes on from there.
# MIRROR=URL in the environment is tried first (a folder with the files; file:// works). TABLE=FILE is
# another table than the one below: what the tests serve themselves.
# Needs curl or wget, tar, gzip, and md5sum, md5 or openssl.
set -eu

# mirror SET URL: tried in this order. file SET NAME MD5 BYTES. unpack SET FOLDER: the archive's folder
# is the set. classes SET NAME, ..
table() {
	if [ "${TABLE:-}" ]; then
		cat "$TABLE"
		return
	fi
	cat <<'END'
mirror mnist https://ossci-datasets.s3.amazonaws.com/mnist
mirror mnist https://storage.googleapis.com/cvdf-datasets/mnist
mirror mnist http://yann.lecun.com/exdb/mnist
file mnist train-images-idx3-ubyte.gz f68b3c2dcbeaaa9fbdd348bbdeb94873 9912422
file mnist train-labels-idx1-ubyte.gz d53e105ee54ea40749a09fcbcd1e9432 28881
file mnist t10k-images-idx3-ubyte.gz 9fb629c4189551a2d022fa330f9573f3 1648877
file mnist t10k-labels-idx1-ubyte.gz ec29112dd5afa0611ce80d1b7f02629c 4542
mirror fashion-mnist http://fashion-mnist.s3-website.eu-central-1.amazonaws.com
mirror fashion-mnist https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion
file fashion-mnist train-images-idx3-ubyte.gz 8d4fb7e6c68d591d4c3dfef9ec88bf0d 26421880
file fashion-mnist train-labels-idx1-ubyte.gz 25c81989df183df01b3e8a0aad5dffbe 29515
file fashion-mnist t10k-images-idx3-ubyte.gz bef4ecab320f06d8554ea6380940ec79 4422102
file fashion-mnist t10k-labels-idx1-ubyte.gz bb300cfdad3c16e7a12a480ee83cd310 5148
classes fashion-mnist T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag, Ankle boot
mirror cifar10 https://www.cs.toronto.edu/~kriz
file cifar10 cifar-10-binary.tar.gz c32a1d4ab5d03f1284b67883e8d87530 170052171
unpack cifar10 cifar-10-batches-bin
mirror cifar100 https://www.cs.toronto.edu/~kriz
file cifar100 cifar-100-binary.tar.gz 03b5dce01913d631647c71ecec9e9cb8 168513733
unpack cifar100 cifar-100-binary
END
}

# The rest of the rows of a kind and a set.
rows() { # KIND SET
	table | sed -n "s/^$1 $2 //p"
}

sets() {
	table | sed -n 's/^file \([^ ]*\) .*/\1/p' | uniq
}

die() {
	echo "$0: $*" >&2
	exit 1
}

usage() {
	echo "usage: $0 $(sets | tr '\n' '|')all [FOLDER]" >&2
	exit 2
}

md5_of() {
	if command -v md5sum >/dev/null 2>&1; then
		md5sum <"$1" | cut -d ' ' -f 1
	elif command -v md5 >/dev/null 2>&1; then
		md5 -q "$1"
	else
		openssl md5 -r <"$1" | cut -d ' ' -f 1
	fi
}

bytes_of() {
	if [ -f "$1" ]; then
		wc -c <"$1" | tr -d ' '
	else
		echo 0
	fi
}

# 170 MB, 4.5 kB
size_text() {
	awk -v n="$1" 'BEGIN { u = n < 1e6 ? "kB" : "MB"; n /= n < 1e6 ? 1e3 : 1e6
		printf n < 10 ? "%.1f %s" : "%.0f %s", n, u }'
}

# curl with what is the same each time; more options first.
by_curl() { # URL FILE OPTION...
	url=$1
	to=$2
	shift 2
	curl "$@" --fail --location --silent --show-error --connect-timeout 20 --retry 2 --output "$to" "$url"
}

# Adds what is missing to a file. A server that cannot go on in the middle of a file (33) gives it anew.
download() { # URL FILE
	if command -v curl >/dev/null 2>&1; then
		by_curl "$1" "$2" --continue-at - || {
			[ $? = 33 ] && rm -f "$2" && by_curl "$1" "$2"
		}
	elif command -v wget >/dev/null 2>&1; then
		wget --quiet --continue --timeout=20 --tries=3 --output-document="$2" "$1"
	else
		die "needs curl or wget"
	fi
}

is_right() { # FILE MD5 BYTES
	[ "$(bytes_of "$1")" = "$3" ] && [ "$(md5_of "$1")" = "$2" ]
}

# One try at one mirror. What is too short stays, to go on from; what is wrong goes.
try() { # URL FILE MD5 BYTES
	have=$(bytes_of "$2")
	if [ "$have" -gt 0 ]; then
		echo "fetching $1 ($(size_text "$4"), of which $(size_text "$have") are here)"
	else
		echo "fetching $1 ($(size_text "$4"))"
	fi
	download "$1" "$2" || true
	have=$(bytes_of "$2")
	if [ "$have" -lt "$4" ]; then
		echo "$1: $have of $4 bytes came" >&2
		return 1
	fi
	is_right "$2" "$3" "$4" && return 0
	echo "$1: $have bytes with MD5 $(md5_of "$2"), must be $4 bytes with MD5 $3: not used" >&2
	rm -f "$2"
	return 1
}

# Leaves the file, checked, in the folder of parts; tries one mirror after the other, and each once more when what was
# there from another time turned out to be wrong.
fetch() { # SET NAME MD5 BYTES
	is_right "$parts/$2" "$3" "$4" && return 0
	began_with=$(bytes_of "$parts/$2")
	for round in 1 2; do
		for mirror in ${MIRROR:+"$MIRROR"} $(rows mirror "$1"); do
			try "$mirror/$2" "$parts/$2" "$3" "$4" && return 0
		done
		[ "$round" = 1 ] && [ "$began_with" -gt 0 ] && [ ! -f "$parts/$2" ] || break
	done
	have=$(bytes_of "$parts/$2")
	[ "$have" = 0 ] || die "$2: $have of $4 bytes are here; the same command goes on from there"
	die "$2: no mirror delivered the right file"
}

# The archive's files move as a whole folder, so that a set is complete or not there.
unpack() { # SET FOLDER-IN-ARCHIVE
	name=$(rows file "$1" | cut -d ' ' -f 1)
	gzip -dc "$parts/$name" | (cd "$parts" && tar -xf -)
	[ -d "$parts/$2" ] || die "$name: has no folder $2"
	mv "$parts/$2" "$root/$1"
	rm -f "$parts/$name"
}

archive() { # SET FOLDER-IN-ARCHIVE
	if [ -e "$root/$1" ]; then
		echo "$root/$1 is there; remove it to fetch it again"
		return 0
	fi
	rows file "$1" >"$parts/rows"
	while read -r name sum bytes; do
		fetch "$1" "$name" "$sum" "$bytes"
	done <"$parts/rows"
	unpack "$1" "$2"
}

plain() { # SET
	mkdir -p "$root/$1"
	rows file "$1" >"$parts/rows"
	while read -r name sum bytes; do
		if is_right "$root/$1/$name" "$sum" "$bytes"; then
			echo "$root/$1/$name is there"
		else
			fetch "$1" "$name" "$sum" "$bytes"
			mv -f "$parts/$name" "$root/$1/$name"
		fi
	done <"$parts/rows"
	classes=$(rows classes "$1")
	if [ "$classes" ]; then
		echo "$classes" | tr , '\n' | sed 's/^ //' >"$parts/classes.txt"
		mv -f "$parts/classes.txt" "$root/$1/classes.txt"
	fi
}

one() { # SET
	parts=$root/.fetch/$1
	mkdir -p "$parts"
	folder=$(rows unpack "$1")
	if [ "$folder" ]; then
		archive "$1" "$folder"
	else
		plain "$1"
	fi
	rm -rf "$parts"
	rmdir "$root/.fetch" 2>/dev/null || true
	echo "$1 is in $root/$1"
}

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	usage
fi
root=${2:-$(dirname "$0")/../data}
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [ "$1" = all ]; then
	for set in $(sets); do
		one "$set"
	done
elif sets | grep -qxF -e "$1"; then
	one "$1"
else
	usage
fi
