/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * session.c - one session of the pool
 *
 * Listens to its talk, times what it hears, and asks the worker for the next message. A connection
 * that fails rests before it tries again, longer each time, so that a dead server is not hammered.
 */
#include "base/check.h"
#include "sender/session.h"
#include "sender/worker.h"
#include "sender/worker_log.h"
#include "sender/worker_pace.h"

#define REST_FIRST_NS (50 * NS_PER_MS)
#define REST_MAX_NS   (2 * NS_PER_SEC)
#define REFUSED_NS    NS_PER_MS /* after a message that was refused without being sent */

static bool is_measured_at(const struct worker *w, int64_t at_ns)
{
	return at_ns >= w->measure_begin_ns && at_ns < w->measure_end_ns;
}

static void keep_refusal(struct session *s, const struct talk_event *ev)
{
	s->refusal.code = ev->reply->code;
	s->refusal.enhanced = ev->reply->enhanced;
	s->refusal.command = (uint8_t)ev->command;
}

static void on_step(struct session *s, const struct talk_event *ev)
{
	struct worker *w = s->worker;
	struct session_job *job = s->job;
	bool is_counted = job != NULL ? job->is_measured : worker_counts_at(w, ev->at_ns);

	/* The reply to a RSET that belongs to the message before is none of this one's phases. */
	if (job != NULL && ev->phase != PHASE_SESSION)
		job->phase = ev->phase;
	if (ev->phase == PHASE_CONNECT || ev->phase == PHASE_TLS)
		worker_connected(s, ev->phase);
	if (s->path != NULL)
		worker_pace_step_heard(s, ev);
	if (job == NULL && ev->reply != NULL && ev->reply->code >= 400)
		keep_refusal(s, ev);
	if (!is_counted)
		return;
	if (ev->took_ns >= 0)
		record_phase(w->record, ev->phase, ev->took_ns);
	if (ev->reply != NULL)
		record_reply(w->record, ev->command, ev->reply);
	if (ev->phase == PHASE_TLS && ev->reply == NULL) {
		struct secure_facts facts = {0};

		if (talk_facts(&s->talk, &facts))
			record_tls(w->record, &facts);
	}
}

static void on_ready(struct session *s, int64_t at_ns)
{
	struct worker *w = s->worker;

	s->was_ready = true;
	s->failures = 0;
	s->sent = 0;
	s->idle_ns = at_ns;
	atomic_fetch_add_explicit(&w->shared->ready_ever, 1, memory_order_relaxed);
	if (worker_counts_at(w, at_ns))
		w->record->counts.sessions_opened++;
	if (w->shared->log != NULL)
		worker_log_opened(s, at_ns);
	worker_ready(s, at_ns);
}

static void on_think_over(struct session *s, int64_t now_ns)
{
	s->idle_ns = now_ns;
	if (talk_is_ready(&s->talk))
		worker_ready(s, now_ns);
	else
		worker_set_state(s, SESSION_QUITTING);
}

/* True when the server never saw the message: no time has passed, and none would if all went so. */
static bool was_refused_here(const struct smtp_outcome *o)
{
	struct span text = o->reply.text, words = SPAN(SMTP_LOCAL_REPLY);

	return o->rejected > 0 && text.len > words.len &&
	       memcmp(text.data, words.data, words.len) == 0;
}

static void think(struct session *s, int64_t until_ns)
{
	/* The message is over: what may come in the meantime has nothing to do with it. */
	session_drop_job(s);
	worker_set_state(s, SESSION_THINKING);
	wheel_set(&s->worker->hub.channels.transport->wheel, &s->timer, until_ns);
}

static void on_done(struct session *s, int64_t at_ns, const struct smtp_outcome *outcome)
{
	struct worker *w = s->worker;
	const struct sender_plan *p = w->plan;
	bool is_enough;

	worker_over(s, at_ns, outcome, NULL);
	s->sent++;
	s->idle_ns = at_ns;
	is_enough = p->messages_per_connection != 0 && s->sent >= p->messages_per_connection;
	/* Without think time worker_ready() asks. */
	if (s->path != NULL && p->think_ns > 0)
		is_enough |= !worker_pace_keeps(s, at_ns);
	if (is_enough || w->stage != WORKER_RUNNING)
		session_quit(s, at_ns);
	else if (p->think_ns > 0)
		think(s, at_ns + p->think_ns);
	else if (was_refused_here(outcome))
		think(s, at_ns + REFUSED_NS);
	else
		worker_ready(s, at_ns);
}

static void on_closed(struct session *s, const struct talk_event *ev)
{
	struct worker *w = s->worker;
	bool is_counted = worker_counts_at(w, ev->at_ns);

	wheel_drop(&w->hub.channels.transport->wheel, &s->timer);
	if (s->state == SESSION_SENDING) {
		CHECK(ev->outcome != NULL);
		is_counted = s->job->is_measured;
		worker_over(s, ev->at_ns, ev->outcome, ev->failure);
	}
	session_drop_job(s);
	if (worker_counts_at(w, ev->at_ns) && s->was_ready)
		record_phase(w->record, PHASE_SESSION, ev->at_ns - s->talk.opened_ns);
	worker_closed(s, ev->at_ns, ev->failure, is_counted);
}

static void on_talk_event(struct talk_user *self, struct talk *talk, const struct talk_event *ev)
{
	struct session *s = (struct session *)self;

	(void)talk;
	switch (ev->kind) {
	case TALK_STEP:
		on_step(s, ev);
		return;
	case TALK_READY:
		on_ready(s, ev->at_ns);
		return;
	case TALK_DONE:
		on_done(s, ev->at_ns, ev->outcome);
		return;
	case TALK_CLOSED:
		on_closed(s, ev);
		return;
	}
}

static void on_timer(struct timer *timer, int64_t now_ns)
{
	struct session *s = (struct session *)((char *)timer - offsetof(struct session, timer));

	if (s->state == SESSION_RESTING)
		worker_set_state(s, SESSION_CLOSED);
	else if (s->state == SESSION_THINKING)
		on_think_over(s, now_ns);
	else if (s->state == SESSION_IDLE)
		worker_pace_idle_over(s, now_ns);
}

void session_init(struct session *s, struct worker *w, uint32_t number)
{
	*s = (struct session){
		.user.on_event = on_talk_event,
		.timer.fire = on_timer,
		.worker = w,
		.number = number,
		.state = SESSION_OVER,
	};
}

bool session_open(struct session *s, int64_t now_ns)
{
	struct worker *w = s->worker;
	const struct sender_plan *p = w->plan;
	struct talk_target *target = &w->targets[s->number % (uint32_t)p->target_count];
	const struct endpoint *source = NULL;

	/* Sessions of one target go round the sources, so that each pair gets its share. */
	if (p->source_count > 0)
		source = &p->sources[s->number / (uint32_t)p->target_count %
				     (uint32_t)p->source_count];
	s->was_ready = false;
	if (w->shared->log != NULL)
		s->connection = 1 + atomic_fetch_add_explicit(&w->shared->connections, 1,
							      memory_order_relaxed);
	s->sent = 0;
	s->refusal.code = 0;
	return talk_open(&s->talk, &w->hub, target, source, &s->user, now_ns);
}

/* There is no memory for the message: it failed here, and the session thinks before the next. */
static void give_up_message(struct session *s, int64_t due_ns, int64_t now_ns)
{
	struct worker *w = s->worker;
	struct talk_failure f = {
		.cause = TALK_CAUSE_LINK,
		.phase = PHASE_MAIL,
		.end = LINK_END_NO_MEMORY,
		.detail = "",
	};

	w->record->is_out_of_memory = true;
	if (s->path != NULL)
		worker_pace_not_started(s, now_ns);
	if (is_measured_at(w, due_ns)) {
		w->record->counts.due++;
		w->record->counts.started++;
		w->record->counts.failed++;
		record_failure(w->record, &f);
	}
	think(s, now_ns + REST_FIRST_NS);
}

void session_send(struct session *s, uint64_t number, int64_t due_ns, int64_t now_ns)
{
	struct worker *w = s->worker;
	struct session_job *job = s->job;

	/* The run may have begun just now, with this session as the last one to stand. */
	worker_learn_times(w);
	if (job == NULL) {
		job = slab_alloc(&w->jobs);
		if (job == NULL) {
			give_up_message(s, due_ns, now_ns);
			return;
		}
		job->slot = (struct mail_slot){0};
		s->job = job;
	}
	if (!mail_render(&w->press, number, due_ns + w->shared->wall_offset_ns, &job->slot)) {
		give_up_message(s, due_ns, now_ns);
		return;
	}
	job->number = number;
	job->due_ns = due_ns;
	job->start_ns = now_ns;
	job->phase = PHASE_MAIL;
	job->is_measured = is_measured_at(w, due_ns);
	job->message = (struct smtp_message){
		.mail_from = job->slot.sender,
		.rcpt = job->slot.rcpt,
		.rcpt_count = job->slot.rcpt_count,
		.data = job->slot.data,
		.data_count = job->slot.data_count,
		.chunk = job->slot.chunk,
		.chunk_count = job->slot.chunk_count,
		.size = job->slot.size,
		.is_8bit = job->slot.is_8bit,
		.is_utf8 = job->slot.is_utf8,
		.dsn_ret = w->plan->dsn_ret,
		.dsn_notify = w->plan->dsn_notify,
	};
	if (s->path != NULL)
		worker_pace_started(s, now_ns);
	if (job->is_measured) {
		struct record_counts *c = &w->record->counts;
		int64_t free_ns = s->idle_ns > due_ns ? s->idle_ns : due_ns;

		/* What the pace held back is late by intention. */
		if (s->path != NULL && worker_pace_free_ns(s) > free_ns)
			free_ns = worker_pace_free_ns(s);
		c->due++;
		c->started++;
		if (w->plan->is_open_loop)
			record_lag(w->record, now_ns - free_ns);
	}
	worker_set_state(s, SESSION_SENDING);
	talk_message(&s->talk, &job->message, now_ns);
}

void session_drop_job(struct session *s)
{
	if (s->job == NULL)
		return;
	mail_slot_release(&s->worker->press, &s->job->slot);
	slab_free(&s->worker->jobs, s->job);
	s->job = NULL;
}

void session_rest(struct session *s, int64_t now_ns)
{
	int64_t rest = REST_FIRST_NS << (s->failures < 6 ? s->failures : 6);

	worker_set_state(s, SESSION_RESTING);
	wheel_set(&s->worker->hub.channels.transport->wheel, &s->timer,
		  now_ns + (rest < REST_MAX_NS ? rest : REST_MAX_NS));
}

void session_quit(struct session *s, int64_t now_ns)
{
	wheel_drop(&s->worker->hub.channels.transport->wheel, &s->timer);
	session_drop_job(s);
	worker_set_state(s, SESSION_QUITTING);
	/* Where the server has ended the conversation, CLOSED is on its way. */
	if (talk_is_ready(&s->talk))
		talk_quit(&s->talk, now_ns);
}

void session_abort(struct session *s)
{
	wheel_drop(&s->worker->hub.channels.transport->wheel, &s->timer);
	if (talk_is_open(&s->talk))
		talk_abort(&s->talk);
	else
		worker_set_state(s, SESSION_OVER);
}
