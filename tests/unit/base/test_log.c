/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_log.c - foreign text is harmless when it is shown: log_escape(), struct err, log lines
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "base/err.h"
#include "base/log.h"

static void escapes(void **state)
{
	static const struct {
		struct span in;
		const char *out;
	} cases[] = {
		{SPAN_INIT(""), ""},
		{SPAN_INIT("250 2.0.0 Ok"), "250 2.0.0 Ok"},
		{SPAN_INIT("a\\b"), "a\\\\b"},
		{SPAN_INIT("\x1b[31mred"), "\\x1b[31mred"},
		{SPAN_INIT("nul\0bell\a"), "nul\\x00bell\\x07"},
		{SPAN_INIT("tab\tcr\rlf\n"), "tab\\x09cr\\x0dlf\\x0a"},
		{SPAN_INIT("del\x7f"), "del\\x7f"},
		{SPAN_INIT("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f"},
		{SPAN_INIT("\xe2\x82\xac \xf0\x9f\x93\xa7"), "\xe2\x82\xac \xf0\x9f\x93\xa7"},
		{SPAN_INIT("\xc2\x9b"
			   "2J"),
		 "\\xc2\\x9b2J"},					 /* C1: CSI */
		{SPAN_INIT("\xc2\xa0"), "\xc2\xa0"},			 /* the first above C1 */
		{SPAN_INIT("latin\xe9"), "latin\\xe9"},			 /* cut short by the end */
		{SPAN_INIT("\xe9t\xe9"), "\\xe9t\\xe9"},		 /* Latin-1 */
		{SPAN_INIT("\xc0\xaf"), "\\xc0\\xaf"},			 /* overlong, two octets */
		{SPAN_INIT("\xe0\x80\xaf"), "\\xe0\\x80\\xaf"},		 /* overlong, three */
		{SPAN_INIT("\xf0\x80\x80\xaf"), "\\xf0\\x80\\x80\\xaf"}, /* overlong, four */
		{SPAN_INIT("\xed\xa0\x80"), "\\xed\\xa0\\x80"},		 /* a surrogate */
		{SPAN_INIT("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80"}, /* above U+10FFFF */
		{SPAN_INIT("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf"},
		{SPAN_INIT("\xff\xfe"), "\\xff\\xfe"},
		{SPAN_INIT("\x80"), "\\x80"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(log_escape(cases[i].in, out, sizeof(out)), strlen(cases[i].out));
		assert_string_equal(out, cases[i].out);
	}
}

static void cuts_between_characters(void **state)
{
	char out[16];

	(void)state;
	memset(out, 'X', sizeof(out));
	assert_int_equal(log_escape(SPAN("text"), out, 0), 0);
	assert_int_equal(out[0], 'X');
	assert_int_equal(log_escape(SPAN("text"), out, 1), 0);
	assert_string_equal(out, "");
	assert_int_equal(log_escape(SPAN("text"), out, 3), 2);
	assert_string_equal(out, "..");
	assert_int_equal(log_escape(SPAN("text"), out, 5), 4);
	assert_string_equal(out, "text");
	assert_int_equal(log_escape(SPAN("texts"), out, 5), 4);
	assert_string_equal(out, "t...");
	/* Neither an escape nor a character is split. */
	assert_int_equal(log_escape(SPAN("ab\x01\x02"), out, 10), 9);
	assert_string_equal(out, "ab\\x01...");
	assert_int_equal(log_escape(SPAN("ab\x01\x02"), out, 9), 5);
	assert_string_equal(out, "ab...");
	assert_int_equal(log_escape(SPAN("a\xe2\x82\xac\xe2\x82\xac"), out, 7), 4);
	assert_string_equal(out, "a...");
	assert_int_equal(log_escape(SPAN("a\xe2\x82\xac\xe2\x82\xac"), out, 8), 7);
	assert_string_equal(out, "a\xe2\x82\xac\xe2\x82\xac");
}

static void err_tells(void **state)
{
	struct err e = {.status = EXIT_WELL};
	char expected[32];

	(void)state;
	assert_int_equal(err_set(&e, EXIT_USAGE, 22, "cannot read \"%s\"", "a\x1b\\b"), -1);
	assert_int_equal(e.status, EXIT_USAGE);
	assert_int_equal(e.os_error, 22);
	assert_string_equal(e.text, "cannot read \"a\\x1b\\b\"");
	assert_int_equal(err_prefix(&e, "--size %s", "mix:\n"), -1);
	assert_string_equal(e.text, "--size mix:\\x0a: cannot read \"a\\x1b\\b\"");
	assert_int_equal(e.status, EXIT_USAGE);
	assert_int_equal(err_set(NULL, EXIT_FAILED, 0, "nobody listens"), -1);
	assert_int_equal(err_prefix(NULL, "nobody"), -1);
	for (int i = 0; i < 100; i++)
		err_prefix(&e, "%s", "a rather long place in a rather deep chain");
	assert_int_equal(strlen(e.text), ERR_TEXT_MAX - 1);
	snprintf(expected, sizeof(expected), "%s", e.text + strlen(e.text) - 3);
	assert_string_equal(expected, "...");
}

/* What the function writes to standard error, through a file in place of it. */
static void captured(void (*run)(void), char *out, size_t out_size)
{
	FILE *file = tmpfile();
	int saved = dup(STDERR_FILENO);
	size_t len;

	assert_non_null(file);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
	run();
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	close(saved);
	rewind(file);
	len = fread(out, 1, out_size - 1, file);
	out[len] = '\0';
	fclose(file);
}

static void say_all(void)
{
	log_set_level(LOG_INFO);
	log_debug("not shown %d", 1);
	log_info("shown %d", 2);
	log_set_level(LOG_QUIET);
	log_warning("not shown %d", 3);
	log_set_level(LOG_DEBUG);
	log_warning("the peer says \"%s\"", "a\x1b]0;b\n");
	log_debug("shown");
}

static void say_much(void)
{
	log_info("%0*d", 10000, 1);
}

static void lines_are_whole_and_clean(void **state)
{
	char out[4096];

	(void)state;
	captured(say_all, out, sizeof(out));
	assert_string_equal(out, "volley: shown 2\n"
				 "volley: warning: the peer says \"a\\x1b]0;b\\x0a\"\n"
				 "volley: debug: shown\n");
	captured(say_much, out, sizeof(out));
	assert_int_equal(out[strlen(out) - 1], '\n');
	assert_ptr_equal(strchr(out, '\n'), out + strlen(out) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes),
		cmocka_unit_test(cuts_between_characters),
		cmocka_unit_test(err_tells),
		cmocka_unit_test(lines_are_whole_and_clean),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
