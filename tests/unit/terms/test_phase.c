/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_phase.c - the words of phases are those that tools outside the project read
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "terms/phase.h"

/* Written out a second time on purpose: a changed word must be changed here too, knowingly. */
static const char *const stable_names[] = {
	"dns",	"connect", "banner", "ehlo",   "tls",  "auth",	  "mail",     "rcpt",
	"data", "body",	   "hold",   "accept", "quit", "session", "response", "service",
};

static void test_names_are_stable(void **state)
{
	(void)state;
	assert_int_equal(sizeof(stable_names) / sizeof(stable_names[0]), PHASE_COUNT);
	for (int i = 0; i < PHASE_COUNT; i++)
		assert_string_equal(phase_name((enum phase)i), stable_names[i]);
}

static void test_names_are_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < PHASE_COUNT; i++) {
		enum phase phase = (enum phase)((i + 1) % PHASE_COUNT);
		assert_true(phase_from_name(span_of(stable_names[i]), &phase));
		assert_int_equal(phase, i);
	}
}

static void test_unknown_names_are_refused(void **state)
{
	static const char *const unknown[] = {"", "DNS", "dn", "dnss", "other", "mail "};

	(void)state;
	for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		enum phase phase = PHASE_HOLD;
		assert_false(phase_from_name(span_of(unknown[i]), &phase));
		assert_int_equal(phase, PHASE_HOLD);
	}
	assert_string_equal(phase_name((enum phase)PHASE_COUNT), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_stable),
		cmocka_unit_test(test_names_are_read_back),
		cmocka_unit_test(test_unknown_names_are_refused),
	};

	return cmocka_run_group_tests_name("terms/phase", tests, NULL, NULL);
}
