// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "utf8.h"

/* Length of the sequence that begins at @at, or 0 if it is not one. */
static size_t sequence(const unsigned char *at, size_t left)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t length, i;

	if (at[0] < 0x80)
		return 1;
	if (at[0] < 0xc2 || at[0] > 0xf4)
		return 0;
	length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
	if (length > left)
		return 0;
	/* The second byte is what excludes long forms and surrogates. */
	if (at[0] == 0xe0)
		low = 0xa0;
	else if (at[0] == 0xed)
		high = 0x9f;
	else if (at[0] == 0xf0)
		low = 0x90;
	else if (at[0] == 0xf4)
		high = 0x8f;
	if (at[1] < low || at[1] > high)
		return 0;
	for (i = 2; i < length; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

bool utf8_valid(const void *data, size_t length)
{
	const unsigned char *at = data;
	size_t used;

	while (length) {
		used = sequence(at, length);
		if (!used)
			return false;
		at += used;
		length -= used;
	}
	return true;
}
