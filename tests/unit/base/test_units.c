/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_units.c - sizes, durations and rates are read exactly, or not at all
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "base/clock.h"
#include "base/units.h"

#define BAD INT64_MIN

struct number_case {
	const char *text;
	int64_t value; /* BAD: refused */
};

static void check_numbers(const struct number_case *cases,
			  bool (*parse)(struct span text, uint64_t *ret_value))
{
	for (; cases->text; cases++) {
		uint64_t value = 77;
		bool done = parse(span_of(cases->text), &value);

		if (done != (cases->value != BAD) || (done && value != (uint64_t)cases->value))
			fail_msg("\"%s\": %s %llu", cases->text, done ? "read as" : "refused",
				 (unsigned long long)value);
		if (!done)
			assert_int_equal(value, 77);
	}
}

static void counts(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0},
		{"50000", 50000},
		{"50k", 50000},
		{"50K", 50000},
		{"1M", 1000000},
		{"2G", 2000000000},
		{"1.5k", 1500},
		{"0.001k", 1},
		{"1.000", 1},
		{".5M", 500000},
		{"9223372036854775807", INT64_MAX},
		{"1.5", BAD},
		{"", BAD},
		{".", BAD},
		{"k", BAD},
		{"-1", BAD},
		{"+1", BAD},
		{" 1", BAD},
		{"1 ", BAD},
		{"1kk", BAD},
		{"1x", BAD},
		{"1.2.3", BAD},
		{"0x10", BAD},
		{"1e3", BAD},
		{"18446744073709551616", BAD},
		{"99999999999999999999999", BAD},
		{"18446744073709551615G", BAD},
		{NULL, 0},
	};
	uint64_t count;

	(void)state;
	check_numbers(cases, units_parse_count);
	assert_true(units_parse_count(SPAN("18446744073709551615"), &count));
	assert_true(count == UINT64_MAX);
	assert_false(units_parse_count((struct span){NULL, 0}, &count));
	assert_false(units_parse_count(SPAN("1\0"), &count));
}

static void sizes(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0},
		{"4096", 4096},
		{"512B", 512},
		{"4k", 4096},
		{"4K", 4096},
		{"4KiB", 4096},
		{"4kib", 4096},
		{"4kB", 4000},
		{"1MB", 1000000},
		{"1M", 1 << 20},
		{"1MiB", 1 << 20},
		{"1.5k", 1536},
		{"0.1k", 102},
		{"10GB", INT64_C(10000000000)},
		{"1T", INT64_C(1) << 40},
		{"1TB", INT64_C(1000000000000)},
		{"8388607T", INT64_C(8388607) << 40},
		{"16777216T", BAD},
		{"4 k", BAD},
		{"4kb/s", BAD},
		{"k", BAD},
		{"4Ki", BAD},
		{NULL, 0},
	};

	(void)state;
	check_numbers(cases, units_parse_size);
}

static bool parse_duration(struct span text, uint64_t *ret_value)
{
	int64_t ns;

	if (!units_parse_duration(text, &ns))
		return false;
	*ret_value = (uint64_t)ns;
	return true;
}

static void durations(void **state)
{
	static const struct number_case cases[] = {
		{"0", 0},
		{"1", NS_PER_SEC},
		{"250us", 250000},
		{"250\xc2\xb5s", 250000},
		{"7ns", 7},
		{"10ms", 10 * NS_PER_MS},
		{"2.5s", 2500 * NS_PER_MS},
		{"0.1s", 100 * NS_PER_MS},
		{"0.3", 300 * NS_PER_MS},
		{"0.0000000005s", 1},
		{"0.0000000004s", 0},
		{"3m", 180 * NS_PER_SEC},
		{"3min", 180 * NS_PER_SEC},
		{"1h", 3600 * NS_PER_SEC},
		{"1d", 86400 * NS_PER_SEC},
		{"1.50000000000000000000000000000h", 5400 * NS_PER_SEC},
		{"106751d", INT64_C(106751) * 86400 * NS_PER_SEC},
		{"106752d", BAD},
		{"0.1234567890123456789", BAD},
		{"10M", BAD},
		{"10MS", BAD},
		{"1h30m", BAD},
		{"-1s", BAD},
		{"s", BAD},
		{"", BAD},
		{"never", BAD},
		{"9223372036854775807ns", BAD}, /* TIME_NEVER is no duration */
		{"9223372036854775806ns", INT64_MAX - 1},
		{NULL, 0},
	};

	(void)state;
	check_numbers(cases, parse_duration);
}

static void rates(void **state)
{
	static const struct {
		const char *text;
		uint64_t count;
		int64_t per_ns; /* 0: refused */
	} cases[] = {
		{"100/s", 100, NS_PER_SEC},
		{"100", 100, NS_PER_SEC},
		{"6000/m", 6000, 60 * NS_PER_SEC},
		{"10k/h", 10000, 3600 * NS_PER_SEC},
		{"0.5/s", 1, 2 * NS_PER_SEC},
		{"2.5", 5, 2 * NS_PER_SEC},
		{"1.5k/s", 1500, NS_PER_SEC},
		{"0.1/d", 1, INT64_C(864000) * NS_PER_SEC},
		{"0", 0, NS_PER_SEC},
		{"0.0/s", 0, NS_PER_SEC},
		{"20/10s", 20, 10 * NS_PER_SEC},
		{"1/ms", 1, NS_PER_MS},
		{"100/", 0, 0},
		{"/s", 0, 0},
		{"", 0, 0},
		{"100/x", 0, 0},
		{"100/0s", 0, 0},
		{"100/s/s", 0, 0},
		{"100 /s", 0, 0},
		{"-5/s", 0, 0},
		{"0.00000000001/d", 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rate rate = {7, 7};
		bool done = units_parse_rate(span_of(cases[i].text), &rate);

		if (done != (cases[i].per_ns != 0) ||
		    (done && (rate.count != cases[i].count || rate.per_ns != cases[i].per_ns)))
			fail_msg("\"%s\": %s %llu per %lld ns", cases[i].text,
				 done ? "read as" : "refused", (unsigned long long)rate.count,
				 (long long)rate.per_ns);
	}
}

static void texts(void **state)
{
	static const struct {
		int64_t value;
		const char *duration, *size, *count;
	} cases[] = {
		{0, "0 ns", "0 B", "0"},
		{999, "999 ns", "999 B", "999"},
		{1000, "1.00 us", "1000 B", "1,000"},
		{1023, "1.02 us", "1023 B", "1,023"},
		{12345, "12.3 us", "12.1 KiB", "12,345"},
		{999949, "1.00 ms", "977 KiB", "999,949"},
		{999499, "999 us", "976 KiB", "999,499"},
		{1047552, "1.05 ms", "1023 KiB", "1,047,552"},
		{12300000, "12.3 ms", "11.7 MiB", "12,300,000"},
		{2 * NS_PER_SEC, "2.00 s", "1.86 GiB", "2,000,000,000"},
		{90 * NS_PER_SEC, "1.50 min", "83.8 GiB", "90,000,000,000"},
		{7200 * NS_PER_SEC, "2.00 h", "6.55 TiB", "7,200,000,000,000"},
		{86400 * NS_PER_SEC * 3, "3.00 d", "236 TiB", "259,200,000,000,000"},
		{TIME_NEVER, "never", "8.00 EiB", "9,223,372,036,854,775,807"},
	};
	char text[UNITS_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t value = (uint64_t)cases[i].value;

		assert_string_equal(units_duration_text(cases[i].value, text), cases[i].duration);
		assert_string_equal(units_size_text(value, text), cases[i].size);
		assert_string_equal(units_count_text(value, text), cases[i].count);
	}
	assert_string_equal(units_duration_text(-1500, text), "-1.50 us");
	assert_string_equal(units_duration_text(INT64_MIN, text), "-106752 d");
	assert_string_equal(units_size_text(UINT64_MAX, text), "16.0 EiB");
	assert_string_equal(units_count_text(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts), cmocka_unit_test(sizes), cmocka_unit_test(durations),
		cmocka_unit_test(rates),  cmocka_unit_test(texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
