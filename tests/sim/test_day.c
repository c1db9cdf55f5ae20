/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_day.c - a day of traffic against five providers, in virtual time
 *
 * The sender obeys five shipped profiles, the sink imposes the same five, each on an address of its
 * own; a quiet night, a ramp, a busy day and an evening. All of the engine is real but the clock,
 * the network and TLS. Every message is to be accepted without one refusal, and the same seed is to
 * give the same document, octet by octet.
 */
#include "../unit/sender/rehearsal.h"
#include <stdio.h>
#include "base/clock.h"
#include "profile/store.h"

/* A sanitized build is ten times slower, and finds what it finds in a tenth of the messages. */
#ifdef __SANITIZE_ADDRESS__
#define MESSAGES 100000
#else
#define MESSAGES 1000000
#endif
#define HOUR (INT64_C(3600) * NS_PER_SEC)

static const char *const providers[] = {"gmail", "microsoft365", "yahoo", "gmx", "orange"};
#define PROVIDERS (int)(sizeof(providers) / sizeof(providers[0]))

static struct profile_store *store;
static const struct profile *profiles[PROVIDERS];
static struct rules *rules[PROVIDERS];

/* What is kept of the first test's day, for the second. */
static struct {
	char *json;
	size_t json_len;
	uint64_t digest;
} first;

static int load(void **state)
{
	const char *folder = PROFILES_FOLDER;
	struct err e = {0};

	(void)state;
	store = profile_store_new(&folder, 1);
	assert_non_null(store);
	for (int i = 0; i < PROVIDERS; i++) {
		profiles[i] = profile_store_load(store, providers[i], &e);
		if (profiles[i] == NULL)
			fail_msg("%s", e.text);
		rules[i] = rules_new(profiles[i], &e);
		if (rules[i] == NULL)
			fail_msg("%s", e.text);
	}
	return 0;
}

static int unload(void **state)
{
	(void)state;
	for (int i = 0; i < PROVIDERS; i++)
		rules_free(rules[i]);
	profile_store_free(store);
	return 0;
}

/* Rates in micro-messages a second that make so many messages of the day, and a few to spare. */
static void shape_day(struct sender_plan *p, uint64_t messages)
{
	const uint64_t night = messages * 7 / 2, noon = messages * 79 / 4;

	p->is_open_loop = true;
	p->arrivals = ARRIVAL_POISSON;
	p->messages = messages;
	p->stages[p->stage_count++] = (struct arrival_stage){6 * HOUR, night, night};
	p->stages[p->stage_count++] = (struct arrival_stage){3 * HOUR, night, noon};
	p->stages[p->stage_count++] = (struct arrival_stage){9 * HOUR, noon, noon};
	p->stages[p->stage_count++] = (struct arrival_stage){3 * HOUR, noon, night};
	p->stages[p->stage_count++] = (struct arrival_stage){3 * HOUR, night, night};
}

static struct rehearsal *day(uint64_t seed, uint64_t messages)
{
	struct rehearsal *r = rehearsal_new(seed);

	r->plan.target_count = 0;
	r->sink_plan.listener_count = 0;
	for (int i = 0; i < PROVIDERS; i++) {
		char address[32];
		struct plan_target *t;
		struct sink_listener *l = &r->sink_plan.listeners[r->sink_plan.listener_count++];
		struct sink_imposition here = {.profile = profiles[i], .has_address = true};
		struct err e = {0};

		snprintf(address, sizeof(address), "198.51.100.%d", 25 + i);
		t = rehearsal_target(r, address);
		t->profile = profiles[i];
		t->rules = rules[i];
		*l = (struct sink_listener){.security = SINK_CLEAR, .at = t->addresses[0]};
		here.address = t->addresses[0];
		if (sink_plan_impose(&r->sink_plan, &here, &e) != 0)
			fail_msg("%s", e.text);
	}
	r->plan.sessions = 20 * PROVIDERS;
	r->plan.threads = 2;
	r->plan.scale = r->sink_plan.scale = 1;
	r->plan.stall_ns = 24 * HOUR;
	r->give_up_ns = 30 * HOUR;
	r->sink_plan.idle_ns = 24 * HOUR;
	r->swaps = false;
	shape_day(&r->plan, messages);
	rehearsal_run(r);
	return r;
}

static void test_a_day_passes_without_a_refusal(void **state)
{
	int64_t began_ns = clock_now(clock_system());
	struct rehearsal *r = day(7, MESSAGES);
	const struct record_counts *c = &r->total.counts;

	(void)state;
	printf("# %d messages against %d profiles, %.1f virtual hours, took %.1f s\n", MESSAGES,
	       PROVIDERS, (double)(r->over_ns - r->begin_ns) / (double)HOUR,
	       (double)(clock_now(clock_system()) - began_ns) / (double)NS_PER_SEC);
	assert_int_equal(c->started, MESSAGES);
	assert_int_equal(c->accepted, MESSAGES);
	assert_int_equal(c->replies_4xx, 0);
	assert_int_equal(c->replies_5xx, 0);
	assert_int_equal(c->sessions_failed, 0);
	assert_int_equal(r->received, MESSAGES);
	assert_true(r->over_ns - r->begin_ns > 23 * HOUR);
	first.json = r->json;
	first.json_len = r->json_len;
	first.digest = sim_digest(r->sim);
	r->json = NULL;
	rehearsal_free(r);
}

static void test_the_same_seed_is_the_same_day(void **state)
{
	struct rehearsal *again = day(7, MESSAGES);

	(void)state;
	assert_non_null(first.json);
	assert_int_equal(first.json_len, again->json_len);
	assert_memory_equal(first.json, again->json, again->json_len);
	assert_int_equal(first.digest, sim_digest(again->sim));
	rehearsal_free(again);
	free(first.json);
}

static void test_another_seed_is_another_day(void **state)
{
	struct rehearsal *a = day(7, MESSAGES / 100), *b = day(8, MESSAGES / 100);

	(void)state;
	assert_int_not_equal(sim_digest(a->sim), sim_digest(b->sim));
	rehearsal_free(a);
	rehearsal_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_day_passes_without_a_refusal),
		cmocka_unit_test(test_the_same_seed_is_the_same_day),
		cmocka_unit_test(test_another_seed_is_another_day),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
