/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * threshold.h - "accept.p99<500ms": what a run must keep to
 *
 * An expression is METRIC OP BOUND, white space allowed around OP (one of < <= > >=).
 *
 *   PHASE.STAT       dns connect banner ehlo tls auth mail rcpt data body hold accept quit session
 *                    response service; stat: mean min p50 p90 p99 p99.9 p99.99 max. A duration
 *                    with its unit: 500ms. PHASE.count is a number.
 *   end_to_end.STAT  the same, where a sink's count was joined
 *   replies.CODE     replies with that code, or with 2xx 3xx 4xx 5xx those of a class. A number;
 *                    with % the share of all replies. replies.COMMAND.CODE, as replies.dot.4xx,
 *                    counts one command's, and with % its share.
 *   errors           transport, TLS, DNS and protocol failures; with % of the sessions opened.
 *   errors.PHASE     those of one phase
 *   messages.WHAT    due started accepted deferred rejected failed in_doubt; with % of started
 *   recipients.WHAT  accepted deferred rejected failed in_doubt; with % of all recipients
 *   sessions.WHAT    opened peak failed tls_resumed; with % of opened
 *   end_to_end.WHAT  received lost duplicated; with % of received and lost
 *   rate.achieved    messages per second; with % of what was offered. rate.offered
 *   rate.lag_WHAT    p50 p99 max: how late the schedule was. A duration
 *   cpu              user and system time; cpu.per_message. A duration
 *   rss              peak memory. A size
 */
#ifndef VOLLEY_RESULT_THRESHOLD_H
#define VOLLEY_RESULT_THRESHOLD_H
#include <stdbool.h>
#include "base/err.h"
#include "result/run.h"

enum threshold_op { THRESHOLD_LT, THRESHOLD_LE, THRESHOLD_GT, THRESHOLD_GE };

/* How the bound was written, and in what the value is compared with it. */
enum threshold_unit {
	THRESHOLD_NUMBER,
	THRESHOLD_PERCENT,
	THRESHOLD_DURATION, /* ms */
	THRESHOLD_RATE,	    /* per second */
	THRESHOLD_SIZE,	    /* octets */
};

enum threshold_metric {
	THRESHOLD_LATENCY,
	THRESHOLD_REPLIES,
	THRESHOLD_ERRORS,
	THRESHOLD_FIGURE, /* one of a table of plain figures */
};

/* A plain value; made by threshold_parse(). */
struct threshold {
	char expression[128]; /* as typed, without white space at its ends */
	enum threshold_metric metric;
	int phase; /* LATENCY, ERRORS: index of run_phase_names; RUN_PHASE_COUNT: end to end; -1:
		      any */
	int stat;  /* LATENCY */
	char command[16]; /* REPLIES; "" for any */
	int code;	  /* REPLIES: 250, or 4 for 4xx */
	int figure;	  /* FIGURE */
	enum threshold_op op;
	enum threshold_unit unit;
	double bound;
};

/* EXIT_USAGE and -1 with a sentence that says what is wrong and which names there are. */
__attribute__((warn_unused_result)) int threshold_parse(const char *text, struct err *e,
							struct threshold *ret_threshold);

/*
 * Judges d. What d does not show (a percentile with too few samples, a share of nothing, a phase
 * that did not occur) is RUN_NOT_EVALUATED, with a note; so is everything in an interrupted run.
 */
void threshold_evaluate(const struct threshold *t, const struct run_document *d,
			struct run_threshold *ret_verdict);

/*
 * Judges all, adds a row for each to d, and sets d->status to EXIT_THRESHOLD when one failed and
 * the status was EXIT_WELL. Returns how many failed, -1 when memory is exhausted.
 */
int threshold_judge(const struct threshold *thresholds, int count, struct run_document *d);

#endif
