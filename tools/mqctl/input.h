/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Payloads from files and standard input
 */
#ifndef MQCTL_INPUT_H
#define MQCTL_INPUT_H

#include <stdbool.h>
#include <stddef.h>

/* No channel takes more in one record. */
#define INPUT_MAX (1024 * 1024)

/**
 * struct input - what was read so far
 * @fd: from here
 * @data: @used bytes, of which those before @taken were given out
 * @used: bytes in @data
 * @size: room at @data
 * @taken: see @data
 * @line: number of the line given out last
 * @ended: nothing more will come
 */
struct input {
	int fd;
	char *data;
	size_t used, size, taken;
	unsigned long line;
	bool ended;
};

/* Reads all there is. -EMSGSIZE above INPUT_MAX, or an error of read(). */
int input_read_all(struct input *input);

/*
 * Waits until there is a whole line, or the end, and forgets the lines given
 * out before. -EMSGSIZE for a line above INPUT_MAX, or an error of read().
 */
int input_fill(struct input *input);

/*
 * Gives out the next line that is already there, without its newline; it is
 * good until input_fill(). Empty lines are passed over. NULL: none there.
 */
const char *input_line(struct input *input, size_t *length);

#endif /* MQCTL_INPUT_H */
