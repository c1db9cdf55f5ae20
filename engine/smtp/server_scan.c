/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server_scan.c - finds the end of a message in the stream, and takes out the stuffed dots
 *
 * RFC 5321 s4.5.2. Most of a message holds no dot at the start of a line, so the search is for
 * dots, by memchr, and each one found is judged by the two octets before it; only around line
 * starts, and where the input is cut, are octets looked at one by one. What is content is handed
 * out as stretches of the input itself.
 */
#include "smtp/server_internal.h"

/* Counts a stretch of content; true when the owner wants to have it. */
static bool is_wanted(struct smtp_server *s, struct span in, size_t from, size_t to,
		      struct span *ret_bytes)
{
	if (to <= from)
		return false;
	s->size += to - from;
	*ret_bytes = (struct span){in.data + from, to - from};
	return s->wants_content;
}

/* Where the data stands behind content that ended with these octets of in. */
static enum smtp_scan_state state_behind(struct span in, size_t from, size_t to, bool is_lenient)
{
	if (in.data[to - 1] == '\r')
		return SCAN_CR;
	if (in.data[to - 1] != '\n')
		return SCAN_MIDDLE;
	if (is_lenient || (to - from >= 2 && in.data[to - 2] == '\r'))
		return SCAN_START;
	return SCAN_MIDDLE;
}

/*
 * Within a line at *i: goes to the next dot that starts a line, or to the end of the input. The
 * octet at *i itself does not start a line.
 */
static enum smtp_scan_state skip_content(struct span in, size_t *i, bool is_lenient)
{
	size_t from = *i, at = from;

	for (;;) {
		const char *dot = memchr(in.data + at, '.', in.len - at);

		if (!dot) {
			*i = in.len;
			return state_behind(in, from, in.len, is_lenient);
		}
		at = (size_t)(dot - in.data);
		if (at > from && state_behind(in, from, at, is_lenient) == SCAN_START) {
			*i = at;
			return SCAN_START;
		}
		at++;
	}
}

/* SMTP_STRICT: looks for CR without LF and LF without CR, the dots and ends included. */
static void look_for_bare_ends(struct smtp_server *s, struct span used)
{
	for (size_t i = 0; i < used.len; i++) {
		if ((used.data[i] == '\n') != (s->hold == '\r'))
			s->has_bare_line_end = true;
		s->hold = used.data[i];
	}
}

/* One step from a state in which single octets matter. True when the octet was used. */
static bool step(struct smtp_server *s, char c, bool is_lenient)
{
	switch ((enum smtp_scan_state)s->scan) {
	case SCAN_START:
		if (c == '.') {
			s->scan = SCAN_DOT;
			return true;
		}
		break;
	case SCAN_CR:
		if (c == '\n') {
			s->scan = SCAN_START;
			return true;
		}
		break;
	case SCAN_DOT:
		if (c == '\r') {
			s->scan = SCAN_DOT_CR;
			return true;
		}
		break;
	case SCAN_MIDDLE:
	case SCAN_DOT_CR:
		break;
	}
	s->scan = c == '\n' && is_lenient ? SCAN_START : c == '\r' ? SCAN_CR : SCAN_MIDDLE;
	return s->scan != SCAN_MIDDLE;
}

static enum smtp_scan scan(struct smtp_server *s, struct span in, size_t *ret_used,
			   struct span *ret_bytes, bool is_lenient)
{
	size_t from = 0, i = 0;

	while (i < in.len) {
		char c = in.data[i];
		bool is_held = s->scan == SCAN_DOT || s->scan == SCAN_DOT_CR;

		if (is_held && c == '\n' && (s->scan == SCAN_DOT_CR || is_lenient)) {
			*ret_used = i + 1;
			return SMTP_SCAN_END;
		}
		if (s->scan == SCAN_DOT_CR) {
			/* The dot was a stuffed one; the CR behind it is content. */
			s->scan = SCAN_CR;
			from = i;
			if (is_wanted(s, SPAN("\r"), 0, 1, ret_bytes)) {
				*ret_used = i;
				return SMTP_SCAN_BYTES;
			}
			continue;
		}
		if (s->scan == SCAN_START && c == '.' && is_wanted(s, in, from, i, ret_bytes)) {
			*ret_used = i;
			return SMTP_SCAN_BYTES;
		}
		if (s->scan == SCAN_MIDDLE) {
			s->scan = (uint8_t)skip_content(in, &i, is_lenient);
		} else if (step(s, c, is_lenient)) {
			i++;
			if (s->scan == SCAN_DOT || s->scan == SCAN_DOT_CR)
				from = i;
		}
	}
	*ret_used = in.len;
	if (s->scan == SCAN_DOT || s->scan == SCAN_DOT_CR)
		return SMTP_SCAN_ALL;
	return is_wanted(s, in, from, in.len, ret_bytes) ? SMTP_SCAN_BYTES : SMTP_SCAN_ALL;
}

enum smtp_scan smtp_server_scan(struct smtp_server *s, struct span in, size_t *ret_used,
				struct span *ret_bytes)
{
	enum smtp_strictness strictness = s->texts->params.strictness;
	enum smtp_scan found = scan(s, in, ret_used, ret_bytes, strictness == SMTP_LENIENT);

	if (strictness == SMTP_STRICT)
		look_for_bare_ends(s, (struct span){in.data, *ret_used});
	return found;
}
