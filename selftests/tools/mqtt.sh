# shellcheck shell=bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# What the tests of mq-mqttd share beside lib.sh: real clients, and a raw
# connection for bytes that no real client sends.

port=18830

# mqttd [OPTION...]: a daemon on a port and on $work/sock; its process is $daemon.
# shellcheck disable=SC2034,SC2154
mqttd()
{
	start_daemon mqttd mq-mqttd --listen "127.0.0.1:$port" --listen "unix:$work/sock" "$@"
	daemon=$pid
}

# subscriber NAME OPTION...: mosquitto_sub in the background; has subscribed on
# return. Messages are lines "M TOPIC QOS RETAIN PAYLOAD" of $work/NAME.
subscriber()
{
	local name=$1

	shift
	start "$name" stdbuf -oL mosquitto_sub -d -p "$port" -F 'M %t %q %r %p' "$@"
	wait_for grep -qs '^Subscribed' "$work/$name"
}

# reader NAME OPTION...: mosquitto_sub with nothing but its own output, on one
# filter that nobody else has; has subscribed on return.
reader()
{
	local name=$1

	shift
	before=$(filters)
	start "$name" mosquitto_sub -p "$port" -W $((4 * TIME_ALLOWED)) "$@"
	reader=$pid
	wait_filters $((before + 1))
}

# The last reader has got all it wanted, and is gone.
reader_ends()
{
	wait "$reader" && wait_filters "$before"
}

# How many messages NAME has got.
messages()
{
	grep -c '^M ' "$work/$1"
}

has_messages()
{
	[ "$(messages "$1")" -ge "$2" ]
}

# got NAME N: its messages on one line, as soon as there are N.
got()
{
	wait_for has_messages "$1" "$2"
	sed -n 's/^M //p' "$work/$1" | paste -sd,
}

pub()
{
	mosquitto_pub -p "$port" "$@"
}

# ---- raw connections -----------------------------------------------------------

# connect: a connection on descriptor $raw.
connect()
{
	exec {raw}<>"/dev/tcp/127.0.0.1/$port"
}

disconnect()
{
	exec {raw}>&-
}

# bytes HEX...: as they are, in one write. Blanks in HEX only help to read it.
bytes()
{
	local hex i all=

	printf -v hex '%s' "$@"
	hex=${hex// /}
	for ((i = 0; i < ${#hex}; i += 2)); do
		all+="\\x${hex:i:2}"
	done
	# shellcheck disable=SC2059
	printf "$all"
}

# same_bytes NAME GOT HEX: as equal.
same_bytes()
{
	equal "$1" "$2" "${3// /}"
}

send()
{
	bytes "$@" >&"$raw"
}

# receive N: the next N bytes in hex, fewer at the end. Programs cost more than
# bytes here.
receive()
{
	local LC_ALL=C count=$1 byte all=

	while ((count-- > 0)); do
		IFS= read -rd '' -n 1 -t "$TIME_ALLOWED" -u "$raw" byte || break
		printf -v byte %02x "'$byte"
		all+=${byte: -2}
	done
	printf %s "$all"
}

# half_closed FILE: sends it, ends its direction, and prints what comes until the end.
half_closed()
{
	perl -MIO::Socket::INET -e '
		$| = 1;
		$s = IO::Socket::INET->new("127.0.0.1:'"$port"'") or die;
		local $/;
		print {$s} <>;
		$s->flush;
		shutdown $s, 1;
		print STDERR "sent\n";
		print <$s>' "$1"
}

# CONNECT packets: MQTT 3.1.1 and 5.0, clean, keep alive 0 unless given.
# connect_3 ID, connect_5 ID [KEEPALIVE]: the identifier is one byte in hex.
connect_3()
{
	echo "100d00044d5154540402000000 01$1"
}

connect_5()
{
	echo "100e00044d51545405020000 00 0001$1"
}
