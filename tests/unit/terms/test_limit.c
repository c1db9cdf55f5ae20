/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_limit.c - the words of a limit, and the limit in words
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "terms/limit.h"

static void test_words_lead_back(void **state)
{
	(void)state;
	for (int i = 0; i < LIMIT_UNIT_COUNT; i++) {
		enum limit_unit back = LIMIT_UNIT_COUNT;
		assert_true(
			limit_unit_from_name(span_of(limit_unit_name((enum limit_unit)i)), &back));
		assert_int_equal(back, i);
	}
	for (int i = 0; i < LIMIT_SCOPE_COUNT; i++) {
		enum limit_scope back = LIMIT_SCOPE_COUNT;
		assert_true(limit_scope_from_name(span_of(limit_scope_name((enum limit_scope)i)),
						  &back));
		assert_int_equal(back, i);
	}
	for (int i = 0; i < LIMIT_WINDOW_COUNT; i++) {
		enum limit_window back = LIMIT_WINDOW_COUNT;
		assert_true(limit_window_from_name(span_of(limit_window_name((enum limit_window)i)),
						   &back));
		assert_int_equal(back, i);
	}
	for (int i = 0; i < SURENESS_COUNT; i++) {
		enum sureness back = SURENESS_COUNT;
		assert_true(sureness_from_name(span_of(sureness_name((enum sureness)i)), &back));
		assert_int_equal(back, i);
	}
}

static void test_no_word(void **state)
{
	enum limit_unit unit = LIMIT_OCTETS;
	enum limit_scope scope = LIMIT_PER_SITE;
	enum limit_window window = LIMIT_DEBT;
	enum sureness sureness = SURE_COMMON;

	(void)state;
	assert_false(limit_unit_from_name(SPAN("message"), &unit));
	assert_false(limit_scope_from_name(SPAN("sources"), &scope));
	assert_false(limit_window_from_name(SPAN(""), &window));
	assert_false(sureness_from_name(SPAN("Common"), &sureness));
	assert_int_equal(unit, LIMIT_OCTETS);
	assert_int_equal(scope, LIMIT_PER_SITE);
	assert_int_equal(window, LIMIT_DEBT);
	assert_int_equal(sureness, SURE_COMMON);
}

static void test_in_words(void **state)
{
	static const struct {
		struct limit limit;
		const char *text;
	} cases[] = {
		{{.unit = LIMIT_MESSAGES,
		  .scope = LIMIT_PER_ACCOUNT,
		  .window = LIMIT_FIXED,
		  .amount = 200,
		  .period_ns = 3600 * NS_PER_SEC},
		 "200 messages an hour per account"},
		{{.unit = LIMIT_CONNECTIONS, .scope = LIMIT_PER_SOURCE, .amount = 1},
		 "1 connection at once per source"},
		{{.unit = LIMIT_CONNECTIONS,
		  .scope = LIMIT_PER_SOURCE_SITE,
		  .window = LIMIT_SMOOTH,
		  .amount = 30,
		  .period_ns = 60 * NS_PER_SEC},
		 "30 connections a minute per source-site"},
		{{.unit = LIMIT_RECIPIENTS, .scope = LIMIT_PER_MESSAGE, .amount = 100},
		 "100 recipients per message"},
		{{.unit = LIMIT_RECIPIENTS,
		  .scope = LIMIT_PER_SITE,
		  .window = LIMIT_ROLLING,
		  .amount = 319444,
		  .period_ns = 600 * NS_PER_SEC},
		 "319444 recipients in 10 m per site"},
		{{.unit = LIMIT_OCTETS,
		  .scope = LIMIT_PER_SENDER,
		  .window = LIMIT_DEBT,
		  .amount = 5,
		  .period_ns = 86400 * NS_PER_SEC},
		 "5 octets a day per sender"},
		{{.unit = LIMIT_MESSAGES,
		  .scope = LIMIT_PER_RECIPIENT,
		  .window = LIMIT_SMOOTH,
		  .amount = 2,
		  .period_ns = 1500 * NS_PER_US},
		 "2 messages in 1500000 ns per recipient"},
	};
	char text[LIMIT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(limit_text(&cases[i].limit, text), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_lead_back),
		cmocka_unit_test(test_no_word),
		cmocka_unit_test(test_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
