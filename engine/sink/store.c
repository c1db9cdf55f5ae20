/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * store.c - messages and their records on disk: the queue and its thread
 *
 * Jobs are taken as a whole list at a time, so that the lock is held for moments. The writer
 * wakes a worker when a message of its is done, and all of them when a queue that was full has
 * drained to half.
 */
#include "sink/store.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/check.h"
#include "base/log.h"
#include "sink/store_maildir.h"

#define PORTS_MAX 256

enum job_kind { JOB_WRITE, JOB_COMMIT, JOB_ABANDON, JOB_LINE };

struct job {
	struct job *next;
	enum job_kind kind;
	struct store_message *message;
	struct buf data;
};

struct store {
	pthread_mutex_t mutex;
	pthread_cond_t filled;
	struct job *first, **last;	     /* under the mutex */
	bool is_stopping;		     /* under the mutex */
	struct store_port *ports[PORTS_MAX]; /* under the mutex */
	int port_count;
	_Atomic size_t queued;
	_Atomic bool was_full;
	size_t queue_max;
	pthread_t thread;
	struct maildir *maildir; /* NULL: none */
	FILE *lines;		 /* NULL: none */
	bool owns_lines, has_warned;
	struct store_stats stats; /* the writer's */
};

static void warn_once(struct store *s, const char *what, int os_error)
{
	if (!s->has_warned)
		log_warning("%s: %s; further failures are only counted", what, strerror(os_error));
	s->has_warned = true;
}

static void wake_all(struct store *s)
{
	pthread_mutex_lock(&s->mutex);
	for (int i = 0; i < s->port_count; i++)
		s->ports[i]->wake(s->ports[i]);
	pthread_mutex_unlock(&s->mutex);
}

/*
 * Gives a message back to its worker, which is woken under the lock: once it has the message it
 * may be gone.
 */
static void give_back(struct store_message *m)
{
	struct store_port *port = m->port;

	pthread_mutex_lock(&port->mutex);
	m->next = port->done;
	port->done = m;
	atomic_store_explicit(&port->has_done, true, memory_order_release);
	if (!m->next)
		port->wake(port);
	pthread_cond_signal(&port->arrived);
	pthread_mutex_unlock(&port->mutex);
}

static void run_job(struct store *s, struct job *job)
{
	struct store_message *m = job->message;

	switch (job->kind) {
	case JOB_WRITE:
		if (maildir_write(s->maildir, m, buf_span(&job->data)) < 0)
			warn_once(s, "a message could not be written", errno);
		break;
	case JOB_COMMIT:
		if (maildir_write(s->maildir, m, buf_span(&job->data)) < 0 ||
		    maildir_commit(s->maildir, m) < 0)
			warn_once(s, "a message could not be stored", errno);
		m->is_stored = !m->has_failed;
		s->stats.stored += m->is_stored;
		s->stats.failed += m->has_failed;
		s->stats.octets += m->is_stored ? m->size : 0;
		give_back(m);
		break;
	case JOB_ABANDON:
		maildir_abandon(s->maildir, m);
		store_message_free(m);
		break;
	case JOB_LINE:
		s->stats.lines++;
		if (fwrite(job->data.data, 1, job->data.len, s->lines) != job->data.len)
			warn_once(s, "a record could not be written", errno);
		break;
	}
}

static void run_jobs(struct store *s, struct job *jobs)
{
	while (jobs) {
		struct job *job = jobs;
		size_t len = job->data.len, left;

		jobs = job->next;
		run_job(s, job);
		buf_fini(&job->data);
		free(job);
		left = atomic_fetch_sub(&s->queued, len) - len;
		if (left < s->queue_max / 2 && atomic_exchange(&s->was_full, false)) {
			/* Those who filled it again meanwhile are to be woken as well. */
			if (atomic_load(&s->queued) > s->queue_max)
				atomic_store(&s->was_full, true);
			wake_all(s);
		}
	}
}

static void *writer(void *argument)
{
	struct store *s = argument;

	for (;;) {
		struct job *jobs;
		bool is_over;

		pthread_mutex_lock(&s->mutex);
		if (!s->first && !s->is_stopping && s->lines) {
			/* Nothing to do for the moment: what is buffered may be waited for. */
			pthread_mutex_unlock(&s->mutex);
			if (fflush(s->lines) != 0)
				warn_once(s, "a record could not be written", errno);
			pthread_mutex_lock(&s->mutex);
		}
		while (!s->first && !s->is_stopping)
			pthread_cond_wait(&s->filled, &s->mutex);
		jobs = s->first;
		s->first = NULL;
		s->last = &s->first;
		is_over = !jobs && s->is_stopping;
		pthread_mutex_unlock(&s->mutex);
		if (is_over)
			return NULL;
		run_jobs(s, jobs);
	}
}

/* Takes data over. False when memory is exhausted; data is freed then as well. */
static bool push(struct store *s, enum job_kind kind, struct store_message *m, struct buf *data)
{
	struct job *job = malloc(sizeof(*job));
	size_t len = data->len;

	if (!job) {
		buf_fini(data);
		return false;
	}
	*job = (struct job){.kind = kind, .message = m, .data = *data};
	buf_init(data, data->limit);
	if (atomic_fetch_add(&s->queued, len) + len > s->queue_max)
		atomic_store(&s->was_full, true);
	pthread_mutex_lock(&s->mutex);
	if (!s->first)
		pthread_cond_signal(&s->filled);
	*s->last = job;
	s->last = &job->next;
	pthread_mutex_unlock(&s->mutex);
	return true;
}

static int open_lines(struct store *s, const char *path, struct err *e)
{
	if (strcmp(path, "-") == 0) {
		s->lines = stdout;
		return 0;
	}
	s->lines = fopen(path, "ae");
	if (!s->lines)
		return err_set(e, EXIT_USAGE, errno, "%s: cannot write records there: %s", path,
			       strerror(errno));
	s->owns_lines = true;
	return 0;
}

static void store_free(struct store *s)
{
	if (s->owns_lines)
		fclose(s->lines);
	maildir_close(s->maildir);
	pthread_cond_destroy(&s->filled);
	pthread_mutex_destroy(&s->mutex);
	free(s);
}

struct store *store_start(const struct store_options *options, struct err *e)
{
	struct store *s = calloc(1, sizeof(*s));
	int os_error;

	if (!s) {
		err_set(e, EXIT_FAILED, 0, "no memory for the store");
		return NULL;
	}
	s->last = &s->first;
	s->queue_max = options->queue_max > 0 ? options->queue_max : STORE_QUEUE_MAX;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->filled, NULL);
	if (options->jsonl && open_lines(s, options->jsonl, e) < 0)
		goto failed;
	if (options->maildir) {
		s->maildir = maildir_open(options->maildir, options->does_sync, options->clock, e);
		if (!s->maildir)
			goto failed;
	}
	os_error = pthread_create(&s->thread, NULL, writer, s);
	if (os_error != 0) {
		err_set(e, EXIT_FAILED, os_error, "no thread for the store: %s",
			strerror(os_error));
		goto failed;
	}
	return s;
failed:
	store_free(s);
	return NULL;
}

void store_stop(struct store *s, struct store_stats *ret_stats)
{
	if (!s)
		return;
	CHECK(s->port_count == 0);
	pthread_mutex_lock(&s->mutex);
	s->is_stopping = true;
	pthread_cond_signal(&s->filled);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	if (s->lines && fflush(s->lines) != 0)
		warn_once(s, "a record could not be written", errno);
	if (ret_stats)
		*ret_stats = s->stats;
	store_free(s);
}

void store_port_open(struct store_port *p, struct store *s, void (*wake)(struct store_port *self))
{
	*p = (struct store_port){.store = s, .wake = wake};
	pthread_mutex_init(&p->mutex, NULL);
	pthread_cond_init(&p->arrived, NULL);
	pthread_mutex_lock(&s->mutex);
	CHECK(s->port_count < PORTS_MAX);
	s->ports[s->port_count++] = p;
	pthread_mutex_unlock(&s->mutex);
}

void store_port_close(struct store_port *p)
{
	struct store *s = p->store;

	pthread_mutex_lock(&s->mutex);
	for (int i = 0; i < s->port_count; i++)
		if (s->ports[i] == p)
			s->ports[i] = s->ports[--s->port_count];
	pthread_mutex_unlock(&s->mutex);
	pthread_cond_destroy(&p->arrived);
	pthread_mutex_destroy(&p->mutex);
	p->store = NULL;
}

struct store_message *store_message_new(struct store_port *p, void *owner)
{
	struct store_message *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->port = p;
	m->owner = owner;
	m->file = -1;
	buf_init(&m->chunk, STORE_CHUNK);
	return m;
}

bool store_message_append(struct store_message *m, struct span content)
{
	while (content.len > 0) {
		size_t room = STORE_CHUNK - m->chunk.len;
		size_t part = content.len < room ? content.len : room;

		if (!buf_append(&m->chunk, content.data, part))
			return false;
		m->size += part;
		content = span_skip(content, part);
		if (m->chunk.len == STORE_CHUNK && !push(m->port->store, JOB_WRITE, m, &m->chunk))
			return false;
	}
	return true;
}

bool store_message_commit(struct store_message *m)
{
	if (push(m->port->store, JOB_COMMIT, m, &m->chunk))
		return true;
	store_message_abandon(m);
	return false;
}

void store_message_abandon(struct store_message *m)
{
	struct buf nothing;

	buf_init(&nothing, 0);
	buf_fini(&m->chunk);
	m->owner = NULL;
	/* Not to be had: the message's memory and its temporary file stay behind. */
	if (!push(m->port->store, JOB_ABANDON, m, &nothing))
		log_warning("out of memory: a temporary file is left in the maildir");
}

struct store_message *store_port_collect(struct store_port *p)
{
	struct store_message *m;

	if (!atomic_load_explicit(&p->has_done, memory_order_acquire))
		return NULL;
	pthread_mutex_lock(&p->mutex);
	m = p->done;
	if (m)
		p->done = m->next;
	if (!p->done)
		atomic_store_explicit(&p->has_done, false, memory_order_relaxed);
	pthread_mutex_unlock(&p->mutex);
	return m;
}

void store_port_wait(struct store_port *p)
{
	pthread_mutex_lock(&p->mutex);
	while (!p->done)
		pthread_cond_wait(&p->arrived, &p->mutex);
	pthread_mutex_unlock(&p->mutex);
}

void store_message_free(struct store_message *m)
{
	buf_fini(&m->chunk);
	free(m);
}

bool store_line(struct store_port *p, struct buf *line)
{
	return push(p->store, JOB_LINE, NULL, line);
}

bool store_is_full(const struct store *s)
{
	return atomic_load_explicit(&s->queued, memory_order_relaxed) > s->queue_max;
}

bool store_has_maildir(const struct store *s)
{
	return s && s->maildir;
}

bool store_has_lines(const struct store *s)
{
	return s && s->lines;
}
