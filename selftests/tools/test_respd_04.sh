#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-respd: who gets what, when a client is slow, has much, or memory runs out.

. "$(dirname "$0")/lib.sh"
plan 16

channel_create bus --topics '#'
start_daemon respd mq-respd --listen "unix:$work/sock" --listen 127.0.0.1:7383 \
	--max-queue 65536 --slow-client-timeout 600

cli()
{
	redis-cli -s "$work/sock" "$@"
}

# lines NAME N: the output of NAME has at least so many lines.
lines()
{
	[ -e "$work/$1" ] && [ "$(wc -l <"$work/$1")" -ge "$2" ]
}

# subscriber NAME LINES WORD...: has subscribed on return.
subscriber()
{
	local name=$1 count=$2

	shift 2
	start "$name" redis-cli -s "$work/sock" "$@"
	wait_for lines "$name" "$count"
}

# behind NAME N: all that came behind its first N lines, on one line.
behind()
{
	tail -n +$(($2 + 1)) "$work/$1" | paste -sd' '
}

# ---- topics that begin with '$' ------------------------------------------------

channel_create sys --topics "\$SYS/#"
subscriber all 3 psubscribe '*'
all=$pid
equal "a pattern does not count where its filter does not reach" \
	"$(cli publish "\$SYS/x" 1)" 0
subscriber named 3 subscribe "\$SYS/x"
named=$pid
equal "nor when the channel has a subscriber" "$(cli publish "\$SYS/x" 2)" 1
subscriber under 3 psubscribe "\$SYS/*"
under=$pid
equal "one that names the level does" "$(cli publish "\$SYS/x" 3)" 2
equal "and all others count" "$(cli publish x 4)" 1
wait_for lines all 7
equal "who is not counted gets nothing" "$(behind all 3)" "pmessage * x 4"
wait_for lines under 7
equal "who is, does" "$(behind under 3)" "pmessage \$SYS/* \$SYS/x 3"
for pid in "$all" "$named" "$under"; do
	stop "$pid"
done

# ---- subscribing while a client is slow -----------------------------------------

count=100
payload=$(head -c 10000 /dev/zero | tr '\0' x)
subscriber slow 3 subscribe q/x
slow=$pid
kill -STOP "$slow"
before=$(cli info stats | tr -d '\r')
for ((i = 0; i < count; i++)); do
	echo "publish q/x $payload"
done | cli | sort | uniq -c | tr -s ' ' >"$work/counts"
equal "each message has the slow client as its receiver" "$(<"$work/counts")" " $count 1"
now=$(cli info stats | tr -d '\r')
records()
{
	sed -n 's/^records://p' <<<"$1"
}
read_of_them=$(($(records "$now") - $(records "$before")))
check "it holds up the others" test "$read_of_them" -lt $count
subscriber late 3 subscribe q/x
late=$pid
subscriber latest 3 psubscribe 'q/*'
latest=$pid
kill -CONT "$slow"
check "it gets all when it reads again" wait_for lines slow $((3 + 3 * count))
equal "all receive what comes then" "$(cli publish q/x new)" 3
wait_for lines late 6
equal "a subscriber gets nothing older than its subscription" "$(behind late 3)" \
	"message q/x new"
wait_for lines latest 7
equal "nor does a pattern" "$(behind latest 3)" "pmessage q/* q/x new"
for pid in "$slow" "$late" "$latest"; do
	stop "$pid"
done

# ---- many patterns ---------------------------------------------------------------

patterns()
{
	[ "$(cli pubsub numpat)" -eq "$1" ]
}
wait_for patterns 0
exec 8<>/dev/tcp/127.0.0.1/7383
printf '%s\r\n' "psubscribe $(seq -s ' ' -f 'p%.0f*' 4100)" 'psubscribe p1*' quit >&8
timeout 60 cat <&8 >"$work/many"
exec 8>&-
equal "a client has many patterns, but not more" \
	"$(grep -c '^:4096' "$work/many") $(grep -c '^-ERR .* at most 4096 ' "$work/many")" "2 4"
check "its end takes them along" wait_for patterns 0

# ---- without memory --------------------------------------------------------------

# What is freed reads as nonsense at once.
GLIBC_TUNABLES=glibc.malloc.tcache_count=0:glibc.malloc.perturb=85 \
	start_daemon mem mq-respd --listen "unix:$work/mem.sock"
daemon=$pid
channel_create big --topics 'a/#' --max-record 1M --overflow reject
start memless redis-cli -s "$work/mem.sock" psubscribe 'b*' 'a*'
wait_for lines memless 6
size=$(sed -n 's/^VmSize:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$daemon/status")
prlimit --pid "$daemon" --as=$(((size + 256) * 1024))
head -c 900000 /dev/zero | mqctl pub a/x --stdin
closed()
{
	grep -q 'closed: no memory for its output' "$work/mem.err" || ! kill -0 "$daemon"
}
wait_for closed
check "a client that there is no memory for is closed" grep -q 'no memory' "$work/mem.err"
equal "the daemon goes on" "$(redis-cli -s "$work/mem.sock" ping)" PONG
