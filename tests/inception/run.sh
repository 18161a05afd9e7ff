#!/bin/sh
# FID's network in full size, with random weights, against pytorch-fid's and clean-fid's own code (make test-inception).
#
#     tests/inception/run.sh TEST WORK [PYTHON]      TEST: the program test_inception; WORK: a folder that is made
#
# Needs a package index, and some GB of disk for torch. PYTHON: one that has torch, torchvision, pytorch-fid, clean-fid
# and h5py already; then nothing is installed.
set -eu
test=$1 work=$2 python=${3:-}
mkdir -p "$work"
if [ -z "$python" ]; then
	[ -d "$work/venv" ] || python3 -m venv "$work/venv"
	python=$work/venv/bin/python
	"$python" -m pip install -q --disable-pip-version-check torch torchvision pytorch-fid clean-fid h5py
fi
"$python" tests/inception/make_golden.py "$work/full.h5"
INCEPTION=$work/full.h5 "$test"
