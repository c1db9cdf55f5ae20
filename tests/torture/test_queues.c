/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_queues.c - queues that are far too small, and a kernel that refuses to take requests
 */
#include "harness.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include "base/rng.h"

enum { COUNT = 200 };

struct load {
	struct transport *t;
	struct server server;
	struct end *ends;
};

static int count_done(const struct load *load)
{
	int done = 0;

	for (int i = 0; i < COUNT; i++)
		done += load->ends[i].got_len == 5;
	return done;
}

/* COUNT echoes over loopback, all at once, all on one ring. */
static void load_start(void **state, struct load *load, struct ring_options options)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < 1000)
		skip();
	options.link_max = 2 * COUNT;
	load->t = harness_ring(state, options);
	load->server = (struct server){.echoes = true};
	load->ends = calloc(COUNT, sizeof *load->ends);
	server_start(&load->server, load->t, &at);
}

static void load_run(struct load *load)
{
	for (int i = 0; i < COUNT; i++) {
		end_connect(load->t, &load->ends[i], &load->server.listener->endpoint, NULL);
		end_send(&load->ends[i], "hello");
	}
	TURN_UNTIL(load->t, count_done(load) == COUNT);
	for (int i = 0; i < COUNT; i++)
		link_close(load->ends[i].link);
	for (int i = 0; i < COUNT; i++)
		TURN_UNTIL(load->t, load->ends[i].closed);
}

static void load_stop(struct load *load)
{
	ring_of(load->t)->enter = ring_enter;
	server_stop(&load->server);
	assert_int_equal(load->t->counters.stale_completions, 0);
	assert_all_home(load->t);
	free(load->ends);
}

/* Overflow is slow and counted, but loses nothing. */
static void test_completion_queue_overflows(void **state)
{
	struct load load;

	load_start(state, &load, (struct ring_options){.sq_entries = 16, .cq_entries = 16});
	assert_int_equal(ring_of(load.t)->uring.cq.ring_entries, 16);
	load_run(&load);
	assert_true(load.t->counters.cq_overflows > 0);
	load_stop(&load);
}

static void test_submission_queue_is_full(void **state)
{
	struct load load;

	load_start(state, &load, (struct ring_options){.sq_entries = 16});
	assert_int_equal(ring_of(load.t)->uring.sq.ring_entries, 16);
	load_run(&load);
	assert_int_equal(load.t->counters.cq_overflows, 0);
	load_stop(&load);
}

static struct rng chance;
static int refusals, refusals_left;

/* Refuses every other time or so, by one of the answers that are to be lived with. */
static int enter_that_refuses(struct ring *r, unsigned wait_count, int64_t timeout_ns)
{
	static const int answers[] = {-EAGAIN, -EBUSY, -EINTR};

	if (rng_below(&chance, 2) == 0) {
		refusals++;
		return answers[rng_below(&chance, 3)];
	}
	return ring_enter(r, wait_count, timeout_ns);
}

static void test_submit_is_refused_at_random(void **state)
{
	struct load load;

	rng_init(&chance, 20);
	refusals = 0;
	load_start(state, &load, (struct ring_options){.sq_entries = 32});
	ring_of(load.t)->enter = enter_that_refuses;
	load_run(&load);
	assert_true(refusals > 10);
	assert_true(load.t->counters.submit_retries > 5);
	load_stop(&load);
}

static int enter_out_of_memory(struct ring *r, unsigned wait_count, int64_t timeout_ns)
{
	/* What only waits is not refused: nothing is to be submitted. */
	if (refusals_left > 0 && !(r->wants_backoff && wait_count)) {
		refusals_left--;
		return -EAGAIN;
	}
	return ring_enter(r, wait_count, timeout_ns);
}

/* Memory is short for a while: nothing is lost, and the ring does not spin meanwhile. */
static void test_submit_is_refused_for_long(void **state)
{
	struct load load;

	load_start(state, &load, (struct ring_options){0});
	turn_some(load.t, 2);
	refusals_left = 20;
	ring_of(load.t)->enter = enter_out_of_memory;
	const uint64_t turns = load.t->counters.turns;
	load_run(&load);
	assert_int_equal(refusals_left, 0);
	assert_true(load.t->counters.submit_retries >= 20);
	assert_true(load.t->counters.turns - turns >= 20);
	load_stop(&load);
}

static int fatal_answer;

static int enter_that_fails(struct ring *r, unsigned wait_count, int64_t timeout_ns)
{
	(void)r, (void)wait_count, (void)timeout_ns;
	return fatal_answer;
}

/* What cannot be lived with ends the turn with a sentence; the ring can still be freed. */
static void test_ring_fails(void **state)
{
	static const struct {
		int answer;
		const char *words;
	} cases[] = {
		{-EBADR, "ran out of memory"},
		{-EBADF, "io_uring_enter failed"},
		{-EFAULT, "io_uring_enter failed"},
	};

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct harness *h = *state;
		struct transport *t =
			harness_ring_of(h->is_direct, (struct ring_options){.link_max = 4});
		struct endpoint to = endpoint_any("127.0.0.1");
		struct err e = {0};
		struct end end;

		to.port = 9;
		end_connect(t, &end, &to, NULL);
		fatal_answer = cases[i].answer;
		ring_of(t)->enter = enter_that_fails;
		assert_int_equal(transport_turn(t, TIME_NEVER, &e), -1);
		assert_int_equal(e.os_error, -cases[i].answer);
		assert_non_null(strstr(e.text, cases[i].words));
		transport_free(t);
		assert_int_equal(end.closed, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_completion_queue_overflows),
		BOTH(test_submission_queue_is_full),
		BOTH(test_submit_is_refused_at_random),
		BOTH(test_submit_is_refused_for_long),
		BOTH(test_ring_fails),
	};

	return cmocka_run_group_tests_name("torture/queues", tests, NULL, NULL);
}
