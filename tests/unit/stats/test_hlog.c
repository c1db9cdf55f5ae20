/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_hlog.c - the log's lines, octet by octet, and what happens when they can't be written
 *
 * The encoding itself is decoded by tests/property/test_hdr.c and by the reference implementation
 * in tests/e2e/hdr_reference.mjs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "stats/hlog.h"

#define HEAD                                                                                       \
	"#[Logged by volley 0.1.0]\n"                                                              \
	"#[Histogram log format version 1.3]\n"                                                    \
	"#[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 15:24:39 UTC 2015]\n"       \
	"#[BaseTime: 1441812279.474 (seconds since epoch)]\n"                                      \
	"\"StartTimestamp\",\"Interval_Length\",\"Interval_Max\","                                 \
	"\"Interval_Compressed_Histogram\"\n"

#define START_NS INT64_C(1441812279474999999)

static void lines_are_as_readers_want_them(void **state)
{
	struct hdr *h = hdr_new();
	struct hlog_writer w;
	struct err e = {.status = EXIT_WELL};
	char *text = NULL, expected[1024];
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);
	struct buf blob;

	(void)state;
	assert_true(h && file);
	buf_init(&blob, HLOG_BLOB_MAX);
	hdr_add_value(h, 2769, 3);
	assert_true(hlog_encode(h, &blob));
	assert_memory_equal(blob.data, "HISTFAAA", 8);
	assert_int_equal(hlog_attach(&w, file, "volley 0.1.0", START_NS, &e), 0);
	assert_int_equal(hlog_interval(&w, "ehlo", 0.127, 1.007, h, &e), 0);
	assert_int_equal(hlog_interval(&w, NULL, 3600.0004, 0.9996, h, &e), 0);
	assert_int_equal(hlog_interval(&w, "warmup", -2.5, 1, h, &e), 0);
	assert_int_equal(hlog_close(&w, &e), 0);
	assert_int_equal(fclose(file), 0);
	snprintf(expected, sizeof(expected),
		 HEAD "Tag=ehlo,0.127,1.007,2.769,%.*s\n3600.000,1.000,2.769,%.*s\n"
		      "Tag=warmup,-2.500,1.000,2.769,%.*s\n",
		 (int)blob.len, blob.data, (int)blob.len, blob.data, (int)blob.len, blob.data);
	assert_string_equal(text, expected);
	for (const char *line = text; *line == '#'; line = strchr(line, '\n') + 1)
		assert_in_range(strchr(line, '\n') - line, 1, 126);
	free(text);
	buf_fini(&blob);
	hdr_free(h);
}

static void header_takes_any_name(void **state)
{
	char name[300];
	struct hlog_writer w;
	struct err e;
	char *text = NULL;
	size_t len = 0;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	assert_non_null(file);
	memset(name, 'n', sizeof(name));
	name[1] = '\n';
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(hlog_attach(&w, file, name, 0, &e), 0);
	assert_int_equal(hlog_close(&w, &e), 0);
	fclose(file);
	assert_in_range(strchr(text, '\n') - text, 80, 126);
	assert_memory_equal(strchr(text, '\n'), "\n#[Histogram", 12);
	assert_non_null(strstr(text, "#[StartTime: 0.000 (seconds since epoch), "
				     "Thu Jan 01 00:00:00 UTC 1970]\n"));
	free(text);
}

static void bad_tags_are_refused(void **state)
{
	static const char *const tags[] = {"", "a,b", "a b", "a\nb", "a\tb", "a\rb", "\x7f"};
	struct hdr *h = hdr_new();
	struct hlog_writer w;
	struct err e;
	char *text = NULL;
	size_t len = 0, head_len;
	FILE *file = open_memstream(&text, &len);

	(void)state;
	assert_true(h && file);
	assert_int_equal(hlog_attach(&w, file, "volley", 0, &e), 0);
	head_len = len;
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		assert_int_equal(hlog_interval(&w, tags[i], 0, 1, h, &e), -1);
		assert_int_equal(e.status, EXIT_USAGE);
	}
	assert_int_equal(hlog_close(&w, &e), 0);
	fclose(file);
	assert_int_equal(len, head_len);
	free(text);
	hdr_free(h);
}

static void failures_are_told(void **state)
{
	struct hdr *h = hdr_new();
	struct hlog_writer w;
	struct err e = {.status = EXIT_WELL};
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(h);
	assert_int_equal(hlog_open(&w, "/nonexistent/a.hlog", "volley", 0, &e), -1);
	assert_int_equal(e.status, EXIT_FAILED);
	assert_int_equal(e.os_error, ENOENT);
	assert_non_null(strstr(e.text, "/nonexistent/a.hlog"));
	assert_int_equal(hlog_open(&w, "/dev/full", "volley", 0, &e), -1);
	assert_int_equal(e.os_error, ENOSPC);
	assert_non_null(full);
	assert_int_equal(hlog_attach(&w, full, "volley", 0, &e), -1);
	assert_int_equal(e.os_error, ENOSPC);
	fclose(full);
	hdr_free(h);
}

static void encoding_leaves_a_full_buffer_alone(void **state)
{
	struct hdr *h = hdr_new();
	struct buf out;

	(void)state;
	assert_non_null(h);
	hdr_add_value(h, 1, 1);
	buf_init(&out, 20);
	assert_true(buf_append_text(&out, "before"));
	assert_false(hlog_encode(h, &out));
	assert_true(span_equal(buf_span(&out), SPAN("before")));
	buf_fini(&out);
	hdr_free(h);
}

static void worst_case_fits(void **state)
{
	struct hdr *h = hdr_new();
	struct buf out;

	(void)state;
	assert_non_null(h);
	for (int i = 0; i <= hdr_index(HDR_HIGHEST_US); i++)
		hdr_add_value(h, hdr_lowest_at(i),
			      (uint64_t)(i + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 2);
	buf_init(&out, HLOG_BLOB_MAX);
	assert_true(hlog_encode(h, &out));
	assert_in_range(out.len, 100000, HLOG_BLOB_MAX - 1000);
	buf_fini(&out);
	hdr_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_are_as_readers_want_them),
		cmocka_unit_test(header_takes_any_name),
		cmocka_unit_test(bad_tags_are_refused),
		cmocka_unit_test(failures_are_told),
		cmocka_unit_test(encoding_leaves_a_full_buffer_alone),
		cmocka_unit_test(worst_case_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
