#!/bin/sh
# What the tests have run, per room: lines, and both ways of every branch, as gcov counts them. For `make coverage`.
#
#     tests/coverage.sh BUILD [LINES BRANCHES]       BUILD: objects made with --coverage; the status is 1 below LINES or
#                                                    BRANCHES per cent of the whole
#     MISSED=core/plan tests/coverage.sh BUILD       lists, instead, what was not run in files whose names begin so
set -eu
build=$1
least_lines=${2:-0}
least_branches=${3:-0}

# Annotated sources on the standard output: "count: line: text", and below a line its branches. A file that is compiled
# several times (register tiles) counts as run where one of its objects was.
find "$build" -name '*.gcno' ! -path '*/tests/*' ! -path '*/docs/*' | xargs gcov -b -c -t 2>/dev/null |
awk -v build="$build" -v least_lines="$least_lines" -v least_branches="$least_branches" -v missed="${MISSED-none}" '
function room(file,   d) {
	d = file
	sub(/\/[^\/]*$/, "", d)
	return d
}
function share(part, all) { return all ? 100 * part / all : 100 }
/^ *-: *0:Source:/ {
	file = $0
	sub(/.*Source:/, "", file)
	ours = file ~ /^(core|layers|optim|data|gan|tools)\//
	next
}
!ours { next }
/^ *[0-9#=*-]+\*?: *[0-9]+:/ {
	split($0, part, ":")
	count = part[1]
	line = part[2] + 0
	key = file SUBSEP line
	text[key] = $0
	n = 0
	if (count !~ /-/) {
		any = any || missed == "none" || index(file, missed) == 1
		lines[key]
		if (count + 0 > 0)
			run[key] = 1
	}
}
/^branch / {
	one = key SUBSEP n++
	branches[one]
	if ($3 == "taken" && $4 + 0 > 0)
		both[one] = 1
}
END {
	if (!any) {
		what = missed == "none" ? "nothing" : "nothing of " missed
		print "coverage: " build ": " what " is counted there" > "/dev/stderr"
		exit 1
	}
	for (key in lines) {
		split(key, k, SUBSEP)
		r = room(k[1])
		nlines[r]++
		hit[r] += key in run
		if (missed != "none" && index(k[1], missed) == 1 && !(key in run))
			print k[1] ":" k[2] ": line" substr(text[key], index(text[key], ":") + 6)
	}
	for (one in branches) {
		split(one, k, SUBSEP)
		r = room(k[1])
		nbranches[r]++
		taken[r] += one in both
		key = k[1] SUBSEP k[2]
		if (missed != "none" && index(k[1], missed) == 1 && !(one in both) && key in run)
			print k[1] ":" k[2] ": branch " k[3] substr(text[key], index(text[key], ":") + 6)
	}
	if (missed != "none")
		exit
	sort = "sort"
	print "| room | lines | run | branches | taken |\n| --- | ---: | ---: | ---: | ---: |"
	for (r in nlines) {
		printf "| %s | %d | %.1f %% | %d | %.1f %% |\n", r, nlines[r], share(hit[r], nlines[r]), nbranches[r],
			share(taken[r], nbranches[r]) | sort
		all_lines += nlines[r]; all_hit += hit[r]; all_branches += nbranches[r]; all_taken += taken[r]
	}
	close(sort)
	l = share(all_hit, all_lines)
	b = share(all_taken, all_branches)
	printf "| all | %d | %.1f %% | %d | %.1f %% |\n", all_lines, l, all_branches, b
	if (l < least_lines || b < least_branches) {
		printf "coverage: %.1f %% of lines and %.1f %% of branches; at least %s and %s are wanted\n", l, b,
			least_lines, least_branches
		exit 1
	}
}'
