#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# 100,000 messages of 1 byte to 64 KiB, each way through both daemons: none lost,
# none twice, in order, byte for byte. See selftests/exchange/exchange.h.

. "$(dirname "$0")/lib.sh"
plan 8

# Small enough to be full all the time: publishers have to wait and try again. Smaller
# where there are fewer messages.
ring="--overflow reject --max-record 128K"
if ((MQ_VOLUME > 1)); then
	ring+=" --slots 64 --bytes 512K"
else
	ring+=" --slots 1024 --bytes 1M"
fi
# shellcheck disable=SC2086
channel_create exchange --topics 'exchange/#' $ring
for name in shell0 shell1; do
	# shellcheck disable=SC2086
	channel_create "$name" $ring
done
# Clients are slow on a slow kernel, and none of them is to be given up.
patience="--slow-client-timeout=$((MQ_VOLUME > 1 ? 120 : 20))"
start_daemon mqttd mq-mqttd --listen 127.0.0.1:7883 "$patience"
start_daemon respd mq-respd --listen 127.0.0.1:7384 "$patience"

for path in mqtt-redis redis-mqtt native-both shell-both; do
	check "$path" "$MQ_BUILD/selftests-tools/exchange" "$path" 100000 7883 7384
	sed 's/^/# /' "$work/output"
done

lost()
{
	mqctl stats --json | jq '[.subscriptions[] | .missed] | add // 0'
}
equal "no subscription missed a record" "$(lost)" 0
equal "publishers have been refused for lack of space" \
	"$(mqctl channel show exchange --json | jq '.channels[0].refused > 0')" true
check "mq-mqttd said nothing of losses" bash -c "! grep -i lagged '$work/mqttd.err'"
check "mq-respd said nothing of losses" bash -c "! grep -i lagged '$work/respd.err'"
