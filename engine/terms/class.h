/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * class.h - what a reply means to who sends mail
 *
 * A class is what a person sees. What to do about a reply does not follow from it alone, so that
 * the other dimensions stand beside it: whether to try again and from where, who is meant, which
 * dial to turn. The names are keys of profiles and of JSON: they stay.
 */
#ifndef VOLLEY_TERMS_CLASS_H
#define VOLLEY_TERMS_CLASS_H
#include <stdbool.h>
#include "base/span.h"

enum reply_class {
	CLASS_UNKNOWN, /* nothing matched */
	CLASS_THROTTLED,
	CLASS_GREYLISTED,
	CLASS_MAILBOX_FULL,
	CLASS_MAILBOX_UNAVAILABLE,
	CLASS_UNKNOWN_USER,
	CLASS_UNKNOWN_DOMAIN,
	CLASS_AUTH_FAILED,
	CLASS_AUTH_REQUIRED,
	CLASS_STARTTLS_REQUIRED,
	CLASS_SENDER_REJECTED,
	CLASS_RELAY_DENIED,
	CLASS_BLOCKLISTED,
	CLASS_CONTENT,
	CLASS_DOMAIN_AUTHENTICATION, /* SPF, DKIM, DMARC */
	CLASS_TOO_LARGE,
	CLASS_POLICY,
	CLASS_PROTOCOL,
	CLASS_SERVER_TEMPORARY,
	CLASS_QUOTA_EXHAUSTED,	   /* a day's or month's: nothing until the window ends */
	CLASS_RECIPIENT_THROTTLED, /* only this recipient waits */
	CLASS_REVERSE_DNS,	   /* no or wrong PTR, EHLO name */
	CLASS_SUPPRESSED,	   /* the relay's own list */
	CLASS_EXPIRED,		   /* the sender gave up */
	CLASS_NETWORK,		   /* no reply at all */
	CLASS_ACCEPTED,		   /* 2xx, 3xx */
};
#define CLASS_COUNT (CLASS_ACCEPTED + 1)

/* HARD: this recipient or message will not pass by trying again; SOFT: it may. */
enum permanence { PERMANENCE_NONE, PERMANENCE_SOFT, PERMANENCE_HARD };
#define PERMANENCE_COUNT (PERMANENCE_HARD + 1)

enum retry_way {
	RETRY_NEVER,
	RETRY_SAME,	    /* the same way, from the same source (greylisting) */
	RETRY_OTHER_SOURCE, /* this source will not get through */
};
#define RETRY_WAY_COUNT (RETRY_OTHER_SOURCE + 1)

/* Whose problem it is: what a reaction may touch, and what it must leave alone. */
enum reply_scope {
	SCOPE_NONE,
	SCOPE_CONNECTION,
	SCOPE_SOURCE, /* source IP */
	SCOPE_SITE,
	SCOPE_ACCOUNT,
	SCOPE_SENDER, /* sender domain or address */
	SCOPE_RECIPIENT,
	SCOPE_MESSAGE,
};
#define SCOPE_COUNT (SCOPE_MESSAGE + 1)

/* Which dial a throttling reply asks to turn down. */
enum pace_dial {
	DIAL_NONE,
	DIAL_RATE,
	DIAL_CONNECTIONS,
	DIAL_MESSAGES_PER_CONNECTION,
	DIAL_RECIPIENTS_PER_MESSAGE,
	DIAL_SUSPEND,
};
#define DIAL_COUNT (DIAL_SUSPEND + 1)

/* "throttled", "mailbox-full" ...; _from_ are false when the name is none. Any thread. */
const char *class_name(enum reply_class class);
bool class_from_name(struct span name, enum reply_class *ret_class);
const char *permanence_name(enum permanence permanence); /* "none" "soft" "hard" */
bool permanence_from_name(struct span name, enum permanence *ret_permanence);
const char *retry_way_name(enum retry_way way); /* "never" "same" "other-source" */
bool retry_way_from_name(struct span name, enum retry_way *ret_way);
/* "none" "connection" "source" "site" "account" "sender" "recipient" "message" */
const char *scope_name(enum reply_scope scope);
bool scope_from_name(struct span name, enum reply_scope *ret_scope);
/* "none" "rate" "connections" "messages-per-connection" "recipients-per-message" "suspend" */
const char *dial_name(enum pace_dial dial);
bool dial_from_name(struct span name, enum pace_dial *ret_dial);

#endif
