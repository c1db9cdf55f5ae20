/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * conformance.c - net/transport.h means the same on a ring and in a simulated world
 *
 * Every scenario says what each link must see, event by event, in one text. It runs on each
 * back-end, so that what holds in the simulator holds on the real network. A machine without
 * io_uring skips that half.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>
#include "scenario.h"

#define TESTS_MAX 256

struct test {
	const struct backend *backend;
	const struct scenario *scenario;
	char name[96];
};

void run_to_the_end(struct world *w, struct peer *a, struct peer *b)
{
	assert_true(world_until(w, peer_is_over, a));
	if (b)
		assert_true(world_until(w, peer_is_over, b));
	world_steps(w, 10);
	assert_int_equal(a->closed_count, 1);
	assert_true(a->opened_count <= 1);
	if (b)
		assert_int_equal(b->closed_count, 1);
}

static void run_scenario(void **state)
{
	const struct test *t = *state;
	struct world w = {.name = t->backend->name};

	if (!t->backend->open(&w, &t->scenario->options))
		skip();
	t->scenario->run(&w);
	t->backend->close(&w);
}

int main(void)
{
	static const struct backend *const backends[] = {
		&backend_sim,
		&backend_sim_in_pieces,
#ifdef HAVE_RING
		&backend_ring,
#endif
	};
	static const struct scenario *const lists[] = {
		life_scenarios,
		accepting_scenarios,
		flow_scenarios,
		chaos_scenarios,
	};
	static struct test tests[TESTS_MAX];
	static struct CMUnitTest units[TESTS_MAX];
	size_t count = 0;

	for (size_t b = 0; b < sizeof(backends) / sizeof(backends[0]); b++) {
		for (size_t l = 0; l < sizeof(lists) / sizeof(lists[0]); l++) {
			for (const struct scenario *s = lists[l]; s->name && count < TESTS_MAX;
			     s++) {
				struct test *t = &tests[count];

				t->backend = backends[b];
				t->scenario = s;
				snprintf(t->name, sizeof(t->name), "%s: %s", t->backend->name,
					 s->name);
				units[count++] = (struct CMUnitTest){
					.name = t->name,
					.test_func = run_scenario,
					.initial_state = t,
				};
			}
		}
	}
	return _cmocka_run_group_tests("transport conformance", units, count, NULL, NULL);
}
