/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * adapt_model.c - a server with limits that it tells nobody, and a client that has only adapt.h
 *
 * Events stand in a binary heap, ties in the order in which they were set. A session is closed,
 * connecting, ready (it waits for adapt_take()) or busy. One timer stands for all that wait.
 */
#include <stdlib.h>
#include <string.h>
#include "adapt_model.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/rng.h"

enum event_kind { EVENT_GREETING, EVENT_JUDGED, EVENT_OVER, EVENT_REOPEN, EVENT_WAKE };

struct event {
	int64_t at_ns;
	uint64_t order;
	enum event_kind kind;
	uint32_t session;
};

enum session_state { SESSION_CLOSED, SESSION_CONNECTING, SESSION_READY, SESSION_BUSY };

struct session {
	enum session_state state;
	uint32_t carried;
	int64_t end_ns; /* BUSY: when the reply to the message comes */
};

struct world {
	const struct model *m;
	struct adapt *adapt;
	struct rng rng;
	int64_t now_ns;
	uint64_t events;

	struct event *heap;
	uint32_t heap_count, heap_size;
	uint64_t order;
	int64_t wake_ns; /* the earliest EVENT_WAKE that is set */

	struct session *sessions;
	uint32_t *ready; /* a stack */
	uint32_t ready_count;
	uint32_t *closed;
	uint32_t closed_count;
	uint32_t open; /* as the client counts: connecting included */

	/* The server. */
	uint32_t served; /* connections that it greeted and that are open */
	int64_t phase_ns;
	int64_t window; /* number of the window */
	uint64_t in_window;
	double tat_ns;
	int64_t *times; /* ROLLING: a ring of when each was counted */
	uint64_t times_size, times_first, times_count;

	struct model_count count;
};

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void set_event(struct world *w, int64_t at_ns, enum event_kind kind, uint32_t session)
{
	struct event e = {at_ns, w->order++, kind, session};
	uint32_t i = w->heap_count++;

	if (w->heap_count > w->heap_size) {
		w->heap_size = w->heap_size ? w->heap_size * 2 : 256;
		w->heap = realloc(w->heap, w->heap_size * sizeof *w->heap);
		CHECK(w->heap);
	}
	for (; i > 0 && is_before(&e, &w->heap[(i - 1) / 2]); i = (i - 1) / 2)
		w->heap[i] = w->heap[(i - 1) / 2];
	w->heap[i] = e;
}

static struct event next_event(struct world *w)
{
	struct event first = w->heap[0], last = w->heap[--w->heap_count];
	uint32_t i = 0, child;

	while ((child = 2 * i + 1) < w->heap_count) {
		if (child + 1 < w->heap_count && is_before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!is_before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return first;
}

/* The limits as they are at a time. */
static uint32_t millis_at(const struct model *m, int64_t at_ns)
{
	uint32_t millis = 1000;

	for (int i = 0; i < m->change_count; i++) {
		if (m->changes[i].at_ns <= at_ns)
			millis = m->changes[i].millis;
	}
	return millis;
}

static uint64_t amount_now(const struct world *w)
{
	uint64_t amount = w->m->amount * millis_at(w->m, w->now_ns) / 1000;

	return amount > 0 ? amount : 1;
}

static uint32_t connections_at(const struct model *m, int64_t at_ns)
{
	uint64_t most = (uint64_t)m->connections * millis_at(m, at_ns) / 1000;

	return most > 0 ? (uint32_t)most : 1;
}

static bool fixed_takes(struct world *w)
{
	int64_t window = (w->now_ns + w->phase_ns) / w->m->period_ns;

	if (window != w->window) {
		w->window = window;
		w->in_window = 0;
	}
	if (w->in_window >= amount_now(w))
		return false;
	w->in_window++;
	return true;
}

static bool smooth_takes(struct world *w)
{
	double spacing = (double)w->m->period_ns / (double)amount_now(w);
	double now = (double)w->now_ns, ahead = (double)(w->m->burst - 1) * spacing;

	if (w->tat_ns > now + ahead)
		return false;
	w->tat_ns = (w->tat_ns > now ? w->tat_ns : now) + spacing;
	return true;
}

static bool rolling_takes(struct world *w)
{
	bool passes;

	while (w->times_count > 0 && w->times[w->times_first] <= w->now_ns - w->m->period_ns) {
		w->times_first = (w->times_first + 1) % w->times_size;
		w->times_count--;
	}
	passes = w->times_count < amount_now(w);
	if ((passes || w->m->counts_attempted) && w->times_count < w->times_size) {
		w->times[(w->times_first + w->times_count) % w->times_size] = w->now_ns;
		w->times_count++;
	}
	return passes;
}

static bool server_takes(struct world *w)
{
	switch (w->m->kind) {
	case MODEL_FIXED:
		return fixed_takes(w);
	case MODEL_SMOOTH:
		return smooth_takes(w);
	case MODEL_ROLLING:
		return rolling_takes(w);
	case MODEL_NO_RATE:
		break;
	}
	return true;
}

static void wake_at(struct world *w, int64_t when_ns)
{
	int64_t late = w->m->lateness_ns;

	if (when_ns <= w->now_ns)
		when_ns = w->now_ns + 1;
	if (when_ns >= w->wake_ns && w->wake_ns > w->now_ns)
		return;
	w->wake_ns = when_ns;
	if (late > 0)
		when_ns += (int64_t)rng_below(&w->rng, (uint64_t)late);
	set_event(w, when_ns, EVENT_WAKE, 0);
}

static int64_t service_time(struct world *w)
{
	int64_t mean = w->m->service_ns, most = mean * w->m->spread_millis / 1000;

	return mean - most + (int64_t)rng_below(&w->rng, 2 * (uint64_t)most + 1);
}

static void close_session(struct world *w, uint32_t idx, bool was_served)
{
	w->sessions[idx].state = SESSION_CLOSED;
	w->sessions[idx].carried = 0;
	w->open--;
	w->served -= was_served;
	set_event(w, w->now_ns + w->m->connect_ns, EVENT_REOPEN, idx);
}

/* Starts whatever the dials let start. */
static void pump(struct world *w)
{
	int64_t when;

	while (w->closed_count > 0 && w->open < adapt_connections(w->adapt, w->now_ns)) {
		uint32_t idx = w->closed[--w->closed_count];

		w->open++;
		w->sessions[idx].state = SESSION_CONNECTING;
		set_event(w, w->now_ns + w->m->connect_ns, EVENT_GREETING, idx);
	}
	while (w->ready_count > 0) {
		static const int tenths[] = {1, 3, 5, 10};
		struct session *s;
		int64_t service;
		uint32_t idx;

		if (!adapt_take(w->adapt, w->now_ns, &when)) {
			wake_at(w, when);
			break;
		}
		idx = w->ready[--w->ready_count];
		s = &w->sessions[idx];
		service = service_time(w);
		s->state = SESSION_BUSY;
		s->end_ns = w->now_ns + service;
		set_event(w, w->now_ns + service * tenths[w->m->place] / 10, EVENT_JUDGED, idx);
	}
}

static void make_ready(struct world *w, uint32_t idx)
{
	w->sessions[idx].state = SESSION_READY;
	w->ready[w->ready_count++] = idx;
}

static void on_greeting(struct world *w, uint32_t idx)
{
	if (w->m->connections > 0 && w->served >= connections_at(w->m, w->now_ns)) {
		w->count.throttled++;
		adapt_tell(w->adapt, ADAPT_REFUSED, DIAL_CONNECTIONS, true, w->open, w->now_ns);
		close_session(w, idx, false);
		return;
	}
	w->served++;
	adapt_tell(w->adapt, ADAPT_CONNECTED, DIAL_NONE, true, w->open, w->now_ns);
	make_ready(w, idx);
}

static void carried_one(struct world *w, uint32_t idx)
{
	struct session *s = &w->sessions[idx];

	s->carried++;
	if (w->m->messages_per_connection > 0 && s->carried >= w->m->messages_per_connection)
		close_session(w, idx, true);
	else
		make_ready(w, idx);
}

static void on_judged(struct world *w, uint32_t idx)
{
	if (server_takes(w)) {
		set_event(w, w->sessions[idx].end_ns, EVENT_OVER, idx);
		return;
	}
	w->count.throttled++;
	adapt_tell(w->adapt, ADAPT_REFUSED, DIAL_RATE, false, w->open, w->now_ns);
	if (w->m->does_close)
		close_session(w, idx, true);
	else
		carried_one(w, idx);
}

static void on_over(struct world *w, uint32_t idx)
{
	if (w->m->other_share > 0 && rng_unit(&w->rng) < w->m->other_share) {
		w->count.other++;
		if (w->m->is_other_told)
			adapt_tell(w->adapt, ADAPT_ENDED, DIAL_NONE, false, w->open, w->now_ns);
	} else {
		w->count.accepted++;
		adapt_tell(w->adapt, ADAPT_ACCEPTED, DIAL_NONE, false, w->open, w->now_ns);
	}
	carried_one(w, idx);
}

static void handle(struct world *w, const struct event *e)
{
	switch (e->kind) {
	case EVENT_GREETING:
		on_greeting(w, e->session);
		break;
	case EVENT_JUDGED:
		on_judged(w, e->session);
		break;
	case EVENT_OVER:
		on_over(w, e->session);
		break;
	case EVENT_REOPEN:
		w->closed[w->closed_count++] = e->session;
		break;
	case EVENT_WAKE:
		if (w->wake_ns <= w->now_ns)
			w->wake_ns = 0;
		break;
	}
	w->events++;
	pump(w);
}

/* What the limits would let pass in a stretch: the least of rate and connections' worth. */
static double allowed_in(const struct model *m, int64_t from_ns, int64_t to_ns)
{
	double all = 0, messages, per_connection;
	int64_t step = (to_ns - from_ns) / 16;

	messages = m->messages_per_connection ? (double)m->messages_per_connection : 1e9;
	per_connection = messages / (messages * (double)m->service_ns + (double)m->connect_ns);
	for (int i = 0; i < 16; i++) {
		int64_t at = from_ns + i * step + step / 2;
		double sessions = m->sessions, rate = 1e18;

		if (m->connections > 0 && connections_at(m, at) < m->sessions)
			sessions = connections_at(m, at);
		if (m->kind != MODEL_NO_RATE)
			rate = (double)(m->amount * millis_at(m, at) / 1000) / (double)m->period_ns;
		if (sessions * per_connection < rate)
			rate = sessions * per_connection;
		all += rate * (double)step;
	}
	return all;
}

static void world_init(struct world *w, const struct model *m)
{
	*w = (struct world){.m = m, .window = -1};
	rng_init(&w->rng, m->seed);
	w->phase_ns = m->period_ns > 0 ? (int64_t)rng_below(&w->rng, (uint64_t)m->period_ns) : 0;
	w->times_size = m->kind == MODEL_ROLLING ? 4 * m->amount + 16 : 1;
	w->times = calloc(w->times_size, sizeof *w->times);
	w->sessions = calloc(m->sessions, sizeof *w->sessions);
	w->ready = calloc(m->sessions, sizeof *w->ready);
	w->closed = calloc(m->sessions, sizeof *w->closed);
	w->adapt = adapt_new(&m->params, 0);
	CHECK(w->times && w->sessions && w->ready && w->closed && w->adapt);
	for (uint32_t i = 0; i < m->sessions; i++)
		w->closed[w->closed_count++] = m->sessions - 1 - i;
}

static void world_fini(struct world *w)
{
	adapt_free(w->adapt);
	free(w->times);
	free(w->sessions);
	free(w->ready);
	free(w->closed);
	free(w->heap);
}

uint64_t model_run(const struct model *m, int64_t stretch_ns, int count,
		   struct model_count *ret_counts)
{
	struct world w;
	uint64_t events;

	world_init(&w, m);
	pump(&w);
	for (int i = 0; i < count; i++) {
		int64_t end_ns = (i + 1) * stretch_ns;

		while (w.heap_count > 0 && w.heap[0].at_ns < end_ns) {
			struct event e = next_event(&w);

			w.now_ns = e.at_ns;
			handle(&w, &e);
		}
		w.now_ns = end_ns;
		pump(&w); /* a dial may have moved with time alone */
		w.count.allowed = allowed_in(m, end_ns - stretch_ns, end_ns);
		w.count.rate_now = adapt_rate(w.adapt);
		w.count.connections_now = adapt_connections(w.adapt, end_ns);
		ret_counts[i] = w.count;
		w.count = (struct model_count){0};
	}
	events = w.events;
	world_fini(&w);
	return events;
}
