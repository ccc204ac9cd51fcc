/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
#ifndef COMMON_UTF8_H
#define COMMON_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Whether the bytes are UTF-8 as RFC 3629 has it: no surrogates, no long forms. */
bool utf8_valid(const void *data, size_t length);

#endif /* COMMON_UTF8_H */
