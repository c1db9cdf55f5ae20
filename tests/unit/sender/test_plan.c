/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_plan.c - what cannot work is refused in a sentence, and what can is completed
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "sender/plan.h"

static const struct plan_bounds plenty = {
	.links_per_ring = 20000,
	.ports = 28232,
	.memory = UINT64_C(8) << 30,
	.threads_max = 1024,
	.session_memory = 9000,
};

static struct sender_plan plan_of(int sessions, int threads, int targets)
{
	struct sender_plan p = {
		.sessions = sessions,
		.threads = threads,
		.target_count = targets,
		.connects_in_flight = 500,
	};

	for (int i = 0; i < targets; i++) {
		char text[32];

		snprintf(text, sizeof(text), "127.0.0.%d", i + 1);
		if (!endpoint_parse_address(span_of(text), &p.targets[i].addresses[0]))
			fail();
		p.targets[i].addresses[0].port = 25;
		p.targets[i].address_count = 1;
	}
	return p;
}

static void expect_refused(struct sender_plan *p, const struct plan_bounds *b, const char *word)
{
	struct err e = {0};

	if (plan_check(p, b, &e) == 0)
		fail_msg("taken, where \"%s\" was expected", word);
	assert_int_equal(e.status, EXIT_USAGE);
	if (strstr(e.text, word) == NULL)
		fail_msg("\"%s\" lacks \"%s\"", e.text, word);
}

static void expect_taken(struct sender_plan *p, const struct plan_bounds *b, int threads)
{
	struct err e = {0};

	if (plan_check(p, b, &e) != 0)
		fail_msg("%s", e.text);
	assert_int_equal(p->threads, threads);
}

static void what_fits_is_taken(void **state)
{
	struct sender_plan p = plan_of(10, 1, 1);

	(void)state;
	expect_taken(&p, &plenty, 1);
	p = plan_of(10, 4, 1);
	expect_taken(&p, &plenty, 4);
	/* A thread without a session would be idle. */
	p = plan_of(3, 8, 1);
	expect_taken(&p, &plenty, 3);
}

static void fewer_sessions_than_targets(void **state)
{
	struct sender_plan p = plan_of(2, 1, 3);

	(void)state;
	expect_refused(&p, &plenty, "3 targets");
	p = plan_of(3, 1, 3);
	expect_taken(&p, &plenty, 1);
}

static void threads_are_added_for_links(void **state)
{
	struct plan_bounds b = plenty;
	struct sender_plan p;

	(void)state;
	b.ports = 0; /* not known: not judged */
	/* 16 links are kept back in each ring. */
	for (int sessions = 19983; sessions <= 19986; sessions++) {
		p = plan_of(sessions, 1, 1);
		expect_taken(&p, &b, sessions <= 19984 ? 1 : 2);
		assert_true(plan_links(&p, (sessions + p.threads - 1) / p.threads) <=
			    b.links_per_ring);
	}
	p = plan_of(100000, 1, 1);
	expect_taken(&p, &b, 6);
	/* Those with several addresses may need two links while they connect. */
	p = plan_of(19984, 1, 1);
	p.targets[0].address_count = 2;
	expect_taken(&p, &b, 2);
	assert_int_equal(plan_links(&p, 9992), 9992 + 500 + 16);
	assert_int_equal(plan_links(&p, 100), 100 + 100 + 16);
}

static void too_many_for_the_descriptors(void **state)
{
	struct plan_bounds b = plenty;
	struct sender_plan p = plan_of(1000, 1, 1);

	(void)state;
	b.links_per_ring = 60;
	b.threads_max = 20;
	expect_refused(&p, &b, "ulimit -n");
	b.threads_max = 23;
	expect_taken(&p, &b, 23);
	b.links_per_ring = 0;
	expect_refused(&p, &b, "no room for sessions");
	b.links_per_ring = 16;
	expect_refused(&p, &b, "no room for sessions");
}

static void too_many_for_the_ports(void **state)
{
	struct plan_bounds b = plenty;
	struct sender_plan p = plan_of(1001, 1, 1);
	struct err e = {0};

	(void)state;
	b.ports = 100;
	expect_refused(&p, &b, "--source-ip");
	assert_int_equal(plan_check(&p, &b, &e), -1);
	assert_non_null(strstr(e.text, "at least 11 addresses"));
	p.source_count = 10;
	expect_refused(&p, &b, "1000");
	p.source_count = 11;
	expect_taken(&p, &b, 1);
	/* Two targets share the sessions, and each has ports of its own. */
	p = plan_of(200, 1, 2);
	expect_taken(&p, &b, 1);
	p = plan_of(201, 1, 2);
	expect_refused(&p, &b, "101 of them");
	/* Unless they are the same server: then the ports are shared. */
	p = plan_of(200, 1, 2);
	p.targets[1].addresses[0] = p.targets[0].addresses[0];
	expect_refused(&p, &b, "200 of them");
	p.targets[1].addresses[0].port = 587;
	expect_taken(&p, &b, 1);
}

static void a_socket_has_no_ports(void **state)
{
	struct plan_bounds b = plenty;
	struct sender_plan p = plan_of(1000, 1, 2);

	(void)state;
	b.ports = 500;
	p.targets[0].addresses[0] = (struct endpoint){.family = ENDPOINT_UNIX};
	/* Half of the sessions go there. */
	expect_taken(&p, &b, 1);
	b.ports = 499;
	expect_refused(&p, &b, "500 of them");
	p = plan_of(1000, 1, 1);
	p.targets[0].addresses[0] = (struct endpoint){.family = ENDPOINT_UNIX};
	expect_taken(&p, &b, 1);
}

static void too_many_for_the_memory(void **state)
{
	struct plan_bounds b = plenty;
	struct sender_plan p = plan_of(1000, 1, 1);

	(void)state;
	b.memory = 9000 * 1000;
	expect_refused(&p, &b, "memory");
	b.memory = 9000 * 1000 / 9 * 10 + 1;
	expect_taken(&p, &b, 1);
	b.memory = 0; /* not known: not judged */
	expect_taken(&p, &b, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_is_taken),
		cmocka_unit_test(fewer_sessions_than_targets),
		cmocka_unit_test(threads_are_added_for_links),
		cmocka_unit_test(too_many_for_the_descriptors),
		cmocka_unit_test(too_many_for_the_ports),
		cmocka_unit_test(a_socket_has_no_ports),
		cmocka_unit_test(too_many_for_the_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
