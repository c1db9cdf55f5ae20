/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt.h - finds a limit that nobody published, and stays below it
 *
 * Two dials for one path (source x site): the rate of messages and the number of connections. Each
 * has bounds, is cut at once when a reply says that it was too much, at most once per reaction
 * time, and is raised by small steps while it is quiet. Which dial a refusal turns is said by the
 * reply (its rule's dial); where the reply does not say, by where it was said: before MAIL it was
 * the connections, later the rate. A dial remembers where it was refused last: it comes back near
 * that value quickly, then feels its way past it.
 *
 * Pure; one owner at a time; time is an argument.
 */
#ifndef VOLLEY_PACE_ADAPT_H
#define VOLLEY_PACE_ADAPT_H
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "terms/class.h"

struct adapt_params {
	uint64_t rate_low, rate_high, rate_first; /* micro-messages a second (as arrival.h) */
	uint32_t connections_low, connections_high, connections_first;
	int64_t interval_ns; /* reaction time: at most one cut and one raise per dial in it; the
				time of a window where one is known. Scaled by the caller */
};

/* What is told about a message or a connection. */
enum adapt_news {
	ADAPT_CONNECTED, /* a connection was greeted */
	ADAPT_ACCEPTED,	 /* a message */
	ADAPT_REFUSED,	 /* a reply that asks for less: dial says of what */
	ADAPT_DROPPED,	 /* closed without a reply where one was due */
};

struct adapt; /* defined in adapt.c: kept by pointer, one per path */

struct adapt *adapt_new(const struct adapt_params *p, int64_t now_ns);
void adapt_free(struct adapt *a);

/*
 * dial: of the reply's rule; DIAL_NONE where it does not say. is_before_mail: where it was said.
 * connections: open on this path at that time.
 */
void adapt_tell(struct adapt *a, enum adapt_news news, enum pace_dial dial, bool is_before_mail,
		uint32_t connections, int64_t now_ns);

/* May a message go now? Takes it. False: *ret_when_ns says from when on. */
bool adapt_take(struct adapt *a, int64_t now_ns, int64_t *ret_when_ns);

/* How many connections may be open now. Moves with time: ask at each step. */
uint32_t adapt_connections(struct adapt *a, int64_t now_ns);

/* What stands now, for reports: micro-messages a second. */
uint64_t adapt_rate(const struct adapt *a);

/* Where a dial was last refused; 0: never. What a run has learned. */
uint64_t adapt_rate_refused(const struct adapt *a);
uint32_t adapt_connections_refused(const struct adapt *a);

#endif
