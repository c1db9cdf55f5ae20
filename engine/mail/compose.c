/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * compose.c - the three kinds of message made into texts
 *
 * Our own fields come first, so that what differs between messages stands in one stretch at the
 * front and the rest of a stored message is one lent segment.
 */
#include "mail/compose.h"
#include <errno.h>
#include "base/buf.h"
#include "mail/stuff.h"
#include "mail/word.h"

#define LINE_MAX_LEN	998 /* RFC 5322 s2.1.1, without CRLF */
#define SUBJECT_DEFAULT "volley load test, message {{seq}} of run {{run}}"
#define OPTION_SUBJECT	"--subject"
#define OPTION_HEADER	"--add-header"

static int no_memory(struct err *e)
{
	return err_set(e, EXIT_FAILED, ENOMEM, "no memory for the message");
}

/* ftext of RFC 5322 s3.6.8, up to the colon; empty when line is no header field. */
static struct span field_name(struct span line)
{
	size_t len = 0, end;

	while (len < line.len && line.data[len] > 32 && line.data[len] < 127 &&
	       line.data[len] != ':')
		len++;
	/* White space before the colon is the obsolete form (RFC 5322 s4.5). */
	end = len;
	while (end < line.len && (line.data[end] == ' ' || line.data[end] == '\t'))
		end++;
	if (end >= line.len || line.data[end] != ':')
		len = 0;
	return (struct span){line.data, len};
}

static bool is_our_own(struct span name)
{
	return span_equal_nocase(name, SPAN("Message-ID")) ||
	       span_equal_nocase(name, SPAN("X-Volley-ID"));
}

/* Whether --add-header or --subject gives this field. */
static bool is_given(const struct mail_params *p, struct span name)
{
	if (p->subject && span_equal_nocase(name, SPAN("Subject")))
		return true;
	for (int i = 0; i < p->header_count; i++)
		if (span_equal_nocase(name, field_name(span_of(p->headers[i]))))
			return true;
	return false;
}

static bool has_control(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];

		if ((c < 0x20 && c != '\t') || c == 0x7F)
			return true;
	}
	return false;
}

static int check_header(const struct mail_params *p, int index, struct err *e)
{
	struct span line = span_of(p->headers[index]), name = field_name(line);

	if (name.len == 0)
		return err_set(e, EXIT_USAGE, 0, OPTION_HEADER ": \"%s\" is not \"Name: value\"",
			       p->headers[index]);
	if (is_our_own(name))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_HEADER ": volley writes %.*s itself, since it must differ in "
					     "each message; leave it out",
			       (int)name.len, name.data);
	if (has_control(line))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_HEADER ": the value of %.*s holds a line end "
					     "or another control character",
			       (int)name.len, name.data);
	if (line.len > LINE_MAX_LEN)
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_HEADER ": %.*s is longer than %d octets, the "
					     "most that a line may have (RFC 5322)",
			       (int)name.len, name.data, LINE_MAX_LEN);
	if (!word_is_utf8(line))
		return err_set(e, EXIT_USAGE, 0, OPTION_HEADER ": the value of %.*s is not UTF-8",
			       (int)name.len, name.data);
	if (p->subject && span_equal_nocase(name, SPAN("Subject")))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_SUBJECT " and " OPTION_HEADER
					      " both give the subject; leave one out");
	return 0;
}

int compose_check(const struct mail_params *p, struct err *e)
{
	struct span subject, foreign;

	for (int i = 0; i < p->header_count; i++)
		if (check_header(p, i, e) < 0)
			return -1;
	if (!p->subject)
		return 0;
	subject = span_of(p->subject);
	if (has_control(subject))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_SUBJECT ": it holds a line end or another "
					      "control character");
	if (subject.len > LINE_MAX_LEN - strlen("Subject: "))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_SUBJECT ": longer than a line may be, %d "
					      "octets with its name (RFC 5322)",
			       LINE_MAX_LEN);
	if (!word_is_utf8(subject))
		return err_set(e, EXIT_USAGE, 0, OPTION_SUBJECT ": it is not UTF-8");
	foreign = word_foreign_part(subject);
	if (foreign.len > 0 && memmem(foreign.data, foreign.len, "{{", 2))
		return err_set(e, EXIT_USAGE, 0,
			       OPTION_SUBJECT
			       ": a field among words beyond ASCII cannot be encoded; "
			       "put it before or behind them");
	return 0;
}

static int add_template(struct text_builder *b, const char *text, const char *option, struct err *e)
{
	if (text_add_template(b, span_of(text), 1, e) < 0) {
		err_prefix(e, "%s", option);
		return -1;
	}
	return 0;
}

/* "Subject: ", what of the subject is ASCII as it is, the rest in encoded words. */
static int add_subject(struct text_builder *b, const char *subject, struct err *e)
{
	struct span text = span_of(subject), foreign = word_foreign_part(text);
	struct buf line;
	int status = -1;

	buf_init(&line, 8 * LINE_MAX_LEN);
	if (buf_append_text(&line, "Subject: ") &&
	    buf_append(&line, text.data, (size_t)(foreign.data - text.data)) &&
	    (foreign.len > 0 ? word_encode(foreign, &line) &&
				       buf_append_text(&line, foreign.data + foreign.len)
			     : buf_append_text(&line, text.data)) &&
	    buf_append(&line, "\r\n", 3))
		status = add_template(b, line.data, OPTION_SUBJECT, e);
	else
		no_memory(e);
	buf_fini(&line);
	return status;
}

/* The fields that --add-header and --subject give. */
static int add_given(const struct mail_params *p, struct text_builder *b, struct err *e)
{
	for (int i = 0; i < p->header_count; i++)
		if (add_template(b, p->headers[i], OPTION_HEADER, e) < 0 ||
		    text_add_constant(b, SPAN("\r\n"), e) < 0)
			return -1;
	return p->subject ? add_subject(b, p->subject, e) : 0;
}

/* Adds a line of ours unless the field is given by an option. */
static int add_own(const struct mail_params *p, struct text_builder *b, const char *line,
		   struct err *e)
{
	if (is_given(p, field_name(span_of(line))))
		return 0;
	return text_add_template(b, span_of(line), 1, e);
}

static int sized_header(const struct mail_params *p, struct text_builder *b, struct err *e)
{
	if (text_add_constant(b, SPAN("Message-ID:"), e) < 0 ||
	    text_add_field(b, TEXT_PAD, e) < 0 ||
	    text_add_template(b, SPAN(" {{message_id}}\r\nX-Volley-ID: {{id}}\r\n"), 1, e) < 0 ||
	    add_own(p, b, "Date: {{date}}\r\n", e) < 0 ||
	    add_own(p, b, "From: {{from}}\r\n", e) < 0 || add_own(p, b, "To: {{to}}\r\n", e) < 0 ||
	    add_own(p, b, "Subject: " SUBJECT_DEFAULT "\r\n", e) < 0 || add_given(p, b, e) < 0 ||
	    add_own(p, b, "MIME-Version: 1.0\r\n", e) < 0 ||
	    add_own(p, b, "Content-Type: text/plain; charset=us-ascii\r\n", e) < 0 ||
	    text_add_constant(b, SPAN("\r\n"), e) < 0)
		return -1;
	text_end_header(b);
	return 0;
}

int compose_sized(const struct mail_params *p, struct err *e, struct text *ret_text)
{
	struct text_builder b;

	text_begin(&b);
	if (sized_header(p, &b, e) < 0) {
		text_abandon(&b);
		return -1;
	}
	return text_finish(&b, e, ret_text);
}

/* A field with its continuation lines, taken off *rest. False where the header ends. */
static bool next_field(struct span *rest, struct span *ret_field, size_t *ret_lines)
{
	size_t len = 0, lines = 0;

	if (field_name(*rest).len == 0)
		return false;
	do {
		const char *lf = memchr(rest->data + len, '\n', rest->len - len);

		len = lf ? (size_t)(lf - rest->data) + 1 : rest->len;
		lines++;
	} while (len < rest->len && (rest->data[len] == ' ' || rest->data[len] == '\t'));
	*ret_field = (struct span){rest->data, len};
	*ret_lines = lines;
	*rest = span_skip(*rest, len);
	return true;
}

/* The separator line of the mbox format, which some stored messages still begin with. */
static void skip_mbox_line(struct span *rest, size_t *line)
{
	const char *lf = memchr(rest->data, '\n', rest->len);

	if (rest->len < 5 || memcmp(rest->data, "From ", 5) != 0 || !lf)
		return;
	*rest = span_skip(*rest, (size_t)(lf - rest->data) + 1);
	(*line)++;
}

static int add_text(struct text_builder *b, struct span text, bool has_fields, size_t line,
		    struct err *e)
{
	return has_fields ? text_add_template(b, text, line, e) : text_add_constant(b, text, e);
}

/* Puts our fields first, then those of the stored header that stay; *rest becomes the body. */
static int stored_header(const struct mail_params *p, struct text_builder *b, bool has_fields,
			 struct span *rest, size_t *line, struct err *e)
{
	struct span scan = *rest, field;
	bool has_date = false, has_from = false;
	size_t lines;

	while (next_field(&scan, &field, &lines)) {
		has_date |= span_equal_nocase(field_name(field), SPAN("Date"));
		has_from |= span_equal_nocase(field_name(field), SPAN("From"));
	}
	if (text_add_template(b, SPAN("Message-ID: {{message_id}}\r\nX-Volley-ID: {{id}}\r\n"), 1,
			      e) < 0 ||
	    (!has_date && add_own(p, b, "Date: {{date}}\r\n", e) < 0) ||
	    (!has_from && add_own(p, b, "From: {{from}}\r\n", e) < 0) || add_given(p, b, e) < 0)
		return -1;
	while (next_field(rest, &field, &lines)) {
		struct span name = field_name(field);

		/* RFC 5321 s4.4: Return-Path is the final server's to write. */
		if (!is_our_own(name) && !is_given(p, name) &&
		    !span_equal_nocase(name, SPAN("Return-Path")) &&
		    add_text(b, field, has_fields, *line, e) < 0)
			return -1;
		*line += lines;
	}
	if (text_add_constant(b, SPAN("\r\n"), e) < 0)
		return -1;
	if (rest->len >= 2 && rest->data[0] == '\r') {
		*rest = span_skip(*rest, 2);
		(*line)++;
	}
	text_end_header(b);
	return 0;
}

static int check_raw(struct span raw, const char *name, struct err *e)
{
	if (raw.len == 0)
		return err_set(e, EXIT_USAGE, 0, "%s is empty; a message has at least a header",
			       name);
	if (memchr(raw.data, '\0', raw.len))
		return err_set(e, EXIT_USAGE, 0,
			       "%s holds a NUL octet, which SMTP does not carry; is it a message?",
			       name);
	return 0;
}

int compose_stored(const struct mail_params *p, struct span raw, bool has_fields, const char *name,
		   struct err *e, struct text *ret_text)
{
	struct text_builder b;
	struct buf lines;
	struct span rest;
	size_t line = 1;
	int status;

	if (check_raw(raw, name, e) < 0)
		return -1;
	buf_init(&lines, 2 * raw.len + 2);
	if (!buf_reserve(&lines, raw.len + raw.len / 16) || !stuff_lines(raw, &lines)) {
		buf_fini(&lines);
		return no_memory(e);
	}
	text_begin(&b);
	rest = buf_span(&lines);
	skip_mbox_line(&rest, &line);
	status = stored_header(p, &b, has_fields, &rest, &line, e);
	if (status == 0)
		status = add_text(&b, rest, has_fields, line, e);
	if (status < 0) {
		err_prefix(e, "%s", name);
		text_abandon(&b);
	} else {
		status = text_finish(&b, e, ret_text);
	}
	buf_fini(&lines);
	return status;
}
