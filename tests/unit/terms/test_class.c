/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_class.c - the words of classes and of what stands beside them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "terms/class.h"

/* Each value has a word of its own that leads back to it, and nothing else is a word. */
#define CHECK_WORDS(type, prefix, count)                                                           \
	do {                                                                                       \
		for (int i = 0; i < (count); i++) {                                                \
			const char *word = prefix##_name((type)i);                                 \
			type back = (type)((i + 1) % (count));                                     \
			assert_true(prefix##_from_name(span_of(word), &back));                     \
			assert_int_equal(back, i);                                                 \
		}                                                                                  \
		type kept = (type)1;                                                               \
		assert_false(prefix##_from_name(SPAN("no such word"), &kept));                     \
		assert_false(prefix##_from_name(SPAN(""), &kept));                                 \
		assert_int_equal(kept, 1);                                                         \
		assert_string_equal(prefix##_name((type)1000), prefix##_name((type)0));            \
	} while (0)

static void test_words_lead_back(void **state)
{
	(void)state;
	CHECK_WORDS(enum reply_class, class, CLASS_COUNT);
	CHECK_WORDS(enum permanence, permanence, PERMANENCE_COUNT);
	CHECK_WORDS(enum retry_way, retry_way, RETRY_WAY_COUNT);
	CHECK_WORDS(enum reply_scope, scope, SCOPE_COUNT);
	CHECK_WORDS(enum pace_dial, dial, DIAL_COUNT);
}

/* The words that other programs rely on. */
static void test_words_stay(void **state)
{
	(void)state;
	assert_string_equal(class_name(CLASS_UNKNOWN), "unknown");
	assert_string_equal(class_name(CLASS_DOMAIN_AUTHENTICATION), "domain-authentication");
	assert_string_equal(class_name(CLASS_STARTTLS_REQUIRED), "starttls-required");
	assert_string_equal(class_name(CLASS_QUOTA_EXHAUSTED), "quota-exhausted");
	assert_string_equal(retry_way_name(RETRY_OTHER_SOURCE), "other-source");
	assert_string_equal(dial_name(DIAL_MESSAGES_PER_CONNECTION), "messages-per-connection");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_lead_back),
		cmocka_unit_test(test_words_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
