/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * line.c - what the readers of all kinds of logs share
 */
#include <jansson.h>
#include "learn/line.h"

const char *learn_format_name(enum learn_format format)
{
	static const char *const names[LEARN_FORMAT_COUNT] = {
		[LEARN_VOLLEY] = "volley",
		[LEARN_POSTFIX] = "Postfix",
		[LEARN_KUMOMTA] = "KumoMTA",
	};

	return (unsigned)format < LEARN_FORMAT_COUNT ? names[format] : names[0];
}

void line_scratch_init(struct line_scratch *s)
{
	s->json = NULL;
	s->text[0] = s->site[0] = s->connection[0] = s->message[0] = '\0';
}

void line_scratch_fini(struct line_scratch *s)
{
	json_decref(s->json);
	s->json = NULL;
}

/* How many octets of one character of UTF-8 stand at text (RFC 3629); 0: none. */
static size_t utf8_length(struct span text)
{
	const unsigned char *t = (const unsigned char *)text.data;
	size_t len = t[0] < 0x80 ? 1 : t[0] < 0xC2 ? 0 : t[0] < 0xE0 ? 2 : t[0] < 0xF0 ? 3 : 4;

	if (len == 0 || t[0] > 0xF4 || len > text.len)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((t[i] & 0xC0) != 0x80)
			return 0;
	/* Overlong forms, surrogates, and what lies beyond Unicode. */
	if ((t[0] == 0xE0 && t[1] < 0xA0) || (t[0] == 0xED && t[1] > 0x9F) ||
	    (t[0] == 0xF0 && t[1] < 0x90) || (t[0] == 0xF4 && t[1] > 0x8F))
		return 0;
	return len;
}

/* Characters that YAML 1.1 (s5.1) does not print, beyond ASCII: C1 and the byte order marks. */
static bool is_unprintable(const unsigned char *t, size_t len)
{
	return (len == 2 && t[0] == 0xC2 && t[1] < 0xA0) ||
	       (len == 3 && t[0] == 0xEF && t[1] == 0xBB && t[2] == 0xBF) ||
	       (len == 3 && t[0] == 0xEF && t[1] == 0xBF && t[2] >= 0xBE);
}

struct span line_clean(struct span text, struct line_scratch *s)
{
	size_t len = 0;

	while (text.len > 0) {
		unsigned char octet = (unsigned char)*text.data;
		size_t count = utf8_length(text);

		if (len + (count > 0 ? count : 1) > LINE_TEXT_MAX)
			break;
		if (count == 0 || is_unprintable((const unsigned char *)text.data, count)) {
			s->text[len++] = '?';
			count = count > 0 ? count : 1;
		} else if (count == 1 && octet != '\n' && (octet < ' ' || octet == 0x7F)) {
			s->text[len++] = ' ';
		} else {
			memcpy(s->text + len, text.data, count);
			len += count;
		}
		text = span_skip(text, count);
	}
	while (len > 0 && (s->text[len - 1] == ' ' || s->text[len - 1] == '\n'))
		len--;
	s->text[len] = '\0';
	for (size_t i = 0; i < len; i++)
		if (s->text[i] != ' ' && s->text[i] != '\n')
			return (struct span){s->text + i, len - i};
	return (struct span){s->text, 0};
}

enum line_result line_read(struct span line, int year, struct line_scratch *s,
			   struct learn_line *ret_line)
{
	size_t at = 0;

	if (line.len > LINE_MAX_OCTETS)
		return LINE_NONE;
	while (at < line.len && (line.data[at] == ' ' || line.data[at] == '\t'))
		at++;
	if (at < line.len && line.data[at] == '{')
		return line_read_json(span_skip(line, at), s, ret_line);
	return line_read_postfix(line, year, s, ret_line);
}
