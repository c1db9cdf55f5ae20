/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_limits_threads.c - limits hold exactly over all threads, and nothing of them is lost
 *
 * How it works: threads take from the same cells, several at a time, on a clock that each of them
 * moves and reads as rarely as a worker does, so that stamps are stale. What passed is written down
 * by each thread, put together, and judged by limits_judge.h as though one had done it all. One
 * cell refuses nobody, and has to count each take that passed, and no other.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/rng.h"
#include "limits_judge.h"
#include "pace/limits.h"
#include "property.h"

#define THREADS		 4
#define SHARED_LIMITS	 6
#define THREAD_ROUNDS	 150000
#define ROUNDS_A_READING 16
#define CLAIMS_A_TAKE	 3

static uint64_t seed;

/* Several cells for all threads, and a clock that each of them moves. */
static struct shared {
	struct limits *table;
	struct law laws[SHARED_LIMITS];
	uint64_t most[SHARED_LIMITS];
	struct limit_cell *cells[SHARED_LIMITS];
	_Atomic int64_t now_ns;
	_Atomic int64_t open[SHARED_LIMITS]; /* AT_ONCE: counted beside the limiter */
	int64_t step_ns;
} shared;

struct thread {
	pthread_t id;
	struct rng rng;
	struct record records[SHARED_LIMITS];
	uint64_t takes;
	bool has_passed; /* AT_ONCE */
};

static void shared_make(struct rng *rng)
{
	const struct limits_reading reading = {.share_millis = 1000, .scale = 1};
	uint64_t takes = any_size(rng, 10) + 20, mean = any_size(rng, 12);
	int64_t period_ns = NS_PER_SEC + (int64_t)any_size(rng, 36);

	memset(&shared, 0, sizeof(shared));
	shared.table = limits_new(0);
	shared.now_ns = NS_PER_SEC;
	shared.step_ns = period_ns / (int64_t)takes / 3 + 1;
	for (int i = 0; i < SHARED_LIMITS; i++) {
		/* One of each window, and one that never refuses: it shows what was lost. */
		enum limit_window window = i < 5 ? (enum limit_window)i : LIMIT_FIXED;
		struct limit l = any_limit(rng, window, takes, period_ns, mean);

		/* An account that is overdrawn depends on who came first: single ones do not. */
		if (window == LIMIT_DEBT)
			l.unit = LIMIT_MESSAGES;
		if (i == 5)
			l = (struct limit){.window = window,
					   .amount = UINT64_C(1) << 60,
					   .period_ns = INT64_MAX / 4};
		shared.laws[i] = law_of(&l, &reading, 0);
		shared.most[i] = 1;
		if (l.unit == LIMIT_RECIPIENTS || l.unit == LIMIT_OCTETS)
			shared.most[i] = shared.laws[i].amount / 10 + 1;
		shared.cells[i] = limits_cell(shared.table, &l, &reading, (uint64_t)i, 0, 0);
	}
}

/* A take of other cells than AT_ONCE, which is given back at times, late or at once. */
static void thread_take(struct thread *t, const int *which, const struct limits_claim *claims,
			int64_t now_ns)
{
	size_t entries[CLAIMS_A_TAKE];
	bool is_returned = rng_below(&t->rng, 8) == 0;

	for (int i = 0; i < CLAIMS_A_TAKE; i++) {
		int limit = which[i];

		entries[i] = record_add(&t->records[limit], now_ns, claims[i].amount);
		if (shared.laws[limit].window == LIMIT_AT_ONCE &&
		    atomic_fetch_add(&shared.open[limit], 1) >= (int64_t)shared.laws[limit].amount)
			t->has_passed = true;
	}
	t->takes++;
	if (is_returned && rng_below(&t->rng, 2) == 0)
		atomic_fetch_add(&shared.now_ns, shared.step_ns);
	for (int i = 0; i < CLAIMS_A_TAKE; i++) {
		bool is_open = shared.laws[which[i]].window == LIMIT_AT_ONCE;

		if (is_open)
			atomic_fetch_sub(&shared.open[which[i]], 1);
		if (!is_open && !is_returned)
			continue;
		limits_give_back(&claims[i], 1, now_ns);
		t->records[which[i]].entries[entries[i]].amount = 0;
	}
}

static void *thread_main(void *argument)
{
	struct thread *t = argument;
	int64_t now_ns = 0;

	for (int n = 0; n < THREAD_ROUNDS; n++) {
		struct limits_claim claims[CLAIMS_A_TAKE];
		int which[CLAIMS_A_TAKE], binding, at = (int)rng_below(&t->rng, SHARED_LIMITS);
		int64_t when_ns = 0;

		if (n % ROUNDS_A_READING == 0)
			now_ns = atomic_load(&shared.now_ns);
		for (int i = 0; i < CLAIMS_A_TAKE; i++) {
			which[i] = (at + i * (n % 2 ? 1 : 5)) % SHARED_LIMITS;
			claims[i].cell = shared.cells[which[i]];
			claims[i].amount = rng_below(&t->rng, shared.most[which[i]]) + 1;
		}
		if (limits_take(claims, CLAIMS_A_TAKE, now_ns, &when_ns, &binding))
			thread_take(t, which, claims, now_ns);
		if (rng_below(&t->rng, 3) == 0)
			atomic_fetch_add(&shared.now_ns,
					 (int64_t)rng_below(&t->rng, (uint64_t)shared.step_ns) + 1);
	}
	return NULL;
}

/* Puts the threads' records of a limit together and has them judged; what they add up to. */
static uint64_t shared_judge(const struct thread threads[THREADS], int limit)
{
	struct record all = {0};
	uint64_t sum = 0;

	for (int k = 0; k < THREADS; k++) {
		const struct record *r = &threads[k].records[limit];

		for (size_t i = 0; i < r->count; i++) {
			record_add(&all, r->entries[i].at_ns, r->entries[i].amount);
			sum += r->entries[i].amount;
		}
	}
	if (all.count > 0)
		qsort(all.entries, all.count, sizeof(*all.entries), entry_compare);
	judge(&shared.laws[limit], all.entries, all.count);
	free(all.entries);
	return sum;
}

static void threads_share_all_limits(void **state)
{
	uint64_t takes = 0;
	struct rng rng;

	(void)state;
	rng_fork(&rng, seed, 1000003);
	for (int round = 0; round < 4; round++) {
		struct thread threads[THREADS] = {0};
		struct limits_state standing;
		uint64_t sum = 0;

		shared_make(&rng);
		for (int k = 0; k < THREADS; k++) {
			rng_fork(&threads[k].rng, seed, 1000010 + (uint64_t)(round * THREADS + k));
			assert_int_equal(
				pthread_create(&threads[k].id, NULL, thread_main, &threads[k]), 0);
		}
		for (int k = 0; k < THREADS; k++) {
			pthread_join(threads[k].id, NULL);
			assert_false(threads[k].has_passed);
			takes += threads[k].takes;
		}
		for (int i = 0; i < SHARED_LIMITS; i++)
			sum = shared_judge(threads, i);
		/* The last cell refused nobody: what it counts is what passed, to the last one. */
		standing = limits_state(shared.cells[SHARED_LIMITS - 1], shared.now_ns);
		assert_int_equal(standing.used, sum);
		for (int k = 0; k < THREADS; k++) {
			for (int i = 0; i < SHARED_LIMITS; i++)
				free(threads[k].records[i].entries);
		}
		limits_free(shared.table);
	}
	printf("# %llu takes by threads\n", (unsigned long long)takes);
	assert_true(takes > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_share_all_limits),
	};

	seed = property_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
