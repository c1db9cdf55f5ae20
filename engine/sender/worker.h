/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.h - one thread's share of a run: its sessions, its histograms
 *
 * A worker has no thread of its own: run.c calls it in a loop on a real ring, the simulator steps
 * it on a virtual clock. The loop is: until = worker_step(w, now); transport_turn(t, until).
 */
#ifndef VOLLEY_SENDER_WORKER_H
#define VOLLEY_SENDER_WORKER_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/slab.h"
#include "pace/gcra.h"
#include "sender/record.h"
#include "sender/session.h"
#include "sender/supply.h"

struct outcome_log;
struct pacing;
struct worker_pace;

/* What all workers of a run share. */
struct worker_shared {
	const struct sender_plan *plan;
	struct supply supply;
	struct gcra connect_rate;
	_Atomic int connects_in_flight;
	_Atomic uint64_t ready_ever;	 /* sessions that became ready, all told */
	_Atomic uint64_t failed_ever;	 /* attempts that failed before they were ready */
	_Atomic uint32_t swaps_wanted;	 /* raised when the control thread wants the records */
	_Atomic uint64_t targets_failed; /* a bit for each target at which an attempt has failed */
	_Atomic bool is_unreachable;	 /* nothing answers, or trying again is useless */
	struct outcome_log *log;	 /* NULL: no --log */
	_Atomic uint64_t connections;	 /* that were begun, for the log's numbers */
	struct pacing *pacing;		 /* NULL: the run is not paced */
	int64_t wall_offset_ns;		 /* wall clock minus monotonic clock */
	void (*wake_all)(struct worker_shared *self);
};

/* A list of sessions in one state, first in, first out. */
struct session_list {
	struct session *first, **end;
	int count;
};

/* What the control thread may read at any time; a second old at most. */
struct worker_gauges {
	_Atomic uint32_t sessions[SESSION_STATE_COUNT];
	_Atomic uint32_t
		open; /* ready, thinking or sending: one figure, so that it is of one moment */
	_Atomic uint32_t securing, logging_in;
};

enum worker_stage { WORKER_RUNNING, WORKER_DRAINING, WORKER_QUITTING, WORKER_DONE };

struct worker {
	struct worker_shared *shared;
	const struct sender_plan *plan;
	struct talk_hub hub;
	struct mail_press press;
	struct slab jobs;
	struct talk_target targets[PLAN_TARGETS_MAX];
	struct session *sessions;
	int session_count, first_session; /* numbers first .. first + count - 1 */
	struct session_list closed, idle; /* paced: empty, each path has its own */
	struct worker_pace *pace;	  /* NULL: the run is not paced */
	uint32_t state_counts[SESSION_STATE_COUNT];
	int live;	     /* sessions not OVER */
	int open, open_peak; /* sessions that are ready, thinking or sending */
	enum worker_stage stage;
	int64_t stage_ns;			  /* when it began */
	uint32_t swaps_seen;			  /* of swaps_wanted */
	int64_t last_over_ns;			  /* when the last measured message was over */
	int64_t measure_begin_ns, measure_end_ns; /* copies of the supply's */
	struct record records[2];
	struct record *record;		    /* the one that is written */
	_Atomic(struct record *) published; /* the other, for the control thread; it stores NULL */
	struct worker_gauges gauges;
	_Atomic bool is_done;
	int id;		    /* from 0 */
	int64_t own_end_ns; /* drain: when what is left is aborted */
};

/*
 * t and s are this thread's and are lent until worker_fini(). The worker's share of the sessions
 * is [first, first + count).
 */
int worker_init(struct worker *w, struct worker_shared *shared, int id, int first, int count,
		struct transport *t, struct secure *s, struct err *e);
void worker_fini(struct worker *w);

/* Does what is due. Returns when it wants to be called again at the latest. */
int64_t worker_step(struct worker *w, int64_t now_ns);

/* Ends what is under way at once: after a second interrupt. Sessions close within the next turns.
 */
void worker_abort(struct worker *w);

/* For worker_pace.c. */
void worker_list_init(struct session_list *l);
void worker_settle(struct session *s, int64_t at_ns); /* it stands, has failed, or must wait */
void worker_open(struct session *s, int64_t now_ns);  /* its is_connecting is set */
void worker_drain_begin(struct worker *w, int64_t now_ns);

/* For sessions. */
void worker_set_state(struct session *s, enum session_state state);
void worker_ready(struct session *s, int64_t at_ns); /* give it a message, or let it idle */
/* is_counted: a failure belongs to the measured part. */
void worker_closed(struct session *s, int64_t at_ns, const struct talk_failure *failure,
		   bool is_counted);
/*
 * What happens to a session outside of messages counts from the first connect to the last QUIT, so
 * that each session has one of each; but a warm-up does not count.
 */
bool worker_counts_at(const struct worker *w, int64_t at_ns);
/* Copies begin and end of the measured part from the supply, as soon as they are known. */
void worker_learn_times(struct worker *w);
/* A phase of connecting is over: it may not count as a connect in flight any more. */
void worker_connected(struct session *s, enum phase phase);
/* A message is over; failure: NULL, or why the session broke under it. */
void worker_over(struct session *s, int64_t at_ns, const struct smtp_outcome *outcome,
		 const struct talk_failure *failure);

#endif
