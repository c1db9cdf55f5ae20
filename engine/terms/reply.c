/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply.c - enhanced status codes (RFC 3463), read and written
 *
 * Read leniently where nothing can be mistaken: leading zeros, which RFC 3463 s2 forbids, are
 * seen in the wild and name the same code. Read strictly where a guess would mislead: "5.1" or
 * "250.1.2" or a class that contradicts the reply code is text like any other, so that a version
 * number or an address at the start of a reply is never counted as a status.
 */
#include <stdio.h>

#include "terms/reply.h"

#define ENHANCED_DIGITS_MAX 3

/* Takes 1 to 3 digits off the front of text; false when there are none or more. */
static bool number_take(struct span *text, uint16_t *ret_number)
{
	size_t len = 0;
	unsigned number = 0;

	while (len < text->len && text->data[len] >= '0' && text->data[len] <= '9') {
		if (len == ENHANCED_DIGITS_MAX)
			return false;
		number = number * 10 + (unsigned)(text->data[len] - '0');
		len++;
	}
	if (len == 0)
		return false;
	*text = span_skip(*text, len);
	*ret_number = (uint16_t)number;
	return true;
}

static bool dot_take(struct span *text)
{
	if (text->len == 0 || text->data[0] != '.')
		return false;
	*text = span_skip(*text, 1);
	return true;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool enhanced_parse(struct span text, uint16_t code, struct enhanced_code *ret_enhanced)
{
	uint16_t subject, detail;
	unsigned class;

	if (text.len == 0 || (text.data[0] != '2' && text.data[0] != '4' && text.data[0] != '5'))
		return false;
	class = (unsigned)(text.data[0] - '0');
	if (class != code / 100u)
		return false;
	text = span_skip(text, 1);
	if (!dot_take(&text) || !number_take(&text, &subject))
		return false;
	if (!dot_take(&text) || !number_take(&text, &detail))
		return false;
	if (text.len > 0 && !is_white(text.data[0]))
		return false;
	*ret_enhanced = (struct enhanced_code){(uint8_t) class, subject, detail};
	return true;
}

const char *enhanced_text(struct enhanced_code enhanced, char *out)
{
	if (enhanced.class == 0)
		out[0] = '\0';
	else
		/* The remainders bound the length for the compiler; they change no valid code. */
		snprintf(out, ENHANCED_TEXT_MAX, "%u.%u.%u", enhanced.class % 10u,
			 enhanced.subject % 1000u, enhanced.detail % 1000u);
	return out;
}
