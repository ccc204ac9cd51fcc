#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# make check and make check-all: builds, then runs lint, the models and the fuzzers
# here and everything else in the test machine, on each kernel. One line for each
# program, and at the end "N passed, N failed". A test that is skipped, does not
# run, or makes the kernel complain has failed.
#
#   KERNELS="stock debug"   which kernels: those, next, newest, kcsan
#   TESTS="GLOB..."         which programs: create, lib_*, test_mqttd*, lint,
#                           model, fuzz_*, kfuzz, soak, unload
#   DEEP=yes                the checks of the sources that take minutes, and how many
#                           lines of the module the tests reach (coverage), too
#
# Logs stay in build/check.

set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
kernels=${KERNELS:-stock debug}
deep=${DEEP:-}
logs=$PWD/build/check
fuzz_seconds=30
# A machine that dies is started again for the rest, but not for ever.
max_boots=8
boot_timeout=3600
# What runs in the background, to be ended with this.
pids=()

wanted() {
	local glob

	[ -n "${TESTS:-}" ] || return 0
	for glob in $TESTS; do
		# shellcheck disable=SC2053
		[[ $1 != $glob ]] || return 0
	done
	return 1
}

# The verdicts of all: lines "passed NAME TEST" and "failed NAME TEST".
results=$logs/results

# fail NAME TEXT: one that can't tell for itself.
fail() {
	echo "failed $1 $2" >>"$results"
	echo "not ok - $1: $2"
}

finish() {
	local passed failed

	passed=$(grep -c '^passed ' "$results")
	failed=$(grep -c '^failed ' "$results")
	echo "$passed passed, $failed failed"
	((failed == 0 && passed > 0)) || exit 1
	exit 0
}

interrupted() {
	trap '' INT TERM
	((${#pids[@]} == 0)) || kill "${pids[@]}" 2>/dev/null
	wait
	fail check interrupted
	exit
}

build() {
	make -s -j"$(nproc)" "$@"
}

# here NAME COMMAND...: one that prints TAP and needs no machine, or makes its own.
here() {
	wanted "$1" || return 0
	local name=$1 start=$SECONDS log=$logs/$1 good bad planned status

	shift
	# In the background, so that the shell hears of a signal meanwhile.
	"$@" >"$log" 2>&1 &
	child=$!
	wait "$child"
	status=$?
	good=$(grep '^ok ' "$log" | grep -v '# *SKIP' | sed "s/^/passed $name /" |
		tee -a "$results" | wc -l)
	bad=$(grep -E '^(not ok |ok .*# *SKIP)' "$log" | sed "s/^/failed $name /" |
		tee -a "$results" | wc -l)
	planned=$(sed -n 's/^1\.\.\([0-9][0-9]*\)$/\1/p' "$log")
	echo "$name: $good passed, $bad failed ($((SECONDS - start)) s)"
	((bad == 0)) || sed -n '/^not ok/,/^ok/{/^ok/!p}' "$log"
	[ "$planned" = $((good + bad)) ] ||
		fail "$name" "planned ${planned:-nothing}, ran $((good + bad)): see $log"
	((status == 0 || bad > 0)) || fail "$name" "ended with status $status: see $log"
}

# Figures that are the same in every run, so a change in them is one.
cost() {
	wanted cost_icount && [[ " $kernels " == *" stock "* ]] || return 0
	here cost_icount tools/vm/run --icount --timeout 300 -- build/selftests/cost
	sed -n 's/^# \(publish .*\)/  instructions, \1/p' "$logs/cost_icount"
}

fuzz() {
	local names=() pids=() name i program work

	for program in selftests/fuzz/*.c; do
		name=$(basename "$program" .c)
		! wanted "$name" || names+=("$name")
	done
	((${#names[@]} > 0)) || return 0
	if ! build fuzzers; then
		fail fuzz "the fuzzers are not built: see above"
		return
	fi
	for name in "${names[@]}"; do
		work=$logs/$name.found
		rm -rf "$work"
		mkdir -p "$work/corpus"
		"build/fuzz/$name" -max_total_time="$fuzz_seconds" -timeout=10 \
			-rss_limit_mb=2048 -artifact_prefix="$work/" \
			"$work/corpus" "selftests/fuzz/corpus_${name#fuzz_}" \
			>"$logs/$name" 2>&1 &
		pids+=($!)
	done
	for i in "${!names[@]}"; do
		if wait "${pids[i]}"; then
			echo "passed ${names[i]}" >>"$results"
			echo "${names[i]}: passed, $(grep -oE '^Done [0-9]+ runs' \
				"$logs/${names[i]}")"
		else
			fail "${names[i]}" "what it found is in $logs/${names[i]}.found"
			tail -n 30 "$logs/${names[i]}"
		fi
	done
}

has_kunit() {
	grep -qx CONFIG_KUNIT=y "$(tools/vm/kernel.sh kdir "$1")/.config"
}

# The programs for the machine, in order: from the lowest layer up.
programs() {
	local name

	{
		! has_kunit "$1" || echo kunit
		basename -s .c selftests/uapi/*.c
		basename -s .c selftests/lib/*.c | sed 's/^/lib_/'
		basename -s .sh selftests/tools/test_*.sh | grep -v '^test_unload'
		[[ " stock debug " != *" $1 "* ]] || echo soak
		[[ " debug newest " != *" $1 "* ]] || echo kfuzz
		echo unload
	} | while read -r name; do
		! wanted "$name" || echo "$name"
	done
}

# Runs what is left of remaining in one machine; what is done moves to results.
boot() {
	local kernel=$1 out=$2 status current

	rm -f "$out/current"
	MQ_OUT=$out tools/vm/run --kernel "$kernel" --timeout "$boot_timeout" -- \
		selftests/machine.sh 2>"$out/stderr" &
	machine=$!
	wait "$machine"
	status=$?
	cat "$out/stderr" >&2
	if [ "$status" -ne 0 ]; then
		current=$(cat "$out/current" 2>/dev/null)
		fail "$kernel ${current:-machine}" "the machine ended with status $status"
		[ -z "$current" ] || sed -i '1d' "$out/remaining"
		[ -n "$current" ] || : >"$out/remaining"
		cp "$out/kernel.log" "$out/kernel.${current:-end}.log"
	fi
}

on_kernel() {
	local kernel=$1 out=$logs/$1 boots=0 machine=

	trap 'kill "$machine"; wait "$machine"; exit 1' TERM
	trap - EXIT
	rm -rf "$out"
	mkdir -p "$out"
	: >"$out/results"
	programs "$kernel" >"$out/remaining"
	while [ -s "$out/remaining" ]; do
		if ((++boots > max_boots)); then
			while read -r name; do
				fail "$kernel $name" "not run: too many machines died"
			done <"$out/remaining"
			break
		fi
		boot "$kernel" "$out"
	done
	sed "s/^\(passed\|failed\) /&$kernel /" "$out/results" >>"$results"
}

# The kernels in the order they start: who takes longest starts first.
slowest_first() {
	local kernel

	for kernel in newest debug kcsan next stock; do
		[[ " $kernels " != *" $kernel "* ]] || echo "$kernel"
	done
}

# On all programs: TESTS means something else to it.
coverage() {
	[[ $deep && " $kernels " == *" debug "* ]] || return 0
	here coverage env -u TESTS KERNEL=debug selftests/coverage.sh
}

# What needs no machine takes the time that the machines leave. The modules come
# first: the next machine waits for its own.
start_beside() {
	(
		trap 'kill "$child"; exit 1' TERM
		chrt --idle --pid 0 "$BASHPID"
		for kernel in $(slowest_first); do
			build module KERNEL="$kernel"
		done
		here lint selftests/lint.sh
		[ -z "$deep" ] || here lint_deep selftests/lint-deep.sh
		here model selftests/model/run.sh
		fuzz
	) &
	pids+=($!)
}

start_kernel() {
	on_kernel "$1" &
	pids+=($!)
}

# One machine at a time: two with two CPUs each on a small host spin for locks whose
# holders wait for a CPU, and take several times as long.
main() {
	local kernel

	mkdir -p "$logs"
	: >"$results"
	trap finish EXIT
	trap interrupted INT TERM
	if ! tools/setup.sh || ! build tests; then
		fail build "see above"
		exit 1
	fi
	for kernel in $(slowest_first); do
		if ! build module KERNEL="$kernel"; then
			fail "$kernel" "its module is not built: see above"
			continue
		fi
		((${#pids[@]} > 0)) || start_beside
		start_kernel "$kernel"
		wait "${pids[-1]}"
	done
	here vm selftests/vm/test_vm.sh
	cost
	coverage
	((${#pids[@]} == 0)) || wait "${pids[@]}"
	exit
}

main
