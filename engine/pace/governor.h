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
 * Headroom is kept from rates and from connections at once, which others may share and which the
 * provider counts in its own way. What is counted within one connection or one message is known
 * exactly here, and used in full. A limit per forward path is not kept here: who asks for a path
 * does not know its recipients yet.
 *
 * Durations that are passed in stand as they were written; the governor divides them by the scale.
 * A governor is shared by all workers: its functions may be called by any thread. While nothing
 * but limits decides (no adaptive control, no pause, nothing slowed), none of them takes a lock.
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
	const struct profile *profile; /* NULL: none, adaptive control alone. Lent */
	struct limits *limits;	       /* the process's table. Lent */
	uint32_t scale;		       /* 1: as written */
	bool does_adapt;
	int64_t interval_ns;	/* of adaptive control and of what was slowed; 0: the default */
	int64_t wall_offset_ns; /* wall clock minus monotonic clock, as limits_new() has it */
	uint64_t source_key, site_key, account_key; /* governor_key(); account_key 0: no login */
	uint64_t sender_key;	  /* of the sender's domain, or 0: one budget for all of them */
	uint32_t sessions;	  /* that the run may open on this path */
	uint32_t recipients_most; /* in a message of this run, at least 1 */
	uint64_t octets_most;
	uint64_t seed;
};

#define GOVERNOR_INTERVAL_NS (INT64_C(60) * 1000000000) /* the default, before the scale */

struct governor;

/* NULL with *e: memory is exhausted, or the table of limits is full. */
struct governor *governor_new(const struct governor_params *p, int64_t now_ns, struct err *e);
void governor_free(struct governor *g);

/* A key for a name, never 0: of a source address, a site, an account, a sender's domain. */
uint64_t governor_key(struct span name);

/* The interval that is used for a profile (NULL: none) without a hint, before the scale. */
int64_t governor_interval_ns(const struct profile *profile);

/* What holds it back: for live view, result and log. */
enum governor_hold {
	HOLD_NOTHING,
	HOLD_LIMIT,	  /* a limit of the profile: index in profile->limits */
	HOLD_RATE,	  /* adaptive control */
	HOLD_CONNECTIONS, /* adaptive control, or a path that was told to use fewer */
	HOLD_PAUSE,	  /* a reply asked for it */
	HOLD_REST,	  /* failures in a row */
};
#define HOLD_COUNT (HOLD_REST + 1)

/* "nothing" "limit" "adaptive rate" "adaptive connections" "pause" "rest after failures" */
const char *governor_hold_name(enum governor_hold hold);

struct governor_wait {
	int64_t when_ns; /* worth asking again; TIME_NEVER: when something of the table is given
			    back, or the path's state changes (governor_changes()) */
	enum governor_hold hold;
	int limit; /* HOLD_LIMIT; -1 */
};

/* Takes a connection: at once and per time. False: *ret_wait. Give back by governor_closed(). */
bool governor_may_connect(struct governor *g, int64_t now_ns, struct governor_wait *ret_wait);

/* The connection was not even tried: as if it had not been asked for. */
void governor_not_connected(struct governor *g, int64_t now_ns);

/* What a message is charged with. */
struct governor_charge {
	uint32_t recipients;
	uint64_t octets;
	uint64_t sender_key; /* as in governor_params */
	int64_t taken_ns;    /* the now_ns of governor_may_send(): what is given back is given back
				to that window */
};

/*
 * Takes a message, which may be charged with more than it will turn out to have. False: *ret_wait.
 * Each one that was taken is either given back or told by governor_over().
 */
bool governor_may_send(struct governor *g, const struct governor_charge *most, int64_t now_ns,
		       struct governor_wait *ret_wait);

/* Nothing was sent after all. */
void governor_give_back(struct governor *g, const struct governor_charge *most, int64_t now_ns);

/* The message has turned out smaller than was taken for it. */
void governor_adjust(struct governor *g, const struct governor_charge *most,
		     const struct governor_charge *real);

/* How a message ended. */
enum governor_outcome {
	GOVERNOR_ACCEPTED,  /* by a final 2xx, for one recipient at least */
	GOVERNOR_REFUSED,   /* by a reply that spoke of the message, a recipient, the content */
	GOVERNOR_THROTTLED, /* by one that asked for less: governor_reaction said so */
	GOVERNOR_BROKEN,    /* the connection ended under it */
};
void governor_over(struct governor *g, const struct governor_charge *real,
		   enum governor_outcome outcome, int64_t now_ns);

/* Whether a connection that is ready for its next message is to be kept. */
enum governor_keep {
	GOVERNOR_KEEP,
	GOVERNOR_USED_UP, /* it has carried as many messages as one may */
	GOVERNOR_PAUSED,  /* a path that pauses has no connection */
	GOVERNOR_SURPLUS, /* more are open than may be; tell governor_closed() so */
};
enum governor_keep governor_keep(struct governor *g, uint64_t sent_on_connection, int64_t now_ns);

/* Lock-free: true while the path pauses, or rests after failures. */
bool governor_is_paused(const struct governor *g, int64_t now_ns);

/* At most so many recipients in a message; 0: no limit. */
uint32_t governor_recipients_max(const struct governor *g);

/* What a reply has the session do; the path's own reaction has happened inside. */
enum governor_order {
	ORDER_NONE,
	ORDER_CLOSE /* end this connection */,
	ORDER_ABORT /* the run */
};

struct governor_reaction {
	enum governor_order order;
	bool asked_less;
	int64_t pause_ns;	/* scaled; > 0: whoever has the same scope is to pause as well */
	enum reply_scope scope; /* of the pause: SOURCE, SITE, ACCOUNT or SENDER */
};

/*
 * Each reply that is not 2xx or 3xx, as it comes. reader: the thread's own, of the rules for this
 * path. sent_on_connection: messages that were over before on that connection. *ret_verdict is
 * what it was taken for.
 */
struct governor_reaction governor_reply(struct governor *g, struct rules_reader *reader,
					const struct reply *reply, enum phase phase,
					uint64_t sent_on_connection, int64_t now_ns,
					struct verdict *ret_verdict);

/* A pause that was asked for on another path of the same scope; pause_ns is scaled. */
void governor_pause(struct governor *g, int64_t pause_ns, int64_t now_ns);

/* The server has greeted with 2xx. */
void governor_connected(struct governor *g, int64_t now_ns);

enum governor_end {
	GOVERNOR_QUIT,	  /* in order, or by ourselves */
	GOVERNOR_REPLIED, /* a reply announced it (421, a refused greeting) */
	GOVERNOR_DROPPED, /* refused, broken, late or closed without a word: counted as its own */
	GOVERNOR_FAILED,  /* TLS or protocol: the pace had no part in it */
	GOVERNOR_LOCAL,	  /* ports, descriptors, memory: nothing of the server's */
};

struct governor_closing {
	enum governor_end end;
	bool was_greeted;
	bool was_sending;    /* a message was under way */
	bool is_before_mail; /* GOVERNOR_DROPPED: it struck before MAIL */
	bool was_surplus;    /* governor_keep() had said so */
};

/* A connection of governor_may_connect() is over. */
void governor_closed(struct governor *g, const struct governor_closing *closing, int64_t now_ns);

/*
 * Raised whenever one who waits with TIME_NEVER may have better luck on this path: a pause ended
 * by its probe, a dial was turned up. Lock-free.
 */
uint32_t governor_changes(const struct governor *g);

/* For the result: counted since the start. */
struct governor_facts {
	uint64_t throttled, dropped; /* replies that asked for less; closed without a word */
	uint64_t pauses, rests, cuts;
	uint64_t rate_micro; /* that adaptive control stands at; 0: none */
	uint64_t rate_refused_micro;
	uint32_t connections, connections_peak; /* open, as the governor counts */
	uint32_t connections_allowed;		/* 0: no limit known */
	uint32_t connections_refused;
	uint64_t messages_per_connection; /* that are used; 0: no limit */
};
void governor_facts(struct governor *g, int64_t now_ns, struct governor_facts *ret_facts);

#endif
