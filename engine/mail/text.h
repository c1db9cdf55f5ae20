/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * text.h - a message compiled to segments: constant text and fields
 *
 * Fields are written {{NAME}}:
 *   rcpt rcpt_local rcpt_domain   the first recipient and its parts
 *   to                            all recipients, as a To header lists them
 *   from from_domain              the sender; MAILER-DAEMON@DOMAIN for the null reverse-path
 *   seq run id message_id         number of the message, run, X-Volley-ID, Message-ID with <>
 *   date due                      when it is due: RFC 5322 date, seconds since 1970
 *   random                        16 hexadecimal digits, from the seed and the number
 *   open                          two opening braces, for text that is no field
 *
 * A text is built once and immutable after; what it points to is its own.
 */
#ifndef VOLLEY_MAIL_TEXT_H
#define VOLLEY_MAIL_TEXT_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum text_field {
	TEXT_CONSTANT,
	TEXT_RCPT,
	TEXT_RCPT_LOCAL,
	TEXT_RCPT_DOMAIN,
	TEXT_TO,
	TEXT_FROM,
	TEXT_FROM_DOMAIN,
	TEXT_SEQ,
	TEXT_RUN,
	TEXT_ID,
	TEXT_MESSAGE_ID,
	TEXT_DATE,
	TEXT_DUE,
	TEXT_RANDOM,
	TEXT_OPEN,
	TEXT_PAD, /* a space where the size asked for needs one; has no name */
};
#define TEXT_FIELD_COUNT (TEXT_PAD + 1)

struct text_segment {
	enum text_field field;
	struct span plain;   /* CONSTANT: line ends are CRLF */
	struct span stuffed; /* the same with its dots doubled, but for a dot as first octet */
};

struct text {
	struct text_segment *segments;
	size_t count;
	char *plain, *stuffed; /* what the segments point to; stuffed may be NULL */
	bool needs_stuffing;   /* the two forms may differ */
	bool is_8bit;	       /* the body has octets above 127 */
	bool is_utf8;	       /* the header has */
	uint32_t fields;       /* a bit for each field that occurs */
	size_t constant_len;   /* octets of all constants */
};

/* A text under construction; all zero but for plain, which needs a limit. */
struct text_builder {
	struct buf plain;
	struct text_segment *segments; /* plain.data is an offset until text_finish() */
	size_t count;
	uint64_t fields;
	size_t body_at; /* where in plain the body begins; 0: not yet */
};

void text_begin(struct text_builder *b);

/*
 * Add text whose line ends are CRLF; text_add_template() looks for fields. -1 with *e set when a
 * field is unknown or not closed (the message names its line, counted from line) or memory is
 * exhausted.
 */
__attribute__((warn_unused_result)) int text_add_constant(struct text_builder *b, struct span text,
							  struct err *e);
__attribute__((warn_unused_result)) int text_add_template(struct text_builder *b, struct span text,
							  size_t line, struct err *e);
__attribute__((warn_unused_result)) int text_add_field(struct text_builder *b,
						       enum text_field field, struct err *e);

/* What was added so far is the header with its empty line; the body follows. */
void text_end_header(struct text_builder *b);

/* Makes the text; the builder is empty after, whatever happens. */
__attribute__((warn_unused_result)) int text_finish(struct text_builder *b, struct err *e,
						    struct text *ret_text);

/* Drops what was added. */
void text_abandon(struct text_builder *b);
void text_fini(struct text *t);

static inline bool text_has(const struct text *t, enum text_field field)
{
	return t->fields & (1u << field);
}

#endif
