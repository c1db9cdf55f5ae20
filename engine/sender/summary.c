/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * summary.c - what was recorded, turned into the run's document
 *
 * Here it is decided what the numbers mean: whether an open loop's generator kept up, what bound a
 * closed loop, and what the process exits with.
 */
#include <stdio.h>
#include "result/fill.h"
#include "sender/summary.h"

#define LAG_MAX_US 1000 /* of its p99 */
#define LAG_SHARE  0.05 /* of the service time's median, where that is more */
#define RATIO_MIN  0.99
#define BUSY_MAX   0.97 /* of a core: above, replies wait in our own queue */
#define BOUND_BUSY 0.85
#define HELD_MIN   0.5 /* of the time, by what the pace asks for: more than all else */

static bool fill_replies(const struct record *r, struct run_document *d)
{
	bool is_fine = true;

	for (uint32_t i = 0; i < r->replies.entry_count; i++) {
		const struct tally_entry *entry = &r->replies.entries[i];
		enum smtp_command command;
		struct reply reply;

		record_reply_of(entry->key, &command, &reply);
		is_fine &= run_fill_reply(d, smtp_command_name(command), &reply, entry->count,
					  tally_sample(entry));
	}
	return is_fine;
}

static bool fill_errors(const struct record *r, struct run_document *d)
{
	bool is_fine = true;

	for (uint32_t i = 0; i < r->errors.entry_count; i++) {
		const struct tally_entry *entry = &r->errors.entries[i];
		char room[TALK_KIND_MAX];
		struct talk_failure f;
		enum phase phase;
		const char *kind = record_error_of(entry->key, &phase, room);

		is_fine &= run_fill_error(
			d, phase_name(phase), kind, entry->count, tally_sample(entry),
			record_failure_of(entry->key, &f) ? talk_failure_hint(&f) : "");
	}
	return is_fine;
}

static void copy_field(struct span *from, char *out, size_t out_size)
{
	struct span field;

	span_cut(from, '\t', &field);
	snprintf(out, out_size, "%.*s", (int)field.len, field.data);
}

static bool fill_tls(const struct record *r, struct run_document *d)
{
	for (uint32_t i = 0; i < r->tls.entry_count; i++) {
		const struct tally_entry *entry = &r->tls.entries[i];
		struct span text = tally_sample(entry);
		struct run_tls *row = run_add_tls(d);
		char how[16];

		if (row == NULL)
			return false;
		copy_field(&text, row->version, sizeof(row->version));
		copy_field(&text, row->cipher, sizeof(row->cipher));
		copy_field(&text, row->group, sizeof(row->group));
		copy_field(&text, how, sizeof(how));
		row->is_resumed = strcmp(how, "resumed") == 0;
		row->count = entry->count;
	}
	return true;
}

static void fill_counts(const struct summary *s, struct run_document *d)
{
	const struct record_counts *c = &s->total->counts;

	d->messages.due = c->due + s->left_over;
	d->messages.started = c->started;
	d->messages.accepted = c->accepted;
	d->messages.deferred = c->deferred;
	d->messages.rejected = c->rejected;
	d->messages.failed = c->failed;
	d->messages.in_doubt = c->in_doubt;
	d->recipients.accepted = c->rcpt_accepted;
	d->recipients.deferred = c->rcpt_deferred;
	d->recipients.rejected = c->rcpt_rejected;
	d->recipients.failed = c->rcpt_failed;
	d->recipients.in_doubt = c->rcpt_in_doubt;
	d->sessions.opened = c->sessions_opened;
	d->sessions.failed = c->sessions_failed;
	d->sessions.tls_resumed = c->sessions_resumed;
	d->sessions.peak = s->sessions_peak;
	d->resources.cpu_user_s = s->cpu_user_s;
	d->resources.cpu_system_s = s->cpu_system_s;
	d->resources.peak_rss_bytes = s->peak_rss;
	d->resources.bytes_in = s->counters.bytes_in;
	d->resources.bytes_out = s->counters.bytes_out;
}

static uint64_t errors_of(const struct record *r, enum link_end end)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < r->errors.entry_count; i++) {
		struct talk_failure f;

		if (record_failure_of(r->errors.entries[i].key, &f) && f.cause == TALK_CAUSE_LINK &&
		    f.end == end)
			count += r->errors.entries[i].count;
	}
	return count;
}

static bool fill_limits(const struct summary *s, struct run_document *d)
{
	const struct transport_counters *c = &s->counters;
	const struct {
		const char *name;
		uint64_t value;
		bool is_hit;
		const char *note;
	} rows[] = {
		{"no local port", errors_of(s->total, LINK_END_NO_PORTS), true,
		 "add --source-ip addresses, or send more messages per connection"},
		{"no descriptor", c->no_descriptors, true,
		 "raise ulimit -n, or use more --threads"},
		{"log records dropped", s->total->counts.log_dropped, true,
		 "the disk could not follow: log failures only, or to a faster disk"},
		{"memory exhausted", s->total->is_out_of_memory, true, "fewer --sessions"},
		{"completion queue overflows", c->cq_overflows, false, ""},
		{"receive buffers empty", c->no_buffers, false, ""},
		{"submit retries", c->submit_retries, false, ""},
		{"stale completions", c->stale_completions, false, ""},
		{"handshake steps put off", s->handshakes_put_off, false, ""},
		{"SYN retransmissions (whole host)", s->syn_retransmits, false,
		 "connections met a full accept queue or a lossy path"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].value != 0 && !run_fill_limit(d, rows[i].name, rows[i].value, 0,
							  rows[i].is_hit, rows[i].note))
			return false;
	return true;
}

static void invalid(struct run_document *d, const char *why)
{
	if (!d->rate.is_valid)
		return;
	d->rate.is_valid = false;
	snprintf(d->rate.invalid_because, sizeof(d->rate.invalid_because), "%s", why);
}

/* Whether an open loop's generator kept up for all that was in its own hands. */
static void judge_validity(const struct summary *s, struct run_document *d)
{
	char why[RUN_NOTE_MAX];
	const struct record *r = s->total;
	int64_t lag_us, median_us, allowed_us = LAG_MAX_US;

	d->rate.is_valid = true;
	if (!s->plan->is_open_loop || s->is_unreachable)
		return;
	if (errors_of(r, LINK_END_NO_PORTS) > 0)
		invalid(d, "client-limited: local ports ran out");
	if (r->is_out_of_memory)
		invalid(d, "client-limited: memory ran out");
	if (errors_of(r, LINK_END_NO_DESCRIPTORS) > 0)
		invalid(d, "client-limited: descriptors ran out");
	if (r->lag == NULL || r->lag->total == 0)
		return;
	lag_us = hdr_percentile(r->lag, 99);
	median_us = hdr_percentile(r->phases[PHASE_SERVICE], 50);
	if ((int64_t)((double)median_us * LAG_SHARE) > allowed_us)
		allowed_us = (int64_t)((double)median_us * LAG_SHARE);
	if (lag_us > allowed_us) {
		snprintf(
			why, sizeof(why),
			"client-limited: messages were started up to %lld us late (p99) although a "
			"session was free; CPU busy %.0f %%",
			(long long)lag_us, s->busy_share * 100);
		invalid(d, why);
	}
	if (s->busy_share > BUSY_MAX) {
		snprintf(why, sizeof(why),
			 "client-limited: a worker was busy %.0f %% of the time, so replies waited "
			 "here: use more --threads or another machine",
			 s->busy_share * 100);
		invalid(d, why);
	}
}

static void fill_rate(const struct summary *s, struct run_document *d)
{
	double seconds = (double)s->measured_ns / 1e9;

	d->run.seconds = seconds;
	d->run.drain_seconds = (double)s->drain_ns / 1e9;
	d->rate.has_offered = s->plan->is_open_loop;
	if (seconds > 0) {
		d->rate.offered = s->plan->is_open_loop ? (double)d->messages.due / seconds : 0;
		d->rate.achieved = (double)d->messages.started / seconds;
	}
	run_fill_lag(d, s->total->lag);
	judge_validity(s, d);
}

/* True, with a note, when the pace held messages back for most of the time. */
static bool is_held(struct run_document *d)
{
	const struct run_pace *p = &d->pace;
	const struct run_pace_hold *most = NULL;
	char headroom[32] = "";
	double share = 0;

	if (p->aborted_because[0] != '\0') {
		snprintf(d->bound_note, sizeof(d->bound_note), "%s", p->aborted_because);
		return true;
	}
	for (size_t i = 0; i < p->hold_count; i++) {
		share += p->holds[i].share / (double)p->target_count;
		if (most == NULL || p->holds[i].seconds > most->seconds)
			most = &p->holds[i];
	}
	if (share < HELD_MIN)
		return false;
	for (size_t i = 0; i < p->target_count; i++)
		if (most->limit[0] != '\0' && strcmp(p->targets[i].target, most->target) == 0)
			snprintf(headroom, sizeof(headroom), ", of which %.0f %% was left",
				 p->targets[i].headroom * 100);
	snprintf(d->bound_note, sizeof(d->bound_note),
		 "%.63s%s%.64s%s%s held messages back for %.0f %% of the time", most->by,
		 most->limit[0] != '\0' ? " (" : "", most->limit, headroom,
		 most->limit[0] != '\0' ? ")" : "", most->share * 100);
	return true;
}

/* What bound the run: a closed loop is as fast as its slowest part, and says which that was. */
static void judge_bound(const struct summary *s, struct run_document *d)
{
	bool is_behind = s->plan->is_open_loop &&
			 (double)d->messages.started < RATIO_MIN * (double)d->messages.due;

	if (s->plan->is_open_loop && !is_behind) {
		snprintf(d->bound_by, sizeof(d->bound_by), "pace");
		return;
	}
	if (is_held(d)) {
		snprintf(d->bound_by, sizeof(d->bound_by), "pace");
		return;
	}
	if (s->busy_share >= BOUND_BUSY) {
		snprintf(d->bound_by, sizeof(d->bound_by), "client CPU");
		snprintf(d->bound_note, sizeof(d->bound_note),
			 "a worker was busy %.0f %% of the time: --threads may go further",
			 s->busy_share * 100);
	} else if (s->plan->think_ns > 0) {
		snprintf(d->bound_by, sizeof(d->bound_by), "think time");
	} else {
		snprintf(d->bound_by, sizeof(d->bound_by), "server");
		snprintf(d->bound_note, sizeof(d->bound_note),
			 "the client was busy %.0f %% of the time%s", s->busy_share * 100,
			 is_behind ? "; all sessions were in use: more --sessions may go further"
				   : "");
	}
}

static enum exit_status judge_status(const struct summary *s, const struct run_document *d)
{
	if (s->is_terminated)
		return EXIT_TERMINATED;
	if (s->is_interrupted)
		return EXIT_INTERRUPTED;
	/* It was reached, and told to go: also where that happened before the first message. */
	if (d->pace.aborted_because[0] != '\0')
		return EXIT_UNDELIVERED;
	if (s->is_unreachable || s->has_stalled)
		return EXIT_UNREACHABLE;
	if (!d->rate.is_valid)
		return EXIT_INVALID;
	if (d->messages.started != d->messages.accepted || s->left_over > 0)
		return EXIT_UNDELIVERED;
	return EXIT_WELL;
}

bool summary_fill(const struct summary *s, struct run_document *d)
{
	bool is_fine;

	snprintf(d->run.id, sizeof(d->run.id), "%016llx", (unsigned long long)s->plan->run_id);
	d->run.is_interrupted = s->is_interrupted || s->is_terminated;
	run_fill_started(d, s->started_wall_ns);
	fill_counts(s, d);
	run_fill_phases(d, s->total->phases);
	is_fine = fill_replies(s->total, d) && fill_errors(s->total, d) && fill_tls(s->total, d) &&
		  run_fill_series(d, s->series) && fill_limits(s, d);
	if (s->pacing != NULL)
		is_fine &= pacing_fill(s->pacing, s->measured_ns, s->now_ns, d);
	run_sort(d);
	fill_rate(s, d);
	judge_bound(s, d);
	d->status = judge_status(s, d);
	return is_fine;
}
