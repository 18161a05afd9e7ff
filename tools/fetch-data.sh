#!/bin/sh
# Fetches the official archives of the data sets, checks their sums and puts them into data/.
#
#     tools/fetch-data.sh mnist|fashion-mnist|cifar10|cifar100|all [FOLDER]
#
# Nothing needs it to build, test or run the demo: MNIST and a slice of CIFAR-10 come with the
# repository. A file is put in place only when its sum is right; an interrupted fetch leaves nothing
# behind. MIRROR=URL in the environment is tried first (a folder with the files; file:// works).
# Needs curl or wget, tar, gzip, and md5sum, md5 or openssl.
set -eu

usage() {
	echo "usage: $0 mnist|fashion-mnist|cifar10|cifar100|all [FOLDER]" >&2
	exit 2
}

die() {
	echo "$0: $*" >&2
	exit 1
}

part=
clean() {
	if [ -n "$part" ]; then
		rm -rf "$part"
	fi
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

md5_of() {
	if command -v md5sum >/dev/null 2>&1; then
		md5sum <"$1" | cut -d ' ' -f 1
	elif command -v md5 >/dev/null 2>&1; then
		md5 -q "$1"
	else
		openssl md5 -r <"$1" | cut -d ' ' -f 1
	fi
}

download() { # URL FILE
	if command -v curl >/dev/null 2>&1; then
		curl --fail --location --silent --show-error --connect-timeout 20 --retry 2 --output "$2" "$1"
	elif command -v wget >/dev/null 2>&1; then
		wget --quiet --timeout=20 --tries=3 --output-document="$2" "$1"
	else
		die "needs curl or wget"
	fi
}

# Leaves the file, checked, as $part/NAME; tries one mirror after the other.
fetch() { # NAME MD5 MIRROR...
	name=$1
	sum=$2
	shift 2
	for mirror in ${MIRROR:+"$MIRROR"} "$@"; do
		echo "fetching $mirror/$name"
		if ! download "$mirror/$name" "$part/$name"; then
			continue
		fi
		found=$(md5_of "$part/$name")
		if [ "$found" = "$sum" ]; then
			return 0
		fi
		echo "$mirror/$name: MD5 is $found, must be $sum: not used" >&2
		rm -f "$part/$name"
	done
	die "$name: no mirror delivered the right file"
}

begin() { # FOLDER
	mkdir -p "$1"
	part=$1/.fetch.$$
	mkdir "$part"
}

end() {
	rm -rf "$part"
	part=
}

idx() { # FOLDER FILE MD5 MIRROR...
	target=$1
	name=$2
	if [ -f "$target/$name" ] && [ "$(md5_of "$target/$name")" = "$3" ]; then
		echo "$target/$name is there"
		return 0
	fi
	begin "$target"
	shift
	fetch "$@"
	mv -f "$part/$name" "$target/$name"
	end
}

mnist() {
	set -- https://ossci-datasets.s3.amazonaws.com/mnist \
		https://storage.googleapis.com/cvdf-datasets/mnist \
		http://yann.lecun.com/exdb/mnist
	idx "$root/mnist" train-images-idx3-ubyte.gz f68b3c2dcbeaaa9fbdd348bbdeb94873 "$@"
	idx "$root/mnist" train-labels-idx1-ubyte.gz d53e105ee54ea40749a09fcbcd1e9432 "$@"
	idx "$root/mnist" t10k-images-idx3-ubyte.gz 9fb629c4189551a2d022fa330f9573f3 "$@"
	idx "$root/mnist" t10k-labels-idx1-ubyte.gz ec29112dd5afa0611ce80d1b7f02629c "$@"
}

fashion_mnist() {
	set -- http://fashion-mnist.s3-website.eu-central-1.amazonaws.com \
		https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion
	idx "$root/fashion-mnist" train-images-idx3-ubyte.gz 8d4fb7e6c68d591d4c3dfef9ec88bf0d "$@"
	idx "$root/fashion-mnist" train-labels-idx1-ubyte.gz 25c81989df183df01b3e8a0aad5dffbe "$@"
	idx "$root/fashion-mnist" t10k-images-idx3-ubyte.gz bef4ecab320f06d8554ea6380940ec79 "$@"
	idx "$root/fashion-mnist" t10k-labels-idx1-ubyte.gz bb300cfdad3c16e7a12a480ee83cd310 "$@"
	part=$root/fashion-mnist/classes.part.$$
	printf '%s\n' T-shirt/top Trouser Pullover Dress Coat Sandal Shirt Sneaker Bag 'Ankle boot' >"$part"
	mv -f "$part" "$root/fashion-mnist/classes.txt"
	part=
}

# The archive's files move as a whole folder, so that a set is complete or not there.
cifar() { # NAME ARCHIVE MD5 FOLDER-IN-ARCHIVE
	if [ -e "$root/$1" ]; then
		echo "$root/$1 is there; remove it to fetch it again"
		return 0
	fi
	begin "$root"
	fetch "$2" "$3" https://www.cs.toronto.edu/~kriz
	gzip -dc "$part/$2" | (cd "$part" && tar -xf -)
	[ -d "$part/$4" ] || die "$2: has no folder $4"
	mv "$part/$4" "$root/$1"
	end
}

cifar10() {
	cifar cifar10 cifar-10-binary.tar.gz c32a1d4ab5d03f1284b67883e8d87530 cifar-10-batches-bin
}

cifar100() {
	cifar cifar100 cifar-100-binary.tar.gz 03b5dce01913d631647c71ecec9e9cb8 cifar-100-binary
}

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
	usage
fi
root=${2:-$(dirname "$0")/../data}
case $1 in
mnist) mnist ;;
fashion-mnist) fashion_mnist ;;
cifar10) cifar10 ;;
cifar100) cifar100 ;;
all)
	mnist
	fashion_mnist
	cifar10
	cifar100
	;;
*) usage ;;
esac
