/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_connect.c - several addresses: which one is talked to, when the next one is tried
 *
 * RFC 8305 with two attempts at a time: the attempt delay is 250 ms here, an attempt is given up
 * after 3 s, and the network takes 1 ms one way where no rule says otherwise.
 */
#include "stage.h"
#include <stdio.h>

#define TICK_US 66 /* a timer of the wheel is late by less than that */

/* The time of the connect step, us; the rest of the log is returned in *ret_rest. */
static long connect_us(struct stage *s, const char **ret_rest)
{
	long us = -1;
	int len = 0;

	if (sscanf(s->log, "connect=%ld %n", &us, &len) != 1 || len == 0)
		fail_msg("no connect: %s", s->log);
	*ret_rest = s->log + len;
	return us;
}

static void expect_connected(struct stage *s, long least_us, int preferred)
{
	const char *rest;
	long us;

	stage_open(s);
	stage_run(s);
	us = connect_us(s, &rest);
	assert_in_range(us, least_us, least_us + 2 * TICK_US);
	assert_string_equal(rest, "banner=2000/220 ehlo=2000/250 READY quit=2000/221 CLOSED(none)");
	assert_int_equal(s->target.preferred, preferred);
	assert_int_equal(s->closed, 1);
}

static struct stage *quiet_stage(void)
{
	struct stage *s = stage_new(NULL);

	s->messages = 0;
	return s;
}

static const struct line short_script[] = {
	{.say = "220 mx.example.com ready\r\n"},
	{.expect = "EHLO", .say = "250 mx.example.com\r\n"},
	{.expect = "QUIT", .say = "221 2.0.0 bye\r\n", .act = SAY_CLOSE},
	{0},
};

static void the_first_answers(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", short_script);
	stage_place(s, "198.51.100.2", short_script);
	expect_connected(s, 2000, 0);
	assert_int_equal(s->peer_count, 1);
	stage_free(s);
}

/* A refusal does not wait for the attempt delay. */
static void the_first_refuses(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", NULL);
	stage_place(s, "198.51.100.3", short_script);
	expect_connected(s, 3 * 2000, 2);
	stage_free(s);
}

static void the_first_is_a_black_hole(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", short_script);
	stage_rule(s, "198.51.100.1", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	expect_connected(s, 252000, 1);
	/* The next talk goes there at once. */
	s->log[0] = '\0';
	s->closed = 0;
	s->messages = 0;
	expect_connected(s, 2000, 1);
	stage_free(s);
}

static void slow(struct stage *s, const char *pattern, int64_t delay_ns)
{
	struct sim_rule rule = {.effect = SIM_PATH, .path.delay_ns = delay_ns};
	struct err e = {0};

	assert_true(sim_pattern_parse(span_of(pattern), &rule.to));
	assert_int_equal(sim_rule_add(s->sim, &rule, &e), 0);
}

/* The loser is reset, and nobody talks to it. */
static void the_first_is_slow(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", short_script);
	stage_place(s, "198.51.100.2", short_script);
	slow(s, "198.51.100.1", 300 * MS);
	expect_connected(s, 252000, 1);
	assert_int_equal(s->peer_count, 1);
	assert_int_equal(s->client->counters.links_opened, 1);
	stage_free(s);
}

/* The second one was tried, and the first still wins: it is the one to be preferred. */
static void the_first_wins_all_the_same(void **state)
{
	struct stage *s = quiet_stage();
	const char *rest;

	(void)state;
	stage_place(s, "198.51.100.1", short_script);
	stage_place(s, "198.51.100.2", NULL); /* refuses: the third is tried at once */
	stage_place(s, "198.51.100.3", short_script);
	stage_rule(s, "198.51.100.3", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	slow(s, "198.51.100.1", 200 * MS);
	stage_open(s);
	stage_run(s);
	assert_int_equal(connect_us(s, &rest), 400000);
	assert_int_equal(s->target.preferred, 0);
	stage_free(s);
}

/* As many as are left: the second was refused, and there is no third. */
static void the_first_wins_alone(void **state)
{
	struct stage *s = quiet_stage();
	const char *rest;

	(void)state;
	stage_place(s, "198.51.100.1", short_script);
	stage_place(s, "198.51.100.2", NULL);
	slow(s, "198.51.100.1", 200 * MS);
	stage_open(s);
	stage_run(s);
	assert_int_equal(connect_us(s, &rest), 400000);
	assert_int_equal(s->target.preferred, 0);
	stage_free(s);
}

/* Two black holes: the third is tried when the first attempt is given up, not a time-out later. */
static void the_third_answers(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", NULL);
	stage_place(s, "198.51.100.3", short_script);
	stage_rule(s, "198.51.100.0/31", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	stage_rule(s, "198.51.100.2", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	expect_connected(s, 3002000, 2);
	stage_free(s);
}

/* After a refusal the attempt delay begins anew with the second address. */
static void the_delay_begins_anew(void **state)
{
	struct stage *s = quiet_stage();
	const char *rest;

	(void)state;
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", short_script);
	stage_place(s, "198.51.100.3", short_script);
	stage_rule(s, "198.51.100.1", LINK_END_REFUSED, 200 * MS);
	slow(s, "198.51.100.2", 100 * MS);
	stage_open(s);
	stage_run(s);
	/* Begun at 200 ms, answered at 400: before the third would have been tried. */
	assert_int_equal(connect_us(s, &rest), 400000);
	stage_free(s);
}

/* Another talk finds a better address meanwhile: this one goes on with its own list, in order. */
static void the_preference_changes_meanwhile(void **state)
{
	struct stage *s = quiet_stage();
	const char *rest;

	(void)state;
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", short_script);
	stage_rule(s, "198.51.100.1", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	stage_open(s);
	stage_run_until(s, s->begin_ns + 100 * MS);
	s->target.preferred = 1;
	stage_run(s);
	assert_in_range(connect_us(s, &rest), 252000, 252000 + 2 * TICK_US);
	assert_int_equal(s->target.preferred, 1);
	stage_free(s);
}

static void expect_dead(struct stage *s, const char *log, int64_t after_ns)
{
	stage_open(s);
	stage_run(s);
	assert_string_equal(s->log, log);
	assert_in_range(s->closed_ns - s->begin_ns, after_ns, after_ns + 3 * TICK_US * US);
	stage_free(s);
}

static void all_addresses_are_dead(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", NULL);
	expect_dead(s, "CLOSED(refused at connect)", 4 * MS);

	/* What is told is how the attempt ended that took longest. */
	s = quiet_stage();
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", NULL);
	stage_rule(s, "198.51.100.1", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	expect_dead(s, "CLOSED(timed out at connect)", 3 * NS_PER_SEC);

	s = quiet_stage();
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", NULL);
	stage_place(s, "198.51.100.3", NULL);
	stage_rule(s, "198.51.100.0/24", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	expect_dead(s, "CLOSED(timed out at connect)", 6 * NS_PER_SEC);
}

static void a_single_address(void **state)
{
	static const struct {
		enum link_end end;
		const char *log;
	} ends[] = {
		{LINK_END_REFUSED, "CLOSED(refused at connect)"},
		{LINK_END_UNREACHABLE, "CLOSED(unreachable at connect)"},
		{LINK_END_NO_PORTS, "CLOSED(no local port at connect)"},
		{LINK_END_NO_SOURCE, "CLOSED(source address not local at connect)"},
		{LINK_END_NO_DESCRIPTORS, "CLOSED(no descriptor at connect)"},
		{LINK_END_NO_MEMORY, "CLOSED(no memory at connect)"},
		{LINK_END_DENIED, "CLOSED(denied here at connect)"},
		{LINK_END_OTHER, "CLOSED(other at connect)"},
	};
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", NULL);
	stage_rule(s, "198.51.100.1", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	expect_dead(s, "CLOSED(timed out at connect)", 3 * NS_PER_SEC);
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		s = quiet_stage();
		stage_place(s, "198.51.100.1", NULL);
		stage_rule(s, "198.51.100.1", ends[i].end, 20 * MS);
		expect_dead(s, ends[i].log, 20 * MS);
	}
}

/* The wish for a source is passed on to each attempt. */
static void a_foreign_source(void **state)
{
	struct stage *s = quiet_stage();
	struct endpoint source;

	(void)state;
	stage_place(s, "198.51.100.1", short_script);
	stage_place(s, "198.51.100.2", short_script);
	/* Of another family than the addresses. */
	assert_true(endpoint_parse_address(span_of("2001:db8::7"), &source));
	assert_true(talk_open(&s->talk, &s->hub, &s->target, &source, &s->user, s->begin_ns));
	stage_run(s);
	assert_string_equal(s->log, "CLOSED(source address not local at connect)");
	stage_free(s);
}

/* Where the transport has no link to spare there is no race, and no second talk either. */
static void no_link_to_be_had(void **state)
{
	struct stage *s = stage_new(&(struct stage_options){.client_links = 1});
	struct talk other = {.state = TALK_IDLE};

	(void)state;
	s->messages = 0;
	stage_place(s, "198.51.100.1", NULL);
	stage_place(s, "198.51.100.2", short_script);
	stage_rule(s, "198.51.100.1", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	stage_open(s);
	assert_false(talk_open(&other, &s->hub, &s->target, NULL, &s->user, s->begin_ns));
	assert_false(talk_is_open(&other));
	stage_run(s);
	assert_string_equal(s->log, "CLOSED(timed out at connect)");
	stage_free(s);
}

static void aborted_while_racing(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", short_script);
	stage_place(s, "198.51.100.2", short_script);
	stage_rule(s, "198.51.100.0/24", LINK_END_TIMED_OUT, 127 * NS_PER_SEC);
	stage_open(s);
	stage_run_until(s, s->begin_ns + 300 * MS);
	assert_int_equal(s->client->counters.links_peak, 2);
	talk_abort(&s->talk);
	stage_run(s);
	assert_string_equal(s->log, "CLOSED(none)");
	stage_free(s);
}

/* The transport goes while a race is on: what it held is freed with the hub. */
static void the_transport_goes(void **state)
{
	struct stage *s = quiet_stage();

	(void)state;
	stage_place(s, "198.51.100.1", short_script);
	stage_place(s, "198.51.100.2", short_script);
	slow(s, "198.51.100.1", 300 * MS);
	stage_open(s);
	/* Won by the second; the first is being reset. */
	stage_run_until(s, s->begin_ns + 252 * MS);
	while (s->log[0] == '\0')
		stage_run_until(s, clock_now(sim_clock(s->sim)) + 10 * US);
	talk_abort(&s->talk);
	sim_remove(s->sim, &s->client_actor);
	sim_remove(s->sim, &s->server_actor);
	transport_free(s->client);
	transport_free(s->server);
	talk_hub_fini(&s->hub);
	assert_null(s->hub.races);
	channel_hub_fini(&s->server_hub);
	secure_free(s->client_secure);
	secure_free(s->server_secure);
	sim_free(s->sim);
	smtp_client_fini(&s->talk.smtp);
	buf_fini(&s->talk.tx);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_answers),
		cmocka_unit_test(the_first_refuses),
		cmocka_unit_test(the_first_is_a_black_hole),
		cmocka_unit_test(the_first_is_slow),
		cmocka_unit_test(the_first_wins_all_the_same),
		cmocka_unit_test(the_first_wins_alone),
		cmocka_unit_test(the_third_answers),
		cmocka_unit_test(the_delay_begins_anew),
		cmocka_unit_test(the_preference_changes_meanwhile),
		cmocka_unit_test(all_addresses_are_dead),
		cmocka_unit_test(a_single_address),
		cmocka_unit_test(a_foreign_source),
		cmocka_unit_test(no_link_to_be_had),
		cmocka_unit_test(aborted_while_racing),
		cmocka_unit_test(the_transport_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
