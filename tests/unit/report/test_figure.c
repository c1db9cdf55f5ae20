/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_figure.c - numbers in reports: grouped, aligned, never rounded into something they are not
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>
#include "report/figure.h"
#include "result/run.h"

static void milliseconds(void **state)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{0, "      0.000"},	   {87, "      0.087"},	      {1204, "      1.204"},
		{9999, "      9.999"},	   {10000, "     10.00 "},    {48127, "     48.13 "},
		{99994, "     99.99 "},	   {99996, "    100.0  "},    {412345, "    412.3  "},
		{999960, "  1,000    "},   {12345678, " 12,346    "}, {3600000000, "3,600,000    "},
		{RUN_NONE, "      -    "},
	};
	char text[FIGURE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_string_equal(figure_ms(cases[i].us, text), cases[i].text);
		/* An hour, the most that is measured, is two columns wider. */
		if (cases[i].us < INT64_C(1000000000))
			assert_int_equal(strlen(text), FIGURE_MS_WIDTH);
	}
}

static void rates(void **state)
{
	static const struct {
		double rate;
		const char *text;
	} cases[] = {
		{0, "0.00"},	   {3.254, "3.25"},   {9.996, "10.0"},	 {99.94, "99.9"},
		{999.94, "999.9"}, {999.96, "1,000"}, {4815.7, "4,816"}, {1234567, "1,234,567"},
	};
	char text[FIGURE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(figure_rate(cases[i].rate, text), cases[i].text);
}

static void shares(void **state)
{
	static const struct {
		uint64_t part, whole;
		const char *text;
	} cases[] = {
		{0, 0, ""},
		{0, 10, "0 %"},
		{10, 10, "100 %"},
		{1, 3, "33.33 %"},
		{1, 1000000, "<0.01 %"},
		{999999, 1000000, ">99.99 %"},
		{9999, 10000, "99.99 %"},
		{1, 10000, "0.01 %"},
		{15, 10, "150.00 %"},
	};
	char text[FIGURE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(figure_share(cases[i].part, cases[i].whole, text),
				    cases[i].text);
}

static void lengths(void **state)
{
	static const struct {
		double seconds;
		const char *text;
	} cases[] = {
		{0, "0.00 s"},	   {9.94, "9.94 s"},	{60.002, "60.0 s"}, {119.9, "119.9 s"},
		{120, "2 m 00 s"}, {3725, "62 m 05 s"}, {7200, "2 h 00 m"}, {90061, "25 h 01 m"},
	};
	char text[FIGURE_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_string_equal(figure_length(cases[i].seconds, text), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(milliseconds),
		cmocka_unit_test(rates),
		cmocka_unit_test(shares),
		cmocka_unit_test(lengths),
	};

	return cmocka_run_group_tests_name("report: figures", tests, NULL, NULL);
}
