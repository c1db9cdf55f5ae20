/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * limits.c - what it costs to ask the table of limits
 *
 * A take of one cell and of four, of each kind of window, by one thread, by two threads that have
 * cells of their own, and by two that share them. Time is an argument of the limiter, so that each
 * round asks a little later than the last, and a take passes or is refused as the row says. Four
 * cells are what a message of a provider with limits per source, site, account and day is asked
 * for. Of many short runs the best is shown, which a neighbour on the machine has not disturbed,
 * and the median, since the best run of two threads may be one in which they hardly met.
 *
 * Use: limits [ROUNDS]    default 50000 takes in each run of a row
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/clock.h"
#include "pace/limits.h"

#define RUNS	    40
#define CLAIMS_MAX  4
#define THREADS_MAX 2

struct row {
	const char *name;
	int claim_count;
	enum limit_window windows[CLAIMS_MAX];
	enum limit_unit unit;
	uint64_t amount; /* of each limit, in a second */
	int64_t step_ns; /* between two rounds */
	int threads;
	bool is_shared; /* all threads ask for the same cells */
};

static const struct row rows[] = {
	{"1 cell, smooth", 1, {LIMIT_SMOOTH}, LIMIT_MESSAGES, 1000000, 1100, 1, false},
	{"1 cell, smooth, refused", 1, {LIMIT_SMOOTH}, LIMIT_MESSAGES, 1, 1, 1, false},
	{"1 cell, smooth of octets", 1, {LIMIT_SMOOTH}, LIMIT_OCTETS, 1000000, 1100, 1, false},
	{"1 cell, fixed", 1, {LIMIT_FIXED}, LIMIT_MESSAGES, 1000000, 1100, 1, false},
	{"1 cell, rolling", 1, {LIMIT_ROLLING}, LIMIT_MESSAGES, 1000000, 1100, 1, false},
	{"1 cell, debt", 1, {LIMIT_DEBT}, LIMIT_MESSAGES, 1000000, 1100, 1, false},
	{"1 cell, at once, and back", 1, {LIMIT_AT_ONCE}, LIMIT_CONNECTIONS, 10, 1100, 1, false},
	{"4 cells, smooth",
	 4,
	 {LIMIT_SMOOTH, LIMIT_SMOOTH, LIMIT_SMOOTH, LIMIT_SMOOTH},
	 LIMIT_MESSAGES,
	 1000000,
	 1100,
	 1,
	 false},
	{"4 cells, one of each window",
	 4,
	 {LIMIT_SMOOTH, LIMIT_FIXED, LIMIT_ROLLING, LIMIT_DEBT},
	 LIMIT_MESSAGES,
	 1000000,
	 1100,
	 1,
	 false},
	{"1 cell, smooth, own", 1, {LIMIT_SMOOTH}, LIMIT_MESSAGES, 1000000, 1100, 2, false},
	{"1 cell, smooth, shared", 1, {LIMIT_SMOOTH}, LIMIT_MESSAGES, 4000000, 1100, 2, true},
	{"4 cells, smooth, own",
	 4,
	 {LIMIT_SMOOTH, LIMIT_SMOOTH, LIMIT_SMOOTH, LIMIT_SMOOTH},
	 LIMIT_MESSAGES,
	 1000000,
	 1100,
	 2,
	 false},
	{"4 cells, smooth, shared",
	 4,
	 {LIMIT_SMOOTH, LIMIT_SMOOTH, LIMIT_SMOOTH, LIMIT_SMOOTH},
	 LIMIT_MESSAGES,
	 4000000,
	 1100,
	 2,
	 true},
};

struct asker {
	const struct row *row;
	uint64_t rounds, taken;
	struct limits_claim claims[CLAIMS_MAX];
	int64_t ns; /* that it took */
};

static pthread_barrier_t barrier;

static void *ask(void *argument)
{
	struct asker *a = argument;
	const struct row *row = a->row;
	bool gives_back = row->windows[0] == LIMIT_AT_ONCE;
	int64_t now_ns = NS_PER_SEC, when_ns, start_ns;
	int binding;

	pthread_barrier_wait(&barrier);
	start_ns = clock_now(clock_system());
	for (uint64_t i = 0; i < a->rounds; i++) {
		if (limits_take(a->claims, row->claim_count, now_ns, &when_ns, &binding)) {
			a->taken++;
			if (gives_back)
				limits_give_back(a->claims, row->claim_count, now_ns);
		}
		now_ns += row->step_ns;
	}
	a->ns = clock_now(clock_system()) - start_ns;
	return NULL;
}

/* One run of a row: the mean time of a take in ns, and the share of takes that passed. */
static double run(const struct row *row, uint64_t rounds, double *ret_passed)
{
	const struct limits_reading reading = {.share_millis = 1000, .scale = 1};
	struct limits *table = limits_new(0);
	struct asker askers[THREADS_MAX] = {0};
	pthread_t threads[THREADS_MAX];
	uint64_t taken = 0;
	int64_t ns = 0;

	CHECK(table && pthread_barrier_init(&barrier, NULL, (unsigned)row->threads) == 0);
	for (int t = 0; t < row->threads; t++) {
		askers[t].row = row;
		askers[t].rounds = rounds;
		for (int i = 0; i < row->claim_count; i++) {
			struct limit l = {.unit = row->unit,
					  .window = row->windows[i],
					  .amount = row->amount,
					  .period_ns = NS_PER_SEC};

			if (l.window == LIMIT_AT_ONCE)
				l.period_ns = 0;
			askers[t].claims[i].amount = 1;
			askers[t].claims[i].cell = limits_cell(table, &l, &reading, (uint64_t)i,
							       row->is_shared ? 0 : (uint64_t)t, 0);
			CHECK(askers[t].claims[i].cell);
		}
	}
	for (int t = 0; t < row->threads; t++)
		CHECK(pthread_create(&threads[t], NULL, ask, &askers[t]) == 0);
	for (int t = 0; t < row->threads; t++) {
		pthread_join(threads[t], NULL);
		taken += askers[t].taken;
		ns += askers[t].ns;
	}
	pthread_barrier_destroy(&barrier);
	limits_free(table);
	*ret_passed = (double)taken / (double)rounds / row->threads;
	return (double)ns / (double)rounds / row->threads;
}

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

int main(int argc, char **argv)
{
	uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) : 50000;

	if (rounds == 0) {
		fprintf(stderr, "use: limits [ROUNDS]\n");
		return 2;
	}
	printf("%d runs of %" PRIu64 " takes a thread; ns a take\n\n", RUNS, rounds);
	printf("%-28s %8s %8s %8s %8s\n", "take", "threads", "best", "median", "passed");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		double ns[RUNS], passed = 0;

		for (int n = 0; n < RUNS; n++)
			ns[n] = run(&rows[i], rounds, &passed);
		qsort(ns, RUNS, sizeof(*ns), compare);
		printf("%-28s %8d %8.1f %8.1f %7.0f%%\n", rows[i].name, rows[i].threads, ns[0],
		       ns[RUNS / 2], 100 * passed);
		fflush(stdout);
	}
	return 0;
}
