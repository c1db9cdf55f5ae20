/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_content.c - one client of a sink: the message itself
 *
 * Content is asked of the server only while somebody wants it: the search for X-Volley-ID, which
 * ends with the header; the store; and a rule that strikes after so many octets. For the rest of
 * a message, and for most messages as a whole, nothing is called per stretch.
 */
#include "sink/session.h"
#include <stdlib.h>

static void update_wants(struct sink_session *s)
{
	s->server.wants_content = s->is_scanning || s->message || s->body_rule;
}

/* A rule for the body strikes now. */
static void strike(struct sink_session *s)
{
	const struct fault_rule *rule = s->body_rule;

	s->body_rule = NULL;
	if (rule->action == FAULT_RESET)
		sink_session_abort(s);
	else if (rule->action == FAULT_STALL)
		s->flow = FLOW_STALL;
	else
		s->flow = FLOW_END;
}

void sink_session_content_begin(struct sink_session *s, int64_t now_ns)
{
	struct sink_shared *shared = s->worker->shared;
	const struct fault_rule *rule = sink_session_judge(s, FAULT_BODY, 0, now_ns).action;

	s->rcpt_good = 0;
	s->rcpt_deferred = 0;
	s->has_store_failed = false;
	s->is_message_committed = false;
	s->body_seen = 0;
	s->is_scanning = s->has_mark_scan = shared->ledger != NULL;
	if (s->is_scanning)
		mark_scan_init(&s->scan);
	if (store_has_maildir(shared->store)) {
		s->message = store_message_new(&s->worker->store, s);
		s->has_store_failed = s->message == NULL;
	}
	if (rule && rule->action == FAULT_READ) {
		if (!sink_session_reader_start(s, rule, now_ns))
			sink_session_abort(s);
	} else if (rule) {
		s->body_rule = rule;
		if (rule->at == 0)
			strike(s);
	}
	update_wants(s);
}

/* Stops reading while the disk is behind. */
static void wait_for_store(struct sink_session *s)
{
	if (s->is_store_waiting || !store_is_full(s->worker->shared->store))
		return;
	s->is_store_waiting = true;
	s->worker->store_waiting++;
	s->worker->counters.store_waits++;
	sink_session_pause(s, PAUSE_STORE);
}

void sink_session_content(struct sink_session *s, struct span content)
{
	if (s->is_scanning && mark_scan_feed(&s->scan, content))
		s->is_scanning = false;
	if (s->message) {
		if (!store_message_append(s->message, content)) {
			store_message_abandon(s->message);
			s->message = NULL;
			s->has_store_failed = true;
		}
		wait_for_store(s);
	}
	if (s->body_rule) {
		s->body_seen += content.len;
		if (s->body_seen >= s->body_rule->at)
			strike(s);
	}
	update_wants(s);
}

bool sink_session_content_end(struct sink_session *s, bool will_be_refused)
{
	if (!s->message)
		return false;
	if (s->is_message_committed)
		return true;
	if (will_be_refused) {
		store_message_abandon(s->message);
		s->message = NULL;
		return false;
	}
	if (!store_message_commit(s->message)) {
		s->message = NULL;
		s->has_store_failed = true;
		return false;
	}
	s->is_message_committed = true;
	s->worker->store_under_way++;
	return true;
}

/* Enters the message into the ledger of its run. */
static void enter_mark(struct sink_session *s, const struct mark *m)
{
	struct sink_worker *w = s->worker;
	int run;

	switch (ledger_enter(w->shared->ledger, m, &run)) {
	case LEDGER_BEYOND:
		w->counters.ids_beyond++;
		return;
	case LEDGER_AGAIN:
		return;
	case LEDGER_NEW:
		break;
	}
	if (!w->run_latency[run])
		w->run_latency[run] = hdr_new();
	if (w->run_latency[run])
		hdr_record_ns(w->run_latency[run],
			      clock_wall_ns(w->transport->clock) - m->due_wall_ns);
}

static void write_record(struct sink_session *s, const struct mark *m, struct span reply)
{
	struct sink_worker *w = s->worker;
	char address[ENDPOINT_TEXT_MAX];
	struct secure_facts facts;
	struct envelope_record r = {
		.wall_ns = clock_wall_ns(w->transport->clock),
		.client = endpoint_address_text(&s->client->address, address),
		.scheme = sink_listener_scheme(s->port->plan),
		.user = s->server.user,
		.rcpt_count = s->rcpt_owed,
		.size = s->message_size,
		.mark = m,
		.file = s->stored_name,
		.reply = reply,
	};
	struct buf line;

	if (s->channel.is_sealed) {
		channel_facts(&s->channel, &facts);
		r.tls = &facts;
	}
	/* Six octets of JSON for one of the peer's at most. */
	buf_init(&line, 6 * ENVELOPE_MAX + ((size_t)64 << 10));
	if (!envelope_write(s->envelope, &r, &line)) {
		buf_fini(&line);
		return;
	}
	(void)store_line(&w->store, &line);
	wait_for_store(s);
}

void sink_session_message_over(struct sink_session *s, int code, struct span line)
{
	struct sink_counters *c = &s->worker->counters;
	bool is_lmtp = s->port->plan->is_lmtp;
	bool is_accepted = is_lmtp ? s->rcpt_good > 0 : code / 100 == 2;
	struct mark mark;
	enum mark_found found = s->has_mark_scan ? mark_scan_result(&s->scan, &mark) : MARK_NONE;

	c->ids_malformed += found == MARK_MALFORMED;
	if (is_accepted) {
		uint32_t recipients = is_lmtp ? s->rcpt_good : s->rcpt_owed;

		c->accepted++;
		c->recipients += recipients;
		c->octets += s->message_size;
		s->client->messages++;
		s->client->recipients += recipients;
		s->client->octets += s->message_size;
		if (found == MARK_FOUND)
			enter_mark(s, &mark);
	} else if (is_lmtp ? s->rcpt_deferred > 0 : code / 100 == 4) {
		c->deferred++;
	} else {
		c->rejected++;
	}
	if (s->envelope)
		write_record(s, found == MARK_FOUND ? &mark : NULL, line);
	sink_session_content_drop(s);
}

void sink_session_content_drop(struct sink_session *s)
{
	if (s->message && s->is_message_committed)
		s->message->owner = NULL; /* it comes back, and nobody waits for it */
	else if (s->message)
		store_message_abandon(s->message);
	s->message = NULL;
	s->is_message_committed = false;
	s->body_rule = NULL;
	s->is_scanning = s->has_mark_scan = false;
	free(s->stored_name);
	s->stored_name = NULL;
	if (s->envelope)
		envelope_clear(s->envelope);
	if (s->reader && s->reader->rule->phase == FAULT_BODY)
		sink_session_reader_stop(s);
	update_wants(s);
}

/* --- Reading slowly ------------------------------------------------------------------------ */

static void on_reader_timer(struct timer *timer, int64_t now_ns)
{
	struct session_reader *r =
		(struct session_reader *)((char *)timer - offsetof(struct session_reader, timer));

	(void)now_ns;
	sink_session_unpause(r->session, PAUSE_READ);
}

bool sink_session_reader_start(struct sink_session *s, const struct fault_rule *rule,
			       int64_t now_ns)
{
	if (s->reader)
		return true;
	s->reader = calloc(1, sizeof(*s->reader));
	if (!s->reader)
		return false;
	s->reader->timer.fire = on_reader_timer;
	s->reader->session = s;
	s->reader->rule = rule;
	s->reader->free_ns = now_ns;
	return true;
}

void sink_session_reader_note(struct sink_session *s, size_t len, int64_t now_ns)
{
	struct session_reader *r = s->reader;
	double cost_ns = (double)len * (double)r->rule->rate.per_ns / (double)r->rule->rate.count;

	if (r->free_ns < now_ns)
		r->free_ns = now_ns;
	r->free_ns += cost_ns < (double)LAW_MAX_NS ? (int64_t)cost_ns : LAW_MAX_NS;
	if (r->free_ns - now_ns < NS_PER_MS)
		return;
	sink_session_pause(s, PAUSE_READ);
	wheel_set(&s->worker->transport->wheel, &r->timer, r->free_ns);
}

void sink_session_reader_stop(struct sink_session *s)
{
	if (!s->reader)
		return;
	wheel_drop(&s->worker->transport->wheel, &s->reader->timer);
	free(s->reader);
	s->reader = NULL;
	sink_session_unpause(s, PAUSE_READ);
}
