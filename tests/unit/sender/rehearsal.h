/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * rehearsal.h - whole runs in virtual time: the sender's workers against the sink's
 *
 * Everything is real but the clock, the network and TLS: the workers of engine/sender as actors of
 * a simulated world, those of engine/sink as others. A test sets the plan, adds what goes wrong,
 * runs, and looks at the records, the sink's counts and the document. What must hold after every
 * run, whatever went wrong, is checked by rehearsal_run() itself.
 */
#ifndef VOLLEY_TESTS_UNIT_SENDER_REHEARSAL_H
#define VOLLEY_TESTS_UNIT_SENDER_REHEARSAL_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "result/run.h"
#include "sender/pacing.h"
#include "sender/plan.h"
#include "sender/worker.h"
#include "sim/sealed.h"
#include "sim/sim.h"
#include "sink/fault.h"
#include "sink/worker.h"

#define MS	    NS_PER_MS
#define US	    NS_PER_US
#define WORKERS_MAX 4
#define SINKS_MAX   2
#define TASKS_MAX   16

struct rehearsal;

struct sender_actor {
	struct sim_actor actor;
	struct rehearsal *r;
	struct worker worker;
	struct transport *transport;
	struct secure *secure;
};

struct sink_actor {
	struct sim_actor actor;
	struct rehearsal *r;
	struct sink_worker worker;
	struct transport *transport;
	struct secure *secure;
};

/* Something that happens to the world while the run goes on. */
struct happening {
	struct sim_task task;
	struct rehearsal *r;
	void (*act)(struct rehearsal *r, int64_t value);
	int64_t value;
};

struct rehearsal {
	/* To be set before rehearsal_run(). */
	struct sender_plan plan;
	struct sink_plan sink_plan;
	struct sim_secure_options sender_tls, sink_tls;
	int sink_threads;
	const char *size; /* of messages; NULL: 1k */
	const char *recipients_per_message;
	bool swaps;	    /* the records are taken every 100 ms, as run.c does each second */
	bool may_lose;	    /* the sink is cut off with messages in it */
	int64_t give_up_ns; /* virtual time after which the run hangs; default an hour */

	/* The world. */
	uint64_t seed;
	struct sim *sim;
	struct sender_actor senders[WORKERS_MAX];
	struct sink_actor sinks[SINKS_MAX];
	struct worker_shared shared;
	struct sink_shared sink_shared;
	struct mail_plan *mail;
	struct happening happenings[TASKS_MAX];
	int happening_count;
	struct sim_task swap_task;
	int64_t begin_ns, over_ns;

	/* What came of it. */
	struct record total;
	struct run_document document;
	char *json; /* the document's */
	size_t json_len;
	struct sink_counters sink;     /* of all its threads */
	uint64_t received, duplicated; /* by the ledger */
	uint64_t left_over;
	int swap_count;
	int connects_peak; /* in flight at one time */
};

/*
 * A rehearsal with defaults: one target at 198.51.100.25 in clear, one worker with 4 sessions,
 * closed loop, 1 ms one way, a sink of one thread without faults.
 */
struct rehearsal *rehearsal_new(uint64_t seed);
void rehearsal_free(struct rehearsal *r);

/* A rule of the sink's, as its --fault has it. */
void rehearsal_fault(struct rehearsal *r, const char *rule);

/* A rule of the network's for connections to an address. */
void rehearsal_rule(struct rehearsal *r, const struct sim_rule *rule, const char *to);

/* A further target; its address need not be the sink's. */
struct plan_target *rehearsal_target(struct rehearsal *r, const char *address);

/* Has something happen at a time after the begin. */
void rehearsal_at(struct rehearsal *r, int64_t after_ns,
		  void (*act)(struct rehearsal *r, int64_t value), int64_t value);
void stall_sinks(struct rehearsal *r, int64_t for_ns); /* SIGSTOP, and SIGCONT later */
void stall_senders(struct rehearsal *r, int64_t for_ns);
void interrupt(struct rehearsal *r, int64_t how_often);	  /* 1: drain, 2: stop now */
void stop_listening(struct rehearsal *r, int64_t unused); /* the sink goes, politely */

/* Runs until all workers have ended, checks what must hold, fills in what came of it. */
void rehearsal_run(struct rehearsal *r);

/* Sums of the total. */
uint64_t outcomes_of(const struct record_counts *c);
const struct run_error *error_of(const struct rehearsal *r, const char *phase, const char *kind);

#endif
