/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * escape.c - foreign text made safe for a terminal
 *
 * The text is taken character by character; a valid UTF-8 sequence that is no control passes as
 * it is, anything else becomes one \xNN per octet. U+0080..U+009F count as controls: terminals
 * read U+009B as the start of an escape sequence.
 */
#include "base/escape.h"
#include <stdbool.h>

#define UNIT_MAX 4 /* octets of the longest unit: \xNN, or a character of four octets */

/* The length of the valid, printable character at text, or 0 when it has to be escaped. */
static size_t printable_len(const unsigned char *text, size_t len)
{
	unsigned char c = text[0];
	size_t need;
	unsigned char low = 0x80, high = 0xbf;

	if (c < 0x80)
		return c >= 0x20 && c != 0x7f ? 1 : 0;
	if (c >= 0xc2 && c <= 0xdf) {
		need = 2;
		if (c == 0xc2)
			low = 0xa0; /* C1 controls */
	} else if (c >= 0xe0 && c <= 0xef) {
		need = 3;
		if (c == 0xe0)
			low = 0xa0; /* overlong */
		else if (c == 0xed)
			high = 0x9f; /* surrogates */
	} else if (c >= 0xf0 && c <= 0xf4) {
		need = 4;
		if (c == 0xf0)
			low = 0x90; /* overlong */
		else if (c == 0xf4)
			high = 0x8f; /* beyond U+10FFFF */
	} else {
		return 0;
	}
	if (len < need || text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if (text[i] < 0x80 || text[i] > 0xbf)
			return 0;
	return need;
}

/* Writes one unit of output for the front of text; returns how many octets of text it stands for.
 */
static size_t escape_unit(struct span text, enum escape_mode mode, char unit[UNIT_MAX],
			  size_t *ret_unit_len)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *octets = (const unsigned char *)text.data;
	size_t len = printable_len(octets, text.len);

	if (len == 0) {
		unit[0] = '\\';
		unit[1] = 'x';
		unit[2] = digits[octets[0] >> 4];
		unit[3] = digits[octets[0] & 15];
		*ret_unit_len = 4;
		return 1;
	}
	if (octets[0] == '\\' && mode == ESCAPE_ALL) {
		unit[0] = unit[1] = '\\';
		*ret_unit_len = 2;
		return 1;
	}
	memcpy(unit, text.data, len);
	*ret_unit_len = len;
	return len;
}

size_t escape_text(struct span text, enum escape_mode mode, char *out, size_t out_size)
{
	size_t len = 0, cut = 0; /* cut: the last place from which "..." still fits */
	size_t room;

	if (out_size == 0)
		return 0;
	room = out_size - 1;
	while (text.len > 0) {
		char unit[UNIT_MAX];
		size_t unit_len;
		size_t used = escape_unit(text, mode, unit, &unit_len);

		if (len + unit_len > room) {
			size_t dots = room - cut < 3 ? room - cut : 3;

			memset(out + cut, '.', dots);
			len = cut + dots;
			break;
		}
		memcpy(out + len, unit, unit_len);
		len += unit_len;
		if (len + 3 <= room)
			cut = len;
		text = span_skip(text, used);
	}
	out[len] = '\0';
	return len;
}
