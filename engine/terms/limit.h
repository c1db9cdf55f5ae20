/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limit.h - a limit as a provider states it: how much, of what, for whom, in which window
 *
 * The same words for the sender, who keeps it, and for the sink, which imposes it. A value
 * without ownership.
 */
#ifndef VOLLEY_TERMS_LIMIT_H
#define VOLLEY_TERMS_LIMIT_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"

enum limit_unit {
	LIMIT_MESSAGES,	   /* transactions: one MAIL to its final reply */
	LIMIT_RECIPIENTS,  /* RCPT */
	LIMIT_CONNECTIONS, /* opened (with a window), or open at once (without) */
	LIMIT_OCTETS,	   /* of message content */
};
#define LIMIT_UNIT_COUNT (LIMIT_OCTETS + 1)

enum limit_scope {
	LIMIT_PER_SOURCE,      /* source IP x provider (all sites of the profile) */
	LIMIT_PER_SOURCE_SITE, /* source IP x site */
	LIMIT_PER_SITE,	       /* everybody together */
	LIMIT_PER_ACCOUNT,     /* user name of AUTH; without AUTH as LIMIT_PER_SOURCE */
	LIMIT_PER_SENDER,      /* domain of the reverse path */
	LIMIT_PER_RECIPIENT,   /* a forward path */
	LIMIT_PER_CONNECTION,
	LIMIT_PER_MESSAGE,
};
#define LIMIT_SCOPE_COUNT (LIMIT_PER_MESSAGE + 1)

enum limit_window {
	LIMIT_AT_ONCE, /* no window: at most amount at a time (connections), or in one of scope */
	LIMIT_SMOOTH,  /* in no window of the period more than amount; burst at once */
	LIMIT_FIXED,   /* a counter that starts anew at each multiple of the period */
	LIMIT_ROLLING, /* what was counted is free again a period later */
	LIMIT_DEBT,    /* passed while the account is not below zero, and may overdraw it */
};
#define LIMIT_WINDOW_COUNT (LIMIT_DEBT + 1)

/* How sure a figure is. */
enum sureness { SURE_ASSUMED, SURE_COMMON, SURE_DOCUMENTED };
#define SURENESS_COUNT (SURE_DOCUMENTED + 1)

struct limit {
	enum limit_unit unit;
	enum limit_scope scope;
	enum limit_window window;
	bool counts_accepted; /* only what was accepted counts; else what was attempted */
	uint64_t amount;      /* > 0 */
	int64_t period_ns;    /* > 0 but for AT_ONCE, where it is 0 */
	uint64_t burst;	      /* SMOOTH: at once after a pause; 0: 2 % of amount, at least 1 */
	int64_t reset_ns;     /* FIXED: offset of the windows from midnight UTC (a reset hour) */
	enum sureness sureness;
};

/* "messages" "recipients" "connections" "octets" */
const char *limit_unit_name(enum limit_unit unit);
bool limit_unit_from_name(struct span name, enum limit_unit *ret_unit);
/* "source" "source-site" "site" "account" "sender" "recipient" "connection" "message" */
const char *limit_scope_name(enum limit_scope scope);
bool limit_scope_from_name(struct span name, enum limit_scope *ret_scope);
/* "at-once" "smooth" "fixed" "rolling" "debt" */
const char *limit_window_name(enum limit_window window);
bool limit_window_from_name(struct span name, enum limit_window *ret_window);
/* "assumed" "common" "documented" */
const char *sureness_name(enum sureness sureness);
bool sureness_from_name(struct span name, enum sureness *ret_sureness);

#define LIMIT_TEXT_MAX 96
/* "200 messages an hour per account", "5 connections at once per source". */
const char *limit_text(const struct limit *l, char out[LIMIT_TEXT_MAX]);

#endif
