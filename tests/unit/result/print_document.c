/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * print_document.c - writes one of the test documents as JSON, for the validator
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "documents.h"
#include "result/json.h"
#include "result/threshold.h"

static void judge(struct run_document *d)
{
	static const char *const expressions[] = {"accept.p99<500ms", "quit.p99<1s", "errors<0.1%",
						  "rate.achieved > 1/s", "rss<1M"};
	struct threshold thresholds[sizeof(expressions) / sizeof(*expressions)];
	int count = (int)(sizeof(expressions) / sizeof(*expressions));
	struct err e = {0};

	for (int i = 0; i < count; i++)
		assert_int_equal(threshold_parse(expressions[i], &e, &thresholds[i]), 0);
	assert_true(threshold_judge(thresholds, count, d) >= 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*make)(struct run_document *d);
	} documents[] = {
		{"empty", run_init},	       {"closed", document_closed},
		{"open", document_open},       {"unreachable", document_unreachable},
		{"hostile", document_hostile}, {"paced", document_paced},
	};
	struct run_document d;
	struct err e = {0};

	for (size_t i = 0; argc == 2 && i < sizeof(documents) / sizeof(*documents); i++) {
		int status;

		if (strcmp(argv[1], documents[i].name) != 0)
			continue;
		documents[i].make(&d);
		if (strcmp(argv[1], "empty") != 0)
			judge(&d);
		status = run_json_write(&d, stdout, &e);
		run_fini(&d);
		return status < 0;
	}
	return 2;
}
