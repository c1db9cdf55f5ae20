/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * outcome_log.c - a JSON line for each message, or for each failure
 *
 * One single-producer, single-consumer ring per worker. The writer sleeps on a descriptor, and is
 * woken only by the commit that finds it asleep.
 */
#include <errno.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/date.h"
#include "result/run.h"
#include "sender/outcome_log.h"

#define QUEUE_SIZE 1024u /* records; a power of two */

struct queue {
	_Alignas(64) _Atomic uint32_t head; /* next to be written by the worker */
	_Alignas(64) _Atomic uint32_t tail; /* next to be taken by the writer */
	struct outcome_record *records;
};

struct outcome_log {
	FILE *file;
	bool is_stdout;
	struct outcome_log_params params;
	struct rules_reader **readers; /* by target; targets with the same rules share one */
	struct queue *queues;
	int queue_count;
	int wake_fd;
	_Atomic bool is_asleep, is_closing;
	_Atomic int write_error; /* the first one; 0: none */
	pthread_t thread;
};

const char *outcome_word_name(enum outcome_word word)
{
	static const char *const names[] = {
		[OUTCOME_ACCEPTED] = "accepted", [OUTCOME_DEFERRED] = "deferred",
		[OUTCOME_REJECTED] = "rejected", [OUTCOME_FAILED] = "failed",
		[OUTCOME_IN_DOUBT] = "in_doubt", [OUTCOME_SESSION] = "session",
		[OUTCOME_OPENED] = "opened",	 [OUTCOME_CLOSED] = "closed",
	};

	return names[word];
}

static void set_text(json_t *o, const char *key, const char *text, size_t len)
{
	char clean[2 * OUTCOME_TEXT_MAX];

	run_text_clean((struct span){text, len}, clean, sizeof(clean));
	json_object_set_new(o, key, json_string(clean));
}

static void set_us(json_t *o, const char *key, int64_t ns)
{
	if (ns >= 0)
		json_object_set_new(o, key, json_integer(ns / NS_PER_US));
}

static bool is_message(const struct outcome_record *r)
{
	return r->word <= OUTCOME_IN_DOUBT;
}

/* What the reply, or its absence, is called; NULL: nobody knows. */
static const char *class_of(const struct outcome_log *log, const struct outcome_record *r)
{
	struct rules_reader *reader = log->readers != NULL ? log->readers[r->target] : NULL;
	struct reply reply = {
		.code = r->code,
		.enhanced = r->enhanced,
		.text = {r->text, r->text_len},
	};

	if (r->code == 0)
		return class_name(CLASS_NETWORK);
	if (r->code < 400)
		return class_name(CLASS_ACCEPTED);
	if (reader == NULL)
		return NULL;
	return class_name(rules_judge(reader, &reply, (enum phase)r->phase).class);
}

static void set_connection(const struct outcome_log *log, const struct outcome_record *r, json_t *o)
{
	json_object_set_new(o, "connection", json_integer((json_int_t)r->connection));
	json_object_set_new(o, "source",
			    r->source >= 0 ? json_string(log->params.sources[r->source])
					   : json_null());
	if (is_message(r))
		json_object_set_new(o, "on_connection", json_integer((json_int_t)r->on_connection));
	else if (r->word != OUTCOME_SESSION)
		json_object_set_new(o, "messages", json_integer((json_int_t)r->number));
}

static json_t *record_to_json(const struct outcome_log *log, const struct outcome_record *r)
{
	json_t *o = json_object();
	char text[64], enhanced[ENHANCED_TEXT_MAX];
	const char *class = NULL;

	json_object_set_new(o, "time", json_string(date_text(r->at_wall_ns, 6, text)));
	json_object_set_new(o, "outcome", json_string(outcome_word_name(r->word)));
	json_object_set_new(o, "session", json_integer(r->session));
	json_object_set_new(o, "target", json_string(log->params.urls[r->target]));
	set_connection(log, r, o);
	json_object_set_new(o, "phase", json_string(phase_name((enum phase)r->phase)));
	if (is_message(r)) {
		snprintf(text, sizeof(text), "%016llx-%llu", (unsigned long long)log->params.run_id,
			 (unsigned long long)r->number);
		json_object_set_new(o, "id", json_string(text));
		set_text(o, "recipient", r->rcpt, r->rcpt_len);
		json_object_set_new(o, "recipients", json_integer(r->rcpt_count));
		set_us(o, "late_us", r->late_ns);
		set_us(o, "service_us", r->service_ns);
		set_us(o, "response_us", r->response_ns);
	}
	if (r->code != 0) {
		json_object_set_new(o, "command",
				    json_string(smtp_command_name((enum smtp_command)r->command)));
		json_object_set_new(o, "code", json_integer(r->code));
		json_object_set_new(o, "enhanced",
				    json_string(enhanced_text(r->enhanced, enhanced)));
	}
	if (is_message(r) || r->word == OUTCOME_SESSION)
		class = class_of(log, r);
	if (class != NULL)
		json_object_set_new(o, "class", json_string(class));
	if (r->kind[0] != '\0')
		json_object_set_new(o, "error", json_string(r->kind));
	if (r->text_len > 0)
		set_text(o, "text", r->text, r->text_len);
	return o;
}

static int write_out(const char *data, size_t size, void *file)
{
	return fwrite(data, 1, size, file) == size ? 0 : -1;
}

static void note_error(struct outcome_log *log, int error)
{
	int none = 0;

	atomic_compare_exchange_strong(&log->write_error, &none, error != 0 ? error : EIO);
}

static bool drain(struct outcome_log *log)
{
	bool any = false;

	for (int i = 0; i < log->queue_count; i++) {
		struct queue *q = &log->queues[i];
		uint32_t tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
		uint32_t head = atomic_load_explicit(&q->head, memory_order_acquire);

		for (; tail != head; tail++, any = true) {
			json_t *o = record_to_json(log, &q->records[tail % QUEUE_SIZE]);

			if (json_dump_callback(o, write_out, log->file,
					       JSON_COMPACT | JSON_PRESERVE_ORDER) != 0 ||
			    fputc('\n', log->file) == EOF)
				note_error(log, errno);
			json_decref(o);
			atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
		}
	}
	return any;
}

static void *write_thread(void *arg)
{
	struct outcome_log *log = arg;
	uint64_t ticks;

	for (;;) {
		bool is_last = atomic_load(&log->is_closing);

		if (drain(log))
			continue;
		if (is_last)
			return NULL;
		if (fflush(log->file) != 0)
			note_error(log, errno);
		atomic_store(&log->is_asleep, true);
		atomic_thread_fence(memory_order_seq_cst);
		/* What came between the last look and the flag would not wake us. */
		if (drain(log) || atomic_load(&log->is_closing)) {
			atomic_store(&log->is_asleep, false);
			continue;
		}
		if (read(log->wake_fd, &ticks, sizeof(ticks)) < 0 && errno != EINTR) {
			note_error(log, errno);
			return NULL;
		}
	}
}

/* Signals are the control thread's. */
static int start_thread(struct outcome_log *log)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&log->thread, NULL, write_thread, log);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return error;
}

static void wake(struct outcome_log *log)
{
	uint64_t one = 1;

	if (atomic_exchange(&log->is_asleep, false) &&
	    write(log->wake_fd, &one, sizeof(one)) != (ssize_t)sizeof(one))
		note_error(log, errno);
}

static void readers_free(struct outcome_log *log)
{
	for (int i = 0; log->readers != NULL && i < log->params.target_count; i++) {
		for (int j = i + 1; j < log->params.target_count; j++)
			if (log->readers[j] == log->readers[i])
				log->readers[j] = NULL;
		if (log->readers[i] != NULL)
			rules_reader_free(log->readers[i]);
	}
	free(log->readers);
}

static bool readers_new(struct outcome_log *log)
{
	const struct outcome_log_params *p = &log->params;

	if (p->rules == NULL)
		return true;
	log->readers = calloc((size_t)p->target_count, sizeof(struct rules_reader *));
	for (int i = 0; log->readers != NULL && i < p->target_count; i++) {
		for (int j = 0; j < i && log->readers[i] == NULL; j++)
			if (p->rules[j] == p->rules[i])
				log->readers[i] = log->readers[j];
		if (p->rules[i] == NULL || log->readers[i] != NULL)
			continue;
		log->readers[i] = rules_reader_new(p->rules[i]);
		if (log->readers[i] == NULL)
			return false;
	}
	return log->readers != NULL;
}

static void log_free(struct outcome_log *log)
{
	for (int i = 0; i < log->queue_count; i++)
		free(log->queues[i].records);
	free(log->queues);
	readers_free(log);
	if (log->file != NULL && !log->is_stdout)
		fclose(log->file);
	if (log->wake_fd >= 0)
		close(log->wake_fd);
	free(log);
}

static bool queues_new(struct outcome_log *log, int count)
{
	log->queues = aligned_alloc(64, (size_t)count * sizeof(*log->queues));
	if (log->queues == NULL)
		return false;
	memset(log->queues, 0, (size_t)count * sizeof(*log->queues));
	log->queue_count = count;
	for (int i = 0; i < count; i++) {
		log->queues[i].records = calloc(QUEUE_SIZE, sizeof(struct outcome_record));
		if (log->queues[i].records == NULL)
			return false;
	}
	return true;
}

struct outcome_log *outcome_log_open(const struct outcome_log_params *params, struct err *e)
{
	struct outcome_log *log = calloc(1, sizeof(*log));
	const char *path = params->path;

	if (log == NULL) {
		err_set(e, EXIT_FAILED, 0, "no memory for the log");
		return NULL;
	}
	log->params = *params;
	log->is_stdout = strcmp(path, "-") == 0;
	log->file = log->is_stdout ? stdout : fopen(path, "we");
	if (log->file == NULL) {
		err_set(e, EXIT_USAGE, errno, "--log: cannot write %s: %s", path, strerror(errno));
		log->wake_fd = -1;
		log_free(log);
		return NULL;
	}
	log->wake_fd = eventfd(0, EFD_CLOEXEC);
	if (log->wake_fd < 0 || !queues_new(log, params->worker_count) || !readers_new(log) ||
	    start_thread(log) != 0) {
		err_set(e, EXIT_FAILED, errno, "no memory or threads for the log");
		log_free(log);
		return NULL;
	}
	return log;
}

bool outcome_log_wants(const struct outcome_log *log, enum outcome_word word)
{
	return log != NULL && (!log->params.failures_only ||
			       (word != OUTCOME_ACCEPTED && word <= OUTCOME_SESSION));
}

struct outcome_record *outcome_log_begin(struct outcome_log *log, int worker)
{
	struct queue *q = &log->queues[worker];
	uint32_t head = atomic_load_explicit(&q->head, memory_order_relaxed);

	if (head - atomic_load_explicit(&q->tail, memory_order_acquire) >= QUEUE_SIZE)
		return NULL;
	return &q->records[head % QUEUE_SIZE];
}

void outcome_log_commit(struct outcome_log *log, int worker)
{
	struct queue *q = &log->queues[worker];

	atomic_fetch_add_explicit(&q->head, 1, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
	if (atomic_load_explicit(&log->is_asleep, memory_order_relaxed))
		wake(log);
}

int outcome_log_close(struct outcome_log *log, struct err *e)
{
	int error;

	if (log == NULL)
		return 0;
	atomic_store(&log->is_closing, true);
	wake(log);
	pthread_join(log->thread, NULL);
	if (fflush(log->file) != 0)
		note_error(log, errno);
	error = atomic_load(&log->write_error);
	log_free(log);
	if (error != 0)
		return err_set(e, EXIT_FAILED, error, "--log: not all was written: %s",
			       strerror(error));
	return 0;
}
