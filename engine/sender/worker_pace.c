/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * worker_pace.c - a worker's share of the paths: lists, holds, and the step
 *
 * Three lists are all that a step looks at: paths that may send and have an idle session, paths
 * that may connect and have need of it, and paths that wait for something that has no time. A
 * path's place follows from its state alone and is put right after each change (update()).
 */
#include <stdlib.h>
#include "sender/worker_pace.h"

#define STEP_MAX	 256 /* messages started, or sessions opened, in one step */
#define CONNECT_RETRY_NS NS_PER_MS
#define IDLE_NS		 (60 * NS_PER_SEC) /* see worker_pace.h; servers give up after minutes */

/* ---- lists of paths ---- */

static void path_remove(struct worker_pace *wp, struct worker_path *p, enum path_list which)
{
	struct path_link *l = &p->links[which];

	if (l->link == NULL)
		return;
	*l->link = l->next;
	if (l->next != NULL)
		l->next->links[which].link = l->link;
	else
		wp->end[which] = l->link;
	l->link = NULL;
	l->next = NULL;
}

static void path_append(struct worker_pace *wp, struct worker_path *p, enum path_list which)
{
	struct path_link *l = &p->links[which];

	l->next = NULL;
	l->link = wp->end[which];
	*wp->end[which] = p;
	wp->end[which] = &l->next;
}

static void place(struct worker_pace *wp, struct worker_path *p, enum path_list which, bool is_in)
{
	bool was_in = p->links[which].link != NULL;

	if (is_in == was_in)
		return;
	if (is_in)
		path_append(wp, p, which);
	else
		path_remove(wp, p, which);
	if (which == PATHS_BLOCKED)
		atomic_fetch_add(&wp->pacing->blocked, is_in ? 1 : -1);
}

static void rotate(struct worker_pace *wp, struct worker_path *p, enum path_list which)
{
	if (p->links[which].link == NULL)
		return;
	path_remove(wp, p, which);
	path_append(wp, p, which);
}

/* ---- what a path waits for ---- */

static bool is_endless(const struct path_hold *h)
{
	return h->is_held && h->wait.when_ns == TIME_NEVER;
}

static bool has_need(const struct worker_pace *wp, const struct worker_path *p)
{
	if (wp->does_open_all)
		return true;
	return !p->send.is_held && p->idle.first == NULL &&
	       p->opening < (p->standing > 0 ? p->standing : 1);
}

/* What holds messages back on this path, now. */
static int binding_of(const struct worker_pace *wp, const struct worker_path *p)
{
	if (wp->is_over)
		return -1;
	if (p->send.is_held)
		return pacing_hold_of(&p->send.wait);
	if (p->connect.is_held && p->closed.first != NULL && p->idle.first == NULL)
		return pacing_hold_of(&p->connect.wait);
	return -1;
}

static void account(struct worker_pace *wp, struct worker_path *p)
{
	struct pacing_target *t = &wp->pacing->targets[p->path->target];
	int binding = binding_of(wp, p);

	if (binding == p->binding)
		return;
	if (p->binding >= 0 && wp->now_ns > p->binding_ns)
		atomic_fetch_add_explicit(&t->held_ns[p->binding],
					  (uint64_t)(wp->now_ns - p->binding_ns),
					  memory_order_relaxed);
	p->binding = binding;
	p->binding_ns = wp->now_ns;
	atomic_store_explicit(&t->held_by, binding, memory_order_relaxed);
}

static void update(struct worker_path *p)
{
	struct worker_pace *wp = p->worker->pace;

	place(wp, p, PATHS_SENDABLE, p->idle.first != NULL && !p->send.is_held);
	place(wp, p, PATHS_CONNECTABLE,
	      p->closed.first != NULL && !p->connect.is_held && has_need(wp, p));
	place(wp, p, PATHS_BLOCKED, is_endless(&p->send) || is_endless(&p->connect));
	account(wp, p);
}

/* The earliest time at which a hold of the path ends by itself. */
static void set_timer(struct worker_path *p)
{
	struct wheel *wheel = &p->worker->hub.channels.transport->wheel;
	int64_t when_ns = TIME_NEVER;

	if (p->send.is_held)
		when_ns = p->send.wait.when_ns;
	if (p->connect.is_held && p->connect.wait.when_ns < when_ns)
		when_ns = p->connect.wait.when_ns;
	wheel_set(wheel, &p->timer, when_ns);
}

static void release_send(struct worker_path *p, int64_t at_ns)
{
	p->send.is_held = false;
	p->free_ns = at_ns;
}

static void on_timer(struct timer *timer, int64_t now_ns)
{
	struct worker_path *p =
		(struct worker_path *)((char *)timer - offsetof(struct worker_path, timer));

	worker_pace_hear(p->worker->pace, now_ns);
	/* Due by the path's own account: what passes until it goes is the generator's lag. */
	if (p->send.is_held && p->send.wait.when_ns <= now_ns)
		release_send(p, p->send.wait.when_ns);
	if (p->connect.is_held && p->connect.wait.when_ns <= now_ns)
		p->connect.is_held = false;
	set_timer(p);
	update(p);
}

/* Lets go what waits without a time: something has changed. */
static void unblock(struct worker_path *p)
{
	struct worker_pace *wp = p->worker->pace;

	if (p->links[PATHS_BLOCKED].link == NULL)
		return;
	if (is_endless(&p->send))
		release_send(p, wp->now_ns);
	if (is_endless(&p->connect))
		p->connect.is_held = false;
	set_timer(p);
	update(p);
}

static void unblock_all(struct worker_pace *wp)
{
	struct worker_path *p = wp->first[PATHS_BLOCKED], *next;

	for (; p != NULL; p = next) {
		next = p->links[PATHS_BLOCKED].next;
		unblock(p);
	}
}

/* A path that pauses, or rests, has no connections. */
static void quit_idle(struct worker_path *p, int64_t now_ns)
{
	while (p->idle.first != NULL)
		session_quit(p->idle.first, now_ns);
}

static void note_long_wait(struct worker_path *p, const struct governor_wait *wait, int64_t now_ns)
{
	struct pacing_target *t = &p->worker->pace->pacing->targets[p->path->target];
	int64_t until_ns = atomic_load_explicit(&t->held_until_ns, memory_order_relaxed);

	/* A rest after failures is no reason to wait for a server that does not answer. */
	if (wait->hold == HOLD_REST || wait->when_ns == TIME_NEVER ||
	    wait->when_ns - now_ns < p->worker->plan->stall_ns / 2)
		return;
	while (wait->when_ns > until_ns &&
	       !atomic_compare_exchange_weak_explicit(&t->held_until_ns, &until_ns, wait->when_ns,
						      memory_order_relaxed, memory_order_relaxed))
		;
}

static void hold(struct worker_path *p, struct path_hold *h, const struct governor_wait *wait,
		 int64_t now_ns)
{
	h->is_held = true;
	h->wait = *wait;
	note_long_wait(p, wait, now_ns);
	set_timer(p);
	update(p);
}

/* ---- sessions ---- */

struct session_list *worker_pace_list(struct session *s, enum session_state state)
{
	if (state == SESSION_CLOSED)
		return &s->path->closed;
	return state == SESSION_IDLE ? &s->path->idle : NULL;
}

static bool is_standing(enum session_state state)
{
	return state == SESSION_IDLE || state == SESSION_THINKING || state == SESSION_SENDING;
}

void worker_pace_moved(struct session *s, enum session_state old, enum session_state state)
{
	struct worker_path *p = s->path;
	struct wheel *wheel = &s->worker->hub.channels.transport->wheel;

	p->opening += (uint32_t)(state == SESSION_OPENING) - (uint32_t)(old == SESSION_OPENING);
	p->standing += (uint32_t)is_standing(state) - (uint32_t)is_standing(old);
	if (state == SESSION_IDLE)
		wheel_set(wheel, &s->timer, s->worker->pace->now_ns + IDLE_NS);
	else if (old == SESSION_IDLE)
		wheel_drop(wheel, &s->timer);
	update(p);
}

bool worker_pace_keeps(struct session *s, int64_t now_ns)
{
	struct governor *g = s->path->path->governor;
	enum governor_keep keep;

	if (g == NULL)
		return true;
	if (s->must_close)
		return false;
	keep = governor_keep(g, s->sent, now_ns);
	s->is_surplus |= keep == GOVERNOR_SURPLUS;
	s->must_close = keep != GOVERNOR_KEEP;
	return keep == GOVERNOR_KEEP;
}

void worker_pace_ready(struct session *s, int64_t at_ns)
{
	struct worker *w = s->worker;

	worker_pace_hear(w->pace, at_ns);
	if (w->stage != WORKER_RUNNING || !worker_pace_keeps(s, at_ns)) {
		session_quit(s, at_ns);
		return;
	}
	session_drop_job(s);
	worker_set_state(s, SESSION_IDLE);
}

void worker_pace_idle_over(struct session *s, int64_t now_ns)
{
	struct worker_path *p = s->path;

	worker_pace_hear(s->worker->pace, now_ns);
	if (p->idle.count > 1 && !s->worker->pace->does_open_all)
		session_quit(s, now_ns);
	else
		wheel_set(&s->worker->hub.channels.transport->wheel, &s->timer, now_ns + IDLE_NS);
}

int64_t worker_pace_free_ns(const struct session *s)
{
	return s->path->free_ns;
}

void worker_pace_started(struct session *s, int64_t now_ns)
{
	struct session_job *job = s->job;
	struct worker_pace *wp = s->worker->pace;

	s->was_throttled = false;
	job->charge = wp->most;
	job->charge.taken_ns = now_ns;
	if (s->path->path->governor == NULL)
		return;
	job->charge.recipients = (uint32_t)job->slot.rcpt_count;
	job->charge.octets = job->slot.size;
	wp->most.taken_ns = now_ns;
	governor_adjust(s->path->path->governor, &wp->most, &job->charge);
}

void worker_pace_not_started(struct session *s, int64_t now_ns)
{
	struct worker_pace *wp = s->worker->pace;

	if (s->path->path->governor == NULL)
		return;
	wp->most.taken_ns = now_ns;
	governor_give_back(s->path->path->governor, &wp->most, now_ns);
	worker_pace_freed(s->worker);
}

/* ---- the step ---- */

/* Sessions that a limit keeps from being opened stand as far as they ever will for now. */
static void settle_held(struct worker_path *p, int64_t now_ns)
{
	if (p->is_settled || !p->worker->pace->does_open_all)
		return;
	p->is_settled = true;
	for (struct session *s = p->closed.first; s != NULL; s = s->next)
		worker_settle(s, now_ns);
}

static bool may_send(struct worker_path *p, int64_t now_ns)
{
	struct governor *g = p->path->governor;
	struct worker_pace *wp = p->worker->pace;
	struct governor_wait wait;

	wp->most.taken_ns = now_ns;
	if (g == NULL || governor_may_send(g, &wp->most, now_ns, &wait))
		return true;
	if ((wait.hold == HOLD_PAUSE || wait.hold == HOLD_REST) && governor_is_paused(g, now_ns))
		quit_idle(p, now_ns);
	hold(p, &p->send, &wait, now_ns);
	return false;
}

/* An idle session of the path, or NULL where those that seem so have been ended by the server. */
static struct session *usable(struct worker_path *p)
{
	while (p->idle.first != NULL && !talk_is_ready(&p->idle.first->talk))
		/* CLOSED is on its way. */
		worker_set_state(p->idle.first, SESSION_QUITTING);
	return p->idle.first;
}

/* Gives messages to idle sessions; false when the run is over. */
static bool hand_out(struct worker *w, int64_t now_ns, int64_t *until_ns)
{
	struct worker_pace *wp = w->pace;
	struct worker_path *p;
	int64_t due_ns;
	uint64_t number;

	for (int i = 0;; i++) {
		enum supply_answer answer = supply_peek(&w->shared->supply, now_ns, &due_ns);
		struct session *s;

		if (answer == SUPPLY_OVER)
			return false;
		p = wp->first[PATHS_SENDABLE];
		if (answer == SUPPLY_WAIT || p == NULL || i == STEP_MAX) {
			bool is_awaited = p != NULL || wp->first[PATHS_CONNECTABLE] != NULL;

			if (answer == SUPPLY_WAIT && is_awaited && due_ns < *until_ns)
				*until_ns = due_ns;
			else if (answer != SUPPLY_WAIT && p != NULL)
				*until_ns = now_ns;
			return true;
		}
		s = usable(p);
		if (s == NULL || !may_send(p, now_ns))
			continue;
		if (supply_next(&w->shared->supply, now_ns, &number, &due_ns) != SUPPLY_MESSAGE) {
			worker_pace_not_started(s, now_ns);
			continue;
		}
		rotate(wp, p, PATHS_SENDABLE);
		session_send(s, number, due_ns, now_ns);
	}
}

static void open_one(struct worker_path *p, int64_t now_ns)
{
	struct session *s = p->closed.first;

	s->is_connecting = true;
	s->has_connection = p->path->governor != NULL;
	rotate(p->worker->pace, p, PATHS_CONNECTABLE);
	worker_open(s, now_ns);
}

/* Opens what may be opened and is needed; lowers *until_ns to when more may be. */
static void open_paths(struct worker *w, int64_t now_ns, int64_t *until_ns)
{
	struct worker_shared *shared = w->shared;
	struct worker_pace *wp = w->pace;
	int limit = w->plan->connects_in_flight * w->plan->target_count;
	struct worker_path *p;
	int64_t due_ns;

	if (!wp->does_open_all && supply_peek(&shared->supply, now_ns, &due_ns) != SUPPLY_MESSAGE)
		return;
	for (int i = 0; (p = wp->first[PATHS_CONNECTABLE]) != NULL; i++) {
		struct governor *g = p->path->governor;
		struct governor_wait wait;
		int64_t when_ns = now_ns;
		bool has_slot = atomic_fetch_add_explicit(&shared->connects_in_flight, 1,
							  memory_order_relaxed) < limit;

		if (has_slot && i < STEP_MAX) {
			if (g != NULL && !governor_may_connect(g, now_ns, &wait)) {
				atomic_fetch_sub_explicit(&shared->connects_in_flight, 1,
							  memory_order_relaxed);
				hold(p, &p->connect, &wait, now_ns);
				settle_held(p, now_ns);
				continue;
			}
			if (gcra_take(&shared->connect_rate, now_ns, &when_ns)) {
				open_one(p, now_ns);
				continue;
			}
			if (g != NULL) {
				governor_not_connected(g, now_ns);
				worker_pace_freed(w);
			}
		} else if (!has_slot) {
			when_ns = now_ns + CONNECT_RETRY_NS;
		}
		atomic_fetch_sub_explicit(&shared->connects_in_flight, 1, memory_order_relaxed);
		if (when_ns < *until_ns)
			*until_ns = when_ns;
		return;
	}
}

/* Other threads, or the clock, have changed what all paths here depend on. */
static void see_others(struct worker *w, int64_t now_ns)
{
	struct worker_pace *wp = w->pace;
	uint64_t freed = atomic_load(&wp->pacing->freed);
	uint64_t paused = atomic_load(&wp->pacing->paused);
	int64_t begin_ns = atomic_load_explicit(&w->shared->supply.begin_ns, memory_order_acquire);
	bool does_open_all = begin_ns == TIME_NEVER || now_ns < begin_ns;

	if (freed != wp->freed_seen) {
		wp->freed_seen = freed;
		unblock_all(wp);
	}
	if (paused != wp->paused_seen) {
		wp->paused_seen = paused;
		for (uint32_t i = 0; i < wp->pacing->path_count; i++) {
			struct worker_path *p = &wp->paths[i];

			if (p->is_used && p->path->governor != NULL &&
			    governor_is_paused(p->path->governor, now_ns))
				quit_idle(p, now_ns);
		}
		for (int i = 0; w->plan->think_ns > 0 && i < w->session_count; i++) {
			struct session *s = &w->sessions[i];

			if (s->state == SESSION_THINKING && !worker_pace_keeps(s, now_ns))
				session_quit(s, now_ns);
		}
	}
	if (does_open_all != wp->does_open_all) {
		wp->does_open_all = does_open_all;
		for (uint32_t i = 0; i < wp->pacing->path_count; i++)
			update(&wp->paths[i]);
	}
}

void worker_pace_step(struct worker *w, int64_t now_ns, int64_t *until_ns)
{
	struct worker_pace *wp = w->pace;

	worker_pace_hear(wp, now_ns);
	see_others(w, now_ns);
	if (!hand_out(w, now_ns, until_ns)) {
		worker_drain_begin(w, now_ns);
		/* Those that wait for a limit do not look by themselves. */
		w->shared->wake_all(w->shared);
		return;
	}
	open_paths(w, now_ns, until_ns);
	/* What was given back between the question and the answer has woken nobody. */
	if (wp->first[PATHS_BLOCKED] != NULL && atomic_load(&wp->pacing->freed) != wp->freed_seen)
		*until_ns = now_ns;
}

void worker_pace_last(struct worker *w, int64_t now_ns)
{
	struct worker_pace *wp = w->pace;
	struct worker_path *p;
	uint64_t number;
	int64_t due_ns;

	worker_pace_hear(wp, now_ns);
	while ((p = wp->first[PATHS_SENDABLE]) != NULL && supply_has_last(&w->shared->supply)) {
		struct session *s = usable(p);

		if (s == NULL || !may_send(p, now_ns))
			continue;
		if (supply_take_last(&w->shared->supply, &number, &due_ns))
			session_send(s, number, due_ns, now_ns);
		else
			worker_pace_not_started(s, now_ns);
	}
}

void worker_pace_drain(struct worker *w, int64_t now_ns)
{
	struct worker_pace *wp = w->pace;

	worker_pace_hear(wp, now_ns);
	for (uint32_t i = 0; i < wp->pacing->path_count; i++)
		quit_idle(&wp->paths[i], now_ns);
	worker_pace_end(w);
}

void worker_pace_end(struct worker *w)
{
	struct worker_pace *wp = w->pace;

	wp->is_over = true;
	for (uint32_t i = 0; i < wp->pacing->path_count; i++) {
		struct worker_path *p = &wp->paths[i];

		while (p->closed.first != NULL)
			worker_set_state(p->closed.first, SESSION_OVER);
		p->send.is_held = p->connect.is_held = false;
		set_timer(p);
		update(p);
	}
}

/* ---- making ---- */

static int make_readers(struct worker *w, struct err *e)
{
	const struct sender_plan *plan = w->plan;

	for (int i = 0; i < plan->target_count; i++) {
		const struct rules *rules = plan->targets[i].rules;

		for (int j = 0; j < i && w->pace->readers[i] == NULL; j++)
			if (plan->targets[j].rules == rules)
				w->pace->readers[i] = w->pace->readers[j];
		if (rules == NULL || w->pace->readers[i] != NULL)
			continue;
		w->pace->readers[i] = rules_reader_new(rules);
		if (w->pace->readers[i] == NULL)
			return err_set(e, EXIT_FAILED, 0, "no memory to judge replies");
	}
	return 0;
}

int worker_pace_init(struct worker *w, struct err *e)
{
	struct pacing *pacing = w->shared->pacing;
	const struct mail_facts *mail = mail_plan_facts(w->plan->mail);
	struct worker_pace *wp = calloc(1, sizeof(*wp));

	w->pace = wp;
	if (wp != NULL)
		wp->paths = calloc(pacing->path_count, sizeof(*wp->paths));
	if (wp == NULL || wp->paths == NULL)
		return err_set(e, EXIT_FAILED, 0, "no memory for %u paths: use fewer --source-ip",
			       pacing->path_count);
	wp->pacing = pacing;
	wp->does_open_all = true;
	wp->most = (struct governor_charge){
		.recipients = (uint32_t)mail->rcpt_max,
		.octets = mail->size_max,
		.sender_key = governor_key(w->plan->sender_domain),
	};
	for (int i = 0; i < PATH_LISTS; i++)
		wp->end[i] = &wp->first[i];
	for (uint32_t i = 0; i < pacing->path_count; i++) {
		struct worker_path *p = &wp->paths[i];

		p->timer.fire = on_timer;
		p->worker = w;
		p->path = &pacing->paths[i];
		p->binding = -1;
		worker_list_init(&p->closed);
		worker_list_init(&p->idle);
	}
	for (int i = 0; i < w->session_count; i++) {
		struct worker_path *p =
			&wp->paths[(uint32_t)(w->first_session + i) % pacing->path_count];

		if (!p->is_used)
			atomic_fetch_add(&pacing->targets[p->path->target].users, 1);
		p->is_used = true;
		w->sessions[i].path = p;
	}
	return make_readers(w, e);
}

void worker_pace_fini(struct worker *w)
{
	struct worker_pace *wp = w->pace;

	if (wp == NULL)
		return;
	for (int i = 0; i < w->plan->target_count; i++) {
		for (int j = i + 1; j < w->plan->target_count; j++)
			if (wp->readers[j] == wp->readers[i])
				wp->readers[j] = NULL;
		if (wp->readers[i] != NULL)
			rules_reader_free(wp->readers[i]);
	}
	free(wp->paths);
	free(wp);
	w->pace = NULL;
}
