#!/bin/sh
# Puts files below a folder and takes them away again; called by `make install` and `make uninstall`.
#
#     tools/install.sh put FOLDER MODE,FILE,PLACE...       FILE goes to FOLDER/PLACE; all or the first fault
#     tools/install.sh remove FOLDER MODE,FILE,PLACE...    what is at FOLDER/PLACE goes, and our own folders when empty
set -eu

what=$1
into=$2
shift 2

place() {
	echo "${1##*,}"
}

put() {
	for item in "$@"; do
		file=${item#*,}
		install -D -m "${item%%,*}" "${file%,*}" "$into/$(place "$item")"
	done
	echo "installed $# files below $into"
}

# bin, lib and share belong to the system, or to whoever made them.
remove() {
	for item in "$@"; do
		rm -f "$into/$(place "$item")"
	done
	if [ -d "$into/include/sagan" ]; then
		find "$into/include/sagan" -depth -type d -exec rmdir --ignore-fail-on-non-empty {} +
	fi
	echo "removed what was installed below $into"
}

case $what in
put) put "$@" ;;
remove) remove "$@" ;;
*) echo "$0: $what: put or remove" >&2; exit 2 ;;
esac
