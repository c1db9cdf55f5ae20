/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * stuff.c - line ends and dots
 *
 * memchr() finds the ends of lines with vector instructions, so that a body is copied line by
 * line and never looked at octet by octet.
 */
#include "mail/stuff.h"

/* The first CR or LF, or the end. */
static size_t line_len(struct span text)
{
	const char *lf = memchr(text.data, '\n', text.len);
	size_t len = lf ? (size_t)(lf - text.data) : text.len;
	const char *cr = memchr(text.data, '\r', len);

	return cr ? (size_t)(cr - text.data) : len;
}

bool stuff_lines(struct span text, struct buf *out)
{
	while (text.len > 0) {
		size_t len = line_len(text);

		if (!buf_append(out, text.data, len) || !buf_append(out, "\r\n", 2))
			return false;
		text = span_skip(text, len);
		if (text.len >= 2 && text.data[0] == '\r' && text.data[1] == '\n')
			text = span_skip(text, 2);
		else if (text.len > 0)
			text = span_skip(text, 1);
	}
	return true;
}

size_t stuff_count(struct span text, bool is_line_start)
{
	size_t count = is_line_start && text.len > 0 && text.data[0] == '.';

	while (text.len > 0) {
		const char *lf = memchr(text.data, '\n', text.len);

		if (!lf)
			break;
		text = span_skip(text, (size_t)(lf - text.data) + 1);
		if (text.len > 0 && text.data[0] == '.')
			count++;
	}
	return count;
}

size_t stuff_dots(struct span text, bool is_line_start, char *out)
{
	char *begin = out;

	while (text.len > 0) {
		const char *lf = memchr(text.data, '\n', text.len);
		size_t len = lf ? (size_t)(lf - text.data) + 1 : text.len;

		if (is_line_start && text.data[0] == '.')
			*out++ = '.';
		memcpy(out, text.data, len);
		out += len;
		text = span_skip(text, len);
		is_line_start = true;
	}
	return (size_t)(out - begin);
}
