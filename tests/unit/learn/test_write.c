/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_write.c - what is written is a profile that the loader takes, and that says what was learned
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/clock.h"
#include "learn/read.h"
#include "learn/write.h"
#include "model.h"
#include "profile/store.h"

#define MINUTE (60 * NS_PER_SEC)
#define HOUR   (60 * MINUTE)
#define START  (INT64_C(1795272197) * NS_PER_SEC + 370 * NS_PER_MS)

struct world {
	struct profile_store *store;
	struct rules *rules;
	struct rules_reader *reader;
	char folder[64], path[96];
};

static int set_up(void **state)
{
	static struct world w;
	const char *folders[] = {VOLLEY_PROFILES};
	const struct profile *base;
	struct err e = {0};

	w.store = profile_store_new(folders, 1);
	assert_non_null(w.store);
	base = profile_store_load(w.store, "base", &e);
	if (base == NULL)
		fail_msg("%s", e.text);
	w.rules = rules_new(base, &e);
	assert_non_null(w.rules);
	w.reader = rules_reader_new(w.rules);
	assert_non_null(w.reader);
	strcpy(w.folder, "/tmp/volley-learn-XXXXXX");
	assert_non_null(mkdtemp(w.folder));
	snprintf(w.path, sizeof(w.path), "%s/observed.yaml", w.folder);
	*state = &w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	unlink(w->path);
	rmdir(w->folder);
	rules_reader_free(w->reader);
	rules_free(w->rules);
	profile_store_free(w->store);
	return 0;
}

static struct observation *observe_log(struct buf *log, const char *name)
{
	struct observation *o = observation_new();
	struct err e = {0};

	assert_non_null(o);
	if (learn_read_text(o, buf_span(log), name, START, &e) < 0)
		fail_msg("%s", e.text);
	assert_int_equal(observation_order(o), 0);
	buf_fini(log);
	return o;
}

static struct observation *observe(const struct model_server *server, const struct model_load *load,
				   enum learn_format format, const char *name)
{
	struct buf log;

	buf_init(&log, 64 << 20);
	model_play(server, load, format, &log);
	return observe_log(&log, name);
}

/* Writes what was learned and loads it again. */
static const struct profile *reload(struct world *w, const struct learned *l, const char *name,
				    struct profile_store **ret_store)
{
	const char *folders[] = {VOLLEY_PROFILES};
	const struct profile *p;
	struct err e = {0};
	struct buf yaml;
	FILE *file = fopen(w->path, "w");

	buf_init(&yaml, 16 << 20);
	assert_non_null(file);
	assert_true(learned_to_yaml(l, name, &yaml));
	assert_int_equal(fwrite(yaml.data, 1, yaml.len, file), yaml.len);
	assert_int_equal(fclose(file), 0);
	*ret_store = profile_store_new(folders, 1);
	assert_non_null(*ret_store);
	p = profile_store_load(*ret_store, w->path, &e);
	if (p == NULL)
		fail_msg("%s\n%.*s", e.text, (int)yaml.len, yaml.data);
	buf_fini(&yaml);
	return p;
}

static const struct profile_rule *find_rule(const struct profile *p, const char *limit)
{
	for (int i = 0; i < p->own_rule_count; i++)
		if (p->rules[i].when == CAUSE_OVER &&
		    strcmp(p->limits[p->rules[i].limit].name, limit) == 0)
			return &p->rules[i];
	fail_msg("no rule for %s", limit);
	return NULL;
}

static void learn(struct world *w, struct observation *o, struct learned *ret_learned)
{
	struct err e = {0};

	if (learn_fit(o, observation_main_site(o), 1, w->reader, ret_learned, &e) < 0)
		fail_msg("%s", e.text);
}

/* All kinds of limits and replies at once. */
static void round_trip(void **state)
{
	static const struct model_server server = {
		.window = LIMIT_FIXED,
		.amount = 600,
		.period_ns = 10 * MINUTE,
		.connections = 6,
		.messages_per_connection = 40,
		.noise_ppm = 30000,
	};
	static const struct model_load load = {
		.sessions = 10,
		.sources = 1,
		.recipients = 1,
		.messages = 9000,
		.service_ns = NS_PER_SEC,
		.pause_ns = 2 * NS_PER_SEC,
		.start_ns = START,
		.seed = 3,
	};
	struct profile_store *store;
	const struct profile_rule *rule;
	const struct profile *p;
	struct observation *o;
	struct learned l;

	o = observe(&server, &load, LEARN_VOLLEY, "it's a \"log\"\n: #1");
	learn(*state, o, &l);
	p = reload(*state, &l, "Who: 'they' # are", &store);
	assert_string_equal(p->provider, "Who: 'they' # are");
	assert_int_equal(p->limit_count, 3);
	assert_int_equal(p->relay_count, 1);
	rule = find_rule(p, "messages-10m");
	assert_int_equal(rule->class, CLASS_THROTTLED);
	assert_int_equal(rule->dial, DIAL_RATE);
	assert_int_equal(rule->at, PHASE_MAIL);
	assert_true(rule->holds_window);
	assert_true(rule->say.len > 10 && memcmp(rule->say.data, "421 4.7.28 Slow", 15) == 0);
	assert_int_equal(p->limits[rule->limit].limit.sureness, SURE_COMMON);
	assert_in_range(p->limits[rule->limit].limit.amount, 540, 660);
	rule = find_rule(p, "connections");
	assert_int_equal(rule->at, PHASE_BANNER);
	assert_int_equal(rule->dial, DIAL_CONNECTIONS);
	assert_int_equal(p->limits[rule->limit].limit.amount, 6);
	rule = find_rule(p, "messages-per-connection");
	assert_int_equal(rule->action, ACTION_CLOSE);
	assert_true(rule->does_close);
	assert_int_equal(p->limits[rule->limit].limit.amount, 40);
	profile_store_free(store);
	learned_fini(&l);
	observation_free(o);
}

/* Each kind of window is written so that it is read as itself. */
static void windows(void **state)
{
	static const struct model_server servers[] = {
		{.window = LIMIT_SMOOTH, .amount = 600, .period_ns = MINUTE, .burst = 12},
		{.window = LIMIT_ROLLING, .amount = 100, .period_ns = 10 * MINUTE},
		{.window = LIMIT_FIXED, .amount = 150, .period_ns = HOUR, .reset_ns = 10 * MINUTE},
	};
	static const struct model_load load = {
		.sessions = 4,
		.sources = 1,
		.recipients = 1,
		.messages = 4000,
		.service_ns = 200 * NS_PER_MS,
		.start_ns = START,
		.seed = 3,
	};

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct model_load its = load;
		struct profile_store *store;
		const struct profile *p;
		struct observation *o;
		struct learned l;

		its.service_ns = i == 0 ? 200 * NS_PER_MS : 15 * NS_PER_SEC;
		o = observe(&servers[i], &its, LEARN_POSTFIX, "mail.log");
		learn(*state, o, &l);
		p = reload(*state, &l, NULL, &store);
		assert_int_equal(p->limit_count, 1);
		assert_int_equal(p->limits[0].limit.window, servers[i].window);
		assert_int_equal(p->limits[0].limit.period_ns, servers[i].period_ns);
		assert_int_equal(p->limits[0].limit.reset_ns, servers[i].reset_ns);
		assert_int_equal(p->mx_count, 1);
		profile_store_free(store);
		learned_fini(&l);
		observation_free(o);
	}
}

/* One reply for two limits: two rules for the sink, of which one tells the reply. */
static void shared_reply(void **state)
{
	static const struct model_server server = {
		.window = LIMIT_ROLLING, .amount = 30, .period_ns = MINUTE, .hourly = 400};
	static const struct model_load load = {
		.sessions = 3,
		.sources = 1,
		.recipients = 1,
		.messages = 9000,
		.service_ns = 3 * NS_PER_SEC,
		.start_ns = START,
		.seed = 3,
	};
	const struct profile_rule *minute, *hour;
	struct profile_store *store;
	const struct profile *p;
	struct observation *o;
	struct learned l;

	o = observe(&server, &load, LEARN_POSTFIX, "mail.log");
	learn(*state, o, &l);
	p = reload(*state, &l, NULL, &store);
	minute = find_rule(p, "messages-1m");
	hour = find_rule(p, "messages-1h");
	assert_true(span_equal(minute->say, hour->say));
	assert_int_equal((minute->text.len > 0) + (hour->text.len > 0), 1);
	profile_store_free(store);
	learned_fini(&l);
	observation_free(o);
}

/* A connection that ends without a word has a rule that says nothing. */
static void silent(void **state)
{
	static const struct model_server server = {.messages_per_connection = 30,
						   .is_silent = true};
	static const struct model_load load = {
		.sessions = 4,
		.sources = 1,
		.recipients = 1,
		.messages = 2000,
		.service_ns = NS_PER_SEC,
		.start_ns = START,
		.seed = 3,
	};
	struct profile_store *store;
	const struct profile_rule *rule;
	const struct profile *p;
	struct observation *o;
	struct learned l;

	o = observe(&server, &load, LEARN_POSTFIX, "mail.log");
	learn(*state, o, &l);
	p = reload(*state, &l, NULL, &store);
	rule = find_rule(p, "messages-per-connection");
	assert_int_equal(rule->say.len, 0);
	assert_true(rule->does_close);
	profile_store_free(store);
	learned_fini(&l);
	observation_free(o);
}

/* Replies with all that YAML, SMTP or a pattern could stumble over. */
static void strange_replies(void **state)
{
	static const char *const texts[] = {
		"it's \\\"quoted\\\" \\\\ and {braced} %s %n",
		"one\\ntwo 'three'\\nfour: # five",
		"- a: [b, c] & *d !e |f >g @h `i`",
		"\\u00e9t\\u00e9 \\u0085 \\ufeff \\ud83d\\ude00",
		"(((a*)*)*b+)+ ^$ [x]{1,2}?",
		"",
		"~",
		"null",
		"4.7.0",
		"true",
	};
	struct profile_store *store;
	const struct profile *p;
	struct observation *o;
	struct learned l;
	struct buf log, json;
	json_t *document;

	buf_init(&log, 1 << 20);
	buf_init(&json, 1 << 20);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		buf_printf(&log,
			   "{\"time\":\"2026-11-21T14:05:%02zu.5Z\",\"outcome\":\"deferred\","
			   "\"target\":\"smtp://mx.example\",\"phase\":\"rcpt\",\"command\":"
			   "\"rcpt\",\"code\":450,\"text\":\"%s\"}\n",
			   i, texts[i]);
	/* A reply longer than a line of SMTP may be. */
	buf_append_text(&log, "{\"time\":\"2026-11-21T14:05:50Z\",\"outcome\":\"deferred\","
			      "\"phase\":\"rcpt\",\"command\":\"rcpt\",\"code\":450,"
			      "\"target\":\"smtp://mx.example\",\"text\":\"");
	for (int i = 0; i < 120; i++)
		buf_append_text(&log, "longer ");
	buf_append_text(&log, "\"}\n");
	o = observe_log(&log, "a.log");
	learn(*state, o, &l);
	p = reload(*state, &l, NULL, &store);
	assert_int_equal(p->own_rule_count, sizeof(texts) / sizeof(texts[0]) + 1);
	profile_store_free(store);
	assert_true(learned_to_json(&l, NULL, &json));
	document = json_loadb(json.data, json.len, 0, NULL);
	assert_non_null(document);
	assert_int_equal(json_array_size(json_object_get(document, "replies")),
			 sizeof(texts) / sizeof(texts[0]) + 1);
	assert_string_equal(json_string_value(json_object_get(document, "kind")), "learned");
	json_decref(document);
	buf_fini(&json);
	learned_fini(&l);
	observation_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),	   cmocka_unit_test(windows),
		cmocka_unit_test(shared_reply),	   cmocka_unit_test(silent),
		cmocka_unit_test(strange_replies),
	};

	return cmocka_run_group_tests_name("learn/write", tests, set_up, tear_down);
}
