/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits_judge.h - what passed a limit, written down, and counted by other means than the limiter
 *
 * The counting shares nothing with engine/pace: every window of the period that ends with a take
 * (SMOOTH, ROLLING), every window since midnight (FIXED), an account in fractions (DEBT). What was
 * given back is struck from the record first: the rest has to conform as though it had never been.
 */
#ifndef VOLLEY_TESTS_LIMITS_JUDGE_H
#define VOLLEY_TESTS_LIMITS_JUDGE_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/rng.h"
#include "pace/limits.h"

__extension__ typedef __int128 wide;

/* --- the record, and the counter that judges it ----------------------------------------------- */

struct entry {
	int64_t at_ns;
	uint64_t amount; /* 0: given back */
};

struct record {
	struct entry *entries;
	size_t count, room;
};

static inline size_t record_add(struct record *r, int64_t at_ns, uint64_t amount)
{
	if (r->count == r->room) {
		r->room = r->room > 0 ? 2 * r->room : 1024;
		r->entries = realloc(r->entries, r->room * sizeof(*r->entries));
		assert_non_null(r->entries);
	}
	r->entries[r->count] = (struct entry){at_ns, amount};
	return r->count++;
}

static inline int entry_compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;

	return a->at_ns < b->at_ns ? -1 : a->at_ns > b->at_ns;
}

/* A limit as this test understands it: amount and period are worked out here once more. */
struct law {
	enum limit_window window;
	uint64_t amount;
	int64_t period_ns;
	int64_t origin_ns; /* FIXED: when a window begins */
};

static inline void fail_law(const struct law *law, const char *what, const struct entry *e,
			    uint64_t sum)
{
	fail_msg("%s of %llu in %lld ns %s: %llu at %lld", limit_window_name(law->window),
		 (unsigned long long)law->amount, (long long)law->period_ns, what,
		 (unsigned long long)sum, (long long)e->at_ns);
}

/* All that was taken later than a period before a take, and it, is within the limit. */
static inline void judge_sliding(const struct law *law, const struct entry *entries, size_t count)
{
	uint64_t sum = 0;
	size_t first = 0;

	for (size_t i = 0; i < count; i++) {
		sum += entries[i].amount;
		while (entries[first].at_ns <= entries[i].at_ns - law->period_ns)
			sum -= entries[first++].amount;
		if (sum > law->amount)
			fail_law(law, "passed in a sliding window", &entries[i], sum);
	}
}

static inline void judge_fixed(const struct law *law, const struct entry *entries, size_t count)
{
	uint64_t sum = 0;
	int64_t window = INT64_MIN;

	for (size_t i = 0; i < count; i++) {
		int64_t since = entries[i].at_ns - law->origin_ns;
		int64_t here = since / law->period_ns - (since % law->period_ns < 0);

		sum = here == window ? sum + entries[i].amount : entries[i].amount;
		window = here;
		if (sum > law->amount)
			fail_law(law, "passed in its window", &entries[i], sum);
	}
}

/* An account of fractions: what stands in it is counted in units of 1 / period. */
static inline void judge_debt(const struct law *law, const struct entry *entries, size_t count)
{
	const wide one = law->period_ns, full = one * (wide)law->amount;
	wide account = full;
	int64_t last_ns = count > 0 ? entries[0].at_ns : 0;

	for (size_t i = 0; i < count; i++) {
		account += (wide)(entries[i].at_ns - last_ns) * (wide)law->amount;
		last_ns = entries[i].at_ns;
		if (account > full)
			account = full;
		if (entries[i].amount == 0)
			continue;
		if (account < one)
			fail_law(law, "taken from an empty account", &entries[i],
				 entries[i].amount);
		account -= one * (wide)entries[i].amount;
	}
}

/* Entries in order of time. AT_ONCE is judged while it happens. */
static inline void judge(const struct law *law, const struct entry *entries, size_t count)
{
	switch (law->window) {
	case LIMIT_SMOOTH:
	case LIMIT_ROLLING:
		judge_sliding(law, entries, count);
		break;
	case LIMIT_FIXED:
		judge_fixed(law, entries, count);
		break;
	case LIMIT_DEBT:
		judge_debt(law, entries, count);
		break;
	case LIMIT_AT_ONCE:
		break;
	}
}

/* --- random limits ---------------------------------------------------------------------------- */

/* From 1 to 2^bits, small ones as likely as large ones. */
static inline uint64_t any_size(struct rng *rng, int bits)
{
	return rng_below(rng, UINT64_C(1) << (rng_below(rng, (uint64_t)bits) + 1)) + 1;
}

static inline enum limit_unit any_unit(struct rng *rng, enum limit_window window)
{
	static const enum limit_unit units[] = {LIMIT_MESSAGES, LIMIT_MESSAGES, LIMIT_RECIPIENTS,
						LIMIT_OCTETS, LIMIT_CONNECTIONS};

	return window == LIMIT_AT_ONCE ? LIMIT_CONNECTIONS : units[rng_below(rng, 5)];
}

/* A limit around so many takes in so long a time, each of them of about mean. */
static inline struct limit any_limit(struct rng *rng, enum limit_window window, uint64_t takes,
				     int64_t period_ns, uint64_t mean)
{
	struct limit l = {
		.window = window,
		.unit = any_unit(rng, window),
		.amount = takes,
		.period_ns = period_ns,
	};
	uint64_t times = rng_below(rng, 4) ? 1 : rng_below(rng, 50) + 1;

	if (window == LIMIT_AT_ONCE) {
		l.period_ns = 0;
		l.amount = rng_below(rng, 20) + 1;
		return l;
	}
	l.period_ns *= (int64_t)times;
	l.amount = takes * times / 2 + rng_below(rng, takes * times) + 1;
	if (l.unit == LIMIT_OCTETS || l.unit == LIMIT_RECIPIENTS)
		l.amount *= mean;
	if (window == LIMIT_SMOOTH && rng_below(rng, 2) == 0)
		l.burst = any_size(rng, 8);
	if (window == LIMIT_FIXED)
		l.reset_ns = (int64_t)rng_below(rng, 24) * 3600 * NS_PER_SEC;
	return l;
}

static inline struct law law_of(const struct limit *l, const struct limits_reading *reading,
				int64_t wall_offset_ns)
{
	struct law law = {
		.window = l->window == LIMIT_AT_ONCE ? LIMIT_AT_ONCE
			  : reading->is_smooth	     ? LIMIT_SMOOTH
						     : l->window,
		.amount = (uint64_t)((wide)l->amount * (1000 - reading->headroom_millis) *
				     reading->share_millis / 1000 / 1000),
		.period_ns = l->period_ns / reading->scale,
		.origin_ns = l->reset_ns - wall_offset_ns,
	};

	if (law.amount == 0)
		law.amount = 1;
	return law;
}

#endif
