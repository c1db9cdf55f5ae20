/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.h - one thread's part of a sink: its listeners, its sessions, its counts
 *
 * Made on the thread that turns it, over a transport and TLS contexts that are handed in: a ring
 * and wolfSSL in the program, both of sim/ in a rehearsal. Several workers share one sink_shared
 * and the same ports.
 */
#ifndef VOLLEY_SINK_WORKER_H
#define VOLLEY_SINK_WORKER_H
#include <stdbool.h>
#include <stdint.h>
#include "base/slab.h"
#include "channel/channel.h"
#include "sink/clients.h"
#include "sink/fault.h"
#include "sink/shared.h"
#include "smtp/command.h"
#include "stats/hdr.h"
#include "stats/tally.h"

#define SINK_OUT_SIZE	 2048 /* octets of replies that are sent in one go */
#define SINK_FILLER_SIZE ((size_t)64 << 10)
#define SINK_CODE_MAX	 600
#define SINK_UNASKED	 SMTP_VERB_COUNT /* a 421 of our own, in replies[] */

struct sink_counters {
	uint64_t replies[SMTP_VERB_COUNT + 1][SINK_CODE_MAX];
	uint64_t sessions, over_limit, refused, timed_out, sealed, logins;
	uint64_t accepted, deferred, rejected, unanswered, broken, recipients, octets;
	uint64_t commands, faulty, injections, tls_on_plain, http;
	uint64_t ids_malformed, ids_beyond, store_waits;
	uint64_t ends[LINK_END_COUNT];
	uint64_t tls_failures[SECURE_FAILURE_COUNT];
};

struct sink_worker;
struct sink_session;

struct sink_port {
	struct listener_user user; /* must be first */
	struct sink_worker *worker;
	struct listener *listener;
	const struct sink_listener *plan;
	const struct smtp_server_texts *texts;
};

struct sink_worker {
	struct sink_shared *shared;
	struct transport *transport;
	struct channel_hub hub;
	struct sink_port ports[SINK_LISTENERS_MAX]; /* listener NULL: not this worker's */
	struct slab sessions_slab, out_slab;
	struct sink_session *sessions; /* all that are open */
	uint64_t session_count;
	struct clients clients;
	struct sink_counters counters;
	struct tally tls; /* what was agreed: the sample is struct secure_facts */
	struct hdr *delays[FAULT_RULES_MAX];	  /* by rule, for rules with a delay; NULL: none */
	struct hdr *run_latency[LEDGER_RUNS_MAX]; /* by run of the ledger; made when needed */
	char *filler;		  /* SINK_FILLER_SIZE octets of 'x'; made when needed */
	struct store_port store;  /* open while shared->store is there */
	uint32_t store_waiting;	  /* sessions that do not read until the store has room */
	uint64_t store_under_way; /* messages that the store will give back */
	bool is_stopping;
	/* Kept when the transport goes. */
	struct transport_counters transport_counters;
	uint64_t handshakes_put_off, open_at_end;
};

/*
 * secure may be NULL when no listener needs it. Neither is owned. endpoints, one for each listener
 * of the plan, are where to listen; shares_ports: other workers listen there too. is_first: Unix
 * sockets are this worker's. -1 with *e set.
 */
__attribute__((warn_unused_result)) int
sink_worker_init(struct sink_worker *w, struct sink_shared *shared, struct transport *transport,
		 struct secure *secure, const struct endpoint *endpoints, bool shares_ports,
		 bool is_first, struct err *e);

/*
 * To be called before each transport_turn(): handshakes that were put off, messages that came
 * back from the disk. True when the turn must not wait.
 */
bool sink_worker_turn(struct sink_worker *w, int64_t now_ns);

/*
 * Stops listening; sessions at rest are told 421, those within a message may finish it. Turn on
 * until session_count is 0 or patience ends.
 */
void sink_worker_stop(struct sink_worker *w);

/* Resets what is still open; a few more turns bring session_count to 0. */
void sink_worker_abort(struct sink_worker *w);

/*
 * The last call before the transport is freed: lets go of what is still open, and waits for the
 * messages that the store still has.
 */
void sink_worker_abandon(struct sink_worker *w);

/* Frees the counts as well. */
void sink_worker_fini(struct sink_worker *w);

/* SINK_FILLER_SIZE octets, NULL when memory is exhausted. */
const char *sink_worker_filler(struct sink_worker *w);

#endif
