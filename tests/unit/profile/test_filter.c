/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_filter.c - the filter in front of reply patterns never holds back a text that matches
 *
 * Against PCRE2 itself: patterns of every form that the filter reads, and all of the shipped
 * general rules, each with texts that match and texts that do not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include "base/rng.h"
#include "profile/rules_private.h"
#include "profile/store.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct searcher {
	pcre2_code *code;
	pcre2_match_data *data;
	struct rules_filter *filter;
};

static void searcher_open(struct searcher *s, struct span pattern)
{
	int error;
	PCRE2_SIZE offset;

	s->code = pcre2_compile((PCRE2_SPTR)pattern.data, pattern.len, PCRE2_CASELESS, &error,
				&offset, NULL);
	if (s->code == NULL)
		fail_msg("%.*s does not compile", (int)pattern.len, pattern.data);
	s->data = pcre2_match_data_create(1, NULL);
	s->filter = rules_filter_new(pattern);
	assert_non_null(s->data);
	assert_non_null(s->filter);
}

static void searcher_close(struct searcher *s)
{
	rules_filter_free(s->filter);
	pcre2_match_data_free(s->data);
	pcre2_code_free(s->code);
}

static bool matches(struct searcher *s, struct span text)
{
	return pcre2_match(s->code, (PCRE2_SPTR)text.data, text.len, 0, 0, s->data, NULL) >= 0;
}

static bool passes(struct searcher *s, struct span text)
{
	struct rules_filter_text t;

	rules_filter_text(&t, text);
	return rules_filter_passes(s->filter, &t);
}

static const struct {
	const char *pattern;
	const char *match;  /* a text that it matches */
	const char *absent; /* one that the filter is to hold back; NULL: it needs nothing */
} forms[] = {
	{"spam", "This is SPAM", "ham"},
	{"SPAM", "spam", "ham"},
	{"a", "a", NULL},
	{"", "x", NULL},
	{"ab", "xabx", "ba"},
	{"too (many|much) (mail|messages)", "too much mail", "too much"},
	{"(mail|post)box|inbox", "postbox", "box of letters"},
	{"mail ?box", "mailbox", "letter"},
	{"mail ?box", "mail box", "letter"},
	{"colou*r", "color", "shade"},
	{"colou+r", "colouuur", "color"},
	{"abx{0,3}cd", "abcd", "ab"},
	{"abx{2}cd", "abxxcd", "abcd"},
	{"(abx{,3}cd|ab)", "ab", NULL},
	{"ab{cd", "ab{cd", "abcd"},
	{"(optional )?needed", "needed", "optional"},
	{"(optional )*needed", "needed", "optional"},
	{"(twice ){2}over", "twice twice over", "over"},
	{"\\bword\\b", "a word.", "world"},
	{"\\d+ hops", "50 hops", "50 jumps"},
	{"5\\.7\\.1", "5.7.1", "5-7-1"},
	{"[a-z]+ing", "sending", "sent"},
	{"[]x]yz", "]yz", "yes"},
	{"[^]]yz", "xyz", "yes"},
	{"[\\]x]yz", "]yz", "yes"},
	{"[[:alpha:]]yz", "ayz", NULL},
	{"^start.*end$", "start and end", "start"},
	{"(?!not )wanted", "wanted", "other"},
	{"(?=ok)okay", "okay", "nope"},
	{"(?<!from )spam", "spam", "from"},
	{"(?<=from )spam", "from spam", "spoon"},
	{"(?:group)ed", "grouped", "ungrou"},
	{"(?<name>abc)\\1", "abcabc", NULL},
	{"(?i)abc", "ABC", NULL},
	{"abc|d", "d", NULL},
	{"abc|", "zzz", NULL},
	{"(abc|)", "zzz", NULL},
	{"((abc|def)|ghi)jkl", "defjkl", "abcdef"},
	{"a.c", "abc", NULL},
	{"lazy+?dog", "lazyydog", "lazy"},
	{"lazy++dog", "lazyydog", "lazy"},
	{"bo.{1,2}te pleine", "bo\xc3\xaete pleine", "bote"},
	{"\xd0\xbf\xd0\xb5\xd1\x80", "\xd0\xbf\xd0\xb5\xd1\x80", "\xd0\xbf"},
	{"\\x41bc", "abc", NULL},
	{"\\Qa.b\\E", "a.b", NULL},
	{"a\\|b", "a|b", "ab"},
};

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct searcher s;

		searcher_open(&s, span_of(forms[i].pattern));
		if (!matches(&s, span_of(forms[i].match)))
			fail_msg("\"%s\" should match \"%s\"", forms[i].pattern, forms[i].match);
		if (!passes(&s, span_of(forms[i].match)))
			fail_msg("\"%s\" holds back \"%s\"", forms[i].pattern, forms[i].match);
		if (passes(&s, span_of("")) != (forms[i].absent == NULL))
			fail_msg("\"%s\" and nothing", forms[i].pattern);
		if (forms[i].absent != NULL && passes(&s, span_of(forms[i].absent)))
			fail_msg("\"%s\" lets \"%s\" pass", forms[i].pattern, forms[i].absent);
		searcher_close(&s);
	}
}

/* A stretch that is longer than what is kept of it, and a pattern with more needs than there is
 * room for. */
static void test_limits(void **state)
{
	char text[4000], pattern[8000] = "";
	size_t len = 0;
	struct searcher s;

	(void)state;
	memset(text, 'q', 300);
	searcher_open(&s, (struct span){text, 300});
	assert_true(passes(&s, (struct span){text, 300}));
	assert_false(passes(&s, SPAN("rrrrrrrr")));
	searcher_close(&s);
	for (int i = 0; i < 700; i++)
		len += (size_t)snprintf(pattern + len, sizeof(pattern) - len, "w%03d|", i);
	pattern[len - 1] = '\0';
	searcher_open(&s, span_of(pattern));
	assert_true(passes(&s, span_of("w699")));
	searcher_close(&s);
	len = 0;
	for (int i = 0; i < 60; i++)
		len += (size_t)snprintf(pattern + len, sizeof(pattern) - len, "(?:");
	len += (size_t)snprintf(pattern + len, sizeof(pattern) - len, "deep");
	for (int i = 0; i < 60; i++)
		len += (size_t)snprintf(pattern + len, sizeof(pattern) - len, ")");
	searcher_open(&s, span_of(pattern));
	assert_true(passes(&s, span_of("deep")));
	searcher_close(&s);
}

/* Texts made of the words of replies, in any order. */
static size_t make_text(struct rng *rng, char *words, size_t words_len, char *out, size_t size)
{
	size_t len = 0, parts = 1 + rng_below(rng, 8);

	for (size_t i = 0; i < parts; i++) {
		size_t start = rng_below(rng, words_len), take = 1 + rng_below(rng, 24);

		if (start + take > words_len)
			take = words_len - start;
		if (len + take > size)
			break;
		memcpy(out + len, words + start, take);
		len += take;
	}
	return len;
}

static void test_shipped_rules(void **state)
{
	const char *const folders[] = {PROFILES_DIR};
	struct profile_store *store = profile_store_new(folders, 1);
	FILE *in = fopen(REPLIES_FILE, "re");
	static char words[64 * 1024];
	size_t words_len, matched = 0, held = 0;
	const struct profile *p;
	struct err e = {0};
	struct rng rng;

	(void)state;
	assert_non_null(store);
	assert_non_null(in);
	words_len = fread(words, 1, sizeof(words), in);
	fclose(in);
	assert_true(words_len > 1000);
	p = profile_store_load(store, "base", &e);
	if (p == NULL)
		fail_msg("%s", e.text);
	rng_init(&rng, 1);
	for (int i = 0; i < p->rule_count; i++) {
		struct searcher s;

		searcher_open(&s, p->rules[i].text);
		for (int k = 0; k < p->rules[i].sample_count; k++)
			assert_true(!matches(&s, p->rules[i].samples[k]) ||
				    passes(&s, p->rules[i].samples[k]));
		for (int k = 0; k < 200; k++) {
			char out[256];
			struct span text = {out, 0};

			text.len = make_text(&rng, words, words_len, out, sizeof(out));
			if (passes(&s, text))
				continue;
			held++;
			if (matches(&s, text))
				fail_msg("%s holds back \"%.*s\"", p->rules[i].name, (int)text.len,
					 out);
		}
		/* And it is worth its while: nothing of a rule in a text without words. */
		matched += !passes(&s, SPAN("zq zq zq"));
		searcher_close(&s);
	}
	assert_true(matched * 10 >= (size_t)p->rule_count * 9);
	assert_true(held > 1000);
	profile_store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_shipped_rules),
	};

	return cmocka_run_group_tests_name("profile/filter", tests, NULL, NULL);
}
