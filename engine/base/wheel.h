/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wheel.h - a hierarchical timer wheel (64 us a tick)
 *
 * Thousands of deadlines that are set, moved and dropped far more often than they fire; a timer
 * never fires early, and late by less than a tick and the time between two calls of
 * wheel_expire(). One wheel per thread; time comes in as an argument. Timers are intrusive: the
 * owner keeps the memory and must drop a pending timer before freeing it. No allocation. A wheel
 * is never copied or moved: timers and the wheel point to each other.
 */
#ifndef VOLLEY_BASE_WHEEL_H
#define VOLLEY_BASE_WHEEL_H
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#define WHEEL_TICK_NS INT64_C(65536)
#define WHEEL_LEVELS  7
#define WHEEL_SLOTS   64

struct timer {
	struct timer *next, **link; /* link is NULL while the timer is not pending */
	int64_t due_ns;
	/*
	 * Called from wheel_expire() with the timer already dropped: it may be set again, and any
	 * other timer may be set or dropped from within.
	 */
	void (*fire)(struct timer *timer, int64_t now_ns);
};

struct wheel {
	int64_t tick;			 /* the last tick that was expired */
	int64_t now_ns;			 /* the latest time that was passed in */
	int64_t count;			 /* pending timers */
	uint64_t occupied[WHEEL_LEVELS]; /* a bit per slot that may hold timers */
	struct timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
	struct timer *due, **due_tail; /* already due and not yet fired, first in first out */
};

void wheel_init(struct wheel *w, int64_t now_ns);

/*
 * Sets or moves a timer. A due time that is not after the wheel's latest time fires at the next
 * wheel_expire(), also when the timer is set from within fire(); TIME_NEVER drops the timer.
 */
void wheel_set(struct wheel *w, struct timer *timer, int64_t due_ns);

/* Drops a timer; nothing happens when it is not pending. */
void wheel_drop(struct wheel *w, struct timer *timer);

static inline bool timer_is_pending(const struct timer *timer)
{
	return timer->link != NULL;
}

/*
 * Moves on to now_ns and fires what is due, at most limit timers so that one call never holds up a
 * turn; what is left fires at the next call. Returns how many fired.
 */
int wheel_expire(struct wheel *w, int64_t now_ns, int limit);

/*
 * When wheel_expire() has to be called next: never later than the earliest due time rounded up
 * to a tick, possibly earlier (a cascade); TIME_NEVER when nothing is pending.
 */
int64_t wheel_next_ns(const struct wheel *w);

#endif
