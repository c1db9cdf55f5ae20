/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * window.c - how much was taken of a limit, for each kind of window
 *
 * All arithmetic is on whole numbers and rounds towards taking less: no limit is passed by
 * rounding.
 */
#include <string.h>
#include "base/clock.h"
#include "pace/window.h"

__extension__ typedef unsigned __int128 wide;

/* A nanosecond as a window_time. */
#define TIME_NS ((window_time)1 << 32)

/* Far enough from the ends of an int64_t that sums of a few such times do not overflow: 36 years.
 */
#define TIME_FAR (INT64_MAX / 8 * TIME_NS)

/* No slack is so long. */
#define SLACK_NONE (2 * TIME_FAR)

#define BURST_OF_LIMIT	  50 /* without a burst: a 50th of the limit */
#define STRETCH_OF_PERIOD 16 /* takes can be given back for a 16th of a period at least */

static int64_t floor_div(int64_t a, int64_t b)
{
	int64_t quotient = a / b;

	return a % b < 0 ? quotient - 1 : quotient;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What is left of a limit of which so much is used. */
static uint64_t left_of(uint64_t limit, uint64_t used)
{
	return limit > used ? limit - used : 0;
}

/* --- fixed ---------------------------------------------------------------------------------- */

void window_fixed_init(struct window_fixed *w, int64_t period_ns, int64_t origin_ns)
{
	*w = (struct window_fixed){
		.period_ns = period_ns, .origin_ns = origin_ns, .index = INT64_MIN};
}

static int64_t fixed_index(const struct window_fixed *w, int64_t now_ns)
{
	return floor_div(now_ns - w->origin_ns, w->period_ns);
}

static int64_t fixed_start(const struct window_fixed *w, int64_t index)
{
	return w->origin_ns + index * w->period_ns;
}

int64_t window_fixed_when(const struct window_fixed *w, uint64_t limit, uint64_t amount,
			  int64_t now_ns)
{
	int64_t index = fixed_index(w, now_ns);

	if (index > w->index)
		return now_ns;
	/* Another thread's clock has reached the next window: this one's has to as well. */
	if (index < w->index)
		return fixed_start(w, w->index);
	if (least(amount, limit) <= left_of(limit, w->used))
		return now_ns;
	return fixed_start(w, index + 1);
}

void window_fixed_take(struct window_fixed *w, uint64_t amount, int64_t now_ns)
{
	int64_t index = fixed_index(w, now_ns);

	if (index > w->index) {
		w->index = index;
		w->used = 0;
	}
	w->used += amount;
}

void window_fixed_give_back(struct window_fixed *w, uint64_t amount, int64_t taken_ns)
{
	if (fixed_index(w, taken_ns) == w->index)
		w->used -= least(amount, w->used);
}

uint64_t window_fixed_used(const struct window_fixed *w, int64_t now_ns)
{
	return fixed_index(w, now_ns) > w->index ? 0 : w->used;
}

/* --- rolling -------------------------------------------------------------------------------- */

#define SLOT_COUNT (WINDOW_SLOTS + 1)

void window_rolling_init(struct window_rolling *w, int64_t period_ns)
{
	memset(w, 0, sizeof(*w));
	w->slot_ns = period_ns / WINDOW_SLOTS + (period_ns % WINDOW_SLOTS > 0);
	w->head = INT64_MIN / 2;
}

static int64_t rolling_slot(const struct window_rolling *w, int64_t now_ns)
{
	return floor_div(now_ns, w->slot_ns);
}

/* Where the number's slot stands; numbers are negative before the first take alone. */
static uint64_t *slot_at(struct window_rolling *w, int64_t number)
{
	int64_t place = number % SLOT_COUNT;

	return &w->slots[place < 0 ? place + SLOT_COUNT : place];
}

static uint64_t slot_value(const struct window_rolling *w, int64_t number)
{
	int64_t place = number % SLOT_COUNT;

	return w->slots[place < 0 ? place + SLOT_COUNT : place];
}

int64_t window_rolling_when(const struct window_rolling *w, uint64_t limit, uint64_t amount,
			    int64_t now_ns)
{
	int64_t now_slot = rolling_slot(w, now_ns);
	uint64_t left = w->total, need = least(amount, limit);

	/* Another thread's clock has reached the next slot: this one's has to as well. */
	if (now_slot < w->head)
		return w->head * w->slot_ns;
	if (need <= left_of(limit, left))
		return now_ns;
	for (int64_t number = w->head - WINDOW_SLOTS; number <= w->head; number++) {
		left -= slot_value(w, number);
		if (need <= left_of(limit, left)) {
			int64_t free_ns = (number + SLOT_COUNT) * w->slot_ns;

			return free_ns > now_ns ? free_ns : now_ns;
		}
	}
	return now_ns;
}

/* Drops the slots that a head at this number leaves behind. */
static void rolling_advance(struct window_rolling *w, int64_t number)
{
	if (number - w->head >= SLOT_COUNT) {
		memset(w->slots, 0, sizeof(w->slots));
		w->total = 0;
		w->head = number;
	}
	while (w->head < number) {
		uint64_t *slot = slot_at(w, ++w->head);

		w->total -= *slot;
		*slot = 0;
	}
}

void window_rolling_take(struct window_rolling *w, uint64_t amount, int64_t now_ns)
{
	rolling_advance(w, rolling_slot(w, now_ns));
	*slot_at(w, w->head) += amount;
	w->total += amount;
}

void window_rolling_give_back(struct window_rolling *w, uint64_t amount, int64_t taken_ns)
{
	int64_t number = rolling_slot(w, taken_ns);
	uint64_t *slot;

	if (number > w->head || number < w->head - WINDOW_SLOTS)
		return; /* nothing was taken then, or it is free again */
	slot = slot_at(w, number);
	amount = least(amount, *slot);
	*slot -= amount;
	w->total -= amount;
}

uint64_t window_rolling_used(const struct window_rolling *w, int64_t now_ns)
{
	int64_t now_slot = rolling_slot(w, now_ns);
	uint64_t used = w->total;

	for (int64_t number = w->head - WINDOW_SLOTS;
	     number <= w->head && number < now_slot - WINDOW_SLOTS; number++)
		used -= slot_value(w, number);
	return used;
}

/* --- smooth and debt ------------------------------------------------------------------------ */

static window_time time_least(window_time a, window_time b)
{
	return a < b ? a : b;
}

static window_time time_most(window_time a, window_time b)
{
	return a > b ? a : b;
}

/* How long an amount is worked off. */
static window_time flow_time(const struct window_flow *w, uint64_t amount)
{
	window_time time;

	if (amount == 1)
		return w->each;
	if (__builtin_mul_overflow(w->each, (window_time)amount, &time))
		return TIME_FAR;
	return time_least(time, TIME_FAR);
}

static void flow_measure(struct window_flow *w, uint64_t limit)
{
	wide period = (wide)w->period_ns * (wide)TIME_NS;

	w->limit = limit;
	if (w->kind == WINDOW_DEBT) {
		w->burst = limit;
		w->rate = limit;
	} else {
		w->burst = w->burst_given > 0 ? w->burst_given : limit / BURST_OF_LIMIT;
		w->burst = least(w->burst > 0 ? w->burst : 1, limit);
		w->rate = limit - w->burst + 1;
	}
	w->each = (window_time)(period / w->rate + (period % w->rate > 0));
	w->tolerance = flow_time(w, w->burst - 1);
}

/* Takes up to now cannot be given back any more, but their windows are kept all the same. */
static void flow_forget(struct window_flow *w)
{
	w->last_ns = TIME_NEVER;
	for (int i = 0; i < 2; i++) {
		w->stretch[i].after_ns = w->latest_ns;
		w->stretch[i].slack = SLACK_NONE;
	}
}

void window_flow_init(struct window_flow *w, enum window_flow_kind kind, uint64_t limit,
		      uint64_t burst, int64_t period_ns, int64_t now_ns)
{
	*w = (struct window_flow){
		.next = -TIME_FAR, /* it has rested for ever */
		.burst_given = burst,
		.period_ns = period_ns,
		.kind = kind,
		.latest_ns = now_ns - 1,
		.tally_from_ns = now_ns,
	};
	flow_measure(w, limit);
	flow_forget(w);
}

void window_flow_set(struct window_flow *w, uint64_t limit, int64_t now_ns)
{
	const window_time now = now_ns * TIME_NS;
	window_time before = w->each, ones, rest;

	flow_measure(w, limit);
	if (w->next > now) {
		/* Whole ones, and what is left of one: a product of all of it could overflow. */
		if (__builtin_mul_overflow((w->next - now) / before, w->each, &ones))
			ones = TIME_FAR;
		rest = (w->next - now) % before / TIME_NS * (w->each / TIME_NS);
		rest = rest / time_most(before / TIME_NS, 1) * TIME_NS;
		w->next = now + time_least(ones + time_least(rest, w->each), TIME_FAR);
	}
	flow_forget(w);
}

/* How far next may be ahead of now for this amount; below zero: how far behind it must be. */
static window_time flow_allowance(const struct window_flow *w, uint64_t amount)
{
	switch (w->kind) {
	case WINDOW_PACED:
		if (amount > w->burst)
			return 0;
		break;
	case WINDOW_DEBT:
		return w->tolerance;
	case WINDOW_STRICT:
		break;
	}
	/* The last of so many single ones is what has to conform. */
	amount = least(amount, w->limit);
	return amount > 1 ? w->tolerance - flow_time(w, amount - 1) : w->tolerance;
}

int64_t window_flow_when(const struct window_flow *w, uint64_t amount, int64_t now_ns)
{
	window_time when = w->next - flow_allowance(w, amount);

	if (when <= now_ns * TIME_NS)
		return now_ns;
	return (int64_t)((when + TIME_NS - 1) / TIME_NS);
}

/* Moves the tally on to the period of now. */
static void tally_advance(struct window_flow *w, int64_t now_ns)
{
	int64_t passed_ns = now_ns - w->tally_from_ns;

	if (passed_ns < w->period_ns)
		return;
	w->tally_before = passed_ns < 2 * w->period_ns ? w->tally : 0;
	w->tally = 0;
	w->tally_from_ns = now_ns - passed_ns % w->period_ns;
}

void window_flow_take(struct window_flow *w, uint64_t amount, int64_t now_ns)
{
	const window_time now = now_ns * TIME_NS;
	window_time slack = time_most(w->next - now, 0);

	if (w->latest_ns - w->stretch[0].after_ns > w->period_ns / STRETCH_OF_PERIOD) {
		w->stretch[1] = w->stretch[0];
		w->stretch[0].after_ns = w->latest_ns;
		w->stretch[0].slack = SLACK_NONE;
	}
	w->stretch[0].slack = time_least(w->stretch[0].slack, slack);
	if (now_ns > w->latest_ns)
		w->latest_ns = now_ns;

	w->last_ns = now_ns;
	w->last_before = w->next;
	w->last_amount = amount;
	if (slack < TIME_FAR)
		w->next = now + slack + flow_time(w, amount);

	tally_advance(w, now_ns);
	w->tally += amount;
}

void window_flow_give_back(struct window_flow *w, uint64_t amount, int64_t taken_ns)
{
	window_time time = flow_time(w, amount);

	w->tally -= least(amount, w->tally);
	if (taken_ns == w->last_ns && amount <= w->last_amount) {
		w->last_amount -= amount;
		w->next = w->last_before;
		if (w->last_amount > 0)
			w->next = time_most(w->next, taken_ns * TIME_NS) +
				  flow_time(w, w->last_amount);
		return;
	}
	if (taken_ns <= w->stretch[1].after_ns)
		return;
	for (int i = 0; i < 2; i++)
		time = time_least(time, w->stretch[i].slack);
	w->next -= time;
	w->last_before -= time;
	for (int i = 0; i < 2; i++) {
		if (w->stretch[i].slack < SLACK_NONE)
			w->stretch[i].slack -= time;
	}
}

uint64_t window_flow_used(const struct window_flow *w, int64_t now_ns)
{
	int64_t passed_ns = now_ns - w->tally_from_ns;
	uint64_t current = w->tally, before = w->tally_before;

	if (w->kind == WINDOW_DEBT)
		return (uint64_t)((time_most(w->next - now_ns * TIME_NS, 0) + w->each - 1) /
				  w->each);
	if (passed_ns >= w->period_ns) {
		before = passed_ns < 2 * w->period_ns ? current : 0;
		current = 0;
		passed_ns %= w->period_ns;
	}
	/* Of the period before, as much as the last period's length still covers. */
	if (passed_ns > 0)
		before = (uint64_t)((wide)before * (uint64_t)(w->period_ns - passed_ns) /
				    (uint64_t)w->period_ns);
	return least(current + before, w->limit);
}
