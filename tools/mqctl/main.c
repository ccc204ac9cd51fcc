// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "explain.h"
#include "nodes.h"
#include "options.h"
#include "print.h"

static int help_run(struct command_line *line);
static int version_run(struct command_line *line);

static const struct verb help_verb = {
	.operands = "[NOUN [VERB]]",
	.summary = "what mqctl does",
	.operands_max = 2,
	.run = help_run,
};

static const struct noun help_noun = {
	.name = "help",
	.summary = "help for a noun or a verb",
	.verbs = &help_verb,
	.count = 1,
};

static const struct verb version_verb = {
	.summary = "versions of mqctl, the library and the module",
	.run = version_run,
};

static const struct noun version_noun = {
	.name = "version",
	.summary = "versions of mqctl, the library and the module",
	.verbs = &version_verb,
	.count = 1,
};

static const struct noun *const nouns[] = {
	&channel_noun, &pub_noun, &sub_noun, &monitor_noun, &stats_noun,
	&version_noun, &help_noun,
};

/* ---- help ------------------------------------------------------------ */

static void option_usage(const struct option_def *def)
{
	char words[64];

	snprintf(words, sizeof(words), "--%s%s%s", def->name, def->value ? " " : "",
		 def->value ? def->value : "");
	if (def->id < 256)
		printf("  -%c, %-24s %s\n", def->id, words, def->text);
	else
		printf("      %-24s %s\n", words, def->text);
}

static void verb_line(const struct noun *noun, const struct verb *verb)
{
	printf("mqctl %s%s%s%s%s", noun->name, verb->name ? " " : "",
	       verb->name ? verb->name : "", verb->operands ? " " : "",
	       verb->operands ? verb->operands : "");
}

void verb_usage(const struct noun *noun, const struct verb *verb)
{
	const struct option_def *def;

	printf("Usage: ");
	verb_line(noun, verb);
	printf(" [OPTION...]\n%s\n\n", verb->summary);
	for (def = verb->options; def && def->name; def++)
		option_usage(def);
	for (def = options_common; def->name; def++)
		option_usage(def);
}

static void noun_usage(const struct noun *noun)
{
	size_t i;

	if (!noun->verbs[0].name) {
		verb_usage(noun, &noun->verbs[0]);
		return;
	}
	printf("%s: %s\n\n", noun->name, noun->summary);
	for (i = 0; i < noun->count; i++) {
		printf("  ");
		verb_line(noun, &noun->verbs[i]);
		printf("\n        %s\n", noun->verbs[i].summary);
	}
	printf("\n'mqctl help %s VERB' lists the options of a verb.\n", noun->name);
}

static void program_usage(void)
{
	size_t i;

	printf("Usage: mqctl NOUN [VERB] [OPERAND...] [OPTION...]\n\n");
	for (i = 0; i < ARRAY_SIZE(nouns); i++)
		printf("  %-10s %s\n", nouns[i]->name, nouns[i]->summary);
	printf("\n'mqctl help NOUN' tells more; so does mqctl(8).\n");
}

/* ---- finding --------------------------------------------------------- */

static const struct noun *find_noun(const char *word)
{
	const char *names[ARRAY_SIZE(nouns)], *near;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(nouns); i++) {
		names[i] = nouns[i]->name;
		if (!strcmp(names[i], word))
			return nouns[i];
	}
	near = closest(word, names, ARRAY_SIZE(nouns), sizeof(*names));
	if (near)
		complain("there is no '%s', did you mean '%s'?", word, near);
	else
		complain("there is no '%s'; 'mqctl help' lists what there is", word);
	exit(STATUS_USAGE);
}

static const struct verb *find_verb(const struct noun *noun, const char *word)
{
	const char *near;
	size_t i;

	for (i = 0; i < noun->count; i++)
		if (!strcmp(noun->verbs[i].name, word))
			return &noun->verbs[i];
	near = closest(word, &noun->verbs->name, noun->count, sizeof(*noun->verbs));
	if (near)
		complain("there is no '%s %s', did you mean '%s %s'?", noun->name, word,
			 noun->name, near);
	else
		complain("there is no '%s %s'; 'mqctl help %s' lists what there is",
			 noun->name, word, noun->name);
	exit(STATUS_USAGE);
}

static int help_run(struct command_line *line)
{
	const struct noun *noun;

	while (options_next(line) >= 0)
		;
	if (!line->operand_count) {
		program_usage();
		return STATUS_OK;
	}
	noun = find_noun(line->operands[0]);
	if (line->operand_count > 1 && noun->verbs[0].name)
		verb_usage(noun, find_verb(noun, line->operands[1]));
	else
		noun_usage(noun);
	return STATUS_OK;
}

/* What the loaded module calls itself; "" if none is loaded. */
static void module_version(char *version, size_t size)
{
	FILE *file = fopen("/sys/module/mq/version", "re");

	version[0] = '\0';
	if (!file)
		return;
	if (!fgets(version, (int)size, file))
		version[0] = '\0';
	version[strcspn(version, "\n")] = '\0';
	fclose(file);
}

static int version_run(struct command_line *line)
{
	char module[64];
	struct print print;

	while (options_next(line) >= 0)
		;
	module_version(module, sizeof(module));
	print_init(&print, stdout, line->json);
	print_begin(&print);
	/* All tools are built with the library, from one tree. */
	print_string(&print, "mqctl", "mqctl", libmq_version());
	print_string(&print, "libmq", "libmq", libmq_version());
	print_flag(&print, "module_loaded", "module loaded", module_loaded());
	if (*module)
		print_string(&print, "module", "module", module);
	print_end(&print);
	return print_flush(&print) ? complain("cannot write") : STATUS_OK;
}

int main(int argc, char **argv)
{
	struct command_line line = { 0 };
	int words = 1;

	/* As with ip(8); behind the verb options_next() takes it. */
	while (argc > 1 && (!strcmp(argv[1], "--json") || !strcmp(argv[1], "-j"))) {
		line.json = true;
		argc--;
		argv++;
	}
	if (argc < 2) {
		program_usage();
		return STATUS_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		argv[1] = (char *)"help";
	if (!strcmp(argv[1], "--version"))
		argv[1] = (char *)"version";
	line.noun = find_noun(argv[1]);
	line.verb = line.noun->verbs;
	if (line.verb->name) {
		if (argc < 3 || !strcmp(argv[2], "help") || !strcmp(argv[2], "--help")) {
			noun_usage(line.noun);
			return argc < 3 ? STATUS_USAGE : STATUS_OK;
		}
		line.verb = find_verb(line.noun, argv[2]);
		words = 2;
	}
	line.argc = argc - words;
	line.argv = argv + words;
	return line.verb->run(&line);
}
