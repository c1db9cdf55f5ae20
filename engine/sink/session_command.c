/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_command.c - one client of a sink: commands, rules and replies
 *
 * A command arrives, is judged, perhaps waits, and is acted upon: by the server's default answer
 * or by what a rule says. Rules are asked about commands that would be accepted: what is at fault
 * by itself is refused as usual, so that counts of a rule mean what they say.
 */
#include "sink/session.h"
#include <stdlib.h>
#include "base/check.h"
#include "sink/key.h"

static const enum fault_phase phase_of[SMTP_VERB_COUNT] = {
	[SMTP_VERB_CONNECT] = FAULT_BANNER,    [SMTP_VERB_HELO] = FAULT_EHLO,
	[SMTP_VERB_EHLO] = FAULT_EHLO,	       [SMTP_VERB_LHLO] = FAULT_EHLO,
	[SMTP_VERB_STARTTLS] = FAULT_STARTTLS, [SMTP_VERB_AUTH] = FAULT_AUTH,
	[SMTP_VERB_MAIL] = FAULT_MAIL,	       [SMTP_VERB_RCPT] = FAULT_RCPT,
	[SMTP_VERB_DATA] = FAULT_DATA,	       [SMTP_VERB_BDAT] = FAULT_DATA,
	[SMTP_VERB_DOT] = FAULT_DOT,	       [SMTP_VERB_RSET] = FAULT_RSET,
	[SMTP_VERB_NOOP] = FAULT_NOOP,	       [SMTP_VERB_VRFY] = FAULT_NOOP,
	[SMTP_VERB_EXPN] = FAULT_NOOP,	       [SMTP_VERB_HELP] = FAULT_NOOP,
	[SMTP_VERB_QUIT] = FAULT_QUIT,	       [SMTP_VERB_UNKNOWN] = FAULT_NOOP,
};

static void count_fault(struct sink_session *s, enum smtp_request_fault fault)
{
	struct sink_counters *c = &s->worker->counters;

	c->faulty++;
	c->injections += fault == SMTP_REQUEST_INJECTION;
	c->tls_on_plain += fault == SMTP_REQUEST_TLS_ON_PLAIN;
	c->http += fault == SMTP_REQUEST_NOT_SMTP;
}

/* What has to be remembered of a command whose text is gone when it is answered. */
static void note_request(struct sink_session *s, const struct smtp_request *r)
{
	switch (r->verb) {
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_LHLO:
		if (s->envelope)
			envelope_hello(s->envelope, r->argument);
		break;
	case SMTP_VERB_MAIL:
		s->sender_hash = key_of(r->path, s->client->hash);
		if (s->envelope)
			envelope_from(s->envelope, r->path);
		break;
	case SMTP_VERB_RCPT:
		if (s->envelope)
			envelope_to(s->envelope, r->path);
		break;
	case SMTP_VERB_CONNECT:
	case SMTP_VERB_STARTTLS:
	case SMTP_VERB_AUTH:
	case SMTP_VERB_DATA:
	case SMTP_VERB_BDAT:
	case SMTP_VERB_DOT:
	case SMTP_VERB_RSET:
	case SMTP_VERB_NOOP:
	case SMTP_VERB_VRFY:
	case SMTP_VERB_EXPN:
	case SMTP_VERB_HELP:
	case SMTP_VERB_QUIT:
	case SMTP_VERB_UNKNOWN:
		break;
	}
}

static void on_request(struct sink_session *s, const struct smtp_server_event *ev, int64_t now_ns)
{
	const struct smtp_request *r = &ev->request;
	struct sink_counters *c = &s->worker->counters;
	enum fault_phase phase = phase_of[r->verb];
	uint64_t triplet = 0;

	s->asked_ns = now_ns;
	s->verdict = (struct fault_verdict){0};
	if (ev->kind == SMTP_SERVER_END) {
		s->message_size = ev->size;
		s->rcpt_owed = s->server.rcpt_count;
	} else if (r->verb != SMTP_VERB_CONNECT) {
		c->commands++;
	}
	if (s->server.owed_fault != SMTP_REQUEST_FINE) {
		count_fault(s, s->server.owed_fault);
	} else if (!ev->is_challenge && !s->is_over_limit) {
		note_request(s, r);
		if (r->verb == SMTP_VERB_RCPT)
			triplet = key_of(r->path, s->sender_hash);
		s->verdict = sink_session_judge(s, phase, triplet, now_ns);
	}
	if (s->imposed)
		sink_session_impose(s, ev, now_ns);
	if (s->verdict.delay_ns > 0) {
		sink_session_delay(s, STEP_ACT, now_ns + s->verdict.delay_ns);
		return;
	}
	sink_session_act(s);
}

void sink_session_on_event(struct sink_session *s, const struct smtp_server_event *ev,
			   int64_t now_ns)
{
	switch (ev->kind) {
	case SMTP_SERVER_COMMAND:
	case SMTP_SERVER_END:
		on_request(s, ev, now_ns);
		break;
	case SMTP_SERVER_CONTENT:
		sink_session_content_begin(s, now_ns);
		break;
	case SMTP_SERVER_BYTES:
		sink_session_content(s, ev->bytes);
		break;
	}
}

/* Where the session goes on after a reply, by the state that the reply has led to. */
static void follow_state(struct sink_session *s)
{
	if (smtp_server_is_closing(&s->server))
		s->flow = FLOW_END;
	else if (s->server.state == SMTP_SERVER_TLS)
		s->flow = FLOW_TLS;
	else if (s->flow != FLOW_SLOW && s->flow != FLOW_END)
		s->flow = FLOW_RUN;
}

void sink_session_settled(struct sink_session *s, enum smtp_verb verb, int code, struct span line)
{
	struct sink_counters *c = &s->worker->counters;

	c->replies[verb][code]++;
	if (code >= 400)
		s->client->rejects++;
	if (s->envelope && verb == SMTP_VERB_RCPT)
		envelope_settle(s->envelope, code / 100 == 2);
	if (verb == SMTP_VERB_AUTH && code / 100 == 2)
		c->logins++;
	if (verb == SMTP_VERB_DOT) {
		s->rcpt_good += code / 100 == 2;
		s->rcpt_deferred += code / 100 == 4;
	}
	if (s->imposed)
		imposer_settled(s->imposed, verb, code, s->server.state != SMTP_SERVER_ENDED,
				s->rcpt_good > 0, s->message_size,
				clock_now(s->worker->transport->clock));
	if (verb == SMTP_VERB_DOT) {
		if (s->server.state != SMTP_SERVER_ENDED)
			sink_session_message_over(s, code, line);
	} else if (verb == SMTP_VERB_BDAT && code / 100 != 2) {
		sink_session_content_drop(s);
	} else if ((verb == SMTP_VERB_RSET || verb == SMTP_VERB_EHLO || verb == SMTP_VERB_HELO ||
		    verb == SMTP_VERB_LHLO) &&
		   code / 100 == 2) {
		sink_session_content_drop(s);
	}
	follow_state(s);
}

void sink_session_reply(struct sink_session *s, int code, struct span lines)
{
	enum smtp_verb verb = s->server.owed_verb;

	if (!sink_session_out(s))
		return;
	if (!smtp_server_reply(&s->server, code, lines, &s->out)) {
		sink_session_abort(s);
		return;
	}
	sink_session_settled(s, verb, code, lines);
}

static void answer(struct sink_session *s)
{
	static const struct span full = {"421 4.7.0 Too many connections, try again later\r\n", 49};
	static const struct span too_many = {"421 4.7.0 Too many errors, closing\r\n", 36};
	static const struct span not_stored = {"451 4.3.0 The message could not be stored\r\n", 43};
	uint32_t errors_max = s->worker->shared->plan->errors_max;
	enum smtp_verb verb = s->server.owed_verb;
	size_t before;
	int code;

	if (s->is_over_limit && verb == SMTP_VERB_CONNECT) {
		sink_session_reply(s, 421, full);
		return;
	}
	if (errors_max > 0 && s->server.errors > errors_max) {
		sink_session_reply(s, 421, too_many);
		return;
	}
	if (verb == SMTP_VERB_DOT && s->has_store_failed &&
	    s->server.owed_fault == SMTP_REQUEST_FINE) {
		sink_session_reply(s, 451, not_stored);
		return;
	}
	/* RFC 3207 s5: what stands behind STARTTLS in clear must not be taken for what follows it.
	 */
	if (verb == SMTP_VERB_STARTTLS && s->held.len > s->held_from) {
		smtp_server_injected(&s->server);
		count_fault(s, SMTP_REQUEST_INJECTION);
	}
	if (!sink_session_out(s))
		return;
	before = s->out.len;
	code = smtp_server_answer(&s->server, &s->out);
	if (code == 0) {
		sink_session_abort(s);
		return;
	}
	sink_session_settled(s, verb, code,
			     (struct span){s->out.data + before, s->out.len - before});
}

/* Whether the reply to the message will say that it was not accepted. */
static bool will_be_refused(const struct sink_session *s)
{
	const struct fault_rule *rule = s->verdict.action;

	return s->server.owed_fault != SMTP_REQUEST_FINE || sink_session_is_imposed(s) ||
	       (rule && rule->action == FAULT_REPLY && rule->code / 100 != 2);
}

void sink_session_act(struct sink_session *s)
{
	static const struct span greylisted = {"451 4.7.1 Greylisted, try again later\r\n", 39};
	const struct fault_rule *rule = s->verdict.action;
	enum fault_action action = rule ? rule->action : FAULT_NOTHING;

	CHECK(s->server.is_owed);
	if (s->server.owed_verb == SMTP_VERB_DOT &&
	    sink_session_content_end(s, will_be_refused(s))) {
		s->flow = FLOW_STORE;
		return;
	}
	if (s->verdict.delay) {
		s->stamp = s->verdict.delay;
		s->stamp_ns = s->asked_ns;
	}
	if (sink_session_is_imposed(s)) {
		sink_session_say_imposed(s);
		return;
	}
	switch (action) {
	case FAULT_REPLY:
		sink_session_reply(s, rule->code, (struct span){rule->reply, rule->reply_len});
		break;
	case FAULT_GREYLIST:
		sink_session_reply(s, 451, greylisted);
		break;
	case FAULT_CLOSE:
		s->flow = FLOW_END;
		break;
	case FAULT_RESET:
		sink_session_abort(s);
		break;
	case FAULT_STALL:
		s->flow = FLOW_STALL;
		break;
	case FAULT_TARPIT:
	case FAULT_GARBAGE:
	case FAULT_OVERSIZE:
	case FAULT_ENDLESS:
		if (s->stamp)
			sink_session_record_delay(s, s->stamp, s->stamp_ns);
		s->stamp = NULL;
		sink_session_slow_begin(s, rule);
		break;
	case FAULT_NOTHING:
	case FAULT_REFUSE:
	case FAULT_READ:
	case FAULT_ALERT:
		answer(s);
		break;
	}
}
