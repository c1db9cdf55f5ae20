/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_threshold.c - thresholds: what may be written, and how it is judged
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "documents.h"
#include "result/threshold.h"

static struct run_threshold judge(const char *text, const struct run_document *d)
{
	struct run_threshold verdict;
	struct threshold t;
	struct err e = {0};

	if (threshold_parse(text, &e, &t) < 0)
		fail_msg("%s", e.text);
	threshold_evaluate(&t, d, &verdict);
	return verdict;
}

static void verdicts(void **state)
{
	static const struct {
		const char *text;
		enum run_verdict verdict;
		double value;
		const char *unit;
	} cases[] = {
		{"accept.p99<500ms", RUN_PASSED, 406.0, "ms"},
		{"accept.p99<400ms", RUN_FAILED, 406.0, "ms"},
		{"accept.max <= 410ms", RUN_PASSED, 410, "ms"},
		{"accept.max<410ms", RUN_FAILED, 410, "ms"},
		{"accept.max>=410ms", RUN_PASSED, 410, "ms"},
		{"accept.max>0.41s", RUN_FAILED, 410, "ms"},
		{"mail.min<100us", RUN_PASSED, 0.087, "ms"},
		{"  response.p99.9\t<  1m ", RUN_PASSED, 412.7, "ms"},
		{"response.p99_99<1s", RUN_PASSED, 413, "ms"},
		{"connect.p99.9<1s", RUN_NOT_EVALUATED, NAN, "ms"},
		{"dns.p50<1s", RUN_NOT_EVALUATED, NAN, "ms"},
		{"dns.count<1", RUN_PASSED, 0, ""},
		{"accept.count>=288735", RUN_PASSED, 288735, ""},
		{"replies.4xx<201", RUN_PASSED, 200, ""},
		{"replies.450<200", RUN_FAILED, 200, ""},
		{"replies.421<1", RUN_PASSED, 0, ""},
		{"replies.rcpt.4xx<0.07%", RUN_PASSED, 200.0 / 288950 * 100, "%"},
		{"replies.rcpt.550 < 0.004 %", RUN_FAILED, 14.0 / 288950 * 100, "%"},
		{"replies.bdat.4xx<1%", RUN_NOT_EVALUATED, NAN, "%"},
		{"errors<8", RUN_FAILED, 8, ""},
		{"errors<1%", RUN_PASSED, 8.0 / 1005 * 100, "%"},
		{"errors.connect<4", RUN_PASSED, 3, ""},
		{"messages.accepted>99.9%", RUN_PASSED, 288731.0 / 288950 * 100, "%"},
		{"messages.in_doubt<1", RUN_FAILED, 1, ""},
		{"recipients.deferred<0.1%", RUN_PASSED, 200.0 / 288950 * 100, "%"},
		{"sessions.failed<=5", RUN_PASSED, 5, ""},
		{"sessions.tls_resumed>80%", RUN_FAILED, 5.0 / 1005 * 100, "%"},
		{"rate.achieved>1000/s", RUN_PASSED, 4815.7, "/s"},
		{"rate.achieved>300000/m", RUN_FAILED, 4815.7, "/s"},
		{"rate.achieved>99%", RUN_NOT_EVALUATED, NAN, "%"},
		{"rate.lag_p99<1ms", RUN_NOT_EVALUATED, NAN, "ms"},
		{"end_to_end.lost<1", RUN_NOT_EVALUATED, NAN, ""},
		{"end_to_end.p99<1s", RUN_NOT_EVALUATED, NAN, "ms"},
		{"cpu.per_message<100us", RUN_PASSED, 20.45 * 1000 / 288950, "ms"},
		{"rss<128M", RUN_PASSED, 86 << 20, "B"},
	};
	struct run_document d;

	(void)state;
	document_closed(&d);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct run_threshold v = judge(cases[i].text, &d);

		if (v.verdict != cases[i].verdict)
			fail_msg("%s: verdict %d, value %g, %s", cases[i].text, (int)v.verdict,
				 v.value, v.note);
		assert_string_equal(v.unit, cases[i].unit);
		/* Percentiles come out of a histogram of three digits. */
		if (isnan(cases[i].value) != isnan(v.value) ||
		    fabs(v.value - cases[i].value) > fabs(cases[i].value) / 500)
			fail_msg("%s: %g, not %g", cases[i].text, v.value, cases[i].value);
		assert_true((v.verdict == RUN_NOT_EVALUATED) == (v.note[0] != '\0'));
	}
	run_fini(&d);
}

static void of_open_loops(void **state)
{
	struct run_document d;

	(void)state;
	document_open(&d);
	assert_int_equal(judge("rate.achieved>=99%", &d).verdict, RUN_FAILED);
	assert_int_equal(judge("rate.offered>=50000/s", &d).verdict, RUN_PASSED);
	assert_int_equal(judge("rate.lag_p99<1ms", &d).verdict, RUN_FAILED);
	assert_int_equal(judge("end_to_end.lost<1", &d).verdict, RUN_FAILED);
	assert_int_equal(judge("end_to_end.lost<0.01%", &d).verdict, RUN_PASSED);
	assert_int_equal(judge("end_to_end.p99<10ms", &d).verdict, RUN_PASSED);
	d.run.is_interrupted = true;
	assert_int_equal(judge("rate.offered>=50000/s", &d).verdict, RUN_NOT_EVALUATED);
	run_fini(&d);
}

static void refusals(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "no comparison"},
		{"accept.p99", "no comparison"},
		{"accept.p99=5ms", "no comparison"},
		{"<5ms", "there is no figure \"\""},
		{"acept.p99<5ms", "there is no figure \"acept.p99\"; there are PHASE.STAT"},
		{"accept.p98<5ms", "accept has no \"p98\"; there are mean min p50"},
		{"accept<5ms", "say which figure of accept"},
		{"accept.p99<500", "not a duration with its unit, such as 500ms"},
		{"accept.p99<", "not a duration"},
		{"accept.p99<5%", "no share of anything"},
		{"accept.p99<5 parsecs", "not a duration"},
		{"accept.count<5ms", "not a number such as 10"},
		{"replies.6xx<1", "no reply code"},
		{"replies.44<1", "no reply code"},
		{"replies.rcpt.foo<1", "no reply code"},
		{"replies<1", "no reply code"},
		{"replies.4xx<x%", "percentage such as 0.1%"},
		{"replies.4xx<-1", "a number such as 10, or a share such as 1%"},
		{"errors.lunch<1", "\"lunch\" is no phase; there are dns connect"},
		{"messages.lost<1", "there is no figure \"messages.lost\""},
		{"rate.achieved>fast", "not a rate such as 1000/s"},
		{"rss<big", "not a size such as 64M"},
		{"cpu<5%", "no share"},
	};
	char endless[300];
	struct threshold t;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		e = (struct err){0};
		if (threshold_parse(cases[i].text, &e, &t) == 0)
			fail_msg("\"%s\" was taken", cases[i].text);
		assert_int_equal(e.status, EXIT_USAGE);
		if (!strstr(e.text, cases[i].words))
			fail_msg("\"%s\" does not say \"%s\"", e.text, cases[i].words);
	}
	memset(endless, 'a', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(threshold_parse(endless, &e, &t), -1);
}

static void judging_sets_the_status(void **state)
{
	struct threshold t[2];
	struct run_document d;
	struct err e = {0};

	(void)state;
	assert_int_equal(threshold_parse("errors<1", &e, &t[0]), 0);
	assert_int_equal(threshold_parse("rss<1G", &e, &t[1]), 0);
	document_closed(&d);
	assert_int_equal(threshold_judge(t, 2, &d), 1);
	assert_int_equal(d.threshold_count, 2);
	assert_int_equal(d.thresholds[0].verdict, RUN_FAILED);
	assert_int_equal(d.thresholds[1].verdict, RUN_PASSED);
	/* What the run itself ended with is worse, and stays. */
	assert_int_equal(d.status, EXIT_UNDELIVERED);
	run_fini(&d);
	document_closed(&d);
	d.status = EXIT_WELL;
	assert_int_equal(threshold_judge(t, 2, &d), 1);
	assert_int_equal(d.status, EXIT_THRESHOLD);
	run_fini(&d);
	document_closed(&d);
	d.status = EXIT_WELL;
	assert_int_equal(threshold_judge(&t[1], 1, &d), 0);
	assert_int_equal(d.status, EXIT_WELL);
	run_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verdicts),
		cmocka_unit_test(of_open_loops),
		cmocka_unit_test(refusals),
		cmocka_unit_test(judging_sets_the_status),
	};

	return cmocka_run_group_tests_name("result: thresholds", tests, NULL, NULL);
}
