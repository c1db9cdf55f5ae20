/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_lint.c - patterns that explode, rules that are never reached, samples that come out wrong
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include "folder.h"
#include "profile/lint.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool passes(const char *pattern)
{
	struct faults faults = {0};
	struct profile_place place = {"f.yaml", 7};
	bool is_well;

	lint_pattern(span_of(pattern), place, "replies.r.text", &faults);
	is_well = faults.count == 0;
	assert_false(faults.is_out_of_memory);
	if (!is_well && strncmp(faults.texts[0], "f.yaml:7: replies.r.text: ", 26) != 0)
		fail_msg("%s", faults.texts[0]);
	faults_fini(&faults);
	return is_well;
}

static void test_explosive_patterns(void **state)
{
	static const char *const patterns[] = {
		"(a+)+$",
		"(a|a)*b",
		"(\\w+\\s?)*!",
		"(a*)*b",
		"((a+)b?)+c",
		"^(([a-z])+.)+[A-Z]([a-z])+$",
		"(\\d+|\\w+)*x",
		"([ab]|[cb])*d",
		"(ab|a|b)*c",
		"(.*a){12}b",
		"(x+x+)+y",
		"foo (bar|b|ar|a|r)+ baz",
		"try again (\\s*later\\s*)*now",
		"(?:(?:[0-9]+\\.?)+\\s?)+ok",
		"(a?){40}a{40}",
		"([^@]+)+@@",
		"((?:.|\\s)+)*z",
		"(?i:((lo|l|o)+)\\d)",
		"(a|b|c|d|e|[a-e])*f",
		"(\\.?[\\w-]+)+@",
		"\\s*\\s*\\s*\\s*\\s*x",
		"(?=(a+)+$)b",
		"(?<name>(x|x)+)y",
		"(\\(?\\d*\\)?)*!",
		"([[:digit:]]+|\\d)*x",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(patterns); i++)
		if (passes(patterns[i]))
			fail_msg("%s passed", patterns[i]);
}

static void test_honest_patterns(void **state)
{
	static const char *const patterns[] = {
		"unusual rate",
		"too (many|much) (connections?|messages?) from",
		"a+b+c+",
		"(abc)+d",
		"(a+b)+c",
		"\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}",
		"foo.*bar.*baz",
		"^(?:4|5)\\d\\d[ -]",
		"(?>a+)+$",
		"(a++)+$",
		"[^\"]*\"[^\"]*\"",
		"(\\w+ )*end",
		".{0,80}(one|two|three).{0,60}(four|five)",
		"\\bmail ?box\\b.{0,60}(full|over quota)",
		"((a|b)c)*d",
		"(?#(a+)x",
		"\\(a\\+\\)\\+\\$",
		"[(a+)+$]",
		"x{0,5}y",
		"",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(patterns); i++)
		if (!passes(patterns[i]))
			fail_msg("%s was refused", patterns[i]);
}

/* Whatever is read of a pattern that does not compile, or is odd, the end is reached. */
static void test_odd_patterns(void **state)
{
	static const char *const broken[] = {
		"(",   ")",  "[",    "[a",	"a{2,1}", "*",	   "(?",    "(?<",
		"(?P", "\\", "(?'x", "[[:x:]]", "(*UTF)", "(?z)x", "(?(1)", "a**b+?+"};
	char deep[300];

	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++)
		assert_false(passes(broken[i]));
	assert_true(passes("a{,5}b{x}{"));
	assert_true(passes("\\Qa+\\E"));
	assert_true(passes("(?<n>a)(?(<n>)b|c)*d"));
	assert_true(passes("[]a]*[^]a]*x"));
	assert_true(passes("[a-]*[\\]-]*x"));
	memset(deep, '(', 100);
	memset(deep + 100, ')', 100);
	deep[200] = '\0';
	assert_false(passes(deep));
}

/* Rules of a document that begins with "title: x" and "replies:", the first in the third line. */
static void test_rules(void **state)
{
	static const struct {
		const char *rules;
		int line;
		const char *said;
	} cases[] = {
		{"  a: {class: throttled}\n", 3, "replies.a: the rule matches nothing"},
		{"  a: {class: throttled, say: '421 try again later'}\n", 3,
		 "replies.a: the rule matches nothing"},
		{"  a: {text: one, class: throttled}\n  b: {text: one, class: throttled}\n", 4,
		 "replies.b: the rule is never reached: a ("},
		{"  a: {text: one, class: throttled}\n  b: {text: one, class: throttled}\n", 4,
		 "wrong.yaml:3) comes first and matches the same"},
		{"  a: {code: 4xx, class: throttled}\n  b: {code: 421, text: x, class: "
		 "greylisted}\n",
		 4, "comes first and matches all that it matches"},
		{"  a: {code: [450, 4xx], class: throttled}\n"
		 "  b: {code: [421, 451], class: greylisted}\n",
		 4, "comes first"},
		{"  a: {enhanced: 4.x.x, class: throttled}\n"
		 "  b: {enhanced: 4.7.x, text: x, class: greylisted}\n",
		 4, "comes first"},
		{"  a: {phase: [mail, rcpt], text: x, class: throttled}\n"
		 "  b: {phase: rcpt, code: 421, text: x, class: greylisted}\n",
		 4, "comes first"},
		{"  a: {text: 'rate', class: throttled}\n"
		 "  b: {text: 'unusual rate', class: throttled,\n"
		 "      samples: ['421 unusual rate', '450 unusual rates']}\n",
		 4,
		 "replies.b: the rule is never reached: its samples come out as throttled, by a"},
		{"  a: {text: 'rate', class: throttled}\n"
		 "  b: {text: 'unusual rate', class: policy, samples: ['421 unusual rate']}\n",
		 4, "\"421 unusual rate\" comes out as throttled, by a ("},
		{"  a: {text: rate, class: throttled, samples: ['421 4.1.1 hello']}\n", 3,
		 "replies.a.samples: \"421 4.1.1 hello\" comes out as unknown-user, by nobody ("},
		{"  a: {text: rate, class: throttled, samples: ['550 5.2.2 full']}\n", 3,
		 "by its code alone, for no rule matches it, not as throttled"},
		{"  a: {text: rate, class: throttled, samples: ['rate']}\n", 3,
		 "does not begin with a reply code"},
		{"  a: {text: rate, class: throttled, when: {probability: 1%}, say: '421 slow'}\n",
		 3, "replies.a.say: said at mail it comes out as"},
		{"  a: {phase: rcpt, text: rate, class: throttled, when: {probability: 1%},\n"
		 "      say: '421 rate'}\n",
		 3, "replies.a.say: said at mail"},
		{"  a: {class: policy, when: {probability: 1%}, say: '421 try again later'}\n", 3,
		 "replies.a.say: said at mail it comes out as throttled, by busy"},
	};
	struct folder f;

	(void)state;
	folder_open(&f);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[512];

		snprintf(text, sizeof(text), "title: x\nreplies:\n%s", cases[i].rules);
		folder_refuse_text(&f, text, cases[i].line, cases[i].said);
	}
	folder_close(&f);
}

static void test_good_rules(void **state)
{
	static const char *const cases[] = {
		/* Neither covers the other. */
		"  a: {code: 421, text: x, class: throttled}\n"
		"  b: {code: 4xx, text: x, class: throttled}\n"
		"  c: {phase: mail, enhanced: 4.7.1, class: throttled}\n"
		"  d: {enhanced: 4.7.1, class: throttled}\n"
		"  e: {code: 550, class: policy}\n"
		"  f: {enhanced: 5.x.x, class: policy}\n",
		/* The sink's alone: what it says is told by an inherited rule. */
		"  a: {class: throttled, when: {probability: 1%}, say: '421 try again later'}\n"
		"  b: {class: network, when: {probability: 1%}, then: close}\n",
		/* Of several lines, with and without their codes; blanks filled in. */
		"  a: {text: 'slow down, 192\\.0\\.2\\.1 of example\\.net', class: throttled,\n"
		"      samples: [\"421-4.7.0 slow\\n421 4.7.0 down, {ip} of {domain}\",\n"
		"                \"421-slow\\ndown, {ip} of {domain}\", '451 slow down, "
		"192.0.2.1 of example.net']}\n",
		/* Reached only in the phase of its own. */
		"  a: {phase: banner, text: bad, class: blocklisted}\n"
		"  b: {text: bad, class: policy, samples: ['550 bad']}\n",
		/* An earlier rule takes one of the samples, of the same class. */
		"  a: {text: rate, class: throttled}\n"
		"  b: {text: 'unusual', class: throttled,\n"
		"      samples: ['421 unusual rate', '450 unusual']}\n",
		/* Says the same as the base, which it overrules on purpose. */
		"  a: {code: 4xx, text: 'try again later', class: greylisted,\n"
		"      samples: ['450 try again later']}\n",
	};
	struct folder f;

	(void)state;
	folder_open(&f);
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[1024], name[16];

		snprintf(text, sizeof(text), "title: x\nreplies:\n%s", cases[i]);
		snprintf(name, sizeof(name), "good%zu.yaml", i);
		folder_write(&f, name, text);
		snprintf(name, sizeof(name), "good%zu", i);
		folder_load(&f, name);
	}
	folder_close(&f);
}

/* All that is wrong is found in one go, each once. */
static void test_all_faults(void **state)
{
	struct faults faults = {0};
	struct folder f;

	(void)state;
	folder_open(&f);
	folder_write(&f, "wrong.yaml",
		     "tittle: x\n"
		     "headroom: 20\n"
		     "limits:\n"
		     "  a: {max: -1, of: connections, per: source}\n"
		     "replies:\n"
		     "  r: {text: '(', class: throttled, when: {over: a}, say: '421 x'}\n");
	profile_store_check(f.store, "wrong", &faults);
	assert_int_equal(faults.count, 5);
	assert_non_null(strstr(faults.texts[0], "wrong.yaml:1: tittle: "));
	assert_non_null(strstr(faults.texts[1], "wrong.yaml:1: \"title\" is missing"));
	assert_non_null(strstr(faults.texts[2], "wrong.yaml:2: headroom: "));
	assert_non_null(strstr(faults.texts[3], "wrong.yaml:4: limits.a.max: "));
	assert_non_null(strstr(faults.texts[4], "wrong.yaml:6: replies.r.text: "));
	faults_fini(&faults);
	folder_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_explosive_patterns), cmocka_unit_test(test_honest_patterns),
		cmocka_unit_test(test_odd_patterns),	   cmocka_unit_test(test_rules),
		cmocka_unit_test(test_good_rules),	   cmocka_unit_test(test_all_faults),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
