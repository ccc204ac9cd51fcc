#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mq-respd under pipelines, malformed input and signals.

. "$(dirname "$0")/lib.sh"
plan 17

channel_create bus --topics '#' --overflow reject --slots 1024
start_daemon respd mq-respd --listen "unix:$work/sock" --listen 127.0.0.1:7382
daemon=$pid
# A multiple of what 50 pipelines of 32 send at a time.
count=$(volume 16000)

cli()
{
	redis-cli -s "$work/sock" "$@"
}

stat_of()
{
	cli info stats | tr -d '\r' | sed -n "s/^$1://p"
}

# ---- pipelines ---------------------------------------------------------------

bench()
{
	redis-benchmark -s "$work/sock" -q -n "$count" "$@" >"$work/bench" 2>&1 &&
		! grep -iE 'error|fail' "$work/bench"
}
check "redis-benchmark publishes in pipelines" bench -P 32 publish bench/1 hello
equal "all of it was published" "$(stat_of published)" "$count"
check "redis-benchmark publishes one by one" bench -n $((count / 8)) publish bench/1 hello
check "redis-benchmark pings" bench -n $((count / 8)) -t ping

# A subscriber that reads holds the ring of a reject channel: nothing is lost.
start all redis-cli -s "$work/sock" psubscribe 'full/*'
lines()
{
	[ -e "$work/all" ] && [ "$(wc -l <"$work/all")" -ge "$1" ]
}
wait_for lines 3
many=$(volume 20000)
{
	seq -f 'publish full/x %.0f' 0 $((many - 1))
	echo quit
} >"$work/publishes"
exec 8<>/dev/tcp/127.0.0.1/7382
cat "$work/publishes" >&8 &
timeout 60 tr -d '\r' <&8 >"$work/replies"
exec 8>&-
equal "each of a pipeline's messages had its receiver" \
	"$(sort "$work/replies" | uniq -c | tr -s ' ' | paste -sd,)" " 1 +OK, $many :1"
check "all have come" wait_for lines $((3 + 4 * many))
equal "in order" "$(sed -n '7~4p' "$work/all" | md5sum)" "$(seq 0 $((many - 1)) | md5sum)"

# ---- malformed input ---------------------------------------------------------

# malformed BYTES: what the daemon answers before it closes.
malformed()
{
	exec 8<>/dev/tcp/127.0.0.1/7382
	printf '%b' "$1" >&8
	timeout 30 cat <&8
	exec 8>&-
}
before=$(stat_of protocol_errors)
equal "a wrong type" "$(malformed '*1\r\n:3\r\n')" \
	"-ERR Protocol error: expected '\$', got ':'"$'\r'
equal "what came before is still answered" "$(malformed 'ping\r\npublish p/1 x\r\n*x\r\n')" \
	$'+PONG\r\n:0\r\n-ERR Protocol error: invalid multibulk length\r'
equal "a request above the limit" "$(malformed '*2\r\n$4\r\nECHO\r\n$99999999\r\n')" \
	$'-ERR Protocol error: invalid bulk length\r'
equal "protocol errors are counted" "$(($(stat_of protocol_errors) - before))" 3
check "and logged" grep -q "127.0.0.1:[0-9]*: closed: protocol error: expected" \
	"$work/respd.err"
check "random bytes disturb nobody" bash -c \
	"for i in {1..20}; do head -c 5000 /dev/urandom >/dev/tcp/127.0.0.1/7382; done"
equal "the daemon goes on" "$(cli ping)" PONG
equal "and the subscriber too" "$(cli publish full/x last)" 1

# ---- the end -----------------------------------------------------------------

stop "$daemon"
equal "SIGTERM ends it well" "$?" 0
check "its socket is gone" test ! -e "$work/sock"
