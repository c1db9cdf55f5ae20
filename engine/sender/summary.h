/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * summary.h - what was recorded, turned into the run's document
 *
 * Internal to sender/: run.c calls it once, when all workers have ended.
 */
#ifndef VOLLEY_SENDER_SUMMARY_H
#define VOLLEY_SENDER_SUMMARY_H
#include "net/transport.h"
#include "result/run.h"
#include "sender/pacing.h"
#include "sender/plan.h"
#include "sender/record.h"
#include "stats/series.h"

/* How the run went, beside what was recorded. */
struct summary {
	const struct sender_plan *plan;
	const struct record *total;
	const struct series *series;
	struct pacing *pacing;		    /* NULL: the run was not paced */
	int64_t now_ns;			    /* monotonic, for what the pace stands at */
	struct transport_counters counters; /* added up over workers */
	int64_t started_wall_ns, measured_ns, drain_ns;
	uint64_t left_over; /* due in the measured part and never started */
	uint64_t sessions_peak;
	double busy_share; /* of one worker's time, waiting and polling excluded; the busiest */
	uint64_t syn_retransmits;
	uint64_t handshakes_put_off;
	double cpu_user_s, cpu_system_s;
	uint64_t peak_rss;
	bool is_interrupted, is_terminated, is_unreachable, has_stalled;
};

/* False when memory is exhausted. Sets d->status. */
bool summary_fill(const struct summary *s, struct run_document *d);

#endif
