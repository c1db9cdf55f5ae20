/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_explain.c - whose rules explain a reply, and that there are words for everything
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include "base/clock.h"
#include "folder.h"
#include "profile/explain.h"

#define MINUTE (60 * NS_PER_SEC)

static struct explanation explain(struct explainer *x, const char *line)
{
	struct reply reply = {.text = span_of(line + 4)};
	struct explanation found;
	struct err e = {0};

	for (int i = 0; i < 3; i++)
		reply.code = (uint16_t)(reply.code * 10 + (line[i] - '0'));
	enhanced_parse(reply.text, reply.code, &reply.enhanced);
	if (explainer_judge(x, &reply, PHASE_SESSION, &found, &e) < 0)
		fail_msg("%s", e.text);
	return found;
}

static struct explainer *explainer_open(struct folder *f, const char *name)
{
	struct err e = {0};
	struct explainer *x = explainer_new(f->store, name, &e);

	if (x == NULL)
		fail_msg("%s", e.text);
	return x;
}

static void write_profiles(struct folder *f)
{
	folder_open(f);
	folder_write(
		f, "base.yaml",
		"title: Base\nheadroom: 20%\n"
		"retry: {first: 10m, factor: 2, max: 4h, give-up: 3d, jitter: 10%,\n"
		"        greylist: 6m}\n"
		"replies:\n"
		"  grey: {text: greylist, class: greylisted}\n"
		"  busy: {text: busy, class: server-temporary, cause: too busy, remedy: wait}\n"
		"  gone: {code: 5xx, text: no such user, class: unknown-user, do: suppress}\n"
		"  day: {text: daily quota, class: quota-exhausted, do: pause window}\n");
	folder_write(f, "a-in.yaml",
		     "title: A, inbound\nprovider: A Mail\nrecognise: 'a-mail\\.example'\n"
		     "replies:\n  own: {text: 'code 17', class: blocklisted, do: pause 1h}\n");
	folder_write(f, "a-out.yaml",
		     "title: A, submission\nprovider: A Mail\nrecognise: 'a-mail\\.example'\n"
		     "replies:\n  login: {text: 'code 18', class: auth-failed}\n");
	folder_write(f, "b.yaml",
		     "title: B\nprovider: B Mail\n"
		     "replies:\n  odd: {text: 'xyzzy', class: throttled}\n"
		     "  bare: {code: 599, class: policy}\n");
	folder_write(f, "broken.yaml", "title: [\n");
	folder_renew(f);
}

static void test_whose_rules(void **state)
{
	struct folder f;
	struct explainer *x;
	struct explanation found;

	(void)state;
	write_profiles(&f);
	x = explainer_open(&f, NULL);

	found = explain(x, "550 no such user");
	assert_null(found.provider);
	assert_string_equal(found.profile->name, "base");
	assert_int_equal(found.verdict.basis, BASIS_RULE);

	/* Recognised; the general rule that its profile takes over. */
	found = explain(x, "450 busy - a-mail.example");
	assert_string_equal(found.provider, "A Mail");
	assert_string_equal(found.cause, "too busy");

	/* The one of its profiles that has a rule for it, first or last. */
	found = explain(x, "550 code 17 - A-MAIL.example");
	assert_string_equal(found.profile->name, "a-in");
	found = explain(x, "535 code 18 - a-mail.example");
	assert_string_equal(found.profile->name, "a-out");
	assert_int_equal(found.verdict.class, CLASS_AUTH_FAILED);

	/* Recognised with a text that nobody knows: the codes, and who it was. */
	found = explain(x, "550 zq a-mail.example");
	assert_string_equal(found.provider, "A Mail");
	assert_int_equal(found.verdict.basis, BASIS_CODE);

	/* Not recognised, but one profile knows the words; bare codes prove nothing. */
	found = explain(x, "550 xyzzy");
	assert_string_equal(found.provider, "B Mail");
	assert_int_equal(found.verdict.class, CLASS_THROTTLED);
	found = explain(x, "599 zq");
	assert_null(found.provider);
	assert_int_equal(found.verdict.class, CLASS_UNKNOWN);
	explainer_free(x);
	folder_close(&f);
}

static void test_named_profile(void **state)
{
	struct folder f;
	struct explainer *x;
	struct explanation found;
	struct err e = {0};

	(void)state;
	write_profiles(&f);
	x = explainer_open(&f, "b");
	found = explain(x, "599 zq a-mail.example");
	assert_string_equal(found.provider, "B Mail");
	assert_int_equal(found.verdict.class, CLASS_POLICY);
	explainer_free(x);

	assert_null(explainer_new(f.store, "broken", &e));
	assert_int_equal(e.status, EXIT_USAGE);
	assert_non_null(strstr(e.text, "broken.yaml:"));
	assert_null(explainer_new(f.store, "nobody", &e));
	assert_int_equal(e.status, EXIT_USAGE);
	folder_close(&f);
}

static void test_when_to_try_again(void **state)
{
	struct folder f;
	struct explainer *x;
	struct explanation found;

	(void)state;
	write_profiles(&f);
	x = explainer_open(&f, NULL);
	/* By the schedule; what the reply says where that is longer; greylisting's least wait. */
	found = explain(x, "450 busy");
	assert_true(found.retries);
	assert_int_equal(found.after_ns, 10 * MINUTE);
	found = explain(x, "450 greylisted");
	assert_int_equal(found.after_ns, 6 * MINUTE);
	found = explain(x, "450 greylisted, come back in 60 seconds");
	assert_int_equal(found.after_ns, 6 * MINUTE);
	found = explain(x, "450 greylisted, come back in 30 minutes");
	assert_int_equal(found.after_ns, 30 * MINUTE);
	found = explain(x, "550 daily quota");
	assert_true(found.retries);
	assert_int_equal(found.after_ns, 0);
	found = explain(x, "550 no such user");
	assert_false(found.retries);
	assert_int_equal(found.after_ns, 0);
	found = explain(x, "250 ok");
	assert_false(found.retries);
	assert_non_null(strstr(found.cause, "accepted is not delivered"));
	explainer_judge_network(x, &found);
	assert_int_equal(found.verdict.class, CLASS_NETWORK);
	assert_true(found.retries);
	assert_int_equal(found.after_ns, 10 * MINUTE);
	explainer_free(x);
	folder_close(&f);
}

static void test_words(void **state)
{
	static const struct {
		enum reply_class class;
		enum permanence permanence;
		const char *kind;
	} kinds[] = {
		{CLASS_UNKNOWN_USER, PERMANENCE_HARD, "hard"},
		{CLASS_UNKNOWN_USER, PERMANENCE_SOFT, "soft"},
		{CLASS_MAILBOX_FULL, PERMANENCE_SOFT, "soft"},
		{CLASS_THROTTLED, PERMANENCE_SOFT, "throttle"},
		{CLASS_QUOTA_EXHAUSTED, PERMANENCE_SOFT, "throttle"},
		{CLASS_GREYLISTED, PERMANENCE_SOFT, "greylist"},
		{CLASS_AUTH_FAILED, PERMANENCE_HARD, "auth"},
		{CLASS_STARTTLS_REQUIRED, PERMANENCE_HARD, "auth"},
		{CLASS_BLOCKLISTED, PERMANENCE_SOFT, "policy"},
		{CLASS_PROTOCOL, PERMANENCE_HARD, "protocol"},
		{CLASS_UNKNOWN, PERMANENCE_SOFT, "unknown"},
		{CLASS_NETWORK, PERMANENCE_SOFT, "network"},
		{CLASS_ACCEPTED, PERMANENCE_NONE, "accepted"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct verdict v = {.class = kinds[i].class, .permanence = kinds[i].permanence};

		assert_string_equal(explain_kind(&v), kinds[i].kind);
	}
	for (int class = 0; class < CLASS_COUNT; class ++) {
		assert_true(strlen(explain_class_cause((enum reply_class) class)) > 10);
		assert_true(strlen(explain_class_remedy((enum reply_class) class)) > 10);
	}
	for (int scope = 0; scope < SCOPE_COUNT; scope++)
		assert_true(strlen(explain_scope((enum reply_scope)scope)) > 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_rules),
		cmocka_unit_test(test_named_profile),
		cmocka_unit_test(test_when_to_try_again),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests_name("profile/explain", tests, NULL, NULL);
}
