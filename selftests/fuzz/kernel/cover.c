// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Which code of the module a thread went through: kcov. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kcov.h>
#include "kfuzz.h"

#define KCOV "/sys/kernel/debug/kcov"
#define AREA_WORDS (1 << 17)
#define FUNCTIONS_MAX 4096

static uint64_t text_start, text_size;
/* In which program a place was reached last. */
static uint32_t place_stamp[KF_TEXT_MAX], edge_stamp[KF_EDGES], stamp = 1;

static void find_module(void)
{
	FILE *file = fopen("/proc/modules", "re");
	unsigned long long size, address;
	char line[512];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "mq %llu %*s %*s %*s %llx", &size, &address) == 2) {
			text_start = address;
			text_size = size < KF_TEXT_MAX ? size : KF_TEXT_MAX;
		}
	if (file)
		fclose(file);
}

bool kf_cover_init(void)
{
	find_module();
	return text_start && !access(KCOV, R_OK | W_OK);
}

void kf_cover_start(struct kf_cover *cover)
{
	size_t size = AREA_WORDS * sizeof(*cover->area);

	cover->area = NULL;
	cover->fd = text_start ? open(KCOV, O_RDWR | O_CLOEXEC) : -1;
	if (cover->fd < 0)
		return;
	if (ioctl(cover->fd, KCOV_INIT_TRACE, AREA_WORDS))
		abort();
	cover->area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, cover->fd, 0);
	if (cover->area == MAP_FAILED || ioctl(cover->fd, KCOV_ENABLE, KCOV_TRACE_PC))
		abort();
}

void kf_cover_reset(struct kf_cover *cover)
{
	if (cover->area)
		__atomic_store_n(cover->area, 0, __ATOMIC_RELAXED);
}

void kf_cover_forget(void)
{
	kf_shared->place_count = 0;
	kf_shared->edge_count = 0;
	stamp++;
}

static void collect_place(uint32_t place)
{
	if (place_stamp[place] == stamp || kf_shared->place_count == KF_PLACES_MAX)
		return;
	place_stamp[place] = stamp;
	kf_shared->place[kf_shared->place_count++] = place;
}

static void collect_edge(uint32_t from, uint32_t to)
{
	uint16_t edge = (from * 0x9e3779b1U ^ to * 0x85ebca6bU) >> 16;

	if (edge_stamp[edge] == stamp || kf_shared->edge_count == KF_EDGES)
		return;
	edge_stamp[edge] = stamp;
	kf_shared->edge[kf_shared->edge_count++] = edge;
}

void kf_cover_collect(struct kf_cover *cover)
{
	uint32_t last = 0;
	uint64_t i, count;

	if (!cover->area)
		return;
	count = __atomic_load_n(cover->area, __ATOMIC_RELAXED);
	for (i = 1; i <= count && i < AREA_WORDS; i++) {
		uint64_t place = cover->area[i] - text_start;

		if (place >= text_size)
			continue;
		collect_place(place);
		collect_edge(last, place);
		last = place;
	}
}

struct function {
	uint64_t address;
	char name[64];
};

static int by_address(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->address < y->address ? -1 : x->address > y->address;
}

static unsigned int read_functions(struct function *functions)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	unsigned long long address;
	unsigned int count = 0;
	char line[512], type;

	while (file && count < FUNCTIONS_MAX && fgets(line, sizeof(line), file)) {
		struct function *function = &functions[count];

		if (strstr(line, "[mq]") &&
		    sscanf(line, "%llx %c %63s", &address, &type, function->name) == 3 &&
		    (type == 't' || type == 'T') && address - text_start < text_size) {
			function->address = address - text_start;
			count++;
		}
	}
	if (file)
		fclose(file);
	qsort(functions, count, sizeof(*functions), by_address);
	return count;
}

struct kf_reach kf_cover_reach(const uint8_t *reached, bool print)
{
	struct function *functions = calloc(FUNCTIONS_MAX, sizeof(*functions));
	static uint8_t places[KF_TEXT_MAX];
	unsigned int i, count = read_functions(functions);
	struct kf_reach reach = { };

	if (!kf_places(places, text_start))
		return reach;
	for (i = 0; i < text_size; i++) {
		reach.places_all += places[i];
		reach.places += places[i] && reached[i];
	}
	for (i = 0; i < count; i++) {
		uint64_t begin = functions[i].address;
		uint64_t end = i + 1 < count ? functions[i + 1].address : text_size;

		/* One that does not tell, another name of the next one, a part of one. */
		if (!memchr(places + begin, 1, end - begin) ||
		    strstr(functions[i].name, ".cold"))
			continue;
		reach.functions_all++;
		if (memchr(reached + begin, 1, end - begin))
			reach.functions++;
		else if (print)
			printf("# not reached: %s\n", functions[i].name);
	}
	free(functions);
	return reach;
}
