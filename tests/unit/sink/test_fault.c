/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_fault.c - fault rules: how they are written, what is said of wrong ones, when they strike
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include "base/clock.h"
#include "sink/fault.h"
#include "sink/greylist.h"

static struct fault_rules *rules_of(const char *const *texts, uint64_t seed)
{
	struct fault_rules *f = fault_rules_new();
	struct err e = {0};

	assert_non_null(f);
	for (; *texts; texts++)
		if (fault_rules_add(f, span_of(*texts), &e) < 0)
			fail_msg("%s", e.text);
	fault_rules_seal(f, seed);
	return f;
}

static struct fault_rules *rule_of(const char *text, uint64_t seed)
{
	const char *const texts[] = {text, NULL};

	return rules_of(texts, seed);
}

/* Every message names the rule and says what is wrong with it. */
static void test_wrong_rules(void **state)
{
	static const struct {
		const char *rule, *said;
	} wrong[] = {
		{"", "\"\" is no phase: use connect"},
		{"recipient:close", "\"recipient\" is no phase"},
		{"rcpt", "does not say what shall happen"},
		{"rcpt:p=0.5", "does not say what shall happen"},
		{"rcpt:repy=450 x", "\"repy\" is not known: use reply, close"},
		{"rcpt:reply", "reply needs a value, as in \"reply=450"},
		{"rcpt:reply=45 x", "begins with a code from 200 to 599"},
		{"rcpt:reply=650 x", "begins with a code from 200 to 599"},
		{"rcpt:reply=450x", "begins with a code from 200 to 599"},
		{"rcpt:reply=450 a\\tb", "a reply holds printable characters"},
		{"rcpt:reply=450 a\rb", "a reply holds printable characters"},
		{"rcpt:close=now", "close takes no value"},
		{"rcpt:close;reset", "close and reset do not go together"},
		{"rcpt:delay=1s;delay=2s", "delay is given twice"},
		{"rcpt:delay=soon", "\"soon\" is no delay: it is written like \"20ms\""},
		{"rcpt:delay=2h", "an hour at most"},
		{"rcpt:delay=exp:", "written like \"exp:20ms\""},
		{"rcpt:delay=gamma:1ms", "\"gamma\" is no distribution"},
		{"rcpt:delay=uniform:5ms-1ms", "written like \"uniform:1ms-5ms\""},
		{"rcpt:delay=normal:5ms", "written like \"normal:50ms,10ms\""},
		{"rcpt:delay=lognormal:5ms,x", "written like \"lognormal:20ms,0.5\""},
		{"rcpt:close;p=0", "\"p=0\" makes no sense"},
		{"rcpt:close;p=1.5", "\"p=1.5\" makes no sense"},
		{"rcpt:close;p=often", "\"p=often\" makes no sense"},
		{"rcpt:close;p=", "\"p=\" makes no sense"},
		{"rcpt:close;every=0", "\"every=0\" makes no sense"},
		{"rcpt:close;first=x", "\"first=x\" makes no sense"},
		{"rcpt:close;after=5/day", "\"after=5/day\" makes no sense"},
		{"rcpt:close;at=5", "at goes with the phase body alone"},
		{"body:read=1k/s;at=5", "at goes with close, reset and stall alone"},
		{"body:reply=550 no", "reply does not go with the phase body"},
		{"body:delay=1s", "delay does not go with the phase body"},
		{"connect:reply=421 no", "reply does not go with the phase connect"},
		{"mail:greylist=5m", "greylist does not go with the phase mail"},
		{"mail:refuse", "refuse does not go with the phase mail"},
		{"mail:alert=40", "alert does not go with the phase mail"},
		{"tls:alert=300", "\"alert=300\" makes no sense"},
		{"rcpt:tarpit=0", "\"tarpit=0\" makes no sense"},
		{"rcpt:garbage=2M", "\"garbage=2M\" makes no sense"},
		{"rcpt:oversize=5", "\"oversize=5\" makes no sense"},
		{"body:read=fast", "\"read=fast\" makes no sense: write it like \"read=10k/s\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct fault_rules *f = fault_rules_new();
		struct err e = {0};

		assert_int_equal(fault_rules_add(f, span_of(wrong[i].rule), &e), -1);
		assert_int_equal(e.status, EXIT_USAGE);
		if (!strstr(e.text, wrong[i].said) || !strstr(e.text, "fault rule \""))
			fail_msg("rule \"%s\": \"%s\" lacks \"%s\"", wrong[i].rule, e.text,
				 wrong[i].said);
		assert_int_equal(f->rule_count, 0);
		fault_rules_free(f);
	}
}

static void test_bounds(void **state)
{
	struct fault_rules *f = fault_rules_new();
	struct err e = {0};
	char text[3000];

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, "rcpt:reply=450 ", 15);
	assert_int_equal(fault_rules_add(f, (struct span){text, 2999}, &e), -1);
	assert_non_null(strstr(e.text, "longer than"));
	assert_int_equal(fault_rules_add(f, (struct span){text, 15 + 507}, &e), -1);
	assert_non_null(strstr(e.text, "the reply is too long"));
	assert_int_equal(fault_rules_add(f, (struct span){text, 15 + 506}, &e), 0);
	while (f->rule_count < FAULT_RULES_MAX)
		assert_int_equal(fault_rules_add(f, SPAN("mail:close"), &e), 0);
	assert_int_equal(fault_rules_add(f, SPAN("mail:close"), &e), -1);
	assert_non_null(strstr(e.text, "more than"));
	fault_rules_free(f);
}

static void test_good_rules(void **state)
{
	static const char *const texts[] = {
		"RCPT: reply=450 4.2.1 Mailbox busy ; p=10% ",
		"ehlo:reply=550-a; every=3",
		"banner:reply=554 one\\ntwo\\; \\\\three;delay=exp:20ms",
		"body:reset;at=1000;after=3/conn",
		"dot:oversize=100M;after=10/m",
		"tls:alert",
		"tls:garbage",
		"quit:delay=uniform:1ms-5ms;first=2",
		"body:read=10k/s",
		NULL,
	};
	struct fault_rules *f;
	struct fault_rules *wrong = fault_rules_new();

	(void)state;
	/* A code and a hyphen is not how a reply is written here. */
	assert_int_equal(fault_rules_add(wrong, span_of(texts[1]), NULL), -1);
	fault_rules_free(wrong);
	f = fault_rules_new();
	for (int i = 0; texts[i]; i++)
		if (i != 1)
			assert_int_equal(fault_rules_add(f, span_of(texts[i]), NULL), 0);
	assert_int_equal(f->rules[0]->phase, FAULT_RCPT);
	assert_int_equal(f->rules[0]->code, 450);
	assert_string_equal(f->rules[0]->text, texts[0]);
	assert_int_equal(f->rules[0]->reply_len, 24);
	assert_memory_equal(f->rules[0]->reply, "450 4.2.1 Mailbox busy\r\n", 24);
	assert_true(fabs(f->rules[0]->probability - 0.1) < 1e-9);
	assert_int_equal(f->rules[1]->reply_len, 26);
	assert_memory_equal(f->rules[1]->reply, "554-one\r\n554 two; \\three\r\n", 26);
	assert_int_equal(f->rules[1]->delay.kind, LAW_EXPONENTIAL);
	assert_int_equal(f->rules[2]->at, 1000);
	assert_true(f->rules[2]->is_after_conn);
	assert_int_equal(f->rules[3]->size, 100u << 20);
	assert_int_equal(f->rules[3]->after_window_ns, 60 * NS_PER_SEC);
	assert_int_equal(f->rules[4]->size, 40);
	assert_int_equal(f->rules[5]->reply_len, 64);
	assert_int_equal(f->rules[6]->first, 2);
	assert_int_equal(f->rules[7]->rate.count * (uint64_t)NS_PER_SEC /
				 (uint64_t)f->rules[7]->rate.per_ns,
			 10000);
	fault_rules_free(f);
}

/* Which of count occasions strike, as bits; at now_ns + i * step_ns, in one connection. */
static uint64_t strikes(struct fault_rules *f, enum fault_phase phase, int count, int64_t step_ns)
{
	uint64_t bits = 0;

	for (int i = 0; i < count; i++) {
		struct fault_occasion o = {.phase = phase,
					   .count_in_connection = (uint64_t)i + 1,
					   .now_ns = 10 * NS_PER_SEC + i * step_ns};

		if (fault_judge(f, &o).action)
			bits |= UINT64_C(1) << i;
	}
	return bits;
}

/* A thread's stamp may be older than another's: the window that was begun goes on. */
static void test_late_stamp(void **state)
{
	static const int64_t at_s[] = {10, 11, 11, 10, 11, 12, 12, 12};
	static const bool strikes_then[] = {false, false, false, true, true, false, false, true};
	struct fault_rules *f = rule_of("rcpt:close;after=2/s", 1);

	(void)state;
	for (size_t i = 0; i < sizeof(at_s) / sizeof(*at_s); i++) {
		struct fault_occasion o = {.phase = FAULT_RCPT, .now_ns = at_s[i] * NS_PER_SEC};

		assert_int_equal(fault_judge(f, &o).action != NULL, strikes_then[i]);
	}
	fault_rules_free(f);
}

static void test_counting(void **state)
{
	static const struct {
		const char *rule;
		int64_t step_ns;
		uint64_t bits; /* of the first 12 occasions */
	} cases[] = {
		{"rcpt:close", 0, 0xfff},
		{"rcpt:close;every=3", 0, 0x924},
		{"rcpt:close;first=2", 0, 0x003},
		{"rcpt:close;after=10", 0, 0xc00},
		{"rcpt:close;after=4/conn", 0, 0xff0},
		{"rcpt:close;after=4;first=3", 0, 0x070},
		{"rcpt:close;after=4;every=2", 0, 0xaa0},
		{"rcpt:close;first=6;every=2", 0, 0x02a},
		/* Four a second: the third and fourth of each second. */
		{"rcpt:close;after=2/s", NS_PER_SEC / 4, 0xccc},
		{"rcpt:close;after=2/s", NS_PER_SEC, 0},
		{"rcpt:close;after=10/m", NS_PER_SEC, 0xc00},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct fault_rules *f = rule_of(cases[i].rule, 1);

		assert_int_equal(strikes(f, FAULT_RCPT, 12, cases[i].step_ns), cases[i].bits);
		assert_int_equal(f->rules[0]->seen, 12);
		assert_int_equal(f->rules[0]->fired, __builtin_popcountll(cases[i].bits));
		assert_false(fault_has(f, FAULT_MAIL));
		fault_rules_free(f);
	}
}

/* A connection's own count begins anew with each connection; that of the process does not. */
static void test_connections(void **state)
{
	struct fault_rules *f = rule_of("mail:close;after=2/conn", 1);

	(void)state;
	assert_int_equal(strikes(f, FAULT_MAIL, 4, 0), 0xc);
	assert_int_equal(strikes(f, FAULT_MAIL, 4, 0), 0xc);
	fault_rules_free(f);
	f = rule_of("mail:close;after=2", 1);
	assert_int_equal(strikes(f, FAULT_MAIL, 4, 0), 0xc);
	assert_int_equal(strikes(f, FAULT_MAIL, 4, 0), 0xf);
	fault_rules_free(f);
}

/* Chances: as many as there should be, the same in every run with the seed, others with another. */
static void test_chance(void **state)
{
	uint64_t first = 0;

	(void)state;
	for (int run = 0; run < 3; run++) {
		struct fault_rules *f = rule_of("rcpt:close;p=0.2", run < 2 ? 7 : 8);
		uint64_t bits = strikes(f, FAULT_RCPT, 64, 0);

		if (run == 0)
			first = bits;
		else if (run == 1)
			assert_int_equal(bits, first);
		else
			assert_int_not_equal(bits, first);
		for (int i = 0; i < 100; i++)
			strikes(f, FAULT_RCPT, 64, 0);
		/* 6464 occasions: mean 1293, deviation 32. */
		assert_in_range(f->rules[0]->fired, 1293 - 160, 1293 + 160);
		fault_rules_free(f);
	}
}

/* The first rule with an action decides it, the first with a delay the delay; all are counted. */
static void test_several(void **state)
{
	static const char *const texts[] = {
		"rcpt:reply=450 a;every=2",
		"rcpt:reply=451 b;delay=5ms",
		"rcpt:delay=9ms",
		"mail:close",
		NULL,
	};
	struct fault_rules *f = rules_of(texts, 1);
	struct fault_occasion o = {.phase = FAULT_RCPT};
	struct fault_verdict v;

	(void)state;
	v = fault_judge(f, &o);
	assert_int_equal(v.action->code, 451);
	assert_int_equal(v.delay_ns, 5 * NS_PER_MS);
	assert_ptr_equal(v.delay, f->rules[1]);
	v = fault_judge(f, &o);
	assert_int_equal(v.action->code, 450);
	assert_int_equal(v.delay_ns, 5 * NS_PER_MS);
	assert_int_equal(f->rules[0]->fired, 1);
	assert_int_equal(f->rules[1]->fired, 2);
	assert_int_equal(f->rules[2]->fired, 2);
	assert_int_equal(f->rules[3]->seen, 0);
	fault_rules_free(f);
}

static void test_greylist(void **state)
{
	static const char *const texts[] = {"rcpt:greylist=10s", "rcpt:reply=550 x", NULL};
	struct fault_rules *f = rules_of(texts, 1);
	struct fault_occasion o = {.phase = FAULT_RCPT, .triplet = 5, .now_ns = NS_PER_SEC};

	(void)state;
	assert_int_equal(fault_judge(f, &o).action->action, FAULT_GREYLIST);
	o.now_ns = 10 * NS_PER_SEC;
	assert_int_equal(fault_judge(f, &o).action->action, FAULT_GREYLIST);
	/* Ten seconds after it was first seen it passes, to the next rule. */
	o.now_ns = 11 * NS_PER_SEC;
	assert_int_equal(fault_judge(f, &o).action->action, FAULT_REPLY);
	o.triplet = 6;
	assert_int_equal(fault_judge(f, &o).action->action, FAULT_GREYLIST);
	fault_rules_free(f);
}

static void test_greylist_grows(void **state)
{
	struct greylist *g = greylist_new();

	(void)state;
	for (uint64_t i = 0; i < 20000; i++)
		assert_false(greylist_passes(g, i, 0, 1));
	for (uint64_t i = 0; i < 20000; i++)
		assert_int_equal(greylist_passes(g, i, 1, 1), 1);
	assert_int_equal(greylist_overflows(g), 0);
	greylist_free(g);
}

/* Draws from each law: the mean is the law's, and nothing lies outside its range. */
static void test_laws(void **state)
{
	static const struct {
		const char *text;
		double mean_ms, tolerance, low_ms, high_ms;
	} laws[] = {
		{"20ms", 20, 0, 20, 20},
		{"const:20ms", 20, 0, 20, 20},
		{"uniform:1ms-5ms", 3, 0.05, 1, 5},
		{"uniform:5ms-5ms", 5, 0, 5, 5},
		{"exp:20ms", 20, 0.8, 0, 1000},
		{"normal:50ms,10ms", 50, 0.5, 0, 120},
		{"normal:1ms,10ms", 4.5, 0.3, 0, 80},
		/* The mean of a lognormal law is median * exp(sigma^2 / 2). */
		{"lognormal:20ms,0.5", 22.66, 0.6, 0.5, 800},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(laws) / sizeof(*laws); i++) {
		struct law l;
		struct rng r;
		double sum = 0;

		rng_init(&r, 3);
		assert_int_equal(law_parse(span_of(laws[i].text), &l, NULL), 0);
		for (int n = 0; n < 10000; n++) {
			double ms = (double)law_draw(&l, &r) / 1e6;

			assert_true(ms >= laws[i].low_ms && ms <= laws[i].high_ms);
			sum += ms;
		}
		if (fabs(sum / 10000 - laws[i].mean_ms) > laws[i].tolerance + 1e-9)
			fail_msg("%s: mean %f", laws[i].text, sum / 10000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_rules), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_good_rules),  cmocka_unit_test(test_late_stamp),
		cmocka_unit_test(test_counting),    cmocka_unit_test(test_connections),
		cmocka_unit_test(test_chance),	    cmocka_unit_test(test_several),
		cmocka_unit_test(test_greylist),    cmocka_unit_test(test_greylist_grows),
		cmocka_unit_test(test_laws),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
