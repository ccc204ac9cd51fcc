#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#
# rmmod: refused as long as anything of a channel is in use, be it one thing alone;
# a channel that nobody uses goes with the module. Runs as `unload`, last: the module
# is not loaded afterwards.

. "$(dirname "$0")/lib.sh"

name=t-unload
kinds=(node publisher subscription mapping command)
plan $((4 * ${#kinds[@]} + 1))

loads()
{
	insmod "$MQ_BUILD/$(uname -r)/mq.ko"
}

# Once nothing is left: what a killed process had may take a moment to go.
unloads()
{
	wait_for rmmod mq
}

for kind in "${kinds[@]}"; do
	channel_create "$name" --topics "$name/#"
	start "$kind" "$MQ_BUILD/selftests-tools/holder" "$kind" "$name"
	wait_for grep -qx holding "$work/$kind"
	says "with nothing but a $kind: refused" 1 "is in use" rmmod mq
	stop "$pid"
	check "without the $kind: done, though there is a channel" unloads
	check "the node is gone" test ! -e "/dev/mq/$name"
	check "the module loads again" loads
done
check "and goes again" unloads
