# bash completion for sagan: commands, their options, keys for --set.
_sagan()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} options=
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W 'train sample attend export import info layers data classify evaluate report compare bench --help --version' -- "$word")
		return
	fi
	case $before in
	--set)
		# The keys are asked of the program, so that they are those of its version.
		case ${COMP_WORDS[1]} in
		layers) options=$("${COMP_WORDS[0]}" layers "${COMP_WORDS[2]}" 2>/dev/null |
			awk '/^arguments/ { on = 1 } /^$/ { on = 0 } on && /^  [a-z]/ { print $1 }') ;;
		classify) options=$("${COMP_WORDS[0]}" info --keys --classify --markdown 2>/dev/null |
			sed -n 's/^| `\([^`]*\)`.*/\1/p') ;;
		*) options=$("${COMP_WORDS[0]}" info --keys --markdown 2>/dev/null | sed -n 's/^| `\([^`]*\)`.*/\1/p') ;;
		esac
		mapfile -t COMPREPLY < <(compgen -S = -W "$options" -- "$word")
		compopt -o nospace
		return ;;
	layers)
		mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" layers 2>/dev/null | awk 'NR > 1 { print $1 }')" \
			-- "$word")
		return ;;
	--net)
		options='generator discriminator'
		[ "${COMP_WORDS[1]}" != export ] || options="$options both" ;;
	--plan) options='d d_penalty g sample' ;;
	--format) options='auto idx cifar10 cifar100 numpy pictures hdf5 stacked' ;;
	--split)
		options='train test'
		[ "${COMP_WORDS[1]}" = evaluate ] || options="$options all" ;;
	--resize) options='crop fit stretch pad' ;;
	--range) options='auto 0..1 -1..1 0..255 0..65535' ;;
	--background) options='white black gray' ;;
	--steps|--batch|--only|--max-time|--log-every|--record|--threads|--n|--seed|--class|--truncation|--direction|--delay|--columns|--pixel|--layer|--head|--limit|--size|--input|--freeze-d|--images|--labels) return ;;
	esac
	if [ -z "$options" ] && [ "${word#-}" != "$word" ]; then
		case ${COMP_WORDS[1]} in
		train) options='--out --set --threads --steps --record --max-time --log-every --quiet --fresh --init-from --freeze-d --new-data --help' ;;
		sample) options='--from --model --range --n --seed --class --truncation --interpolate --direction --loop --delay --columns --best --raw --out --latents --threads --help' ;;
		attend) options='--net --image --seed --class --pixel --layer --head --mean --common --best --raw --out --threads --help' ;;
		export) options='--out --net --raw --layers --onnx --html --float32 --threads --help' ;;
		import) options='--config --set --net --model --onto --out --threads --help' ;;
		info) options='--set --plan --time --keys --classify --markdown --build --help' ;;
		layers) options='--input --set --sn --help' ;;
		data) options='--format --split --coarse --limit --size --resize --range --images --labels --class-names --background --picture --help' ;;
		classify) options='--out --set --threads --quiet --fresh --help' ;;
		evaluate) options='--against --split --n --features --seed --truncation --best --raw --pairs --json --quiet --threads --help' ;;
		report) options='--out --threads --help' ;;
		compare) options='--json --help' ;;
		bench) options='--layers --only --sample --batch --steps --threads --set --profile --kernels --json --help' ;;
		esac
	fi
	if [ -n "$options" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		compopt -o filenames
	fi
}
complete -F _sagan sagan
