/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * word.c - text beyond ASCII in a header
 *
 * Base64 throughout: the "Q" form is shorter only for text that is nearly ASCII, and has rules of
 * its own about which characters may stand where.
 */
#include "mail/word.h"
#include <stdint.h>

/* RFC 2047 s2: 75 characters, less "=?UTF-8?B?" and "?=", leave 60 of base64: 45 octets. */
#define WORD_OCTETS_MAX 45

/* The length of the character at the start of text, 0 when it is none. */
static size_t utf8_len(struct span text)
{
	const unsigned char *s = (const unsigned char *)text.data;
	uint32_t code;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xC2 || s[0] > 0xF4)
		return 0;
	len = s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
	if (text.len < len)
		return 0;
	code = s[0] & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3F);
	}
	if (code < (len == 3   ? 0x800u
		    : len == 4 ? 0x10000u
			       : 0x80u) ||
	    code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF))
		return 0;
	return len;
}

bool word_is_utf8(struct span text)
{
	while (text.len > 0) {
		size_t len = utf8_len(text);

		if (len == 0)
			return false;
		text = span_skip(text, len);
	}
	return true;
}

bool word_is_beyond_ascii(struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.data[i] >= 0x80)
			return true;
	return false;
}

struct span word_foreign_part(struct span text)
{
	size_t begin = 0, end = text.len;

	if (!word_is_beyond_ascii(text))
		return (struct span){text.data, 0};
	while ((unsigned char)text.data[begin] < 0x80)
		begin++;
	while (begin > 0 && text.data[begin - 1] != ' ')
		begin--;
	while ((unsigned char)text.data[end - 1] < 0x80)
		end--;
	while (end < text.len && text.data[end] != ' ')
		end++;
	return (struct span){text.data + begin, end - begin};
}

static bool append_base64(struct span text, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = (const unsigned char *)text.data;

	for (size_t i = 0; i < text.len; i += 3) {
		size_t left = text.len - i;
		uint32_t group = (uint32_t)s[i] << 16 | (left > 1 ? (uint32_t)s[i + 1] << 8 : 0) |
				 (left > 2 ? s[i + 2] : 0);
		char quad[4] = {
			digits[group >> 18],
			digits[group >> 12 & 63],
			left > 1 ? digits[group >> 6 & 63] : '=',
			left > 2 ? digits[group & 63] : '=',
		};

		if (!buf_append(out, quad, sizeof(quad)))
			return false;
	}
	return true;
}

bool word_encode(struct span text, struct buf *out)
{
	bool is_first = true;

	while (text.len > 0) {
		size_t len = 0;

		while (len < text.len) {
			size_t next = utf8_len(span_skip(text, len));

			if (next == 0 || len + next > WORD_OCTETS_MAX)
				break;
			len += next;
		}
		if (len == 0)
			return false;
		/* White space between two encoded words is not part of the text (RFC 2047 s6.2). */
		if (!buf_append_text(out, is_first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?") ||
		    !append_base64((struct span){text.data, len}, out) ||
		    !buf_append_text(out, "?="))
			return false;
		is_first = false;
		text = span_skip(text, len);
	}
	return true;
}
