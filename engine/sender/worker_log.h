/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker_log.h - what a worker puts into the log of outcomes
 *
 * For sessions and workers of a run that has a log (shared->log is not NULL).
 */
#ifndef VOLLEY_SENDER_WORKER_LOG_H
#define VOLLEY_SENDER_WORKER_LOG_H
#include "sender/outcome_log.h"
#include "sender/worker.h"

/* The log of a run; once for the process: what it lends stands until it ends. As
 * outcome_log_open(). */
struct outcome_log *worker_log_open(const struct sender_plan *plan, const char *path,
				    bool failures_only, int worker_count, struct err *e);

/* A connection is ready for messages; is over, having been ready. */
void worker_log_opened(struct session *s, int64_t at_ns);
void worker_log_closed(struct session *s, int64_t at_ns);

/* A session failed without a message under way. */
void worker_log_session(struct session *s, int64_t at_ns, const struct talk_failure *failure);

/* A message is over; failure as in worker_over(). */
void worker_log_message(struct session *s, enum outcome_word word, int64_t at_ns,
			const struct smtp_outcome *o, const struct talk_failure *failure);

#endif
