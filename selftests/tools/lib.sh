# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# What the shell tests share. A test sources it, calls `plan N`, checks N times,
# and ends: the exit status is 0 if all N were met. Run inside the test machine,
# as root, with mq loaded:
#
#   . "$(dirname "$0")/lib.sh"
#   plan 2
#   channel_create t1 --topics 't1/#'
#   check "the node is there" test -c /dev/mq/t1
#   equal "it has no reader" "$(mqctl channel show t1 --json | jq ...)" 0
#
# Everything started with `start` is ended, and every channel made by
# channel_create deleted, when the test ends, however it does. Nothing sleeps
# for a time and hopes: wait_for polls a condition.

set -uo pipefail

MQ_VOLUME=${MQ_VOLUME:-1}
# The debug kernel is slow; a condition that holds is seen at once anyway.
TIME_ALLOWED=$((30 * (MQ_VOLUME > 1 ? 4 : 1)))

work=$(mktemp -d)
checks=0 failures=0 planned=0
started=() channels=()

# A pipe that never has anything: read -t on it is a pause without a process.
exec {idle}<> <(:)

# ---- results -----------------------------------------------------------------

plan()
{
	planned=$1
	echo "TAP version 13"
	echo "1..$planned"
}

passed()
{
	checks=$((checks + 1))
	echo "ok $checks - $1"
}

# The lines behind the name are shown as comments.
failed()
{
	checks=$((checks + 1))
	failures=$((failures + 1))
	echo "not ok $checks - $1"
	shift
	[ $# -eq 0 ] || printf '%s\n' "$@" | head -n 40 | sed 's/^/# /'
}

# check NAME COMMAND...: the command succeeds.
check()
{
	local name=$1 status

	shift
	# Not in a subshell: the command may be `wait`.
	"$@" >"$work/output" 2>&1
	status=$?
	if [ "$status" -eq 0 ]; then
		passed "$name"
	else
		failed "$name" "status $status: $*" "$(<"$work/output")"
	fi
}

# equal NAME GOT WANTED
equal()
{
	if [ "$2" = "$3" ]; then
		passed "$1"
	else
		failed "$1" "got:    $2" "wanted: $3"
	fi
}

# says NAME STATUS TEXT COMMAND...: the command ends with STATUS, and its output
# contains TEXT.
says()
{
	local name=$1 want=$2 text=$3 output status

	shift 3
	output=$("$@" 2>&1 </dev/null)
	status=$?
	if [ "$status" -ne "$want" ]; then
		failed "$name" "status $status, not $want: $*" "$output"
	elif [[ $output != *"$text"* ]]; then
		failed "$name" "'$text' is not in what this says: $*" "$output"
	else
		passed "$name"
	fi
}

# volume COUNT: as much of it as this kernel can do in the time.
volume()
{
	echo $(($1 / MQ_VOLUME))
}

# ---- waiting -----------------------------------------------------------------

# wait_for COMMAND...: until it succeeds; fails after TIME_ALLOWED seconds.
wait_for()
{
	local end=$((SECONDS + TIME_ALLOWED))

	until "$@"; do
		if ((SECONDS >= end)); then
			echo "# did not happen in $TIME_ALLOWED seconds: $*"
			return 1
		fi
		read -rt 0.05 -u "$idle" || :
	done
}

# ---- processes ---------------------------------------------------------------

# start NAME COMMAND...: in the background; its output is $work/NAME, its
# process $pid.
start()
{
	local name=$1

	shift
	"$@" >"$work/$name" 2>"$work/$name.err" </dev/null &
	pid=$!
	started+=("$pid")
}

# What a daemon says on its way to the first connection.
listens()
{
	[ "$(grep -c 'listening on ' "$work/$1.err")" -ge "$2" ] ||
		! kill -0 "$pid" 2>/dev/null
}

# start_daemon NAME PROGRAM [OPTION...]: as start; returns once the daemon listens
# on everything that --listen names.
start_daemon()
{
	local name=$1 word sockets=0

	for word; do
		[[ $word != --listen* ]] || sockets=$((sockets + 1))
	done
	start "$@"
	if ! wait_for listens "$name" "$((sockets > 0 ? sockets : 1))" ||
		! kill -0 "$pid" 2>/dev/null; then
		echo "Bail out! $2 does not start: $(tail -n 3 "$work/$name.err")"
		exit 1
	fi
}

# stop PID [SIGNAL]: ends it and waits; returns its exit status.
stop()
{
	kill -"${2:-TERM}" "$1" 2>/dev/null || :
	wait "$1" 2>/dev/null
}

# ---- channels ----------------------------------------------------------------

# channel_create NAME [OPTION...]
channel_create()
{
	mqctl channel create "$@" || {
		echo "Bail out! no channel $1"
		exit 1
	}
	channels+=("$1")
}

# member JSON KEY: the first member of that name; a string without its quotes.
# Starting jq takes as long as ten checks on the debug kernel.
member()
{
	local pattern="\"$2\":(\"([^\"]*)\"|\[[^]]*\]|[^],}]*)"

	[[ $1 =~ $pattern ]] || return
	echo "${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}"
}

# of NAME KEY...: what is shown of a channel, its members in this order.
of()
{
	local json key all=''

	json=$(mqctl channel show "$1" --json)
	shift
	for key; do
		all+=" $(member "$json" "$key")"
	done
	echo "${all# }"
}

# How many filters all subscriptions have: tells that a subscriber is ready.
filters()
{
	local json total=0

	json=$(mqctl stats --json)
	while [[ $json =~ \"filters\":([0-9]+)(.*) ]]; do
		total=$((total + BASH_REMATCH[1]))
		json=${BASH_REMATCH[2]}
	done
	echo "$total"
}

have_filters()
{
	[ "$(filters)" -eq "$1" ]
}

# wait_filters N: until there are that many.
wait_filters()
{
	wait_for have_filters "$1"
}

# ---- the end -----------------------------------------------------------------

finish()
{
	local status=$? i name log

	for ((i = ${#started[@]} - 1; i >= 0; i--)); do
		stop "${started[i]}" KILL
	done
	for name in "${channels[@]}"; do
		[ ! -e "/dev/mq/$name" ] || mqctl channel delete "$name"
	done
	if [ "$checks" -ne "$planned" ]; then
		echo "# $checks checks, $planned planned"
		status=1
	fi
	if [ "$failures" -gt 0 ] || [ "$status" -ne 0 ]; then
		status=1
		for log in "$work"/*.err; do
			[ ! -s "$log" ] || echo "# --- ${log##*/}, its end:"
			[ ! -s "$log" ] || tail -n 20 "$log" | sed 's/^/# /'
		done
	fi
	rm -rf "$work"
	exit "$status"
}
trap finish EXIT
