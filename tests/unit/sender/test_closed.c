/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_closed.c - whole runs in closed loop: by number, by time, and how they begin and end
 *
 * The network takes 1 ms one way and the sink no time at all: in lock step a message takes 8 ms.
 */
#include "rehearsal.h"

#define MESSAGE_US 8000

static void expect_phase(const struct rehearsal *r, enum phase phase, uint64_t count, int64_t us)
{
	const struct hdr *h = r->total.phases[phase];

	if (h == NULL || h->total != count || h->min_us != us || h->max_us != us)
		fail_msg("%s: %llu from %lld to %lld us, expected %llu of %lld", phase_name(phase),
			 h ? (unsigned long long)h->total : 0, h ? (long long)h->min_us : 0,
			 h ? (long long)h->max_us : 0, (unsigned long long)count, (long long)us);
}

static void by_number(void **state)
{
	struct rehearsal *r = rehearsal_new(1);

	(void)state;
	r->plan.messages = 100;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.started, 100);
	assert_int_equal(r->total.counts.accepted, 100);
	assert_int_equal(r->received, 100);
	assert_int_equal(r->total.counts.sessions_opened, 4);
	assert_int_equal(r->total.counts.errors, 0);
	expect_phase(r, PHASE_CONNECT, 4, 2000);
	expect_phase(r, PHASE_BANNER, 4, 2000);
	expect_phase(r, PHASE_EHLO, 4, 2000);
	expect_phase(r, PHASE_MAIL, 100, 2000);
	expect_phase(r, PHASE_RCPT, 100, 2000);
	expect_phase(r, PHASE_DATA, 100, 2000);
	expect_phase(r, PHASE_BODY, 100, 0);
	expect_phase(r, PHASE_ACCEPT, 100, 2000);
	expect_phase(r, PHASE_QUIT, 4, 2000);
	expect_phase(r, PHASE_SERVICE, 100, MESSAGE_US);
	expect_phase(r, PHASE_RESPONSE, 100, MESSAGE_US);
	/* 6 ms to be ready, 25 messages each, QUIT and its FIN. */
	expect_phase(r, PHASE_SESSION, 4, 6000 + 25 * MESSAGE_US + 2000);
	assert_int_equal(r->document.status, EXIT_WELL);
	assert_int_equal(r->document.sessions.peak, 4);
	assert_string_equal(r->document.bound_by, "server");
	rehearsal_free(r);
}

static void by_time(void **state)
{
	struct rehearsal *r = rehearsal_new(2);

	(void)state;
	r->plan.duration_ns = 10 * NS_PER_SEC;
	rehearsal_run(r);
	/* From 6 ms on one each 8 ms; the last one is started before the end and drains. */
	assert_int_equal(r->total.counts.started, 4 * ((10000 - 6 + 7) / 8));
	assert_int_equal(r->total.counts.accepted, r->total.counts.started);
	assert_int_equal(r->document.status, EXIT_WELL);
	assert_true(r->document.run.seconds == 10.0);
	assert_true(r->over_ns - r->begin_ns < 10 * NS_PER_SEC + 20 * MS);
	/* Each session has its begin and its end, though that comes after the measured part. */
	expect_phase(r, PHASE_CONNECT, 4, 2000);
	expect_phase(r, PHASE_QUIT, 4, 2000);
	assert_int_equal(r->total.phases[PHASE_SESSION]->total, 4);
	rehearsal_free(r);
}

static void by_number_and_time(void **state)
{
	struct rehearsal *r = rehearsal_new(3);

	(void)state;
	r->plan.messages = 10;
	r->plan.duration_ns = 10 * NS_PER_SEC;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 10);
	assert_true(r->over_ns - r->begin_ns < 100 * MS);
	rehearsal_free(r);
}

/* Several workers, several threads of the sink, TLS both ways, and the ways to send. */
static void all_ways_to_send(void **state)
{
	(void)state;
	for (int i = 0; i < 24; i++) {
		struct rehearsal *r = rehearsal_new(100 + (uint64_t)i);
		struct smtp_client_params *smtp = &r->plan.targets[0].smtp;

		r->plan.messages = 60;
		r->plan.sessions = 7;
		r->plan.threads = 1 + i % 3;
		r->sink_threads = 1 + i % 2;
		smtp->tls = (enum smtp_tls_use)(i % 4);
		smtp->use_pipelining = (i / 4) % 2;
		smtp->use_chunking = (i / 8) % 2;
		smtp->is_lmtp = i >= 16;
		r->recipients_per_message = i % 5 == 0 ? "1-10" : "1";
		r->size = i % 3 == 0 ? "300k" : "2k";
		r->sink_plan.listeners[0].is_lmtp = smtp->is_lmtp;
		r->sink_plan.listeners[0].security = smtp->tls == SMTP_TLS_NONE ? SINK_CLEAR
						     : smtp->tls == SMTP_TLS_IMPLICIT
							     ? SINK_IMPLICIT
							     : SINK_STARTTLS;
		rehearsal_run(r);
		assert_int_equal(r->total.counts.accepted, 60);
		assert_int_equal(r->received, 60);
		assert_int_equal(r->sink.recipients, r->total.counts.rcpt_accepted);
		assert_int_equal(r->sink.sealed, smtp->tls == SMTP_TLS_NONE ? 0 : 7);
		assert_int_equal(r->total.tls.total, smtp->tls == SMTP_TLS_NONE ? 0 : 7);
		assert_int_equal(r->sink.faulty, 0);
		assert_int_equal(r->document.status, EXIT_WELL);
		rehearsal_free(r);
	}
}

/* ---- the warm-up ---- */

static void a_warm_up_is_not_counted(void **state)
{
	struct rehearsal *r = rehearsal_new(4);

	(void)state;
	r->plan.warmup_ns = NS_PER_SEC;
	r->plan.duration_ns = 2 * NS_PER_SEC;
	rehearsal_run(r);
	/* From 6 ms on one each 8 ms, and those begun at 1,006 to 2,998 ms count. */
	assert_int_equal(r->total.counts.started, 4 * 250);
	assert_int_equal(r->received, 4 * 375);
	/* All sessions were opened in the warm-up, and all was in order in the measured part. */
	assert_int_equal(r->total.counts.sessions_opened, 0);
	assert_null(r->total.phases[PHASE_CONNECT]);
	assert_true(r->document.run.seconds == 2.0);
	rehearsal_free(r);
}

static void a_number_is_one_of_measured_messages(void **state)
{
	struct rehearsal *r = rehearsal_new(5);

	(void)state;
	r->plan.warmup_ns = NS_PER_SEC;
	r->plan.messages = 50;
	r->plan.threads = 2;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.started, 50);
	assert_int_equal(r->total.counts.accepted, 50);
	/* 125 of each session's in the warm-up. */
	assert_int_equal(r->received, 4 * 125 + 50);
	rehearsal_free(r);
}

/* What fails in the warm-up is no result, unless nothing ever answers. */
static void a_warm_up_that_fails(void **state)
{
	struct rehearsal *r = rehearsal_new(6);

	(void)state;
	r->plan.warmup_ns = NS_PER_SEC;
	r->plan.duration_ns = NS_PER_SEC;
	rehearsal_fault(r, "dot:reset;first=20;after=4");
	rehearsal_run(r);
	assert_int_equal(r->total.counts.errors, 0);
	assert_int_equal(r->total.counts.sessions_failed, 0);
	assert_int_equal(r->total.counts.in_doubt, 0);
	assert_true(r->total.counts.accepted > 100);
	rehearsal_free(r);

	r = rehearsal_new(7);
	r->plan.warmup_ns = NS_PER_SEC;
	r->plan.duration_ns = NS_PER_SEC;
	rehearsal_fault(r, "connect:refuse");
	rehearsal_run(r);
	assert_int_equal(r->document.status, EXIT_UNREACHABLE);
	assert_non_null(error_of(r, "banner", "reset"));
	rehearsal_free(r);
}

/* ---- connections ---- */

static void three_messages_a_connection(void **state)
{
	struct rehearsal *r = rehearsal_new(8);

	(void)state;
	r->plan.messages = 100;
	r->plan.messages_per_connection = 3;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 100);
	/* 25 messages each: eight connections of three and one of one. */
	assert_in_range(r->total.counts.sessions_opened, 34, 36);
	assert_in_range(r->sink.sessions, r->total.counts.sessions_opened,
			r->total.counts.sessions_opened + 4);
	assert_int_equal(r->sink.replies[SMTP_VERB_QUIT][221], r->total.counts.sessions_opened);
	assert_int_equal(r->total.counts.errors, 0);
	rehearsal_free(r);
}

static void more_sessions_than_messages(void **state)
{
	struct rehearsal *r = rehearsal_new(9);

	(void)state;
	r->plan.sessions = 50;
	r->plan.threads = 4;
	r->plan.messages = 3;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 3);
	assert_int_equal(r->document.status, EXIT_WELL);
	rehearsal_free(r);
}

static void connects_in_flight_are_bounded(void **state)
{
	struct rehearsal *r = rehearsal_new(10);

	(void)state;
	r->plan.sessions = 300;
	r->plan.threads = 3;
	r->plan.connects_in_flight = 10;
	r->plan.idle_ns = NS_PER_SEC;
	r->plan.targets[0].smtp.tls = SMTP_TLS_IMPLICIT;
	r->sink_plan.listeners[0].security = SINK_IMPLICIT;
	rehearsal_run(r);
	assert_int_equal(r->connects_peak, 10);
	assert_int_equal(r->document.sessions.peak, 300);
	assert_int_equal(r->total.counts.sessions_opened, 300);
	/* Thirty rounds of TCP and TLS, 4 ms each, before all stood; then the hold. */
	assert_true(r->over_ns - r->begin_ns >= NS_PER_SEC + 30 * 4 * MS);
	rehearsal_free(r);
}

static void connects_have_a_rate(void **state)
{
	struct rehearsal *r = rehearsal_new(11);

	(void)state;
	r->plan.sessions = 50;
	r->plan.threads = 2;
	r->plan.connect_rate = (struct rate){100, NS_PER_SEC};
	r->plan.idle_ns = NS_PER_SEC;
	rehearsal_run(r);
	/* The fiftieth begins 490 ms after the first, stands 6 ms later, holds for a second. */
	assert_in_range(r->over_ns - r->begin_ns, NS_PER_SEC + 496 * MS,
			NS_PER_SEC + 496 * MS + 10 * MS);
	rehearsal_free(r);
}

/* Sessions alone: opened, held, ended with QUIT. */
static void sessions_are_held(void **state)
{
	struct rehearsal *r = rehearsal_new(12);

	(void)state;
	r->plan.sessions = 20;
	r->plan.threads = 2;
	r->plan.idle_ns = 5 * NS_PER_SEC;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.started, 0);
	assert_int_equal(r->total.counts.sessions_opened, 20);
	assert_int_equal(r->document.sessions.peak, 20);
	assert_int_equal(r->sink.replies[SMTP_VERB_QUIT][221], 20);
	assert_in_range(r->over_ns - r->begin_ns, 5 * NS_PER_SEC + 6 * MS,
			5 * NS_PER_SEC + 20 * MS);
	assert_int_equal(r->document.status, EXIT_WELL);
	rehearsal_free(r);
}

static void held_and_then_used(void **state)
{
	struct rehearsal *r = rehearsal_new(13);

	(void)state;
	r->plan.sessions = 20;
	r->plan.threads = 2;
	r->plan.idle_ns = 5 * NS_PER_SEC;
	r->plan.messages = 100;
	rehearsal_run(r);
	/* Five messages each, 8 ms long, from the moment that all have been held. */
	assert_int_equal(r->total.counts.accepted, 100);
	expect_phase(r, PHASE_SERVICE, 100, MESSAGE_US);
	assert_in_range(r->over_ns - r->begin_ns, 5 * NS_PER_SEC + 46 * MS,
			5 * NS_PER_SEC + 60 * MS);
	rehearsal_free(r);
}

static void sessions_think(void **state)
{
	struct rehearsal *r = rehearsal_new(14);

	(void)state;
	r->plan.duration_ns = 10 * NS_PER_SEC;
	r->plan.think_ns = 92 * MS;
	rehearsal_run(r);
	/* A message each 100 ms, and a tick of the wheel at most. */
	assert_in_range(r->total.counts.started, 4 * 99, 4 * 100);
	assert_int_equal(r->total.counts.accepted, r->total.counts.started);
	assert_string_equal(r->document.bound_by, "think time");
	/* Nobody thinks on when the time is over. */
	assert_true(r->over_ns - r->begin_ns < 10 * NS_PER_SEC + 20 * MS);
	rehearsal_free(r);
}

static void thinking_does_not_delay_the_end(void **state)
{
	struct rehearsal *r = rehearsal_new(15);

	(void)state;
	r->plan.duration_ns = NS_PER_SEC;
	r->plan.think_ns = 600 * NS_PER_SEC;
	rehearsal_fault(r, "dot:delay=3s");
	rehearsal_run(r);
	/* Begun at 6 ms, over at 3 s and some, well after the end: QUIT follows at once. */
	assert_int_equal(r->total.counts.accepted, 4);
	assert_int_equal(r->sink.replies[SMTP_VERB_QUIT][221], 4);
	assert_true(r->over_ns - r->begin_ns < 4 * NS_PER_SEC);
	rehearsal_free(r);
}

/* ---- the end ---- */

static void what_is_under_way_may_end(void **state)
{
	struct rehearsal *r = rehearsal_new(16);

	(void)state;
	r->plan.duration_ns = NS_PER_SEC;
	rehearsal_fault(r, "dot:delay=5s");
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 4);
	assert_int_equal(r->document.status, EXIT_WELL);
	assert_true(r->document.run.seconds == 1.0);
	assert_true(r->document.run.drain_seconds > 4.0);
	rehearsal_free(r);
}

static void but_not_for_ever(void **state)
{
	struct rehearsal *r = rehearsal_new(17);

	(void)state;
	r->plan.duration_ns = NS_PER_SEC;
	r->plan.drain_ns = 2 * NS_PER_SEC;
	rehearsal_fault(r, "dot:delay=5s");
	rehearsal_run(r);
	assert_int_equal(r->total.counts.in_doubt, 4);
	assert_int_equal(r->document.status, EXIT_UNDELIVERED);
	assert_in_range(r->over_ns - r->begin_ns, 3 * NS_PER_SEC, 3 * NS_PER_SEC + 10 * MS);
	rehearsal_free(r);
}

static void interrupted_once(void **state)
{
	struct rehearsal *r = rehearsal_new(18);

	(void)state;
	r->plan.duration_ns = 100 * NS_PER_SEC;
	r->plan.threads = 2;
	rehearsal_at(r, 2 * NS_PER_SEC + 3 * MS, interrupt, 1);
	rehearsal_run(r);
	/* 250 each by then, the last of them under way. */
	assert_int_equal(r->total.counts.accepted, 4 * 250);
	assert_int_equal(r->total.counts.errors, 0);
	assert_true(r->over_ns - r->begin_ns < 2 * NS_PER_SEC + 30 * MS);
	rehearsal_free(r);
}

static void interrupted_twice(void **state)
{
	struct rehearsal *r = rehearsal_new(19);

	(void)state;
	r->plan.duration_ns = 100 * NS_PER_SEC;
	r->plan.threads = 2;
	rehearsal_fault(r, "rcpt:delay=500s;after=10");
	rehearsal_at(r, 2 * NS_PER_SEC, interrupt, 1);
	rehearsal_at(r, 3 * NS_PER_SEC, interrupt, 2);
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 10);
	assert_int_equal(r->total.counts.failed, 4);
	assert_true(r->over_ns - r->begin_ns < 3 * NS_PER_SEC + 10 * MS);
	rehearsal_free(r);
}

/* At any moment at all. */
static void interrupted_at_any_time(void **state)
{
	(void)state;
	for (int i = 0; i < 60; i++) {
		struct rehearsal *r = rehearsal_new(2000 + (uint64_t)i);

		r->plan.duration_ns = 100 * NS_PER_SEC;
		r->plan.threads = 2;
		r->plan.think_ns = i % 3 == 0 ? 5 * MS : 0;
		r->plan.messages_per_connection = i % 4 == 0 ? 2 : 0;
		rehearsal_at(r, i * 777 * US, interrupt, 1 + i % 2);
		rehearsal_run(r);
		rehearsal_free(r);
	}
}

/* ---- refused without being sent ---- */

static void too_large_for_the_server(void **state)
{
	struct rehearsal *r = rehearsal_new(20);

	(void)state;
	r->plan.duration_ns = NS_PER_SEC;
	r->size = "100k";
	r->sink_plan.size_max = 50000;
	rehearsal_run(r);
	/* One a millisecond and session: a loop of refusals does not turn on the spot. */
	assert_in_range(r->total.counts.rejected, 4 * 700, 4 * 1000);
	assert_int_equal(r->total.counts.started, r->total.counts.rejected);
	assert_int_equal(r->sink.replies[SMTP_VERB_MAIL][250], 0);
	assert_int_equal(r->document.status, EXIT_UNDELIVERED);
	rehearsal_free(r);
}

/* ---- records ---- */

/* Taken while the run goes on, in two halves that change places, they add up to the same. */
static void records_are_taken_meanwhile(void **state)
{
	struct rehearsal *a = rehearsal_new(21), *b = rehearsal_new(21);

	(void)state;
	a->plan.messages = b->plan.messages = 3000;
	a->plan.threads = b->plan.threads = 2;
	b->swaps = true;
	rehearsal_fault(a, "rcpt:reply=450 4.2.1 busy;p=0.1");
	rehearsal_fault(b, "rcpt:reply=450 4.2.1 busy;p=0.1");
	rehearsal_run(a);
	rehearsal_run(b);
	assert_true(b->swap_count > 50);
	assert_int_equal(a->total.counts.started, 3000);
	assert_memory_equal(&a->total.counts, &b->total.counts, sizeof(a->total.counts));
	assert_string_equal(a->json, b->json);
	rehearsal_free(a);
	rehearsal_free(b);
}

static void same_seed_same_document(void **state)
{
	char *first = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct rehearsal *r = rehearsal_new(22);

		r->plan.messages = 500;
		r->plan.threads = 2;
		r->sink_threads = 2;
		r->plan.targets[0].smtp.tls = SMTP_TLS_START;
		r->sink_plan.listeners[0].security = SINK_STARTTLS;
		r->recipients_per_message = "1-5";
		/* The third run differs in its chances alone. */
		r->sink_plan.seed = i == 2 ? 23 : 22;
		rehearsal_fault(r, "rcpt:reply=550 5.1.1 nobody;p=0.1");
		rehearsal_fault(r, "dot:reset;p=0.02");
		rehearsal_fault(r, "mail:delay=exp:5ms");
		rehearsal_run(r);
		if (i == 0)
			first = strdup(r->json);
		else if (i == 1)
			assert_string_equal(first, r->json);
		else
			assert_string_not_equal(first, r->json);
		rehearsal_free(r);
	}
	free(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_number),
		cmocka_unit_test(by_time),
		cmocka_unit_test(by_number_and_time),
		cmocka_unit_test(all_ways_to_send),
		cmocka_unit_test(a_warm_up_is_not_counted),
		cmocka_unit_test(a_number_is_one_of_measured_messages),
		cmocka_unit_test(a_warm_up_that_fails),
		cmocka_unit_test(three_messages_a_connection),
		cmocka_unit_test(more_sessions_than_messages),
		cmocka_unit_test(connects_in_flight_are_bounded),
		cmocka_unit_test(connects_have_a_rate),
		cmocka_unit_test(sessions_are_held),
		cmocka_unit_test(held_and_then_used),
		cmocka_unit_test(sessions_think),
		cmocka_unit_test(thinking_does_not_delay_the_end),
		cmocka_unit_test(what_is_under_way_may_end),
		cmocka_unit_test(but_not_for_ever),
		cmocka_unit_test(interrupted_once),
		cmocka_unit_test(interrupted_twice),
		cmocka_unit_test(interrupted_at_any_time),
		cmocka_unit_test(too_large_for_the_server),
		cmocka_unit_test(records_are_taken_meanwhile),
		cmocka_unit_test(same_seed_same_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
