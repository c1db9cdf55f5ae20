/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_run.c - the document: what is filled in, what is hidden, in what order it stands
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "documents.h"

static void phase_names(void **state)
{
	(void)state;
	for (int i = 0; i < RUN_PHASE_COUNT; i++)
		assert_string_equal(run_phase_names[i], phase_name((enum phase)i));
}

static struct run_latency latency_of(uint64_t count)
{
	struct run_latency l;
	struct hdr *h = hdr_new();

	for (uint64_t i = 1; i <= count; i++)
		hdr_add_value(h, (int64_t)i, 1);
	run_fill_latency(&l, h);
	hdr_free(h);
	return l;
}

/* A percentile with fewer than ten samples beyond it is not shown. */
static void hidden_percentiles(void **state)
{
	static const struct {
		uint64_t count;
		int shown; /* of p50 p90 p99 p99.9 p99.99 */
	} cases[] = {
		{1, 0},	   {19, 0},   {20, 1},	  {99, 1},    {100, 2},	   {999, 2},
		{1000, 3}, {9999, 3}, {10000, 4}, {99999, 4}, {100000, 5},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct run_latency l = latency_of(cases[i].count);
		int64_t all[] = {l.p50_us, l.p90_us, l.p99_us, l.p99_9_us, l.p99_99_us};

		assert_int_equal(l.count, cases[i].count);
		assert_int_equal(l.min_us, 1);
		assert_int_equal(l.max_us, cases[i].count);
		for (int k = 0; k < 5; k++)
			if ((all[k] != RUN_NONE) != (k < cases[i].shown))
				fail_msg("%llu samples: percentile %d is %s",
					 (unsigned long long)cases[i].count, k,
					 all[k] == RUN_NONE ? "hidden" : "shown");
	}
}

static void empty_latency(void **state)
{
	struct run_latency l;
	struct hdr *h = hdr_new();

	(void)state;
	run_fill_latency(&l, h);
	hdr_free(h);
	assert_int_equal(l.count, 0);
	assert_true(l.p50_us == RUN_NONE && l.max_us == RUN_NONE && l.min_us == RUN_NONE);
	run_fill_latency(&l, NULL);
	assert_int_equal(l.count, 0);
}

static void order_of_rows(void **state)
{
	struct run_document d;
	static const char *const expected[] = {"connect 220", "mail 250", "rcpt 250",
					       "rcpt 450",    "rcpt 550", "rcpt 550",
					       "rcpt 550",    "dot 250",  "xclient 220"};

	(void)state;
	run_init(&d);
	document_reply(&d, "rcpt", 550, "5.7.10", 1, "");
	document_reply(&d, "xclient", 220, "", 1, "");
	document_reply(&d, "rcpt", 550, "5.7.9", 1, "");
	document_reply(&d, "dot", 250, "", 1, "");
	document_reply(&d, "rcpt", 450, "", 1, "");
	document_reply(&d, "rcpt", 550, "", 1, "");
	document_reply(&d, "mail", 250, "", 1, "");
	document_reply(&d, "rcpt", 250, "", 1, "");
	document_reply(&d, "connect", 220, "", 1, "");
	run_fill_error(&d, "tls", "b", 3, SPAN(""), "");
	run_fill_error(&d, "dns", "a", 3, SPAN(""), "");
	run_fill_error(&d, "quit", "c", 4, SPAN(""), "");
	document_tls(&d, true, 1);
	document_tls(&d, false, 2);
	run_sort(&d);
	for (size_t i = 0; i < d.reply_count; i++) {
		char text[64];

		snprintf(text, sizeof(text), "%s %d", d.replies[i].command, d.replies[i].code);
		assert_string_equal(text, expected[i]);
	}
	assert_string_equal(d.replies[5].enhanced, "5.7.9");
	assert_string_equal(d.replies[6].enhanced, "5.7.10");
	assert_string_equal(d.errors[0].phase, "quit");
	assert_string_equal(d.errors[1].phase, "dns");
	assert_false(d.tls[0].is_resumed);
	run_fini(&d);
}

static void clean_texts(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"two\r\nlines\r\n", "two\nlines"},
		{"one\n\nthree\n\n\n", "one\n\nthree"},
		{"bell\x07 esc\x1b[2J", "bell\\x07 esc\\x1b[2J"},
		{"C1 \xC2\x9B", "C1 \\xc2\\x9b"},
		{"latin caf\xE9", "latin caf\\xe9"},
		{"utf-8 \xC3\xA9", "utf-8 \xC3\xA9"},
		{"back\\slash", "back\\slash"},
	};
	char out[RUN_SAMPLE_MAX], again[RUN_SAMPLE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		size_t len = run_text_clean(span_of(cases[i].in), out, sizeof(out));

		assert_string_equal(out, cases[i].out);
		assert_int_equal(len, strlen(out));
		run_text_clean(span_of(out), again, sizeof(again));
		assert_string_equal(again, out);
	}
}

/* Whatever the room, the result is terminated, and valid as far as it goes. */
static void clean_texts_in_any_room(void **state)
{
	static const char text[] = "ab\ncd\xE9 \xC3\xA9\r\n\nlong line at the end\n";

	(void)state;
	for (size_t size = 1; size < 64; size++) {
		char out[64];
		size_t len;

		memset(out, 'X', sizeof(out));
		len = run_text_clean(SPAN(text), out, size);
		assert_true(len < size);
		assert_int_equal(out[len], '\0');
		assert_int_equal(strlen(out), len);
	}
}

static void started(void **state)
{
	struct run_document d;

	(void)state;
	run_init(&d);
	run_fill_started(&d, INT64_C(1700566380250000000));
	assert_string_equal(d.run.started, "2023-11-21T11:33:00.250Z");
	run_fini(&d);
}

static void seconds(void **state)
{
	struct run_document d;
	struct series s;

	(void)state;
	series_init(&s, 10);
	assert_true(series_append(&s, &(struct series_row){.t_s = -1,
							   .started = 5,
							   .p50_us = SERIES_NONE,
							   .p99_us = SERIES_NONE}));
	assert_true(series_append(&s, &(struct series_row){.t_s = 0,
							   .started = 7,
							   .accepted = 6,
							   .deferred = 1,
							   .sessions = 3,
							   .p50_us = 10,
							   .p99_us = 20}));
	run_init(&d);
	assert_true(run_fill_series(&d, &s));
	assert_int_equal(d.series_count, 2);
	assert_true(d.series[0].t_s == -1 && d.series[0].p50_us == RUN_NONE);
	assert_int_equal(d.series[1].deferred, 1);
	assert_int_equal(d.series[1].p99_us, 20);
	run_fini(&d);
	series_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(phase_names),	 cmocka_unit_test(hidden_percentiles),
		cmocka_unit_test(empty_latency), cmocka_unit_test(order_of_rows),
		cmocka_unit_test(clean_texts),	 cmocka_unit_test(clean_texts_in_any_room),
		cmocka_unit_test(started),	 cmocka_unit_test(seconds),
	};

	return cmocka_run_group_tests_name("result: document", tests, NULL, NULL);
}
