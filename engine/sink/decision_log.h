/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * decision_log.h - what an imposed profile decided, and why, as lines of JSON
 *
 * Every refusal with the counter that caused it; each limit once, when it is first imposed; each
 * move of a reputation. Lines are written by a thread of its own; when it falls behind, lines
 * are dropped and counted, so that nothing that is measured waits for a disk. Any thread.
 */
#ifndef VOLLEY_SINK_DECISION_LOG_H
#define VOLLEY_SINK_DECISION_LOG_H
#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "profile/profile.h"
#include "terms/phase.h"

#define DECISIONS_QUEUE_MAX ((size_t)16 << 20) /* octets that may wait to be written */

struct decision_log;

/* path: appended to; "-" is standard output. NULL with *e set. */
struct decision_log *decision_log_open(const char *path, struct clock *clock, struct err *e);

/* Writes what is queued. NULL is allowed. */
void decision_log_close(struct decision_log *l, uint64_t *ret_lines, uint64_t *ret_dropped);

/* A limit as it is imposed, with the period that is really kept. */
struct decision_limit {
	const char *profile, *name;
	const struct limit *limit;
	int64_t period_ns;
	int64_t from_ns; /* after the start */
};
void decision_log_limit(struct decision_log *l, const struct decision_limit *d);

struct decision {
	const char *client;  /* address */
	const char *account; /* NULL: nobody logged in */
	uint64_t session;    /* a number in the process, from 1 */
	enum phase phase;
	const char *profile;
	const char *rule;      /* NULL: a general reply, as no rule has one */
	const char *cause;     /* "over", "triplet" ... */
	const char *limit;     /* NULL: no limit was the cause */
	const char *whose;     /* of the counter; NULL: none */
	uint64_t used, amount; /* of the counter, with limit */
	int64_t period_ns;     /* the counter's window; 0: none */
	struct span reply;     /* whole lines; empty: closed without a word */
	bool has_reputation;
	enum reputation reputation;
};
void decision_log_refusal(struct decision_log *l, const struct decision *d);

void decision_log_reputation(struct decision_log *l, const char *client, const char *profile,
			     enum reputation from, enum reputation to);

#endif
