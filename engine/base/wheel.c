/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * wheel.c - a hierarchical timer wheel
 *
 * A due tick is placed by the highest group of six bits in which it differs from the current
 * tick: level 0 holds the rest of the current 64 ticks, level 1 the rest of the current 4096, and
 * so on. Hence the lowest occupied level holds what comes next, and its first occupied slot is
 * found by one bit operation: time that passes idle costs nothing per tick. Reaching a slot above
 * level 0 spreads its timers over the levels below. The top level alone wraps around; a due time
 * beyond its reach (about nine years) waits in its furthest slot and is placed anew from there.
 *
 * What has become due stands in a queue of its own, first in first out. It outlives a call that
 * reached its limit, and takes timers that are set when they are already due. A marker put at its
 * end before firing starts keeps such timers, set from within fire(), for the next call.
 */
#include "base/wheel.h"
#include "base/check.h"
#include "base/clock.h"

#define SLOT_BITS  6
#define TICK_SHIFT 16
#define LEVEL_TOP  (WHEEL_LEVELS - 1)

_Static_assert(INT64_C(1) << TICK_SHIFT == WHEEL_TICK_NS, "ticks are shifts");
_Static_assert(1 << SLOT_BITS == WHEEL_SLOTS, "a slot's number has SLOT_BITS bits");

/* Right shifts of negative numbers round down with the compilers that this project takes. */
static int64_t tick_floor(int64_t ns)
{
	return ns >> TICK_SHIFT;
}

static int64_t tick_ceil(int64_t ns)
{
	return (ns >> TICK_SHIFT) + ((ns & (WHEEL_TICK_NS - 1)) != 0);
}

static int slot_of(int64_t tick, int level)
{
	return (int)(tick >> (level * SLOT_BITS)) & (WHEEL_SLOTS - 1);
}

static void due_append(struct wheel *w, struct timer *timer)
{
	timer->next = NULL;
	timer->link = w->due_tail;
	*w->due_tail = timer;
	w->due_tail = &timer->next;
}

static void place(struct wheel *w, struct timer *timer)
{
	int64_t due = tick_ceil(timer->due_ns);
	struct timer **head;
	int level, slot;

	/* Within the current tick, too, what has passed has passed. */
	if (due <= w->tick || timer->due_ns <= w->now_ns) {
		due_append(w, timer);
		return;
	}
	level = (63 - __builtin_clzll((uint64_t)due ^ (uint64_t)w->tick)) / SLOT_BITS;
	if (level >= LEVEL_TOP) {
		int64_t ahead =
			(due >> (LEVEL_TOP * SLOT_BITS)) - (w->tick >> (LEVEL_TOP * SLOT_BITS));

		level = LEVEL_TOP;
		if (ahead >= WHEEL_SLOTS)
			ahead = WHEEL_SLOTS - 1;
		slot = (slot_of(w->tick, level) + (int)ahead) & (WHEEL_SLOTS - 1);
	} else {
		slot = slot_of(due, level);
	}
	head = &w->slots[level][slot];
	timer->next = *head;
	timer->link = head;
	if (timer->next)
		timer->next->link = &timer->next;
	*head = timer;
	w->occupied[level] |= UINT64_C(1) << slot;
}

/* Takes a timer out of the list it is in, be it a slot's or the queue of what is due. */
static void unlink_timer(struct wheel *w, struct timer *timer)
{
	*timer->link = timer->next;
	if (timer->next) {
		timer->next->link = timer->link;
	} else if (w->due_tail == &timer->next) {
		w->due_tail = timer->link;
	} else {
		/* The last of a slot: clear its bit, so that nobody wakes up for an empty slot. */
		uintptr_t offset = (uintptr_t)timer->link - (uintptr_t)&w->slots[0][0];

		if (offset < sizeof(w->slots)) {
			size_t index = offset / sizeof(w->slots[0][0]);

			w->occupied[index / WHEEL_SLOTS] &= ~(UINT64_C(1) << (index % WHEEL_SLOTS));
		}
	}
	timer->link = NULL;
}

/*
 * The first tick after the current one at which a slot has to be emptied, with the place of that
 * slot; false when all slots are empty.
 */
static bool next_slot(const struct wheel *w, int64_t *ret_tick, int *ret_level, int *ret_slot)
{
	int level = 0, slot, shift;

	while (level < WHEEL_LEVELS && w->occupied[level] == 0)
		level++;
	if (level == WHEEL_LEVELS)
		return false;
	shift = level * SLOT_BITS;
	if (level == LEVEL_TOP) {
		int here = slot_of(w->tick, level);
		uint64_t bits = w->occupied[level];
		/* Rotated so that bit 0 stands for the slot after the current one. */
		int first = (here + 1) & (WHEEL_SLOTS - 1);
		int ahead;

		if (first > 0)
			bits = (bits >> first) | (bits << (WHEEL_SLOTS - first));
		ahead = 1 + __builtin_ctzll(bits);
		slot = (here + ahead) & (WHEEL_SLOTS - 1);
		*ret_tick = ((w->tick >> shift) + ahead) * (INT64_C(1) << shift);
	} else {
		/* Below the top no slot lies behind the current one: the first bit is the next. */
		slot = __builtin_ctzll(w->occupied[level]);
		*ret_tick = (w->tick & ~((INT64_C(1) << (shift + SLOT_BITS)) - 1)) +
			    ((int64_t)slot << shift);
	}
	*ret_level = level;
	*ret_slot = slot;
	return true;
}

/* Moves the wheel on to now_tick; what becomes due on the way joins the queue in order. */
static void advance(struct wheel *w, int64_t now_tick)
{
	int64_t tick;
	int level, slot;

	if (now_tick <= w->tick)
		return;
	while (next_slot(w, &tick, &level, &slot) && tick <= now_tick) {
		struct timer *timer = w->slots[level][slot];

		w->slots[level][slot] = NULL;
		w->occupied[level] &= ~(UINT64_C(1) << slot);
		w->tick = tick;
		while (timer) {
			struct timer *next = timer->next;

			place(w, timer);
			timer = next;
		}
	}
	w->tick = now_tick;
}

void wheel_init(struct wheel *w, int64_t now_ns)
{
	*w = (struct wheel){.tick = tick_floor(now_ns), .now_ns = now_ns};
	w->due_tail = &w->due;
}

void wheel_set(struct wheel *w, struct timer *timer, int64_t due_ns)
{
	wheel_drop(w, timer);
	timer->due_ns = due_ns;
	if (due_ns == TIME_NEVER)
		return;
	place(w, timer);
	w->count++;
}

void wheel_drop(struct wheel *w, struct timer *timer)
{
	if (!timer_is_pending(timer))
		return;
	unlink_timer(w, timer);
	w->count--;
}

int wheel_expire(struct wheel *w, int64_t now_ns, int limit)
{
	struct timer marker = {.due_ns = now_ns};
	int fired = 0;

	advance(w, tick_floor(now_ns));
	if (now_ns > w->now_ns)
		w->now_ns = now_ns;
	if (!w->due)
		return 0;
	due_append(w, &marker);
	while (w->due != &marker && fired < limit) {
		struct timer *timer = w->due;

		unlink_timer(w, timer);
		w->count--;
		fired++;
		timer->fire(timer, now_ns);
	}
	unlink_timer(w, &marker);
	return fired;
}

int64_t wheel_next_ns(const struct wheel *w)
{
	int64_t tick;
	int level, slot;

	if (w->due)
		return w->tick * WHEEL_TICK_NS;
	if (!next_slot(w, &tick, &level, &slot))
		return TIME_NEVER;
	/* The last tick before the end of time rounds up beyond it. */
	return tick > TIME_NEVER >> TICK_SHIFT ? TIME_NEVER - 1 : tick * WHEEL_TICK_NS;
}
