/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * span.h - a borrowed stretch of bytes
 *
 * A span owns nothing: whoever hands one out says how long it stays valid.
 */
#ifndef VOLLEY_BASE_SPAN_H
#define VOLLEY_BASE_SPAN_H
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct span {
	const char *data;
	size_t len;
};

/* A span over a string literal or an array of characters that ends in NUL. */
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})

/* The same as the initializer of a static object, where ISO C wants constants. */
#define SPAN_INIT(literal)                                                                         \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

static inline struct span span_of(const char *text)
{
	return (struct span){text, text ? strlen(text) : 0};
}

static inline struct span span_skip(struct span s, size_t count)
{
	/* An empty span may have no place: nothing is added to NULL. */
	return (struct span){count > 0 ? s.data + count : s.data, s.len - count};
}

/*
 * Cuts what stands before the first mark off the front of *rest, and the mark with it. Where there
 * is none: false, *ret_part is all of it and *rest is empty.
 */
static inline bool span_cut(struct span *rest, char mark, struct span *ret_part)
{
	const char *at = rest->len > 0 ? (const char *)memchr(rest->data, mark, rest->len) : NULL;

	*ret_part = (struct span){rest->data, at ? (size_t)(at - rest->data) : rest->len};
	*rest = span_skip(*rest, ret_part->len + (at != NULL));
	return at != NULL;
}

static inline bool span_equal(struct span a, struct span b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* ASCII case is ignored whatever the locale: keywords of RFC 5321 s2.4. */
static inline bool span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		unsigned char x = (unsigned char)a.data[i], y = (unsigned char)b.data[i];
		if (x >= 'a' && x <= 'z')
			x = (unsigned char)(x - 'a' + 'A');
		if (y >= 'a' && y <= 'z')
			y = (unsigned char)(y - 'a' + 'A');
		if (x != y)
			return false;
	}
	return true;
}

#endif
