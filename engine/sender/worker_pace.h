/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker_pace.h - a worker's share of the paths: which may send, which may connect, when
 *
 * Only in runs that are paced; w->pace is NULL in all others, and sessions then have no path.
 * Sessions that are closed and sessions that are idle stand in lists of their path. A path that
 * may not go yet stands in no list that is looked at and has one timer, so that the cost of a step
 * does not grow with what waits.
 *
 * How many connections stand: one is opened for a message that may go now and finds none idle, and
 * at most as many are being opened as stand already (one at first), so that their number doubles
 * in the time that opening takes and stops where messages stop waiting. The idle one that was used
 * last is used next; one that the others left no work for a minute is ended, but never the last.
 * So their number follows the pace without going up and down with it. A run that opens its
 * sessions before the first message (open loop, --idle) opens as many as it may.
 */
#ifndef VOLLEY_SENDER_WORKER_PACE_H
#define VOLLEY_SENDER_WORKER_PACE_H
#include "sender/pacing.h"
#include "sender/worker.h"

/* A list of paths in one condition; each path has a link for each list. */
enum path_list { PATHS_SENDABLE, PATHS_CONNECTABLE, PATHS_BLOCKED };
#define PATH_LISTS (PATHS_BLOCKED + 1)

struct path_link {
	struct worker_path *next, **link; /* link NULL: not in the list */
};

/* What a path waits for before it may send, or connect. */
struct path_hold {
	bool is_held;
	struct governor_wait wait;
};

struct worker_path {
	struct timer timer;
	struct worker *worker;
	struct pacing_path *path;
	struct session_list closed, idle;
	struct path_link links[PATH_LISTS];
	struct path_hold send, connect;
	uint32_t opening, standing; /* sessions */
	uint32_t changes_seen;	    /* of the governor's */
	int binding;		    /* what holds it back: pacing_hold_of(); -1 */
	int64_t binding_ns;	    /* since when */
	int64_t free_ns;	    /* when it was last free to send again */
	bool is_used, is_settled;
};

struct worker_pace {
	struct pacing *pacing;
	struct worker_path *paths;
	struct worker_path *first[PATH_LISTS], **end[PATH_LISTS];
	struct rules_reader *readers[PLAN_TARGETS_MAX]; /* targets with the same rules share one */
	struct governor_charge most;			/* what a message is charged at first */
	uint64_t freed_seen, paused_seen;
	int64_t now_ns;	    /* the latest time that was heard */
	bool does_open_all; /* sessions are opened without a message for them */
	bool is_over;	    /* the run drains: nothing is to be held any more */
};

/* Time goes on: what is put right from now on happened then. */
static inline void worker_pace_hear(struct worker_pace *wp, int64_t at_ns)
{
	if (at_ns > wp->now_ns)
		wp->now_ns = at_ns;
}

/* Makes w->pace; shared->pacing is set. -1 with *e. */
int worker_pace_init(struct worker *w, struct err *e);
void worker_pace_fini(struct worker *w);

/* For worker.c. */
struct session_list *worker_pace_list(struct session *s, enum session_state state);
void worker_pace_moved(struct session *s, enum session_state old, enum session_state state);
void worker_pace_ready(struct session *s, int64_t at_ns);
void worker_pace_step(struct worker *w, int64_t now_ns, int64_t *until_ns);
void worker_pace_last(struct worker *w, int64_t now_ns);
/* The run is over: idle sessions are ended; all waiting ends, and what is closed stays so. */
void worker_pace_drain(struct worker *w, int64_t now_ns);
void worker_pace_end(struct worker *w);
/* worker_news.c */
/* Something was given back that others may wait for, on this thread or on another. */
void worker_pace_freed(struct worker *w);
void worker_pace_over(struct session *s, const struct smtp_outcome *outcome, int64_t at_ns);
void worker_pace_closed(struct session *s, const struct talk_failure *failure, int64_t at_ns);

/* For session.c; the first one in worker_news.c. */
void worker_pace_step_heard(struct session *s, const struct talk_event *ev);
void worker_pace_started(struct session *s, int64_t now_ns);
void worker_pace_not_started(struct session *s, int64_t now_ns);
bool worker_pace_keeps(struct session *s, int64_t now_ns);
int64_t worker_pace_free_ns(const struct session *s);
/* The timer of an idle session: it has had nothing to do for a minute. */
void worker_pace_idle_over(struct session *s, int64_t now_ns);

#endif
