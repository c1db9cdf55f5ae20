/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker.c - one thread's share of a run
 *
 * Sessions that may connect and sessions that wait for a message stand in two lists, first come,
 * first served; all others wait for an event of their own. A step looks at the lists alone, so
 * that its cost does not grow with the number of sessions.
 */
#include <stdlib.h>
#include "base/check.h"
#include "sender/pacing.h"
#include "sender/worker.h"
#include "sender/worker_log.h"
#include "sender/worker_pace.h"

#define STEP_MAX	  256	    /* messages started, or sessions opened, in one step */
#define CONNECT_RETRY_NS  NS_PER_MS /* when other workers hold the connects in flight */
#define FAILURES_AT_START 5

/* ---- lists and states ---- */

void worker_list_init(struct session_list *l)
{
	*l = (struct session_list){.first = NULL};
	l->end = &l->first;
}

static void list_append(struct session_list *l, struct session *s)
{
	s->next = NULL;
	s->link = l->end;
	*l->end = s;
	l->end = &s->next;
	l->count++;
}

/* The one that worked last is the first to work again: the others come to rest. */
static void list_prepend(struct session_list *l, struct session *s)
{
	s->next = l->first;
	s->link = &l->first;
	if (s->next != NULL)
		s->next->link = &s->next;
	else
		l->end = &s->next;
	l->first = s;
	l->count++;
}

static void list_remove(struct session_list *l, struct session *s)
{
	*s->link = s->next;
	if (s->next != NULL)
		s->next->link = s->link;
	else
		l->end = s->link;
	s->link = NULL;
	l->count--;
}

static struct session_list *list_of(struct session *s, enum session_state state)
{
	struct worker *w = s->worker;

	if (__builtin_expect(s->path != NULL, 0))
		return worker_pace_list(s, state);
	if (state == SESSION_CLOSED)
		return &w->closed;
	return state == SESSION_IDLE ? &w->idle : NULL;
}

static bool is_open_state(enum session_state state)
{
	return state == SESSION_IDLE || state == SESSION_THINKING || state == SESSION_SENDING;
}

void worker_set_state(struct session *s, enum session_state state)
{
	struct worker *w = s->worker;
	enum session_state old = (enum session_state)s->state;
	struct session_list *from = list_of(s, old), *to = list_of(s, state);

	if (old == state)
		return;
	if (from != NULL)
		list_remove(from, s);
	if (to != NULL && s->path != NULL && state == SESSION_IDLE)
		list_prepend(to, s);
	else if (to != NULL)
		list_append(to, s);
	w->state_counts[old]--;
	w->state_counts[state]++;
	w->live += (old == SESSION_OVER) - (state == SESSION_OVER);
	w->open += (int)is_open_state(state) - (int)is_open_state(old);
	if (w->open > w->open_peak)
		w->open_peak = w->open;
	s->state = (uint8_t)state;
	if (s->path != NULL)
		worker_pace_moved(s, old, state);
}

void worker_learn_times(struct worker *w)
{
	if (w->measure_begin_ns != TIME_NEVER)
		return;
	w->measure_begin_ns = supply_measure_begin_ns(&w->shared->supply);
	w->measure_end_ns = supply_measure_end_ns(&w->shared->supply);
}

bool worker_counts_at(const struct worker *w, int64_t at_ns)
{
	return w->plan->warmup_ns == 0 || at_ns >= w->measure_begin_ns;
}

/* ---- what sessions report ---- */

void worker_settle(struct session *s, int64_t at_ns)
{
	struct worker_shared *shared = s->worker->shared;

	if (s->is_settled)
		return;
	s->is_settled = true;
	if (supply_settled(&shared->supply, at_ns))
		shared->wake_all(shared);
}

static void connect_ended(struct session *s)
{
	if (!s->is_connecting)
		return;
	s->is_connecting = false;
	atomic_fetch_sub_explicit(&s->worker->shared->connects_in_flight, 1, memory_order_relaxed);
}

void worker_connected(struct session *s, enum phase phase)
{
	if (phase == PHASE_CONNECT && s->talk.target->smtp->tls == SMTP_TLS_IMPLICIT)
		return; /* the handshake is the larger part of connecting */
	connect_ended(s);
}

void worker_drain_begin(struct worker *w, int64_t now_ns)
{
	if (w->stage != WORKER_RUNNING)
		return;
	w->stage = WORKER_DRAINING;
	w->own_end_ns = now_ns + w->plan->drain_ns;
}

void worker_ready(struct session *s, int64_t at_ns)
{
	struct worker *w = s->worker;
	uint64_t number;
	int64_t due_ns;

	worker_settle(s, at_ns);
	if (s->path != NULL) {
		worker_pace_ready(s, at_ns);
		return;
	}
	if (w->stage == WORKER_RUNNING && w->idle.first == NULL) {
		switch (supply_next(&w->shared->supply, at_ns, &number, &due_ns)) {
		case SUPPLY_MESSAGE:
			session_send(s, number, due_ns, at_ns);
			return;
		case SUPPLY_OVER:
			worker_drain_begin(w, at_ns);
			break;
		case SUPPLY_WAIT:
			break;
		}
	}
	if (w->stage != WORKER_RUNNING) {
		session_quit(s, at_ns);
		return;
	}
	session_drop_job(s);
	worker_set_state(s, SESSION_IDLE);
}

static enum outcome_word outcome_word_of(const struct smtp_outcome *o)
{
	if (o->undecided > 0)
		return o->is_in_doubt ? OUTCOME_IN_DOUBT : OUTCOME_FAILED;
	if (o->rejected > 0)
		return OUTCOME_REJECTED;
	return o->deferred > 0 ? OUTCOME_DEFERRED : OUTCOME_ACCEPTED;
}

static void count_outcome(struct record_counts *c, enum outcome_word word,
			  const struct smtp_outcome *o)
{
	c->accepted += word == OUTCOME_ACCEPTED;
	c->deferred += word == OUTCOME_DEFERRED;
	c->rejected += word == OUTCOME_REJECTED;
	c->failed += word == OUTCOME_FAILED;
	c->in_doubt += word == OUTCOME_IN_DOUBT;
	c->rcpt_accepted += (uint64_t)o->accepted;
	c->rcpt_deferred += (uint64_t)o->deferred;
	c->rcpt_rejected += (uint64_t)o->rejected;
	if (o->is_in_doubt)
		c->rcpt_in_doubt += (uint64_t)o->undecided;
	else
		c->rcpt_failed += (uint64_t)o->undecided;
}

void worker_over(struct session *s, int64_t at_ns, const struct smtp_outcome *outcome,
		 const struct talk_failure *failure)
{
	struct worker *w = s->worker;
	struct session_job *job = s->job;
	enum outcome_word word = outcome_word_of(outcome);
	bool is_late = failure != NULL && failure->smtp == SMTP_FAULT_TIMED_OUT;

	if (job->is_measured) {
		if (at_ns > w->last_over_ns)
			w->last_over_ns = at_ns;
		count_outcome(&w->record->counts, word, outcome);
		/*
		 * A time-out counts with the time it took: leaving it out would make a stalled
		 * server look fast. A connection that broke says nothing about how long a
		 * message takes, unless each recipient had its answer (421) by then.
		 */
		if (outcome->undecided == 0 || is_late) {
			record_phase(w->record, PHASE_SERVICE, at_ns - job->start_ns);
			record_phase(w->record, PHASE_RESPONSE, at_ns - job->due_ns);
		}
	}
	if (s->path != NULL)
		worker_pace_over(s, outcome, at_ns);
	if (w->shared->log != NULL)
		worker_log_message(s, word, at_ns, outcome, failure);
}

static void judge_reachability(struct session *s, const struct talk_failure *failure, int64_t at_ns)
{
	struct worker_shared *shared = s->worker->shared;
	uint64_t failed = 1 + atomic_fetch_add(&shared->failed_ever, 1);
	/* Trying again is useless, but one session may have met what the next one does not. */
	uint64_t enough = 2 * (uint64_t)shared->plan->target_count;
	uint64_t target = UINT64_C(1) << s->number % (uint32_t)shared->plan->target_count;
	uint64_t targets = target | atomic_fetch_or(&shared->targets_failed, target);

	/* One dead target says nothing about those that have not answered yet. */
	if (atomic_load(&shared->ready_ever) > 0 ||
	    __builtin_popcountll(targets) < shared->plan->target_count)
		return;
	if (!failure->is_permanent && enough < FAILURES_AT_START)
		enough = FAILURES_AT_START;
	if (enough > (uint64_t)shared->plan->sessions)
		enough = (uint64_t)shared->plan->sessions;
	/* A server that says "not now" is there, and may be about to take others. */
	if (!failure->is_permanent && failure->cause == TALK_CAUSE_SMTP &&
	    (failure->smtp == SMTP_FAULT_REFUSED_GREETING || failure->smtp == SMTP_FAULT_CLOSING))
		enough = (uint64_t)shared->plan->sessions * FAILURES_AT_START;
	if (failed < enough)
		return;
	atomic_store(&shared->is_unreachable, true);
	supply_stop(&shared->supply, at_ns);
	shared->wake_all(shared);
}

void worker_closed(struct session *s, int64_t at_ns, const struct talk_failure *failure,
		   bool is_counted)
{
	struct worker *w = s->worker;
	bool has_failed = failure->cause != TALK_CAUSE_NONE;
	bool had_message = s->state == SESSION_SENDING;
	struct talk_failure too_late;

	/* The run was over before anything ever answered: that is what there is to tell. */
	if (!has_failed && s->state == SESSION_OPENING && at_ns >= w->measure_end_ns &&
	    atomic_load(&w->shared->ready_ever) == 0) {
		too_late = *failure;
		too_late.cause = TALK_CAUSE_LINK;
		too_late.end = LINK_END_TIMED_OUT;
		failure = &too_late;
		has_failed = true;
	}
	connect_ended(s);
	if (s->path != NULL)
		worker_pace_closed(s, failure, at_ns);
	if (has_failed) {
		/* Where nothing ever answered, the warm-up's failures are the result. */
		if (is_counted || atomic_load(&w->shared->ready_ever) == 0) {
			record_failure(w->record, failure);
			w->record->counts.sessions_failed++;
		}
		if (!had_message && w->shared->log != NULL)
			worker_log_session(s, at_ns, failure);
		if (s->failures < UINT16_MAX)
			s->failures++;
		if (!s->was_ready)
			judge_reachability(s, failure, at_ns);
	}
	if (w->shared->log != NULL && s->was_ready)
		worker_log_closed(s, at_ns);
	if (w->stage != WORKER_RUNNING)
		worker_set_state(s, SESSION_OVER);
	else if (has_failed && !s->was_ready)
		session_rest(s, at_ns);
	else /* the server was there a moment ago, and it may end sessions as it likes */
		worker_set_state(s, SESSION_CLOSED);
	worker_settle(s, at_ns);
}

/* ---- the step ---- */

void worker_open(struct session *s, int64_t now_ns)
{
	struct talk_failure f = {
		.cause = TALK_CAUSE_LINK,
		.phase = PHASE_CONNECT,
		.end = LINK_END_NO_DESCRIPTORS,
		.detail = "",
	};

	worker_set_state(s, SESSION_OPENING);
	if (!session_open(s, now_ns))
		worker_closed(s, now_ns, &f, worker_counts_at(s->worker, now_ns));
}

/* Opens what may be opened; lowers *until_ns to when more may be. */
static void open_sessions(struct worker *w, int64_t now_ns, int64_t *until_ns)
{
	struct worker_shared *shared = w->shared;
	int limit = w->plan->connects_in_flight * w->plan->target_count;

	for (int i = 0; w->closed.first != NULL; i++) {
		struct session *s = w->closed.first;
		int64_t when_ns = now_ns;

		if (i == STEP_MAX) {
			*until_ns = now_ns;
			return;
		}
		if (supply_is_over(&shared->supply, now_ns)) {
			worker_drain_begin(w, now_ns);
			return;
		}
		if (atomic_fetch_add_explicit(&shared->connects_in_flight, 1,
					      memory_order_relaxed) >= limit)
			when_ns = now_ns + CONNECT_RETRY_NS;
		else if (gcra_take(&shared->connect_rate, now_ns, &when_ns))
			s->is_connecting = true;
		if (!s->is_connecting) {
			atomic_fetch_sub_explicit(&shared->connects_in_flight, 1,
						  memory_order_relaxed);
			if (when_ns < *until_ns)
				*until_ns = when_ns;
			return;
		}
		worker_open(s, now_ns);
	}
}

/* Gives messages to idle sessions; lowers *until_ns to when the next one is due. */
static void hand_out(struct worker *w, int64_t now_ns, int64_t *until_ns)
{
	uint64_t number;
	int64_t due_ns;

	for (int i = 0; w->stage == WORKER_RUNNING; i++) {
		struct session *s = w->idle.first;
		enum supply_answer answer;

		if (s == NULL || i == STEP_MAX) {
			if (s != NULL)
				*until_ns = now_ns;
			return;
		}
		if (!talk_is_ready(&s->talk)) {
			/* The server has ended the conversation; CLOSED is on its way. */
			worker_set_state(s, SESSION_QUITTING);
			continue;
		}
		answer = supply_next(&w->shared->supply, now_ns, &number, &due_ns);
		if (answer == SUPPLY_OVER) {
			worker_drain_begin(w, now_ns);
		} else if (answer == SUPPLY_WAIT) {
			if (due_ns < *until_ns)
				*until_ns = due_ns;
			return;
		} else {
			session_send(s, number, due_ns, now_ns);
		}
	}
}

/*
 * The measured part is over. What was due before its end, while sessions were idle here, is late
 * by our own doing (the kernel wakes some 50 us after the time asked for) and is still sent.
 */
static void hand_out_last(struct worker *w, int64_t now_ns)
{
	uint64_t number;
	int64_t due_ns;

	while (w->idle.first != NULL) {
		struct session *s = w->idle.first;

		if (!talk_is_ready(&s->talk))
			worker_set_state(s, SESSION_QUITTING);
		else if (supply_take_last(&w->shared->supply, &number, &due_ns))
			session_send(s, number, due_ns, now_ns);
		else
			return;
	}
}

static void drain(struct worker *w, int64_t now_ns, int64_t *until_ns)
{
	while (w->closed.first != NULL)
		worker_set_state(w->closed.first, SESSION_OVER);
	while (w->idle.first != NULL)
		session_quit(w->idle.first, now_ns);
	if (w->stage == WORKER_DRAINING) {
		if (w->pace != NULL)
			worker_pace_drain(w, now_ns);
		/* Once: from now on sessions end by themselves as they come to rest. */
		for (int i = 0; i < w->session_count; i++) {
			struct session *s = &w->sessions[i];

			if (s->state == SESSION_THINKING)
				session_quit(s, now_ns);
			else if (s->state == SESSION_RESTING || s->state == SESSION_OPENING)
				session_abort(s);
		}
		w->stage = WORKER_QUITTING;
	}
	if (now_ns >= w->own_end_ns) {
		worker_abort(w);
		w->own_end_ns = TIME_NEVER;
	} else if (w->own_end_ns < *until_ns) {
		*until_ns = w->own_end_ns;
	}
}

static void publish(struct worker *w)
{
	uint32_t securing = 0, logging_in = 0;

	if (w->state_counts[SESSION_OPENING] > 0)
		for (int i = 0; i < w->session_count; i++)
			securing += w->sessions[i].state == SESSION_OPENING &&
				    w->sessions[i].talk.state == TALK_SEALING;
	for (int i = 0; i < SESSION_STATE_COUNT; i++)
		atomic_store_explicit(&w->gauges.sessions[i], w->state_counts[i],
				      memory_order_relaxed);
	atomic_store_explicit(&w->gauges.open, (uint32_t)w->open, memory_order_relaxed);
	atomic_store_explicit(&w->gauges.securing, securing, memory_order_relaxed);
	atomic_store_explicit(&w->gauges.logging_in, logging_in, memory_order_relaxed);
	/* The control thread has not taken the last one yet: go on with this one. */
	if (atomic_load_explicit(&w->published, memory_order_acquire) != NULL)
		return;
	atomic_store_explicit(&w->published, w->record, memory_order_release);
	w->record = w->record == &w->records[0] ? &w->records[1] : &w->records[0];
}

int64_t worker_step(struct worker *w, int64_t now_ns)
{
	bool has_handshakes = channel_hub_turn(&w->hub.channels, now_ns);
	int64_t until_ns = TIME_NEVER;

	worker_learn_times(w);
	if (w->stage == WORKER_RUNNING &&
	    (now_ns >= w->measure_end_ns ||
	     atomic_load_explicit(&w->shared->supply.stop_ns, memory_order_relaxed) !=
		     TIME_NEVER)) {
		if (w->pace != NULL)
			worker_pace_last(w, now_ns);
		else
			hand_out_last(w, now_ns);
		worker_drain_begin(w, now_ns);
	}
	if (w->stage == WORKER_RUNNING) {
		if (w->pace != NULL)
			worker_pace_step(w, now_ns, &until_ns);
		else
			hand_out(w, now_ns, &until_ns);
		if (w->stage == WORKER_RUNNING && w->pace == NULL)
			open_sessions(w, now_ns, &until_ns);
		if (w->measure_end_ns < until_ns)
			until_ns = w->measure_end_ns;
	}
	if (w->stage != WORKER_RUNNING)
		drain(w, now_ns, &until_ns);
	if (atomic_load_explicit(&w->shared->swaps_wanted, memory_order_relaxed) != w->swaps_seen) {
		w->swaps_seen = atomic_load(&w->shared->swaps_wanted);
		publish(w);
	}
	if (w->live == 0) {
		atomic_store_explicit(&w->is_done, true, memory_order_release);
		return now_ns;
	}
	return has_handshakes ? now_ns : until_ns;
}

void worker_abort(struct worker *w)
{
	w->stage = WORKER_QUITTING;
	if (w->pace != NULL)
		worker_pace_end(w);
	for (int i = 0; i < w->session_count; i++)
		if (w->sessions[i].state != SESSION_OVER)
			session_abort(&w->sessions[i]);
}

int worker_init(struct worker *w, struct worker_shared *shared, int id, int first, int count,
		struct transport *t, struct secure *s, struct err *e)
{
	const struct sender_plan *p = shared->plan;

	*w = (struct worker){
		.shared = shared,
		.plan = p,
		.id = id,
		.first_session = first,
		.session_count = count,
		.measure_begin_ns = TIME_NEVER,
		.measure_end_ns = TIME_NEVER,
	};
	w->record = &w->records[0];
	w->state_counts[SESSION_OVER] = (uint32_t)count;
	worker_list_init(&w->closed);
	worker_list_init(&w->idle);
	mail_press_init(&w->press, p->mail);
	slab_init(&w->jobs, sizeof(struct session_job));
	w->sessions = calloc((size_t)count, sizeof(*w->sessions));
	if (w->sessions == NULL)
		return err_set(e, EXIT_FAILED, 0,
			       "no memory for %d sessions of %zu octets: use fewer --sessions",
			       count, sizeof(*w->sessions));
	if (talk_hub_init(&w->hub, t, s, e) != 0 || record_init(&w->records[0], e) != 0 ||
	    record_init(&w->records[1], e) != 0)
		return -1;
	for (int i = 0; i < p->target_count; i++) {
		const struct plan_target *from = &p->targets[i];

		w->targets[i] = (struct talk_target){
			.addresses = from->addresses,
			.address_count = from->address_count,
			.server_name = from->host[0] != '\0' ? from->host : NULL,
			.resume_key = from->url,
			.smtp = &from->smtp,
			.connect_timeout_ns = p->connect_timeout_ns,
			.tls_timeout_ns = p->tls_timeout_ns,
			.attempt_delay_ns = p->attempt_delay_ns,
			.send_buffer = p->send_buffer,
			.receive_buffer = p->receive_buffer,
		};
	}
	for (int i = 0; i < count; i++)
		session_init(&w->sessions[i], w, (uint32_t)(first + i));
	if (shared->pacing != NULL && worker_pace_init(w, e) != 0)
		return -1;
	for (int i = 0; i < count; i++)
		worker_set_state(&w->sessions[i], SESSION_CLOSED);
	return 0;
}

void worker_fini(struct worker *w)
{
	for (int i = 0; i < w->session_count && w->sessions != NULL; i++)
		session_drop_job(&w->sessions[i]);
	worker_pace_fini(w);
	free(w->sessions);
	w->sessions = NULL;
	talk_hub_fini(&w->hub);
	mail_press_fini(&w->press);
	slab_fini(&w->jobs);
	record_fini(&w->records[0]);
	record_fini(&w->records[1]);
}
