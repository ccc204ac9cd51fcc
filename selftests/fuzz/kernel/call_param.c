// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Limits: parameters of the module, and RLIMIT_MEMLOCK. */
#include <errno.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "kfuzz.h"

#define PARAMS "/sys/module/mq/parameters"
#define PARAMS_MAX 32

/* Those that are limits, by name, with what they were. */
static struct {
	char name[256];
	uint64_t value;
} params[PARAMS_MAX];

static unsigned int param_count;
static struct rlimit memlock;

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

void kf_param_init(void)
{
	DIR *directory = opendir(PARAMS);
	struct dirent *entry;

	while (directory && (entry = readdir(directory)) && param_count < PARAMS_MAX)
		if (!strncmp(entry->d_name, "max_", 4)) {
			snprintf(params[param_count].name, sizeof(params[0].name), "%s",
				 entry->d_name);
			params[param_count++].value = mqt_param(entry->d_name);
		}
	if (directory)
		closedir(directory);
	/* Programs name them by number. */
	qsort(params, param_count, sizeof(params[0]), by_name);
	getrlimit(RLIMIT_MEMLOCK, &memlock);
}

void kf_param_restore(void)
{
	unsigned int i;

	if (atomic_exchange(&kf_state.params_changed, false))
		for (i = 0; i < param_count; i++)
			mqt_param_set(params[i].name, params[i].value);
	if (atomic_exchange(&kf_state.limits_changed, false))
		setrlimit(RLIMIT_MEMLOCK, &memlock);
}

/* a: which, b: to what */
KF_RUN(param)
{
	struct rlimit limit = { .rlim_cur = kf_length(insn->b) * 512ULL,
				.rlim_max = memlock.rlim_max };
	unsigned int which = insn->a % (param_count + 1);

	(void)t;
	if (which == param_count) {
		if (limit.rlim_cur > limit.rlim_max)
			limit.rlim_cur = limit.rlim_max;
		kf_state.limits_changed = true;
		return setrlimit(RLIMIT_MEMLOCK, &limit) ? -errno : 0;
	}
	kf_state.params_changed = true;
	return mqt_param_set(params[which].name, insn->b < 192 ? insn->b % 16 :
			     params[which].value);
}
