/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_spread.c - sizes and recipients are drawn from the distribution that was asked for
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "mail/message.h"
#include "mail/spread.h"
#include "scratch.h"

#define DRAWS 200000

static const struct spread_format sizes = {"--size", "size", true, MAIL_SIZE_MAX};
static const struct spread_format rcpts = {"--rcpts", "number of recipients", false, MAIL_RCPT_MAX};

static struct spread parse(const char *text, const struct spread_format *format)
{
	struct spread s;
	struct err e = {0};

	if (spread_parse(text, format, &e, &s) < 0)
		fail_msg("%s: %s", text, e.text);
	return s;
}

/* Draws, checks the bounds, and returns the mean. */
static double draw_mean(const struct spread *s)
{
	struct rng chance;
	double sum = 0;

	rng_init(&chance, 7);
	for (int i = 0; i < DRAWS; i++) {
		int unused = 0;
		uint64_t value = spread_draw(s, &chance, &unused);

		assert_true(value >= s->min && value <= s->max);
		sum += (double)value;
	}
	return sum / DRAWS;
}

static void assert_near(double value, double expected, double tolerance)
{
	if (!(fabs(value - expected) <= tolerance))
		fail_msg("%.6f is not within %g of %.6f", value, tolerance, expected);
}

static void fixed(void **state)
{
	struct spread s = parse("4k", &sizes);
	char text[256];

	(void)state;
	assert_int_equal(s.kind, SPREAD_FIXED);
	assert_near(draw_mean(&s), 4096, 0);
	assert_string_equal(spread_text(&s, &sizes, text, sizeof(text)), "4.00 KiB");
	s = parse("128M", &sizes);
	assert_int_equal(s.max, MAIL_SIZE_MAX);
}

static void uniform(void **state)
{
	struct spread s = parse("uniform:1k-64k", &sizes);
	struct spread short_form = parse("1k-64k", &sizes);

	(void)state;
	assert_int_equal(s.min, 1024);
	assert_int_equal(s.max, 65536);
	assert_int_equal(short_form.kind, SPREAD_UNIFORM);
	assert_near(s.mean, 33280, 0);
	/* Five standard errors: (b-a)/sqrt(12 n). */
	assert_near(draw_mean(&s), 33280, 5 * 64512 / sqrt(12.0 * DRAWS));
	s = parse("3-3", &rcpts);
	assert_int_equal(s.kind, SPREAD_FIXED);
}

static void lognormal(void **state)
{
	struct spread s = parse("lognormal:median=8k,sigma=1.2", &sizes);
	double expected = 8192 * exp(1.2 * 1.2 / 2);
	double deviation = expected * sqrt(exp(1.2 * 1.2) - 1);
	struct rng chance;
	int below = 0;

	(void)state;
	assert_near(s.mean, expected, expected / 1000);
	assert_near(draw_mean(&s), expected, 5 * deviation / sqrt(DRAWS));
	rng_init(&chance, 3);
	for (int i = 0; i < DRAWS; i++) {
		int unused = 0;

		below += spread_draw(&s, &chance, &unused) < 8192;
	}
	assert_near((double)below / DRAWS, 0.5, 5 * 0.5 / sqrt(DRAWS));
}

static void lognormal_bounds(void **state)
{
	struct spread s = parse("lognormal:median=8k,sigma=2,min=1k,max=64k", &sizes);

	(void)state;
	assert_int_equal(s.min, 1024);
	assert_int_equal(s.max, 65536);
	/* The formula for the mean with bounds, against what is drawn. */
	assert_near(draw_mean(&s), s.mean, 5 * 22000 / sqrt(DRAWS));
	s = parse("lognormal:median=8k,sigma=0", &sizes);
	assert_near(draw_mean(&s), 8192, 0);
}

/* shared/facts: SPECmail2001 s4.2.1; its published means are 24.53 KB and 2.000. */
static void specmail(void **state)
{
	struct spread s = parse("specmail2001", &sizes), r = parse("specmail2001", &rcpts);
	char text[256];

	(void)state;
	assert_near(s.mean / 1024, 24.53, 0.005);
	assert_near(r.mean, 2.000, 0.0005);
	assert_int_equal(s.row_count, 10);
	assert_int_equal(r.row_count, 20);
	assert_int_equal(s.max, 2675 * 1024);
	assert_int_equal(r.max, 20);
	assert_near(draw_mean(&s) / 1024, 24.53, 5 * 145 / sqrt(DRAWS));
	assert_near(draw_mean(&r), 2.000, 5 * 2.9 / sqrt(DRAWS));
	spread_text(&s, &sizes, text, sizeof(text));
	assert_non_null(strstr(text, "specmail2001"));
	spread_fini(&s);
	spread_fini(&r);
}

/* Every row is drawn as often as its weight says. */
static void weights(void **state)
{
	struct spread s = parse("mix:1k=90,100k=9,1M=1", &sizes);
	struct rng chance;
	int counts[3] = {0};

	(void)state;
	rng_init(&chance, 11);
	for (int i = 0; i < DRAWS; i++) {
		int unused = 0;
		uint64_t value = spread_draw(&s, &chance, &unused);

		counts[value == 1024 ? 0 : value == 102400 ? 1 : 2]++;
	}
	assert_near(counts[0] / (double)DRAWS, 0.90, 0.005);
	assert_near(counts[1] / (double)DRAWS, 0.09, 0.004);
	assert_near(counts[2] / (double)DRAWS, 0.01, 0.002);
	spread_fini(&s);
}

static void mix_file(void **state)
{
	const char *path = scratch_text("mix", "# size weight recipients\n"
					       "\n"
					       "1k   3  1\r\n"
					       "  2k\t1 5 # five at once\n");
	char spec[300];
	struct spread s;
	struct rng chance;

	(void)state;
	snprintf(spec, sizeof(spec), "mix:%s", path);
	s = parse(spec, &sizes);
	assert_int_equal(s.row_count, 2);
	assert_true(s.has_rcpts);
	assert_near(s.mean, 1280, 0);
	rng_init(&chance, 1);
	for (int i = 0; i < 1000; i++) {
		int count = -1;
		uint64_t size = spread_draw(&s, &chance, &count);

		assert_int_equal(count, size == 1024 ? 1 : 5);
	}
	spread_fini(&s);
}

static void assert_refused(const char *text, const struct spread_format *format, const char *words)
{
	struct spread s;
	struct err e = {0};

	if (spread_parse(text, format, &e, &s) == 0)
		fail_msg("\"%s\" was taken", text);
	assert_int_equal(e.status, EXIT_USAGE);
	if (!strstr(e.text, words))
		fail_msg("\"%s\": \"%s\" does not say \"%s\"", text, e.text, words);
}

static void refusals(void **state)
{
	(void)state;
	assert_refused("0", &sizes, "size of 0");
	assert_refused("0k", &sizes, "size of 0");
	assert_refused("1TB", &sizes, "over the maximum, 128 MiB");
	assert_refused("129M", &sizes, "over the maximum");
	assert_refused("", &sizes, "not a size");
	assert_refused("four", &sizes, "not a size");
	assert_refused("-1", &sizes, "not a size");
	assert_refused("64k-1k", &sizes, "swap");
	assert_refused("0-1k", &sizes, "size of 0");
	assert_refused("uniform:4k", &sizes, "not a range");
	assert_refused("pareto:a=1", &sizes, "uniform:, lognormal:, mix: and specmail2001");
	assert_refused("lognormal:", &sizes, "needs a median and a sigma");
	assert_refused("lognormal:median=8k", &sizes, "needs a median and a sigma");
	assert_refused("lognormal:median=8k,sigma=x", &sizes, "sigma");
	assert_refused("lognormal:median=8k,sigma=99", &sizes, "from 0 to 10");
	assert_refused("lognormal:median=8k,sigma=1,mean=3", &sizes, "no \"mean=3\"");
	assert_refused("lognormal:median=8k,sigma=1,min=8k,max=1k", &sizes, "min is over its max");
	assert_refused("mix:", &sizes, "needs a file or a list");
	assert_refused("mix:1k=0", &sizes, "weight");
	assert_refused("mix:1k=1,2k", &sizes, "weight");
	assert_refused("mix:/does/not/exist", &sizes, "cannot open /does/not/exist: No such file");
	assert_refused("0", &rcpts, "number of recipients of 0");
	assert_refused("1001", &rcpts, "over the maximum, 1,000");
}

static void refusals_in_files(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "holds no rows"},
		{"# only this\n", "holds no rows"},
		{"1k 1\n2k\n", ":2: \"\" is not a weight"},
		{"1k 1 0\n", ":1: \"0\" is not a number of recipients"},
		{"1k 1 1 1\n", ":1: more than three columns"},
		{"\n\n1T 5\n", ":3: "},
		{"0 5\n", "size of 0"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char name[32], spec[300];

		snprintf(name, sizeof(name), "bad-%zu", i);
		snprintf(spec, sizeof(spec), "mix:%s", scratch_text(name, cases[i].text));
		assert_refused(spec, &sizes, cases[i].words);
	}
	{
		char spec[300];

		snprintf(spec, sizeof(spec), "mix:%s", scratch_folder);
		assert_refused(spec, &sizes, "is a folder");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixed),
		cmocka_unit_test(uniform),
		cmocka_unit_test(lognormal),
		cmocka_unit_test(lognormal_bounds),
		cmocka_unit_test(specmail),
		cmocka_unit_test(weights),
		cmocka_unit_test(mix_file),
		cmocka_unit_test(refusals),
		cmocka_unit_test(refusals_in_files),
	};

	return cmocka_run_group_tests_name("mail: distributions", tests, scratch_setup,
					   scratch_teardown);
}
