/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_json.c - what is written as JSON is read back alike; what is wrong is named
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "documents.h"
#include "result/json.h"
#include "result/threshold.h"

/* Not inlined: gcc 12 takes what open_memstream() stores for the address of the local pointer. */
__attribute__((noinline)) static char *text_of(const struct run_document *d, size_t *ret_len)
{
	struct err e = {0};
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_len);

	assert_non_null(out);
	if (run_json_write(d, out, &e) < 0)
		fail_msg("%s", e.text);
	fclose(out);
	return text;
}

static void round_trip(void (*make)(struct run_document *d))
{
	struct run_document d, back;
	struct err e = {0};
	struct threshold t;
	size_t len, back_len;
	char *text, *back_text;

	make(&d);
	assert_int_equal(threshold_parse("quit.p99<1s", &e, &t), 0);
	assert_int_equal(threshold_judge(&t, 1, &d), 0);
	text = text_of(&d, &len);
	if (run_json_parse((struct span){text, len}, "result", &e, &back) < 0)
		fail_msg("%s", e.text);
	back_text = text_of(&back, &back_len);
	assert_string_equal(text, back_text);
	assert_int_equal(back.config.seed, d.config.seed);
	assert_int_equal(back.reply_count, d.reply_count);
	assert_int_equal(back.series_count, d.series_count);
	assert_int_equal(back.status, d.status);
	assert_int_equal(back.end_to_end.is_known, d.end_to_end.is_known);
	assert_memory_equal(back.latency, d.latency, sizeof(d.latency[0].count));
	for (int i = 0; i < RUN_PHASE_COUNT; i++) {
		assert_int_equal(back.latency[i].count, d.latency[i].count);
		assert_true(back.latency[i].p99_us == d.latency[i].p99_us);
	}
	free(text);
	free(back_text);
	run_fini(&d);
	run_fini(&back);
}

static void documents_come_back(void **state)
{
	(void)state;
	round_trip(run_init);
	round_trip(document_closed);
	round_trip(document_open);
	round_trip(document_unreachable);
	round_trip(document_hostile);
	round_trip(document_paced);
}

/* Reads the open document with one stretch of it replaced; the error must say words. */
static void assert_refused(const char *from, const char *to, const char *words)
{
	struct run_document d, back;
	struct err e = {0};
	size_t len;
	char *text, *place, *changed;

	document_open(&d);
	text = text_of(&d, &len);
	run_fini(&d);
	place = strstr(text, from);
	if (!place) {
		fail_msg("the document has no %s", from);
		abort();
	}
	assert_true(asprintf(&changed, "%.*s%s%s", (int)(place - text), text, to,
			     place + strlen(from)) > 0);
	if (run_json_parse(span_of(changed), "x.json", &e, &back) == 0)
		fail_msg("%s was taken", to);
	assert_int_equal(e.status, EXIT_USAGE);
	if (!strstr(e.text, words))
		fail_msg("\"%s\" does not say \"%s\"", e.text, words);
	free(text);
	free(changed);
}

static void refusals(void **state)
{
	(void)state;
	assert_refused("{", "[", "x.json is not JSON: line");
	assert_refused("\"kind\": \"run\"", "\"kind\": \"plan\"", "kind is not \"run\"");
	assert_refused("\"schema\": 1", "\"schema\": 2", "has schema 2, this volley reads 1");
	assert_refused("\"due\"", "\"do\"", "messages.due is missing");
	assert_refused("\"due\": 500000", "\"due\": -1", "messages.due is not a count");
	assert_refused("\"due\": 500000", "\"due\": \"5\"", "messages.due is not a count");
	assert_refused("\"mode\": \"open\"", "\"mode\": \"ajar\"", "config.mode is none of");
	assert_refused("\"seed\": \"0\"", "\"seed\": 0", "config.seed is not a number in a text");
	assert_refused("\"code\": 250", "\"code\": null", "replies[0].code is not a count");
	assert_refused("\"hit\": true", "\"hit\": 1", "limits[1].hit is neither true nor false");
	assert_refused("\"valid\": false", "\"valid\": null", "rate.valid is neither");
	assert_refused("\"p90\": 6100", "\"p90\": 1.5", "end_to_end.latency_us.p90 is neither");
	assert_refused("\"targets\": [", "\"targets\": [ 1,",
		       "config.targets holds something else");
	assert_refused("\"service\": {", "\"service\": 1, \"x\": {", "service is not an object");
	assert_refused("\"series\": []", "\"series\": {}", "series is not a list");
}

static void unknown_keys_are_passed_over(void **state)
{
	struct run_document d, back;
	struct err e = {0};
	size_t len;
	char *text, *more;

	(void)state;
	document_open(&d);
	text = text_of(&d, &len);
	run_fini(&d);
	assert_true(asprintf(&more, "{\"later\": [1, {}], %s", text + 1) > 0);
	assert_int_equal(run_json_parse(span_of(more), "x.json", &e, &back), 0);
	run_fini(&back);
	free(text);
	free(more);
}

/* A file appears whole or not at all, and a link to one is followed. */
static void files(void **state)
{
	char folder[] = "/tmp/volley-result-XXXXXX", path[64], part[64], link[64];
	struct run_document d, back;
	struct err e = {0};
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/result.json", folder);
	snprintf(part, sizeof(part), "%s/result.json.part", folder);
	snprintf(link, sizeof(link), "%s/link.json", folder);
	document_closed(&d);
	assert_int_equal(run_json_save(&d, path, &e), 0);
	assert_int_equal(access(part, F_OK), -1);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(run_json_save(&d, link, &e), 0);
	assert_int_equal(lstat(link, &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(run_json_load(link, &e, &back), 0);
	assert_int_equal(back.messages.accepted, d.messages.accepted);
	run_fini(&back);
	unlink(link);
	unlink(path);
	assert_int_equal(run_json_load(path, &e, &back), -1);
	assert_non_null(strstr(e.text, "No such file"));
	assert_int_equal(rmdir(folder), 0);
	assert_int_equal(run_json_save(&d, path, &e), -1);
	assert_non_null(strstr(e.text, "cannot write"));
	assert_int_equal(e.status, EXIT_FAILED);
	assert_int_equal(run_json_save(&d, "/dev/full", &e), -1);
	assert_non_null(strstr(e.text, "No space left"));
	assert_int_equal(run_json_save(&d, "/dev/null", &e), 0);
	run_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_come_back),
		cmocka_unit_test(refusals),
		cmocka_unit_test(unknown_keys_are_passed_over),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests_name("result: JSON", tests, NULL, NULL);
}
