/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Redis' glob patterns
 *
 * '*' any bytes, '?' one byte, [abc] [a-c] [^a] one of a class, '\x' the byte
 * x. '/' is a byte like any other. Takes time proportional to pattern times
 * text at most, whatever the pattern.
 */
#ifndef RESPD_GLOB_H
#define RESPD_GLOB_H

#include <stdbool.h>
#include <stddef.h>

bool glob_match(const char *pattern, size_t pattern_len, const char *text, size_t text_len);

#endif /* RESPD_GLOB_H */
