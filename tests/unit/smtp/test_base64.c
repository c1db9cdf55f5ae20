/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_base64.c - base64: the vectors of RFC 4648 s10, every length, and what must be refused
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "smtp/base64.h"

static const struct {
	const char *raw, *text;
} vectors[] = {
	{"", ""},
	{"f", "Zg=="},
	{"fo", "Zm8="},
	{"foo", "Zm9v"},
	{"foob", "Zm9vYg=="},
	{"fooba", "Zm9vYmE="},
	{"foobar", "Zm9vYmFy"},
	{"\xfb\xff\xbf", "+/+/"},
};

static void test_vectors(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		assert_true(base64_encode(span_of(vectors[i].raw), &out));
		assert_true(span_equal(buf_span(&out), span_of(vectors[i].text)));
		buf_clear(&out);
		assert_true(base64_decode(span_of(vectors[i].text), &out));
		assert_true(span_equal(buf_span(&out), span_of(vectors[i].raw)));
		buf_clear(&out);
	}
	buf_fini(&out);
}

static void test_round_trip(void **state)
{
	char raw[256];
	struct buf text, back;

	(void)state;
	for (size_t i = 0; i < sizeof(raw); i++)
		raw[i] = (char)(i * 167 + 13);
	buf_init(&text, 1000);
	buf_init(&back, 1000);
	for (size_t len = 0; len <= sizeof(raw); len++) {
		buf_clear(&text);
		buf_clear(&back);
		assert_true(base64_encode((struct span){raw, len}, &text));
		assert_int_equal(text.len, base64_size(len));
		assert_true(base64_decode(buf_span(&text), &back));
		assert_true(span_equal(buf_span(&back), (struct span){raw, len}));
	}
	buf_fini(&text);
	buf_fini(&back);
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"Z",	      "Zg",	  "Zg=",    "Zm9",  "=",
					  "====",     "Z===",	  "Zh==",   "Zm9=", "Zm=v",
					  "Z=9v",     "Zm 9v",	  "Zm9v\n", "Zm9-", "Zm9_",
					  "Zg==Zg==", "Zm9v=Zm9", "\x80m9v"};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	assert_true(buf_append_text(&out, "kept"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_false(base64_decode(span_of(bad[i]), &out));
		assert_true(span_equal(buf_span(&out), SPAN("kept")));
	}
	buf_fini(&out);
}

static void test_full(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	assert_false(base64_encode(SPAN("a"), &out));
	assert_false(base64_decode(SPAN("Zm9vYg=="), &out));
	assert_int_equal(out.len, 0);
	assert_true(base64_decode(SPAN("Zm9v"), &out));
	assert_int_equal(out.len, 3);
	buf_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
