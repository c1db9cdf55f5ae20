/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * gcra.h - a rate kept exactly, in one 64-bit word
 *
 * The generic cell rate algorithm (ITU-T I.371): the word is the time at which the next event
 * would conform. Taking is a compare-and-swap, so that one limit serves all threads and nothing
 * is lost between them. Time is an argument.
 */
#ifndef VOLLEY_PACE_GCRA_H
#define VOLLEY_PACE_GCRA_H
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/units.h"

struct gcra {
	_Atomic int64_t next_ns; /* the theoretical arrival time of the next event */
	int64_t interval_ns;	 /* between two events; 0: no limit */
	int64_t burst_ns;	 /* how far ahead of that the events may run */
};

/* burst: events that may follow each other at once after a pause; >= 1. Rate 0: no limit. */
void gcra_init(struct gcra *g, struct rate rate, uint64_t burst, int64_t now_ns);

/* Takes one event. False: not yet; *ret_when_ns says from when on. Any thread. */
bool gcra_take(struct gcra *g, int64_t now_ns, int64_t *ret_when_ns);

#endif
