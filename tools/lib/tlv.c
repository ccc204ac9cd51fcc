// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Metadata as TLVs: type, length as a varint of 1..3 bytes, value. */
#include <errno.h>
#include <string.h>

#include "private.h"

#define TLV_LEN_BYTES	3
#define TLV_LEN_MAX	((1u << (7 * TLV_LEN_BYTES)) - 1)

static size_t varint_put(uint8_t *to, uint32_t value)
{
	size_t used = 0;

	while (value > 0x7f) {
		to[used++] = (value & 0x7f) | 0x80;
		value >>= 7;
	}
	to[used++] = value;
	return used;
}

int libmq_tlv_put(void *buffer, size_t size, size_t *used, uint8_t type,
		  const void *value, uint32_t len)
{
	uint8_t head[1 + TLV_LEN_BYTES];
	size_t head_len;

	if (len > TLV_LEN_MAX || *used > size)
		return -ENOSPC;
	head[0] = type;
	head_len = 1 + varint_put(head + 1, len);
	if (size - *used < head_len + len)
		return -ENOSPC;
	memcpy((uint8_t *)buffer + *used, head, head_len);
	if (len)
		memcpy((uint8_t *)buffer + *used + head_len, value, len);
	*used += head_len + len;
	return 0;
}

/* Takes a varint within @len bytes: how many bytes it has, or 0. */
static uint32_t varint_take(const uint8_t *from, uint32_t len, uint32_t *value)
{
	uint32_t i;

	*value = 0;
	for (i = 0; i < len && i < TLV_LEN_BYTES; i++) {
		*value |= (uint32_t)(from[i] & 0x7f) << (7 * i);
		if (!(from[i] & 0x80))
			return i + 1;
	}
	return 0;
}

int libmq_tlv_next(const void *metadata, uint32_t metadata_len, uint32_t *offset,
		   uint8_t *type, const void **value, uint32_t *len)
{
	const uint8_t *at;
	uint32_t left;
	uint32_t used;
	uint32_t size;

	if (*offset == metadata_len)
		return 0;
	if (*offset > metadata_len)
		return -EBADMSG;
	at = (const uint8_t *)metadata + *offset;
	left = metadata_len - *offset - 1;
	used = varint_take(at + 1, left, &size);
	if (!used || size > left - used)
		return -EBADMSG;
	*type = at[0];
	*value = at + 1 + used;
	*len = size;
	*offset += 1 + used + size;
	return 1;
}
