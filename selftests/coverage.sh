#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# make coverage: how many lines of the module the tests reach. Runs the unit tests
# and the programs of selftests/uapi and selftests/lib on a kernel whose module counts
# its lines (module/Kbuild), and prints a line for each file of the module, and TAP;
# build/coverage/NAME.unreached has the numbers of the others.
#
#   KERNEL=debug      or newest
#   TESTS="NAME..."   which programs
#   LEAST=90          fails if less than that percentage is reached
#
# In the machine it is called with the names of the programs.

set -euo pipefail

cd "$(dirname "$0")/.."
kernel=${KERNEL:-debug}
least=${LEAST:-90}
counters=/sys/kernel/debug/gcov

in_machine() {
	local name file status=0

	for name; do
		if timeout -k 5 600 "$MQ_BUILD/selftests/$name" </dev/null \
			>"$MQ_OUT/$name.log" 2>&1; then
			echo "# $name"
		else
			echo "# $name: failed, see build/coverage/$name.log"
			status=1
		fi
	done
	find "$counters" -name '*.gcda' | while read -r file; do
		cat "$file" >"$MQ_OUT/${file##*/}"
	done
	return "$status"
}

all_names() {
	basename -s .c selftests/uapi/*.c
	basename -s .c selftests/lib/*.c | sed 's/^/lib_/'
}

# FILE LINE COUNT for each line of the module that has code. A line of a header is
# reached if any of the objects that have it reached it.
lines() {
	local release=$1

	(
		cd "$out"
		cp "../$release"/*.gcno .
		gcov --json-format --stdout ./*.gcda
	) | jq -r '.files[] | select(.file | test("(^|/)[a-z_]+[.][ch]$")) |
		(.file | split("/") | last) as $name | .lines[] |
		"\($name) \(.line_number) \(.count)"' |
		awk '{ key = $1 " " $2; count[key] += $3 }
		END { for (key in count) print key, count[key] }' | sort -k1,1 -k2,2n |
		while read -r name line count; do
			[ ! -e "module/$name" ] || echo "$name $line $count"
		done
}

report() {
	awk -v least="$least" -v out="$out" '
	{
		all[$1]++
		total++
		if ($3 > 0) {
			good[$1]++
			reached++
		} else {
			file = out "/" $1 ".unreached"
			print $2 >file
		}
	}
	END {
		for (name in all)
			printf("# %-24s %4d of %4d lines  %5.1f %%\n", name, good[name],
				all[name], 100 * good[name] / all[name]) | "sort"
		close("sort")
		if (!total) {
			print "# no line was counted"
			exit 1
		}
		printf("# %-24s %4d of %4d lines  %5.1f %%\n", "all", reached, total,
			100 * reached / total)
		exit 100 * reached / total < least
	}' "$out/lines"
}

# result NUMBER NAME COMMAND...
result() {
	local number=$1 name=$2

	shift 2
	if "$@"; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		failed=1
	fi
}

main() {
	local failed=0 release

	out=$PWD/build/coverage
	release=$(tools/vm/kernel.sh release "$kernel")
	rm -rf "$out"
	mkdir -p "$out"
	printf 'TAP version 13\n1..2\n'
	# shellcheck disable=SC2046
	MQ_OUT=$out result 1 "the programs succeed on $kernel" tools/vm/run \
		--kernel "$kernel" --timeout 3600 -- \
		selftests/coverage.sh ${TESTS:-$(all_names)}
	lines "$release" >"$out/lines" || :
	result 2 "at least $least % of the lines of the module are reached" report
	return "$failed"
}

if (($# > 0)); then
	in_machine "$@"
else
	main
fi
