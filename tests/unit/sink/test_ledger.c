/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_ledger.c - X-Volley-ID found in a message, and what arrived, was lost and came twice
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include "base/rng.h"
#include "sink/clients.h"
#include "sink/ledger.h"

#define RUN   UINT64_C(0x0123456789abcdef)
#define VALUE "0123456789abcdef-42-1700000000000000000"

static void test_values(void **state)
{
	static const char *const wrong[] = {
		"",
		"-",
		"0123456789abcdef",
		"0123456789abcdef-42",
		"0123456789abcdef-42-",
		"0123456789abcde-42-1",
		"0123456789abcdef0-42-1",
		"0123456789abcdeg-42-1",
		"0123456789abcdef-4x-1",
		"0123456789abcdef--1",
		"0123456789abcdef-42-1-",
		"0123456789abcdef-42-1 x",
		"0123456789abcdef-18446744073709551616-1",
		"0123456789abcdef-42-9223372036854775808",
		"0123456789abcdef-a-1",
	};
	struct mark m;

	(void)state;
	assert_true(mark_parse(SPAN(VALUE), &m));
	assert_int_equal(m.run, RUN);
	assert_int_equal(m.seq, 42);
	assert_int_equal(m.due_wall_ns, INT64_C(1700000000000000000));
	assert_true(
		mark_parse(SPAN("0123456789ABCDEF-18446744073709551615-9223372036854775807"), &m));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(mark_parse(span_of(wrong[i]), &m));
}

/* The same in every cut of the input; the scan ends where nothing more can come. */
static void test_scan(void **state)
{
	static const struct {
		const char *content;
		enum mark_found found;
		bool is_over;
	} cases[] = {
		{"X-Volley-ID: " VALUE "\r\n", MARK_FOUND, true},
		{"Subject: x\r\nx-volley-id:" VALUE " \r\n\r\n", MARK_FOUND, true},
		{"Received: a\r\n\tb\r\nX-VOLLEY-ID:\t" VALUE "\r\nTo: x\r\n", MARK_FOUND, true},
		{"X-Volley-ID: " VALUE, MARK_FOUND, false},
		{"X-Volley-ID: " VALUE "\n", MARK_FOUND, true},
		{"X-Volley-I: " VALUE "\r\nX-Volley-IDs: " VALUE "\r\n\r\n", MARK_NONE, true},
		{"Subject: X-Volley-ID: " VALUE "\r\n\r\n", MARK_NONE, true},
		{" X-Volley-ID: " VALUE "\r\n\r\n", MARK_NONE, true},
		/* Behind the empty line is the body. */
		{"To: x\r\n\r\nX-Volley-ID: " VALUE "\r\n", MARK_NONE, true},
		{"\r\nX-Volley-ID: " VALUE "\r\n", MARK_NONE, true},
		{"To: x\n\nX-Volley-ID: " VALUE "\n", MARK_NONE, true},
		{"X-Volley-ID: nonsense\r\n", MARK_MALFORMED, true},
		{"X-Volley-ID: " VALUE "0000000000000000000000000000000000000000\r\n",
		 MARK_MALFORMED, true},
		{"To: x\r\n", MARK_NONE, false},
		{"", MARK_NONE, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		for (size_t piece = 1; piece <= strlen(cases[i].content) + 1; piece++) {
			struct span rest = span_of(cases[i].content);
			struct mark_scan s;
			struct mark m;
			bool is_over = false;

			mark_scan_init(&s);
			while (rest.len > 0 && !is_over) {
				size_t len = piece < rest.len ? piece : rest.len;

				is_over = mark_scan_feed(&s, (struct span){rest.data, len});
				rest = span_skip(rest, len);
			}
			assert_int_equal(is_over, cases[i].is_over);
			assert_int_equal(mark_scan_result(&s, &m), cases[i].found);
			if (cases[i].found == MARK_FOUND)
				assert_int_equal(m.seq, 42);
		}
}

static struct mark mark_of(uint64_t run, uint64_t seq)
{
	return (struct mark){.run = run, .seq = seq};
}

static void test_lost_and_duplicated(void **state)
{
	struct ledger *l = ledger_new();
	struct mark m;
	struct ledger_run run;
	int at;

	(void)state;
	/* Out of order, with holes, twice, far apart. */
	for (uint64_t seq = 0; seq < 200000; seq += 2) {
		m = mark_of(RUN, 199998 - seq);
		assert_int_equal(ledger_enter(l, &m, &at), LEDGER_NEW);
		assert_int_equal(at, 0);
	}
	for (uint64_t seq = 0; seq < 10; seq += 2) {
		m = mark_of(RUN, seq);
		assert_int_equal(ledger_enter(l, &m, &at), LEDGER_AGAIN);
	}
	m = mark_of(RUN, 3000000000);
	assert_int_equal(ledger_enter(l, &m, &at), LEDGER_NEW);
	m = mark_of(5, 0);
	assert_int_equal(ledger_enter(l, &m, &at), LEDGER_NEW);
	assert_int_equal(at, 1);
	assert_int_equal(ledger_run_count(l), 2);
	run = ledger_run_at(l, 0);
	assert_int_equal(run.id, RUN);
	assert_int_equal(run.received, 100001);
	assert_int_equal(run.duplicated, 5);
	assert_int_equal(run.highest, 3000000000);
	ledger_free(l);
}

static void test_bounds(void **state)
{
	struct ledger *l = ledger_new();
	struct mark m = mark_of(1, LEDGER_SEQ_MAX);
	int at;

	(void)state;
	assert_int_equal(ledger_enter(l, &m, &at), LEDGER_BEYOND);
	m.seq = LEDGER_SEQ_MAX - 1;
	assert_int_equal(ledger_enter(l, &m, &at), LEDGER_NEW);
	for (uint64_t run = 2; run <= LEDGER_RUNS_MAX; run++) {
		m = mark_of(run, 0);
		assert_int_equal(ledger_enter(l, &m, &at), LEDGER_NEW);
	}
	m = mark_of(LEDGER_RUNS_MAX + 1, 0);
	assert_int_equal(ledger_enter(l, &m, &at), LEDGER_BEYOND);
	m = mark_of(LEDGER_RUNS_MAX, 1);
	assert_int_equal(ledger_enter(l, &m, &at), LEDGER_NEW);
	ledger_free(l);
}

#define THREADS	 4
#define MESSAGES 50000

static struct ledger *shared_ledger;

/* Each thread enters all messages of two runs, in an order of its own. */
static void *enter_all(void *argument)
{
	uint64_t stride = (uint64_t)(uintptr_t)argument * 2 + 7; /* coprime with MESSAGES */

	for (uint64_t i = 0; i < MESSAGES; i++) {
		struct mark m = mark_of(1 + (i & 1), i * stride % MESSAGES);
		int at;

		ledger_enter(shared_ledger, &m, &at);
	}
	return NULL;
}

/* However threads meet: each message is new once and a duplicate the other times. */
static void test_threads(void **state)
{
	pthread_t threads[THREADS];
	uint64_t received = 0, duplicated = 0;

	(void)state;
	shared_ledger = ledger_new();
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, enter_all, (void *)i), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(ledger_run_count(shared_ledger), 2);
	for (int i = 0; i < 2; i++) {
		struct ledger_run run = ledger_run_at(shared_ledger, i);

		received += run.received;
		duplicated += run.duplicated;
		assert_true(run.received <= MESSAGES);
	}
	assert_int_equal(received + duplicated, THREADS * MESSAGES);
	/* 7, 9, 11, 13: odd strides keep parity, so each thread enters the same pairs. */
	assert_int_equal(received, MESSAGES);
	ledger_free(shared_ledger);
}

static struct endpoint address(const char *text)
{
	struct endpoint e;

	assert_true(endpoint_parse_address(span_of(text), &e));
	return e;
}

static void test_clients(void **state)
{
	struct clients a, b;
	struct endpoint one = address("192.0.2.1"), two = address("2001:db8::1");
	struct client *c, **ranked;
	size_t count;

	(void)state;
	clients_init(&a);
	clients_init(&b);
	one.port = 1234;
	c = clients_find(&a, &one);
	one.port = 99;
	assert_ptr_equal(clients_find(&a, &one), c);
	c->sessions = 2;
	c->messages = 5;
	clients_find(&b, &one)->messages = 6;
	clients_find(&b, &two)->messages = 20;
	for (int i = 0; i < 1000; i++) {
		struct endpoint e = address("10.0.0.0");

		e.v4[2] = (uint8_t)(i >> 8);
		e.v4[3] = (uint8_t)i;
		clients_find(&b, &e)->sessions = 1;
	}
	clients_merge(&a, &b);
	ranked = clients_rank(&a, &count);
	assert_int_equal(count, 1002);
	assert_int_equal(ranked[0]->messages, 20);
	assert_int_equal(ranked[1]->messages, 11);
	assert_int_equal(ranked[1]->sessions, 2);
	free(ranked);
	clients_fini(&a);
	clients_fini(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_lost_and_duplicated),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_clients),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
