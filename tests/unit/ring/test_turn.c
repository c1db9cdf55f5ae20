/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_turn.c - waiting, waking, deadlines, pausing, and freeing in the middle of it all
 */
#include "harness.h"
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct transport *echo_pair(void **state, struct server *server, struct end *end)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 16});

	server_start(server, t, &at);
	end_connect(t, end, &server->listener->endpoint, NULL);
	TURN_UNTIL(t, end->opened && server->accepted);
	turn_some(t, 2);
	return t;
}

static void test_no_waiting(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	struct err e = {0};

	for (int i = 0; i < 5; i++)
		assert_int_equal(transport_turn(t, 0, &e), 0);
	assert_int_equal(t->counters.turns, 5);
}

struct alarm {
	struct timer timer;
	int fired;
	int64_t at_ns;
};

static void on_alarm(struct timer *timer, int64_t now_ns)
{
	struct alarm *a = (struct alarm *)timer;

	a->fired++;
	a->at_ns = now_ns;
}

/* A turn that may wait for ever ends at the wheel's next timer, and fires it; never early. */
static void test_wheel_ends_the_wait(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	struct alarm a = {.timer = {.fire = on_alarm}};
	const int64_t due_ns = clock_now(t->clock) + 3 * NS_PER_MS;
	struct err e = {0};

	wheel_set(&t->wheel, &a.timer, due_ns);
	while (!a.fired)
		assert_true(transport_turn(t, TIME_NEVER, &e) >= 0);
	assert_true(a.at_ns >= due_ns);
	assert_int_equal(a.fired, 1);
}

/* Far deadlines stand on one timer of the ring; it follows when an earlier one comes. */
static void test_alarm(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	struct alarm first = {.timer = {.fire = on_alarm}}, second = first;
	struct err e = {0};
	const int64_t now_ns = clock_now(t->clock);

	wheel_set(&t->wheel, &first.timer, now_ns + 3600 * NS_PER_SEC);
	transport_wake(t);
	assert_int_equal(transport_turn(t, TIME_NEVER, &e), 0);
	assert_true(ring_of(t)->alarm_ns <= now_ns + 3600 * NS_PER_SEC);
	wheel_set(&t->wheel, &second.timer, now_ns + 30 * NS_PER_MS);
	for (int rounds = 0; rounds < 100 && !second.fired; rounds++)
		assert_true(transport_turn(t, TIME_NEVER, &e) >= 0);
	assert_int_equal(second.fired, 1);
	assert_true(second.at_ns >= now_ns + 30 * NS_PER_MS);
	assert_int_equal(first.fired, 0);
	/* It is let fire in vain, and set anew. */
	wheel_set(&t->wheel, &second.timer, clock_now(t->clock) + 250 * NS_PER_MS);
	transport_wake(t);
	assert_int_equal(transport_turn(t, TIME_NEVER, &e), 0);
	wheel_set(&t->wheel, &second.timer, clock_now(t->clock) + 500 * NS_PER_MS);
	for (int rounds = 0; rounds < 100 && second.fired < 2; rounds++)
		assert_true(transport_turn(t, TIME_NEVER, &e) >= 0);
	assert_int_equal(second.fired, 2);
	wheel_drop(&t->wheel, &first.timer);
	/* An until in the distance ends the wait as well. */
	const int64_t until_ns = clock_now(t->clock) + 30 * NS_PER_MS;
	for (int rounds = 0; rounds < 100 && clock_now(t->clock) < until_ns; rounds++)
		assert_int_equal(transport_turn(t, until_ns, &e), 0);
	assert_true(clock_now(t->clock) >= until_ns);
}

static unsigned most_waited_for;

static int spy_enter(struct ring *r, unsigned wait_count, int64_t timeout_ns)
{
	if (wait_count > most_waited_for)
		most_waited_for = wait_count;
	return ring_enter(r, wait_count, timeout_ns);
}

/* Turns that may wait for ever, until each end got so many octets. */
static void bounce(struct transport *t, const struct end *ends, int count, size_t octets)
{
	struct err e = {0};

	for (int i = 0; i < count; i++)
		while (ends[i].got_len < octets)
			assert_true(transport_turn(t, TIME_NEVER, &e) >= 0);
}

/* While much comes a turn waits for several completions; it never waits for some that will not. */
static void test_batch(void **state)
{
	enum { BALLS = 16 };
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(
		state, (struct ring_options){.link_max = 40, .batch_ns = 2 * NS_PER_MS});
	struct server server = {.echoes = true};
	struct end ends[BALLS];

	if (ring_of(t)->batch_ns == 0)
		skip();
	server_start(&server, t, &at);
	for (int i = 0; i < BALLS; i++) {
		end_connect(t, &ends[i], &server.listener->endpoint, NULL);
		TURN_UNTIL(t, ends[i].opened && server.accepted > i);
		ends[i].echoes = true;
	}
	most_waited_for = 0;
	ring_of(t)->enter = spy_enter;
	for (int i = 0; i < BALLS; i++)
		end_send(&ends[i], "x");
	bounce(t, ends, BALLS, 100);
	assert_true(most_waited_for > 1);
	/* One ball is left, of which no second completion is to be had. */
	for (int i = 1; i < BALLS; i++)
		ends[i].echoes = false;
	bounce(t, ends, 1, ends[0].got_len + 30);
	assert_int_equal(ends[0].closed, 0);
	ends[0].echoes = false;
	server_stop(&server);
	turn_some(t, 3);
	assert_all_home(t);
}

static void test_deadline(void **state)
{
	struct server server = {0};
	struct end end;
	struct transport *t = echo_pair(state, &server, &end);
	const int64_t due_ns = clock_now(t->clock) + 2 * NS_PER_MS;

	link_deadline(end.link, due_ns);
	TURN_UNTIL(t, end.late);
	assert_true(end.last_at_ns >= due_ns);
	turn_some(t, 3);
	assert_int_equal(end.late, 1); /* unset now, and the link goes on */
	assert_int_equal(end.closed, 0);
	link_deadline(end.link, clock_now(t->clock) + NS_PER_MS);
	link_deadline(end.link, TIME_NEVER);
	turn_some(t, 4);
	assert_int_equal(end.late, 1);
	link_deadline(end.link, clock_now(t->clock)); /* due, but closed before the turn */
	link_close(end.link);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.late, 1);
	server_stop(&server);
}

/* After bytes, a look is taken before LATE is told; the link receives as before afterwards. */
static void test_deadline_after_bytes(void **state)
{
	struct server server = {.greeting = "220\r\n"};
	struct end end;
	struct transport *t = echo_pair(state, &server, &end);

	TURN_UNTIL(t, end.got_len == 5);
	for (int round = 1; round <= 3; round++) {
		const int64_t due_ns = clock_now(t->clock) + NS_PER_MS;

		link_deadline(end.link, due_ns);
		TURN_UNTIL(t, end.late == round);
		assert_true(end.last_at_ns >= due_ns);
		end_send(server.ends, "more\n");
		TURN_UNTIL(t, end.got_len == 5 + 5 * (size_t)round);
	}
	/* A deadline that is unset or moved while the look is taken is not told. */
	link_deadline(end.link, 1);
	transport_turn(t, 0, NULL);
	link_deadline(end.link, TIME_NEVER);
	turn_some(t, 5);
	assert_int_equal(end.late, 3);
	end_send(server.ends, "last\n");
	TURN_UNTIL(t, end.got_len == 25);
	server_stop(&server);
	TURN_UNTIL(t, end.closed);
	assert_all_home(t);
}

/* A connect that nobody answers ends by its deadline. */
static void test_deadline_while_opening(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 4});
	struct endpoint to = endpoint_any("127.0.0.1");
	struct end end;

	to.port = 9;
	end_connect(t, &end, &to, NULL);
	link_deadline(end.link, 1); /* past: LATE comes before or beside the refusal */
	TURN_UNTIL(t, end.closed);
	assert_true(end.late <= 1);
}

static void *wake_from_thread(void *argument)
{
	usleep(2000);
	transport_wake(argument);
	return NULL;
}

static void test_wake_from_a_thread(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	struct err e = {0};
	pthread_t thread;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&thread, NULL, wake_from_thread, t), 0);
		assert_int_equal(transport_turn(t, TIME_NEVER, &e), 0); /* hangs if it is lost */
		pthread_join(thread, NULL);
	}
}

static void test_wake_before_the_turn(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	struct err e = {0};

	transport_wake(t);
	transport_wake(t);
	assert_int_equal(transport_turn(t, TIME_NEVER, &e), 0);
	transport_wake(t);
	assert_int_equal(transport_turn(t, TIME_NEVER, &e), 0);
}

static struct transport *woken_by_signal;

static void on_signal(int number)
{
	(void)number;
	transport_wake(woken_by_signal);
}

static void *signal_the_main_thread(void *argument)
{
	usleep(2000);
	pthread_kill(*(pthread_t *)argument, SIGUSR1);
	return NULL;
}

static void test_wake_from_a_signal_handler(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	pthread_t self = pthread_self(), thread;
	struct err e = {0};

	woken_by_signal = t;
	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(pthread_create(&thread, NULL, signal_the_main_thread, &self), 0);
	assert_int_equal(transport_turn(t, TIME_NEVER, &e), 0);
	pthread_join(thread, NULL);
	signal(SIGUSR1, SIG_DFL);
}

static void test_pause_and_resume(void **state)
{
	struct server server = {0};
	struct end end;
	struct transport *t = echo_pair(state, &server, &end);
	struct end *far = server.ends;

	link_receive(far->link, false);
	turn_some(t, 2);
	end_send(&end, "one");
	TURN_UNTIL(t, end.sent == 1);
	turn_some(t, 5);
	assert_int_equal(far->got_len, 0);
	link_receive(far->link, true);
	TURN_UNTIL(t, far->got_len == 3);
	/* To and fro within one turn ends where it was last told to. */
	link_receive(far->link, false);
	link_receive(far->link, true);
	end_send(&end, "two");
	TURN_UNTIL(t, far->got_len == 6);
	link_receive(far->link, false);
	turn_some(t, 1);
	link_receive(far->link, true);
	turn_some(t, 1);
	link_receive(far->link, false);
	turn_some(t, 1);
	link_receive(far->link, true);
	end_send(&end, "three");
	TURN_UNTIL(t, far->got_len == 11);
	server_stop(&server);
}

/* Closing a paused link, and an EOF that is only seen after it was resumed. */
static void test_close_while_paused(void **state)
{
	struct server server = {0};
	struct end end;
	struct transport *t = echo_pair(state, &server, &end);

	link_receive(server.ends->link, false);
	turn_some(t, 2);
	link_close(end.link);
	TURN_UNTIL(t, end.closed);
	turn_some(t, 3);
	assert_int_equal(server.ends->closed, 0);
	link_receive(server.ends->link, true);
	TURN_UNTIL(t, server.ends->closed);
	assert_int_equal(server.ends->why, LINK_END_EOF);
	server_stop(&server);
	turn_some(t, 3);
	assert_all_home(t);
}

static void test_shut_after_the_send(void **state)
{
	enum { LEN = 1 << 20 };
	struct server server = {0};
	struct end end;
	struct transport *t = echo_pair(state, &server, &end);
	char *body = calloc(1, LEN);

	link_send(end.link, &(struct iovec){body, LEN}, 1);
	link_shut(end.link);
	TURN_UNTIL(t, server.ends->closed);
	assert_int_equal(server.ends->got_len, LEN);
	assert_int_equal(server.ends->why, LINK_END_EOF);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.sent, 1);
	server_stop(&server);
	free(body);
}

/* The teardown frees a ring with links in every state; nothing is told, nothing leaks. */
static void test_free_with_everything_in_flight(void **state)
{
	enum { LEN = 4 << 20 };
	static struct end ends[6];
	struct server server = {0};
	struct end end;
	struct transport *t = echo_pair(state, &server, &end);
	struct alarm a = {.timer = {.fire = on_alarm}};
	char *body = calloc(1, LEN);

	link_receive(server.ends->link, false);
	turn_some(t, 2);
	link_send(end.link, &(struct iovec){body, LEN}, 1);
	turn_some(t, 2);
	for (int i = 0; i < 6; i++) {
		end_connect(t, &ends[i], &server.listener->endpoint, NULL);
		if (i == 2)
			transport_turn(t, 0, NULL);
	}
	wheel_set(&t->wheel, &a.timer, 1);
	transport_free(t);
	((struct harness *)*state)->t = NULL;
	free(body);
	assert_int_equal(a.fired, 0);
	assert_int_equal(end.closed, 0);
	server.listener = NULL;
	server_stop(&server);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_no_waiting),
		BOTH(test_wheel_ends_the_wait),
		BOTH(test_alarm),
		BOTH(test_batch),
		BOTH(test_deadline),
		BOTH(test_deadline_after_bytes),
		BOTH(test_deadline_while_opening),
		BOTH(test_wake_from_a_thread),
		BOTH(test_wake_before_the_turn),
		BOTH(test_wake_from_a_signal_handler),
		BOTH(test_pause_and_resume),
		BOTH(test_close_while_paused),
		BOTH(test_shut_after_the_send),
		BOTH(test_free_with_everything_in_flight),
	};

	return cmocka_run_group_tests_name("ring/turn", tests, NULL, NULL);
}
