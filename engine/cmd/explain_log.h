/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * explain_log.h - finds replies in what people have: arguments, pasted text, delivery logs
 *
 * A line is one of volley's own log (JSON), one of KumoMTA's (JSON), one of Postfix's maillog, a
 * bare reply, or a line of another log that names a reply behind a colon. The lines of a multi-line
 * reply ("550-5.1.1 ...", "550 5.1.1 ...") are joined, whether they stand on lines of their own or
 * were put on one, as Postfix does. Everything else is counted and passed over.
 */
#ifndef VOLLEY_CMD_EXPLAIN_LOG_H
#define VOLLEY_CMD_EXPLAIN_LOG_H
#include <stdint.h>
#include "base/buf.h"
#include "terms/phase.h"
#include "terms/reply.h"

#define EXPLAIN_LINE_MAX 65536 /* octets of a line; the rest is not looked at */

enum explain_find {
	EXPLAIN_NOTHING, /* yet, or on this line */
	EXPLAIN_REPLY,
	EXPLAIN_NETWORK, /* a failure without a reply */
	EXPLAIN_NO_MEMORY,
};

struct explain_finder {
	struct buf text;	/* of the reply that was found, or of one that goes on */
	uint16_t code;		/* of one that goes on; 0: none does */
	struct reply reply;	/* EXPLAIN_REPLY; its text is valid until the next call */
	enum phase phase;	/* PHASE_SESSION: not known */
	struct span failure;	/* EXPLAIN_NETWORK: what the log says; valid until the next call */
	uint64_t line_count;	/* that were not empty */
	uint64_t foreign_count; /* lines in which nothing was found */
};

void explain_finder_init(struct explain_finder *f);
void explain_finder_fini(struct explain_finder *f);

/* Takes a line without its end. */
enum explain_find explain_find_line(struct explain_finder *f, struct span line);

/* No more lines: a multi-line reply without its last line counts as it is. */
enum explain_find explain_find_end(struct explain_finder *f);

/* The same for a text of one reply, which may have several lines. */
enum explain_find explain_find_text(struct explain_finder *f, struct span text);

#endif
