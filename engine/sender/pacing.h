/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pacing.h - the paths of a run, their governors, and what held them back
 *
 * A path is a target and a source. One for the process, shared by all workers; there is none when
 * neither a profile nor adaptive control is used. What workers wait for may become free on another
 * thread: a worker that waits without a time of its own is counted as blocked, and who gives
 * something back wakes all when somebody is.
 */
#ifndef VOLLEY_SENDER_PACING_H
#define VOLLEY_SENDER_PACING_H
#include <pthread.h>
#include <stdatomic.h>
#include "pace/governor.h"
#include "result/run.h"
#include "sender/plan.h"

/* What can hold a path back, as an index: an enum governor_hold, then the profile's limits. */
#define PACING_HOLDS (HOLD_COUNT + PROFILE_LIMITS_MAX)

struct pacing_path {
	struct governor *governor; /* NULL: nothing holds this one back */
	uint32_t target;	   /* index in the plan */
	uint64_t source_key, site_key, account_key;
};

/* The paths to one target, together. */
struct pacing_target {
	_Atomic uint64_t held_ns[PACING_HOLDS]; /* added up over paths and workers */
	_Atomic int held_by;			/* index; -1: nothing, as of the last change */
	_Atomic int64_t held_until_ns;		/* a long wait for a limit or a pause ends then */
	_Atomic int users;			/* paths times the workers that use them */
};

struct pacing {
	const struct sender_plan *plan;
	struct limits *limits;
	struct pacing_path *paths;
	uint32_t path_count;
	struct pacing_target targets[PLAN_TARGETS_MAX];
	_Atomic uint64_t freed;	 /* raised when something was given back */
	_Atomic uint64_t paused; /* raised when a path was told to pause */
	_Atomic int blocked;	 /* paths of workers that wait without a time */
	_Atomic bool is_aborted; /* a reply ended the run */
	pthread_mutex_t lock;	 /* of what follows */
	char aborted_because[RUN_NOTE_MAX];
};

/*
 * Makes the paths of a plan that is paced. The plan is lent. wall_offset_ns: wall clock minus
 * monotonic clock. NULL with *e: no memory, or more paths than the table of limits holds.
 */
struct pacing *pacing_new(const struct sender_plan *plan, int64_t wall_offset_ns, int64_t now_ns,
			  struct err *e);
void pacing_free(struct pacing *p);

/* The path of a session. */
static inline struct pacing_path *pacing_path_of(const struct pacing *p, uint32_t session)
{
	return &p->paths[session % p->path_count];
}

/* Index of what a wait is for. */
int pacing_hold_of(const struct governor_wait *wait);

/* All paths of the same source, site or account as this one pause too. */
void pacing_spread_pause(struct pacing *p, const struct pacing_path *path,
			 const struct governor_reaction *reaction, int64_t now_ns);

/* A reply that ends the run: keeps the first one's words. */
void pacing_abort(struct pacing *p, const struct pacing_path *path, const struct verdict *verdict,
		  const struct reply *reply);

/* The name of what holds back at this moment, "hourly"; NULL: nothing does. */
const char *pacing_held_now(struct pacing *p);

/* A long wait that the pace asks for ends then; 0: there is none. */
int64_t pacing_held_until_ns(struct pacing *p);

/* Fills in d->pace. measured_ns: what the shares of time are of. False: no memory. */
bool pacing_fill(struct pacing *p, int64_t measured_ns, int64_t now_ns, struct run_document *d);

#endif
