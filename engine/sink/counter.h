/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * counter.h - one limit of one profile for one client, account, sender ...: what came of it
 *
 * A counter joins the cell in which the limit is kept (pace/limits.h) with an independent count
 * of what passed (meter.h) and with what is reported. Rows are limits of profiles; a counter
 * belongs to a row and a key, never moves and lives as long as the table. Any thread.
 */
#ifndef VOLLEY_SINK_COUNTER_H
#define VOLLEY_SINK_COUNTER_H
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "pace/limits.h"
#include "sink/meter.h"

#define COUNTERS_MAX	  (1u << 18) /* a kilobyte each, with their cells */
#define COUNTER_WHOSE_MAX 96

struct counter {
	struct counter *next; /* in its bucket */
	uint64_t key;
	uint32_t row;
	struct limit_cell *cell;
	_Atomic uint64_t amount; /* that the cell was set to last */
	_Atomic uint64_t passed, refused;
	_Atomic uint64_t peak;	       /* used in a window, as the cell says */
	struct meter meter;	       /* under one of the table's locks */
	char whose[COUNTER_WHOSE_MAX]; /* "192.0.2.1", an account ...; cut where it is longer */
};

struct counters;

/* max: how many there may be. NULL when memory is exhausted. */
struct counters *counters_new(uint32_t max);
void counters_free(struct counters *c); /* NULL is allowed */

/* How a counter is made that is not there yet. */
struct counter_recipe {
	struct limits *table;
	const struct limit *limit;
	const struct limits_reading *reading;
	uint64_t id; /* of the limit in the table */
	int64_t align_ns;
	struct span whose;
};

/* NULL when there is no room for one more, which is counted. */
struct counter *counters_find(struct counters *c, uint32_t row, uint64_t key,
			      const struct counter_recipe *recipe, int64_t now_ns);

/* The cell has passed so much. */
void counter_passed(struct counters *c, struct counter *k, uint64_t amount, int64_t now_ns);

/*
 * What passed at at_ns was given back to the cell: a connection was closed, or (did_not_count)
 * it turned out not to count.
 */
void counter_given_back(struct counters *c, struct counter *k, uint64_t amount, int64_t at_ns,
			bool did_not_count);

/* Calls visit for each counter, in no order, while no other thread uses the table. */
void counters_visit(const struct counters *c,
		    void (*visit)(const struct counter *k, void *argument), void *argument);
uint64_t counters_missed(const struct counters *c);

#endif
