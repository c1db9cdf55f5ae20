/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_text.c - the text report against files that were looked at, and what holds of any report
 *
 * A wanted change of the form is taken over by VOLLEY_WRITE_GOLDEN=1, and then looked at.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include "../result/documents.h"
#include "report/text.h"
#include "result/json.h"
#include "result/threshold.h"

/* Not inlined: gcc 12 takes what open_memstream() stores for the address of the local pointer. */
__attribute__((noinline)) static char *report_of(const struct run_document *d, int width,
						 bool use_color)
{
	struct report_style style = {.use_color = use_color, .width = width};
	struct err e = {0};
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	if (report_text(d, out, &style, &e) < 0)
		fail_msg("%s", e.text);
	fclose(out);
	return text;
}

static char *read_whole(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = calloc(1, 65536);

	if (file && text) {
		fread(text, 1, 65535, file);
		fclose(file);
	}
	return text;
}

static void assert_golden(const struct run_document *d, int width, const char *name)
{
	const char *folder = getenv("GOLDEN_FOLDER");
	char path[4096];
	char *text = report_of(d, width, false), *expected;

	if (!folder)
		fail_msg("GOLDEN_FOLDER is not set: run the test by meson");
	snprintf(path, sizeof(path), "%s/%s.txt", folder, name);
	if (getenv("VOLLEY_WRITE_GOLDEN")) {
		FILE *file = fopen(path, "wb");

		assert_non_null(file);
		fputs(text, file);
		fclose(file);
	}
	expected = read_whole(path);
	assert_string_equal(text, expected);
	free(expected);
	free(text);
}

static void judge(struct run_document *d)
{
	static const char *const expressions[] = {
		"accept.p99<500ms", "response.p99.9 < 100ms", "replies.rcpt.4xx<1%", "quit.p99<1s",
		"rss<64M",	    "rate.achieved>1000/s"};
	struct threshold t[6];
	struct err e = {0};

	for (int i = 0; i < 6; i++)
		assert_int_equal(threshold_parse(expressions[i], &e, &t[i]), 0);
	assert_true(threshold_judge(t, 6, d) >= 0);
}

static void golden_closed(void **state)
{
	struct run_document d;

	(void)state;
	document_closed(&d);
	assert_golden(&d, 100, "closed-100");
	judge(&d);
	assert_golden(&d, 80, "closed-80-thresholds");
	run_fini(&d);
}

static void golden_open(void **state)
{
	struct run_document d;

	(void)state;
	document_open(&d);
	assert_golden(&d, 100, "open-100");
	run_fini(&d);
}

static void golden_unreachable(void **state)
{
	struct run_document d;

	(void)state;
	document_unreachable(&d);
	assert_golden(&d, 100, "unreachable-100");
	run_fini(&d);
}

static void golden_paced(void **state)
{
	struct run_document d;

	(void)state;
	document_paced(&d);
	assert_golden(&d, 100, "paced-100");
	run_fini(&d);
}

static void golden_hostile(void **state)
{
	struct run_document d;

	(void)state;
	document_hostile(&d);
	assert_golden(&d, 100, "hostile-100");
	run_fini(&d);
}

static void (*const makers[])(struct run_document *d) = {
	run_init, document_closed, document_open, document_unreachable, document_hostile,
};
#define MAKERS (sizeof(makers) / sizeof(*makers))

/* Columns of a line: characters, not octets. */
static int columns(const char *line, size_t len)
{
	int count = 0;

	for (size_t i = 0; i < len; i++)
		count += ((unsigned char)line[i] & 0xC0) != 0x80;
	return count;
}

/* No line is wider than the page, ends in a space, or holds a control character. */
static void any_width(void **state)
{
	(void)state;
	for (size_t k = 0; k < MAKERS; k++) {
		struct run_document d;

		makers[k](&d);
		judge(&d);
		for (int width = 60; width < 220; width++) {
			char *text = report_of(&d, width, false), *line = text;
			int page = width < 80 ? 80 : width;

			while (*line) {
				size_t len = strcspn(line, "\n");

				if (columns(line, len) > page)
					fail_msg("%d columns of %d: %.*s", columns(line, len), page,
						 (int)len, line);
				assert_false(len > 0 && line[len - 1] == ' ');
				for (size_t i = 0; i < len; i++)
					assert_false((unsigned char)line[i] < 0x20 ||
						     line[i] == 0x7F);
				assert_int_equal(line[len], '\n');
				line += len + 1;
			}
			free(text);
		}
		run_fini(&d);
	}
}

/* Colour adds sequences of its own and changes nothing else. */
static void colors(void **state)
{
	(void)state;
	for (size_t k = 0; k < MAKERS; k++) {
		struct run_document d;
		char *plain, *colored, *out;

		makers[k](&d);
		judge(&d);
		plain = report_of(&d, 100, false);
		colored = out = report_of(&d, 100, true);
		assert_null(strchr(plain, '\x1b'));
		assert_non_null(strstr(colored, "\x1b[1mvolley bench\x1b[0m"));
		for (const char *in = colored; *in;) {
			if (*in == '\x1b') {
				assert_int_equal(in[1], '[');
				in += strcspn(in, "m") + 1;
			} else {
				*out++ = *in++;
			}
		}
		*out = '\0';
		assert_string_equal(colored, plain);
		free(plain);
		free(colored);
		run_fini(&d);
	}
}

/* A document that was read back looks the same; and one that someone tampered with does no harm. */
static void documents_read_back(void **state)
{
	(void)state;
	for (size_t k = 0; k < MAKERS; k++) {
		struct run_document d, back;
		struct err e = {0};
		char *json = NULL, *text, *back_text;
		size_t len;
		FILE *out = open_memstream(&json, &len);

		makers[k](&d);
		assert_int_equal(run_json_write(&d, out, &e), 0);
		fclose(out);
		if (run_json_parse((struct span){json, len}, "x", &e, &back) < 0)
			fail_msg("%s", e.text);
		text = report_of(&d, 100, false);
		back_text = report_of(&back, 100, false);
		assert_string_equal(text, back_text);
		free(text);
		free(back_text);
		free(json);
		run_fini(&d);
		run_fini(&back);
	}
}

#define TAMPER(member, text) snprintf(member, sizeof(member), "%s", text)

static void tampered_documents(void **state)
{
	struct run_document d;
	char *text;

	(void)state;
	document_closed(&d);
	judge(&d);
	/* As if it had not been cleaned: every text that came from elsewhere holds a sequence. */
	strcpy(d.replies[0].sample, "\x1b[2J\n\x1b]0;x\x07");
	TAMPER(d.replies[0].command, "\x1b[31m");
	TAMPER(d.replies[0].enhanced, "\x1b[31m");
	TAMPER(d.errors[0].kind, "\x1b[31m");
	TAMPER(d.errors[0].phase, "\x1b[31m");
	TAMPER(d.errors[0].hint, "\x1b[31m");
	TAMPER(d.tls[0].cipher, "\x1b[31m");
	TAMPER(d.limits[0].name, "\x1b[31m");
	TAMPER(d.replies[0].class, "\x1b[31m");
	d.pace.is_used = true;
	document_pace_hold(&d, "\x1b[31m", "\x1b[31m", 1, 1);
	assert_non_null(run_add_pace_target(&d));
	TAMPER(d.pace.targets[0].target, "smtp://relay.example.com:587");
	TAMPER(d.pace.targets[0].profile, "\x1b[31m");
	TAMPER(d.pace.aborted_because, "\x1b[31m");
	TAMPER(d.thresholds[0].expression, "\x1b[31m");
	TAMPER(d.bound_by, "\x1b[31m");
	TAMPER(d.host.kernel, "\x1b[31m");
	TAMPER(d.config.auth, "\x1b[31m");
	TAMPER(d.config.arrivals, "\x1b[31m");
	TAMPER(d.run.started, "\x1b[31m");
	run_set_text(&d.config.message, "\x1b[31m");
	run_set_text(&d.config.targets.items[0], "\x1b[31m");
	run_set_text(&d.config.rate, "\x1b[31m");
	d.config.mode = RUN_OPEN;
	text = report_of(&d, 100, false);
	assert_null(strchr(text, '\x1b'));
	assert_null(strchr(text, '\x07'));
	free(text);
	run_fini(&d);
}

static void failing_output(void **state)
{
	struct report_style style = {.width = 100};
	struct run_document d;
	struct err e = {0};
	FILE *out = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(out);
	document_closed(&d);
	assert_int_equal(report_text(&d, out, &style, &e), -1);
	assert_non_null(strstr(e.text, "No space left"));
	fclose(out);
	run_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(golden_closed),       cmocka_unit_test(golden_open),
		cmocka_unit_test(golden_unreachable),  cmocka_unit_test(golden_hostile),
		cmocka_unit_test(any_width),	       cmocka_unit_test(colors),
		cmocka_unit_test(documents_read_back), cmocka_unit_test(tampered_documents),
		cmocka_unit_test(failing_output),      cmocka_unit_test(golden_paced),
	};

	return cmocka_run_group_tests_name("report: text", tests, NULL, NULL);
}
