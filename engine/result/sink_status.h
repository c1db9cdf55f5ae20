/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_status.h - the document of a sink: what it got, from whom, and what it did to them
 *
 * Plain data, filled in once when the sink stops; text and JSON are made from it. Kind "sink" of
 * the documents. Strings that came from a peer are UTF-8 already. One thread at a time.
 */
#ifndef VOLLEY_RESULT_SINK_STATUS_H
#define VOLLEY_RESULT_SINK_STATUS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include "base/err.h"
#include "result/run.h"
#include "terms/limit.h"

#define SINK_STATUS_SCHEMA 1

/* Replies by the command they answered and their code. */
struct sink_status_reply {
	char command[16]; /* smtp_verb_name(): "rcpt", "dot" ... */
	int code;
	uint64_t count;
};

/* One client, by address. */
struct sink_status_client {
	char address[64];
	uint64_t sessions, messages, recipients, octets, rejects;
};

struct sink_status_tls {
	char version[16], cipher[48], group[24];
	bool is_resumed;
	uint64_t count;
};

/* One kind of TLS failure or of end of a connection. */
struct sink_status_cause {
	char name[RUN_NAME_MAX];
	uint64_t count;
};

struct sink_status_fault {
	char *rule; /* owned */
	uint64_t seen, fired;
	struct run_latency delay; /* from the command's arrival to its reply's handing over */
};

/* The same over all rules of one phase. */
struct sink_status_delay {
	char phase[16];
	struct run_latency delay;
};

/* A limit of a profile that was imposed. */
struct sink_status_limit {
	char profile[64], name[64];
	char where[288];    /* "all", "127.0.0.2:25", "@example.com" */
	double from_s;	    /* after the start */
	struct limit limit; /* as the profile states it */
	double window_s;    /* as it was kept; 0: none */
	uint64_t keys;	    /* clients, accounts ... that were counted */
	uint64_t passed;    /* units, all together */
	uint64_t refused;   /* commands and connections */
	uint64_t peak;	    /* used in a window, by the limit's own account */
	uint64_t counted;   /* passed in a window at most, counted independently */
	char worst[96];	    /* whose refusals are the most; empty: not known */
	uint64_t worst_refused;
};

/* A rule of a profile that was said. */
struct sink_status_rule {
	char profile[64], name[64], where[288];
	double from_s;
	uint64_t said;
};

#define SINK_STATUS_REPUTATIONS 4 /* new, warming, good, poor */

/* One sender's run, known by its X-Volley-ID. */
struct sink_status_run {
	char id[17];
	uint64_t received;	    /* messages accepted, each counted once */
	uint64_t duplicated;	    /* further copies of them */
	uint64_t highest;	    /* sequence number */
	uint64_t expected;	    /* highest + 1, or as told */
	uint64_t lost;		    /* expected and not received */
	struct run_latency latency; /* from when the message was due until it was accepted */
};

struct sink_status {
	char started[DATE_TEXT_MAX]; /* RFC 3339 */
	double seconds;
	int threads;
	struct run_texts listeners; /* "smtp 127.0.0.1:2525" */
	struct run_host host;

	struct {
		uint64_t accepted, peak, open_at_end;
		uint64_t over_limit; /* got 421 because the sink was full */
		uint64_t refused;    /* by a rule, at connect */
		uint64_t timed_out;  /* said nothing for too long */
		uint64_t sealed;     /* with TLS */
		uint64_t logins;
	} sessions;
	struct {
		uint64_t accepted, deferred, rejected; /* by the reply to the dot */
		uint64_t unanswered; /* complete, but the connection ended before the reply */
		uint64_t broken;     /* the connection ended within the content */
		uint64_t recipients; /* of accepted ones */
		uint64_t octets;     /* of accepted ones */
	} messages;
	struct {
		uint64_t commands, faulty; /* faulty: refused for what they were, by no rule */
		uint64_t injections;	   /* clear text behind STARTTLS */
		uint64_t tls_on_plain, http;
	} protocol;
	struct {
		bool is_on;
		uint64_t stored, failed, octets;
		uint64_t waits; /* times a session had to wait for the disk */
	} store;
	struct {
		uint64_t bytes_in, bytes_out, turns, completions, no_buffers, cq_overflows;
		uint64_t accept_errors, handshakes_put_off;
	} transport;
	struct {
		bool is_on, has_log, has_reputation;
		uint32_t scale;
		uint64_t general; /* refusals for which a profile has no words */
		uint64_t missed;  /* asked of a limit that had no room for one more to count */
		uint64_t log_lines, log_dropped;
		uint64_t reputations[SINK_STATUS_REPUTATIONS]; /* clients that stand there */
	} imposed;
	struct run_resources resources;
	struct run_end_to_end end_to_end; /* over all runs; not known where ids are not traced */
	uint64_t clients_total;		  /* distinct addresses */
	uint64_t ids_malformed;		  /* X-Volley-ID fields that are none */
	uint64_t ids_beyond;		  /* ids of runs or numbers over what is kept */

	struct sink_status_reply *replies;
	struct sink_status_client *clients; /* most messages first */
	struct sink_status_tls *tls;
	struct sink_status_cause *tls_failures, *ends;
	struct sink_status_fault *faults;
	struct sink_status_delay *delays;
	struct sink_status_run *runs;
	struct sink_status_limit *limits;
	struct sink_status_rule *rules;
	size_t reply_count, client_count, tls_count, tls_failure_count, end_count, fault_count,
		delay_count, run_count, limit_count, rule_count;
};

void sink_status_init(struct sink_status *s);
void sink_status_fini(struct sink_status *s);

/*
 * Add a zeroed row to a table, to be filled in. NULL when memory is exhausted; the pointer holds
 * until the next row of the same table.
 */
struct sink_status_reply *sink_status_add_reply(struct sink_status *s);
struct sink_status_client *sink_status_add_client(struct sink_status *s);
struct sink_status_tls *sink_status_add_tls(struct sink_status *s);
struct sink_status_cause *sink_status_add_tls_failure(struct sink_status *s);
struct sink_status_cause *sink_status_add_end(struct sink_status *s);
struct sink_status_fault *sink_status_add_fault(struct sink_status *s);
struct sink_status_delay *sink_status_add_delay(struct sink_status *s);
struct sink_status_run *sink_status_add_run(struct sink_status *s);
struct sink_status_limit *sink_status_add_limit(struct sink_status *s);
struct sink_status_rule *sink_status_add_rule(struct sink_status *s);

/* "new" "warming" "good" "poor" */
const char *sink_status_reputation_name(int reputation);

/* started, in UTC with milliseconds (RFC 3339). */
void sink_status_set_started(struct sink_status *s, int64_t wall_ns);

/* Writes the document as JSON and a line end. -1 with *e set when writing failed. */
__attribute__((warn_unused_result)) int sink_status_json_write(const struct sink_status *s,
							       FILE *out, struct err *e);

/* The same to a file ("-": standard output), beside its place and then renamed. */
__attribute__((warn_unused_result)) int sink_status_json_save(const struct sink_status *s,
							      const char *path, struct err *e);

#endif
