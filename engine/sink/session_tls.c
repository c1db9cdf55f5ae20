/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_tls.c - one client of a sink: the handshake, and how it is made to fail
 *
 * A handshake that shall fail is never begun: the ClientHello is answered with a fatal alert, with
 * garbage, or not at all, all of which needs no TLS library.
 */
#include "sink/session.h"

void sink_session_tls(struct sink_session *s, int64_t now_ns)
{
	s->flow = FLOW_TLS;
	s->asked_ns = now_ns;
	s->verdict = sink_session_judge(s, FAULT_TLS, 0, now_ns);
	if (s->verdict.delay_ns > 0)
		sink_session_delay(s, STEP_TLS, now_ns + s->verdict.delay_ns);
	else
		sink_session_tls_act(s, now_ns);
}

static void begin_handshake(struct sink_session *s, int64_t now_ns)
{
	struct secure_request request = {.role = SECURE_SERVER};
	struct buf held = s->held;
	struct span leftover = {held.data + s->held_from, held.len - s->held_from};

	s->flow = FLOW_TLS;
	/* The handshake may deliver plain text before the call returns: what it lends is its own.
	 */
	buf_init(&s->held, held.limit);
	s->held_from = 0;
	sink_session_unpause(s, PAUSE_HELD);
	if (held.len == 0)
		leftover = (struct span){"", 0};
	if (!channel_start_tls(&s->channel, &request, leftover, now_ns))
		sink_session_abort(s);
	buf_fini(&held);
}

void sink_session_tls_act(struct sink_session *s, int64_t now_ns)
{
	const struct fault_rule *rule = s->verdict.action;

	if (s->verdict.delay)
		sink_session_record_delay(s, s->verdict.delay, s->asked_ns);
	if (!rule) {
		begin_handshake(s, now_ns);
	} else if (rule->action == FAULT_CLOSE) {
		s->flow = FLOW_END;
		sink_session_flush(s);
	} else if (rule->action == FAULT_RESET) {
		sink_session_abort(s);
	} else if (rule->action == FAULT_STALL) {
		s->flow = FLOW_STALL;
	} else {
		s->flow = FLOW_STRIKE;
		if (s->held.len > 0)
			sink_session_tls_strike(s);
	}
}

void sink_session_tls_strike(struct sink_session *s)
{
	const struct fault_rule *rule = s->verdict.action;
	struct iovec garbage = {rule->reply, rule->reply_len};
	/* RFC 8446 s5.1, s6: a record of type alert, version 3.3, two octets: fatal, which. */
	char alert[7] = {0x15, 3, 3, 0, 2, 2, (char)rule->size};

	buf_fini(&s->held);
	s->held_from = 0;
	smtp_server_shut(&s->server);
	s->flow = FLOW_END;
	if (rule->action == FAULT_GARBAGE) {
		channel_send(&s->channel, &garbage, 1);
		return;
	}
	if (sink_session_out(s) && buf_append(&s->out, alert, sizeof(alert)))
		sink_session_flush(s);
}

void sink_session_on_sealed(struct sink_session *s, int64_t now_ns)
{
	struct sink_worker *w = s->worker;
	struct secure_facts facts;
	struct span sample = {(const char *)&facts, sizeof(facts)};

	memset(&facts, 0, sizeof(facts));
	channel_facts(&s->channel, &facts);
	w->counters.sealed++;
	tally_add(&w->tls, tally_text_key(sample), sample);
	s->active_ns = now_ns;
	if (s->server.state == SMTP_SERVER_TLS)
		smtp_server_sealed(&s->server);
	sink_session_go_on(s, now_ns);
}
