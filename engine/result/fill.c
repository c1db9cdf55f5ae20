/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fill.c - histograms, tallies and series turned into the document of a run
 *
 * The rule that a percentile needs ten samples beyond it is applied here, once: everything that
 * shows a document inherits it.
 */
#include "result/fill.h"
#include <stdio.h>

_Static_assert(RUN_PHASE_COUNT == PHASE_COUNT, "run_phase_names follow enum phase");
_Static_assert(RUN_PHASE_RESPONSE == PHASE_RESPONSE && RUN_PHASE_SERVICE == PHASE_SERVICE,
	       "as above");
_Static_assert(RUN_NONE == SERIES_NONE, "unknown percentiles are passed on as they are");

static int64_t percentile(const struct hdr *h, double at)
{
	return hdr_samples_beyond(h, at) < HDR_SAMPLES_MIN ? RUN_NONE : hdr_percentile(h, at);
}

void run_fill_latency(struct run_latency *latency, const struct hdr *h)
{
	*latency = (struct run_latency){
		.min_us = RUN_NONE,
		.p50_us = RUN_NONE,
		.p90_us = RUN_NONE,
		.p99_us = RUN_NONE,
		.p99_9_us = RUN_NONE,
		.p99_99_us = RUN_NONE,
		.max_us = RUN_NONE,
	};
	if (!h || h->total == 0)
		return;
	latency->count = h->total;
	latency->mean_us = hdr_mean(h);
	latency->min_us = h->min_us;
	latency->p50_us = percentile(h, 50);
	latency->p90_us = percentile(h, 90);
	latency->p99_us = percentile(h, 99);
	latency->p99_9_us = percentile(h, 99.9);
	latency->p99_99_us = percentile(h, 99.99);
	latency->max_us = h->max_us;
}

void run_fill_phases(struct run_document *d, struct hdr *const phases[PHASE_COUNT])
{
	for (int i = 0; i < PHASE_COUNT; i++)
		run_fill_latency(&d->latency[i], phases[i]);
}

void run_fill_lag(struct run_document *d, const struct hdr *lag)
{
	struct run_latency l;

	run_fill_latency(&l, lag);
	d->rate.lag_p50_us = l.p50_us;
	d->rate.lag_p99_us = l.p99_us;
	d->rate.lag_max_us = l.max_us;
}

bool run_fill_reply(struct run_document *d, const char *command, const struct reply *reply,
		    uint64_t count, struct span sample)
{
	struct run_reply *row = run_add_reply(d);

	if (!row)
		return false;
	snprintf(row->command, sizeof(row->command), "%s", command);
	row->code = reply->code;
	enhanced_text(reply->enhanced, row->enhanced);
	row->count = count;
	run_text_clean(sample, row->sample, sizeof(row->sample));
	return true;
}

bool run_fill_error(struct run_document *d, const char *phase, const char *kind, uint64_t count,
		    struct span sample, const char *hint)
{
	struct run_error *row = run_add_error(d);

	if (!row)
		return false;
	snprintf(row->phase, sizeof(row->phase), "%s", phase);
	run_text_clean(span_of(kind), row->kind, sizeof(row->kind));
	row->count = count;
	run_text_clean(sample, row->sample, sizeof(row->sample));
	run_text_clean(span_of(hint), row->hint, sizeof(row->hint));
	return true;
}

bool run_fill_limit(struct run_document *d, const char *name, uint64_t value, uint64_t limit,
		    bool is_hit, const char *note)
{
	struct run_limit *row = run_add_limit(d);

	if (!row)
		return false;
	snprintf(row->name, sizeof(row->name), "%s", name);
	row->value = value;
	row->limit = limit;
	row->is_hit = is_hit;
	run_text_clean(span_of(note), row->note, sizeof(row->note));
	return true;
}

bool run_fill_series(struct run_document *d, const struct series *s)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct series_row *from = &s->rows[i];
		struct run_second *row = run_add_second(d);

		if (!row)
			return false;
		*row = (struct run_second){
			.t_s = (double)from->t_s,
			.started = from->started,
			.accepted = from->accepted,
			.deferred = from->deferred,
			.rejected = from->rejected,
			.failed = from->failed,
			.sessions = from->sessions,
			.p50_us = from->p50_us,
			.p99_us = from->p99_us,
		};
	}
	return true;
}

void run_fill_started(struct run_document *d, int64_t wall_ns)
{
	date_text(wall_ns, 3, d->run.started);
}
