/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * series.h - what happened in each second
 *
 * One row a second in the order of time, growing up to a bound; a row that finds no room is
 * dropped and counted. Seconds in which nothing was appended have no row. One thread at a time.
 */
#ifndef VOLLEY_STATS_SERIES_H
#define VOLLEY_STATS_SERIES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERIES_ROWS_MAX (7u * 24 * 3600) /* a week; 51 MiB when full */
#define SERIES_NONE	INT64_MIN	 /* a percentile that is not known */

struct series_row {
	int64_t t_s; /* whole seconds since the start of what is measured; below 0 in a warm-up */
	uint64_t started, accepted, deferred, rejected, failed; /* messages, in this second */
	uint64_t sessions;					/* open at its end */
	uint64_t bytes;						/* of traffic, in this second */
	int64_t p50_us, p99_us; /* of the response time, or SERIES_NONE */
};

struct series {
	struct series_row *rows;
	size_t count, cap, row_max;
	uint64_t dropped; /* rows for which there was no room */
};

/* row_max bounds the rows, SERIES_ROWS_MAX as a rule. Allocates nothing yet. */
void series_init(struct series *s, size_t row_max);
void series_fini(struct series *s);

/*
 * Appends a row. A row of the last row's second is added to that one, whose sessions it replaces:
 * its end is the later one. An earlier second than the last is a mistake of the caller (checked).
 * False when the row was dropped.
 */
bool series_append(struct series *s, const struct series_row *row);

/*
 * Adds the rows of from second by second, as of two processes that ran side by side. Counts and
 * sessions are added. Percentiles of two sets do not add up: the larger one is kept, which the
 * percentile of both together never exceeds. False when rows were dropped; where memory is
 * exhausted, all of from is.
 */
bool series_merge(struct series *s, const struct series *from);

#endif
