#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# The part of run.sh that runs in the test machine. Takes the names in
# $MQ_OUT/remaining one by one; a line "passed NAME ..." or "failed NAME ..." for each
# of their tests goes to $MQ_OUT/results, what they print to $MQ_OUT/NAME.log.
# $MQ_OUT/current tells run.sh during which of them the machine died.

set -uo pipefail

cd "$MQ_TOP" || exit 1
limit=$((MQ_VOLUME > 1 ? 600 : 300))
group=/sys/fs/cgroup/mq-test
log=/tmp/mq-check.log
# How much of what the kernel said has been looked at.
heard=0

# "passed NAME TEST" and "failed NAME TEST" for every TAP line of the log, and a
# failure for whatever else is not as promised.
judge() {
	local name=$1 status=$2

	awk -v name="$name" -v status="$status" '
	/^1\.\.[0-9]+/ { plan = substr($1, 4); planned = 1 }
	/^(not )?ok / {
		count++
		good = /^ok / && !/# *SKIP/
		if (!good)
			bad++
		sub(/^(not )?ok [0-9]+ *(- )?/, "")
		print (good ? "passed " : "failed ") name " " $0
	}
	END {
		if (status == 124 || status == 137)
			print "failed " name " ended by its time limit"
		else if (status && !bad)
			print "failed " name " exit status " status
		if (!planned)
			print "failed " name " no plan"
		else if (plan != count)
			print "failed " name " " plan " planned, " count + 0 " ran"
	}' "$log"
}

# What the kernel has said since the last call; mostly nothing. Programs are what
# takes time on a slow kernel, so this file starts few.
kernel_says() {
	local all

	all=$(dmesg)
	said=${all:heard}
	heard=${#all}
}

# Processes and channels that a program left, and nodes without a channel.
leftovers() {
	local node

	echo 1 >"$group/cgroup.kill"
	for node in /dev/mq/*; do
		[ -e "$node" ] || continue
		if mqctl channel delete "${node##*/}" >&2; then
			echo "failed $1 left the channel ${node##*/}"
		else
			rm -f "$node"
			echo "failed $1 left the node ${node##*/}"
		fi
	done
}

in_group() {
	echo $BASHPID >"$group/cgroup.procs"
	exec timeout -k 5 "$limit" "$@"
}

run_program() {
	case $1 in
	test_*) (in_group "selftests/tools/$1.sh") ;;
	unload) (in_group selftests/tools/test_unload_01.sh) ;;
	kfuzz) (in_group "$MQ_BUILD/selftests-tools/kfuzz" --seconds 60 \
		--corpus selftests/fuzz/kernel/corpus) ;;
	*) (in_group "$MQ_BUILD/selftests/$1") ;;
	esac </dev/null >"$log" 2>&1
}

# KUnit ran when the module was loaded; its cases are indented in the log.
run_kunit() {
	dmesg | sed -nE 's/^\[[^]]*\] +((not )?ok [0-9]+ .*)/\1/p' >"$log"
	grep -cE '^(not )?ok ' "$log" | sed 's/^/1../' >>"$log"
	! grep -q '^1\.\.0$' "$log"
}

# How many lines of the verdict begin with that word.
count() {
	local line n=0

	while read -r line; do
		[[ $line != "$1 "* ]] || n=$((n + 1))
	done <<<"$verdict"
	echo "$n"
}

run_one() {
	local name=$1 start=$SECONDS status verdict good bad said

	echo "$name" >"$MQ_OUT/current"
	case $name in
	kunit) run_kunit ;;
	*) run_program "$name" ;;
	esac
	status=$?
	verdict=$(
		judge "$name" "$status"
		leftovers "$name" 2>/dev/null
	)
	kernel_says
	if [ "$said" ] && ! said=$(tools/vm/splats <<<"$said"); then
		verdict+=$'\n'"failed $name the kernel reported a bug"
		printf '%s\n' "$said" >>"$log"
	fi
	printf '%s\n' "$(<"$log")" >"$MQ_OUT/$name.log"
	printf '%s\n' "$verdict" >>"$MQ_OUT/results"
	good=$(count passed)
	bad=$(count failed)
	said=$(
		printf '%s %-16s %3d passed, %d failed (%d s)\n' "$MQ_KERNEL" \
			"$name" "$good" "$bad" $((SECONDS - start))
		if ((bad > 0)); then
			grep '^failed ' <<<"$verdict" | sed 's/^failed/not ok -/'
			tail -n 40 "$log" | sed 's/^/    /'
		fi
	)
	# At once: checks beside the machine write to the same terminal.
	printf '%s\n' "$said"
}

mkdir "$group"
mapfile -t remaining <"$MQ_OUT/remaining"
while ((${#remaining[@]} > 0)); do
	run_one "${remaining[0]}"
	remaining=("${remaining[@]:1}")
	printf '%s' "${remaining[@]/%/$'\n'}" >"$MQ_OUT/remaining"
done
rm -f "$MQ_OUT/current"
