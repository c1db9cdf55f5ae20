/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session_impose.c - one client of a sink: profiles that are imposed on it
 *
 * Asks the imposer where the fault rules have had their say and have not decided what is said,
 * and says what it answers. What a profile refuses is decided when the command arrives, also
 * where a delay stands before its reply.
 */
#include "sink/session.h"
#include "smtp/sasl.h"

void sink_session_impose_connection(struct sink_session *s, const struct endpoint *peer,
				    const struct endpoint *local, int64_t now_ns)
{
	struct sink_shared *shared = s->worker->shared;
	struct imposer_facts facts = {
		.peer = peer,
		.local = local,
		.can_seal = s->port->plan->security != SINK_CLEAR,
		.can_login = shared->plan->account_count > 0 &&
			     (shared->plan->extensions & SMTP_EXT_AUTH),
		.is_lmtp = s->port->plan->is_lmtp,
	};
	struct imposer_question q = {
		.step = AT_BANNER,
		.now_ns = now_ns,
		.is_sealed = s->port->plan->security == SINK_IMPLICIT,
		.recipient_idx = -1,
	};

	/* Who is one too many for the sink itself counts for nobody. */
	if (s->is_over_limit)
		return;
	s->imposed = imposer_session_new(shared->imposer, &facts);
	if (s->imposed)
		(void)imposer_ask(s->imposed, &q);
}

/* The fault rule that strikes decides by itself what is said. */
static bool has_last_word(const struct fault_rule *rule)
{
	if (!rule)
		return false;
	switch (rule->action) {
	case FAULT_REPLY:
	case FAULT_CLOSE:
	case FAULT_RESET:
	case FAULT_STALL:
	case FAULT_REFUSE:
	case FAULT_GARBAGE:
	case FAULT_ENDLESS:
	case FAULT_GREYLIST:
	case FAULT_ALERT:
		return true;
	case FAULT_NOTHING:
	case FAULT_TARPIT:
	case FAULT_OVERSIZE:
	case FAULT_READ:
		break;
	}
	return false;
}

/* The step at which a command is asked about; false for those that are not. */
static bool step_of(const struct sink_session *s, enum smtp_verb verb, enum imposer_step *ret_step)
{
	switch (verb) {
	case SMTP_VERB_AUTH:
		*ret_step = AT_AUTH;
		return s->server.owed_fault == SMTP_REQUEST_FINE ||
		       s->server.owed_fault == SMTP_REQUEST_AUTH_FAILED;
	case SMTP_VERB_MAIL:
		*ret_step = AT_MAIL;
		break;
	case SMTP_VERB_RCPT:
		*ret_step = AT_RCPT;
		break;
	case SMTP_VERB_DATA:
	case SMTP_VERB_BDAT:
		*ret_step = AT_DATA;
		break;
	case SMTP_VERB_DOT:
		*ret_step = AT_ACCEPT;
		break;
	case SMTP_VERB_CONNECT: /* was asked about when it was accepted */
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_LHLO:
	case SMTP_VERB_STARTTLS:
	case SMTP_VERB_RSET:
	case SMTP_VERB_NOOP:
	case SMTP_VERB_VRFY:
	case SMTP_VERB_EXPN:
	case SMTP_VERB_HELP:
	case SMTP_VERB_QUIT:
	case SMTP_VERB_UNKNOWN:
		return false;
	}
	return s->server.owed_fault == SMTP_REQUEST_FINE;
}

void sink_session_impose(struct sink_session *s, const struct smtp_server_event *ev, int64_t now_ns)
{
	const struct smtp_request *r = &ev->request;
	struct imposer_question q = {
		.now_ns = now_ns,
		.path = r->path,
		.size = r->verb == SMTP_VERB_DOT ? ev->size : r->size,
		.user = s->server.user,
		.is_sealed = s->server.is_sealed,
		.recipient_idx = ev->kind == SMTP_SERVER_END ? ev->rcpt_idx : -1,
	};

	if (ev->is_challenge || has_last_word(s->verdict.action) || !step_of(s, r->verb, &q.step))
		return;
	if (q.step == AT_AUTH) {
		q.has_failed = s->server.owed_fault != SMTP_REQUEST_FINE;
		if (!q.has_failed && s->server.sasl)
			q.user = sasl_user(s->server.sasl);
	}
	(void)imposer_ask(s->imposed, &q);
}

void sink_session_say_imposed(struct sink_session *s)
{
	struct imposer_reply r = *imposer_reply(s->imposed);

	imposer_said(s->imposed);
	if (r.code == 0) {
		s->flow = FLOW_END;
		return;
	}
	sink_session_reply(s, r.code, r.lines);
	if (!r.does_close || s->is_aborted || s->flow == FLOW_END)
		return;
	smtp_server_shut(&s->server);
	s->flow = FLOW_END;
}
