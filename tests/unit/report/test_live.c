/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_live.c - the status line: what it says, what it leaves out, how it is drawn
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "report/live.h"

static const struct live_status busy = {
	.stage = LIVE_MEASURING,
	.elapsed_s = 12.2,
	.left_s = 47.8,
	.sessions = {.connecting = 12, .securing = 3, .sending = 970, .idle = 15, .wanted = 1000},
	.rate = 4816.4,
	.offered = 5000,
	.messages_done = 57812,
	.messages_wanted = 300000,
	.replies_2xx = 231248,
	.replies_4xx = 12,
	.p50_us = 12100,
	.p99_us = 48013,
	.errors = 3,
};

static void whole_lines(void **state)
{
	char line[LIVE_LINE_MAX];
	struct live_status s = busy;

	(void)state;
	live_line(&s, 0, line);
	assert_string_equal(line, "run 0:12  sessions 12 conn 3 tls 15 idle 970 send  "
				  "4,816 of 5,000 msg/s  p50 12.1 ms  p99 48.0 ms  2xx 231,248  "
				  "4xx 12  5xx 0  errors 3  57,812/300,000 messages  0:48 left");
	s = (struct live_status){.stage = LIVE_WARMUP,
				 .elapsed_s = 3661,
				 .left_s = -1,
				 .p50_us = RUN_NONE,
				 .p99_us = RUN_NONE};
	live_line(&s, 0, line);
	assert_string_equal(line, "warm-up 1:01:01  0 sessions  0.00 msg/s  2xx 0  4xx 0  5xx 0  "
				  "errors 0");
	s.held_by = "hourly";
	live_line(&s, 0, line);
	assert_string_equal(line, "warm-up 1:01:01  0 sessions  0.00 msg/s  held by hourly  2xx 0  "
				  "4xx 0  5xx 0  errors 0");
	s.held_by = NULL;
	s.stage = LIVE_STARTING;
	s.sessions.connecting = 20;
	s.sessions.wanted = 1000;
	live_line(&s, 52, line);
	assert_string_equal(line, "starting 1:01:01  20 of 1,000 sessions  0.00 msg/s");
}

/* The line fits any width, and what matters most goes last. */
static void narrow_lines(void **state)
{
	char line[LIVE_LINE_MAX];

	(void)state;
	for (int width = 1; width < LIVE_LINE_MAX + 50; width++) {
		size_t len = live_line(&busy, width, line);

		assert_int_equal(len, strlen(line));
		assert_true(len <= (size_t)width);
		if (width >= 40)
			assert_non_null(strstr(line, "msg/s"));
		if (width >= 48)
			assert_non_null(strstr(line, "errors 3"));
		if (width >= 60) {
			assert_non_null(strstr(line, "4xx 12"));
			assert_non_null(strstr(line, "left"));
		}
		if (width >= 80)
			assert_non_null(strstr(line, "p99 "));
	}
}

static void huge_numbers(void **state)
{
	struct live_status s;
	char line[LIVE_LINE_MAX];

	(void)state;
	memset(&s, 0x7f, sizeof(s));
	s.stage = LIVE_DRAINING;
	s.rate = s.offered = s.elapsed_s = s.left_s = 1e15;
	s.held_by = "a-limit-whose-name-is-as-long-as-sixty-three-octets-may-ever-be";
	for (int width = 0; width < 400; width++)
		assert_true(live_line(&s, width, line) < LIVE_LINE_MAX);
}

/*
 * What is written to the output for two seconds and a clean end. Not inlined: gcc 12 takes what
 * open_memstream() stores for the address of the local pointer.
 */
__attribute__((noinline)) static char *drawn(bool is_terminal, bool use_color, int width)
{
	char *text = NULL;
	size_t len;
	struct live l = {
		.out = open_memstream(&text, &len),
		.is_terminal = is_terminal,
		.use_color = use_color,
		.width = width,
	};

	assert_non_null(l.out);
	live_show(&l, &busy);
	live_show(&l, &busy);
	live_clear(&l);
	live_clear(&l);
	fclose(l.out);
	return text;
}

static void on_a_terminal(void **state)
{
	char *text = drawn(true, false, 61);

	(void)state;
	assert_string_equal(text, "\rrun 0:12  4,816 of 5,000 msg/s  4xx 12  errors 3  0:48 left"
				  "\x1b[K\rrun 0:12  4,816 of 5,000 msg/s  4xx 12  errors 3  "
				  "0:48 left\x1b[K\r\x1b[K");
	free(text);
	text = drawn(true, true, 61);
	assert_non_null(strstr(text, "\x1b[31merrors 3\x1b[0m"));
	assert_non_null(strstr(text, "\x1b[33m4xx 12\x1b[0m"));
	free(text);
}

static void elsewhere(void **state)
{
	char *text = drawn(false, false, 0);
	char *end = strchr(text, '\n');

	(void)state;
	assert_null(strchr(text, '\r'));
	assert_null(strchr(text, '\x1b'));
	assert_non_null(end);
	assert_int_equal(strlen(text), 2 * (size_t)(end - text + 1));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_lines),	cmocka_unit_test(narrow_lines),
		cmocka_unit_test(huge_numbers), cmocka_unit_test(on_a_terminal),
		cmocka_unit_test(elsewhere),
	};

	return cmocka_run_group_tests_name("report: status line", tests, NULL, NULL);
}
