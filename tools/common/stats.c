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
#define STATS_ENTRY(member, word) { word, stats->member },
		STATS_LIST(STATS_ENTRY)
#undef STATS_ENTRY
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
