/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_open.c - whole runs in open loop: what is due when, and what a stalled server looks like
 */
#include "rehearsal.h"
#include <math.h>

#define MESSAGE_US 8000
#define MICRO	   UINT64_C(1000000)

static void add_stage(struct rehearsal *r, int64_t length_ns, uint64_t from, uint64_t to)
{
	r->plan.is_open_loop = true;
	r->plan.stages[r->plan.stage_count++] =
		(struct arrival_stage){length_ns, from * MICRO, to * MICRO};
	r->plan.duration_ns += length_ns;
}

static struct rehearsal *steady(uint64_t seed, int sessions, uint64_t rate, int64_t length_ns)
{
	struct rehearsal *r = rehearsal_new(seed);

	r->plan.sessions = sessions;
	add_stage(r, length_ns, rate, rate);
	return r;
}

static void a_constant_rate(void **state)
{
	(void)state;
	for (int threads = 1; threads <= 3; threads++) {
		struct rehearsal *r = steady(1, 10, 100, 10 * NS_PER_SEC);

		r->plan.threads = threads;
		rehearsal_run(r);
		assert_int_equal(r->total.counts.due, 1000);
		assert_int_equal(r->total.counts.started, 1000);
		assert_int_equal(r->total.counts.accepted, 1000);
		assert_int_equal(r->left_over, 0);
		/* A session is free whenever one is due: both latencies are those of the server. */
		assert_int_equal(r->total.phases[PHASE_RESPONSE]->min_us, MESSAGE_US);
		assert_int_equal(r->total.phases[PHASE_RESPONSE]->max_us, MESSAGE_US);
		assert_int_equal(r->total.phases[PHASE_SERVICE]->max_us, MESSAGE_US);
		assert_int_equal(r->total.lag->max_us, 0);
		assert_true(r->document.rate.offered == 100.0);
		assert_true(r->document.rate.achieved == 100.0);
		assert_true(r->document.rate.is_valid);
		assert_int_equal(r->document.status, EXIT_WELL);
		assert_string_equal(r->document.bound_by, "pace");
		rehearsal_free(r);
	}
}

/* By number alone: the first one, due when the last session stands, is one of them. */
static void by_number(void **state)
{
	(void)state;
	for (int kind = ARRIVAL_CONSTANT; kind <= ARRIVAL_POISSON; kind++) {
		for (int threads = 1; threads <= 3; threads++) {
			struct rehearsal *r = steady(2, 6, 200, INT64_MAX / 4);

			r->plan.duration_ns = 0;
			r->plan.messages = 77;
			r->plan.threads = threads;
			r->plan.arrivals = (enum arrival_kind)kind;
			rehearsal_run(r);
			assert_int_equal(r->total.counts.due, 77);
			assert_int_equal(r->total.counts.accepted, 77);
			assert_int_equal(r->received, 77);
			rehearsal_free(r);
		}
	}
}

static void poisson(void **state)
{
	(void)state;
	for (uint64_t seed = 10; seed < 14; seed++) {
		struct rehearsal *r = steady(seed, 50, 500, 10 * NS_PER_SEC);

		r->plan.arrivals = ARRIVAL_POISSON;
		r->plan.threads = 2;
		rehearsal_run(r);
		/* 5,000 are expected; five standard deviations are 354. */
		assert_in_range(r->total.counts.due, 5000 - 354, 5000 + 354);
		assert_int_equal(r->total.counts.accepted, r->total.counts.due);
		assert_int_equal(r->left_over, 0);
		assert_int_equal(r->total.lag->max_us, 0);
		rehearsal_free(r);
	}
}

static void stages_and_ramps(void **state)
{
	struct rehearsal *r = rehearsal_new(3);

	(void)state;
	r->plan.sessions = 20;
	add_stage(r, 2 * NS_PER_SEC, 50, 50);
	add_stage(r, 2 * NS_PER_SEC, 50, 250);
	add_stage(r, NS_PER_SEC, 0, 0);
	add_stage(r, NS_PER_SEC, 200, 0);
	rehearsal_run(r);
	assert_in_range(r->total.counts.due, 499, 501);
	assert_int_equal(r->total.counts.accepted, r->total.counts.due);
	rehearsal_free(r);
}

static void warm_up(void **state)
{
	struct rehearsal *r = steady(4, 10, 100, 5 * NS_PER_SEC);

	(void)state;
	r->plan.warmup_ns = 2 * NS_PER_SEC;
	r->plan.duration_ns -= r->plan.warmup_ns;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.due, 300);
	assert_int_equal(r->received, 500);
	assert_true(r->document.rate.offered == 100.0);
	rehearsal_free(r);

	/* A number is one of measured messages. */
	r = steady(5, 10, 100, INT64_MAX / 4);
	r->plan.warmup_ns = 2 * NS_PER_SEC;
	r->plan.duration_ns = 0;
	r->plan.messages = 50;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.due, 50);
	assert_int_equal(r->total.counts.accepted, 50);
	assert_int_equal(r->received, 250);
	rehearsal_free(r);
}

/* Sessions are held first; the schedule begins after that. */
static void held_first(void **state)
{
	struct rehearsal *r = steady(6, 10, 100, 2 * NS_PER_SEC);

	(void)state;
	r->plan.idle_ns = 3 * NS_PER_SEC;
	r->plan.threads = 2;
	rehearsal_run(r);
	assert_int_equal(r->total.counts.due, 200);
	assert_int_equal(r->total.counts.accepted, 200);
	assert_in_range(r->over_ns - r->begin_ns, 5 * NS_PER_SEC, 5 * NS_PER_SEC + 30 * MS);
	rehearsal_free(r);
}

/* ---- stalls ---- */

/*
 * The server stands still for half of the time. Half of all messages were due while it did, evenly
 * spread, so that the ninth tenth of all waits four fifths of the stall. What was under way then
 * is a small part: the service times do not move. This is what coordinated omission would hide.
 */
static void a_stalled_server_is_seen(void **state)
{
	struct rehearsal *r = steady(7, 40, 200, 10 * NS_PER_SEC);
	double p90_s, service_p90_us, mean_s;

	(void)state;
	r->sink_threads = 2;
	r->plan.threads = 2;
	rehearsal_at(r, 2 * NS_PER_SEC, stall_sinks, 5 * NS_PER_SEC);
	rehearsal_run(r);
	assert_int_equal(r->total.counts.due, 2000);
	assert_int_equal(r->total.counts.accepted, 2000);
	p90_s = (double)r->document.latency[PHASE_RESPONSE].p90_us / 1e6;
	mean_s = r->document.latency[PHASE_RESPONSE].mean_us / 1e6;
	service_p90_us = (double)r->document.latency[PHASE_SERVICE].p90_us;
	if (fabs(p90_s / 5 - 0.8) > 0.03)
		fail_msg("p90 of response is %.3f of the stall", p90_s / 5);
	/* Half of them wait for half of the stall, and the time to catch up comes on top. */
	if (mean_s < 1.25 || mean_s > 1.45)
		fail_msg("the mean of response is %.3f s", mean_s);
	if (service_p90_us > MESSAGE_US * 1.01)
		fail_msg("p90 of service is %.0f us", service_p90_us);
	/* It was the server, not the client. */
	assert_true(r->document.rate.is_valid);
	assert_int_equal(r->total.lag->max_us, 0);
	rehearsal_free(r);
}

/* The same stall on our side is lag: the run is not the server's fault, and says so. */
static void a_stalled_client_is_seen(void **state)
{
	struct rehearsal *r = steady(8, 40, 200, 10 * NS_PER_SEC);

	(void)state;
	rehearsal_at(r, 2 * NS_PER_SEC, stall_senders, NS_PER_SEC);
	rehearsal_run(r);
	assert_int_equal(r->total.counts.due, 2000);
	assert_true(r->total.lag->max_us > 900000);
	assert_false(r->document.rate.is_valid);
	assert_int_equal(r->document.status, EXIT_INVALID);
	assert_non_null(strstr(r->document.rate.invalid_because, "client-limited"));
	rehearsal_free(r);
}

/* A worker that stalls delays nobody: the other one takes what is due. */
static void stall_the_first(struct rehearsal *r, int64_t for_ns)
{
	r->senders[0].actor.stalled_until_ns = clock_now(sim_clock(r->sim)) + for_ns;
}

static void a_stalled_worker_delays_nobody(void **state)
{
	struct rehearsal *r = steady(9, 40, 200, 10 * NS_PER_SEC);

	(void)state;
	r->plan.threads = 2;
	rehearsal_at(r, 2 * NS_PER_SEC, stall_the_first, 5 * NS_PER_SEC);
	rehearsal_run(r);
	assert_int_equal(r->total.counts.accepted, 2000);
	/* But for the one message or two that it had under way. */
	assert_true(hdr_percentile(r->total.phases[PHASE_RESPONSE], 99.8) <= MESSAGE_US * 1.01);
	rehearsal_free(r);
}

/* More is due than the sessions can carry: what is left over was due, and never started. */
static void too_much_is_asked(void **state)
{
	struct rehearsal *r = steady(10, 1, 1000, 10 * NS_PER_SEC);

	(void)state;
	rehearsal_run(r);
	assert_in_range(r->total.counts.started, 1240, 1260);
	assert_int_equal(r->total.counts.started + r->left_over, 10000);
	assert_int_equal(r->document.messages.due, 10000);
	assert_true(r->document.rate.is_valid);
	assert_string_equal(r->document.bound_by, "server");
	assert_int_equal(r->document.status, EXIT_UNDELIVERED);
	rehearsal_free(r);
}

/* ---- the last moments ---- */

/*
 * The client oversleeps the end by a few milliseconds: what was due before it, while sessions were
 * idle, is still sent, late by our own doing and no more than that.
 */
static void overslept_at_the_end(void **state)
{
	struct rehearsal *r = steady(11, 10, 100, NS_PER_SEC);

	(void)state;
	rehearsal_at(r, 990 * MS, stall_senders, 30 * MS);
	rehearsal_run(r);
	assert_int_equal(r->total.counts.due, 100);
	assert_int_equal(r->total.counts.started, 100);
	assert_int_equal(r->left_over, 0);
	assert_int_equal(r->document.status, EXIT_WELL);
	rehearsal_free(r);
}

static void interrupted(void **state)
{
	struct rehearsal *r = steady(12, 10, 100, 10 * NS_PER_SEC);

	(void)state;
	rehearsal_at(r, 4 * NS_PER_SEC + 500 * MS, interrupt, 1);
	rehearsal_run(r);
	/* The schedule began at 6 ms: due were 0 to 4,490 ms of it. */
	assert_int_equal(r->total.counts.due, 450);
	assert_int_equal(r->total.counts.accepted, 450);
	assert_int_equal(r->left_over, 0);
	rehearsal_free(r);
}

/* ---- sessions that the server ends while they are idle ---- */

static void sessions_end_while_idle(void **state)
{
	(void)state;
	for (int threads = 1; threads <= 2; threads++) {
		for (int use = SMTP_TLS_NONE; use <= SMTP_TLS_IMPLICIT; use++) {
			struct rehearsal *r = steady(13, 10, 20, 20 * NS_PER_SEC);

			r->plan.threads = threads;
			r->plan.targets[0].smtp.tls = (enum smtp_tls_use)use;
			if (use == SMTP_TLS_IMPLICIT)
				r->sink_plan.listeners[0].security = SINK_IMPLICIT;
			/* A message each 500 ms and session; 421 after 300 ms of silence. */
			r->sink_plan.idle_ns = 300 * MS;
			rehearsal_run(r);
			assert_int_equal(r->total.counts.due, 400);
			/* 421 may cross a message: it is its answer then. None is given to the
			 * dead. */
			assert_int_equal(r->total.counts.failed, 0);
			assert_int_equal(r->total.counts.accepted + r->total.counts.deferred, 400);
			assert_true(r->total.counts.accepted > 350);
			assert_true(r->sink.timed_out > 50);
			assert_non_null(error_of(r, "session", "server closing (421)"));
			rehearsal_free(r);
		}
	}
}

static void same_seed_same_document(void **state)
{
	char *first = NULL;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct rehearsal *r = steady(i == 2 ? 15 : 14, 30, 300, 5 * NS_PER_SEC);

		r->plan.arrivals = ARRIVAL_POISSON;
		r->plan.threads = 3;
		r->sink_threads = 2;
		r->plan.run_id = 1;
		rehearsal_fault(r, "dot:delay=exp:20ms");
		rehearsal_fault(r, "rcpt:reply=450 4.2.1 busy;p=0.05");
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
		cmocka_unit_test(a_constant_rate),
		cmocka_unit_test(by_number),
		cmocka_unit_test(poisson),
		cmocka_unit_test(stages_and_ramps),
		cmocka_unit_test(warm_up),
		cmocka_unit_test(held_first),
		cmocka_unit_test(a_stalled_server_is_seen),
		cmocka_unit_test(a_stalled_client_is_seen),
		cmocka_unit_test(a_stalled_worker_delays_nobody),
		cmocka_unit_test(too_much_is_asked),
		cmocka_unit_test(overslept_at_the_end),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(sessions_end_while_idle),
		cmocka_unit_test(same_seed_same_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
