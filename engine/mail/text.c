/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text.c - compiles a message to segments
 *
 * Constants stand one behind the other in one buffer. Their stuffed form is made only for those
 * that hold a line beginning with a dot; the first octet of a constant is left alone, because
 * whether it begins a line may depend on the field before it, and is settled at run time.
 */
#include "mail/text.h"
#include <errno.h>
#include <stdlib.h>
#include "base/escape.h"
#include "mail/message.h"
#include "mail/stuff.h"
#include "mail/word.h"

static const char *const field_names[TEXT_FIELD_COUNT] = {
	[TEXT_RCPT] = "rcpt",
	[TEXT_RCPT_LOCAL] = "rcpt_local",
	[TEXT_RCPT_DOMAIN] = "rcpt_domain",
	[TEXT_TO] = "to",
	[TEXT_FROM] = "from",
	[TEXT_FROM_DOMAIN] = "from_domain",
	[TEXT_SEQ] = "seq",
	[TEXT_RUN] = "run",
	[TEXT_ID] = "id",
	[TEXT_MESSAGE_ID] = "message_id",
	[TEXT_DATE] = "date",
	[TEXT_DUE] = "due",
	[TEXT_RANDOM] = "random",
	[TEXT_OPEN] = "open",
};

static int no_memory(struct err *e)
{
	return err_set(e, EXIT_FAILED, ENOMEM, "no memory for the message");
}

void text_begin(struct text_builder *b)
{
	*b = (struct text_builder){0};
	buf_init(&b->plain, (size_t)MAIL_SIZE_MAX * 2);
}

static int add_segment(struct text_builder *b, enum text_field field, size_t offset, size_t len,
		       struct err *e)
{
	struct text_segment *last = b->count ? &b->segments[b->count - 1] : NULL;

	b->fields |= 1u << field;
	if (field == TEXT_CONSTANT && last && last->field == TEXT_CONSTANT) {
		last->plain.len += len;
		return 0;
	}
	if ((b->count & (b->count - 1)) == 0) {
		size_t cap = b->count ? b->count * 2 : 1;
		struct text_segment *segments = realloc(b->segments, cap * sizeof(*segments));

		if (!segments)
			return no_memory(e);
		b->segments = segments;
	}
	b->segments[b->count++] = (struct text_segment){
		.field = field, .plain = {NULL, len}, .stuffed = {NULL, offset}};
	return 0;
}

int text_add_constant(struct text_builder *b, struct span text, struct err *e)
{
	size_t offset = b->plain.len;

	if (text.len == 0)
		return 0;
	if (!buf_append(&b->plain, text.data, text.len))
		return no_memory(e);
	return add_segment(b, TEXT_CONSTANT, offset, text.len, e);
}

int text_add_field(struct text_builder *b, enum text_field field, struct err *e)
{
	return add_segment(b, field, b->plain.len, 0, e);
}

static size_t count_lines(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += text.data[i] == '\n';
	return count;
}

static bool find_field(struct span name, enum text_field *ret_field)
{
	for (int i = 0; i < TEXT_FIELD_COUNT; i++) {
		if (!field_names[i] || !span_equal(name, span_of(field_names[i])))
			continue;
		*ret_field = (enum text_field)i;
		return true;
	}
	return false;
}

static int unknown_field(struct span name, size_t line, struct err *e)
{
	char names[256], text[64];
	size_t len = 0;

	for (int i = 0; i < TEXT_FIELD_COUNT; i++) {
		size_t name_len = field_names[i] ? strlen(field_names[i]) : 0;

		if (!name_len || len + name_len + 2 > sizeof(names))
			continue;
		memcpy(names + len, field_names[i], name_len);
		len += name_len;
		names[len++] = ' ';
	}
	names[len ? len - 1 : 0] = '\0';
	escape_text(name, ESCAPE_CONTROLS, text, sizeof(text));
	return err_set(e, EXIT_USAGE, 0, "line %zu: there is no field {{%s}}; there are: %s", line,
		       text, names);
}

static struct span trim_spaces(struct span text)
{
	while (text.len > 0 && text.data[0] == ' ')
		text = span_skip(text, 1);
	while (text.len > 0 && text.data[text.len - 1] == ' ')
		text.len--;
	return text;
}

int text_add_template(struct text_builder *b, struct span text, size_t line, struct err *e)
{
	while (text.len > 0) {
		const char *open = memmem(text.data, text.len, "{{", 2);
		struct span constant = {text.data, open ? (size_t)(open - text.data) : text.len};
		struct span name;
		const char *close;
		enum text_field field;

		if (text_add_constant(b, constant, e) < 0)
			return -1;
		if (!open)
			return 0;
		line += count_lines(constant);
		text = span_skip(text, constant.len + 2);
		close = memmem(text.data, text.len, "}}", 2);
		if (!close)
			return err_set(e, EXIT_USAGE, 0,
				       "line %zu: {{ is not closed by }}; write {{open}} for two "
				       "braces",
				       line);
		name = (struct span){text.data, (size_t)(close - text.data)};
		if (!find_field(trim_spaces(name), &field))
			return unknown_field(name, line, e);
		if (text_add_field(b, field, e) < 0)
			return -1;
		text = span_skip(text, name.len + 2);
	}
	return 0;
}

void text_end_header(struct text_builder *b)
{
	b->body_at = b->plain.len;
}

/* Makes the stuffed form of the constants that have one of their own. */
static int stuff_constants(struct text *t)
{
	size_t total = 0;
	char *out;

	for (size_t i = 0; i < t->count; i++) {
		size_t dots = stuff_count(t->segments[i].plain, false);

		total += dots ? t->segments[i].plain.len + dots : 0;
	}
	t->needs_stuffing = total > 0;
	if (total == 0)
		return 0;
	out = t->stuffed = malloc(total);
	if (!out)
		return -1;
	for (size_t i = 0; i < t->count; i++) {
		struct text_segment *s = &t->segments[i];

		if (stuff_count(s->plain, false) == 0)
			continue;
		s->stuffed = (struct span){out, stuff_dots(s->plain, false, out)};
		out += s->stuffed.len;
	}
	return 0;
}

/* True when a field's value, or a constant behind one that may be empty, may begin a line. */
static bool has_open_line_start(const struct text *t)
{
	bool is_line_start = true;

	for (size_t i = 0; i < t->count; i++) {
		const struct text_segment *s = &t->segments[i];

		if (is_line_start && (s->field != TEXT_CONSTANT || s->plain.data[0] == '.'))
			return true;
		is_line_start = s->field == TEXT_CONSTANT && stuff_ends_line(s->plain, false);
	}
	return false;
}

int text_finish(struct text_builder *b, struct err *e, struct text *ret_text)
{
	struct text t = {
		.segments = b->segments,
		.count = b->count,
		.plain = b->plain.data,
		.fields = (uint32_t)b->fields,
		.constant_len = b->plain.len,
	};
	struct span header = {b->plain.data, b->body_at};
	struct span body = {b->plain.data + b->body_at, b->plain.len - b->body_at};

	for (size_t i = 0; i < t.count; i++) {
		struct text_segment *s = &t.segments[i];

		s->plain.data = t.plain + s->stuffed.len;
		s->stuffed = s->plain;
	}
	/*
	 * RFC 6531 s3.2: a header in UTF-8 needs SMTPUTF8. Other octets above 127 in a header are
	 * as wrong with it as without it, and go out as 8-bit text.
	 */
	t.is_utf8 = word_is_beyond_ascii(header) && word_is_utf8(header);
	t.is_8bit = word_is_beyond_ascii(body) || (word_is_beyond_ascii(header) && !t.is_utf8);
	*b = (struct text_builder){0};
	if (stuff_constants(&t) < 0) {
		text_fini(&t);
		return no_memory(e);
	}
	if (has_open_line_start(&t))
		t.needs_stuffing = true;
	*ret_text = t;
	return 0;
}

void text_abandon(struct text_builder *b)
{
	free(b->segments);
	buf_fini(&b->plain);
	*b = (struct text_builder){0};
}

void text_fini(struct text *t)
{
	free(t->segments);
	free(t->plain);
	free(t->stuffed);
	*t = (struct text){0};
}
