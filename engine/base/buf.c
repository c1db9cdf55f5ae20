/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * buf.c - a growable byte buffer with a mandatory limit
 *
 * Grows by doubling up to the limit; the limit is what keeps a peer's input from becoming our
 * memory. A failed append leaves length and contents as they were.
 */
#include "base/buf.h"
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"

#define BUF_CAP_MIN ((size_t)256)

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){.limit = limit};
}

void buf_fini(struct buf *b)
{
	free(b->data);
	buf_init(b, b->limit);
}

bool buf_reserve(struct buf *b, size_t extra)
{
	size_t need, cap;
	char *data;

	if (extra > b->limit - b->len)
		return false;
	need = b->len + extra;
	if (need <= b->cap)
		return true;
	cap = b->cap > BUF_CAP_MIN ? b->cap : BUF_CAP_MIN;
	while (cap < need)
		cap = cap > b->limit / 2 ? b->limit : cap * 2;
	if (cap > b->limit)
		cap = b->limit;
	data = realloc(b->data, cap);
	if (!data)
		return false;
	b->data = data;
	b->cap = cap;
	return true;
}

bool buf_append(struct buf *b, const void *data, size_t len)
{
	if (len == 0)
		return true;
	if (!buf_reserve(b, len))
		return false;
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return true;
}

bool buf_append_text(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

/*
 * vsnprintf() wants room for a NUL that the buffer does not keep. Where the limit leaves no octet
 * for it, the text is formatted aside and its last octet is the one that counts.
 */
__attribute__((format(printf, 3, 0))) static bool append_formatted(struct buf *b, size_t len,
								   const char *fmt, va_list args)
{
	char *text;

	if (buf_reserve(b, len + 1)) {
		vsnprintf(b->data + b->len, len + 1, fmt, args);
		b->len += len;
		return true;
	}
	if (len == 0)
		return true;
	if (!buf_reserve(b, len))
		return false;
	text = malloc(len + 1);
	if (!text)
		return false;
	vsnprintf(text, len + 1, fmt, args);
	memcpy(b->data + b->len, text, len);
	b->len += len;
	free(text);
	return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	size_t room = b->cap - b->len;
	int len;
	bool done = true;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(room > 0 ? b->data + b->len : NULL, room, fmt, args);
	va_end(args);
	if (len < 0)
		done = false;
	else if ((size_t)len < room)
		b->len += (size_t)len;
	else
		done = append_formatted(b, (size_t)len, fmt, again);
	va_end(again);
	return done;
}

void buf_consume(struct buf *b, size_t count)
{
	CHECK(count <= b->len);
	b->len -= count;
	if (count > 0 && b->len > 0)
		memmove(b->data, b->data + count, b->len);
}
