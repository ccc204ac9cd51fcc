// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "input.h"

/* Reads once; grows the room when it is full. */
static int read_more(struct input *input)
{
	ssize_t length;

	if (input->used > INPUT_MAX)
		return -EMSGSIZE;
	if (input->used == input->size) {
		size_t size = input->size ? 2 * input->size : 64 * 1024;
		char *data = realloc(input->data, size);

		if (!data)
			return -ENOMEM;
		input->data = data;
		input->size = size;
	}
	do {
		length = read(input->fd, input->data + input->used, input->size - input->used);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return -errno;
	input->used += (size_t)length;
	input->ended = !length;
	return 0;
}

int input_read_all(struct input *input)
{
	int error = 0;

	while (!error && !input->ended)
		error = read_more(input);
	return error;
}

int input_fill(struct input *input)
{
	size_t searched = 0;
	int error = 0;

	input->used -= input->taken;
	if (input->used)
		memmove(input->data, input->data + input->taken, input->used);
	input->taken = 0;
	while (!error && !input->ended) {
		if (input->used > searched &&
		    memchr(input->data + searched, '\n', input->used - searched))
			return 0;
		searched = input->used;
		error = read_more(input);
	}
	return error;
}

const char *input_line(struct input *input, size_t *length)
{
	while (input->taken < input->used) {
		const char *start = input->data + input->taken;
		size_t left = input->used - input->taken;
		const char *end = memchr(start, '\n', left);

		if (!end && !input->ended)
			return NULL;
		*length = end ? (size_t)(end - start) : left;
		input->taken += *length + (end ? 1 : 0);
		input->line++;
		if (*length)
			return start;
	}
	return NULL;
}
