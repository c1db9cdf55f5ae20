/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_stuff.c - line ends, dots, encoded words, digits and dates
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <time.h>
#include "base/rng.h"
#include "mail/digits.h"
#include "mail/stuff.h"
#include "mail/word.h"

static void line_ends(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"a", "a\r\n"},
		{"a\r\n", "a\r\n"},
		{"a\nb", "a\r\nb\r\n"},
		{"a\rb\r", "a\r\nb\r\n"},
		{"\n\n", "\r\n\r\n"},
		{"\r\r\n\n\r", "\r\n\r\n\r\n\r\n"},
		{"a\r\n\r\nb\n", "a\r\n\r\nb\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf out;

		buf_init(&out, 1024);
		assert_true(stuff_lines(span_of(cases[i].in), &out));
		assert_int_equal(out.len, strlen(cases[i].out));
		if (out.len > 0)
			assert_memory_equal(out.data, cases[i].out, out.len);
		buf_fini(&out);
	}
}

static void line_ends_stop_at_the_limit(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 3);
	assert_false(stuff_lines(SPAN("abc\n"), &out));
	buf_fini(&out);
}

static void dots(void **state)
{
	static const struct {
		const char *in, *out;
		bool is_line_start;
	} cases[] = {
		{"", "", true},
		{".", "..", true},
		{".", ".", false},
		{".\r\n", "..\r\n", true},
		{"a.b\r\n..c\r\n.", "a.b\r\n...c\r\n..", false},
		{"\r\n.\r\n.\r\n", "\r\n..\r\n..\r\n", false},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct span in = span_of(cases[i].in);
		size_t len = stuff_dots(in, cases[i].is_line_start, out);

		assert_int_equal(len, strlen(cases[i].out));
		assert_memory_equal(out, cases[i].out, len);
		assert_int_equal(len, in.len + stuff_count(in, cases[i].is_line_start));
	}
}

/* Octet by octet, as RFC 5321 s4.5.2 words it. */
static size_t dots_by_the_book(struct span in, char *out)
{
	size_t len = 0;
	bool is_line_start = true;

	for (size_t i = 0; i < in.len; i++) {
		if (is_line_start && in.data[i] == '.')
			out[len++] = '.';
		out[len++] = in.data[i];
		is_line_start = in.data[i] == '\n';
	}
	return len;
}

static void dots_in_any_pieces(void **state)
{
	struct rng chance;

	(void)state;
	rng_init(&chance, 4711);
	for (int round = 0; round < 2000; round++) {
		char in[64], whole[128], pieces[128];
		struct span rest = {in, (size_t)rng_below(&chance, sizeof(in) + 1)};
		size_t whole_len, len = 0;
		bool is_line_start = true;

		for (size_t i = 0; i < rest.len; i++)
			in[i] = "..\r\nab"[rng_below(&chance, 6)];
		whole_len = dots_by_the_book(rest, whole);
		while (rest.len > 0) {
			struct span piece = {rest.data, (size_t)rng_below(&chance, rest.len) + 1};

			len += stuff_dots(piece, is_line_start, pieces + len);
			is_line_start = stuff_ends_line(piece, is_line_start);
			rest = span_skip(rest, piece.len);
		}
		assert_int_equal(len, whole_len);
		assert_memory_equal(pieces, whole, len);
	}
}

static void utf8(void **state)
{
	static const char *const good[] = {"",
					   "a",
					   "\xC2\x80",
					   "\xE0\xA0\x80",
					   "\xED\x9F\xBF",
					   "\xEE\x80\x80",
					   "\xF0\x90\x80\x80",
					   "\xF4\x8F\xBF\xBF"};
	static const char *const bad[] = {"\x80",
					  "\xC0\xAF",
					  "\xC1\xBF",
					  "\xC2",
					  "\xE0\x9F\xBF",
					  "\xED\xA0\x80",
					  "\xF0\x8F\xBF\xBF",
					  "\xF4\x90\x80\x80",
					  "\xF5\x80\x80\x80",
					  "\xFF",
					  "\xC2\x41"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_true(word_is_utf8(span_of(good[i])));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(word_is_utf8(span_of(bad[i])));
}

static void encoded_words(void **state)
{
	static const char text[] = "Grüße aus München: äöüäöüäöüäöüäöüäöüäöüäöüäöü, bis bald";
	struct buf out;
	struct span foreign, line;
	size_t words = 0;

	(void)state;
	foreign = word_foreign_part(SPAN("see Grüße an München now"));
	assert_true(span_equal(foreign, SPAN("Grüße an München")));
	assert_int_equal(word_foreign_part(SPAN("plain")).len, 0);
	foreign = word_foreign_part(SPAN("é"));
	assert_int_equal(foreign.len, 2);

	buf_init(&out, 4096);
	assert_true(word_encode(SPAN("é"), &out));
	assert_int_equal(out.len, strlen("=?UTF-8?B?w6k=?="));
	assert_memory_equal(out.data, "=?UTF-8?B?w6k=?=", out.len);
	buf_clear(&out);
	assert_true(word_encode(SPAN(text), &out));
	line = buf_span(&out);
	while (line.len > 0) {
		const char *end = memmem(line.data, line.len, "\r\n ", 3);
		size_t len = end ? (size_t)(end - line.data) : line.len;

		assert_true(len <= 75);
		assert_memory_equal(line.data, "=?UTF-8?B?", 10);
		words++;
		line = span_skip(line, end ? len + 3 : len);
	}
	assert_int_equal(words, 2);
	assert_false(word_encode(SPAN("\xFF"), &out));
	buf_fini(&out);
}

static void dates(void **state)
{
	static const int64_t seconds[] = {0,	      951782399,  951782400,  951868800,
					  1078012800, 1700566380, 4102444799, 4102444800,
					  4107542399, 9223372036};
	char out[DIGITS_DATE_LEN + 1] = "", expected[64];
	struct rng chance;

	(void)state;
	rng_init(&chance, 1);
	for (size_t i = 0; i < 2000; i++) {
		int64_t at = i < sizeof(seconds) / sizeof(*seconds)
				     ? seconds[i]
				     : (int64_t)rng_below(&chance, UINT64_C(9223372036));
		time_t when = (time_t)at;
		struct tm t;

		assert_ptr_equal(digits_date(at, out), out + DIGITS_DATE_LEN);
		gmtime_r(&when, &t);
		strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S +0000", &t);
		assert_string_equal(out, expected);
	}
}

static void digits(void **state)
{
	char out[32];

	(void)state;
	*digits_decimal(0, 0, out) = '\0';
	assert_string_equal(out, "0");
	*digits_decimal(UINT64_MAX, 0, out) = '\0';
	assert_string_equal(out, "18446744073709551615");
	*digits_decimal(42, 6, out) = '\0';
	assert_string_equal(out, "000042");
	*digits_decimal(1234567, 3, out) = '\0';
	assert_string_equal(out, "1234567");
	*digits_hex16(UINT64_C(0x0123456789abcdef), out) = '\0';
	assert_string_equal(out, "0123456789abcdef");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_ends), cmocka_unit_test(line_ends_stop_at_the_limit),
		cmocka_unit_test(dots),	     cmocka_unit_test(dots_in_any_pieces),
		cmocka_unit_test(utf8),	     cmocka_unit_test(encoded_words),
		cmocka_unit_test(dates),     cmocka_unit_test(digits),
	};

	return cmocka_run_group_tests_name("mail: text", tests, NULL, NULL);
}
