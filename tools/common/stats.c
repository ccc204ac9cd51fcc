// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <inttypes.h>
#include <stdio.h>

#include "log.h"
#include "stats.h"

void stats_log(const struct stats *stats)
{
	const struct {
		const char *word;
		uint64_t value;
	} counters[] = {
		{ "accepted", stats->accepted },
		{ "rejected", stats->rejected },
		{ "malformed", stats->malformed },
		{ "slow-closed", stats->slow_closed },
		{ "slow-waits", stats->slow_waits },
		{ "bytes-in", stats->bytes_in },
		{ "bytes-out", stats->bytes_out },
		{ "bytes-dropped", stats->bytes_dropped },
		{ "records", stats->records },
		{ "delivered", stats->delivered },
		{ "undelivered", stats->undelivered },
		{ "expired", stats->expired },
		{ "published", stats->published },
		{ "unclaimed", stats->unclaimed },
		{ "denied", stats->denied },
		{ "refused", stats->refused },
		{ "wills-unregistered", stats->wills_unregistered },
		{ "lagged-passed", stats->lagged_passed },
		{ "lagged-missed", stats->lagged_missed },
	};
	char line[1024] = "";
	size_t used = 0;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		int n;

		if (!counters[i].value)
			continue;
		n = snprintf(line + used, sizeof(line) - used, " %s=%" PRIu64,
			     counters[i].word, counters[i].value);
		if (n < 0 || (size_t)n >= sizeof(line) - used)
			break;
		used += (size_t)n;
	}
	log_notice("counters:%s", used ? line : " all zero");
}
