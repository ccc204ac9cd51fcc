#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# What "make shell" runs in the test machine: a channel that owns every topic,
# both daemons, a prompt. The end of the shell is the end of the machine.

say() {
	printf '\e[36m%s\e[0m\n' "$*"
}

# start NAME OPTION...: a daemon, until it listens.
start() {
	local name=$1 log=/run/$1.log

	shift
	# Out of reach of the Ctrl-C typed at the prompt.
	setsid "$name" "$@" >"$log" 2>&1 &
	until grep -q 'listening on' "$log"; do
		if ! kill -0 $! 2>/dev/null; then
			say "$name did not start:"
			cat "$log"
			return
		fi
		sleep 0.1
	done
	say "$name $* (log: $log)"
}

mqctl channel create bus --topics '#' && say "channel bus owns every topic"
start mq-mqttd --listen 127.0.0.1:1883
start mq-respd --listen 127.0.0.1:6379
cat <<'END'

  mqctl sub -v '#' &               see everything
  mosquitto_pub -t a/b -m hello    publish as an MQTT client
  redis-cli publish a/b hello      publish as a Redis client
  echo hello >/dev/mq/bus          publish from a shell, on the topic "bus"
  mqctl channel list               mqctl help has the rest
  Ctrl-D                           ends the machine

END
export PS1='mq \w \$ '
exec bash --norc -i
