// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What is kept: programs that reached something new. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "kfuzz.h"

/* A name that follows from the bytes: the same program is the same file. */
static uint64_t hash(const struct kf_program *program)
{
	const uint8_t *bytes = (const uint8_t *)program->insn;
	uint64_t value = 0xcbf29ce484222325ULL;
	size_t i;

	for (i = 0; i < program->count * sizeof(program->insn[0]); i++)
		value = (value ^ bytes[i]) * 0x100000001b3ULL;
	return value;
}

/* At once, and whole or not at all: the machine may die of the next one. */
static void save(struct kf_corpus *corpus, const struct kf_program *program)
{
	char path[1024], draft[1024];

	snprintf(path, sizeof(path), "%s/%016llx", corpus->directory,
		 (unsigned long long)hash(program));
	snprintf(draft, sizeof(draft), "%s/.draft", corpus->directory);
	if (kf_program_write(program, draft) || rename(draft, path)) {
		corpus->unsaved++;
		return;
	}
	corpus->saved++;
	corpus->bytes += program->count * sizeof(program->insn[0]);
}

static void keep(struct kf_corpus *corpus, const struct kf_program *program)
{
	if (corpus->count == corpus->room) {
		corpus->room = corpus->room ? 2 * corpus->room : 256;
		corpus->program = realloc(corpus->program,
					  corpus->room * sizeof(*corpus->program));
		if (!corpus->program)
			abort();
	}
	corpus->program[corpus->count++] = *program;
}

int kf_corpus_open(struct kf_corpus *corpus, const char *directory)
{
	if (mkdir(directory, 0755) && errno != EEXIST)
		return -errno;
	corpus->directory = strdup(directory);
	return 0;
}

void kf_corpus_offer(struct kf_corpus *corpus, const struct kf_program *program)
{
	uint32_t i, places = 0, edges = 0;

	for (i = 0; i < kf_shared->place_count; i++)
		if (!corpus->places[kf_shared->place[i]]) {
			corpus->places[kf_shared->place[i]] = 1;
			places++;
		}
	for (i = 0; i < kf_shared->edge_count; i++)
		if (!corpus->edges[kf_shared->edge[i]]) {
			corpus->edges[kf_shared->edge[i]] = 1;
			edges++;
		}
	corpus->place_count += places;
	corpus->edge_count += edges;
	if (places || edges)
		keep(corpus, program);
	if (places && corpus->directory)
		save(corpus, program);
}

static int no_dot(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

int kf_corpus_each(const char *directory,
		   bool (*each)(const struct kf_program *program, const char *path, void *arg),
		   void *arg)
{
	struct dirent **entries;
	int i, count, error = 0;
	bool more = true;

	count = scandir(directory, &entries, no_dot, alphasort);
	if (count < 0)
		return -errno;
	for (i = 0; i < count; i++) {
		struct kf_program program;
		char path[1024];

		snprintf(path, sizeof(path), "%s/%s", directory, entries[i]->d_name);
		if (more && !error)
			error = kf_program_read(&program, path);
		if (more && !error)
			more = each(&program, path, arg);
		free(entries[i]);
	}
	free(entries);
	return error;
}
