/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.c - one client of a sink: its connection, its input and its output
 *
 * Input is fed to the server until it needs something; what is left over is held. Replies to
 * commands that came together are sent together, in one buffer of the worker's that the session
 * has only while something is to be said, so that an idle session costs its structure alone.
 * Nothing here calls itself by way of the channel: events come from transport_turn() only.
 */
#include "sink/session.h"
#include <stdlib.h>
#include "base/check.h"

#define HELD_PAUSE ((size_t)64 << 10) /* held input at which receiving is paused */
#define HELD_MAX   ((size_t)4 << 20)  /* what may still arrive after that */

_Static_assert(sizeof(struct sink_session) <= 2048, "30,000 of them shall be cheap");

static void on_channel_event(struct channel_user *self, struct channel *c,
			     const struct channel_event *ev);
static void on_timer(struct timer *timer, int64_t now_ns);

static struct sink_session *session_of(struct timer *timer)
{
	return (struct sink_session *)((char *)timer - offsetof(struct sink_session, timer));
}

static struct clock *clock_of(const struct sink_session *s)
{
	return s->worker->transport->clock;
}

/* --- Output -------------------------------------------------------------------------------- */

bool sink_session_out(struct sink_session *s)
{
	if (s->out.data)
		return true;
	s->out = (struct buf){.data = slab_alloc(&s->worker->out_slab),
			      .cap = SINK_OUT_SIZE,
			      .limit = SINK_OUT_SIZE};
	if (s->out.data)
		return true;
	s->out = (struct buf){0};
	sink_session_abort(s);
	return false;
}

void sink_session_record_delay(struct sink_session *s, const struct fault_rule *rule,
			       int64_t from_ns)
{
	struct hdr *h = s->worker->delays[rule->idx];

	if (h)
		hdr_record_ns(h, clock_now(clock_of(s)) - from_ns);
}

/* Nothing is being sent and nothing is to be sent: whoever waited for that goes on. */
static void on_idle(struct sink_session *s)
{
	switch ((enum session_flow)s->flow) {
	case FLOW_END:
		channel_close(&s->channel);
		break;
	case FLOW_SLOW:
		sink_session_slow_step(s);
		break;
	case FLOW_TLS:
		if (s->server.state == SMTP_SERVER_TLS && !s->channel.sealed)
			sink_session_tls(s, clock_now(clock_of(s)));
		break;
	case FLOW_FLUSH:
		sink_session_go_on(s, clock_now(clock_of(s)));
		break;
	case FLOW_RUN:
	case FLOW_DELAY:
	case FLOW_STALL:
	case FLOW_STORE:
	case FLOW_STRIKE:
		break;
	}
}

void sink_session_flush(struct sink_session *s)
{
	struct iovec segment;

	if (s->channel.is_sending || s->is_aborted)
		return;
	if (s->out.len == 0) {
		on_idle(s);
		return;
	}
	segment = (struct iovec){s->out.data, s->out.len};
	s->sending = s->out.data;
	s->out = (struct buf){0};
	channel_send(&s->channel, &segment, 1);
	if (s->stamp)
		sink_session_record_delay(s, s->stamp, s->stamp_ns);
	s->stamp = NULL;
}

static void on_sent(struct sink_session *s)
{
	if (s->sending)
		slab_free(&s->worker->out_slab, s->sending);
	s->sending = NULL;
	sink_session_flush(s);
}

void sink_session_abort(struct sink_session *s)
{
	s->flow = FLOW_END;
	s->is_aborted = true;
	channel_abort(&s->channel);
}

void sink_session_say_421(struct sink_session *s, struct span line)
{
	if (!sink_session_out(s))
		return;
	if (buf_append(&s->out, line.data, line.len))
		s->worker->counters.replies[SINK_UNASKED][421]++;
	smtp_server_shut(&s->server);
	s->flow = FLOW_END;
}

/* --- Input --------------------------------------------------------------------------------- */

void sink_session_pause(struct sink_session *s, enum session_pause why)
{
	if (s->pauses == 0)
		channel_receive(&s->channel, false);
	s->pauses |= (uint8_t)why;
}

void sink_session_unpause(struct sink_session *s, enum session_pause why)
{
	if (!(s->pauses & why))
		return;
	s->pauses &= (uint8_t)~why;
	if (s->pauses == 0)
		channel_receive(&s->channel, true);
}

static void hold(struct sink_session *s, struct span in)
{
	if (!buf_append(&s->held, in.data, in.len)) {
		sink_session_abort(s);
		return;
	}
	if (s->held.len - s->held_from > HELD_PAUSE)
		sink_session_pause(s, PAUSE_HELD);
}

/* Replies may no longer be added to out, or the one in it has a time to keep. */
static bool must_flush(const struct sink_session *s)
{
	return s->out.data && (s->out.cap - s->out.len < SMTP_SERVER_REPLY_MAX || s->stamp);
}

/* Feeds the server until it needs something else than input. Returns what it has not used. */
static struct span feed_all(struct sink_session *s, struct span in, int64_t now_ns)
{
	while (s->flow == FLOW_RUN) {
		struct smtp_server_event ev;
		enum smtp_server_step step;
		size_t used;

		if (must_flush(s)) {
			s->flow = FLOW_FLUSH;
			break;
		}
		step = smtp_server_feed(&s->server, in, &used, &ev);
		in = span_skip(in, used);
		if (step != SMTP_SERVER_EVENT)
			break;
		sink_session_on_event(s, &ev, now_ns);
	}
	/* Of a connection that is ending nothing is wanted any more. */
	return s->flow == FLOW_END ? (struct span){in.data, 0} : in;
}

void sink_session_go_on(struct sink_session *s, int64_t now_ns)
{
	struct span in = {"", 0}, rest;

	s->flow = FLOW_RUN;
	if (s->held.len > 0)
		in = (struct span){s->held.data + s->held_from, s->held.len - s->held_from};
	rest = feed_all(s, in, now_ns);
	if (s->worker->is_stopping)
		sink_session_leave(s);
	if (s->held.len > 0 && rest.len > 0) {
		s->held_from = (size_t)(rest.data - s->held.data);
	} else if (s->held.len > 0) {
		buf_fini(&s->held);
		s->held_from = 0;
	}
	if (s->held.len - s->held_from <= HELD_PAUSE)
		sink_session_unpause(s, PAUSE_HELD);
	sink_session_flush(s);
}

static void on_bytes(struct sink_session *s, struct span in, int64_t at_ns)
{
	struct span rest;

	s->active_ns = at_ns;
	/* Who is not answered any more is read all the same, so that its end is noticed. */
	if (s->flow == FLOW_END || s->flow == FLOW_STALL)
		return;
	if (s->reader)
		sink_session_reader_note(s, in.len, at_ns);
	if (s->flow == FLOW_STRIKE) {
		sink_session_tls_strike(s);
		return;
	}
	/* Clear text that came before the 220 to STARTTLS had left: RFC 3207 s5. */
	if (s->server.state == SMTP_SERVER_TLS && s->out.len > 0) {
		s->worker->counters.injections++;
		sink_session_abort(s);
		return;
	}
	if (s->flow != FLOW_RUN || s->held.len > 0) {
		hold(s, in);
		return;
	}
	rest = feed_all(s, in, at_ns);
	if (rest.len > 0)
		hold(s, rest);
	if (s->worker->is_stopping)
		sink_session_leave(s);
	sink_session_flush(s);
}

/* --- Life ---------------------------------------------------------------------------------- */

void sink_session_delay(struct sink_session *s, enum session_step step, int64_t due_ns)
{
	s->flow = FLOW_DELAY;
	s->step = (uint8_t)step;
	wheel_set(&s->worker->transport->wheel, &s->timer, due_ns);
}

struct fault_verdict sink_session_judge(struct sink_session *s, enum fault_phase phase,
					uint64_t triplet, int64_t now_ns)
{
	struct fault_rules *faults = s->worker->shared->plan->faults;
	struct fault_occasion o = {.phase = phase, .triplet = triplet, .now_ns = now_ns};

	if (!fault_has(faults, phase))
		return (struct fault_verdict){0};
	o.count_in_connection = ++s->counts[phase];
	return fault_judge(faults, &o);
}

/* The connection begins, after whatever a rule had put before it. */
static void start(struct sink_session *s, int64_t now_ns)
{
	/* Refused without a word: nothing is begun that would take one. */
	if (sink_session_is_imposed(s) && imposer_reply(s->imposed)->code == 0) {
		smtp_server_shut(&s->server);
		s->flow = FLOW_END;
		sink_session_flush(s);
		return;
	}
	if (s->port->plan->security == SINK_IMPLICIT) {
		sink_session_tls(s, now_ns);
		return;
	}
	sink_session_go_on(s, now_ns);
}

static void start_by_rule(struct sink_session *s, int64_t now_ns)
{
	const struct fault_rule *rule = s->verdict.action;
	enum fault_action action = rule ? rule->action : FAULT_NOTHING;

	switch (action) {
	case FAULT_CLOSE:
		s->flow = FLOW_END;
		sink_session_flush(s);
		return;
	case FAULT_REFUSE:
	case FAULT_RESET:
		sink_session_abort(s);
		return;
	case FAULT_STALL:
		s->flow = FLOW_STALL;
		return;
	case FAULT_READ:
		if (!sink_session_reader_start(s, rule, now_ns)) {
			sink_session_abort(s);
			return;
		}
		break;
	case FAULT_NOTHING:
	case FAULT_REPLY:
	case FAULT_TARPIT:
	case FAULT_GARBAGE:
	case FAULT_OVERSIZE:
	case FAULT_ENDLESS:
	case FAULT_GREYLIST:
	case FAULT_ALERT:
		break;
	}
	start(s, now_ns);
}

static void on_timer(struct timer *timer, int64_t now_ns)
{
	struct sink_session *s = session_of(timer);

	if (s->flow == FLOW_SLOW) {
		sink_session_slow_step(s);
		return;
	}
	if (s->flow != FLOW_DELAY)
		return;
	s->flow = FLOW_RUN;
	switch ((enum session_step)s->step) {
	case STEP_START:
		sink_session_record_delay(s, s->verdict.delay, s->asked_ns);
		start_by_rule(s, now_ns);
		break;
	case STEP_TLS:
		sink_session_tls_act(s, now_ns);
		break;
	case STEP_ACT:
		sink_session_act(s);
		if (s->flow == FLOW_RUN)
			sink_session_go_on(s, now_ns);
		else
			sink_session_flush(s);
		break;
	}
}

static void count_open(struct sink_session *s)
{
	struct sink_shared *shared = s->worker->shared;
	uint64_t open = atomic_load_explicit(&shared->open, memory_order_relaxed);
	uint64_t peak = atomic_load_explicit(&shared->peak, memory_order_relaxed);

	/* One that is turned away takes nobody's place while it closes. */
	do {
		s->is_over_limit = open >= shared->session_max;
		if (s->is_over_limit) {
			s->worker->counters.over_limit++;
			return;
		}
	} while (!atomic_compare_exchange_weak_explicit(
		&shared->open, &open, open + 1, memory_order_relaxed, memory_order_relaxed));
	open++;
	while (open > peak &&
	       !atomic_compare_exchange_weak_explicit(&shared->peak, &peak, open,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static struct sink_session *session_new(struct sink_port *port, const struct endpoint *peer)
{
	struct sink_worker *w = port->worker;
	struct sink_session *s = slab_alloc(&w->sessions_slab);

	if (!s)
		return NULL;
	memset(s, 0, sizeof(*s));
	s->user.on_event = on_channel_event;
	s->worker = w;
	s->port = port;
	s->timer.fire = on_timer;
	buf_init(&s->held, HELD_MAX);
	s->client = clients_find(&w->clients, peer);
	s->client->sessions++;
	s->next = w->sessions;
	s->link = &w->sessions;
	if (s->next)
		s->next->link = &s->next;
	w->sessions = s;
	w->session_count++;
	w->counters.sessions++;
	smtp_server_init(&s->server, port->texts, port->plan->security == SINK_IMPLICIT);
	return s;
}

void sink_session_accept(struct sink_port *port, struct link *link, const struct endpoint *peer,
			 const struct endpoint *local, int64_t at_ns)
{
	struct sink_worker *w = port->worker;
	struct fault_verdict verdict = {0};
	struct sink_session *s;

	if (fault_has(w->shared->plan->faults, FAULT_CONNECT)) {
		struct fault_occasion o = {
			.phase = FAULT_CONNECT, .count_in_connection = 1, .now_ns = at_ns};

		verdict = fault_judge(w->shared->plan->faults, &o);
	}
	/* A link without a user is reset by the transport. */
	if (verdict.action && verdict.action->action == FAULT_REFUSE && verdict.delay_ns == 0) {
		w->counters.refused++;
		return;
	}
	s = session_new(port, peer);
	if (!s)
		return;
	channel_accept(&s->channel, &w->hub, link, &s->user);
	s->active_ns = s->asked_ns = at_ns;
	s->verdict = verdict;
	if (w->shared->plan->idle_ns > 0)
		channel_deadline(&s->channel, at_ns + w->shared->plan->idle_ns);
	if (store_has_lines(w->shared->store))
		s->envelope = envelope_new();
	count_open(s);
	if (w->shared->imposer)
		sink_session_impose_connection(s, peer, local, at_ns);
	w->counters.refused += verdict.action && verdict.action->action == FAULT_REFUSE;
	if (verdict.delay_ns > 0)
		sink_session_delay(s, STEP_START, at_ns + verdict.delay_ns);
	else
		start_by_rule(s, at_ns);
}

void sink_session_free(struct sink_session *s)
{
	struct sink_worker *w = s->worker;

	wheel_drop(&w->transport->wheel, &s->timer);
	sink_session_reader_stop(s);
	sink_session_slow_end(s);
	sink_session_content_drop(s);
	sink_session_store_has_room(s);
	if (s->server.state == SMTP_SERVER_ENDED)
		w->counters.unanswered++;
	if (s->server.state == SMTP_SERVER_DATA || s->server.state == SMTP_SERVER_CHUNK)
		w->counters.broken++;
	smtp_server_fini(&s->server);
	imposer_session_free(s->imposed, clock_now(clock_of(s)));
	envelope_free(s->envelope);
	buf_fini(&s->held);
	if (s->sending)
		slab_free(&w->out_slab, s->sending);
	if (s->out.data)
		slab_free(&w->out_slab, s->out.data);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	w->session_count--;
	if (!s->is_over_limit)
		atomic_fetch_sub_explicit(&w->shared->open, 1, memory_order_relaxed);
	slab_free(&w->sessions_slab, s);
}

static bool is_at_rest(const struct sink_session *s)
{
	switch (s->server.state) {
	case SMTP_SERVER_DATA:
	case SMTP_SERVER_CHUNK:
	case SMTP_SERVER_BETWEEN:
	case SMTP_SERVER_ENDED:
		return false;
	case SMTP_SERVER_GREET:
	case SMTP_SERVER_HELLO:
	case SMTP_SERVER_READY:
	case SMTP_SERVER_MAIL:
	case SMTP_SERVER_RCPT:
	case SMTP_SERVER_LOGIN:
	case SMTP_SERVER_TLS:
	case SMTP_SERVER_CLOSING:
		break;
	}
	return true;
}

void sink_session_leave(struct sink_session *s)
{
	static const struct span line = {"421 4.3.2 Service shutting down\r\n", 33};

	if (s->is_aborted || s->flow == FLOW_END)
		return;
	/* Whoever is made to wait by a rule waits for the connection's end as well. */
	if (s->flow == FLOW_STALL || s->flow == FLOW_SLOW || s->flow == FLOW_STRIKE ||
	    s->flow == FLOW_TLS) {
		sink_session_abort(s);
		return;
	}
	if (s->flow != FLOW_RUN || !is_at_rest(s) || s->server.is_owed)
		return;
	sink_session_say_421(s, line);
	sink_session_flush(s);
}

static void on_late(struct sink_session *s, int64_t now_ns)
{
	static const struct span line = {"421 4.4.2 Timeout, closing\r\n", 28};
	int64_t idle_ns = s->worker->shared->plan->idle_ns;
	bool is_quiet = s->active_ns + idle_ns <= now_ns;

	if (s->flow == FLOW_END) {
		sink_session_abort(s);
		return;
	}
	/* The deadline is set once for all and looks back, so that traffic need not move it. */
	if (!is_quiet || s->flow == FLOW_STALL || s->flow == FLOW_DELAY || s->flow == FLOW_SLOW ||
	    s->flow == FLOW_STORE || (s->pauses & (PAUSE_READ | PAUSE_STORE))) {
		int64_t from_ns = is_quiet ? now_ns : s->active_ns;

		channel_deadline(&s->channel, from_ns + idle_ns);
		return;
	}
	s->worker->counters.timed_out++;
	if (s->flow != FLOW_RUN || s->channel.is_sending) {
		sink_session_abort(s);
		return;
	}
	sink_session_say_421(s, line);
	/* A peer that does not take the 421 either gets a reset. */
	channel_deadline(&s->channel, now_ns + (idle_ns < NS_PER_SEC ? idle_ns : NS_PER_SEC));
	sink_session_flush(s);
}

static void on_channel_event(struct channel_user *self, struct channel *c,
			     const struct channel_event *ev)
{
	struct sink_session *s = (struct sink_session *)self;

	(void)c;
	switch (ev->kind) {
	case CHANNEL_BYTES:
		on_bytes(s, ev->bytes, ev->at_ns);
		break;
	case CHANNEL_SENT:
		on_sent(s);
		break;
	case CHANNEL_SEALED:
		sink_session_on_sealed(s, ev->at_ns);
		break;
	case CHANNEL_LATE:
		on_late(s, ev->at_ns);
		break;
	case CHANNEL_CLOSED:
		s->worker->counters.ends[ev->end]++;
		s->worker->counters.tls_failures[ev->failure]++;
		sink_session_free(s);
		break;
	case CHANNEL_OPENED:
		break;
	}
}

void sink_session_stored(struct sink_session *s, const struct store_message *m)
{
	int64_t now_ns = clock_now(clock_of(s));

	s->message = NULL;
	s->has_store_failed = !m->is_stored;
	if (m->is_stored && s->envelope)
		s->stored_name = strdup(m->name);
	CHECK(s->flow == FLOW_STORE || s->flow == FLOW_END);
	if (s->flow != FLOW_STORE)
		return;
	s->flow = FLOW_RUN;
	sink_session_act(s);
	if (s->flow == FLOW_RUN)
		sink_session_go_on(s, now_ns);
	else
		sink_session_flush(s);
}

void sink_session_store_has_room(struct sink_session *s)
{
	if (!s->is_store_waiting)
		return;
	s->is_store_waiting = false;
	s->worker->store_waiting--;
	sink_session_unpause(s, PAUSE_STORE);
}
