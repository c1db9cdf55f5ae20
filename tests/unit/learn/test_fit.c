/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_fit.c - limits are found again in the logs of a server that has them, within ten percent
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/clock.h"
#include "learn/fit.h"
#include "learn/read.h"
#include "model.h"
#include "profile/store.h"

#define MINUTE (60 * NS_PER_SEC)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
/* A Saturday, 23 minutes and a bit past three: in the middle of every window. */
#define START (INT64_C(1795272197) * NS_PER_SEC + 370 * NS_PER_MS)

struct base {
	struct profile_store *store;
	struct rules *rules;
	struct rules_reader *reader;
};

static int set_up(void **state)
{
	static struct base base;
	const char *folders[] = {VOLLEY_PROFILES};
	const struct profile *p;
	struct err e = {0};

	base.store = profile_store_new(folders, 1);
	assert_non_null(base.store);
	p = profile_store_load(base.store, "base", &e);
	if (p == NULL)
		fail_msg("%s", e.text);
	base.rules = rules_new(p, &e);
	if (base.rules == NULL)
		fail_msg("%s", e.text);
	base.reader = rules_reader_new(base.rules);
	assert_non_null(base.reader);
	*state = &base;
	return 0;
}

static int tear_down(void **state)
{
	struct base *base = *state;

	if (base == NULL)
		return 0;
	rules_reader_free(base->reader);
	rules_free(base->rules);
	profile_store_free(base->store);
	return 0;
}

/* ---- cases ---- */

struct expectation {
	const char *what;
	struct model_server server;
	struct model_load load;
	uint32_t scale;
	enum limit_unit unit;
	enum limit_scope scope;
	enum limit_window window;
	uint64_t amount;
	int64_t period_ns;
};

static void learn(struct base *base, const struct expectation *x, enum learn_format format,
		  struct observation **ret_o, struct learned *ret_learned)
{
	struct model_load load = x->load;
	struct observation *o = observation_new();
	struct err e = {0};
	struct buf log;

	buf_init(&log, 256 << 20);
	load.start_ns += START;
	load.seed += 1;
	load.sources += load.sources == 0;
	load.recipients += load.recipients == 0;
	load.coarse = load.coarse && format == LEARN_POSTFIX;
	model_play(&x->server, &load, format, &log);
	assert_non_null(o);
	if (learn_read_text(o, buf_span(&log), "model.log", load.start_ns, &e) < 0)
		fail_msg("%s: %s", x->what, e.text);
	buf_fini(&log);
	assert_int_equal(observation_order(o), 0);
	if (learn_fit(o, observation_main_site(o), x->scale > 0 ? x->scale : 1, base->reader,
		      ret_learned, &e) < 0)
		fail_msg("%s: %s", x->what, e.text);
	*ret_o = o;
}

static bool is_near(double a, double b)
{
	return a >= 0.9 * b && a <= 1.1 * b;
}

/* For a smooth limit the rate counts: the same rate can be said of many windows. */
static bool is_as_expected(const struct limit *l, const struct expectation *x)
{
	if (l->unit != x->unit || l->scope != x->scope || l->window != x->window)
		return false;
	if (l->window == LIMIT_SMOOTH)
		return is_near((double)(l->amount - l->burst) / (double)l->period_ns,
			       (double)(x->amount - x->server.burst) / (double)x->period_ns) &&
		       is_near((double)l->amount / (double)l->period_ns,
			       (double)x->amount / (double)x->period_ns);
	return l->period_ns == x->period_ns && is_near((double)l->amount, (double)x->amount);
}

static void print_limits(const struct learned *l)
{
	for (int i = 0; i < l->limit_count; i++) {
		char text[LIMIT_TEXT_MAX];
		const struct learned_limit *x = &l->limits[i];

		print_message("# %s: %s, %s, burst %llu, error %.3f, %u onsets, %llu refused\n",
			      x->name, limit_text(&x->limit, text),
			      limit_window_name(x->limit.window),
			      (unsigned long long)x->limit.burst, x->error, x->onsets,
			      (unsigned long long)x->refused);
	}
	for (int i = 0; i < l->reply_count; i++)
		print_message("# reply %s x %llu limit %d class %s\n",
			      l->observation->wordings.items[l->replies[i].wording].pattern,
			      (unsigned long long)l->replies[i].count, l->replies[i].limit,
			      class_name(l->replies[i].class));
}

static void check(struct base *base, const struct expectation *x, enum learn_format format)
{
	struct observation *o;
	struct learned l;
	bool found = false;

	learn(base, x, format, &o, &l);
	for (int i = 0; i < l.limit_count; i++)
		found = found || is_as_expected(&l.limits[i].limit, x);
	if (!found || l.limit_count != 1) {
		print_message("# %s in %s's log:\n", x->what, learn_format_name(format));
		print_limits(&l);
	}
	assert_true(found);
	assert_int_equal(l.limit_count, 1);
	learned_fini(&l);
	observation_free(o);
}

/* The first case in the logs of all kinds, the others in one each. */
static void check_all(struct base *base, const struct expectation *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		for (int f = 0; f < LEARN_FORMAT_COUNT; f++) {
			/* Postfix does not log from which address it went. */
			bool is_told = f != LEARN_POSTFIX || cases[i].load.sources <= 1;

			if (is_told && (i == 0 || f == (int)(i + (cases[i].load.sources > 1)) % 3))
				check(base, &cases[i], (enum learn_format)f);
		}
	}
}
#define COUNT(cases) (sizeof(cases) / sizeof(cases[0]))

/* ---- windows ---- */

#define MESSAGES .unit = LIMIT_MESSAGES, .scope = LIMIT_PER_SOURCE

static void fixed(void **state)
{
	static const struct expectation cases[] = {
		{"200 an hour, pressed without a pause",
		 {.window = LIMIT_FIXED, .amount = 200, .period_ns = HOUR},
		 {.sessions = 3, .messages = 4500, .service_ns = 9 * NS_PER_SEC},
		 MESSAGES,
		 .window = LIMIT_FIXED,
		 .amount = 200,
		 .period_ns = HOUR},
		{"1000 an hour a minute after a refusal",
		 {.window = LIMIT_FIXED, .amount = 1000, .period_ns = HOUR, .closes = true},
		 {.sessions = 5,
		  .messages = 5000,
		  .service_ns = 2 * NS_PER_SEC,
		  .pause_ns = MINUTE,
		  .coarse = true},
		 MESSAGES,
		 .window = LIMIT_FIXED,
		 .amount = 1000,
		 .period_ns = HOUR},
		{"200 an hour that passes in a second",
		 {.window = LIMIT_FIXED, .amount = 200, .period_ns = NS_PER_SEC},
		 {.sessions = 8,
		  .messages = 6000,
		  .service_ns = 4 * NS_PER_MS,
		  .jitter_ns = 2 * NS_PER_MS},
		 .scale = 3600,
		 MESSAGES,
		 .window = LIMIT_FIXED,
		 .amount = 200,
		 .period_ns = HOUR},
		{"500 a day from eight o'clock",
		 {.window = LIMIT_FIXED, .amount = 500, .period_ns = DAY, .reset_ns = 8 * HOUR},
		 {.sessions = 2,
		  .messages = 5000,
		  .service_ns = 150 * NS_PER_SEC,
		  .pause_ns = 10 * MINUTE},
		 MESSAGES,
		 .window = LIMIT_FIXED,
		 .amount = 500,
		 .period_ns = DAY},
		{"with other errors in between",
		 {.window = LIMIT_FIXED, .amount = 100, .period_ns = MINUTE, .noise_ppm = 100000},
		 {.sessions = 4, .messages = 5000, .service_ns = NS_PER_SEC},
		 MESSAGES,
		 .window = LIMIT_FIXED,
		 .amount = 100,
		 .period_ns = MINUTE},
	};

	check_all(*state, cases, COUNT(cases));
}

static void rolling(void **state)
{
	static const struct expectation cases[] = {
		{"300 in ten minutes",
		 {.window = LIMIT_ROLLING, .amount = 300, .period_ns = 10 * MINUTE},
		 {.sessions = 4, .messages = 5000, .service_ns = 3 * NS_PER_SEC},
		 MESSAGES,
		 .window = LIMIT_ROLLING,
		 .amount = 300,
		 .period_ns = 10 * MINUTE},
		{"20 a minute, from three sources",
		 {.window = LIMIT_ROLLING, .amount = 20, .period_ns = MINUTE},
		 {.sessions = 6, .sources = 3, .messages = 5000, .service_ns = 2 * NS_PER_SEC},
		 MESSAGES,
		 .window = LIMIT_ROLLING,
		 .amount = 20,
		 .period_ns = MINUTE},
		{"an hour in a second, with noise",
		 {.window = LIMIT_ROLLING,
		  .amount = 1000,
		  .period_ns = NS_PER_SEC,
		  .noise_ppm = 20000},
		 {.sessions = 16,
		  .messages = 12000,
		  .service_ns = 3 * NS_PER_MS,
		  .jitter_ns = 2 * NS_PER_MS},
		 .scale = 3600,
		 MESSAGES,
		 .window = LIMIT_ROLLING,
		 .amount = 1000,
		 .period_ns = HOUR},
	};

	check_all(*state, cases, COUNT(cases));
}

static void smooth(void **state)
{
	static const struct expectation cases[] = {
		{"600 a minute",
		 {.window = LIMIT_SMOOTH, .amount = 600, .period_ns = MINUTE, .burst = 12},
		 {.sessions = 4, .messages = 5000, .service_ns = 200 * NS_PER_MS},
		 MESSAGES,
		 .window = LIMIT_SMOOTH,
		 .amount = 600,
		 .period_ns = MINUTE},
		{"200 an hour that passes in a second",
		 {.window = LIMIT_SMOOTH, .amount = 200, .period_ns = NS_PER_SEC, .burst = 4},
		 {.sessions = 4,
		  .messages = 6000,
		  .service_ns = 3 * NS_PER_MS,
		  .jitter_ns = NS_PER_MS},
		 .scale = 3600,
		 MESSAGES,
		 .window = LIMIT_SMOOTH,
		 .amount = 200,
		 .period_ns = HOUR},
		{"5000 in a second, with times that are off by fifteen messages",
		 {.window = LIMIT_SMOOTH, .amount = 5000, .period_ns = NS_PER_SEC, .burst = 100},
		 {.sessions = 16,
		  .messages = 30000,
		  .service_ns = NS_PER_MS,
		  .jitter_ns = 3 * NS_PER_MS},
		 .scale = 3600,
		 MESSAGES,
		 .window = LIMIT_SMOOTH,
		 .amount = 5000,
		 .period_ns = HOUR},
		{"1800 an hour with a burst of its own, backing off",
		 {.window = LIMIT_SMOOTH, .amount = 1800, .period_ns = HOUR, .burst = 100},
		 {.sessions = 4,
		  .messages = 5000,
		  .service_ns = 3 * NS_PER_SEC,
		  .pause_ns = 20 * NS_PER_SEC},
		 MESSAGES,
		 .window = LIMIT_SMOOTH,
		 .amount = 1800,
		 .period_ns = HOUR},
	};

	check_all(*state, cases, COUNT(cases));
}

static void pooled(void **state)
{
	static const struct expectation cases[] = {
		{"500 an hour for all sources together",
		 {.window = LIMIT_FIXED, .amount = 500, .period_ns = HOUR, .is_pooled = true},
		 {.sessions = 6, .sources = 3, .messages = 5000, .service_ns = 10 * NS_PER_SEC},
		 .unit = LIMIT_MESSAGES,
		 .scope = LIMIT_PER_SITE,
		 .window = LIMIT_FIXED,
		 .amount = 500,
		 .period_ns = HOUR},
	};

	check_all(*state, cases, COUNT(cases));
}

/* ---- connections ---- */

static void connections(void **state)
{
	static const struct expectation cases[] = {
		{"five at once, twelve try",
		 {.connections = 5},
		 {.sessions = 12,
		  .messages = 6000,
		  .service_ns = NS_PER_SEC,
		  .use = 10,
		  .pause_ns = 2 * NS_PER_SEC},
		 .unit = LIMIT_CONNECTIONS,
		 .scope = LIMIT_PER_SOURCE,
		 .window = LIMIT_AT_ONCE,
		 .amount = 5},
		{"twenty at once of a hundred, from two sources",
		 {.connections = 20},
		 {.sessions = 100,
		  .sources = 2,
		  .messages = 9000,
		  .service_ns = NS_PER_SEC,
		  .use = 20,
		  .pause_ns = 3 * NS_PER_SEC,
		  .jitter_ns = 2 * NS_PER_MS},
		 .unit = LIMIT_CONNECTIONS,
		 .scope = LIMIT_PER_SOURCE,
		 .window = LIMIT_AT_ONCE,
		 .amount = 20},
	};

	check_all(*state, cases, COUNT(cases));
}

static void connection_rate(void **state)
{
	static const struct expectation x = {"30 connections a minute",
					     {.window = LIMIT_ROLLING,
					      .amount = 30,
					      .period_ns = MINUTE,
					      .refuses_connections = true},
					     {.sessions = 10,
					      .messages = 6000,
					      .service_ns = 2 * NS_PER_SEC,
					      .use = 2,
					      .pause_ns = 3 * NS_PER_SEC},
					     .unit = LIMIT_CONNECTIONS,
					     .scope = LIMIT_PER_SOURCE,
					     .window = LIMIT_ROLLING,
					     .amount = 30,
					     .period_ns = MINUTE};

	check_all(*state, &x, 1);
}

static void messages_per_connection(void **state)
{
	static const struct expectation cases[] = {
		{"fifty a connection, then 421",
		 {.messages_per_connection = 50},
		 {.sessions = 4, .messages = 3000, .service_ns = NS_PER_SEC},
		 .unit = LIMIT_MESSAGES,
		 .scope = LIMIT_PER_CONNECTION,
		 .amount = 50},
		{"twenty a connection, among other errors",
		 {.messages_per_connection = 20, .noise_ppm = 50000},
		 {.sessions = 7, .messages = 3000, .service_ns = NS_PER_SEC},
		 .unit = LIMIT_MESSAGES,
		 .scope = LIMIT_PER_CONNECTION,
		 .amount = 20},
	};

	check_all(*state, cases, COUNT(cases));
}

static void silent_end(void **state)
{
	static const struct expectation x = {
		"thirty a connection, then nothing",
		{.messages_per_connection = 30, .is_silent = true},
		{.sessions = 4, .messages = 3000, .service_ns = NS_PER_SEC},
		.unit = LIMIT_MESSAGES,
		.scope = LIMIT_PER_CONNECTION,
		.amount = 30};

	/* KumoMTA logs no record of a peer without a response. */
	check(*state, &x, LEARN_VOLLEY);
	check(*state, &x, LEARN_POSTFIX);
}

static void recipients(void **state)
{
	static const struct expectation x = {
		"ten recipients a message",
		{.recipients = 10},
		{.sessions = 4, .messages = 2000, .service_ns = NS_PER_SEC, .recipients = 20},
		.unit = LIMIT_RECIPIENTS,
		.scope = LIMIT_PER_MESSAGE,
		.amount = 10};

	check(*state, &x, LEARN_VOLLEY);
	check(*state, &x, LEARN_POSTFIX);
}

/* ---- several at once, and none ---- */

static void check_several(struct base *base, const struct expectation *x, enum learn_format format,
			  const struct expectation *wanted, size_t count)
{
	struct observation *o;
	struct learned l;
	size_t found = 0;

	learn(base, x, format, &o, &l);
	for (size_t i = 0; i < count; i++)
		for (int k = 0; k < l.limit_count; k++)
			found += is_as_expected(&l.limits[k].limit, &wanted[i]);
	if (found != count || l.limit_count != (int)count) {
		print_message("# %s in %s's log:\n", x->what, learn_format_name(format));
		print_limits(&l);
	}
	assert_int_equal(found, count);
	assert_int_equal(l.limit_count, count);
	learned_fini(&l);
	observation_free(o);
}

static void rate_and_connections(void **state)
{
	static const struct expectation x = {
		"six connections, forty a connection, 600 in ten minutes",
		{.window = LIMIT_FIXED,
		 .amount = 600,
		 .period_ns = 10 * MINUTE,
		 .connections = 6,
		 .messages_per_connection = 40},
		{.sessions = 10,
		 .messages = 9000,
		 .service_ns = NS_PER_SEC,
		 .pause_ns = 2 * NS_PER_SEC},
		.scale = 1};
	static const struct expectation wanted[] = {
		{.unit = LIMIT_MESSAGES,
		 .scope = LIMIT_PER_SOURCE,
		 .window = LIMIT_FIXED,
		 .amount = 600,
		 .period_ns = 10 * MINUTE},
		{.unit = LIMIT_MESSAGES, .scope = LIMIT_PER_CONNECTION, .amount = 40},
		{.unit = LIMIT_CONNECTIONS, .scope = LIMIT_PER_SOURCE, .amount = 6},
	};

	/* KumoMTA does not log when a connection is opened, or closed in the end. */
	for (int f = 0; f < LEARN_FORMAT_COUNT; f++)
		check_several(*state, &x, (enum learn_format)f, wanted,
			      f == LEARN_KUMOMTA ? COUNT(wanted) - 1 : COUNT(wanted));
}

/* Two limits may have one reply. */
static void two_windows(void **state)
{
	static const struct expectation x = {
		"thirty a minute and 400 an hour",
		{.window = LIMIT_ROLLING, .amount = 30, .period_ns = MINUTE, .hourly = 400},
		{.sessions = 3, .messages = 9000, .service_ns = 3 * NS_PER_SEC},
		.scale = 1};
	static const struct expectation wanted[] = {
		{MESSAGES, .window = LIMIT_ROLLING, .amount = 30, .period_ns = MINUTE},
		{MESSAGES, .window = LIMIT_FIXED, .amount = 400, .period_ns = HOUR},
	};

	for (int f = 0; f < LEARN_FORMAT_COUNT; f++)
		check_several(*state, &x, (enum learn_format)f, wanted, COUNT(wanted));
}

/* What is refused by chance alone is no limit, however steady it is. */
static void noise_alone(void **state)
{
	static const struct expectation cases[] = {
		{"five percent of errors",
		 {.noise_ppm = 50000},
		 {.sessions = 4, .messages = 5000, .service_ns = NS_PER_SEC},
		 .scale = 1},
		{"thirty percent, fast and with other times",
		 {.noise_ppm = 300000},
		 {.sessions = 16,
		  .messages = 9000,
		  .service_ns = NS_PER_MS,
		  .jitter_ns = NS_PER_MS},
		 .scale = 3600},
		{"ninety percent",
		 {.noise_ppm = 900000},
		 {.sessions = 8, .messages = 9000, .service_ns = 2 * NS_PER_MS},
		 .scale = 3600},
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct observation *o;
		struct learned l;

		learn(*state, &cases[i], (enum learn_format)(i % LEARN_FORMAT_COUNT), &o, &l);
		if (l.limit_count != 0) {
			print_message("# %s:\n", cases[i].what);
			print_limits(&l);
		}
		assert_int_equal(l.limit_count, 0);
		assert_int_equal(l.reply_count, 1);
		assert_true(is_near(l.replies[0].share_ppm, cases[i].server.noise_ppm));
		learned_fini(&l);
		observation_free(o);
	}
}

static void greylisting(void **state)
{
	static const struct expectation x = {"greylisted for five minutes",
					     {.greylist_ns = 5 * MINUTE},
					     {.sessions = 20,
					      .messages = 1000,
					      .service_ns = NS_PER_SEC,
					      .pause_ns = 100 * NS_PER_SEC,
					      .retries = true},
					     .scale = 1};
	struct observation *o;
	struct learned l;

	learn(*state, &x, LEARN_POSTFIX, &o, &l);
	assert_int_equal(l.reply_count, 1);
	assert_int_equal(l.replies[0].class, CLASS_GREYLISTED);
	assert_int_equal(l.replies[0].triplet_ns, 5 * MINUTE);
	learned_fini(&l);
	observation_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed),
		cmocka_unit_test(rolling),
		cmocka_unit_test(smooth),
		cmocka_unit_test(pooled),
		cmocka_unit_test(connections),
		cmocka_unit_test(connection_rate),
		cmocka_unit_test(messages_per_connection),
		cmocka_unit_test(silent_end),
		cmocka_unit_test(recipients),
		cmocka_unit_test(rate_and_connections),
		cmocka_unit_test(two_windows),
		cmocka_unit_test(noise_alone),
		cmocka_unit_test(greylisting),
	};

	return cmocka_run_group_tests_name("learn/fit", tests, set_up, tear_down);
}
