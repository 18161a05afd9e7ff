#!/bin/bash
# run.sh - `make test-keras`: what sagan exports, in the Keras of other people.
#
#   [TRACE_OPS=PROGRAM] [ONNX_LAYERS=PROGRAM] tests/keras/run.sh SAGAN WORK [ENVIRONMENT .. [onnx]]
#
# Makes a virtual environment per row of ENVIRONMENTS below WORK, trains small networks with SAGAN, exports them, and in
# each environment runs test_layers.py (the custom layers), check_traced.py (single operations, as TRACE_OPS, the
# program test_trace_ops, leaves them), check_export.py (load, predict, train, save again) and imports what that Keras
# saved. ONNX files, those of the runs and those that ONNX_LAYERS, the program test_onnx_layers, leaves, go through the
# checker, ONNX Runtime and onnxslim. Ends with a table: ways by versions, largest errors. Needs
# pip with a package index and a python that fits; what is missing is said, and the status is then 1.
set -u -o pipefail

# name | fitting pythons | packages | variables
ENVIRONMENTS='
keras2.15  | 3.9 3.11  | keras==2.15.0 tensorflow-cpu==2.15.1 h5py | KERAS_BACKEND=tensorflow
keras3.3   | 3.9 3.12  | keras==3.3.3 tensorflow-cpu==2.16.2 h5py | KERAS_BACKEND=tensorflow
keras3-tf  | 3.10 3.13 | keras>=3.3 tensorflow-cpu h5py            | KERAS_BACKEND=tensorflow
keras3-jax | 3.11 3.13 | keras>=3.3 jax h5py                       | KERAS_BACKEND=jax
tf-keras   | 3.10 3.13 | tf-keras tensorflow-cpu h5py              | SAGAN_KERAS=tf_keras TF_USE_LEGACY_KERAS=1
'
ONNX='onnx | 3.10 3.13 | onnx onnxruntime onnxslim h5py | X='

# A few steps are enough: what is learned does not matter, what the numbers become does.
SMALL='steps=8 batch=8 train.sample_every=0 train.checkpoint_every=8 ema.decay=0.5 ema.start=0
       model.g_channels=16 model.d_channels=16'
SIXTEEN='model.network=resnet model.size=16 data.resize=stretch'
TALL='model.network=resnet model.size=[24,16] data.resize=stretch'
WIDE='model.network=dcgan model.size=[16,28] data.resize=stretch'

# name | config | keys | layers of G, of D: map and type; - for the config's own. G stands for a gate that is open
# enough to be seen. The first four are networks as people train them, the others place every layer that stock Keras
# cannot express, and those that it can. A row goes on behind a \ at the end of its line.
NETWORKS='
digits    | demo            | -                            | 14 official, G                     | 14 official, G
colour    | cifar10-small   | data.path=data/cifar10-mini  | 16 official, G                     | 16 official, G
dcgan     | mnist-dcgan     | -                            | 14 plain, G                        | -
mnistgans | mnist-mnistgans | -                            | -                                  | -
heads     | demo            | SIXTEEN                      | 8 mhsa, G, position: absolute, out_bias: true; \
                                                             16 mhsa_h, G, heads: 2, dropout: 0.1 \
                                                           | 8 halo, G; 4 halo_h, G, heads: 4, block: 2
windows   | demo            | SIXTEEN                      | 8 outlook, G; 16 outlook_simple, G, fold_kernel: true \
                                                           | 8 conv_relative, G; 4 ashpy_row, G
blocks    | demo            | SIXTEEN                      | 8 cot, G, activation: prelu; 16 split_attention, G \
                                                           | 8 mixer, drop_rate: 0.1; 4 spatial_gating, G
norms     | demo            | SIXTEEN                      | 8 bn_act, evo_norm: true; \
                                                             16 bn_act, evo_norm: true, group_size: 4 \
                                                           | 8 conv2d, G; 4 positional_embedding
stock     | demo            | SIXTEEN                      | 8 se, G; 16 mlp, G | 8 conv_position; 4 channel_affine
plain     | demo            | SIXTEEN                      | 8 layer_norm; 16 conv, G           | 8 bias; 4 blur
tall      | demo            | TALL                         | 8 mhsa, G; 16 outlook, G; 4 official, G \
                                                           | 8 conv_relative, G; 4 halo, G
wide      | mnist-dcgan     | WIDE                         | 8 cot, G | 8 mixer, drop_rate: 0.1; 4 positional_embedding
'

sagan=$(realpath "$1")
work=$(mkdir -p "$2" && realpath "$2")
shift 2
chosen=" $* "
here=$(dirname "$(realpath "$0")")
cd "$here/../.." || exit 1
export PYTHONDONTWRITEBYTECODE=1 CUDA_VISIBLE_DEVICES= TF_CPP_MIN_LOG_LEVEL=3
export OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1 TF_NUM_INTEROP_THREADS=1
status=0

# A line, and a status that lasts.
fault() { echo "test-keras: $*" >&2; status=1; }

# wanted NAME: among the environments given, or none are.
wanted() { [ "$chosen" = "  " ] || [[ $chosen == *" $1 "* ]]; }

trim() { sed 's/^ *//; s/ *$//' <<< "$1"; }

names=$(sed -n 's/^\([^ ]*\) *|.*/\1/p' <<< "$ENVIRONMENTS")
for name in "$@"; do
	[[ " ${names//$'\n'/ } onnx " == *" $name "* ]] \
		|| { fault "$name: must be one of ${names//$'\n'/, }, onnx"; exit 1; }
done

# fitting 3.9 3.11: a python of these versions that can make virtual environments.
fitting()
{
	local p
	for p in python3 python3.13 python3.12 python3.11 python3.10 python3.9; do
		"$p" -c "
import sys, ensurepip, venv
least, most = (tuple(map(int, v.split('.'))) for v in sys.argv[1:])
sys.exit(not least <= sys.version_info[:2] <= most)" "$1" "$2" 2>/dev/null && { command -v "$p"; return 0; }
	done
	return 1
}

# environment NAME LEAST MOST PACKAGES..: makes WORK/NAME, once for these packages.
environment()
{
	local name=$1 least=$2 most=$3 python
	shift 3
	[ "$(cat "$work/$name/made" 2>/dev/null)" = "$*" ] && return 0
	python=$(fitting "$least" "$most") \
		|| { fault "$name needs a python $least to $most with the venv module; none found"; return 1; }
	rm -rf "${work:?}/$name"
	"$python" -m venv "$work/$name" \
		|| { fault "$name: $python cannot make virtual environments (Debian: python3-venv)"; return 1; }
	"$work/$name/bin/python" -m pip --version > /dev/null 2>&1 || { fault "$name: $python has no pip"; return 1; }
	echo "installing $*"
	nice "$work/$name/bin/python" -m pip install -q --disable-pip-version-check "$@" > "$work/$name.pip.log" 2>&1 \
		|| { fault "$name: pip could not install $*: $(tail -n 1 "$work/$name.pip.log")"; return 1; }
	echo "$*" > "$work/$name/made"
}

# "8 halo, G; 4 bias" -> [{at: 8, type: halo, gamma: 0.5}, {at: 4, type: bias}], for model.layers_g.
layers()
{
	sed -E 's/([0-9]+) ([a-z])/at: \1, type: \2/g; s/, G/, gamma: 0.5/g; s/ *; */}, {/g; s/^/[{/; s/$/}]/' <<< "$1"
}

# Trains and exports all networks.
networks()
{
	local name config keys g d set
	while IFS='|' read -r name config keys g d; do
		name=$(trim "$name"); keys=$(trim "$keys")
		[ -z "$name" ] && continue
		keys=${keys/SIXTEEN/$SIXTEEN}; keys=${keys/TALL/$TALL}; keys=${keys/WIDE/$WIDE}
		set=()
		for k in $SMALL ${keys#-}; do set+=(--set "$k"); done
		g=$(trim "$g"); d=$(trim "$d")
		[ "$g" = - ] || set+=(--set "model.layers_g=$(layers "$g")")
		[ "$d" = - ] || set+=(--set "model.layers_d=$(layers "$d")")
		"$sagan" train "configs/$(trim "$config").yaml" --fresh --threads 1 --out "$work/runs/$name" \
			"${set[@]}" > "$work/runs/$name.log" 2>&1 \
			|| { fault "$name: training: $(tail -n 1 "$work/runs/$name.log")"; continue; }
		"$sagan" export "$work/runs/$name" --net both --layers --out "$work/files/$name" \
			> "$work/files/$name.log" 2>&1 \
			|| fault "$name: export: $(tail -n 1 "$work/files/$name.log")"
	done <<< "${NETWORKS//\\$'\n'/}"
}

# import_back ENVIRONMENT: every file that this Keras saved becomes a checkpoint, which is exported: the same outputs.
# A kernel that Keras has trained is no W / sigma: the stock form goes into a network without spectral norm. And it is
# no depthwise one any more, which stock layers write as a convolution with zeros: such a file is refused, which is
# right, as is one of weights alone for a gate that is the scale of a layer.
import_back()
{
	local file run net form base flags again list="$work/imported/$1/list"
	rm -rf "${work:?}/imported/$1"
	mkdir -p "$work/imported/$1"
	for file in "$work/saved/$1"/*/*.keras "$work/saved/$1"/*/*.h5; do
		case $file in *.expected.h5) continue ;; esac
		run=$(basename "$(dirname "$file")")
		base=$(basename "$file"); net=${base%%[._]*}; form=${base#"$net"}
		again=$work/imported/$1/$run$form
		flags=(--config "$work/runs/$run/config.yaml" --net "$net")
		[[ $form == _layers* ]] || flags+=(--set model.spectral_norm_g=false --set model.spectral_norm_d=false
			--set model.cbn_sn=false)
		"$sagan" import "$file" "${flags[@]}" --out "$work/imported/checkpoint.h5" > "$work/import.log" 2>&1 \
			&& "$sagan" export "$work/imported/checkpoint.h5" --net "$net" --layers --out "$again" \
				>> "$work/import.log" 2>&1 \
			|| { grep -q 'cannot be taken apart\|the file does not tell' "$work/import.log" && continue
			     fault "$1: import of $file: $(grep '^sagan:' "$work/import.log" | tail -n 1)"; }
		base=${file%.keras}; base=${base%.weights.h5}; base=${base%.h5}
		printf '%s\t%s\t%s\t%s\t%s\n' "$run" "$net" "$form" "$again" "$base.expected.h5" >> "$list"
	done
	# shellcheck disable=SC2086
	env $2 nice "$work/$1/bin/python" -W ignore "$here/check_import.py" "$work/$1.tsv" "$list" 2> "$work/$1.err" \
		|| fault "$1: check_import.py: see above, and $work/$1.err"
}

# The lines of Python in docs/keras.md, as a reader would copy them.
readme()
{
	local file="$work/readme/lines.py"
	mkdir -p "$work/readme"
	awk '/^## /{here = /Export and use/} here && /^```python/{on = 1; next} /^```/{on = 0} on' docs/keras.md \
		| sed "s|runs/mnist-sagan/keras/|$work/files/digits/|" > "$file"
	[ -s "$file" ] || { fault "docs/keras.md has no lines of Python under 'Export and use'"; return; }
	# shellcheck disable=SC2086
	(cd "$work/readme" && env $2 nice "$work/$1/bin/python" -W ignore lines.py > readme.log 2>&1) \
		|| fault "$1: the lines in docs/keras.md: $(tail -n 1 "$work/readme/readme.log")"
}

# Ways by environments, the largest error of all networks; and what failed.
table()
{
	local files=()
	for e in "${done_environments[@]}"; do files+=("$work/$e.tsv"); done
	awk -F'\t' '
		FNR == 1 { e = FILENAME; sub(/.*\//, "", e); sub(/\.tsv$/, "", e); name[++n] = e }
		{
			way = $3; if (!(way in seen)) { seen[way] = 1; ways[++m] = way }
			k = way SUBSEP e; count[k]++
			if ($4 ~ /^FAILED/) bad[k]++
			else if ($4 != "-" && (!(k in worst) || $4 + 0 > worst[k])) worst[k] = $4 + 0
		}
		END {
			printf "| %-26s |", "way"; for (i = 1; i <= n; i++) printf " %-20s |", name[i]; print ""
			printf "| %-26s |", "---"; for (i = 1; i <= n; i++) printf " %-20s |", "---"; print ""
			for (j = 1; j <= m; j++) {
				printf "| %-26s |", ways[j]
				for (i = 1; i <= n; i++) {
					k = ways[j] SUBSEP name[i]
					cell = k in worst ? sprintf("%.1e (%d files)", worst[k], count[k]) : "-"
					printf " %-20s |", bad[k] ? bad[k] " FAILED" : cell
				}
				print ""
			}
		}' "${files[@]}"
}

mkdir -p "$work/runs" "$work/files" "$work/saved" "$work/traced"
networks
if [ -n "${TRACE_OPS:-}" ]; then
	SAGAN_TRACE_DIR=$work/traced "$TRACE_OPS" > "$work/traced.log" 2>&1 || fault "$TRACE_OPS: see $work/traced.log"
fi
done_environments=()
while IFS='|' read -r name pythons packages variables; do
	name=$(trim "$name")
	{ [ -z "$name" ] || ! wanted "$name"; } && continue
	# shellcheck disable=SC2086
	environment "$name" $pythons $packages || continue
	python=$work/$name/bin/python
	versions=$("$python" -m pip list 2>/dev/null \
		| awk '/^(keras|tf.keras|tensorflow.cpu|jax) /{printf "%s %s  ", $1, $2}')
	echo "== $name: $versions"
	rm -rf "$work/$name.tsv" "$work/saved/$name"
	# shellcheck disable=SC2086
	env $variables nice "$python" -W ignore "$here/test_layers.py" 2> "$work/$name.err" \
		|| fault "$name: test_layers.py: $(tail -n 1 "$work/$name.err")"
	# shellcheck disable=SC2086
	[ -z "${TRACE_OPS:-}" ] || env $variables nice "$python" -W ignore "$here/check_traced.py" "$work/traced" \
		2> "$work/$name.err" || fault "$name: check_traced.py: see above, and $work/$name.err"
	# shellcheck disable=SC2086
	env $variables nice "$python" -W ignore "$here/check_export.py" "$work/$name.tsv" "$work/saved/$name" \
		"$work"/files/*/ 2> "$work/$name.err" || fault "$name: check_export.py: see above, and $work/$name.err"
	import_back "$name" "$variables"
	[[ $variables == *tf_keras* || $name == keras3.3 ]] || readme "$name" "$variables"     # they take the .keras
	done_environments+=("$name")
done <<< "$ENVIRONMENTS"

onnx()
{
	local name pythons packages pairs=() f
	IFS='|' read -r name pythons packages _ <<< "$ONNX"
	# shellcheck disable=SC2086
	environment "$(trim "$name")" $pythons $packages || return
	for run in "$work"/runs/*/; do
		run=$(basename "$run")
		"$sagan" export "$work/runs/$run" --net both --layers --onnx --out "$work/onnx-files/$run" \
			> "$work/onnx.log" 2>&1 \
			|| { fault "$run: export --onnx: $(tail -n 1 "$work/onnx.log")"; continue; }
		for f in "$work/onnx-files/$run"/*.onnx; do pairs+=("$f" "${f%.onnx}.reference.h5"); done
	done
	if [ -n "${ONNX_LAYERS:-}" ]; then
		mkdir -p "$work/onnx-layers"
		SAGAN_ONNX_DIR=$work/onnx-layers "$ONNX_LAYERS" > "$work/onnx-layers.log" 2>&1 \
			|| fault "$ONNX_LAYERS: see $work/onnx-layers.log"
	fi
	for f in "$work/traced"/*.onnx "$work/onnx-layers"/*.onnx; do
		[ ! -e "$f" ] || pairs+=("$f" "${f%.onnx}.reference.h5")
	done
	nice "$work/onnx/bin/python" "$here/check_onnx.py" "${pairs[@]}" | sed "s|$work/onnx-files/||; s|$work/||" \
		|| fault "check_onnx.py"
}

wanted onnx && { mkdir -p "$work/onnx-files"; echo "== ONNX"; onnx; }
[ ${#done_environments[@]} -gt 0 ] && { echo; table; }
exit $status
