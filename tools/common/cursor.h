/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * DOC: Bounds-checked reading and writing of wire formats
 *
 * A cursor reads, a writer writes, numbers in network order. Both remember the
 * first step that did not fit: from then on reads give 0 or NULL, writes do
 * nothing, and the caller asks once, at the end of a packet, whether all was
 * well. That keeps a codec free of a check per field and still never touches a
 * byte outside [data, data + len).
 *
 * Pure: no memory is allocated, nothing is kept beyond the call.
 */
#ifndef COMMON_CURSOR_H
#define COMMON_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * struct cursor - where a reader stands
 * @data: next byte
 * @left: bytes from there on
 * @failed: something was read that is not there
 */
struct cursor {
	const uint8_t *data;
	size_t left;
	bool failed;
};

static inline struct cursor cursor_at(const void *data, size_t len)
{
	return (struct cursor){ .data = data, .left = len };
}

/* The next @len bytes, or NULL. Zero bytes are never NULL unless it failed. */
static inline const uint8_t *cursor_bytes(struct cursor *cursor, size_t len)
{
	static const uint8_t none;
	const uint8_t *bytes = cursor->data;

	if (cursor->failed || len > cursor->left) {
		cursor->failed = true;
		cursor->left = 0;
		return NULL;
	}
	if (!len)
		return bytes ? bytes : &none;
	cursor->data += len;
	cursor->left -= len;
	return bytes;
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_bytes(cursor, 1);

	return bytes ? bytes[0] : 0;
}

static inline uint16_t cursor_be16(struct cursor *cursor)
{
	const uint8_t *bytes = cursor_bytes(cursor, 2);

	return bytes ? (uint16_t)(bytes[0] << 8 | bytes[1]) : 0;
}

static inline uint32_t cursor_be32(struct cursor *cursor)
{
	uint32_t high = cursor_be16(cursor);

	return high << 16 | cursor_be16(cursor);
}

/* The next @len bytes as a cursor of their own; a failed one if they aren't there. */
static inline struct cursor cursor_sub(struct cursor *cursor, size_t len)
{
	const uint8_t *bytes = cursor_bytes(cursor, len);

	return (struct cursor){ bytes, bytes ? len : 0, !bytes };
}

/**
 * struct writer - where a writer stands
 * @data: start of the buffer
 * @size: room in it
 * @used: bytes written
 * @failed: something did not fit
 */
struct writer {
	uint8_t *data;
	size_t size;
	size_t used;
	bool failed;
};

static inline struct writer writer_at(void *data, size_t size)
{
	return (struct writer){ .data = data, .size = size };
}

/* Room for @len bytes that the caller fills at once, or NULL. */
static inline uint8_t *writer_room(struct writer *writer, size_t len)
{
	uint8_t *at = writer->data + writer->used;

	if (writer->failed || len > writer->size - writer->used) {
		writer->failed = true;
		return NULL;
	}
	writer->used += len;
	return at;
}

static inline void writer_bytes(struct writer *writer, const void *bytes, size_t len)
{
	uint8_t *at = writer_room(writer, len);

	if (at && len)
		memcpy(at, bytes, len);
}

static inline void writer_u8(struct writer *writer, uint8_t value)
{
	writer_bytes(writer, &value, 1);
}

static inline void writer_be16(struct writer *writer, uint16_t value)
{
	uint8_t bytes[2] = { (uint8_t)(value >> 8), (uint8_t)value };

	writer_bytes(writer, bytes, sizeof(bytes));
}

static inline void writer_be32(struct writer *writer, uint32_t value)
{
	writer_be16(writer, (uint16_t)(value >> 16));
	writer_be16(writer, (uint16_t)value);
}

#endif /* COMMON_CURSOR_H */
