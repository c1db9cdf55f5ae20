/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * status.c - the counts of all workers, put together into the document of a sink
 */
#include "sink/status.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include "result/fill.h"
#include "sink/session.h"

static void add_counters(struct sink_counters *to, const struct sink_counters *from)
{
	uint64_t *sum = (uint64_t *)to;
	const uint64_t *part = (const uint64_t *)from;

	_Static_assert(sizeof(struct sink_counters) % sizeof(uint64_t) == 0,
		       "counters are 64-bit numbers and nothing else");
	for (size_t i = 0; i < sizeof(*to) / sizeof(*sum); i++)
		sum[i] += part[i];
}

static void merge_histogram(struct hdr **to, struct hdr **from)
{
	if (!*from)
		return;
	if (*to) {
		hdr_merge(*to, *from);
		return;
	}
	*to = *from;
	*from = NULL;
}

static void merge_workers(struct sink_worker *first, struct sink_worker *other)
{
	add_counters(&first->counters, &other->counters);
	clients_merge(&first->clients, &other->clients);
	tally_merge(&first->tls, &other->tls);
	for (int i = 0; i < FAULT_RULES_MAX; i++)
		merge_histogram(&first->delays[i], &other->delays[i]);
	for (int i = 0; i < LEDGER_RUNS_MAX; i++)
		merge_histogram(&first->run_latency[i], &other->run_latency[i]);
}

static bool fill_listeners(struct sink_status *s, const struct sink_shared *shared,
			   const struct sink_listener *listeners)
{
	for (int i = 0; i < shared->plan->listener_count; i++) {
		char address[ENDPOINT_TEXT_MAX], text[ENDPOINT_TEXT_MAX + 32];

		snprintf(text, sizeof(text), "%s %s", sink_listener_scheme(&listeners[i]),
			 endpoint_text(&listeners[i].at, address));
		if (!run_texts_add(&s->listeners, text))
			return false;
	}
	return true;
}

static bool fill_replies(struct sink_status *s, const struct sink_counters *c)
{
	for (int verb = 0; verb <= SINK_UNASKED; verb++)
		for (int code = 0; code < SINK_CODE_MAX; code++) {
			struct sink_status_reply *row;

			if (c->replies[verb][code] == 0)
				continue;
			row = sink_status_add_reply(s);
			if (!row)
				return false;
			snprintf(row->command, sizeof(row->command), "%s",
				 verb == SINK_UNASKED ? "unasked"
						      : smtp_verb_name((enum smtp_verb)verb));
			row->code = code;
			row->count = c->replies[verb][code];
		}
	return true;
}

static bool fill_clients(struct sink_status *s, struct clients *clients)
{
	struct sink_status_client *rest = NULL;
	size_t count;
	struct client **ranked = clients_rank(clients, &count);

	for (size_t i = 0; i < count; i++) {
		const struct client *c = ranked[i];
		struct sink_status_client *row = rest ? rest : sink_status_add_client(s);
		bool is_rest = i >= STATUS_CLIENTS_MAX || c->address.family == ENDPOINT_NONE;
		char address[ENDPOINT_TEXT_MAX];

		if (!row) {
			free(ranked);
			return false;
		}
		if (is_rest)
			rest = row;
		snprintf(row->address, sizeof(row->address), "%.63s",
			 is_rest ? "others" : endpoint_address_text(&c->address, address));
		row->sessions += c->sessions;
		row->messages += c->messages;
		row->recipients += c->recipients;
		row->octets += c->octets;
		row->rejects += c->rejects;
	}
	s->clients_total = clients->used;
	free(ranked);
	return true;
}

static bool fill_tls(struct sink_status *s, const struct tally *tls)
{
	size_t count;
	const struct tally_entry **ranked = tally_rank(tls, &count);

	for (size_t i = 0; i < count; i++) {
		struct sink_status_tls *row = sink_status_add_tls(s);
		struct secure_facts facts;

		if (!row) {
			free(ranked);
			return false;
		}
		memcpy(&facts, ranked[i]->sample, sizeof(facts));
		memcpy(row->version, facts.version, sizeof(row->version));
		memcpy(row->cipher, facts.cipher, sizeof(row->cipher));
		memcpy(row->group, facts.group, sizeof(row->group));
		row->is_resumed = facts.is_resumed;
		row->count = ranked[i]->count;
	}
	free(ranked);
	return true;
}

static bool fill_causes(struct sink_status *s, const struct sink_counters *c)
{
	for (int i = 0; i < SECURE_FAILURE_COUNT; i++) {
		struct sink_status_cause *row;

		if (i == SECURE_OK || c->tls_failures[i] == 0)
			continue;
		row = sink_status_add_tls_failure(s);
		if (!row)
			return false;
		snprintf(row->name, sizeof(row->name), "%s",
			 secure_failure_name((enum secure_failure)i));
		row->count = c->tls_failures[i];
	}
	for (int i = 0; i < LINK_END_COUNT; i++) {
		struct sink_status_cause *row;

		if (c->ends[i] == 0)
			continue;
		row = sink_status_add_end(s);
		if (!row)
			return false;
		snprintf(row->name, sizeof(row->name), "%s", link_end_name((enum link_end)i));
		row->count = c->ends[i];
	}
	return true;
}

/* The rules with what they did, and the delays that they imposed, phase by phase. */
static bool fill_faults(struct sink_status *s, const struct fault_rules *f, struct hdr **delays)
{
	for (int i = 0; f && i < f->rule_count; i++) {
		struct sink_status_fault *row = sink_status_add_fault(s);

		if (!row)
			return false;
		row->rule = strdup(f->rules[i]->text);
		if (!row->rule)
			return false;
		row->seen = f->rules[i]->seen;
		row->fired = f->rules[i]->fired;
		run_fill_latency(&row->delay, delays[i]);
	}
	for (int phase = 0; f && phase < FAULT_PHASE_COUNT; phase++) {
		struct sink_status_delay *row;
		struct hdr *sum = NULL;

		for (int i = 0; i < f->rule_count; i++)
			if ((int)f->rules[i]->phase == phase && delays[i])
				merge_histogram(&sum, &delays[i]);
		if (!sum)
			continue;
		row = sink_status_add_delay(s);
		if (row) {
			snprintf(row->phase, sizeof(row->phase), "%s",
				 fault_phase_name((enum fault_phase)phase));
			run_fill_latency(&row->delay, sum);
		}
		hdr_free(sum);
		if (!row)
			return false;
	}
	return true;
}

static bool fill_runs(struct sink_status *s, const struct sink_shared *shared, struct hdr **latency)
{
	struct hdr *sum = NULL;
	int count = shared->ledger ? ledger_run_count(shared->ledger) : 0;

	for (int i = 0; i < count; i++) {
		struct ledger_run run = ledger_run_at(shared->ledger, i);
		struct sink_status_run *row = sink_status_add_run(s);

		if (!row)
			return false;
		snprintf(row->id, sizeof(row->id), "%016" PRIx64, run.id);
		row->received = run.received;
		row->duplicated = run.duplicated;
		row->highest = run.highest;
		row->expected = shared->plan->expected ? shared->plan->expected : run.highest + 1;
		row->lost = row->expected > run.received ? row->expected - run.received : 0;
		run_fill_latency(&row->latency, latency[i]);
		s->end_to_end.received += row->received;
		s->end_to_end.duplicated += row->duplicated;
		s->end_to_end.lost += row->lost;
		merge_histogram(&sum, &latency[i]);
	}
	s->end_to_end.is_known = shared->ledger != NULL;
	run_fill_latency(&s->end_to_end.latency, sum);
	hdr_free(sum);
	return true;
}

static void fill_transport(struct sink_status *s, const struct sink_worker *w)
{
	const struct transport_counters *c = &w->transport_counters;

	s->transport.bytes_in += c->bytes_in;
	s->transport.bytes_out += c->bytes_out;
	s->transport.turns += c->turns;
	s->transport.completions += c->completions;
	s->transport.no_buffers += c->no_buffers;
	s->transport.cq_overflows += c->cq_overflows;
	s->transport.accept_errors += c->accept_errors;
	s->transport.handshakes_put_off += w->handshakes_put_off;
	s->sessions.open_at_end += w->open_at_end;
}

static void fill_counts(struct sink_status *s, const struct sink_shared *shared,
			const struct sink_counters *c)
{
	s->sessions.accepted = c->sessions;
	s->sessions.peak = shared->peak;
	s->sessions.over_limit = c->over_limit;
	s->sessions.refused = c->refused;
	s->sessions.timed_out = c->timed_out;
	s->sessions.sealed = c->sealed;
	s->sessions.logins = c->logins;
	s->messages.accepted = c->accepted;
	s->messages.deferred = c->deferred;
	s->messages.rejected = c->rejected;
	s->messages.unanswered = c->unanswered;
	s->messages.broken = c->broken;
	s->messages.recipients = c->recipients;
	s->messages.octets = c->octets;
	s->protocol.commands = c->commands;
	s->protocol.faulty = c->faulty;
	s->protocol.injections = c->injections;
	s->protocol.tls_on_plain = c->tls_on_plain;
	s->protocol.http = c->http;
	s->store.is_on = shared->plan->maildir != NULL;
	s->store.stored = shared->store_stats.stored;
	s->store.failed = shared->store_stats.failed;
	s->store.octets = shared->store_stats.octets;
	s->store.waits = c->store_waits;
	s->ids_malformed = c->ids_malformed;
	s->ids_beyond = c->ids_beyond;
}

int sink_status_collect(struct sink_shared *shared, struct sink_worker *const *workers,
			int worker_count, const struct sink_listener *listeners,
			struct sink_status *ret_status, struct err *e)
{
	struct sink_status *s = ret_status;
	struct sink_worker *first = workers[0];

	for (int i = 1; i < worker_count; i++)
		merge_workers(first, workers[i]);
	sink_status_set_started(s, shared->started_wall_ns);
	s->seconds = (double)(clock_now(shared->clock) - shared->started_ns) / (double)NS_PER_SEC;
	s->threads = worker_count;
	for (int i = 0; i < worker_count; i++)
		fill_transport(s, workers[i]);
	fill_counts(s, shared, &first->counters);
	if (!fill_listeners(s, shared, listeners) || !fill_replies(s, &first->counters) ||
	    !fill_clients(s, &first->clients) || !fill_tls(s, &first->tls) ||
	    !fill_causes(s, &first->counters) ||
	    !fill_faults(s, shared->plan->faults, first->delays) ||
	    !fill_runs(s, shared, first->run_latency) ||
	    (shared->imposer && !imposer_fill(shared->imposer, s)))
		return err_set(e, EXIT_FAILED, 0, "no memory for the sink's report");
	return 0;
}
