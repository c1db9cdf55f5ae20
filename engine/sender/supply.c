/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * supply.c - which message is next, and when it is due
 *
 * In open loop the warm-up is a part of the schedule: arrivals follow it from its begin, and those
 * before the measured part are not counted. Numbers go through from the warm-up's first message, so
 * that no two messages of a run have the same.
 */
#include "base/clock.h"
#include "sender/supply.h"

static void begin(struct supply *s, int64_t now_ns)
{
	int64_t begin_ns = now_ns + s->plan->idle_ns;

	if (s->plan->is_open_loop)
		arrival_begin(&s->arrival, begin_ns);
	atomic_store_explicit(&s->begin_ns, begin_ns, memory_order_release);
}

void supply_init(struct supply *s, const struct sender_plan *plan, int64_t now_ns)
{
	*s = (struct supply){.plan = plan};
	atomic_store(&s->begin_ns, TIME_NEVER);
	atomic_store(&s->stop_ns, TIME_NEVER);
	if (plan->is_open_loop)
		arrival_init(&s->arrival, plan->stages, plan->stage_count, plan->arrivals,
			     plan->messages, plan->warmup_ns, plan->seed);
	else if (plan->idle_ns == 0)
		begin(s, now_ns);
}

void supply_fini(struct supply *s)
{
	if (s->plan->is_open_loop)
		arrival_fini(&s->arrival);
}

bool supply_settled(struct supply *s, int64_t now_ns)
{
	int settled = 1 + atomic_fetch_add_explicit(&s->settled, 1, memory_order_relaxed);

	if (settled != s->plan->sessions || atomic_load(&s->begin_ns) != TIME_NEVER)
		return false;
	begin(s, now_ns);
	return true;
}

int64_t supply_measure_begin_ns(struct supply *s)
{
	int64_t begin_ns = atomic_load_explicit(&s->begin_ns, memory_order_acquire);

	return begin_ns == TIME_NEVER ? TIME_NEVER : begin_ns + s->plan->warmup_ns;
}

int64_t supply_measure_end_ns(struct supply *s)
{
	int64_t begin_ns = supply_measure_begin_ns(s);

	if (begin_ns == TIME_NEVER || s->plan->duration_ns == 0)
		return TIME_NEVER;
	return begin_ns + s->plan->duration_ns;
}

bool supply_is_over(struct supply *s, int64_t now_ns)
{
	const struct sender_plan *p = s->plan;
	int64_t begin_ns = atomic_load_explicit(&s->begin_ns, memory_order_acquire);

	if (atomic_load_explicit(&s->stop_ns, memory_order_acquire) != TIME_NEVER ||
	    now_ns >= supply_measure_end_ns(s))
		return true;
	if (now_ns < begin_ns)
		return false;
	if (p->is_open_loop)
		return arrival_next_ns(&s->arrival) == TIME_NEVER;
	if (p->messages == 0)
		return p->duration_ns == 0; /* --idle alone: the sessions were held, that is all */
	return atomic_load_explicit(&s->taken, memory_order_relaxed) >=
	       p->messages + atomic_load_explicit(&s->warmed, memory_order_acquire);
}

enum supply_answer supply_next(struct supply *s, int64_t now_ns, uint64_t *ret_number,
			       int64_t *ret_due_ns)
{
	const struct sender_plan *p = s->plan;
	int64_t begin_ns = atomic_load_explicit(&s->begin_ns, memory_order_acquire);

	/* Looked at first, so that idle sessions do not push the counter on for ever. */
	if (supply_is_over(s, now_ns))
		return SUPPLY_OVER;
	if (now_ns < begin_ns) {
		*ret_due_ns = begin_ns;
		return SUPPLY_WAIT;
	}
	if (p->is_open_loop) {
		if (arrival_take(&s->arrival, now_ns, ret_number, ret_due_ns))
			return SUPPLY_MESSAGE;
		*ret_due_ns = arrival_next_ns(&s->arrival);
		return *ret_due_ns == TIME_NEVER ? SUPPLY_OVER : SUPPLY_WAIT;
	}
	/* First, so that no other thread counts this one among the N. */
	if (p->warmup_ns != 0 && now_ns < begin_ns + p->warmup_ns)
		atomic_fetch_add_explicit(&s->warmed, 1, memory_order_release);
	*ret_number = atomic_fetch_add_explicit(&s->taken, 1, memory_order_relaxed);
	*ret_due_ns = now_ns;
	if (p->messages == 0 || *ret_number < p->messages + atomic_load(&s->warmed))
		return SUPPLY_MESSAGE;
	return SUPPLY_OVER;
}

enum supply_answer supply_peek(struct supply *s, int64_t now_ns, int64_t *ret_due_ns)
{
	int64_t begin_ns = atomic_load_explicit(&s->begin_ns, memory_order_acquire);

	if (supply_is_over(s, now_ns))
		return SUPPLY_OVER;
	*ret_due_ns = begin_ns;
	if (now_ns < begin_ns)
		return SUPPLY_WAIT;
	if (!s->plan->is_open_loop)
		return SUPPLY_MESSAGE;
	*ret_due_ns = arrival_next_ns(&s->arrival);
	return *ret_due_ns <= now_ns ? SUPPLY_MESSAGE : SUPPLY_WAIT;
}

bool supply_has_last(struct supply *s)
{
	int64_t end_ns = supply_measure_end_ns(s);

	return s->plan->is_open_loop && end_ns != TIME_NEVER &&
	       atomic_load_explicit(&s->stop_ns, memory_order_acquire) >= end_ns &&
	       arrival_next_ns(&s->arrival) < end_ns;
}

bool supply_take_last(struct supply *s, uint64_t *ret_number, int64_t *ret_due_ns)
{
	int64_t end_ns = supply_measure_end_ns(s);

	if (!s->plan->is_open_loop || end_ns == TIME_NEVER ||
	    atomic_load_explicit(&s->stop_ns, memory_order_acquire) < end_ns)
		return false;
	return arrival_take(&s->arrival, end_ns - 1, ret_number, ret_due_ns);
}

void supply_stop(struct supply *s, int64_t now_ns)
{
	int64_t never = TIME_NEVER;

	atomic_compare_exchange_strong(&s->stop_ns, &never, now_ns);
}

uint64_t supply_left_over(struct supply *s, int64_t now_ns)
{
	int64_t begin_ns = supply_measure_begin_ns(s), end_ns = supply_measure_end_ns(s);

	if (!s->plan->is_open_loop || begin_ns == TIME_NEVER)
		return 0;
	(void)arrival_skip(&s->arrival, begin_ns);
	return arrival_skip(&s->arrival, now_ns < end_ns ? now_ns : end_ns);
}
