/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outcome_log.h - a JSON line for each message, or for each failure
 *
 * Workers put fixed records into a bounded queue each; one writer thread formats and writes them.
 * A worker never waits: when its queue is full the record is dropped and counted, and the result
 * says so. Secrets cannot reach the log: it holds envelopes, replies and times alone.
 */
#ifndef VOLLEY_SENDER_OUTCOME_LOG_H
#define VOLLEY_SENDER_OUTCOME_LOG_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "profile/rules.h"
#include "smtp/client.h"
#include "talk/talk.h"

#define OUTCOME_TEXT_MAX 1024 /* octets of a reply's text; longer ones are cut */
#define OUTCOME_RCPT_MAX 256

enum outcome_word {
	OUTCOME_ACCEPTED,
	OUTCOME_DEFERRED,
	OUTCOME_REJECTED,
	OUTCOME_FAILED,
	OUTCOME_IN_DOUBT,
	OUTCOME_SESSION, /* a session failed without a message under way */
	OUTCOME_OPENED,	 /* a connection is ready for messages */
	OUTCOME_CLOSED,	 /* it is over: number says how many messages it has carried */
};
const char *outcome_word_name(enum outcome_word word);

struct outcome_record {
	int64_t at_wall_ns;
	uint64_t number;	/* of the message, or of messages; not for OUTCOME_SESSION */
	uint64_t connection;	/* from 1, unique in the run */
	uint64_t on_connection; /* which message of the connection it is, from 1 */
	uint32_t session;
	int32_t source; /* index in sources[]; -1: the kernel's choice */
	uint16_t target;
	uint16_t code; /* 0: no reply */
	uint8_t word, phase, command;
	struct enhanced_code enhanced;
	int64_t response_ns, service_ns, late_ns;
	uint16_t rcpt_count, rcpt_len, text_len;
	char kind[TALK_KIND_MAX]; /* of a failure, "" for none */
	char rcpt[OUTCOME_RCPT_MAX];
	char text[OUTCOME_TEXT_MAX];
};

struct outcome_log;

struct outcome_log_params {
	const char *path; /* "-": standard output */
	bool failures_only;
	uint64_t run_id; /* stands in every id */
	int worker_count;
	const char *const *urls;	  /* of the targets; lent until close */
	const struct rules *const *rules; /* what replies of each target mean, NULL where nobody
					     knows; lent until close. NULL: nobody knows at all */
	int target_count;
	const char *const *sources; /* local addresses; lent until close */
};

/* Starts the writer. NULL with *e set when the file cannot be made. */
struct outcome_log *outcome_log_open(const struct outcome_log_params *params, struct err *e);

/* True when such an outcome is to be logged. */
bool outcome_log_wants(const struct outcome_log *log, enum outcome_word word);

/* Room for one record, to be filled in and committed; NULL when the queue is full. */
struct outcome_record *outcome_log_begin(struct outcome_log *log, int worker);
void outcome_log_commit(struct outcome_log *log, int worker);

/* Writes what is left and ends the writer. -1 with *e set when not all could be written. */
int outcome_log_close(struct outcome_log *log, struct err *e);

#endif
