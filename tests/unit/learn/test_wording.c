/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_wording.c - replies that say the same become one, those that do not stay apart
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "learn/wording.h"

static int add(struct wordings *w, uint16_t code, const char *text)
{
	struct reply reply = {.code = code, .text = span_of(text)};

	enhanced_parse(reply.text, code, &reply.enhanced);
	return wordings_add(w, &reply, PHASE_MAIL);
}

static void patterns(void **state)
{
	static const struct {
		const char *text, *pattern;
	} cases[] = {
		{"", "^$"},
		{"Try again later", "^Try again later$"},
		{"4.7.0 Try again in 300 seconds.", "^4\\.7\\.0 Try again in \\d+ seconds\\.$"},
		{"[192.0.2.1] (2001:db8::7): too many",
		 "^\\[\\d+(?:\\.\\d+){3}\\] \\([\\da-f:.]+\\): too many$"},
		{"<bob@example.com>: no; x=4JfcC62DS0z1c1C",
		 "^<[^\\s@<>]+@[^\\s@<>,;]+>: no; x=[\\w.+=/-]+$"},
		{"4.7.0 [TSS04] deferred S3150", "^4\\.7\\.0 \\[TSS04\\] deferred S3150$"},
		{"a 9294b7dcce938d91 2827745147438114 deadbeefcafebabe",
		 "^a [\\w.+=/-]+ [\\w.+=/-]+ [\\w.+=/-]+$"},
		{"a  b\nc", "^a b c$"},
		/* The enhanced code of further lines is not seen by rules. */
		{"4.7.28 Our system\n4.7.28 has detected", "^4\\.7\\.28 Our system has detected$"},
		{"what {x}?", "^what [{(]x[)}].$"},
		{"\xc3\xa9t\xc3\xa9 (1+1)", "^\\S+t\\S+ \\(\\d+\\+\\d+\\)$"},
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(wording_pattern(span_of(cases[i].text), out, sizeof(out)));
		assert_string_equal(out, cases[i].pattern);
	}
	assert_false(wording_pattern(SPAN("too long for that"), out, 8));
}

static void same_and_other(void **state)
{
	struct wordings w;

	(void)state;
	wordings_init(&w);
	assert_int_equal(add(&w, 421, "4.7.0 192.0.2.1 sent 17 messages, id 4JfcC62DS0z1c1C"), 0);
	assert_int_equal(add(&w, 421, "4.7.0 198.51.100.9 sent 5 messages, id 5KfcC63DS1z2c2D"), 0);
	/* Another code, another enhanced code, other words. */
	assert_int_equal(add(&w, 450, "4.7.0 192.0.2.1 sent 17 messages, id 4JfcC62DS0z1c1C"), 1);
	assert_int_equal(add(&w, 421, "4.7.1 192.0.2.1 sent 17 messages, id 4JfcC62DS0z1c1C"), 2);
	assert_int_equal(add(&w, 421, "4.7.0 192.0.2.1 sent 17 letters, id 4JfcC62DS0z1c1C"), 3);
	assert_int_equal(add(&w, 0, ""), 4);
	assert_int_equal(w.items[0].count, 2);
	assert_int_equal(wording_phase(&w.items[0]), PHASE_MAIL);
	wordings_fini(&w);
}

/* Names that change make a family once there are many of them. */
static void families(void **state)
{
	struct wordings w;
	char text[64];
	int last = 0;

	(void)state;
	wordings_init(&w);
	for (int i = 0; i < 300; i++) {
		snprintf(text, sizeof(text), "5.1.1 No user called %c%c in here", 'a' + i % 26,
			 'a' + i / 26);
		last = add(&w, 550, text);
	}
	assert_in_range(w.count, 1, 9);
	assert_int_equal(last, 0);
	assert_string_equal(w.items[0].pattern, "^5\\.1\\.1 No user called \\S+ in here$");
	assert_int_equal(w.items[0].loose, 1);
	/* It is no member of that family. */
	assert_int_not_equal(add(&w, 550, "5.1.1 No user called x in there"), 0);
	wordings_fini(&w);
}

/* Whatever comes, the list stays bounded, and everything is counted somewhere. */
static void flood(void **state)
{
	struct wordings w;
	uint64_t counted = 0;
	char text[64];

	(void)state;
	wordings_init(&w);
	for (unsigned i = 0; i < 3000; i++) {
		unsigned a = i % 26, b = i / 26 % 26, c = i / 676;

		snprintf(text, sizeof(text), "%c%c%c %c%c %c", 'a' + a, 'b' + c, 'a' + b, 'a' + b,
			 'a' + a, 'a' + c);
		assert_in_range(add(&w, 451, text), 0, WORDINGS_MAX - 1);
	}
	for (size_t i = 0; i < w.count; i++)
		counted += w.items[i].count;
	assert_in_range(w.count, 1, WORDINGS_MAX);
	assert_int_equal(counted, 3000);
	assert_true(w.overflow > 0);
	wordings_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns),
		cmocka_unit_test(same_and_other),
		cmocka_unit_test(families),
		cmocka_unit_test(flood),
	};

	return cmocka_run_group_tests_name("learn/wording", tests, NULL, NULL);
}
