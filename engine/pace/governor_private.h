/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * governor_private.h - what the parts of the governor share
 *
 * governor.c asks and is told, governor_claims.c knows the profile's limits, governor_reply.c
 * reacts to replies. Nobody else includes this.
 */
#ifndef VOLLEY_PACE_GOVERNOR_PRIVATE_H
#define VOLLEY_PACE_GOVERNOR_PRIVATE_H
#include <pthread.h>
#include <stdatomic.h>
#include "base/clock.h"
#include "base/rng.h"
#include "pace/adapt.h"
#include "pace/backoff.h"
#include "pace/governor.h"

#define SHARE_ALL 1000u
/* A message is charged eightfold at most, so that it never waits for ever. */
#define SHARE_LOW 125u

/* One of the profile's limits, for this path. */
struct governor_cell {
	struct limit_cell *cell;
	uint64_t id;
	int limit; /* index in profile->limits */
	enum limit_unit unit;
	bool is_at_once, counts_accepted, is_per_sender;
};

/* A path that comes back from a pause tries one connection, then one message on it. */
enum governor_probe { PROBE_NONE, PROBE_OPENING, PROBE_OPEN, PROBE_SENDING };

/* How often a rule with a trigger was met: the last times, as many as it takes. */
struct governor_trigger {
	struct governor_trigger *next;
	const struct profile_rule *rule;
	uint32_t at, count;
	int64_t times_ns[];
};

struct governor {
	struct governor_params p;
	struct profile_retry retry;
	struct breaker_params rest;
	int64_t interval_ns; /* scaled */
	struct governor_cell connect[PROFILE_LIMITS_MAX], send[PROFILE_LIMITS_MAX];
	int connect_count, send_count;
	uint32_t recipients_max;

	_Atomic uint64_t used_up; /* messages a connection; 0: no limit */
	_Atomic uint32_t open, open_peak, greeted, changes;
	_Atomic bool is_calm; /* limits alone decide: no lock is needed */
	_Atomic int64_t paused_until_ns;
	_Atomic uint64_t throttled, dropped, pauses, rests, cuts;

	pthread_mutex_t lock; /* all that follows */
	struct adapt *adapt;
	struct breaker breaker;
	struct backoff backoff; /* of pauses whose length nobody said */
	struct rng rng;
	enum governor_probe probe;
	enum governor_hold breaker_hold;
	int64_t hold_ns;      /* of the last pause or rest */
	uint32_t share;	      /* of the rate, thousandths */
	uint32_t share_carry; /* what the last charge left over */
	uint32_t cap;	      /* connections; 0: none */
	int64_t cut_ns, raise_ns;
	bool was_cut;
	struct governor_trigger *triggers;
};

/* governor_claims.c */

/* Finds the cells of all limits of the profile. -1 with *e. */
int governor_claims_init(struct governor *g, int64_t now_ns, struct err *e);
bool governor_take_connect(struct governor *g, int64_t now_ns, struct governor_wait *ret_wait);
/* was_tried: what is counted per time stays counted. */
void governor_return_connect(struct governor *g, bool was_tried, int64_t now_ns);
/* times: each charge is taken so often, where the path was told to slow down. */
bool governor_take_send(struct governor *g, const struct governor_charge *c, uint32_t times,
			int64_t now_ns, struct governor_wait *ret_wait);
void governor_return_send(struct governor *g, const struct governor_charge *c);
/* The message is over: what is counted while it is under way, and what counts when accepted. */
void governor_return_over(struct governor *g, const struct governor_charge *c, bool was_refused);
/* The smallest number of connections at once that the profile allows here; 0: no limit. */
uint32_t governor_connections_max(const struct governor *g, int64_t now_ns);
/* The lowest rate of messages that the profile allows, micro-messages a second; 0: no limit. */
uint64_t governor_rate_max(const struct governor *g);

/* governor.c; with the lock held */

/* Connections that may be open now, at least 1. */
uint32_t governor_allowed(struct governor *g, int64_t now_ns);
/* The breaker has opened, for a pause or a rest. */
void governor_opened(struct governor *g, enum governor_hold hold, int64_t now_ns);
/* Something failed that the breaker counts. */
void governor_failed(struct governor *g, int64_t now_ns);
/* Sees whether limits alone decide again. */
void governor_settle(struct governor *g, int64_t now_ns);

#endif
