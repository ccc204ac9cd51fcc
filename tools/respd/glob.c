// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
#include "glob.h"

/* Whether c is in the class whose '[' is at pattern[0]; *took: its length. */
static bool match_class(const char *pattern, size_t len, unsigned char c, size_t *took)
{
	bool negated = len > 1 && pattern[1] == '^';
	size_t i = 1 + negated;
	bool hit = false;

	while (i < len && pattern[i] != ']') {
		bool escaped = pattern[i] == '\\' && i + 1 < len;
		unsigned char low, high;

		i += escaped;
		low = pattern[i];
		high = low;
		if (!escaped && i + 2 < len && pattern[i + 1] == '-') {
			high = pattern[i + 2];
			i += 2;
		}
		if (low > high ? c >= high && c <= low : c >= low && c <= high)
			hit = true;
		i++;
	}
	/* One that is never closed ends with the pattern. */
	*took = i < len ? i + 1 : len;
	return hit != negated;
}

/* Whether one element of the pattern, not '*', matches c; *took: its length. */
static bool match_one(const char *pattern, size_t len, char c, size_t *took)
{
	*took = 1;
	switch (pattern[0]) {
	case '?':
		return true;
	case '[':
		return match_class(pattern, len, c, took);
	case '\\':
		if (len > 1) {
			*took = 2;
			return pattern[1] == c;
		}
		break;
	}
	return pattern[0] == c;
}

bool glob_match(const char *pattern, size_t pattern_len, const char *text, size_t text_len)
{
	/* Behind the last '*', and where in the text its match ends so far. */
	size_t star = 0, resume = 0;
	bool starred = false;
	size_t p = 0, t = 0;

	for (;;) {
		size_t took = 0;

		if (p < pattern_len && pattern[p] == '*') {
			starred = true;
			star = ++p;
			resume = t;
			continue;
		}
		if (p == pattern_len && t == text_len)
			return true;
		if (p < pattern_len && t < text_len &&
		    match_one(pattern + p, pattern_len - p, text[t], &took)) {
			p += took;
			t++;
			continue;
		}
		/* Let the last '*' take one byte more; earlier ones need not change. */
		if (!starred || resume == text_len)
			return false;
		p = star;
		t = ++resume;
	}
}
