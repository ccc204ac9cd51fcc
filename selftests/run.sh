#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# make check: builds, then runs lint, the models and the fuzzers here and
# everything else in the test machine, on each kernel. One line for each
# program, and at the end "N passed, N failed". A test that is skipped, does not
# run, or makes the kernel complain has failed.
#
#   KERNELS="stock debug"   which kernels
#   TESTS="GLOB..."         which programs: create, lib_*, test_mqttd*, lint,
#                           model, fuzz_*
#
# Logs stay in build/check.

set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
kernels=${KERNELS:-stock debug}
logs=$PWD/build/check
fuzz_seconds=30
# A machine that dies is started again for the rest, but not for ever.
max_boots=8
boot_timeout=1500
passed=0 failed=0

wanted() {
	local glob

	[ -n "${TESTS:-}" ] || return 0
	for glob in $TESTS; do
		# shellcheck disable=SC2053
		[[ $1 != $glob ]] || return 0
	done
	return 1
}

# fail NAME TEXT: one that can't tell for itself.
fail() {
	failed=$((failed + 1))
	echo "not ok - $1: $2"
}

finish() {
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0)) || exit 1
	exit 0
}

build() {
	local kernel

	tools/setup.sh || return
	make -s -j"$(nproc)" tests || return
	wanted 'fuzz_*' && { make -s -j"$(nproc)" fuzzers || return; }
	for kernel in $kernels; do
		make -s -j"$(nproc)" module KERNEL="$kernel" || return
	done
}

# here NAME SCRIPT: a script that prints TAP and needs no machine, or makes its own.
here() {
	wanted "$1" || return 0
	local start=$SECONDS log=$logs/$1 good bad planned

	"$2" >"$log" 2>&1
	good=$(grep '^ok ' "$log" | grep -vc '# *SKIP')
	bad=$(grep -cE '^(not ok |ok .*# *SKIP)' "$log")
	planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$log")
	passed=$((passed + good))
	failed=$((failed + bad))
	echo "$1: $good passed, $bad failed ($((SECONDS - start)) s)"
	((bad == 0)) || sed -n '/^not ok/,/^ok/{/^ok/!p}' "$log"
	[ "$planned" = $((good + bad)) ] ||
		fail "$1" "planned ${planned:-nothing}, ran $((good + bad)): see $log"
}

fuzz() {
	local names=() pids=() name i program work

	for program in selftests/fuzz/*.c; do
		name=$(basename "$program" .c)
		wanted "$name" || continue
		work=$logs/$name.found
		rm -rf "$work"
		mkdir -p "$work/corpus"
		"build/fuzz/$name" -max_total_time="$fuzz_seconds" -timeout=10 \
			-rss_limit_mb=2048 -artifact_prefix="$work/" \
			"$work/corpus" "selftests/fuzz/corpus_${name#fuzz_}" \
			>"$logs/$name" 2>&1 &
		pids+=($!)
		names+=("$name")
	done
	for i in "${!names[@]}"; do
		if wait "${pids[i]}"; then
			passed=$((passed + 1))
			echo "${names[i]}: passed, $(grep -oE '^Done [0-9]+ runs' \
				"$logs/${names[i]}")"
		else
			fail "${names[i]}" "what it found is in $logs/${names[i]}.found"
			tail -n 30 "$logs/${names[i]}"
		fi
	done
}

# The programs for the machine, in order: from the lowest layer up.
programs() {
	local file name

	{
		[ "$1" != debug ] || echo kunit
		for file in selftests/uapi/*.c; do
			basename "$file" .c
		done
		for file in selftests/lib/*.c; do
			echo "lib_$(basename "$file" .c)"
		done
		for file in selftests/tools/test_*.sh; do
			basename "$file" .sh
		done
		echo unload
	} | while read -r name; do
		! wanted "$name" || echo "$name"
	done
}

# Runs what is left of todo in one machine; what is done moves to results.
boot() {
	local kernel=$1 out=$2 status current

	rm -f "$out/current"
	MQ_OUT=$out tools/vm/run --kernel "$kernel" --timeout "$boot_timeout" -- \
		selftests/machine.sh 2>"$out/stderr"
	status=$?
	cat "$out/stderr" >&2
	if [ "$status" -ne 0 ]; then
		current=$(cat "$out/current" 2>/dev/null)
		fail "$kernel ${current:-machine}" "the machine ended with status $status"
		[ -z "$current" ] || sed -i '1d' "$out/todo"
		[ -n "$current" ] || : >"$out/todo"
		cp "$out/kernel.log" "$out/kernel.${current:-end}.log"
	fi
}

on_kernel() {
	local kernel=$1 out=$logs/$1 boots=0

	rm -rf "$out"
	mkdir -p "$out"
	: >"$out/results"
	programs "$kernel" >"$out/todo"
	while [ -s "$out/todo" ]; do
		if ((++boots > max_boots)); then
			while read -r name; do
				fail "$kernel $name" "not run: too many machines died"
			done <"$out/todo"
			break
		fi
		boot "$kernel" "$out"
	done
	passed=$((passed + $(grep -c '^passed ' "$out/results")))
	failed=$((failed + $(grep -c '^failed ' "$out/results")))
}

main() {
	local kernel

	mkdir -p "$logs"
	trap finish EXIT
	trap 'fail check interrupted; exit 130' INT TERM
	if ! build; then
		fail build "see above"
		exit 1
	fi
	here lint selftests/lint.sh
	here model selftests/model/run.sh
	here vm selftests/vm/test_vm.sh
	fuzz
	for kernel in $kernels; do
		on_kernel "$kernel"
	done
}

main
