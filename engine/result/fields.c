/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fields.c - which member of the document stands under which key
 *
 * The keys are the contract with tools outside the project: they stay, and so do their units.
 */
#include "result/fields.h"

#define FIELD(type, member, name, what)                                                            \
	{                                                                                          \
		name, what, offsetof(struct type, member), sizeof(((struct type *)0)->member)      \
	}
#define END_OF_FIELDS                                                                              \
	{                                                                                          \
		NULL, FIELD_BOOL, 0, 0                                                             \
	}

const char *const fields_modes[] = {"closed", "open", NULL};
const char *const fields_verdicts[] = {"passed", "failed", "not evaluated", NULL};

const struct field fields_run[] = {
	FIELD(run_identity, id, "id", FIELD_TEXT),
	FIELD(run_identity, command, "command", FIELD_OWNED),
	FIELD(run_identity, started, "started", FIELD_TEXT),
	FIELD(run_identity, seconds, "seconds", FIELD_REAL),
	FIELD(run_identity, drain_seconds, "drain_seconds", FIELD_REAL),
	FIELD(run_identity, is_interrupted, "interrupted", FIELD_BOOL),
	END_OF_FIELDS,
};

const struct field fields_document[] = {
	FIELD(run_document, status, "exit_status", FIELD_STATUS),
	FIELD(run_document, bound_by, "bound_by", FIELD_TEXT_OR_NULL),
	FIELD(run_document, bound_note, "bound_note", FIELD_TEXT_OR_NULL),
	END_OF_FIELDS,
};

const struct field fields_config[] = {
	FIELD(run_config, mode, "mode", FIELD_MODE),
	FIELD(run_config, sessions, "sessions", FIELD_INT),
	FIELD(run_config, threads, "threads", FIELD_INT),
	FIELD(run_config, targets, "targets", FIELD_LIST),
	FIELD(run_config, sources, "sources", FIELD_LIST),
	FIELD(run_config, messages, "messages", FIELD_INTEGER),
	FIELD(run_config, duration_s, "duration_s", FIELD_REAL_OR_NULL),
	FIELD(run_config, warmup_s, "warmup_s", FIELD_REAL),
	FIELD(run_config, rate, "rate", FIELD_OWNED),
	FIELD(run_config, arrivals, "arrivals", FIELD_TEXT_OR_NULL),
	FIELD(run_config, messages_per_connection, "messages_per_connection", FIELD_INTEGER),
	FIELD(run_config, batch_us, "batch_us", FIELD_INTEGER),
	FIELD(run_config, message, "message", FIELD_OWNED),
	FIELD(run_config, recipients, "recipients", FIELD_OWNED),
	FIELD(run_config, use_pipelining, "pipelining", FIELD_BOOL),
	FIELD(run_config, use_chunking, "chunking", FIELD_BOOL),
	FIELD(run_config, auth, "auth", FIELD_TEXT_OR_NULL),
	FIELD(run_config, seed, "seed", FIELD_NUMBER_TEXT),
	END_OF_FIELDS,
};

const struct field fields_config_tls[] = {
	FIELD(run_tls_config, use, "use", FIELD_TEXT),
	FIELD(run_tls_config, verify, "verify", FIELD_TEXT_OR_NULL),
	FIELD(run_tls_config, version_min, "version_min", FIELD_TEXT_OR_NULL),
	FIELD(run_tls_config, version_max, "version_max", FIELD_TEXT_OR_NULL),
	FIELD(run_tls_config, ciphers, "ciphers", FIELD_OWNED),
	FIELD(run_tls_config, groups, "groups", FIELD_OWNED),
	FIELD(run_tls_config, is_resumption_on, "resumption", FIELD_BOOL),
	END_OF_FIELDS,
};

const struct field fields_messages[] = {
	FIELD(run_messages, due, "due", FIELD_COUNT),
	FIELD(run_messages, started, "started", FIELD_COUNT),
	FIELD(run_messages, accepted, "accepted", FIELD_COUNT),
	FIELD(run_messages, deferred, "deferred", FIELD_COUNT),
	FIELD(run_messages, rejected, "rejected", FIELD_COUNT),
	FIELD(run_messages, failed, "failed", FIELD_COUNT),
	FIELD(run_messages, in_doubt, "in_doubt", FIELD_COUNT),
	END_OF_FIELDS,
};

const struct field fields_recipients[] = {
	FIELD(run_recipients, accepted, "accepted", FIELD_COUNT),
	FIELD(run_recipients, deferred, "deferred", FIELD_COUNT),
	FIELD(run_recipients, rejected, "rejected", FIELD_COUNT),
	FIELD(run_recipients, failed, "failed", FIELD_COUNT),
	FIELD(run_recipients, in_doubt, "in_doubt", FIELD_COUNT),
	END_OF_FIELDS,
};

const struct field fields_sessions[] = {
	FIELD(run_sessions, opened, "opened", FIELD_COUNT),
	FIELD(run_sessions, peak, "peak", FIELD_COUNT),
	FIELD(run_sessions, failed, "failed", FIELD_COUNT),
	FIELD(run_sessions, tls_resumed, "tls_resumed", FIELD_COUNT),
	END_OF_FIELDS,
};

/* offered and lag_us are the writer's and the reader's own business. */
const struct field fields_rate[] = {
	FIELD(run_rate, achieved, "achieved", FIELD_REAL),
	FIELD(run_rate, is_valid, "valid", FIELD_BOOL),
	FIELD(run_rate, invalid_because, "invalid_because", FIELD_TEXT_OR_NULL),
	END_OF_FIELDS,
};

const struct field fields_lag[] = {
	FIELD(run_rate, lag_p50_us, "p50", FIELD_INTEGER),
	FIELD(run_rate, lag_p99_us, "p99", FIELD_INTEGER),
	FIELD(run_rate, lag_max_us, "max", FIELD_INTEGER),
	END_OF_FIELDS,
};

const struct field fields_latency[] = {
	FIELD(run_latency, count, "count", FIELD_COUNT),
	FIELD(run_latency, mean_us, "mean", FIELD_REAL),
	FIELD(run_latency, min_us, "min", FIELD_INTEGER),
	FIELD(run_latency, p50_us, "p50", FIELD_INTEGER),
	FIELD(run_latency, p90_us, "p90", FIELD_INTEGER),
	FIELD(run_latency, p99_us, "p99", FIELD_INTEGER),
	FIELD(run_latency, p99_9_us, "p99_9", FIELD_INTEGER),
	FIELD(run_latency, p99_99_us, "p99_99", FIELD_INTEGER),
	FIELD(run_latency, max_us, "max", FIELD_INTEGER),
	END_OF_FIELDS,
};

const struct field fields_reply[] = {
	FIELD(run_reply, command, "command", FIELD_TEXT),
	FIELD(run_reply, code, "code", FIELD_INT),
	FIELD(run_reply, enhanced, "enhanced", FIELD_TEXT_OR_NULL),
	FIELD(run_reply, class, "class", FIELD_TEXT_OR_NONE),
	FIELD(run_reply, count, "count", FIELD_COUNT),
	FIELD(run_reply, sample, "sample", FIELD_TEXT),
	END_OF_FIELDS,
};

const struct field fields_error[] = {
	FIELD(run_error, phase, "phase", FIELD_TEXT),
	FIELD(run_error, kind, "kind", FIELD_TEXT),
	FIELD(run_error, count, "count", FIELD_COUNT),
	FIELD(run_error, sample, "sample", FIELD_TEXT_OR_NULL),
	FIELD(run_error, hint, "hint", FIELD_TEXT_OR_NULL),
	END_OF_FIELDS,
};

const struct field fields_tls[] = {
	FIELD(run_tls, version, "version", FIELD_TEXT),
	FIELD(run_tls, cipher, "cipher", FIELD_TEXT),
	FIELD(run_tls, group, "group", FIELD_TEXT_OR_NULL),
	FIELD(run_tls, is_resumed, "resumed", FIELD_BOOL),
	FIELD(run_tls, count, "count", FIELD_COUNT),
	END_OF_FIELDS,
};

const struct field fields_second[] = {
	FIELD(run_second, t_s, "t", FIELD_REAL),
	FIELD(run_second, started, "started", FIELD_COUNT),
	FIELD(run_second, accepted, "accepted", FIELD_COUNT),
	FIELD(run_second, deferred, "deferred", FIELD_COUNT),
	FIELD(run_second, rejected, "rejected", FIELD_COUNT),
	FIELD(run_second, failed, "failed", FIELD_COUNT),
	FIELD(run_second, sessions, "sessions", FIELD_COUNT),
	FIELD(run_second, p50_us, "p50_us", FIELD_INTEGER),
	FIELD(run_second, p99_us, "p99_us", FIELD_INTEGER),
	END_OF_FIELDS,
};

const struct field fields_resources[] = {
	FIELD(run_resources, cpu_user_s, "cpu_user_s", FIELD_REAL),
	FIELD(run_resources, cpu_system_s, "cpu_system_s", FIELD_REAL),
	FIELD(run_resources, peak_rss_bytes, "peak_rss_bytes", FIELD_COUNT),
	FIELD(run_resources, bytes_in, "bytes_in", FIELD_COUNT),
	FIELD(run_resources, bytes_out, "bytes_out", FIELD_COUNT),
	END_OF_FIELDS,
};

const struct field fields_limit[] = {
	FIELD(run_limit, name, "name", FIELD_TEXT),
	FIELD(run_limit, value, "value", FIELD_COUNT),
	FIELD(run_limit, limit, "limit", FIELD_COUNT),
	FIELD(run_limit, is_hit, "hit", FIELD_BOOL),
	FIELD(run_limit, note, "note", FIELD_TEXT_OR_NULL),
	END_OF_FIELDS,
};

const struct field fields_threshold[] = {
	FIELD(run_threshold, expression, "expression", FIELD_TEXT),
	FIELD(run_threshold, value, "value", FIELD_REAL_OR_NAN),
	FIELD(run_threshold, unit, "unit", FIELD_TEXT),
	FIELD(run_threshold, verdict, "verdict", FIELD_VERDICT),
	FIELD(run_threshold, note, "note", FIELD_TEXT_OR_NULL),
	END_OF_FIELDS,
};

const struct field fields_host[] = {
	FIELD(run_host, volley, "volley", FIELD_TEXT),
	FIELD(run_host, kernel, "kernel", FIELD_TEXT),
	FIELD(run_host, liburing, "liburing", FIELD_TEXT),
	FIELD(run_host, tls_library, "tls_library", FIELD_TEXT),
	FIELD(run_host, cpus, "cpus", FIELD_INT),
	END_OF_FIELDS,
};

const struct field fields_end_to_end[] = {
	FIELD(run_end_to_end, received, "received", FIELD_COUNT),
	FIELD(run_end_to_end, lost, "lost", FIELD_COUNT),
	FIELD(run_end_to_end, duplicated, "duplicated", FIELD_COUNT),
	END_OF_FIELDS,
};

const struct field fields_pace[] = {
	FIELD(run_pace, scale, "scale", FIELD_INT),
	FIELD(run_pace, does_adapt, "adapt", FIELD_BOOL),
	FIELD(run_pace, interval_s, "interval_s", FIELD_REAL_OR_NULL),
	FIELD(run_pace, aborted_because, "aborted_because", FIELD_TEXT_OR_NULL),
	END_OF_FIELDS,
};

const struct field fields_pace_target[] = {
	FIELD(run_pace_target, target, "target", FIELD_TEXT),
	FIELD(run_pace_target, profile, "profile", FIELD_TEXT_OR_NULL),
	FIELD(run_pace_target, headroom, "headroom", FIELD_REAL),
	FIELD(run_pace_target, paths, "paths", FIELD_COUNT),
	FIELD(run_pace_target, throttled, "throttled", FIELD_COUNT),
	FIELD(run_pace_target, dropped, "dropped", FIELD_COUNT),
	FIELD(run_pace_target, pauses, "pauses", FIELD_COUNT),
	FIELD(run_pace_target, rests, "rests", FIELD_COUNT),
	FIELD(run_pace_target, cuts, "cuts", FIELD_COUNT),
	FIELD(run_pace_target, connections_peak, "connections_peak", FIELD_COUNT),
	FIELD(run_pace_target, connections_allowed, "connections_allowed", FIELD_COUNT),
	FIELD(run_pace_target, connections_refused, "connections_refused", FIELD_COUNT),
	FIELD(run_pace_target, rate, "rate", FIELD_REAL_OR_NULL),
	FIELD(run_pace_target, rate_refused, "rate_refused", FIELD_REAL_OR_NULL),
	FIELD(run_pace_target, messages_per_connection, "messages_per_connection", FIELD_INTEGER),
	END_OF_FIELDS,
};

const struct field fields_pace_hold[] = {
	FIELD(run_pace_hold, target, "target", FIELD_TEXT),
	FIELD(run_pace_hold, by, "by", FIELD_TEXT),
	FIELD(run_pace_hold, limit, "limit", FIELD_TEXT_OR_NULL),
	FIELD(run_pace_hold, seconds, "seconds", FIELD_REAL),
	FIELD(run_pace_hold, share, "share", FIELD_REAL),
	END_OF_FIELDS,
};

static void *add_reply(struct run_document *d)
{
	return run_add_reply(d);
}

static void *add_error(struct run_document *d)
{
	return run_add_error(d);
}

static void *add_tls(struct run_document *d)
{
	return run_add_tls(d);
}

static void *add_second(struct run_document *d)
{
	return run_add_second(d);
}

static void *add_limit(struct run_document *d)
{
	return run_add_limit(d);
}

static void *add_threshold(struct run_document *d)
{
	return run_add_threshold(d);
}

static void *add_pace_target(struct run_document *d)
{
	return run_add_pace_target(d);
}

static void *add_pace_hold(struct run_document *d)
{
	return run_add_pace_hold(d);
}

#define TABLE(name, rows, count, fields, add)                                                      \
	{                                                                                          \
		name, fields, offsetof(struct run_document, rows),                                 \
			offsetof(struct run_document, count),                                      \
			sizeof(*((struct run_document *)0)->rows), add                             \
	}

const struct field_table field_tables[] = {
	TABLE("replies", replies, reply_count, fields_reply, add_reply),
	TABLE("errors", errors, error_count, fields_error, add_error),
	TABLE("tls", tls, tls_count, fields_tls, add_tls),
	TABLE("thresholds", thresholds, threshold_count, fields_threshold, add_threshold),
	TABLE("limits", limits, limit_count, fields_limit, add_limit),
	TABLE("series", series, series_count, fields_second, add_second),
	{NULL, NULL, 0, 0, 0, NULL},
};

/* Within the object "pace". */
const struct field_table field_pace_tables[] = {
	TABLE("targets", pace.targets, pace.target_count, fields_pace_target, add_pace_target),
	TABLE("held", pace.holds, pace.hold_count, fields_pace_hold, add_pace_hold),
	{NULL, NULL, 0, 0, 0, NULL},
};

const struct field_object field_objects[] = {
	{"run", fields_run, offsetof(struct run_document, run)},
	{"config", fields_config, offsetof(struct run_document, config)},
	{"messages", fields_messages, offsetof(struct run_document, messages)},
	{"recipients", fields_recipients, offsetof(struct run_document, recipients)},
	{"sessions", fields_sessions, offsetof(struct run_document, sessions)},
	{"rate", fields_rate, offsetof(struct run_document, rate)},
	{"resources", fields_resources, offsetof(struct run_document, resources)},
	{"host", fields_host, offsetof(struct run_document, host)},
	{NULL, NULL, 0},
};
