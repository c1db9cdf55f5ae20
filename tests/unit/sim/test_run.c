/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_run.c - virtual time: order, determinism, actors, tasks
 */
#include "support.h"
#include "sim/queue.h"
#include "base/rng.h"

#define MS NS_PER_MS

static void queue_keeps_order(void **state)
{
	struct queue q = {0};
	struct rng rng;
	struct sim_entry last = {0};

	(void)state;
	rng_init(&rng, 7);
	for (int i = 0; i < 5000; i++) {
		struct sim_entry e = {
			.at_ns = (int64_t)rng_below(&rng, 50),
			.worker = (uint32_t)rng_below(&rng, 4),
		};

		assert_true(queue_push(&q, &e));
		if (i % 3 == 0)
			queue_pop(&q);
	}
	for (bool is_first = true; q.count > 0; is_first = false) {
		struct sim_entry e = queue_pop(&q);

		if (!is_first)
			assert_true(last.at_ns < e.at_ns ||
				    (last.at_ns == e.at_ns &&
				     (last.worker < e.worker ||
				      (last.worker == e.worker && last.number < e.number))));
		last = e;
	}
	queue_fini(&q);
}

static void clock_stands_and_moves(void **state)
{
	struct sim *s =
		sim_new(&(struct sim_options){.start_ns = 5 * MS, .epoch_ns = 1000 * MS}, NULL);

	(void)state;
	assert_int_equal(clock_now(sim_clock(s)), 5 * MS);
	assert_int_equal(clock_wall_ns(sim_clock(s)), 1000 * MS);
	assert_int_equal(sim_run(s, 7 * MS, NULL), SIM_IDLE);
	assert_int_equal(clock_now(sim_clock(s)), 5 * MS);
	sim_wall_jump(s, -400 * MS);
	assert_int_equal(clock_now(sim_clock(s)), 5 * MS);
	assert_int_equal(clock_wall_ns(sim_clock(s)), 600 * MS);
	sim_free(s);
}

static void options_are_checked(void **state)
{
	struct err e = {0};

	(void)state;
	assert_null(sim_new(&(struct sim_options){.path.loss = 1.5}, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	assert_null(sim_new(&(struct sim_options){.port_first = 5, .port_last = 2}, &e));
	assert_null(sim_new(&(struct sim_options){.receive_buffer = -1}, &e));
}

/* --- Tasks */

struct noting_task {
	struct sim_task task;
	struct sim *sim;
	int64_t ran_ns[4];
	int count;
	int64_t again_ns; /* 0: once */
	bool stops;
};

static void run_task(struct sim_task *task, int64_t now_ns)
{
	struct noting_task *n = (struct noting_task *)task;

	n->ran_ns[n->count++] = now_ns;
	if (n->stops)
		sim_stop(n->sim);
	if (n->again_ns && n->count < 4)
		assert_int_equal(sim_at(n->sim, now_ns + n->again_ns, task), 0);
}

static void tasks_run_at_their_time(void **state)
{
	struct sim *s = new_world(1, 0);
	int64_t start = clock_now(sim_clock(s));
	struct noting_task a = {.task.run = run_task, .sim = s, .again_ns = 10 * MS};
	struct noting_task b = {.task.run = run_task, .sim = s};

	(void)state;
	assert_int_equal(sim_at(s, start + 15 * MS, &b.task), 0);
	assert_int_equal(sim_at(s, 0, &a.task), 0); /* in the past: now */
	assert_int_equal(sim_run(s, start + 12 * MS, NULL), SIM_REACHED);
	assert_int_equal(clock_now(sim_clock(s)), start + 12 * MS);
	assert_int_equal(a.count, 2);
	assert_int_equal(b.count, 0);
	assert_int_equal(sim_run(s, TIME_NEVER, NULL), SIM_IDLE);
	assert_int_equal(a.count, 4);
	assert_int_equal(a.ran_ns[3], start + 30 * MS);
	assert_int_equal(b.ran_ns[0], start + 15 * MS);
	assert_int_equal(sim_entries_run(s), 5);
	a.count = 0;
	a.stops = true;
	assert_int_equal(sim_at(s, 0, &a.task), 0);
	assert_int_equal(sim_run(s, TIME_NEVER, NULL), SIM_STOPPED);
	assert_int_equal(a.count, 1);
	sim_free(s);
}

/* --- Actors */

struct counting_actor {
	struct sim_actor actor;
	struct sim *sim;
	int count;
	int64_t every_ns, last_ns;
	int limit; /* asks for no more then */
	int order; /* of the last step */
};

static int steps_so_far;

static int64_t count_step(struct sim_actor *actor, int64_t now_ns)
{
	struct counting_actor *c = (struct counting_actor *)actor;

	c->count++;
	c->last_ns = now_ns;
	c->order = ++steps_so_far;
	return c->count < c->limit ? now_ns + c->every_ns : TIME_NEVER;
}

static void actors_are_called_when_they_ask(void **state)
{
	struct sim *s = new_world(1, 0);
	int64_t start = clock_now(sim_clock(s));
	struct counting_actor a = {.actor.step = count_step, .every_ns = 7 * MS, .limit = 3};
	struct counting_actor b = {.actor.step = count_step, .every_ns = 14 * MS, .limit = 2};

	(void)state;
	sim_add(s, &a.actor);
	sim_add(s, &b.actor);
	run_dry(s);
	assert_int_equal(a.count, 3);
	assert_int_equal(a.last_ns, start + 14 * MS);
	assert_int_equal(b.count, 2);
	assert_int_equal(b.last_ns, start + 14 * MS);
	assert_int_equal(b.order, a.order + 1); /* at one time: in the order of adding */
	assert_int_equal(sim_steps_run(s), 5);
	sim_remove(s, &a.actor);
	sim_remove(s, &b.actor);
	sim_free(s);
}

static void stalled_actors_wait(void **state)
{
	struct sim *s = new_world(1, 0);
	int64_t start = clock_now(sim_clock(s));
	struct counting_actor a = {.actor.step = count_step, .every_ns = MS, .limit = 3};

	(void)state;
	a.actor.stalled_until_ns = start + 50 * MS;
	sim_add(s, &a.actor);
	assert_int_equal(sim_run(s, start + 40 * MS, NULL), SIM_REACHED);
	assert_int_equal(a.count, 0);
	run_dry(s);
	assert_int_equal(a.count, 3);
	assert_int_equal(a.last_ns, start + 52 * MS);
	sim_free(s);
}

static int64_t always_now(struct sim_actor *actor, int64_t now_ns)
{
	(void)actor;
	return now_ns;
}

static void standing_still_is_found(void **state)
{
	struct sim *s = new_world(1, 0);
	struct sim_actor a = {.step = always_now};
	struct err e = {0};

	(void)state;
	sim_add(s, &a);
	assert_int_equal(sim_run(s, TIME_NEVER, &e), SIM_FAILED);
	assert_non_null(strstr(e.text, "time"));
	sim_free(s);
}

static void waiting_for_nothing_is_an_error(void **state)
{
	struct sim *s = new_world(1, 0);
	struct transport *t = new_transport(s);
	int64_t start = clock_now(sim_clock(s));
	struct err e = {0};

	(void)state;
	assert_int_equal(transport_turn(t, start + 3 * MS, &e), 0);
	assert_int_equal(clock_now(sim_clock(s)), start + 3 * MS);
	assert_int_equal(transport_turn(t, TIME_NEVER, &e), -1);
	assert_int_equal(e.status, EXIT_FAILED);
	transport_free(t);
	sim_free(s);
}

/* --- Delays */

static void handshake_takes_round_trips(void **state)
{
	struct sim *s = new_world(1, 10 * MS);
	struct transport *c = new_transport(s), *v = new_transport(s);
	struct endpoint at = address("192.0.2.25", 25);
	int64_t start = clock_now(sim_clock(s));
	struct stepper cs, vs;
	struct listening l;
	struct user u;

	(void)state;
	listening_open(&l, v, &at, NULL);
	l.greeting = "220 hello\r\n";
	l.greeting_len = 11;
	stepper_add(&cs, s, c);
	stepper_add(&vs, s, v);
	user_init(&u, c);
	user_connect(&u, &at);
	run_dry(s);
	assert_int_equal(u.opened_ns, start + 20 * MS);
	assert_int_equal(l.users[0].opened_ns, start + 30 * MS);
	assert_int_equal(u.first_byte_ns, start + 40 * MS);
	assert_string_equal(u.log, "OB");
	assert_string_equal(u.text, "220 hello\r\n");
	/* Nothing was polled: each step had a reason. */
	assert_true(cs.count <= 4 && vs.count <= 4);
	transport_free(c);
	transport_free(v);
	sim_free(s);
}

/* The test of determinism: a world with all that draws chance, and a conversation in it. */
static uint64_t digest_of_run(uint64_t seed, int64_t *ret_ended_ns)
{
	struct sim *s = sim_new(&(struct sim_options){.seed = seed,
						      .path = {.delay_ns = MS,
							       .jitter_ns = 2 * MS,
							       .loss = 0.2,
							       .split = SIM_SPLIT_RANDOM}},
				NULL);
	struct transport *c[2] = {new_transport(s), new_transport(s)}, *v = new_transport(s);
	struct endpoint at = address("192.0.2.25", 25);
	struct sim_rule rule = {.effect = SIM_CUT, .probability = 0.3, .after_bytes = 900};
	struct stepper steppers[3];
	static struct user users[30];
	static struct listening l;
	char text[300];

	assert_int_equal(sim_rule_add(s, &rule, NULL), 0);
	memset(text, 'x', sizeof(text));
	listening_open(&l, v, &at, NULL);
	l.echoes = true;
	stepper_add(&steppers[0], s, c[0]);
	stepper_add(&steppers[1], s, c[1]);
	stepper_add(&steppers[2], s, v);
	for (int i = 0; i < 30; i++) {
		user_init(&users[i], c[i & 1]);
		users[i].greeting = text;
		users[i].greeting_len = sizeof(text);
		user_connect(&users[i], &at);
	}
	run_dry(s);
	*ret_ended_ns = clock_now(sim_clock(s));
	for (int i = 0; i < 2; i++)
		transport_free(c[i]);
	transport_free(v);
	uint64_t digest = sim_digest(s);
	sim_free(s);
	return digest;
}

static void same_seed_same_run(void **state)
{
	int64_t ended[3];
	uint64_t first = digest_of_run(42, &ended[0]);

	(void)state;
	assert_int_equal(digest_of_run(42, &ended[1]), first);
	assert_int_equal(ended[0], ended[1]);
	assert_int_not_equal(digest_of_run(43, &ended[2]), first);
}

/* Timers of a transport's wheel end a wait and fire within a tick of their time. */
static void deadlines_fire(void **state)
{
	struct sim *s = new_world(1, MS);
	struct transport *c = new_transport(s), *v = new_transport(s);
	struct endpoint at = address("192.0.2.25", 25);
	int64_t start = clock_now(sim_clock(s));
	struct stepper cs, vs;
	struct listening l;
	struct user u;

	(void)state;
	listening_open(&l, v, &at, NULL);
	stepper_add(&cs, s, c);
	stepper_add(&vs, s, v);
	user_init(&u, c);
	user_connect(&u, &at);
	link_deadline(u.link, start + 3600 * NS_PER_SEC);
	run_dry(s);
	assert_string_equal(u.log, "OL");
	assert_true(clock_now(sim_clock(s)) >= start + 3600 * NS_PER_SEC);
	assert_true(clock_now(sim_clock(s)) <= start + 3600 * NS_PER_SEC + WHEEL_TICK_NS);
	transport_free(c);
	transport_free(v);
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(queue_keeps_order),
		cmocka_unit_test(clock_stands_and_moves),
		cmocka_unit_test(options_are_checked),
		cmocka_unit_test(tasks_run_at_their_time),
		cmocka_unit_test(actors_are_called_when_they_ask),
		cmocka_unit_test(stalled_actors_wait),
		cmocka_unit_test(standing_still_is_found),
		cmocka_unit_test(waiting_for_nothing_is_an_error),
		cmocka_unit_test(handshake_takes_round_trips),
		cmocka_unit_test(same_seed_same_run),
		cmocka_unit_test(deadlines_fire),
	};

	return cmocka_run_group_tests_name("sim: time", tests, NULL, NULL);
}
