/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sink_status_json.c - the document of a sink as JSON
 *
 * The tree is built whole and then written. jansson's functions take NULL for a value that could
 * not be made and fail on it, so that it is enough to look at the last result of each object.
 */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include "result/json_out.h"
#include "result/sink_status.h"

static json_t *count_of(uint64_t count)
{
	return json_integer(count > INT64_MAX ? INT64_MAX : (json_int_t)count);
}

static json_t *real_of(double value)
{
	return json_real(isfinite(value) ? round(value * 1e6) / 1e6 : 0);
}

static json_t *text_of(const char *text)
{
	char clean[RUN_SAMPLE_MAX];
	json_t *value = json_string(text);

	if (value)
		return value;
	run_text_clean(span_of(text), clean, sizeof(clean));
	return json_string(clean);
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? text_of(text) : json_null();
}

static json_t *us_of(int64_t us)
{
	return us == RUN_NONE ? json_null() : json_integer(us);
}

static json_t *latency_of(const struct run_latency *l)
{
	return json_pack("{so so so so so so so so so}", "count", count_of(l->count), "mean",
			 real_of(l->mean_us), "min", us_of(l->min_us), "p50", us_of(l->p50_us),
			 "p90", us_of(l->p90_us), "p99", us_of(l->p99_us), "p99_9",
			 us_of(l->p99_9_us), "p99_99", us_of(l->p99_99_us), "max",
			 us_of(l->max_us));
}

static json_t *reply_of(const struct sink_status *s, size_t i)
{
	const struct sink_status_reply *r = &s->replies[i];

	return json_pack("{so so so}", "command", text_of(r->command), "code",
			 json_integer(r->code), "count", count_of(r->count));
}

static json_t *client_of(const struct sink_status *s, size_t i)
{
	const struct sink_status_client *c = &s->clients[i];

	return json_pack("{so so so so so so}", "address", text_of(c->address), "sessions",
			 count_of(c->sessions), "messages", count_of(c->messages), "recipients",
			 count_of(c->recipients), "octets", count_of(c->octets), "rejects",
			 count_of(c->rejects));
}

static json_t *tls_of(const struct sink_status *s, size_t i)
{
	const struct sink_status_tls *t = &s->tls[i];

	return json_pack("{so so so so so}", "version", text_of(t->version), "cipher",
			 text_of(t->cipher), "group", text_or_null(t->group), "resumed",
			 json_boolean(t->is_resumed), "count", count_of(t->count));
}

static json_t *cause_of(const struct sink_status_cause *c)
{
	return json_pack("{so so}", "kind", text_of(c->name), "count", count_of(c->count));
}

static json_t *tls_failure_of(const struct sink_status *s, size_t i)
{
	return cause_of(&s->tls_failures[i]);
}

static json_t *end_of(const struct sink_status *s, size_t i)
{
	return cause_of(&s->ends[i]);
}

static json_t *fault_of(const struct sink_status *s, size_t i)
{
	const struct sink_status_fault *f = &s->faults[i];

	return json_pack("{so so so so}", "rule", text_of(f->rule), "seen", count_of(f->seen),
			 "fired", count_of(f->fired), "delay_us",
			 f->delay.count > 0 ? latency_of(&f->delay) : json_null());
}

static json_t *run_of(const struct sink_status *s, size_t i)
{
	const struct sink_status_run *r = &s->runs[i];

	return json_pack("{so so so so so so so}", "run", text_of(r->id), "received",
			 count_of(r->received), "duplicated", count_of(r->duplicated), "lost",
			 count_of(r->lost), "expected", count_of(r->expected), "highest",
			 count_of(r->highest), "latency_us", latency_of(&r->latency));
}

static json_t *listener_of(const struct sink_status *s, size_t i)
{
	return text_of(s->listeners.items[i]);
}

static bool set(json_t *root, const char *key, json_t *value)
{
	return json_object_set_new(root, key, value) == 0;
}

static json_t *limit_of(const struct sink_status *s, size_t i)
{
	const struct sink_status_limit *l = &s->limits[i];
	char text[LIMIT_TEXT_MAX];

	return json_pack("{so so so so so so so so so so so so so so so so so so}", "profile",
			 text_of(l->profile), "where", text_of(l->where), "from_s",
			 real_of(l->from_s), "limit", text_of(l->name), "text",
			 text_of(limit_text(&l->limit, text)), "amount", count_of(l->limit.amount),
			 "unit", text_of(limit_unit_name(l->limit.unit)), "per",
			 text_of(limit_scope_name(l->limit.scope)), "window",
			 text_of(limit_window_name(l->limit.window)), "counts",
			 text_of(l->limit.counts_accepted ? "accepted" : "attempted"), "window_s",
			 real_of(l->window_s), "keys", count_of(l->keys), "passed",
			 count_of(l->passed), "refused", count_of(l->refused), "peak",
			 count_of(l->peak), "counted", count_of(l->counted), "worst",
			 text_or_null(l->worst), "worst_refused", count_of(l->worst_refused));
}

static json_t *rule_of(const struct sink_status *s, size_t i)
{
	const struct sink_status_rule *r = &s->rules[i];

	return json_pack("{so so so so so}", "profile", text_of(r->profile), "where",
			 text_of(r->where), "from_s", real_of(r->from_s), "rule", text_of(r->name),
			 "said", count_of(r->said));
}

static bool set_rows(json_t *root, const char *key, const struct sink_status *s, size_t count,
		     json_t *(*row_of)(const struct sink_status *s, size_t i))
{
	json_t *rows = json_array();

	if (!set(root, key, rows))
		return false;
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(rows, row_of(s, i)) < 0)
			return false;
	return true;
}

/* "delays_us": {"rcpt": {...}} */
static bool set_delays(json_t *root, const struct sink_status *s)
{
	json_t *delays = json_object();

	if (!set(root, "delays_us", delays))
		return false;
	for (size_t i = 0; i < s->delay_count; i++)
		if (!set(delays, s->delays[i].phase, latency_of(&s->delays[i].delay)))
			return false;
	return true;
}

static bool set_end_to_end(json_t *root, const struct sink_status *s)
{
	const struct run_end_to_end *t = &s->end_to_end;

	if (!t->is_known)
		return set(root, "end_to_end", json_null());
	return set(root, "end_to_end",
		   json_pack("{so so so so so so}", "received", count_of(t->received), "lost",
			     count_of(t->lost), "duplicated", count_of(t->duplicated), "malformed",
			     count_of(s->ids_malformed), "beyond", count_of(s->ids_beyond),
			     "latency_us", latency_of(&t->latency)));
}

static json_t *sessions_of(const struct sink_status *s)
{
	return json_pack("{so so so so so so so so}", "accepted", count_of(s->sessions.accepted),
			 "peak", count_of(s->sessions.peak), "open_at_end",
			 count_of(s->sessions.open_at_end), "over_limit",
			 count_of(s->sessions.over_limit), "refused", count_of(s->sessions.refused),
			 "timed_out", count_of(s->sessions.timed_out), "sealed",
			 count_of(s->sessions.sealed), "logins", count_of(s->sessions.logins));
}

static json_t *messages_of(const struct sink_status *s)
{
	return json_pack("{so so so so so so so}", "accepted", count_of(s->messages.accepted),
			 "deferred", count_of(s->messages.deferred), "rejected",
			 count_of(s->messages.rejected), "unanswered",
			 count_of(s->messages.unanswered), "broken", count_of(s->messages.broken),
			 "recipients", count_of(s->messages.recipients), "octets",
			 count_of(s->messages.octets));
}

static json_t *protocol_of(const struct sink_status *s)
{
	return json_pack("{so so so so so}", "commands", count_of(s->protocol.commands), "faulty",
			 count_of(s->protocol.faulty), "injections",
			 count_of(s->protocol.injections), "tls_on_plain",
			 count_of(s->protocol.tls_on_plain), "http", count_of(s->protocol.http));
}

static json_t *store_of(const struct sink_status *s)
{
	if (!s->store.is_on)
		return json_null();
	return json_pack("{so so so so}", "stored", count_of(s->store.stored), "failed",
			 count_of(s->store.failed), "octets", count_of(s->store.octets), "waits",
			 count_of(s->store.waits));
}

static json_t *transport_of(const struct sink_status *s)
{
	return json_pack("{so so so so so so so so}", "bytes_in", count_of(s->transport.bytes_in),
			 "bytes_out", count_of(s->transport.bytes_out), "turns",
			 count_of(s->transport.turns), "completions",
			 count_of(s->transport.completions), "no_buffers",
			 count_of(s->transport.no_buffers), "cq_overflows",
			 count_of(s->transport.cq_overflows), "accept_errors",
			 count_of(s->transport.accept_errors), "handshakes_put_off",
			 count_of(s->transport.handshakes_put_off));
}

static json_t *resources_of(const struct sink_status *s)
{
	return json_pack("{so so so}", "cpu_user_s", real_of(s->resources.cpu_user_s),
			 "cpu_system_s", real_of(s->resources.cpu_system_s), "peak_rss_bytes",
			 count_of(s->resources.peak_rss_bytes));
}

/* "reputations": {"new": 3 ...} */
static bool set_reputations(json_t *imposed, const struct sink_status *s)
{
	json_t *counts = json_object();

	if (!s->imposed.has_reputation) {
		json_decref(counts);
		return set(imposed, "reputations", json_null());
	}
	if (!set(imposed, "reputations", counts))
		return false;
	for (int i = 0; i < SINK_STATUS_REPUTATIONS; i++)
		if (!set(counts, sink_status_reputation_name(i),
			 count_of(s->imposed.reputations[i])))
			return false;
	return true;
}

static bool set_imposed(json_t *root, const struct sink_status *s)
{
	json_t *imposed;

	if (!s->imposed.is_on)
		return set(root, "imposed", json_null());
	imposed = json_object();
	return set(root, "imposed", imposed) && set(imposed, "scale", count_of(s->imposed.scale)) &&
	       set_rows(imposed, "limits", s, s->limit_count, limit_of) &&
	       set_rows(imposed, "rules", s, s->rule_count, rule_of) &&
	       set(imposed, "general", count_of(s->imposed.general)) &&
	       set(imposed, "missed", count_of(s->imposed.missed)) && set_reputations(imposed, s) &&
	       set(imposed, "decisions",
		   s->imposed.has_log
			   ? json_pack("{so so}", "lines", count_of(s->imposed.log_lines),
				       "dropped", count_of(s->imposed.log_dropped))
			   : json_null());
}

static json_t *host_of(const struct sink_status *s)
{
	return json_pack("{so so so so so}", "volley", text_of(s->host.volley), "kernel",
			 text_of(s->host.kernel), "liburing", text_of(s->host.liburing),
			 "tls_library", text_of(s->host.tls_library), "cpus",
			 json_integer(s->host.cpus));
}

static bool fill(json_t *root, const struct sink_status *s)
{
	return set(root, "schema", json_integer(SINK_STATUS_SCHEMA)) &&
	       set(root, "kind", json_string("sink")) &&
	       set(root, "started", text_of(s->started)) &&
	       set(root, "seconds", real_of(s->seconds)) &&
	       set(root, "threads", json_integer(s->threads)) &&
	       set_rows(root, "listeners", s, (size_t)s->listeners.count, listener_of) &&
	       set(root, "host", host_of(s)) && set(root, "sessions", sessions_of(s)) &&
	       set(root, "messages", messages_of(s)) && set_end_to_end(root, s) &&
	       set_rows(root, "runs", s, s->run_count, run_of) &&
	       set_rows(root, "replies", s, s->reply_count, reply_of) &&
	       set(root, "clients_total", count_of(s->clients_total)) &&
	       set_rows(root, "clients", s, s->client_count, client_of) &&
	       set_rows(root, "tls", s, s->tls_count, tls_of) &&
	       set_rows(root, "tls_failures", s, s->tls_failure_count, tls_failure_of) &&
	       set_rows(root, "ends", s, s->end_count, end_of) &&
	       set_rows(root, "faults", s, s->fault_count, fault_of) && set_delays(root, s) &&
	       set_imposed(root, s) && set(root, "protocol", protocol_of(s)) &&
	       set(root, "store", store_of(s)) && set(root, "transport", transport_of(s)) &&
	       set(root, "resources", resources_of(s));
}

static json_t *status_value(const struct sink_status *s)
{
	json_t *root = json_object();

	if (!root || fill(root, s))
		return root;
	json_decref(root);
	return NULL;
}

int sink_status_json_write(const struct sink_status *s, FILE *out, struct err *e)
{
	return json_out_write(status_value(s), out, e);
}

int sink_status_json_save(const struct sink_status *s, const char *path, struct err *e)
{
	return json_out_save(status_value(s), path, e);
}
