/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_counter.c - counters of limits, and the log of decisions, where there is no more room
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "sink/counter.h"
#include "sink/decision_log.h"

static void add_passed(const struct counter *k, void *argument)
{
	*(uint64_t *)argument += k->passed;
}

static void test_full(void **state)
{
	static const struct limit limit = {
		.unit = LIMIT_MESSAGES,
		.window = LIMIT_ROLLING,
		.amount = 10,
		.period_ns = 64 * NS_PER_SEC,
	};
	static const struct limits_reading reading = {.share_millis = 1000, .scale = 1};
	struct counter_recipe recipe = {
		.table = limits_new(0),
		.limit = &limit,
		.reading = &reading,
		.whose = SPAN("somebody with a name that does not fit into ninety-six octets, as "
			      "accounts and addresses of recipients may well have"),
	};
	struct counters *c = counters_new(3000);
	struct counter *first = counters_find(c, 1, 0, &recipe, 0);
	uint64_t passed = 0;

	(void)state;
	assert_non_null(first);
	assert_int_equal(strlen(first->whose), COUNTER_WHOSE_MAX - 1);
	for (uint64_t key = 0; key < 4000; key++) {
		struct counter *k = counters_find(c, (uint32_t)(key % 3), key / 3, &recipe, 0);

		assert_int_equal(k != NULL, key < 3000);
		if (k)
			counter_passed(c, k, 2, 0);
	}
	/* Those that are there are found, wherever the table has moved them. */
	assert_ptr_equal(counters_find(c, 1, 0, &recipe, 0), first);
	assert_int_equal(counters_missed(c), 1000);
	counter_given_back(c, first, 1, 0, true);
	counters_visit(c, add_passed, &passed);
	assert_int_equal(passed, 2 * 3000 - 1);
	counters_free(c);
	limits_free(recipe.table);
}

/* Nobody reads the log: what does not fit into the queue is dropped, and counted. */
static void test_log_behind(void **state)
{
	char folder[] = "/tmp/volley-counter-XXXXXX", path[64];
	struct decision d = {
		.client = "192.0.2.1",
		.session = 1,
		.phase = PHASE_MAIL,
		.profile = "hand",
		.cause = "over",
		.reply = SPAN("421 4.7.0 Too many messages\r\n"),
	};
	uint64_t lines = 0, dropped = 0, count = 120000;
	struct decision_log *l;
	int fd;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/log", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	l = decision_log_open(path, clock_system(), NULL);
	assert_non_null(l);
	for (uint64_t i = 0; i < count; i++)
		decision_log_refusal(l, &d);
	close(fd);
	decision_log_close(l, &lines, &dropped);
	assert_true(dropped > 0);
	assert_int_equal(lines + dropped, count);
	unlink(path);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_log_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
