#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# kill -9 of a daemon under load, at random moments: native programs go on, what
# the dead held is free, and every record that was taken is delivered. The same
# for native publishers and subscribers is in selftests/uapi/kill.c.

. "$(dirname "$0")/lib.sh"
rounds=$((MQ_VOLUME > 1 ? 4 : 20))
plan $((2 * rounds + 3))

field()
{
	member "$(mqctl channel show kill --json)" "$1"
}

# has FIELD NUMBER: the channel's field is that.
has()
{
	[ "$(field "$1")" = "$2" ]
}

# beyond NUMBER: more records than that were published.
beyond()
{
	[ "$(field published)" -gt "$1" ]
}

received_all()
{
	[ "$(wc -l <"$work/survivor")" -eq "$(field published)" ]
}

mqtt_clients()
{
	start sub mosquitto_sub -p "$1" -t 'kill/#'
	start load bash -c "exec mosquitto_pub -p $1 -t kill/mqtt -l < <(yes mqtt)"
}

redis_clients()
{
	start sub redis-cli -p "$1" psubscribe 'kill/*'
	start load redis-benchmark -p "$1" -n 100000000 -c 4 -P 16 -q publish kill/redis x
}

# A daemon with a subscriber that holds and a publisher that does not stop.
round()
{
	local name=$1 port=$2 clients=$3 daemon before

	start_daemon "$name" "mq-$name" --listen "127.0.0.1:$port"
	daemon=$pid
	"$clients" "$port"
	wait_filters 2
	before=$(field published)
	wait_for beyond $((before + 1000 + RANDOM % 1000))
	# The moment is random; nothing is expected of it.
	read -rt "0.$((RANDOM % 400 + 100))" -u "$idle" || :
	kill -KILL "$daemon"
	wait "$daemon" 2>/dev/null
	stop "${started[-2]}" KILL
	stop "${started[-1]}" KILL

	before=$(field published)
	check "round $port: survivors go on" wait_for beyond $((before + 100))
	check "round $port: nothing is left of $name" wait_for has subscriptions 1
}

channel_create kill --topics 'kill/#' --overflow reject --slots 1024
start survivor mqctl sub --hold -R 'kill/#'
survivor=$pid
wait_filters 1
start native bash -c "exec mqctl pub -l kill/native < <(yes native)"
native=$pid

for ((i = 0; i < rounds; i++)); do
	if ((i % 2)); then
		round respd $((9000 + i)) redis_clients
	else
		round mqttd $((9000 + i)) mqtt_clients
	fi
done

stop "$native"
check "no publisher is left" wait_for has publishers 0
check "every record that was taken was delivered" wait_for received_all
check "the subscriber that lived is well" kill -0 "$survivor"
