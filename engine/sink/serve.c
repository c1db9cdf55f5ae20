/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * serve.c - runs a sink: threads, start, stop
 *
 * The first thread binds the ports, so that port 0 is settled; the others join it there. A thread
 * tells that it is ready, or why not, under one mutex; after that it looks at nothing of the
 * others but a flag to stop, and is woken to look at it.
 */
#include "sink/serve.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "sink/fault.h"
#include "sink/status.h"
#include "sink/worker.h"

#define GRACE_NS (1 * NS_PER_SEC) /* for sessions to finish a message, and again for resets */

enum thread_state { THREAD_STARTING, THREAD_SERVING, THREAD_OVER };

struct thread {
	struct sink *sink;
	pthread_t id;
	bool is_first, has_worker;
	struct sink_worker worker;
	struct transport *transport; /* under the mutex; NULL while there is none to wake */
	enum thread_state state;     /* under the mutex */
	struct err err;		     /* when it ended by itself */
};

struct sink {
	const struct sink_plan *plan;
	const struct sink_world *world;
	struct sink_shared shared;
	struct sink_listener listeners[SINK_LISTENERS_MAX]; /* with the real endpoints */
	struct thread *threads;
	int thread_count, started;
	uint64_t session_max;
	size_t link_max; /* of each thread */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	atomic_bool is_stopping, has_failed;
};

static bool needs_tls(const struct sink_plan *p)
{
	for (int i = 0; i < p->listener_count; i++)
		if (p->listeners[i].security != SINK_CLEAR)
			return true;
	return false;
}

static void set_state(struct thread *t, enum thread_state state, struct transport *transport)
{
	pthread_mutex_lock(&t->sink->mutex);
	t->state = state;
	t->transport = transport;
	pthread_cond_broadcast(&t->sink->changed);
	pthread_mutex_unlock(&t->sink->mutex);
}

/* One turn; waits until until_ns at most. */
static int turn(struct thread *t, struct transport *transport, int64_t until_ns)
{
	bool is_busy = sink_worker_turn(&t->worker, clock_now(transport->clock));

	return transport_turn(transport, is_busy ? 0 : until_ns, &t->err);
}

static void turn_until_empty(struct thread *t, struct transport *transport, int64_t patience_ns)
{
	int64_t end_ns = clock_now(transport->clock) + patience_ns;

	while (t->worker.session_count > 0 && clock_now(transport->clock) < end_ns)
		if (turn(t, transport, end_ns) < 0)
			return;
}

static void serve(struct thread *t, struct transport *transport)
{
	struct sink *s = t->sink;

	set_state(t, THREAD_SERVING, transport);
	while (!atomic_load_explicit(&s->is_stopping, memory_order_acquire))
		if (turn(t, transport, TIME_NEVER) < 0) {
			atomic_store(&s->has_failed, true);
			return;
		}
	sink_worker_stop(&t->worker);
	turn_until_empty(t, transport, GRACE_NS);
	sink_worker_abort(&t->worker);
	turn_until_empty(t, transport, GRACE_NS);
}

static void *run(void *argument)
{
	struct thread *t = argument;
	struct sink *s = t->sink;
	struct endpoint places[SINK_LISTENERS_MAX];
	struct transport *transport = s->world->transport_new(s->world, s->link_max, &t->err);
	struct secure *secure = NULL;

	for (int i = 0; i < s->plan->listener_count; i++)
		places[i] = s->listeners[i].at;
	if (transport && needs_tls(s->plan))
		secure = s->world->secure_new(s->world, &t->err);
	if (transport && (secure || !needs_tls(s->plan)) &&
	    sink_worker_init(&t->worker, &s->shared, transport, secure, places, s->thread_count > 1,
			     t->is_first, &t->err) == 0) {
		t->has_worker = true;
		for (int i = 0; t->is_first && i < s->plan->listener_count; i++)
			s->listeners[i].at = t->worker.ports[i].listener->endpoint;
		serve(t, transport);
		set_state(t, THREAD_OVER, NULL);
		sink_worker_abandon(&t->worker);
	} else {
		set_state(t, THREAD_OVER, NULL);
	}
	if (transport)
		transport_free(transport);
	if (secure)
		secure_free(secure);
	sasl_thread_fini();
	return NULL;
}

/* Starts a thread and waits until it serves. -1 with *e set when it does not. */
static int start_thread(struct sink *s, struct thread *t, struct err *e)
{
	int os_error = pthread_create(&t->id, NULL, run, t);
	bool is_serving;

	if (os_error != 0)
		return err_set(e, EXIT_FAILED, os_error, "no thread for the sink: %s",
			       strerror(os_error));
	s->started++;
	pthread_mutex_lock(&s->mutex);
	while (t->state == THREAD_STARTING)
		pthread_cond_wait(&s->changed, &s->mutex);
	is_serving = t->state == THREAD_SERVING;
	pthread_mutex_unlock(&s->mutex);
	if (is_serving)
		return 0;
	if (e)
		*e = t->err;
	return -1;
}

/* Tells all threads to stop, and waits for them. */
static void join_threads(struct sink *s)
{
	atomic_store_explicit(&s->is_stopping, true, memory_order_release);
	pthread_mutex_lock(&s->mutex);
	for (int i = 0; i < s->started; i++)
		if (s->threads[i].transport)
			transport_wake(s->threads[i].transport);
	pthread_mutex_unlock(&s->mutex);
	for (int i = 0; i < s->started; i++)
		pthread_join(s->threads[i].id, NULL);
}

static void sink_free(struct sink *s)
{
	for (int i = 0; i < s->started; i++)
		if (s->threads[i].has_worker)
			sink_worker_fini(&s->threads[i].worker);
	sink_shared_fini(&s->shared);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->mutex);
	free(s->threads);
	free(s);
}

/*
 * As many threads as asked for, or as it takes to hold the sessions that were asked for. The
 * kernel spreads connections over threads by a hash: each gets room for a quarter more than its
 * share. Some room is for those that come over the limit and are told so.
 */
static size_t links_each(uint64_t sessions, size_t threads)
{
	return threads == 1 ? sessions + 64 : sessions / threads / 4 * 5 + 256;
}

static void set_thread_count(struct sink *s)
{
	size_t capacity = s->world->link_capacity > 0 ? s->world->link_capacity : SIZE_MAX;
	size_t count = (size_t)s->plan->threads;
	uint64_t sessions = s->plan->session_max;

	if (sessions == 0) {
		sessions = SINK_SESSIONS_DEFAULT;
		while (links_each(sessions, count) > capacity && sessions > 1)
			sessions -= sessions / 16 + 1;
	}
	while (links_each(sessions, count) > capacity && count < SINK_THREADS_MAX)
		count++;
	s->session_max = sessions;
	s->thread_count = (int)count;
	s->link_max = links_each(sessions, count);
	if (s->link_max > capacity)
		s->link_max = capacity;
}

static struct sink *sink_new(const struct sink_plan *plan, const struct sink_world *world)
{
	struct sink *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->plan = plan;
	s->world = world;
	set_thread_count(s);
	s->threads = calloc((size_t)s->thread_count, sizeof(*s->threads));
	if (!s->threads) {
		free(s);
		return NULL;
	}
	for (int i = 0; i < plan->listener_count; i++)
		s->listeners[i] = plan->listeners[i];
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->changed, NULL);
	return s;
}

struct sink *sink_start(const struct sink_plan *plan, const struct sink_world *world, struct err *e)
{
	struct sink *s;

	if (sink_plan_check(plan, world->secure_new != NULL, e) < 0)
		return NULL;
	s = sink_new(plan, world);
	if (!s) {
		err_set(e, EXIT_FAILED, 0, "no memory for the sink");
		return NULL;
	}
	if (sink_shared_init(&s->shared, plan, world->clock, e) < 0) {
		sink_free(s);
		return NULL;
	}
	s->shared.session_max = s->session_max;
	for (int i = 0; i < s->thread_count; i++) {
		s->threads[i].sink = s;
		s->threads[i].is_first = i == 0;
		if (start_thread(s, &s->threads[i], e) == 0)
			continue;
		join_threads(s);
		sink_free(s);
		return NULL;
	}
	return s;
}

struct sink_listener sink_listener_at(const struct sink *s, int i)
{
	return s->listeners[i];
}

int sink_thread_count(const struct sink *s)
{
	return s->thread_count;
}

bool sink_is_well(const struct sink *s)
{
	return !atomic_load(&s->has_failed);
}

int sink_stop(struct sink *s, struct sink_status *ret_status, struct err *e)
{
	struct sink_worker *workers[SINK_THREADS_MAX];
	int status;

	join_threads(s);
	sink_shared_stop_store(&s->shared);
	for (int i = 0; i < s->thread_count; i++)
		workers[i] = &s->threads[i].worker;
	sink_status_init(ret_status);
	status = sink_status_collect(&s->shared, workers, s->thread_count, s->listeners, ret_status,
				     e);
	for (int i = 0; i < s->thread_count && status == 0; i++)
		if (s->threads[i].err.status != EXIT_WELL) {
			if (e)
				*e = s->threads[i].err;
			status = -1;
		}
	sink_free(s);
	return status;
}
