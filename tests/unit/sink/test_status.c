/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_status.c - the document of a sink as text and as JSON
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <jansson.h>
#include <unistd.h>
#include "report/sink_text.h"
#include "statuses.h"

static char *text_of(const struct sink_status *s)
{
	struct report_style style = {.width = 100};
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	assert_non_null(out);
	assert_int_equal(report_sink_text(s, out, &style, NULL), 0);
	fclose(out);
	return text;
}

static void test_text(void **state)
{
	static const char *const shown[] = {
		"volley sink  2023-11-14T22:13:20.250Z, 1.50 s, 2 threads\n  smtp 127.0.0.1:2525\n",
		"\nMessages\n  accepted                  14\n",
		"  broken off                 2\n",
		"  content             56.0 KiB\n",
		"\nEnd to end\n  received                  13\n  lost                       3\n",
		"  00000000000000aa       19.00      40.00",
		"  00000000000000aa: 3 lost, 1 duplicated\n",
		"  rcpt            250 1,234,567  450 5\n  dot             550 1\n",
		"  and 10 more\n",
		"  TLSv1.3                    7  TLS_AES_128_GCM_SHA256 X25519, resumed\n",
		"  failed                     2  alert\n",
		"rcpt:reply=450 \\x1b[31m\\x01\\xff\"x\"",
		"\nDelays imposed",
		"\nLimits imposed                          allowed in a window     passed",
		"\n  shared-host hourly                        200         200      1,716       "
		"284\n"
		"    most of them: 280 of u\\x1b@b.example\n",
		"\n  gmail open, @gmail.example, aft...          5           6          7  ",
		"  windows passed 3,600 times faster than stated\n",
		"\n  shared-host over-hourly                   284\n",
		"\n  no rule of theirs                           3\n",
		"\nReputation\n  warming                    7\n",
		"  not logged                 1\n",
		"  injections                 1\n",
		"\nStored\n  messages                  14\n",
	};
	struct sink_status s;
	char *text;

	(void)state;
	status_busy(&s);
	text = text_of(&s);
	for (size_t i = 0; i < sizeof(shown) / sizeof(*shown); i++)
		if (!strstr(text, shown[i]))
			fail_msg("\"%s\" is not in\n%s", shown[i], text);
	/* Nothing of the peer's reaches the terminal as it came, and no line ends in blanks. */
	for (const char *c = text; *c; c++)
		assert_true(*c == '\n' || (*c >= ' ' && *c != 127));
	assert_null(strstr(text, " \n"));
	free(text);
	sink_status_fini(&s);
}

static void test_idle_text(void **state)
{
	struct sink_status s;
	char *text;

	(void)state;
	status_idle(&s);
	text = text_of(&s);
	assert_string_equal(text,
			    "volley sink  2023-11-14T22:13:20.250Z, 1.50 s\n  smtp 127.0.0.1:2525\n"
			    "\nMessages\n  accepted                   0\n"
			    "\nSessions\n  accepted                   0\n"
			    "  at once                    0\n");
	free(text);
	sink_status_fini(&s);
}

/* A file is replaced as a whole, or the error names it. */
static void test_save(void **state)
{
	char folder[] = "/tmp/volley-status-XXXXXX", path[64], part[80];
	struct sink_status s;
	struct err e = {0};
	json_t *document;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/status.json", folder);
	snprintf(part, sizeof(part), "%s.part", path);
	status_busy(&s);
	for (int i = 0; i < 2; i++)
		assert_int_equal(sink_status_json_save(&s, path, &e), 0);
	assert_int_equal(access(part, F_OK), -1);
	document = json_load_file(path, 0, NULL);
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "kind")), "sink");
	assert_int_equal(json_array_size(json_object_get(document, "clients")), 30);
	json_decref(document);
	unlink(path);
	snprintf(path, sizeof(path), "%s/no/status.json", folder);
	assert_int_equal(sink_status_json_save(&s, path, &e), -1);
	assert_non_null(strstr(e.text, path));
	rmdir(folder);
	sink_status_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_idle_text),
		cmocka_unit_test(test_save),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
