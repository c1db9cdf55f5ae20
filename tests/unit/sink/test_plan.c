/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_plan.c - where a sink listens, who may log in, and what contradicts itself
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "sink/accounts.h"
#include "sink/plan.h"

static void test_listeners(void **state)
{
	static const struct {
		const char *text, *shown;
	} good[] = {
		{"smtp://127.0.0.1:2525", "smtp 127.0.0.1:2525"},
		{"SMTP://127.0.0.1:2525/", "smtp 127.0.0.1:2525"},
		{"smtps://[::1]:0", "smtps [::1]:0"},
		{"smtp+starttls://*:25", "smtp+starttls 0.0.0.0:25"},
		{"starttls://:587", "smtp+starttls 127.0.0.1:587"},
		{"lmtp://localhost:24", "lmtp 127.0.0.1:24"},
		{"lmtp://", "lmtp 127.0.0.1:24"},
		{"smtps://192.0.2.1", "smtps 192.0.2.1:465"},
		{"smtp://::1", "smtp [::1]:25"},
		{"2525", "smtp 127.0.0.1:2525"},
		{":2525", "smtp 127.0.0.1:2525"},
		{"192.0.2.1:2525", "smtp 192.0.2.1:2525"},
		{"[2001:db8::1]:2525", "smtp [2001:db8::1]:2525"},
		{"unix:/run/sink", "smtp unix:/run/sink"},
		{"lmtp:unix:/run/sink", "lmtp unix:/run/sink"},
	};
	static const char *const wrong[] = {
		"smtp://mail.example:25",
		"smtp://127.0.0.1:65536",
		"smtp://127.0.0.1:x",
		"http://127.0.0.1:80",
		"unix:",
		"smtp://127.0.0.1:",
		"[::1",
		"",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		struct sink_listener l;
		struct err e = {0};
		char address[ENDPOINT_TEXT_MAX], text[256];

		if (sink_listener_parse(span_of(good[i].text), &l, &e) < 0)
			fail_msg("%s: %s", good[i].text, e.text);
		snprintf(text, sizeof(text), "%s %s", sink_listener_scheme(&l),
			 endpoint_text(&l.at, address));
		assert_string_equal(text, good[i].shown);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		struct sink_listener l;
		struct err e = {0};

		/* The empty text is loopback at SMTP's port. */
		if (wrong[i][0] == '\0') {
			assert_int_equal(sink_listener_parse(span_of(wrong[i]), &l, &e), 0);
			assert_true(endpoint_is_loopback(&l.at));
			continue;
		}
		if (sink_listener_parse(span_of(wrong[i]), &l, &e) == 0)
			fail_msg("\"%s\" was taken", wrong[i]);
		assert_int_equal(e.status, EXIT_USAGE);
		assert_non_null(strstr(e.text, wrong[i]));
	}
}

static void test_accounts(void **state)
{
	struct sink_plan p;
	struct accounts a;
	struct err e = {0};

	(void)state;
	sink_plan_init(&p);
	assert_int_equal(sink_account_add(&p, SPAN("joe:se:cret"), &e), 0);
	assert_int_equal(sink_account_add(&p, SPAN("anna:x"), &e), 0);
	assert_int_equal(sink_account_add(&p, SPAN("zoe:y"), &e), 0);
	assert_int_equal(sink_account_add(&p, SPAN("joe:other"), &e), 0);
	assert_int_equal(accounts_init(&a, &p, &e), 0);
	assert_string_equal(a.sasl.password(&a.sasl, "joe"), "se:cret");
	assert_string_equal(a.sasl.password(&a.sasl, "anna"), "x");
	assert_string_equal(a.sasl.password(&a.sasl, "zoe"), "y");
	assert_null(a.sasl.password(&a.sasl, "jo"));
	assert_null(a.sasl.password(&a.sasl, "zz"));
	assert_null(a.sasl.password(&a.sasl, ""));
	accounts_fini(&a);
	/* A message about an account never shows it. */
	assert_int_equal(sink_account_add(&p, SPAN("secret-without-colon"), &e), -1);
	assert_null(strstr(e.text, "secret"));
	assert_int_equal(sink_account_add(&p, SPAN(":x"), &e), -1);
	assert_int_equal(sink_account_add(&p, SPAN("x:"), &e), -1);
	sink_plan_fini(&p);
}

static void refused(const struct sink_plan *p, bool has_tls, const char *said)
{
	struct err e = {0};

	assert_int_equal(sink_plan_check(p, has_tls, &e), -1);
	assert_int_equal(e.status, EXIT_USAGE);
	if (!strstr(e.text, said))
		fail_msg("\"%s\" lacks \"%s\"", e.text, said);
}

static void test_contradictions(void **state)
{
	struct sink_plan p;

	(void)state;
	sink_plan_init(&p);
	refused(&p, true, "nothing to listen at");
	p.listener_count = 1;
	assert_int_equal(sink_plan_check(&p, false, NULL), 0);
	p.is_tls_required = true;
	refused(&p, true, "TLS is required and smtp:// has none");
	p.listeners[0].security = SINK_STARTTLS;
	refused(&p, false, "wants TLS");
	assert_int_equal(sink_plan_check(&p, true, NULL), 0);
	p.extensions &= ~(uint32_t)SMTP_EXT_STARTTLS;
	refused(&p, true, "STARTTLS is hidden");
	p.is_tls_required = false;
	p.is_auth_required = true;
	refused(&p, true, "there is no account");
	assert_int_equal(sink_account_add(&p, SPAN("a:b"), NULL), 0);
	assert_int_equal(sink_plan_check(&p, true, NULL), 0);
	p.extensions &= ~(uint32_t)SMTP_EXT_AUTH;
	refused(&p, true, "AUTH is required and hidden");
	p.is_auth_required = false;
	p.threads = 0;
	refused(&p, true, "threads");
	sink_plan_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listeners),
		cmocka_unit_test(test_accounts),
		cmocka_unit_test(test_contradictions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
