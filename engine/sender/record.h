/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * record.h - what a worker has counted and timed since it was last asked
 *
 * Two per worker: it writes into one while the control thread merges the other (worker.h says how
 * they are handed over). Histograms are made when a phase first occurs. One thread at a time.
 */
#ifndef VOLLEY_SENDER_RECORD_H
#define VOLLEY_SENDER_RECORD_H
#include <stdbool.h>
#include <stdint.h>
#include "net/resolver.h"
#include "net/secure.h"
#include "stats/hdr.h"
#include "stats/tally.h"
#include "talk/talk.h"
#include "terms/phase.h"

/* Counts that add up; the order is the workers' and the control thread's alone. */
struct record_counts {
	uint64_t due, started, accepted, deferred, rejected, failed, in_doubt;
	uint64_t rcpt_accepted, rcpt_deferred, rcpt_rejected, rcpt_failed, rcpt_in_doubt;
	uint64_t sessions_opened, sessions_failed, sessions_resumed;
	uint64_t replies_2xx, replies_4xx, replies_5xx, errors;
	uint64_t log_dropped;
};
#define RECORD_COUNTS (sizeof(struct record_counts) / sizeof(uint64_t))

struct record {
	struct record_counts counts;
	struct hdr *phases[PHASE_COUNT]; /* NULL: did not occur */
	struct hdr *lag;		 /* how late a message was started for our own reasons */
	struct tally replies, errors, tls;
	bool is_out_of_memory;
};

/* -1 with *e set when memory is exhausted. */
int record_init(struct record *r, struct err *e);
void record_fini(struct record *r);
void record_clear(struct record *r);
void record_merge(struct record *into, const struct record *from);

/* Times a phase; negative durations (clock steps between reaped batches) count as 0. */
void record_phase(struct record *r, enum phase phase, int64_t took_ns);
void record_lag(struct record *r, int64_t lag_ns);
void record_reply(struct record *r, enum smtp_command command, const struct reply *reply);
void record_failure(struct record *r, const struct talk_failure *f);
void record_lookup_failure(struct record *r, enum resolver_cause cause, struct span detail);
void record_tls(struct record *r, const struct secure_facts *facts);

/* The parts of a tally's key, for the document. */
void record_reply_of(uint64_t key, enum smtp_command *ret_command, struct reply *ret_reply);
/* out holds TALK_KIND_MAX; returns the kind's words. */
const char *record_error_of(uint64_t key, enum phase *ret_phase, char *out);
/* The failure without its words; false for a look-up's. */
bool record_failure_of(uint64_t key, struct talk_failure *ret_failure);

#endif
