/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * line.h - what one line of a delivery log tells
 *
 * Three kinds of logs are read: volley's own JSON lines (sender/outcome_log.h), Postfix's mail log,
 * KumoMTA's JSON log records. A reader turns a line into struct learn_line and knows nothing of the
 * lines before; what belongs together is found in observe.c. Whatever octets a line holds, reading
 * it ends well: it is data of unknown origin.
 */
#ifndef VOLLEY_LEARN_LINE_H
#define VOLLEY_LEARN_LINE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "terms/phase.h"
#include "terms/reply.h"

/* Octets of a line; a longer one is none of the three kinds. */
#define LINE_MAX_OCTETS 65536u
/* Octets of a reply's text that are looked at. */
#define LINE_TEXT_MAX 1024u

enum learn_format { LEARN_VOLLEY, LEARN_POSTFIX, LEARN_KUMOMTA };
#define LEARN_FORMAT_COUNT (LEARN_KUMOMTA + 1)

/* "volley", "Postfix", "KumoMTA". */
const char *learn_format_name(enum learn_format format);

enum line_kind {
	LINE_ACCEPTED,	  /* a message got its final 2xx */
	LINE_REFUSED,	  /* a message, or some of its recipients, got 4xx or 5xx */
	LINE_BROKEN,	  /* a message's connection was closed where a reply was due */
	LINE_TURNED_AWAY, /* a connection got 4xx or 5xx, or was closed, before any message */
	LINE_OPENED,	  /* a connection was opened */
	LINE_CLOSED,	  /* a connection is over; with a code when a reply announced that */
};

/* A borrowed value: spans are valid until the next line is read. */
struct learn_line {
	enum learn_format format;
	enum line_kind kind;
	int64_t at_ns;		/* wall, when it was over */
	int64_t message_ns;	/* how long the message took; -1: not told */
	int64_t connect_ns;	/* how long its connection took to open; -1: not told */
	int64_t precision_ns;	/* of at_ns */
	struct span site;	/* who was talked to, as far as the log tells; empty: not told */
	struct span host;	/* its host name; empty */
	struct span source;	/* from where; empty */
	struct span connection; /* what tells connections of this log apart; empty */
	uint32_t process;	/* Postfix: the delivery agent's */
	uint32_t on_connection; /* the message was the how many-th on its connection; 0: unknown */
	struct span message;	/* lines of one message share it; empty */
	struct span recipient;	/* empty: not told */
	uint32_t recipients;	/* that the line is about */
	bool is_partial;	/* REFUSED: the message went out to its other recipients */
	enum phase phase;
	struct reply reply; /* code 0: none */
	bool is_silent;	    /* the other side hung up without a word */
};

enum line_result {
	LINE_NONE,  /* not of this kind */
	LINE_IDLE,  /* of this kind, and of no interest */
	LINE_EVENT, /* *ret_line is set */
};

/* Memory that the spans of a line may stand in; one per thread of reading. */
struct line_scratch {
	void *json;		      /* json_t, of the last line */
	char text[LINE_TEXT_MAX + 1]; /* the reply's text, cleaned */
	char site[256], connection[64], message[64];
};
void line_scratch_init(struct line_scratch *s);
void line_scratch_fini(struct line_scratch *s);

/* The line has no line end. year is for dates that say none. */
enum line_result line_read(struct span line, int year, struct line_scratch *s,
			   struct learn_line *ret_line);

/* The same for one kind; line_read() finds out which it is. */
enum line_result line_read_json(struct span line, struct line_scratch *s,
				struct learn_line *ret_line);
enum line_result line_read_postfix(struct span line, int year, struct line_scratch *s,
				   struct learn_line *ret_line);

/*
 * Copies a reply's text to s->text: control characters become spaces, what is no UTF-8 a question
 * mark, line feeds stay, white space at the ends goes. Returns it.
 */
struct span line_clean(struct span text, struct line_scratch *s);

#endif
