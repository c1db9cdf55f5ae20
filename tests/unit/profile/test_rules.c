/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_rules.c - reply -> rule: what matches, in which order, what the codes alone say, how long a
 * reply asks to wait, and that bad patterns and bad replies do no harm
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "profile/rules.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND	     INT64_C(1000000000)
#define NOT_KNOWN    PHASE_SESSION

/* A profile made by hand, and all that judges by it. */
struct judge {
	struct profile profile;
	struct rules *rules;
	struct rules_reader *reader;
};

static void judge_open(struct judge *j, const struct profile_rule *rules, int count)
{
	struct err e = {0};

	*j = (struct judge){.profile = {.name = "hand", .rules = rules, .rule_count = count}};
	j->rules = rules_new(&j->profile, &e);
	if (j->rules == NULL)
		fail_msg("%s", e.text);
	j->reader = rules_reader_new(j->rules);
	assert_non_null(j->reader);
}

static void judge_close(struct judge *j)
{
	rules_reader_free(j->reader);
	rules_free(j->rules);
}

/* "550 5.1.1 text"; the text is copied, so that a read beyond its end shows in ASan. */
static struct verdict judge_in(struct judge *j, const char *line, enum phase phase)
{
	const char *text = line + (line[3] == ' ' ? 4 : 3);
	size_t len = strlen(text);
	char *copy = malloc(len > 0 ? len : 1);
	struct reply reply = {.text = {copy, len}};
	struct verdict v;

	assert_non_null(copy);
	memcpy(copy, text, len);
	for (int i = 0; i < 3; i++)
		reply.code = (uint16_t)(reply.code * 10 + (line[i] - '0'));
	enhanced_parse(reply.text, reply.code, &reply.enhanced);
	v = rules_judge(j->reader, &reply, phase);
	free(copy);
	return v;
}

static struct verdict judge(struct judge *j, const char *line)
{
	return judge_in(j, line, NOT_KNOWN);
}

static void assert_rule(struct judge *j, const char *line, const char *name)
{
	/* Twice: the second time it comes from the cache. */
	for (int i = 0; i < 2; i++) {
		struct verdict v = judge(j, line);
		const char *got = v.rule != NULL ? v.rule->name : "none";

		if (strcmp(got, name) != 0)
			fail_msg("\"%s\": %s instead of %s", line, got, name);
	}
}

#define RULE(rule_name, ...)                                                                       \
	{                                                                                          \
		.name = (rule_name), .place = {"hand.yaml", 7}, .limit = -1, __VA_ARGS__           \
	}

/* --- matching ----------------------------------------------------------------------------- */

static void test_order_and_matchers(void **state)
{
	static const uint16_t c421[] = {421}, c4xx5xx[] = {400, 552};
	const struct profile_rule rules[] = {
		RULE("never", .class = CLASS_THROTTLED), /* it has no matcher: for the sink */
		RULE("words", .text = SPAN("too (fast|quick)"), .class = CLASS_THROTTLED),
		RULE("exact", .enhanced = SPAN("4.7.28"), .class = CLASS_POLICY),
		RULE("any-4", .enhanced = SPAN("4.2.x"), .class = CLASS_MAILBOX_FULL),
		RULE("any-class", .enhanced = SPAN("x.1.1"), .class = CLASS_UNKNOWN_USER),
		RULE("banner", .phases = 1u << PHASE_BANNER, .codes = c421, .code_count = 1,
		     .class = CLASS_POLICY),
		RULE("both", .codes = c4xx5xx, .code_count = 2, .is_code_class = {true, false},
		     .text = SPAN("busy"), .class = CLASS_SERVER_TEMPORARY),
	};
	struct judge j;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	assert_rule(&j, "421 4.7.28 Too Fast", "words");
	assert_rule(&j, "550 tOO QUICK", "words");
	assert_rule(&j, "421 4.7.28 slow", "exact");
	assert_rule(&j, "450 4.2.9 x", "any-4");
	assert_rule(&j, "550 5.1.1 x", "any-class");
	assert_rule(&j, "450 4.1.1 x", "any-class");
	assert_rule(&j, "550 5.11.1 x", "none");
	assert_rule(&j, "550 sorry, no mailbox (#5.1.1)", "any-class");
	assert_rule(&j, "451 busy", "both");
	assert_rule(&j, "552 busy", "both");
	assert_rule(&j, "550 busy", "none");
	assert_rule(&j, "250 too fast", "none");
	assert_int_equal(judge(&j, "421 4.7.28 slow").rule_index, 2);
	/* The phase is heeded where it is known. */
	assert_string_equal(judge_in(&j, "421 x", PHASE_BANNER).rule->name, "banner");
	assert_null(judge_in(&j, "421 x", PHASE_RCPT).rule);
	assert_non_null(judge_in(&j, "421 x", NOT_KNOWN).rule);
	judge_close(&j);
}

static void test_text_is_normalised(void **state)
{
	const struct profile_rule rules[] = {
		RULE("phrase", .text = SPAN("is over quota and inactive"),
		     .class = CLASS_MAILBOX_FULL),
		RULE("latin", .text = SPAN("bo.{1,2}te pleine"), .class = CLASS_MAILBOX_FULL),
		RULE("end", .text = SPAN("stop$"), .class = CLASS_POLICY),
	};
	struct judge j;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	/* Line feeds and runs of white space are one space; a repeated code stands once. */
	assert_rule(&j, "452 4.2.2 The account is over\n4.2.2 quota \t and\n4.2.2 inactive",
		    "phrase");
	assert_rule(&j, "452 The account is over\nquota and\r\ninactive", "phrase");
	assert_rule(&j, "452 4.2.2 is over\n4.2.3 quota and inactive", "none");
	/* Octets: UTF-8 and Latin-1 alike, and what is neither does no harm. */
	assert_rule(&j, "552 Bo\xc3\xaete pleine", "latin");
	assert_rule(&j, "552 Bo\xeete pleine", "latin");
	assert_rule(&j, "552 \xff\xfe\x80 is OVER quota and inactive \xc3", "phrase");
	assert_rule(&j, "554 stop", "end");
	assert_rule(&j, "554", "none");
	judge_close(&j);
}

static void test_long_replies(void **state)
{
	const struct profile_rule rules[] = {
		RULE("needle", .text = SPAN("needle"), .class = CLASS_POLICY)};
	char line[3 * RULES_TEXT_MAX];
	struct judge j;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	memset(line, 'x', sizeof(line));
	memcpy(line, "550 ", 4);
	line[sizeof(line) - 1] = '\0';
	memcpy(line + 2000, "needle", 6);
	assert_rule(&j, line, "needle");
	/* Beyond the limit nothing is searched. */
	memset(line + 2000, 'x', 6);
	memcpy(line + RULES_TEXT_MAX + 100, "needle", 6);
	assert_rule(&j, line, "none");
	judge_close(&j);
}

/* Replies that differ in one thing are told apart, whatever the cache holds. */
static void test_cache_tells_apart(void **state)
{
	static const uint16_t c450[] = {450};
	const struct profile_rule rules[] = {
		RULE("odd", .text = SPAN("[13579]$"), .class = CLASS_POLICY),
		RULE("code", .codes = c450, .code_count = 1, .text = SPAN("same"),
		     .class = CLASS_GREYLISTED),
		RULE("rcpt", .phases = 1u << PHASE_RCPT, .text = SPAN("same"),
		     .class = CLASS_CONTENT),
	};
	struct judge j;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	for (int round = 0; round < 2; round++) {
		assert_rule(&j, "450 same", "code");
		assert_string_equal(judge_in(&j, "550 same", PHASE_RCPT).rule->name, "rcpt");
		assert_null(judge_in(&j, "550 same", PHASE_DATA).rule);
		/* More than the cache has room for. */
		for (int i = 0; i < 1000; i++) {
			char line[40];

			snprintf(line, sizeof(line), "550 queue id %d", i);
			assert_int_equal(judge(&j, line).rule != NULL, i % 2);
		}
	}
	judge_close(&j);
}

/* --- bad patterns ------------------------------------------------------------------------- */

static void assert_refused(struct profile_rule rule, const char *said)
{
	struct profile p = {.name = "bad", .rules = &rule, .rule_count = 1};
	struct err e = {0};

	assert_null(rules_new(&p, &e));
	assert_int_equal(e.status, EXIT_USAGE);
	if (strstr(e.text, "hand.yaml:7: ") != e.text || strstr(e.text, said) == NULL)
		fail_msg("\"%s\" says not \"%s\"", e.text, said);
}

static void test_bad_patterns(void **state)
{
	(void)state;
	assert_refused((struct profile_rule)RULE("r", .text = SPAN("a(b")), "replies.r.text");
	assert_refused((struct profile_rule)RULE("r", .text = SPAN("(*UTF)a")), "compile");
	assert_refused((struct profile_rule)RULE("r", .enhanced = SPAN("4.7")), "\"4.7\"");
	assert_refused((struct profile_rule)RULE("r", .enhanced = SPAN("4.7.1.")), "enhanced");
	assert_refused((struct profile_rule)RULE("r", .enhanced = SPAN("4..1")), "enhanced");
}

/* A pattern that backtracks without end gives up, is counted, and the next rule has its turn. */
static void test_giving_up(void **state)
{
	const struct profile_rule rules[] = {
		RULE("hungry", .text = SPAN("^(a+)+$"), .class = CLASS_POLICY),
		RULE("next", .text = SPAN("b"), .class = CLASS_CONTENT),
	};
	struct judge j;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	assert_int_equal(rules_gave_up(j.reader), 0);
	assert_rule(&j, "550 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", "next");
	assert_int_equal(rules_gave_up(j.reader), 1);
	judge_close(&j);
}

/* --- what a rule's meaning becomes ---------------------------------------------------------- */

static void test_first_digit(void **state)
{
	static const uint16_t c421[] = {421};
	const struct profile_rule rules[] = {
		RULE("plain", .text = SPAN("blue"), .class = CLASS_POLICY,
		     .permanence = PERMANENCE_HARD, .retry = RETRY_NEVER, .scope = SCOPE_MESSAGE),
		RULE("named", .codes = c421, .code_count = 1, .text = SPAN("red"),
		     .class = CLASS_POLICY, .permanence = PERMANENCE_HARD,
		     .retry = RETRY_OTHER_SOURCE, .scope = SCOPE_SOURCE),
		RULE("full", .text = SPAN("full"), .class = CLASS_MAILBOX_FULL,
		     .permanence = PERMANENCE_SOFT, .retry = RETRY_SAME, .scope = SCOPE_RECIPIENT),
		RULE("rate", .text = SPAN("rate"), .class = CLASS_THROTTLED,
		     .permanence = PERMANENCE_SOFT, .retry = RETRY_SAME, .dial = DIAL_RATE),
	};
	struct judge j;
	struct verdict v;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	v = judge(&j, "550 blue");
	assert_int_equal(v.permanence, PERMANENCE_HARD);
	assert_int_equal(v.retry, RETRY_NEVER);
	v = judge(&j, "450 blue");
	assert_int_equal(v.permanence, PERMANENCE_SOFT);
	assert_int_equal(v.retry, RETRY_SAME);
	v = judge(&j, "421 red");
	assert_int_equal(v.permanence, PERMANENCE_HARD);
	assert_int_equal(v.retry, RETRY_OTHER_SOURCE);
	assert_int_equal(v.basis, BASIS_RULE);
	assert_int_equal(judge(&j, "452 full").retry, RETRY_SAME);
	assert_int_equal(judge(&j, "552 full").retry, RETRY_NEVER);
	v = judge(&j, "550 rate");
	assert_int_equal(v.retry, RETRY_SAME);
	assert_int_equal(v.dial, DIAL_RATE);
	judge_close(&j);
}

/* --- how long ------------------------------------------------------------------------------- */

static void test_hold_of_reply(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
	} cases[] = {
		{"Greylisted, please try again in 300 seconds", 300},
		{"Try again in 5 minutes", 300},
		{"try again after 15 min", 900},
		{"please come back in 00:05:00", 300},
		{"come back in 04:59", 299},
		{"wait 300 sec.", 300},
		{"wait 299.5 secs", 299},
		{"retry in 60s", 60},
		{"please retry in 2 hours", 7200},
		{"Please try again in approx. 120 seconds", 120},
		{"Try again in an hour", 3600},
		{"please wait one minute", 60},
		{"deferred for 2 min 30 sec", 150},
		{"retry after 1 hour and 10 minutes", 4200},
		{"in 5 minutes try again", 300},
		{"300 seconds before retrying", 300},
		{"Bitte versuchen Sie es in 10 Minuten erneut", 600},
		{"reessayez dans 5 minutes", 300},
		{"greylisted (300 seconds)", 300},
		{"too fast; try again in 2 days", 86400},	  /* clipped */
		{"try again in 999999999999999999 hours", 86400}, /* neither overflows */
		{"try again in 0 seconds", 0},
		/* What was counted is not what to wait for. */
		{"you sent 100 messages in 60 minutes", 0},
		{"try again later, limit is 60 messages in 5 minutes", 0},
		{"try again later: at most one message per 10 minutes", 0},
		{"Too many messages in 60 minutes. Please try later", 0},
		{"try again later. It was 10:05:00 here", 0},
		{"see 192.0.2.1 and try again", 0},
		{"try again in 5", 0},
		{"try again in 5 parsecs", 0},
		{"wait", 0},
		{"", 0},
	};
	const struct profile_rule rules[] = {
		RULE("all", .text = SPAN("^"), .class = CLASS_THROTTLED),
	};
	struct judge j;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	for (size_t i = 0; i < COUNT(cases); i++) {
		char line[128];
		int64_t hold_ns;

		snprintf(line, sizeof(line), "450 %s", cases[i].text);
		hold_ns = judge(&j, line).hold_ns;
		if (hold_ns != cases[i].seconds * SECOND)
			fail_msg("\"%s\": %lld s instead of %lld", cases[i].text,
				 (long long)(hold_ns / SECOND), (long long)cases[i].seconds);
	}
	judge_close(&j);
}

static void test_hold_of_rule(void **state)
{
	const struct profile_rule rules[] = {
		RULE("asked", .text = SPAN("asked"), .class = CLASS_POLICY, .hold_ns = 600 * SECOND,
		     .holds_reply = true),
		RULE("waits", .text = SPAN("waits"), .class = CLASS_THROTTLED,
		     .hold_ns = 600 * SECOND),
		RULE("other", .text = SPAN("other"), .class = CLASS_POLICY,
		     .hold_ns = 600 * SECOND),
		RULE("short", .text = SPAN("short"), .class = CLASS_POLICY, .hold_ns = SECOND / 2),
		RULE("long", .text = SPAN("long"), .class = CLASS_POLICY,
		     .hold_ns = 100000 * SECOND),
	};
	struct judge j;

	(void)state;
	judge_open(&j, rules, COUNT(rules));
	assert_int_equal(judge(&j, "450 asked: try again in 60 s").hold_ns, 60 * SECOND);
	assert_int_equal(judge(&j, "450 asked").hold_ns, 600 * SECOND);
	/* The longer one of both. */
	assert_int_equal(judge(&j, "450 waits: try again in 60 s").hold_ns, 600 * SECOND);
	assert_int_equal(judge(&j, "450 waits: try again in 900 s").hold_ns, 900 * SECOND);
	assert_int_equal(judge(&j, "450 other: try again in 900 s").hold_ns, 600 * SECOND);
	assert_int_equal(judge(&j, "450 short").hold_ns, RULES_HOLD_MIN_NS);
	assert_int_equal(judge(&j, "450 long").hold_ns, RULES_HOLD_MAX_NS);
	/* Without a rule the class by code may be one of waiting. */
	assert_int_equal(judge(&j, "421 4.7.28 x, try again in 60 s").hold_ns, 60 * SECOND);
	judge_close(&j);
}

/* --- codes alone ---------------------------------------------------------------------------- */

static void test_codes(void **state)
{
	static const struct {
		const char *line;
		enum phase phase;
		enum verdict_basis basis;
		enum reply_class class;
		enum permanence permanence;
		enum retry_way retry;
	} cases[] = {
		{"550 5.1.1 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_UNKNOWN_USER, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"450 4.1.1 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_UNKNOWN_USER, PERMANENCE_SOFT,
		 RETRY_SAME},
		{"550 zq (#5.1.1)", NOT_KNOWN, BASIS_ENHANCED, CLASS_UNKNOWN_USER, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"550 zq 5.1.1 is a version", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT,
		 RETRY_NEVER},
		{"450 zq (#5.1.1)", NOT_KNOWN, BASIS_CODE, CLASS_MAILBOX_UNAVAILABLE,
		 PERMANENCE_SOFT, RETRY_SAME},
		{"552 5.2.2 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_MAILBOX_FULL, PERMANENCE_SOFT,
		 RETRY_NEVER},
		{"554 5.7.1 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_POLICY, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"550 5.7.999 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_POLICY, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"550 5.7.25 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_REVERSE_DNS, PERMANENCE_HARD,
		 RETRY_OTHER_SOURCE},
		{"421 4.7.28 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_THROTTLED, PERMANENCE_SOFT,
		 RETRY_SAME},
		{"554 5.7.9 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_POLICY, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"534 5.7.9 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_AUTH_FAILED, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"550 5.5.3 zq", NOT_KNOWN, BASIS_ENHANCED, CLASS_THROTTLED, PERMANENCE_SOFT,
		 RETRY_SAME},
		/* x.0.0, x.5.0 and x.9.9 give no reason. */
		{"550 5.0.0 zq", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT,
		 RETRY_NEVER},
		{"550 5.5.0 zq", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT,
		 RETRY_NEVER},
		{"550 5.9.9 zq", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT,
		 RETRY_NEVER},
		{"550 zq", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT, RETRY_NEVER},
		{"550", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT, RETRY_NEVER},
		{"499 zq", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT, RETRY_SAME},
		{"421 zq", NOT_KNOWN, BASIS_CODE, CLASS_SERVER_TEMPORARY, PERMANENCE_SOFT,
		 RETRY_SAME},
		{"451 zq", NOT_KNOWN, BASIS_CODE, CLASS_SERVER_TEMPORARY, PERMANENCE_SOFT,
		 RETRY_SAME},
		{"452 zq", NOT_KNOWN, BASIS_CODE, CLASS_SERVER_TEMPORARY, PERMANENCE_SOFT,
		 RETRY_SAME},
		{"503 zq", NOT_KNOWN, BASIS_CODE, CLASS_PROTOCOL, PERMANENCE_HARD, RETRY_NEVER},
		{"530 zq", NOT_KNOWN, BASIS_CODE, CLASS_AUTH_REQUIRED, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"535 zq", NOT_KNOWN, BASIS_CODE, CLASS_AUTH_FAILED, PERMANENCE_HARD, RETRY_NEVER},
		{"556 zq", NOT_KNOWN, BASIS_CODE, CLASS_UNKNOWN_DOMAIN, PERMANENCE_SOFT,
		 RETRY_NEVER},
		{"552 zq", PHASE_RCPT, BASIS_CODE, CLASS_MAILBOX_FULL, PERMANENCE_SOFT,
		 RETRY_NEVER},
		{"552 zq", PHASE_ACCEPT, BASIS_CODE, CLASS_TOO_LARGE, PERMANENCE_HARD, RETRY_NEVER},
		{"553 zq", PHASE_MAIL, BASIS_CODE, CLASS_SENDER_REJECTED, PERMANENCE_HARD,
		 RETRY_NEVER},
		{"553 zq", PHASE_RCPT, BASIS_CODE, CLASS_UNKNOWN, PERMANENCE_SOFT, RETRY_NEVER},
		{"554 zq", PHASE_BANNER, BASIS_CODE, CLASS_POLICY, PERMANENCE_HARD, RETRY_NEVER},
		{"250 zq", NOT_KNOWN, BASIS_CODE, CLASS_ACCEPTED, PERMANENCE_NONE, RETRY_NEVER},
		{"354 zq", NOT_KNOWN, BASIS_CODE, CLASS_ACCEPTED, PERMANENCE_NONE, RETRY_NEVER},
		{"199 zq", NOT_KNOWN, BASIS_NONE, CLASS_UNKNOWN, PERMANENCE_SOFT, RETRY_NEVER},
	};
	struct judge j;

	(void)state;
	judge_open(&j, NULL, 0);
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct verdict v = judge_in(&j, cases[i].line, cases[i].phase);

		if (v.basis != cases[i].basis || v.class != cases[i].class ||
		    v.permanence != cases[i].permanence || v.retry != cases[i].retry)
			fail_msg("\"%s\" in %s: basis %d, %s, %s, %s", cases[i].line,
				 phase_name(cases[i].phase), v.basis, class_name(v.class),
				 permanence_name(v.permanence), retry_way_name(v.retry));
		assert_null(v.rule);
		assert_int_equal(v.rule_index, -1);
	}
	judge_close(&j);
}

/* No code alone condemns a recipient, and no 4xx is hard, whatever the enhanced code. */
static void test_nothing_is_guessed_hard(void **state)
{
	struct judge j;

	(void)state;
	judge_open(&j, NULL, 0);
	for (int code = 400; code < 600; code++) {
		for (int subject = 0; subject < 10; subject++) {
			for (int detail = 0; detail < 34; detail++) {
				char line[64];
				struct verdict v;

				snprintf(line, sizeof(line), "%d %d.%d.%d zq", code, code / 100,
					 subject, detail);
				v = judge(&j, line);
				if (code < 500 && v.permanence != PERMANENCE_SOFT)
					fail_msg("\"%s\" is hard", line);
				if (v.basis == BASIS_CODE && v.permanence == PERMANENCE_HARD &&
				    v.scope == SCOPE_RECIPIENT)
					fail_msg("\"%s\" condemns a recipient", line);
				if (v.class == CLASS_UNKNOWN && v.permanence == PERMANENCE_HARD)
					fail_msg("\"%s\" is hard for no reason", line);
			}
		}
	}
	judge_close(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order_and_matchers),
		cmocka_unit_test(test_text_is_normalised),
		cmocka_unit_test(test_long_replies),
		cmocka_unit_test(test_cache_tells_apart),
		cmocka_unit_test(test_bad_patterns),
		cmocka_unit_test(test_giving_up),
		cmocka_unit_test(test_first_digit),
		cmocka_unit_test(test_hold_of_reply),
		cmocka_unit_test(test_hold_of_rule),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_nothing_is_guessed_hard),
	};

	return cmocka_run_group_tests_name("profile/rules", tests, NULL, NULL);
}
