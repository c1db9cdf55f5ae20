/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_catalogue.c - the shipped general rules against replies that they were not written from
 *
 * other_replies.tsv (REPLIES_FILE) holds what mail servers of many kinds say, with the class that a
 * person would give it; none of them is a sample of a rule. The samples themselves are linted when
 * the profile is loaded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include "profile/explain.h"

#define RULES_MIN 120
#define RIGHT_MIN 95 /* of a hundred */

static const char *const folders[] = {PROFILES_DIR};

struct shipped {
	struct profile_store *store;
	const struct profile *base;
	struct rules *rules;
	struct rules_reader *reader;
};

static int open_base(void **state)
{
	static struct shipped s;
	struct err e = {0};

	s.store = profile_store_new(folders, 1);
	s.base = s.store != NULL ? profile_store_load(s.store, "base", &e) : NULL;
	s.rules = s.base != NULL ? rules_new(s.base, &e) : NULL;
	s.reader = s.rules != NULL ? rules_reader_new(s.rules) : NULL;
	*state = &s;
	if (s.reader == NULL)
		print_error("%s\n", e.text);
	return s.reader != NULL ? 0 : -1;
}

static int close_base(void **state)
{
	struct shipped *s = *state;

	rules_reader_free(s->reader);
	rules_free(s->rules);
	profile_store_free(s->store);
	return 0;
}

/* "\n" written as two characters becomes a line feed; "550-" of the further lines goes. */
static struct reply read_reply(char *line)
{
	struct reply reply = {
		.code = (uint16_t)((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'))};
	char *in = line + 4, *out = line + 4, *text = out;

	while (*in != '\0') {
		if (in[0] == '\\' && in[1] == 'n') {
			*out++ = '\n';
			in += 6;
		} else {
			*out++ = *in++;
		}
	}
	reply.text = (struct span){text, (size_t)(out - text)};
	enhanced_parse(reply.text, reply.code, &reply.enhanced);
	return reply;
}

static void test_other_replies(void **state)
{
	struct shipped *s = *state;
	FILE *in = fopen(REPLIES_FILE, "re");
	char *line = NULL;
	size_t cap = 0;
	ssize_t len;
	int right = 0, count = 0;

	assert_non_null(in);
	while ((len = getline(&line, &cap, in)) > 0) {
		char *tab = strchr(line, '\t');
		enum reply_class class;
		struct reply reply;
		struct verdict v;

		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (line[0] == '#' || tab == NULL)
			continue;
		assert_true(class_from_name((struct span){line, (size_t)(tab - line)}, &class));
		reply = read_reply(tab + 1);
		v = rules_judge(s->reader, &reply, PHASE_SESSION);
		count++;
		right += v.class == class;
		if (v.class != class)
			print_message("# %s instead of %s: %s\n", class_name(v.class),
				      class_name(class), tab + 1);
		/* Whatever it is called: nobody is condemned who should not be. */
		if (v.rule != NULL && v.rule->action == ACTION_SUPPRESS)
			assert_true(class == CLASS_UNKNOWN_USER || class == CLASS_UNKNOWN_DOMAIN ||
				    class == CLASS_MAILBOX_UNAVAILABLE ||
				    class == CLASS_SUPPRESSED);
		if (class == CLASS_UNKNOWN)
			assert_int_not_equal(v.permanence, PERMANENCE_HARD);
	}
	free(line);
	fclose(in);
	assert_true(count >= 60);
	print_message("# %d of %d\n", right, count);
	assert_true(right * 100 >= count * RIGHT_MIN);
	assert_int_equal(rules_gave_up(s->reader), 0);
}

/* Each rule explains itself, has a sample, and never suppresses by a 4xx. */
static void test_every_rule(void **state)
{
	struct shipped *s = *state;

	assert_true(s->base->rule_count >= RULES_MIN);
	for (int i = 0; i < s->base->rule_count; i++) {
		const struct profile_rule *r = &s->base->rules[i];

		if (r->cause == NULL || r->remedy == NULL || r->sample_count == 0)
			fail_msg("rule %s lacks cause, remedy or samples", r->name);
		if (r->text.len == 0)
			fail_msg("rule %s knows no words", r->name);
		if (r->action != ACTION_SUPPRESS)
			continue;
		if (r->code_count == 0)
			fail_msg("rule %s suppresses by any code", r->name);
		for (int k = 0; k < r->code_count; k++)
			assert_true(r->codes[k] >= 500);
	}
}

/* Text without any meaning matches nothing, in whatever form it comes. */
static void test_noise_matches_nothing(void **state)
{
	static const char *const noise[] = {
		"zq",
		"",
		"....",
		"5.0.0",
		"lorem ipsum dolor sit amet",
		"\x80\xff\xfe",
		"(((((((((((((((((((((",
		"a a a a a a a a a a a a a a a a a a a a a a a a",
	};
	struct shipped *s = *state;

	for (size_t i = 0; i < sizeof(noise) / sizeof(noise[0]); i++)
		for (int code = 450; code < 600; code += 100) {
			struct reply reply = {.code = (uint16_t)code, .text = span_of(noise[i])};
			struct verdict v = rules_judge(s->reader, &reply, PHASE_SESSION);

			if (v.basis == BASIS_RULE)
				fail_msg("%d %s: %s", code, noise[i], v.rule->name);
			assert_int_not_equal(v.permanence, PERMANENCE_HARD);
		}
}

/* Long replies of what patterns look for, over and over, do not make them give up. */
static void test_hostile_texts(void **state)
{
	static const char *const words[] = {
		"mailbox ", "too many ", "exceed limit ", "user unknown ", "a@example.com: ",
		"not ",	    "sender ",	 "message size ", "blocked ",	   "aaaaaaaaaaaaaaaa",
		". ",	    "{ip} ",	 "1.2.3.4 ",	  "per per per ",  "spf dns ",
	};
	struct shipped *s = *state;
	static char text[RULES_TEXT_MAX];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct reply reply = {.code = 450, .text = {text, sizeof(text)}};
		size_t len = strlen(words[i]);

		for (size_t at = 0; at < sizeof(text); at++)
			text[at] = words[i][at % len];
		rules_judge(s->reader, &reply, PHASE_SESSION);
		reply.code = 550;
		rules_judge(s->reader, &reply, PHASE_SESSION);
	}
	assert_int_equal(rules_gave_up(s->reader), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_replies),
		cmocka_unit_test(test_every_rule),
		cmocka_unit_test(test_noise_matches_nothing),
		cmocka_unit_test(test_hostile_texts),
	};

	return cmocka_run_group_tests_name("profile/catalogue", tests, open_base, close_base);
}
