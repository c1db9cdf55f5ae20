/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_reply.c - enhanced status codes (RFC 2034 s4, RFC 3463 s2)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "terms/reply.h"

struct sample {
	const char *text;
	uint16_t code;
	const char *expected; /* NULL: there is no enhanced code */
};

static const struct sample samples[] = {
	{"2.1.0 ok", 250, "2.1.0"},
	{"4.7.28 slow down", 421, "4.7.28"},
	{"5.1.1", 550, "5.1.1"},
	{"5.999.999 far", 599, "5.999.999"},
	{"5.7.1\tby tab", 554, "5.7.1"},
	{"5.7.1\nnext line", 554, "5.7.1"},
	{"5.07.001 zeros", 554, "5.7.1"},
	/* "the class must agree with the reply code's first digit" */
	{"5.1.1 no", 450, NULL},
	{"2.0.0 ok", 354, NULL},
	{"4.2.0 later", 250, NULL},
	{"3.0.0 go", 354, NULL},
	{"1.0.0 x", 150, NULL},
	{"", 250, NULL},
	{"2", 250, NULL},
	{"2.", 250, NULL},
	{"2.1", 250, NULL},
	{"2.1.", 250, NULL},
	{"2.1 ok", 250, NULL},
	{"2..1 ok", 250, NULL},
	{"2.1.0ok", 250, NULL},
	{"2.1.0.4 an address", 250, NULL},
	{"2.1000.0 ok", 250, NULL},
	{"2.0.1000 ok", 250, NULL},
	{" 2.1.0 ok", 250, NULL},
	{"2.-1.0 ok", 250, NULL},
	{"25.1.0 ok", 250, NULL},
	{"queued", 250, NULL},
};

static void test_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct enhanced_code untouched = {9, 9, 9};
		struct enhanced_code enhanced = untouched;
		char out[ENHANCED_TEXT_MAX];
		/* A copy of the exact size, so that a read beyond the end shows in ASan. */
		size_t len = strlen(samples[i].text);
		char *copy = malloc(len ? len : 1);
		bool is_found;

		assert_non_null(copy);
		memcpy(copy, samples[i].text, len);
		is_found = enhanced_parse((struct span){copy, len}, samples[i].code, &enhanced);
		free(copy);
		if (is_found != (samples[i].expected != NULL))
			fail_msg("\"%s\" with %u: found %d", samples[i].text, samples[i].code,
				 is_found);
		if (is_found)
			assert_string_equal(enhanced_text(enhanced, out), samples[i].expected);
		else
			assert_memory_equal(&enhanced, &untouched, sizeof(enhanced));
	}
}

static void test_text_of_none(void **state)
{
	char out[ENHANCED_TEXT_MAX] = "before";

	(void)state;
	assert_string_equal(enhanced_text((struct enhanced_code){0, 0, 0}, out), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_text_of_none),
	};

	return cmocka_run_group_tests_name("terms/reply", tests, NULL, NULL);
}
