/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * mark.h - finds and reads the X-Volley-ID of a message as it streams by
 *
 * "X-Volley-ID: RUN-SEQ-DUE": 16 hexadecimal digits, a decimal number, and when the message was
 * due in ns since 1970, decimal. Only the header section is looked at, and no further than the
 * field itself. Nothing is copied but the field's value.
 */
#ifndef VOLLEY_SINK_MARK_H
#define VOLLEY_SINK_MARK_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

#define MARK_TEXT_MAX 64 /* octets of the value; a good one has 58 at most */

struct mark {
	uint64_t run, seq;
	int64_t due_wall_ns;
};

enum mark_found { MARK_NONE, MARK_FOUND, MARK_MALFORMED };

struct mark_scan {
	uint8_t state, matched; /* matched: octets of the name, or of the empty line's end */
	uint8_t len;		/* of the value so far */
	char value[MARK_TEXT_MAX];
};

void mark_scan_init(struct mark_scan *s);

/* Looks at a stretch of content. True when no more need be shown: found, or the header is over. */
bool mark_scan_feed(struct mark_scan *s, struct span content);

/* What was found, once the scan is over or the message has ended. */
enum mark_found mark_scan_result(const struct mark_scan *s, struct mark *ret_mark);

/* Reads a value without outer white space. */
bool mark_parse(struct span text, struct mark *ret_mark);

#endif
