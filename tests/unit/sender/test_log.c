/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_log.c - the log of outcomes: a JSON line each, from several threads, never waited for
 */
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "../pace/by_hand.h"
#include "sender/outcome_log.h"

#define RUN_ID UINT64_C(0x0123456789abcdef)

static const char *const urls[] = {"smtp://one.example", "smtp://two.example"};
static const char *const sources[] = {"192.0.2.1", "2001:db8::2"};
static const struct rules *rules[2]; /* nobody knows, unless a test sets them */
static char path[] = "/tmp/volley-log-XXXXXX";

static int make_path(void **state)
{
	int fd;

	(void)state;
	memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

static struct outcome_log *open_at(const char *at, bool failures_only, int workers, struct err *e)
{
	struct outcome_log_params params = {
		.path = at,
		.failures_only = failures_only,
		.run_id = RUN_ID,
		.worker_count = workers,
		.urls = urls,
		.rules = rules,
		.target_count = 2,
		.sources = sources,
	};

	return outcome_log_open(&params, e);
}

static struct outcome_log *open_log(bool failures_only, int workers)
{
	struct err e = {0};
	struct outcome_log *log = open_at(path, failures_only, workers, &e);

	if (log == NULL)
		fail_msg("%s", e.text);
	return log;
}

static void fill(struct outcome_record *r, uint64_t number)
{
	static const char rcpt[] = "user@example.com", text[] = "2.0.0 queued";

	*r = (struct outcome_record){
		/* 2023-11-21T11:33:00.25Z */
		.at_wall_ns = INT64_C(1700566380250000000),
		.number = number,
		.session = 7,
		.connection = 23,
		.on_connection = 3,
		.source = 1,
		.target = 1,
		.code = 250,
		.word = OUTCOME_ACCEPTED,
		.phase = PHASE_ACCEPT,
		.command = SMTP_DOT,
		.enhanced = {2, 0, 0},
		.response_ns = 12345678,
		.service_ns = 8000000,
		.late_ns = 4345678,
		.rcpt_count = 1,
		.rcpt_len = sizeof(rcpt) - 1,
		.text_len = sizeof(text) - 1,
	};
	memcpy(r->rcpt, rcpt, sizeof(rcpt) - 1);
	memcpy(r->text, text, sizeof(text) - 1);
}

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (text == NULL)
		fail_msg("no text \"%s\"", key);
	return text;
}

/* The lines of the file; each must be an object. */
static json_t *read_lines(void)
{
	json_t *lines = json_array();
	char line[16384];
	FILE *file = fopen(path, "re");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		json_error_t error;
		json_t *o = json_loads(line, 0, &error);

		if (!json_is_object(o))
			fail_msg("%s: %s", error.text, line);
		json_array_append_new(lines, o);
	}
	fclose(file);
	return lines;
}

static void a_line_says_it_all(void **state)
{
	struct outcome_log *log = open_log(false, 1);
	struct outcome_record *r;
	json_t *lines, *o;

	(void)state;
	r = outcome_log_begin(log, 0);
	assert_non_null(r);
	fill(r, 42);
	outcome_log_commit(log, 0);
	assert_int_equal(outcome_log_close(log, NULL), 0);
	lines = read_lines();
	assert_int_equal(json_array_size(lines), 1);
	o = json_array_get(lines, 0);
	assert_string_equal(text_of(o, "time"), "2023-11-21T11:33:00.250000Z");
	assert_string_equal(text_of(o, "outcome"), "accepted");
	assert_string_equal(text_of(o, "id"), "0123456789abcdef-42");
	assert_string_equal(text_of(o, "target"), urls[1]);
	assert_string_equal(text_of(o, "recipient"), "user@example.com");
	assert_string_equal(text_of(o, "phase"), "accept");
	assert_string_equal(text_of(o, "command"), "dot");
	assert_string_equal(text_of(o, "enhanced"), "2.0.0");
	assert_string_equal(text_of(o, "text"), "2.0.0 queued");
	assert_string_equal(text_of(o, "source"), "2001:db8::2");
	assert_string_equal(text_of(o, "class"), "accepted");
	assert_null(json_object_get(o, "error"));
	assert_null(json_object_get(o, "messages"));
	assert_int_equal(json_integer_value(json_object_get(o, "connection")), 23);
	assert_int_equal(json_integer_value(json_object_get(o, "on_connection")), 3);
	assert_int_equal(json_integer_value(json_object_get(o, "code")), 250);
	assert_int_equal(json_integer_value(json_object_get(o, "session")), 7);
	assert_int_equal(json_integer_value(json_object_get(o, "response_us")), 12345);
	assert_int_equal(json_integer_value(json_object_get(o, "service_us")), 8000);
	assert_int_equal(json_integer_value(json_object_get(o, "late_us")), 4345);
	json_decref(lines);
}

/* What a connection leaves behind: how many messages it carried, under which number, from where. */
static void connections_are_told(void **state)
{
	struct outcome_log *log = open_log(false, 1);
	struct outcome_record *r;
	json_t *lines, *o;

	(void)state;
	for (int i = OUTCOME_OPENED; i <= OUTCOME_CLOSED; i++) {
		r = outcome_log_begin(log, 0);
		fill(r, i == OUTCOME_OPENED ? 0 : 17);
		r->word = (uint8_t)i;
		r->code = 0;
		r->source = -1;
		r->text_len = 0;
		outcome_log_commit(log, 0);
	}
	assert_int_equal(outcome_log_close(log, NULL), 0);
	lines = read_lines();
	assert_int_equal(json_array_size(lines), 2);
	for (size_t i = 0; i < 2; i++) {
		o = json_array_get(lines, i);
		assert_string_equal(text_of(o, "outcome"), i == 0 ? "opened" : "closed");
		assert_int_equal(json_integer_value(json_object_get(o, "connection")), 23);
		assert_int_equal(json_integer_value(json_object_get(o, "messages")), 17 * i);
		assert_true(json_is_null(json_object_get(o, "source")));
		assert_string_equal(text_of(o, "target"), urls[1]);
		assert_null(json_object_get(o, "on_connection"));
		assert_null(json_object_get(o, "class"));
		assert_null(json_object_get(o, "id"));
	}
	json_decref(lines);
	/* Neither is a failure. */
	log = open_log(true, 1);
	assert_false(outcome_log_wants(log, OUTCOME_OPENED));
	assert_false(outcome_log_wants(log, OUTCOME_CLOSED));
	assert_int_equal(outcome_log_close(log, NULL), 0);
}

/* Each target's replies are called by the rules for that target. */
static void replies_have_a_class(void **state)
{
	struct by_hand hand;
	struct outcome_log *log;
	struct err e = {0};
	struct rules *slow;
	json_t *lines;

	(void)state;
	by_hand_init(&hand, "slow");
	by_hand_rule(&hand, "slow", 550, "queued", CLASS_THROTTLED, SCOPE_SOURCE, DIAL_RATE);
	slow = rules_new(&hand.profile, &e);
	assert_non_null(slow);
	rules[1] = slow;
	log = open_log(false, 1);
	for (int i = 0; i < 3; i++) {
		struct outcome_record *r = outcome_log_begin(log, 0);

		fill(r, 1);
		r->word = i < 2 ? OUTCOME_REJECTED : OUTCOME_FAILED;
		r->code = i < 2 ? 550 : 0;
		r->target = i == 1 ? 0 : 1;
		outcome_log_commit(log, 0);
	}
	assert_int_equal(outcome_log_close(log, NULL), 0);
	lines = read_lines();
	assert_string_equal(text_of(json_array_get(lines, 0), "class"), "throttled");
	assert_null(json_object_get(json_array_get(lines, 1), "class"));
	assert_string_equal(text_of(json_array_get(lines, 2), "class"), "network");
	json_decref(lines);
	rules[1] = NULL;
	rules_free(slow);
}

/* A session's failure has no message; what a server said is no danger to a terminal or to JSON. */
static void failures_and_nasty_text(void **state)
{
	struct outcome_log *log = open_log(true, 1);
	struct outcome_record *r;
	json_t *lines, *o;

	(void)state;
	assert_false(outcome_log_wants(log, OUTCOME_ACCEPTED));
	for (int i = OUTCOME_DEFERRED; i <= OUTCOME_SESSION; i++)
		assert_true(outcome_log_wants(log, (enum outcome_word)i));
	assert_false(outcome_log_wants(NULL, OUTCOME_FAILED));
	r = outcome_log_begin(log, 0);
	fill(r, 1);
	r->word = OUTCOME_SESSION;
	r->code = 0;
	snprintf(r->kind, sizeof(r->kind), "closed early");
	memset(r->text, '\x1b', OUTCOME_TEXT_MAX);
	r->text[0] = '"';
	r->text[1] = (char)0xff;
	r->text_len = OUTCOME_TEXT_MAX;
	outcome_log_commit(log, 0);
	assert_int_equal(outcome_log_close(log, NULL), 0);
	lines = read_lines();
	assert_int_equal(json_array_size(lines), 1);
	o = json_array_get(lines, 0);
	assert_string_equal(text_of(o, "outcome"), "session");
	assert_string_equal(text_of(o, "error"), "closed early");
	assert_null(json_object_get(o, "id"));
	assert_null(json_object_get(o, "code"));
	assert_memory_equal(text_of(o, "text"), "\"\\xff\\x1b", 9);
	assert_null(strchr(text_of(o, "text"), '\x1b'));
	json_decref(lines);
}

/* ---- threads ---- */

#define WRITERS 3
#define EACH	20000

struct writer {
	struct outcome_log *log;
	int id;
	uint64_t written, dropped;
};

static void *write_all(void *arg)
{
	struct writer *w = arg;

	for (uint64_t i = 0; i < EACH; i++) {
		struct outcome_record *r = outcome_log_begin(w->log, w->id);

		if (r == NULL) {
			w->dropped++;
			continue;
		}
		fill(r, (uint64_t)w->id * EACH + i);
		outcome_log_commit(w->log, w->id);
		w->written++;
	}
	return NULL;
}

/* What was committed is written, once and in order; what found no room was told. */
static void nothing_is_lost_untold(void **state)
{
	struct outcome_log *log = open_log(false, WRITERS);
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	uint64_t written = 0, next[WRITERS] = {0}, seen[WRITERS] = {0};
	json_t *lines;

	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){log, i, 0, 0};
		assert_int_equal(pthread_create(&threads[i], NULL, write_all, &writers[i]), 0);
	}
	for (int i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].written + writers[i].dropped, EACH);
		written += writers[i].written;
	}
	assert_int_equal(outcome_log_close(log, NULL), 0);
	lines = read_lines();
	assert_int_equal(json_array_size(lines), written);
	for (size_t k = 0; k < json_array_size(lines); k++) {
		uint64_t n = strtoull(strchr(text_of(json_array_get(lines, k), "id"), '-') + 1,
				      NULL, 10);

		assert_true(n < WRITERS * EACH && n >= next[n / EACH]);
		next[n / EACH] = n + 1;
		seen[n / EACH]++;
	}
	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(seen[i], writers[i].written);
	json_decref(lines);
}

static void *read_all(void *arg)
{
	char drain[65536];

	while (read(*(int *)arg, drain, sizeof(drain)) > 0)
		;
	return NULL;
}

/* A disk that stands still: the queue fills up, begin() says so, and nobody waits. */
static void a_full_queue_is_told(void **state)
{
	struct outcome_log *log;
	struct writer w = {NULL, 0, 0, 0};
	pthread_t thread;
	int reader;

	(void)state;
	/* A pipe that nobody reads takes 64 KiB, then its writer sleeps. */
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
	reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(reader >= 0);
	log = open_log(false, 1);
	w.log = log;
	write_all(&w);
	assert_true(w.dropped > 0);
	assert_true(w.written >= 1024);
	/* Read on, so that closing the log can end. */
	assert_int_equal(fcntl(reader, F_SETFL, 0), 0);
	assert_int_equal(pthread_create(&thread, NULL, read_all, &reader), 0);
	assert_int_equal(outcome_log_close(log, NULL), 0);
	pthread_join(thread, NULL);
	close(reader);
}

static void a_full_disk_is_told(void **state)
{
	struct err e = {0};
	struct outcome_log *log = open_at("/dev/full", false, 1, &e);
	struct outcome_record *r;

	(void)state;
	assert_non_null(log);
	r = outcome_log_begin(log, 0);
	assert_non_null(r);
	fill(r, 1);
	outcome_log_commit(log, 0);
	assert_int_equal(outcome_log_close(log, &e), -1);
	assert_non_null(strstr(e.text, "No space left"));
	assert_int_equal(e.status, EXIT_FAILED);
}

static void a_file_that_cannot_be_made(void **state)
{
	struct err e = {0};

	(void)state;
	assert_null(open_at("/nowhere/at/all", false, 1, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	assert_non_null(strstr(e.text, "/nowhere/at/all"));
	assert_int_equal(outcome_log_close(NULL, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_line_says_it_all, make_path, remove_path),
		cmocka_unit_test_setup_teardown(connections_are_told, make_path, remove_path),
		cmocka_unit_test_setup_teardown(replies_have_a_class, make_path, remove_path),
		cmocka_unit_test_setup_teardown(failures_and_nasty_text, make_path, remove_path),
		cmocka_unit_test_setup_teardown(nothing_is_lost_untold, make_path, remove_path),
		cmocka_unit_test_setup_teardown(a_full_queue_is_told, make_path, remove_path),
		cmocka_unit_test(a_full_disk_is_told),
		cmocka_unit_test(a_file_that_cannot_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
