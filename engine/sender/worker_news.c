/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker_news.c - what a worker's paths hear of their sessions
 *
 * Replies, ends of messages and of connections go to the path's governor here, and what follows
 * for others is passed on: a pause to the paths that share it, room that became free to whoever
 * waits for it.
 */
#include "sender/worker_pace.h"

void worker_pace_freed(struct worker *w)
{
	struct pacing *pacing = w->pace->pacing;

	atomic_fetch_add(&pacing->freed, 1);
	if (atomic_load(&pacing->blocked) > 0)
		w->shared->wake_all(w->shared);
}

static void see_changes(struct worker_path *p)
{
	uint32_t changes = governor_changes(p->path->governor);

	if (changes == p->changes_seen)
		return;
	p->changes_seen = changes;
	worker_pace_freed(p->worker);
}

static void hear_reply(struct session *s, const struct talk_event *ev)
{
	struct worker *w = s->worker;
	struct worker_path *p = s->path;
	struct pacing *pacing = w->pace->pacing;
	struct governor_reaction reaction;
	struct verdict verdict;

	reaction = governor_reply(p->path->governor, w->pace->readers[p->path->target], ev->reply,
				  ev->phase, s->sent, ev->at_ns, &verdict);
	s->was_throttled |= reaction.asked_less;
	s->must_close |= reaction.order != ORDER_NONE;
	if (reaction.pause_ns > 0) {
		pacing_spread_pause(pacing, p->path, &reaction, ev->at_ns);
		w->shared->wake_all(w->shared);
	}
	if (reaction.order == ORDER_ABORT) {
		pacing_abort(pacing, p->path, &verdict, ev->reply);
		supply_stop(&w->shared->supply, ev->at_ns);
		w->shared->wake_all(w->shared);
	}
}

void worker_pace_step_heard(struct session *s, const struct talk_event *ev)
{
	struct governor *g = s->path->path->governor;

	if (ev->reply == NULL || g == NULL)
		return;
	worker_pace_hear(s->worker->pace, ev->at_ns);
	if (ev->reply->code >= 400) {
		if (s->worker->pace->readers[s->path->path->target] != NULL)
			hear_reply(s, ev);
	} else if (ev->command == SMTP_CONNECT && ev->reply->code < 300) {
		s->is_greeted = true;
		governor_connected(g, ev->at_ns);
	} else {
		return;
	}
	see_changes(s->path);
}

void worker_pace_over(struct session *s, const struct smtp_outcome *o, int64_t at_ns)
{
	struct governor *g = s->path->path->governor;
	enum governor_outcome outcome = GOVERNOR_REFUSED;

	if (g == NULL)
		return;
	worker_pace_hear(s->worker->pace, at_ns);
	if (o->accepted > 0)
		outcome = GOVERNOR_ACCEPTED;
	else if (o->undecided > 0)
		outcome = GOVERNOR_BROKEN;
	else if (s->was_throttled)
		outcome = GOVERNOR_THROTTLED;
	governor_over(g, &s->job->charge, outcome, at_ns);
	see_changes(s->path);
}

static enum governor_end end_of(const struct talk_failure *f)
{
	switch (f->cause) {
	case TALK_CAUSE_NONE:
		return GOVERNOR_QUIT;
	case TALK_CAUSE_LINK:
		switch (f->end) {
		case LINK_END_NO_PORTS:
		case LINK_END_NO_SOURCE:
		case LINK_END_NO_DESCRIPTORS:
		case LINK_END_NO_MEMORY:
		case LINK_END_DENIED:
			return GOVERNOR_LOCAL;
		default:
			return GOVERNOR_DROPPED;
		}
	case TALK_CAUSE_TLS:
		if (f->tls == SECURE_NO_MEMORY)
			return GOVERNOR_LOCAL;
		return f->tls == SECURE_CLOSED_EARLY ? GOVERNOR_DROPPED : GOVERNOR_FAILED;
	case TALK_CAUSE_SMTP:
		break;
	}
	switch (f->smtp) {
	case SMTP_FAULT_CLOSING:
	case SMTP_FAULT_REFUSED_GREETING:
	case SMTP_FAULT_REFUSED_EHLO:
	case SMTP_FAULT_REFUSED_STARTTLS:
	case SMTP_FAULT_REFUSED_AUTH:
		return GOVERNOR_REPLIED;
	case SMTP_FAULT_TIMED_OUT:
		return GOVERNOR_DROPPED;
	case SMTP_FAULT_NO_MEMORY:
		return GOVERNOR_LOCAL;
	default:
		return GOVERNOR_FAILED;
	}
}

void worker_pace_closed(struct session *s, const struct talk_failure *failure, int64_t at_ns)
{
	struct governor_closing closing = {
		.end = end_of(failure),
		.was_greeted = s->is_greeted,
		.was_sending = s->state == SESSION_SENDING,
		.is_before_mail = failure->phase < PHASE_MAIL,
		.was_surplus = s->is_surplus,
	};

	worker_pace_hear(s->worker->pace, at_ns);
	s->is_greeted = s->is_surplus = s->must_close = false;
	if (!s->has_connection)
		return;
	s->has_connection = false;
	governor_closed(s->path->path->governor, &closing, at_ns);
	see_changes(s->path);
	worker_pace_freed(s->worker);
}
