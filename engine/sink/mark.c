/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mark.c - finds and reads the X-Volley-ID of a message as it streams by
 *
 * Lines that cannot be the field are left at their first octet that differs and passed over by
 * memchr, so that a header costs a look at each line's start. Line ends are told by LF alone: this
 * finds a field, it does not decide where a message ends.
 */
#include "sink/mark.h"

enum {
	AT_START, /* of a line */
	IN_NAME,  /* matched octets of the field's name stand before */
	IN_LINE,  /* of something else */
	IN_VALUE,
	AT_EMPTY, /* CR at the start of a line: LF makes it the empty line */
	OVER,
};

static const char field[] = "x-volley-id:";

void mark_scan_init(struct mark_scan *s)
{
	s->state = AT_START;
	s->matched = 0;
	s->len = 0;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* One octet in a state in which single octets matter. */
static void step(struct mark_scan *s, char c)
{
	switch (s->state) {
	case AT_START:
		s->matched = 0;
		if (c == '\n')
			s->state = OVER;
		else if (c == '\r')
			s->state = AT_EMPTY;
		else
			s->state = lower(c) == field[s->matched++] ? IN_NAME : IN_LINE;
		break;
	case IN_NAME:
		if (lower(c) != field[s->matched])
			s->state = c == '\n' ? AT_START : IN_LINE;
		else if (++s->matched == sizeof(field) - 1)
			s->state = IN_VALUE;
		break;
	case IN_VALUE:
		if (c == '\n')
			s->state = OVER;
		else if (s->len < MARK_TEXT_MAX)
			s->value[s->len++] = c;
		break;
	case AT_EMPTY:
		s->state = c == '\n' ? OVER : IN_LINE;
		break;
	default:
		break;
	}
}

bool mark_scan_feed(struct mark_scan *s, struct span content)
{
	size_t i = 0;

	while (i < content.len && s->state != OVER) {
		if (s->state == IN_LINE) {
			const char *end = memchr(content.data + i, '\n', content.len - i);

			if (!end)
				return false;
			i = (size_t)(end - content.data) + 1;
			s->state = AT_START;
			continue;
		}
		step(s, content.data[i++]);
	}
	return s->state == OVER;
}

enum mark_found mark_scan_result(const struct mark_scan *s, struct mark *ret_mark)
{
	struct span value = {s->value, s->len};

	if (s->matched < sizeof(field) - 1)
		return MARK_NONE;
	while (value.len > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
		value = span_skip(value, 1);
	while (value.len > 0 && strchr(" \t\r", value.data[value.len - 1]))
		value.len--;
	return mark_parse(value, ret_mark) ? MARK_FOUND : MARK_MALFORMED;
}

/* Takes digits up to a hyphen, or to the end where is_last. */
static bool take_number(struct span *rest, unsigned base, bool is_last, uint64_t *ret_number)
{
	uint64_t n = 0;
	size_t count = 0;

	while (count < rest->len && rest->data[count] != '-') {
		char c = lower(rest->data[count++]);
		unsigned digit = c >= '0' && c <= '9'	? (unsigned)(c - '0')
				 : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
							: 16;

		if (digit >= base || __builtin_mul_overflow(n, base, &n) ||
		    __builtin_add_overflow(n, digit, &n))
			return false;
	}
	if (count == 0 || (count == rest->len) != is_last)
		return false;
	if (base == 16 && count != 16)
		return false;
	*rest = is_last ? (struct span){0} : span_skip(*rest, count + 1);
	*ret_number = n;
	return true;
}

bool mark_parse(struct span text, struct mark *ret_mark)
{
	struct mark m;
	uint64_t due;

	if (!take_number(&text, 16, false, &m.run) || !take_number(&text, 10, false, &m.seq) ||
	    !take_number(&text, 10, true, &due) || due > INT64_MAX)
		return false;
	m.due_wall_ns = (int64_t)due;
	*ret_mark = m;
	return true;
}
