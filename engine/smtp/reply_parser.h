/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * reply_parser.h - SMTP replies (RFC 5321 s4.2) out of a stream of bytes
 *
 * Pure but for the memory that holds an unfinished or a multi-line reply, taken on demand. One
 * struct per session; one thread.
 *
 * Taken leniently, since nothing can be mistaken: a line that ends in LF alone, a code without
 * text ("250"), octets above 127 in the text, any second digit of the code (s4.2.1 has a client
 * go by the first). Refused: a code that is no number from 200 to 599, another octet than space
 * or hyphen behind it, a code that differs between the lines of one reply (s4.2.1), control
 * characters other than tab in the text, a bare CR among them.
 */
#ifndef VOLLEY_SMTP_REPLY_PARSER_H
#define VOLLEY_SMTP_REPLY_PARSER_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/span.h"
#include "terms/reply.h"

#define SMTP_REPLY_LINE_MAX  2048 /* octets with the line's end; RFC 5321 s4.5.3.1.5 says 512 */
#define SMTP_REPLY_LINES_MAX 128

enum reply_step {
	REPLY_MORE,	/* all input was used, the reply is not whole */
	REPLY_DONE,	/* a reply is whole */
	REPLY_NO_CODE,	/* a line does not begin with a code: not a reply at all */
	REPLY_BAD,	/* it begins like one and breaks s4.2 */
	REPLY_TOO_LONG, /* a line or the number of lines passed its limit */
	REPLY_NO_MEMORY,
};

struct reply_parser {
	struct buf kept;     /* text of whole lines, each with '\n', then the unfinished line */
	uint16_t code;	     /* of the reply under way; 0 before its first line is whole */
	uint16_t line_count; /* whole lines of it */
	uint16_t line_len;   /* octets of the unfinished line, at the end of kept */
	bool is_over;	     /* a reply was handed out: what is kept goes with the next call */
};

void reply_parser_init(struct reply_parser *p);
void reply_parser_fini(struct reply_parser *p);

/*
 * Takes bytes up to the end of one reply. in is borrowed for the call; *ret_used <= in.len. The
 * text of *ret_reply is borrowed, from in where the reply is one line that stands there as a
 * whole, else from the parser: until the next call or until in goes, whichever is first.
 * After an answer other than MORE and DONE the stream is unusable. On NO_CODE in a first line, kept
 * followed by what was not used of in is the stream from that line's begin.
 * Property: any split of the input yields the same replies and the same end.
 */
__attribute__((warn_unused_result)) enum reply_step reply_parser_feed(struct reply_parser *p,
								      struct span in,
								      size_t *ret_used,
								      struct reply *ret_reply);

/* Gives memory back unless a reply is unfinished. A reply handed out before is gone then. */
void reply_parser_release(struct reply_parser *p);

#endif
