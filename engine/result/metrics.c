/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * metrics.c - the figures of a document under the names that thresholds use
 */
#include "result/metrics.h"
#include <math.h>

const struct metric_stat metric_stats[] = {
	{"mean", 0, true, false},
	{"min", offsetof(struct run_latency, min_us), false, false},
	{"p50", offsetof(struct run_latency, p50_us), false, false},
	{"p90", offsetof(struct run_latency, p90_us), false, false},
	{"p99", offsetof(struct run_latency, p99_us), false, false},
	{"p99.9", offsetof(struct run_latency, p99_9_us), false, false},
	{"p99.99", offsetof(struct run_latency, p99_99_us), false, false},
	{"max", offsetof(struct run_latency, max_us), false, false},
	{"count", 0, false, true},
	{NULL, 0, false, false},
};

/* A function that reads one counter as a number. */
#define COUNTER(name, member)                                                                      \
	static double name(const struct run_document *d)                                           \
	{                                                                                          \
		return (double)d->member;                                                          \
	}

COUNTER(messages_due, messages.due)
COUNTER(messages_started, messages.started)
COUNTER(messages_accepted, messages.accepted)
COUNTER(messages_deferred, messages.deferred)
COUNTER(messages_rejected, messages.rejected)
COUNTER(messages_failed, messages.failed)
COUNTER(messages_in_doubt, messages.in_doubt)
COUNTER(recipients_accepted, recipients.accepted)
COUNTER(recipients_deferred, recipients.deferred)
COUNTER(recipients_rejected, recipients.rejected)
COUNTER(recipients_failed, recipients.failed)
COUNTER(recipients_in_doubt, recipients.in_doubt)
COUNTER(sessions_opened, sessions.opened)
COUNTER(sessions_peak, sessions.peak)
COUNTER(sessions_failed, sessions.failed)
COUNTER(sessions_resumed, sessions.tls_resumed)
COUNTER(sink_received, end_to_end.received)
COUNTER(sink_lost, end_to_end.lost)
COUNTER(sink_duplicated, end_to_end.duplicated)
COUNTER(rate_achieved, rate.achieved)
COUNTER(rss, resources.peak_rss_bytes)

static double recipients_all(const struct run_document *d)
{
	const struct run_recipients *r = &d->recipients;

	return (double)(r->accepted + r->deferred + r->rejected + r->failed + r->in_doubt);
}

static double sink_expected(const struct run_document *d)
{
	return (double)(d->end_to_end.received + d->end_to_end.lost);
}

static double rate_offered(const struct run_document *d)
{
	return d->rate.has_offered ? d->rate.offered : NAN;
}

/* A share of an offer that does not exist is a share of nothing. */
static double rate_whole(const struct run_document *d)
{
	return d->rate.has_offered ? d->rate.offered : 0;
}

static double lag_ms(int64_t lag_us)
{
	return lag_us == RUN_NONE ? NAN : (double)lag_us / 1000;
}

static double lag_p50(const struct run_document *d)
{
	return lag_ms(d->rate.lag_p50_us);
}

static double lag_p99(const struct run_document *d)
{
	return lag_ms(d->rate.lag_p99_us);
}

static double lag_max(const struct run_document *d)
{
	return lag_ms(d->rate.lag_max_us);
}

static double cpu_ms(const struct run_document *d)
{
	return (d->resources.cpu_user_s + d->resources.cpu_system_s) * 1000;
}

static double cpu_per_message_ms(const struct run_document *d)
{
	return d->messages.started ? cpu_ms(d) / (double)d->messages.started : NAN;
}

#define NO_OFFER "a closed loop has no schedule"
#define NO_LAG	 "a closed loop has no schedule, and a percentile needs ten samples beyond it"

const struct metric_figure metric_figures[] = {
	{"messages.due", THRESHOLD_NUMBER, false, messages_due, messages_started, NULL},
	{"messages.started", THRESHOLD_NUMBER, false, messages_started, messages_due, NULL},
	{"messages.accepted", THRESHOLD_NUMBER, false, messages_accepted, messages_started, NULL},
	{"messages.deferred", THRESHOLD_NUMBER, false, messages_deferred, messages_started, NULL},
	{"messages.rejected", THRESHOLD_NUMBER, false, messages_rejected, messages_started, NULL},
	{"messages.failed", THRESHOLD_NUMBER, false, messages_failed, messages_started, NULL},
	{"messages.in_doubt", THRESHOLD_NUMBER, false, messages_in_doubt, messages_started, NULL},
	{"recipients.accepted", THRESHOLD_NUMBER, false, recipients_accepted, recipients_all, NULL},
	{"recipients.deferred", THRESHOLD_NUMBER, false, recipients_deferred, recipients_all, NULL},
	{"recipients.rejected", THRESHOLD_NUMBER, false, recipients_rejected, recipients_all, NULL},
	{"recipients.failed", THRESHOLD_NUMBER, false, recipients_failed, recipients_all, NULL},
	{"recipients.in_doubt", THRESHOLD_NUMBER, false, recipients_in_doubt, recipients_all, NULL},
	{"sessions.opened", THRESHOLD_NUMBER, false, sessions_opened, sessions_opened, NULL},
	{"sessions.peak", THRESHOLD_NUMBER, false, sessions_peak, sessions_opened, NULL},
	{"sessions.failed", THRESHOLD_NUMBER, false, sessions_failed, sessions_opened, NULL},
	{"sessions.tls_resumed", THRESHOLD_NUMBER, false, sessions_resumed, sessions_opened, NULL},
	{"end_to_end.received", THRESHOLD_NUMBER, true, sink_received, sink_expected, NULL},
	{"end_to_end.lost", THRESHOLD_NUMBER, true, sink_lost, sink_expected, NULL},
	{"end_to_end.duplicated", THRESHOLD_NUMBER, true, sink_duplicated, sink_expected, NULL},
	{"rate.achieved", THRESHOLD_RATE, false, rate_achieved, rate_whole, NULL},
	{"rate.offered", THRESHOLD_RATE, false, rate_offered, NULL, NO_OFFER},
	{"rate.lag_p50", THRESHOLD_DURATION, false, lag_p50, NULL, NO_LAG},
	{"rate.lag_p99", THRESHOLD_DURATION, false, lag_p99, NULL, NO_LAG},
	{"rate.lag_max", THRESHOLD_DURATION, false, lag_max, NULL, NO_LAG},
	{"cpu", THRESHOLD_DURATION, false, cpu_ms, NULL, NULL},
	{"cpu.per_message", THRESHOLD_DURATION, false, cpu_per_message_ms, NULL,
	 "no message was started"},
	{"rss", THRESHOLD_SIZE, false, rss, NULL, NULL},
	{NULL, THRESHOLD_NUMBER, false, NULL, NULL, NULL},
};
