/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * governor.h - may it go, and if not, when: everything that holds one path back
 *
 * A path is one source towards one target, with the account that is used there. Its governor knows
 * the profile's limits (limits.h, shared by all threads and by all paths of the same provider),
 * adaptive control (adapt.h), the breaker (backoff.h), and what the profile's rules say about
 * replies (rules.h). The sender asks before it connects and before each message, and tells what
 * came of it. What it waits for is always named, so that a person can see which limit binds.
 *
 * A governor is shared by all workers: its functions take a lock of the path where limits alone
 * do not decide, and may be called by any thread.
 */
#ifndef VOLLEY_PACE_GOVERNOR_H
#define VOLLEY_PACE_GOVERNOR_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "pace/limits.h"
#include "profile/profile.h"
#include "profile/rules.h"
#include "terms/phase.h"

struct governor_params {
	const struct profile *profile; /* NULL: none, adaptive control alone */
	const struct rules *rules;     /* of the profile, or of the base profile; NULL: none */
	struct limits *limits;	       /* the process's table */
	uint32_t scale;		       /* 1: as written */
	bool does_adapt;
	uint64_t source_key, site_key, account_key; /* hashes; account_key 0: no login */
	uint32_t sessions;			    /* that the run may open on this path */
	uint64_t seed;
};

struct governor;

struct governor *governor_new(const struct governor_params *p, int64_t now_ns, struct err *e);
void governor_free(struct governor *g);

/* What holds it back: for live view, result and log. */
enum governor_hold {
	HOLD_NOTHING,
	HOLD_LIMIT,	  /* a limit of the profile: index in profile->limits */
	HOLD_RATE,	  /* adaptive control */
	HOLD_CONNECTIONS, /* adaptive control */
	HOLD_PAUSE,	  /* a reply asked for it, or failures in a row */
};

struct governor_wait {
	int64_t when_ns; /* worth asking again; TIME_NEVER: when a connection of the path closes */
	enum governor_hold hold;
	int limit; /* HOLD_LIMIT; -1 */
};

/* Takes a connection: at once and per time. False: *ret_wait. Give back by governor_closed(). */
bool governor_may_connect(struct governor *g, int64_t now_ns, struct governor_wait *ret_wait);

/*
 * Takes a message of so many recipients and octets, sent on a connection that has carried
 * sent_before messages; sender_key: hash of the reverse path's domain. False: *ret_wait.
 */
bool governor_may_send(struct governor *g, uint32_t recipients, uint64_t octets,
		       uint64_t sender_key, int64_t now_ns, struct governor_wait *ret_wait);

/* True when a connection that has carried so many messages must end before the next. */
bool governor_is_used_up(const struct governor *g, uint64_t sent_on_connection);

/* At most so many recipients in a message; 0: no limit. */
uint32_t governor_recipients_max(const struct governor *g);

/* What a reply has the session do; the path's own reaction has happened inside. */
enum governor_order {
	ORDER_NONE,
	ORDER_CLOSE /* end this connection */,
	ORDER_ABORT /* the run */
};

/*
 * Each reply that is not 2xx or 3xx, and each final reply. reader: the thread's own, of the same
 * rules. *ret_verdict is what it was taken for.
 */
enum governor_order governor_reply(struct governor *g, struct rules_reader *reader,
				   const struct reply *reply, enum phase phase, int64_t now_ns,
				   struct verdict *ret_verdict);

void governor_connected(struct governor *g, int64_t now_ns);
/* A message got its final 2xx. */
void governor_accepted(struct governor *g, int64_t now_ns);
/*
 * A connection of may_connect() is over. had_reply: it ended by QUIT, or a reply announced it;
 * false: it broke or was closed without a word, which is counted as its own kind.
 */
void governor_closed(struct governor *g, bool had_reply, bool was_greeted, int64_t now_ns);

/* For the result: counted since the start. */
struct governor_facts {
	uint64_t throttled, dropped; /* replies that asked for less; closed without a word */
	uint64_t pauses, cuts;
	uint64_t waited_ns[5]; /* by enum governor_hold, summed over what asked */
	uint64_t rate_micro;   /* that adaptive control stands at; 0: none */
	uint32_t connections;  /* open, as the governor counts */
	uint32_t connections_allowed;
	uint64_t rate_refused_micro;
	uint32_t connections_refused;
};
void governor_facts(struct governor *g, int64_t now_ns, struct governor_facts *ret_facts);

#endif
