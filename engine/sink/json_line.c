/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * json_line.c - lines of JSON, written by hand
 */
#include "sink/json_line.h"
#include <inttypes.h>
#include "base/date.h"

/* The length of the valid UTF-8 sequence at the start of text, 0 for none (RFC 3629 s4). */
static size_t utf8_len(struct span text)
{
	unsigned char c = (unsigned char)text.data[0];
	size_t len = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (len == 0 || len > text.len)
		return 0;
	for (size_t i = 1; i < len; i++) {
		unsigned char d = (unsigned char)text.data[i];
		unsigned char low = 0x80, high = 0xbf;

		if (i == 1) {
			low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : low;
			high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : high;
		}
		if (d < low || d > high)
			return 0;
	}
	return len;
}

bool json_line_string(struct buf *out, struct span text)
{
	bool is_good = buf_append(out, "\"", 1);

	while (text.len > 0 && is_good) {
		size_t len = utf8_len(text);
		char c = text.data[0];

		if (len == 0)
			is_good = buf_append(out, "\xef\xbf\xbd", 3);
		else if (c == '"' || c == '\\')
			is_good = buf_append(out, "\\", 1) && buf_append(out, &c, 1);
		else if ((unsigned char)c < ' ' || c == 127)
			is_good = buf_printf(out, "\\u%04x", (unsigned)c);
		else
			is_good = buf_append(out, text.data, len);
		text = span_skip(text, len > 0 ? len : 1);
	}
	return is_good && buf_append(out, "\"", 1);
}

bool json_line_member(struct buf *out, const char *name, const char *text)
{
	if (!buf_printf(out, ",\"%s\":", name))
		return false;
	return text ? json_line_string(out, span_of(text)) : buf_append(out, "null", 4);
}

bool json_line_number(struct buf *out, const char *name, uint64_t number)
{
	return buf_printf(out, ",\"%s\":%" PRIu64, name, number);
}

bool json_line_begin(struct buf *out, int64_t wall_ns)
{
	char text[DATE_TEXT_MAX];

	return buf_printf(out, "{\"time\":\"%s\"", date_text(wall_ns, 6, text));
}
