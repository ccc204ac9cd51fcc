#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
# mqctl: channels that block, who may hold them, and for how long.

. "$(dirname "$0")/lib.sh"
plan 19

# ---- wrong usage ----

says "a policy unlike any" 2 "drop-oldest, reject or block" mqctl channel create x --overflow xyzzyx
says "a policy almost right" 2 "did you mean block" mqctl channel create x --overflow blok
says "a time that is none" 2 "is not a number" mqctl channel create x --evict-after soon
says "a time too long" 2 "from 0 to 3600000" mqctl channel set x --evict-after 3600001
says "an unknown holder" 2 "did you mean readers" mqctl channel create x --hold reader
says "eviction without holders" 1 "reject or block" mqctl channel create x --evict-after 1000
says "readers without holders" 1 "reject or block" mqctl channel create x --hold readers

# ---- what a channel says ----

channel_create block --topics 'block/#' --overflow block --slots 64
equal "by default" "$(of block overflow evict_after hold evicted)" "block 0 writers 0"
check "both can change" mqctl channel set block --evict-after 2000 --hold readers
equal "what was changed" "$(of block evict_after hold)" "2000 readers"
says "people read it as well" 0 "Evict after ms" mqctl channel show block
check "never again" mqctl channel set block --evict-after 0
equal "that leaves the other" "$(of block evict_after hold)" "0 readers"

# ---- eviction ----

channel_create evict --topics 'evict/#' --overflow block --slots 64 --evict-after 50
start events mqctl monitor --json
start sub mqctl sub --hold --channel evict 'evict/#'
holder=$pid
wait_filters 1
# The monitor listens when it sees a subscription come.
listening()
{
	[ -s "$work/events" ] || ! mqctl channel set block --hold writers
}
wait_for listening
kill -STOP "$holder"
check "publishers get on without a reader that stopped" \
	bash -c "seq 200 | mqctl pub -l evict/x"
equal "the channel counts it" "$(of evict evicted)" 1
json=$(mqctl stats evict --json)
equal "the subscription shows where" "$(member "$json" holding) $(member "$json" evicted_at)" \
	"false 1"
check "an event says so" wait_for grep -q '"event":"evicted".*"sequence":1[,}]' "$work/events"
kill -CONT "$holder"
check "the reader is told" wait_for grep -q "missed\|lost" "$work/sub.err"
check "and reads on, to the end" wait_for grep -qx 200 "$work/sub"
