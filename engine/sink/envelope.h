/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * envelope.h - what a record says about a message: who, from, to
 *
 * Kept only while records are written. Recipients beyond ENVELOPE_MAX octets are counted, not
 * listed.
 */
#ifndef VOLLEY_SINK_ENVELOPE_H
#define VOLLEY_SINK_ENVELOPE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/span.h"
#include "net/secure.h"
#include "sink/mark.h"

#define ENVELOPE_MAX ((size_t)256 << 10)

struct envelope {
	struct buf hello; /* the argument of EHLO */
	struct buf from;
	struct buf to;	    /* recipients, each with a NUL behind it */
	size_t to_accepted; /* octets of to that were accepted; the rest waits for its reply */
};

/* NULL when memory is exhausted. */
struct envelope *envelope_new(void);
void envelope_free(struct envelope *v); /* NULL is allowed */

/* Take what stands in a command; envelope_settle() says whether it was accepted. */
void envelope_hello(struct envelope *v, struct span name);
void envelope_from(struct envelope *v, struct span path);
void envelope_to(struct envelope *v, struct span path);
void envelope_settle(struct envelope *v, bool is_accepted);

/* The transaction is over. */
void envelope_clear(struct envelope *v);

/* All that a record holds beside the envelope. Borrowed. */
struct envelope_record {
	int64_t wall_ns;
	const char *client;
	const char *scheme;		/* the listener's */
	const char *user;		/* NULL: nobody logged in */
	const struct secure_facts *tls; /* NULL: in clear */
	uint32_t rcpt_count;
	uint64_t size;
	const struct mark *mark; /* NULL: none */
	const char *file;	 /* in the maildir, NULL: none */
	struct span reply;	 /* with its line end */
};

/* One line of JSON with its line end. False when memory is exhausted. */
bool envelope_write(const struct envelope *v, const struct envelope_record *r, struct buf *out);

#endif
