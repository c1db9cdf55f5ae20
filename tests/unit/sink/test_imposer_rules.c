/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_imposer_rules.c - what a profile refuses for other reasons than limits, in which words, for
 * whom and from when on; and the log of it
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "imposing.h"
#include "terms/class.h"

#define SEC NS_PER_SEC

static void add_account(struct imposing *m, const char *text)
{
	assert_int_equal(sink_account_add(&m->plan, span_of(text), NULL), 0);
}

/* --- Causes -------------------------------------------------------------------------------- */

static void test_sender_unknown(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_rule(&p, CAUSE_SENDER_UNKNOWN, PHASE_MAIL, "553 5.7.1 {address} is not yours");
	add_account(&m, "Me@Own.example:x");
	add_account(&m, "apikey:x");
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(mail(&m, x, "Me@Own.example", "me@own.example", 0));
	assert_true(mail(&m, x, "Me@Own.example", "other@OWN.example", 0));
	assert_true(mail(&m, x, "Me@Own.example", "", 0));
	assert_false(mail(&m, x, "Me@Own.example", "me@else.example", 0));
	assert_string_equal(said(), "553 5.7.1 me@else.example is not yours");
	/* A name without a domain: any domain of an account. */
	assert_true(mail(&m, x, "apikey", "a@own.example", 0));
	assert_false(mail(&m, x, "apikey", "a@else.example", 0));
	assert_false(mail(&m, x, NULL, "a@else.example", 0));
	leave(&m, x);
	imposing_fini(&m);
}

/* With nothing to compare with, everybody is known; and what is known at MAIL is said later. */
static void test_sender_later(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_rule(&p, CAUSE_SENDER_UNKNOWN, PHASE_ACCEPT, "550 5.7.60 SendAsDenied; {address}");
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(message(&m, x));
	assert_true(mail(&m, x, "me@own.example", "a@b.example", 0));
	assert_true(rcpt(&m, x, "c@d.example") && data(&m, x));
	assert_false(dot(&m, x, 10, 250));
	/* It is about the sender, although there is a recipient by now. */
	assert_string_equal(said(), "550 5.7.60 SendAsDenied; a@b.example");
	/* The next message is another matter. */
	assert_true(mail(&m, x, "me@own.example", "me@own.example", 0));
	assert_true(rcpt(&m, x, "c@d.example") && data(&m, x) && dot(&m, x, 10, 250));
	leave(&m, x);
	imposing_fini(&m);
}

static void test_triplet(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x, *y;

	(void)state;
	imposing_prepare(&m, &p);
	p.rules[hand_rule(&p, CAUSE_TRIPLET, PHASE_RCPT, "451 4.7.1 Greylisted")].when_ns =
		300 * SEC;
	m.plan.scale = 60;
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	y = client(&m, "192.0.2.2", NULL);
	assert_true(mail(&m, x, NULL, "a@b.example", 0) && mail(&m, y, NULL, "a@b.example", 0));
	assert_false(rcpt(&m, x, "c@d.example"));
	assert_string_equal(said(), "451 4.7.1 Greylisted");
	/* Five minutes are five seconds. */
	m.now_ns += 5 * SEC - 1;
	assert_false(rcpt(&m, x, "C@d.example"));
	m.now_ns += 1;
	assert_true(rcpt(&m, x, "c@d.example"));
	/* Another recipient, another client. */
	assert_false(rcpt(&m, x, "e@d.example"));
	assert_false(rcpt(&m, y, "c@d.example"));
	leave(&m, x);
	leave(&m, y);
	imposing_fini(&m);
}

static void test_probability(void **state)
{
	char seen[2][400];

	(void)state;
	for (int run = 0; run < 2; run++) {
		struct imposing m;
		struct hand_profile p;
		struct imposer_session *x;
		int refused = 0;

		imposing_prepare(&m, &p);
		p.rules[hand_rule(&p, CAUSE_PROBABILITY, PHASE_MAIL, "451 4.3.0 Sorry")].when_ppm =
			250000;
		m.plan.seed = 7;
		imposing_begin(&m, &p);
		x = client(&m, "", NULL);
		for (int i = 0; i < 400; i++) {
			seen[run][i] = mail(&m, x, NULL, "a@b.example", 0);
			refused += !seen[run][i];
		}
		assert_in_range(refused, 70, 130);
		leave(&m, x);
		imposing_fini(&m);
	}
	assert_memory_equal(seen[0], seen[1], sizeof(seen[0]));
}

static void test_size_and_recipient(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	p.rules[hand_rule(&p, CAUSE_SIZE, PHASE_MAIL, "552 5.3.4 Too big")].when_octets = 1000;
	p.rules[hand_rule(&p, CAUSE_RECIPIENT, PHASE_RCPT, "550 5.1.1 No {address}")].when_pattern =
		SPAN("un*own*");
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_false(mail(&m, x, NULL, "a@b.example", 1001));
	assert_true(mail(&m, x, NULL, "a@b.example", 1000));
	assert_false(rcpt(&m, x, "UNknown-7@d.example"));
	assert_string_equal(said(), "550 5.1.1 No UNknown-7@d.example");
	assert_true(rcpt(&m, x, "xunknown@d.example"));
	assert_true(rcpt(&m, x, "known@unknown.example"));
	assert_true(data(&m, x));
	assert_false(dot(&m, x, 1001, 250));
	assert_string_equal(said(), "552 5.3.4 Too big");
	leave(&m, x);
	imposing_fini(&m);
}

static void test_login_and_tls(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;

	(void)state;
	imposing_prepare(&m, &p);
	hand_rule(&p, CAUSE_LOGIN, PHASE_AUTH, "535 5.7.8 Username and Password not accepted");
	hand_rule(&p, CAUSE_NO_LOGIN, PHASE_MAIL, "530 5.7.0 Authentication Required. {id}");
	p.profile.submission.needs_login = true;
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_false(login(&m, x, NULL));
	assert_string_equal(said(), "535 5.7.8 Username and Password not accepted");
	assert_false(mail(&m, x, NULL, "a@b.example", 0));
	assert_int_equal(strlen(said()), strlen("530 5.7.0 Authentication Required. ") + 16);
	assert_true(login(&m, x, "u"));
	assert_true(mail(&m, x, "u", "a@b.example", 0));
	leave(&m, x);
	imposing_fini(&m);
}

/* Demands without a rule have general words; what could not be met is not demanded. */
static void test_demands(void **state)
{
	static const struct endpoint peer = {.family = ENDPOINT_IPV4, .v4 = {192, 0, 2, 1}};
	struct imposing m;
	struct hand_profile p;

	(void)state;
	for (int what = 0; what < 4; what++) {
		struct imposer_facts facts = {
			.peer = &peer, .local = &peer, .can_login = what & 1, .can_seal = what & 2};
		struct imposer_question q = {.step = AT_MAIL, .recipient_idx = -1};
		struct imposer_session *x;

		imposing_prepare(&m, &p);
		p.profile.submission.needs_login = p.profile.submission.needs_tls = true;
		imposing_begin(&m, &p);
		x = imposer_session_new(m.imposer, &facts);
		assert_int_equal(imposer_ask(x, &q), what != 0);
		if (what)
			assert_int_equal(imposer_reply(x)->code, 530);
		leave(&m, x);
		imposing_fini(&m);
	}
}

/* --- Words --------------------------------------------------------------------------------- */

static void test_words(void **state)
{
	static const struct {
		const char *say, *said;
	} cases[] = {
		{"421 4.7.0 [{ip}] {domain} {address} {what} {", "421 4.7.0 [192.0.2.1] b.example "
								 "a@b.example {what} {"},
		{"450 one\ntwo\nthree", "450-one\r\n450-two\r\n450 three"},
		{"450-4.1.0 one\n450 4.1.0 two", "450-4.1.0 one\r\n450 4.1.0 two"},
		{"450", "450 "},
	};
	char longest[2000];

	(void)state;
	memset(longest, 'x', sizeof(longest) - 1);
	memcpy(longest, "450 ", 4);
	longest[sizeof(longest) - 1] = '\0';
	for (size_t i = 0; i <= sizeof(cases) / sizeof(cases[0]); i++) {
		bool is_long = i == sizeof(cases) / sizeof(cases[0]);
		struct imposing m;
		struct hand_profile p;
		struct imposer_session *x;

		imposing_prepare(&m, &p);
		p.rules[hand_rule(&p, CAUSE_PROBABILITY, PHASE_MAIL,
				  is_long ? longest : cases[i].say)]
			.when_ppm = 1000000;
		imposing_begin(&m, &p);
		x = client(&m, "", NULL);
		assert_false(mail(&m, x, NULL, "a@b.example", 0));
		if (is_long)
			assert_int_equal(strlen(said()), 510);
		else
			assert_string_equal(said(), cases[i].said);
		assert_int_equal(said_close(), !is_long && i == 0);
		leave(&m, x);
		imposing_fini(&m);
	}
}

/* Without a word; and with one, and closed nevertheless. */
static void test_close(void **state)
{
	struct imposing m;
	struct hand_profile p;
	struct imposer_session *x;
	int limit;

	(void)state;
	imposing_prepare(&m, &p);
	limit = hand_limit(&p, "each", 1, LIMIT_MESSAGES, LIMIT_PER_CONNECTION, LIMIT_AT_ONCE, 0);
	hand_over(&p, limit, PHASE_MAIL, "");
	p.rules[hand_rule(&p, CAUSE_RECIPIENT, PHASE_RCPT, "554 5.7.1 Go away")].when_pattern =
		SPAN("trap");
	p.rules[1].does_close = true;
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(message(&m, x));
	assert_false(mail(&m, x, NULL, "a@b.example", 0));
	assert_string_equal(said(), "");
	assert_true(said_close());
	leave(&m, x);
	x = client(&m, "", NULL);
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_false(rcpt(&m, x, "trap@d.example"));
	assert_string_equal(said(), "554 5.7.1 Go away");
	assert_true(said_close());
	leave(&m, x);
	imposing_fini(&m);
}

/* --- Seats and stages ---------------------------------------------------------------------- */

static void impose(struct imposing *m, const struct hand_profile *p, const char *address,
		   uint16_t port, const char *domain, int64_t from_ns)
{
	struct sink_imposition at = {.profile = &p->profile, .domain = domain, .from_ns = from_ns};
	struct err e = {0};

	at.has_address = address != NULL;
	if (address)
		assert_true(endpoint_parse_address(span_of(address), &at.address));
	at.address.port = port;
	if (sink_plan_impose(&m->plan, &at, &e) < 0)
		fail_msg("%s", e.text);
}

/* A profile with one limit on messages, whose words are its name. */
static void one_limit(struct hand_profile *p, const char *name, uint64_t amount, const char *say)
{
	hand_profile_init(p, name);
	hand_over(p,
		  hand_limit(p, "rate", amount, LIMIT_MESSAGES, LIMIT_PER_SOURCE, LIMIT_ROLLING,
			     64 * SEC),
		  PHASE_MAIL, say);
}

static int burst(struct imposing *m, struct imposer_session *x, int tries)
{
	int passed = 0;

	for (int i = 0; i < tries; i++)
		passed += message(m, x);
	return passed;
}

static void test_addresses(void **state)
{
	static const struct {
		const char *local;
		uint16_t port;
		int passes;
	} cases[] = {{"192.0.2.201", 25, 1},
		     {"192.0.2.202", 25, 2},
		     {"192.0.2.202", 26, 3},
		     {"192.0.2.203", 25, 4}};
	struct hand_profile p[4];
	struct imposing m;

	(void)state;
	imposing_init(&m);
	one_limit(&p[0], "one", 1, "450 one");
	one_limit(&p[1], "two", 2, "450 two");
	one_limit(&p[2], "three", 3, "450 three");
	one_limit(&p[3], "all", 4, "450 all");
	impose(&m, &p[0], "192.0.2.201", 0, NULL, 0);
	impose(&m, &p[2], "192.0.2.202", 26, NULL, 0);
	impose(&m, &p[1], "192.0.2.202", 0, NULL, 0);
	impose(&m, &p[3], NULL, 0, NULL, 0);
	imposing_start(&m);
	for (size_t i = 0; i < 4; i++) {
		struct imposer_session *x =
			client_at(&m, "", cases[i].local, cases[i].port, false, NULL);

		assert_int_equal(burst(&m, x, 10), cases[i].passes);
		leave(&m, x);
	}
	imposing_fini(&m);
}

/* One provider at two addresses: a source counts for both, a source at a site for each. */
static void test_one_provider(void **state)
{
	(void)state;
	for (int per_site = 0; per_site < 2; per_site++) {
		struct imposer_session *x, *y;
		struct hand_profile p;
		struct imposing m;

		imposing_init(&m);
		one_limit(&p, "hand", 3, "450 Later");
		p.profile.limits[0].limit.scope =
			per_site ? LIMIT_PER_SOURCE_SITE : LIMIT_PER_SOURCE;
		impose(&m, &p, "192.0.2.201", 0, NULL, 0);
		impose(&m, &p, "192.0.2.202", 0, NULL, 0);
		imposing_start(&m);
		x = client_at(&m, "", "192.0.2.201", 25, false, NULL);
		y = client_at(&m, "", "192.0.2.202", 25, false, NULL);
		assert_int_equal(burst(&m, x, 2), 2);
		assert_int_equal(burst(&m, y, 5), per_site ? 3 : 1);
		leave(&m, x);
		leave(&m, y);
		imposing_fini(&m);
	}
}

/* Recipients of a domain stand under its profile; the listener's holds for the rest. */
static void test_domains(void **state)
{
	struct hand_profile p[3];
	struct imposer_session *x;
	struct imposing m;

	(void)state;
	imposing_init(&m);
	one_limit(&p[0], "listener", 4, "421 listener");
	one_limit(&p[1], "one", 1, "450 one");
	one_limit(&p[2], "two", 2, "450 two");
	impose(&m, &p[0], NULL, 0, NULL, 0);
	impose(&m, &p[1], NULL, 0, "one.example", 0);
	impose(&m, &p[2], NULL, 0, "two.example", 0);
	imposing_start(&m);
	x = client(&m, "", NULL);
	/* Several recipients of a message are one message. */
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_true(rcpt(&m, x, "a@ONE.example") && rcpt(&m, x, "b@one.example"));
	assert_true(rcpt(&m, x, "a@two.example") && rcpt(&m, x, "a@else.example"));
	assert_true(data(&m, x) && dot(&m, x, 10, 250));
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_false(rcpt(&m, x, "a@one.example"));
	assert_string_equal(said(), "450 one");
	assert_true(rcpt(&m, x, "a@two.example"));
	assert_true(data(&m, x) && dot(&m, x, 10, 250));
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_false(rcpt(&m, x, "a@two.example"));
	assert_string_equal(said(), "450 two");
	assert_true(rcpt(&m, x, "a@else.example"));
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	assert_false(mail(&m, x, NULL, "a@b.example", 0));
	assert_string_equal(said(), "421 listener");
	leave(&m, x);
	imposing_fini(&m);
}

/* LMTP: the recipients of one domain are refused, those of another are not. */
static void test_lmtp(void **state)
{
	static const char *const to[] = {"a@one.example", "a@two.example", "b@one.example"};
	struct hand_profile p[2];
	struct imposer_session *x;
	struct imposing m;

	(void)state;
	imposing_init(&m);
	for (int i = 0; i < 2; i++) {
		hand_profile_init(&p[i], i ? "two" : "one");
		hand_over(&p[i],
			  hand_limit(&p[i], "size", i ? 1000 : 10, LIMIT_OCTETS, LIMIT_PER_MESSAGE,
				     LIMIT_AT_ONCE, 0),
			  PHASE_ACCEPT, "552 5.3.4 Over");
		impose(&m, &p[i], NULL, 0, i ? "two.example" : "one.example", 0);
	}
	imposing_start(&m);
	x = client_at(&m, "", "192.0.2.200", 24, true, NULL);
	assert_true(mail(&m, x, NULL, "a@b.example", 0));
	for (int i = 0; i < 3; i++)
		assert_true(rcpt(&m, x, to[i]));
	assert_true(data(&m, x));
	for (int i = 0; i < 3; i++) {
		struct imposer_question q = {
			.step = AT_ACCEPT, .now_ns = m.now_ns, .size = 100, .recipient_idx = i};

		assert_int_equal(imposer_ask(x, &q), i != 1);
		if (i != 1)
			assert_int_equal(imposer_reply(x)->code, 552);
		imposer_said(x);
		imposer_settled(x, SMTP_VERB_DOT, i == 1 ? 250 : 552, i == 2, i == 2, 100,
				m.now_ns);
	}
	leave(&m, x);
	imposing_fini(&m);
}

/* A limit that moves: what was counted stays counted. */
static void test_later(void **state)
{
	struct hand_profile p[3];
	struct imposer_session *x;
	struct imposing m;

	(void)state;
	imposing_init(&m);
	one_limit(&p[0], "first", 10, "450 first");
	one_limit(&p[1], "second", 5, "450 second");
	one_limit(&p[2], "third", 20, "450 third");
	impose(&m, &p[0], NULL, 0, NULL, 0);
	impose(&m, &p[2], NULL, 0, NULL, 20 * SEC);
	impose(&m, &p[1], NULL, 0, NULL, 10 * SEC);
	imposing_start(&m);
	x = client(&m, "", NULL);
	assert_int_equal(burst(&m, x, 4), 4);
	m.now_ns += 10 * SEC;
	assert_int_equal(burst(&m, x, 4), 1);
	assert_string_equal(said(), "450 second");
	m.now_ns += 10 * SEC;
	assert_int_equal(burst(&m, x, 30), 15);
	assert_string_equal(said(), "450 third");
	leave(&m, x);
	imposing_fini(&m);
}

/* --- Reputation ---------------------------------------------------------------------------- */

static void test_reputation(void **state)
{
	struct hand_profile p;
	struct imposer_session *x, *y;
	struct imposing m;

	(void)state;
	imposing_init(&m);
	one_limit(&p, "hand", 100, "421 4.7.28 Too much");
	p.profile.reputation = (struct profile_reputation){
		.is_given = true,
		.start = REPUTATION_NEW,
		.share_millis = {100, 300, 1000, 10},
		.rise_messages = 10,
		.fall_refusals = 5,
		.fall_ns = 600 * SEC,
		.heal_ns = 36000 * SEC,
	};
	m.plan.scale = 60;
	p.profile.limits[0].limit.period_ns = 64 * 60 * SEC;
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	y = client(&m, "192.0.2.2", NULL);
	/* Ten as a new one make it warming, ten more good: there is room for all. */
	assert_int_equal(burst(&m, x, 40), 40);
	/* The other one starts anew by itself: its eleventh is the first of a warming client. */
	assert_int_equal(burst(&m, y, 5), 5);
	/* Five refusals within ten minutes of the profile make it poor: one in a window. */
	assert_int_equal(burst(&m, x, 100), 60);
	m.now_ns += 65 * SEC;
	assert_int_equal(burst(&m, x, 1), 1);
	assert_int_equal(burst(&m, x, 5), 0);
	/* Ten hours without a refusal heal it to warming: thirty, and after ten all. */
	m.now_ns += 601 * SEC;
	assert_int_equal(burst(&m, x, 9), 9);
	leave(&m, x);
	leave(&m, y);
	imposing_fini(&m);
}

/* --- The log ------------------------------------------------------------------------------- */

static json_t *line(FILE *file)
{
	char text[4096];
	json_t *value;

	assert_non_null(fgets(text, sizeof(text), file));
	value = json_loads(text, 0, NULL);
	assert_non_null(value);
	assert_non_null(json_object_get(value, "time"));
	return value;
}

static void has_text(json_t *value, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(value, key)), text);
}

static void test_log(void **state)
{
	char path[] = "/tmp/volley-decisions-XXXXXX";
	struct hand_profile p;
	struct imposer_session *x;
	struct imposing m;
	FILE *file;
	json_t *value;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	imposing_init(&m);
	one_limit(&p, "hand", 2, "421 4.7.28 \"Too\" much\nfrom {ip}");
	m.plan.decisions = path;
	imposing_begin(&m, &p);
	x = client(&m, "", NULL);
	assert_true(mail(&m, x, "me@own.example", "a@b.example", 0));
	assert_true(mail(&m, x, "me@own.example", "a@b.example", 0));
	assert_false(mail(&m, x, "me@own.example", "a@b.example", 0));
	leave(&m, x);
	imposer_stop(m.imposer);
	file = fdopen(fd, "r");
	value = line(file);
	has_text(value, "event", "imposed");
	has_text(value, "limit", "rate");
	assert_int_equal(json_integer_value(json_object_get(value, "amount")), 2);
	json_decref(value);
	value = line(file);
	has_text(value, "event", "refused");
	has_text(value, "client", "192.0.2.1");
	has_text(value, "account", "me@own.example");
	has_text(value, "phase", "mail");
	has_text(value, "profile", "hand");
	has_text(value, "cause", "over");
	has_text(value, "limit", "rate");
	has_text(value, "whose", "192.0.2.1");
	has_text(value, "reply", "421-4.7.28 \"Too\" much\r\n421 from 192.0.2.1");
	assert_int_equal(json_integer_value(json_object_get(value, "used")), 2);
	assert_int_equal(json_integer_value(json_object_get(value, "amount")), 2);
	assert_int_equal(json_integer_value(json_object_get(value, "session")), 1);
	assert_true(json_real_value(json_object_get(value, "window_s")) == 64);
	json_decref(value);
	assert_int_equal(fgetc(file), EOF);
	fclose(file);
	unlink(path);
	imposing_fini(&m);
}

/* --- What is refused before the start ------------------------------------------------------ */

static void test_errors(void **state)
{
	struct hand_profile p;
	struct imposing m;
	struct sink_imposition at = {.profile = &p.profile};
	struct err e = {0};

	(void)state;
	imposing_init(&m);
	one_limit(&p, "hand", 2, "421 4.7.28 Too much");
	imposing_add(&m, &p);
	assert_int_equal(sink_plan_impose(&m.plan, &at, &e), -1);
	assert_non_null(strstr(e.text, "hand"));
	m.plan.scale = 1000000;
	assert_null(imposer_new(&m.plan, &m.clock, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	assert_non_null(strstr(e.text, "profile hand, limit rate"));
	m.plan.scale = 1;
	m.plan.has_reputation = true;
	assert_null(imposer_new(&m.plan, &m.clock, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	assert_non_null(strstr(e.text, "--reputation"));
	m.plan.has_reputation = false;
	m.plan.decisions = "/no/such/folder/file";
	assert_null(imposer_new(&m.plan, &m.clock, &e));
	assert_non_null(strstr(e.text, "/no/such/folder/file"));
	sink_plan_fini(&m.plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sender_unknown),
		cmocka_unit_test(test_sender_later),
		cmocka_unit_test(test_triplet),
		cmocka_unit_test(test_probability),
		cmocka_unit_test(test_size_and_recipient),
		cmocka_unit_test(test_login_and_tls),
		cmocka_unit_test(test_demands),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_one_provider),
		cmocka_unit_test(test_domains),
		cmocka_unit_test(test_lmtp),
		cmocka_unit_test(test_later),
		cmocka_unit_test(test_reputation),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
