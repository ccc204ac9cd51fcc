// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * Which places of the module's code kcov can tell of: the calls that the compiler
 * put in. They are relocations of mq.ko; where its sections lie, sysfs says.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "kfuzz.h"

#define CALL "__sanitizer_cov_trace_pc"

static const uint8_t *map_module(void)
{
	const char *build = getenv("MQ_BUILD");
	struct utsname name;
	const uint8_t *file;
	struct stat stat;
	char path[1024];
	int fd;

	uname(&name);
	snprintf(path, sizeof(path), "%s/%s/mq.ko", build ? build : ".", name.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &stat))
		return NULL;
	file = mmap(NULL, stat.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return file == MAP_FAILED ? NULL : file;
}

/* Where a section lies; 0: no program gets there. */
static uint64_t section_address(const char *name)
{
	/* What runs when the module comes or goes; constructors of gcov and KASAN. */
	static const char * const apart[] = { ".init", ".exit", ".text.startup", ".text.exit" };
	unsigned long long address = 0;
	char path[256];
	unsigned int i;
	FILE *file;

	for (i = 0; i < ARRAY_LEN(apart); i++)
		if (!strncmp(name, apart[i], strlen(apart[i])))
			return 0;
	snprintf(path, sizeof(path), "/sys/module/mq/sections/%s", name);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%llx", &address) != 1)
		address = 0;
	fclose(file);
	return address;
}

static void add_places(const uint8_t *file, const Elf64_Shdr *sections, const Elf64_Shdr *rela,
		       uint8_t *places, uint64_t offset)
{
	const Elf64_Sym *symbols = (const void *)(file + sections[rela->sh_link].sh_offset);
	const Elf64_Shdr *strings = &sections[sections[rela->sh_link].sh_link];
	const Elf64_Rela *entries = (const void *)(file + rela->sh_offset);
	uint64_t i, place;

	for (i = 0; i < rela->sh_size / sizeof(*entries); i++) {
		const Elf64_Sym *symbol = &symbols[ELF64_R_SYM(entries[i].r_info)];

		if (strcmp((const char *)file + strings->sh_offset + symbol->st_name, CALL))
			continue;
		/* The place is where the call returns to. */
		place = offset + entries[i].r_offset + 4;
		if (place < KF_TEXT_MAX)
			places[place] = 1;
	}
}

bool kf_places(uint8_t *places, uint64_t text_start)
{
	const uint8_t *file = map_module();
	const Elf64_Ehdr *header = (const void *)file;
	const Elf64_Shdr *sections;
	const char *names;
	unsigned int i;

	if (!file)
		return false;
	sections = (const void *)(file + header->e_shoff);
	names = (const char *)file + sections[header->e_shstrndx].sh_offset;
	for (i = 0; i < header->e_shnum; i++) {
		const Elf64_Shdr *of = &sections[sections[i].sh_info];
		uint64_t address;

		if (sections[i].sh_type != SHT_RELA || !(of->sh_flags & SHF_EXECINSTR))
			continue;
		address = section_address(names + of->sh_name);
		if (address)
			add_places(file, sections, &sections[i], places, address - text_start);
	}
	return true;
}
