/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fault_judge.c - whether a rule strikes
 *
 * The counts of a rule are atomic and belong to the process, so that "every 100th" is every 100th
 * whichever thread serves it. A chance is not drawn from a stream but computed from seed, rule
 * and the number of the occasion: threads can't disturb its order, and a run repeats.
 */
#include "sink/fault.h"
#include "sink/greylist.h"

/* Occasions in the present window of time, this one included. */
static uint64_t count_in_window(struct fault_rule *r, int64_t now_ns)
{
	uint64_t window = (uint64_t)(now_ns / r->after_window_ns) << 32;
	uint64_t old = atomic_load_explicit(&r->window, memory_order_relaxed), next;

	do {
		/* A thread whose stamp is older counts in the window that another has begun. */
		next = (old & ~(uint64_t)UINT32_MAX) >= window ? old + 1 : window | 1;
	} while (!atomic_compare_exchange_weak_explicit(
		&r->window, &old, next, memory_order_relaxed, memory_order_relaxed));
	return next & UINT32_MAX;
}

static uint64_t count_up(_Atomic uint64_t *counter)
{
	return atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) + 1;
}

static bool is_after(struct fault_rule *r, const struct fault_occasion *o, uint64_t seen)
{
	if (r->after == 0)
		return true;
	if (r->is_after_conn)
		return o->count_in_connection > r->after;
	if (r->after_window_ns > 0)
		return count_in_window(r, o->now_ns) > r->after;
	return seen > r->after;
}

/* Whether the rule strikes; the rng is left where the rule's delay is drawn from. */
static bool strikes(struct fault_rules *f, struct fault_rule *r, const struct fault_occasion *o,
		    struct rng *rng)
{
	uint64_t seen = count_up(&r->seen), passed;

	if (!is_after(r, o, seen))
		return false;
	passed = count_up(&r->passed);
	if (r->first > 0 && passed > r->first)
		return false;
	if (r->every > 1 && passed % r->every != 0)
		return false;
	if (r->probability < 1 || r->delay.kind > LAW_CONSTANT)
		rng_fork(rng, f->seed, (uint64_t)r->idx << 48 ^ passed);
	if (r->probability < 1 && rng_unit(rng) >= r->probability)
		return false;
	return r->action != FAULT_GREYLIST ||
	       !greylist_passes(f->greylist, o->triplet, o->now_ns, r->interval_ns);
}

struct fault_verdict fault_judge(struct fault_rules *f, const struct fault_occasion *o)
{
	struct fault_verdict verdict = {0};

	for (struct fault_rule **at = f->by_phase[o->phase]; *at; at++) {
		struct fault_rule *r = *at;
		struct rng rng;

		if (!strikes(f, r, o, &rng))
			continue;
		count_up(&r->fired);
		if (!verdict.action && r->action != FAULT_NOTHING)
			verdict.action = r;
		if (!verdict.delay && r->delay.kind != LAW_NONE) {
			verdict.delay = r;
			verdict.delay_ns = law_draw(&r->delay, &rng);
		}
	}
	return verdict;
}
