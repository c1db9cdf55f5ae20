/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * meter.h - how much passed in a window, at most: an independent count
 *
 * Knows nothing of how limits are kept: sums for parts of the period, and their greatest totals.
 * So that a sink can say whether a limit held, and not only that it believes so. A plain value;
 * the caller locks.
 */
#ifndef VOLLEY_SINK_METER_H
#define VOLLEY_SINK_METER_H
#include <stdint.h>

#define METER_PARTS 64

struct meter {
	int64_t period_ns; /* 0: what is in use at once */
	int64_t align_ns;  /* added to a time, so that windows begin at multiples of the period */
	int64_t part;	   /* number of the latest part */
	int64_t window;	   /* number of the latest window */
	uint64_t parts[METER_PARTS];
	uint64_t sliding;     /* sum of parts; in use at once where there is no period */
	uint64_t in_window;   /* since the latest multiple of the period */
	uint64_t sliding_max; /* within a period, wherever it begins on a part's edge */
	uint64_t window_max;  /* from one multiple of the period to the next */
};

void meter_init(struct meter *m, int64_t period_ns, int64_t align_ns);

void meter_add(struct meter *m, uint64_t amount, int64_t now_ns);

/* What was added at at_ns was none. */
void meter_take_back(struct meter *m, uint64_t amount, int64_t at_ns);

/* What the period that ends now holds. */
uint64_t meter_sum(struct meter *m, int64_t now_ns);

#endif
