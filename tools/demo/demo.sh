#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# What mq does, shown with real clients inside the test machine: make demo.
# Every delivery that is claimed is checked; one that does not come within the
# time allowed ends the demo with status 1. Nothing is waited for by sleeping.

set -euo pipefail

time_allowed=30
work=$(mktemp -d)
pids=()

bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' blue=$'\e[36m' plain=$'\e[0m'
if [ "${MQ_NO_COLOR:-}" ]; then
	bold='' green='' red='' blue='' plain=''
fi

# ---- telling -----------------------------------------------------------------

chapter()
{
	printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# A command as a person would type it.
show()
{
	printf '  %s$ %s%s\n' "$blue" "$*" "$plain"
}

happened()
{
	printf '    %s%s%s\n' "$green" "$*" "$plain"
}

fail()
{
	printf '%s%s%s\n' "$red" "the demo failed: $*" "$plain"
	local log

	for log in "$work"/*; do
		printf -- '--- %s\n' "${log##*/}"
		tail -n 20 "$log"
	done
	exit 1
}

indent()
{
	local line

	while IFS= read -r line; do
		printf '    %s\n' "$line"
	done
}

# ---- doing -------------------------------------------------------------------

# A pipe that never has anything: read -t on it is a pause without a process.
exec {idle}<> <(:)

# Tries a command until it succeeds.
wait_until()
{
	local what=$1 end=$((SECONDS + time_allowed))

	shift
	until "$@"; do
		((SECONDS < end)) || fail "$what did not happen in $time_allowed seconds"
		read -rt 0.05 -u "$idle" || :
	done
}

# Starts a command in the background, its output in $work/NAME.
start()
{
	local name=$1

	shift
	"$@" >"$work/$name" 2>&1 &
	pids+=($!)
}

# Ends what was started, the last first.
stop_all()
{
	local i

	for ((i = ${#pids[@]} - 1; i >= 0; i--)); do
		kill "${pids[i]}" 2>/dev/null || :
		wait "${pids[i]}" 2>/dev/null || :
	done
	rm -rf "$work"
}

answers()
{
	(exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Whether the output NAME has a line.
has()
{
	grep -qxF -- "$2" "$work/$1"
}

# Whether a subscription of the program has so many filters.
filters()
{
	mqctl stats --json | grep -q "\"program\":\"$1\",\"filters\":$2,"
}

arrives()
{
	wait_until "'$2' at $3" has "$1" "$2"
	happened "$3 got: $2"
}

# ---- the demo ----------------------------------------------------------------

trap stop_all EXIT

chapter "A channel in the kernel"
show "modprobe mq"
[ -d /sys/module/mq ] || fail "the module is not loaded"
happened "mq.ko is loaded on Linux $(uname -r)"
show "mqctl channel create bus --topics '#'"
mqctl channel create bus --topics '#'
[ -c /dev/mq/bus ] || fail "/dev/mq/bus is not there"
happened "/dev/mq/bus is there and claims every topic"

chapter "Two daemons give it two protocols"
show "mq-mqttd --listen 127.0.0.1:1883 &"
start mq-mqttd mq-mqttd --listen 127.0.0.1:1883
show "mq-respd --listen 127.0.0.1:6379 &"
start mq-respd mq-respd --listen 127.0.0.1:6379
wait_until "mq-mqttd listening" answers 1883
wait_until "mq-respd listening" answers 6379
happened "MQTT clients are welcome at port 1883, Redis clients at port 6379"

chapter "Three subscribers"
show "redis-cli subscribe plant/temp bus &"
start redis redis-cli subscribe plant/temp bus
show "mosquitto_sub -v -t 'plant/#' -t bus &"
start mosquitto mosquitto_sub -v -t 'plant/#' -t bus
show "mqctl sub -v 'plant/#' bus &          # native: reads the mapped ring"
start native mqctl sub -v 'plant/#' bus
wait_until "redis-cli subscribed" has redis 2
wait_until "mosquitto_sub subscribed" filters mq-mqttd 2
wait_until "mqctl subscribed" filters mqctl 2
happened "all three are subscribed"

chapter "MQTT -> Redis"
show "mosquitto_pub -t plant/temp -m 21.5"
mosquitto_pub -t plant/temp -m 21.5
arrives redis 21.5 redis-cli
arrives mosquitto 'plant/temp 21.5' mosquitto_sub
arrives native 'plant/temp 21.5' 'mqctl sub'

chapter "Redis -> MQTT"
show "redis-cli publish plant/temp 22.0"
receivers=$(redis-cli publish plant/temp 22.0)
[ "$receivers" -eq 3 ] || fail "redis-cli publish counted $receivers receivers, not 3"
happened "redis-cli was told: $receivers receivers, whatever their protocol"
arrives mosquitto 'plant/temp 22.0' mosquitto_sub
arrives redis 22.0 redis-cli
arrives native 'plant/temp 22.0' 'mqctl sub'

chapter "The shell -> everybody"
show "echo hello > /dev/mq/bus              # topic: the channel's name"
echo hello >/dev/mq/bus
arrives redis hello redis-cli
arrives mosquitto 'bus hello' mosquitto_sub
arrives native 'bus hello' 'mqctl sub'

chapter "A daemon dies, the bus does not"
show "kill -9 \$(pidof mq-respd)"
kill -9 "${pids[1]}"
wait "${pids[1]}" 2>/dev/null || :
show "mosquitto_pub -t plant/temp -m 23.1"
mosquitto_pub -t plant/temp -m 23.1
arrives mosquitto 'plant/temp 23.1' mosquitto_sub
arrives native 'plant/temp 23.1' 'mqctl sub'

chapter "How long it takes from one process to another (64 bytes)"
show "mq-latency demo/latency"
mq-latency demo/latency 1000 >"$work/latency" || fail "mq-latency"
indent <"$work/latency"
[ "$(grep -c median "$work/latency")" -eq 3 ] || fail "mq-latency measured too little"
echo "    (emulated machine: compare the lines, not with other machines)"

chapter "Who reads, how far, and what was lost"
show "mqctl stats"
mqctl stats >"$work/stats"
indent <"$work/stats"
missed=$(mqctl stats --json | grep -o '"missed":[0-9]*' | grep -vc ':0$' || :)
[ "$missed" -eq 0 ] || fail "a subscription missed messages"

chapter "Everything came: MQTT, Redis, native programs and the shell on one channel."
cat <<'END'
Next:
  make shell        this machine with a prompt, daemons running: try it yourself
  make check        every test, on two kernels
  README.md         the map; tools/examples/ the first program
END
