/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt.h - finds a limit that nobody published, and stays below it
 *
 * Two dials for one path (source x site): the rate of messages and the number of connections. Each
 * has bounds, is cut at once when a reply says that it was too much, and is raised by small steps
 * while it is what holds the sender back. Which dial a refusal turns is said by the reply (its
 * rule's dial); where the reply does not say, by where it was said: before MAIL it was the
 * connections, later the rate. A dial remembers where it was refused last: it comes back near that
 * value quickly, then feels its way past it.
 *
 * Neither the size of the limit nor the length or kind of its window need be known: see
 * adapt_rate.c. Less than 2 % of the replies ask for less once a limit is found.
 *
 * Pure; one owner at a time; time is an argument.
 */
#ifndef VOLLEY_PACE_ADAPT_H
#define VOLLEY_PACE_ADAPT_H
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "terms/class.h"

#define ADAPT_RATE_MAX UINT64_C(10000000000000) /* 10,000,000 messages a second */

/* 0 < low <= first <= high for both; rate_high <= ADAPT_RATE_MAX. */
struct adapt_params {
	uint64_t rate_low, rate_high, rate_first; /* micro-messages a second (as arrival.h) */
	uint32_t connections_low, connections_high, connections_first;
	/*
	 * A hint, > 0, scaled by the caller: about how long people wait for a change. The search
	 * doubles no faster than 64 times in it, one more connection is tried at most 8 times in
	 * it, and a probe is never further away than 60 of it. The other end's window is learned.
	 */
	int64_t interval_ns;
};

/* What is told about a message or a connection. */
enum adapt_news {
	ADAPT_CONNECTED, /* a connection was greeted */
	ADAPT_ACCEPTED,	 /* a message */
	ADAPT_REFUSED,	 /* a reply that asks for less: dial says of what */
	ADAPT_DROPPED,	 /* closed without a reply where one was due */
	ADAPT_ENDED,	 /* a message was refused for a reason of its own (recipient, content): its
			    rate was not too high. Better told than not; not for a message of
			    which ADAPT_REFUSED was told */
};

struct adapt; /* defined in adapt.c: kept by pointer, one per path */

/* NULL: memory exhausted. */
struct adapt *adapt_new(const struct adapt_params *p, int64_t now_ns);
void adapt_free(struct adapt *a); /* NULL is allowed */

/*
 * dial: of the reply's rule; DIAL_NONE where it does not say. is_before_mail: where it was said.
 * connections: open on this path at that time, with the one that the news is of.
 */
void adapt_tell(struct adapt *a, enum adapt_news news, enum pace_dial dial, bool is_before_mail,
		uint32_t connections, int64_t now_ns);

/*
 * May a message go now? Takes it. False: *ret_when_ns says from when on it is worth asking again;
 * while the outcome of a probe is awaited, that is soon and may have to be repeated.
 */
bool adapt_take(struct adapt *a, int64_t now_ns, int64_t *ret_when_ns);

/* What adapt_take() let go did not go after all. */
void adapt_give_back(struct adapt *a, int64_t now_ns);

/* How many connections may be open now. Moves with time: ask at each step. */
uint32_t adapt_connections(struct adapt *a, int64_t now_ns);

/* What stands now, for reports: micro-messages a second. */
uint64_t adapt_rate(const struct adapt *a);

/* Where a dial was last refused; 0: never. What a run has learned. */
uint64_t adapt_rate_refused(const struct adapt *a);
uint32_t adapt_connections_refused(const struct adapt *a);

#endif
