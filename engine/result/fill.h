/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fill.h - histograms, tallies and series turned into the document of a run
 *
 * The functions that add rows clean the peers' text (run_text_clean()) and answer false when
 * memory is exhausted.
 */
#ifndef VOLLEY_RESULT_FILL_H
#define VOLLEY_RESULT_FILL_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "result/run.h"
#include "stats/hdr.h"
#include "stats/series.h"
#include "terms/phase.h"
#include "terms/reply.h"

/* h may be NULL: the phase did not occur. */
void run_fill_latency(struct run_latency *latency, const struct hdr *h);

/* Response, service and the rest: d->latency by enum phase; a NULL did not occur. */
void run_fill_phases(struct run_document *d, struct hdr *const phases[PHASE_COUNT]);

/* Schedule lag of an open loop into d->rate; a percentile with too few samples is RUN_NONE. */
void run_fill_lag(struct run_document *d, const struct hdr *lag);

/* One row of replies[]; reply->text is not used, sample is. command: "rcpt". */
bool run_fill_reply(struct run_document *d, const char *command, const struct reply *reply,
		    uint64_t count, struct span sample);

bool run_fill_error(struct run_document *d, const char *phase, const char *kind, uint64_t count,
		    struct span sample, const char *hint);

/* limit 0: a mere counter. note: what it means where it was hit, or "". */
bool run_fill_limit(struct run_document *d, const char *name, uint64_t value, uint64_t limit,
		    bool is_hit, const char *note);

bool run_fill_series(struct run_document *d, const struct series *s);

/* RFC 3339 in UTC with milliseconds: "2023-11-21T11:33:00.250Z". */
void run_fill_started(struct run_document *d, int64_t wall_ns);

#endif
