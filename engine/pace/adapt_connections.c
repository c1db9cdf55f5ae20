/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_connections.c - the dial of connections: finds how many a path may have open at once
 *
 * An integer, and a refusal says it nearly outright: what was open without the refused one was
 * not too many. So the first refusal finds the limit, and what is left to do is to stay there, to
 * notice when it moves, and to pay little for that.
 *
 * - Before the first refusal the dial grows by a quarter at a time, so that no more than a fifth
 *   of what is opened can be refused at once.
 * - Refusals that come together are one: those connections were all under way before the first
 *   was told. The dial follows them down to what is left open, but not below half, since
 *   connections close for other reasons too. When the next ones come one by one, each cut is twice
 *   the last: the limit has dropped far.
 * - One more is tried after a quiet time and a number of messages, which bounds the share of
 *   refusals. Each failure doubles the quiet time up to a bound; a raise that lasts makes it short
 *   again and doubles the next raise, so that a limit that rose is followed in a few steps.
 * - It grows only while as many are open as it allows.
 *
 * A feedback that takes every connection that opens for a reason to open another, as mail servers
 * use, is refused in proportion to what is delivered; this one at a rate that falls to one
 * in a quiet time, whatever is delivered.
 */
#include "base/clock.h"
#include "pace/adapt_connections.h"

#define CLUSTER_SHARE	 256 /* of the interval: refusals that belong together */
#define CLUSTER_LEAST_NS (20 * NS_PER_MS)
#define QUIET_SHARE	 8   /* of the interval: before one more is tried */
#define FAILS_MAX	 3   /* doublings of the quiet time: up to the interval */
#define QUIET_MESSAGES	 150 /* accepted before one more is tried: less than 1 % refused */
#define DROPS_MAX	 3

static uint32_t at_least(uint32_t value, uint32_t least)
{
	return value < least ? least : value;
}

static uint32_t at_most(uint32_t value, uint32_t most)
{
	return value > most ? most : value;
}

void connection_dial_init(struct connection_dial *d, uint32_t low, uint32_t high, uint32_t first,
			  int64_t interval_ns, int64_t now_ns)
{
	*d = (struct connection_dial){
		.low = low,
		.high = high,
		.interval_ns = interval_ns,
		.dial = first,
		.held = low,
		.raise = 1,
		.cut = 1,
		.changed_ns = now_ns,
		.cluster_ns = -1,
	};
}

static int64_t cluster_time(const struct connection_dial *d)
{
	int64_t time = d->interval_ns / CLUSTER_SHARE;

	return time < CLUSTER_LEAST_NS ? CLUSTER_LEAST_NS : time;
}

static int64_t quiet_time(const struct connection_dial *d)
{
	return d->interval_ns / QUIET_SHARE << at_most(d->fails, FAILS_MAX);
}

static void set_dial(struct connection_dial *d, uint32_t to, int64_t now_ns)
{
	d->dial = at_most(at_least(to, d->low), d->high);
	d->changed_ns = now_ns;
	d->is_bound = false;
}

static void advance(struct connection_dial *d, int64_t now_ns)
{
	int64_t lasted_ns = now_ns - d->changed_ns;

	if (!d->is_bound || d->dial >= d->high || lasted_ns < cluster_time(d))
		return;
	if (d->refused == 0) {
		d->held = d->dial;
		set_dial(d, d->dial + at_least(d->dial / 4, 1), now_ns);
		return;
	}
	if (d->is_raised) {
		d->is_raised = false;
		d->fails = 0;
		d->cut = 1;
		d->raise = at_most(d->raise * 2, at_least(d->dial / 2, 1));
	}
	if (lasted_ns < quiet_time(d) || d->accepted < QUIET_MESSAGES)
		return;
	d->held = d->dial;
	set_dial(d, d->dial + d->raise, now_ns);
	d->is_raised = true;
}

uint32_t connection_dial_allowed(struct connection_dial *d, int64_t now_ns)
{
	advance(d, now_ns);
	return d->dial;
}

void connection_dial_connected(struct connection_dial *d, uint32_t open, int64_t now_ns)
{
	d->drops = 0;
	d->is_bound |= open >= d->dial;
	advance(d, now_ns);
}

void connection_dial_accepted(struct connection_dial *d, uint32_t open)
{
	d->drops = 0;
	d->accepted++;
	d->is_bound |= open >= d->dial;
}

void connection_dial_refused(struct connection_dial *d, uint32_t open, int64_t now_ns)
{
	uint32_t below = open > 0 ? open - 1 : 0, to;

	d->drops = 0;
	d->refused = at_least(open, 1);
	d->accepted = 0;
	if (d->cluster_ns >= 0 && now_ns - d->cluster_ns < cluster_time(d)) {
		if (at_least(below, d->floor) < d->dial)
			set_dial(d, at_least(below, d->floor), now_ns);
		return;
	}
	d->cluster_ns = now_ns;
	d->floor = at_least(d->dial / 2, d->low);
	if (d->is_raised) {
		d->fails++;
		to = at_most(d->held, below);
	} else {
		to = at_most(d->dial > d->cut ? d->dial - d->cut : d->low, below);
		d->cut = at_most(d->cut * 2, at_least(d->dial / 4, 1));
	}
	d->is_raised = false;
	d->raise = 1;
	set_dial(d, at_least(to, d->floor), now_ns);
}

void connection_dial_dropped(struct connection_dial *d, uint32_t open, int64_t now_ns)
{
	if (++d->drops >= DROPS_MAX)
		connection_dial_refused(d, open, now_ns);
}
