/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * threshold.c - what a run must keep to: evaluation
 *
 * A threshold that cannot be judged does not fail the run and does not pass silently either: it
 * is shown as not evaluated, with the reason.
 */
#include "result/threshold.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "result/metrics.h"

/* What was found: the value, or why there is none. */
struct finding {
	double value;
	const char *note; /* NULL when there is a value */
};

static struct finding found(double value)
{
	return (struct finding){value, NULL};
}

static struct finding missing(const char *note)
{
	return (struct finding){NAN, note};
}

static struct finding share(double part, double whole)
{
	return whole > 0 ? found(part / whole * 100)
			 : missing("there is nothing to take a share of");
}

static struct finding find_latency(const struct threshold *t, const struct run_document *d)
{
	bool is_end_to_end = t->phase == RUN_PHASE_COUNT;
	const struct run_latency *l =
		is_end_to_end ? &d->end_to_end.latency : &d->latency[t->phase];
	int64_t value_us;

	if (is_end_to_end && !d->end_to_end.is_known)
		return missing("no sink's count was joined to this run");
	if (t->unit == THRESHOLD_NUMBER)
		return found((double)l->count);
	if (l->count == 0)
		return missing("this phase did not occur");
	if (metric_stats[t->stat].is_mean)
		return found(l->mean_us / 1000);
	memcpy(&value_us, (const char *)l + metric_stats[t->stat].offset, sizeof(value_us));
	if (value_us == RUN_NONE)
		return missing("fewer than ten samples lie beyond this percentile");
	return found((double)value_us / 1000);
}

static struct finding find_replies(const struct threshold *t, const struct run_document *d)
{
	double part = 0, whole = 0;

	for (size_t i = 0; i < d->reply_count; i++) {
		const struct run_reply *r = &d->replies[i];

		if (t->command[0] && strcmp(t->command, r->command) != 0)
			continue;
		whole += (double)r->count;
		if (t->code == r->code || t->code == r->code / 100)
			part += (double)r->count;
	}
	return t->unit == THRESHOLD_PERCENT ? share(part, whole) : found(part);
}

static struct finding find_errors(const struct threshold *t, const struct run_document *d)
{
	double count = 0;

	for (size_t i = 0; i < d->error_count; i++)
		if (t->phase < 0 || !strcmp(d->errors[i].phase, run_phase_names[t->phase]))
			count += (double)d->errors[i].count;
	return t->unit == THRESHOLD_PERCENT ? share(count, (double)d->sessions.opened)
					    : found(count);
}

static struct finding find_figure(const struct threshold *t, const struct run_document *d)
{
	const struct metric_figure *figure = &metric_figures[t->figure];
	double value;

	if (figure->is_of_sink && !d->end_to_end.is_known)
		return missing("no sink's count was joined to this run");
	value = figure->value(d);
	if (isnan(value))
		return missing(figure->missing);
	return t->unit == THRESHOLD_PERCENT ? share(value, figure->whole(d)) : found(value);
}

static struct finding find(const struct threshold *t, const struct run_document *d)
{
	if (d->run.is_interrupted)
		return missing("the run was interrupted");
	switch (t->metric) {
	case THRESHOLD_LATENCY:
		return find_latency(t, d);
	case THRESHOLD_REPLIES:
		return find_replies(t, d);
	case THRESHOLD_ERRORS:
		return find_errors(t, d);
	case THRESHOLD_FIGURE:
		return find_figure(t, d);
	}
	return missing("it is unknown");
}

static bool holds(const struct threshold *t, double value)
{
	switch (t->op) {
	case THRESHOLD_LT:
		return value < t->bound;
	case THRESHOLD_LE:
		return value <= t->bound;
	case THRESHOLD_GT:
		return value > t->bound;
	case THRESHOLD_GE:
		return value >= t->bound;
	}
	return false;
}

void threshold_evaluate(const struct threshold *t, const struct run_document *d,
			struct run_threshold *ret_verdict)
{
	static const char *const units[] = {
		[THRESHOLD_NUMBER] = "", [THRESHOLD_PERCENT] = "%", [THRESHOLD_DURATION] = "ms",
		[THRESHOLD_RATE] = "/s", [THRESHOLD_SIZE] = "B",
	};
	struct finding f = find(t, d);
	struct run_threshold v = {.value = f.value, .verdict = RUN_NOT_EVALUATED};

	snprintf(v.expression, sizeof(v.expression), "%s", t->expression);
	snprintf(v.unit, sizeof(v.unit), "%s", units[t->unit]);
	if (f.note)
		snprintf(v.note, sizeof(v.note), "%s", f.note);
	else
		v.verdict = holds(t, f.value) ? RUN_PASSED : RUN_FAILED;
	*ret_verdict = v;
}

int threshold_judge(const struct threshold *thresholds, int count, struct run_document *d)
{
	int failed = 0;

	for (int i = 0; i < count; i++) {
		struct run_threshold verdict, *row;

		threshold_evaluate(&thresholds[i], d, &verdict);
		row = run_add_threshold(d);
		if (!row)
			return -1;
		*row = verdict;
		failed += verdict.verdict == RUN_FAILED;
	}
	if (failed > 0 && d->status == EXIT_WELL)
		d->status = EXIT_THRESHOLD;
	return failed;
}
