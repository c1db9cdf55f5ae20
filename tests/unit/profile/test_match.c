/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_match.c - which profile a destination belongs to, and what its site is called
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "profile/match.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_hosts(void **state)
{
	static const struct {
		const char *pattern, *host;
		bool matches;
	} cases[] = {
		{"*.google.com", "aspmx.l.google.com", true},
		{"*.google.com", "ASPMX.L.Google.COM.", true},
		{"*.google.com", "google.com", false},
		{"*.google.com", "notgoogle.com", false},
		{"*.google.com", ".google.com", false},
		{"*.google.com", "google.com.example.net", false},
		{"mx.example.net", "mx.example.net", true},
		{"mx.example.net", "MX.example.net.", true},
		{"mx.example.net", "a.mx.example.net", false},
		{"mx.example.net", "", false},
		{"", "", false},
		{"*.", "a", false},
		{"*", "a", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (match_host(span_of(cases[i].pattern), span_of(cases[i].host)) !=
		    cases[i].matches)
			fail_msg("%s and %s", cases[i].pattern, cases[i].host);
}

static const struct span wide_mx[] = {SPAN_INIT("*.example.net")};
static const struct span narrow_mx[] = {SPAN_INIT("*.mail.example.net")};
static const struct span exact_mx[] = {SPAN_INIT("a.mail.example.net")};
static const struct span domains[] = {SPAN_INIT("example.org"), SPAN_INIT("*.example.org")};
static const struct span relays[] = {SPAN_INIT("smtp.example.net")};

static const struct profile wide = {.name = "wide", .mx = wide_mx, .mx_count = 1};
static const struct profile narrow = {.name = "narrow", .mx = narrow_mx, .mx_count = 1};
static const struct profile exact = {.name = "exact", .mx = exact_mx, .mx_count = 1};
static const struct profile domain = {.name = "domain", .domains = domains, .domain_count = 2};
static const struct profile relay = {.name = "relay", .relays = relays, .relay_count = 1};
static const struct profile *const all[] = {&wide, &narrow, &exact, &domain, &relay};

static const char *chosen(const struct match_query *q)
{
	const struct profile *p = match_profile(all, COUNT(all), q);

	return p ? p->name : "none";
}

static void test_profiles(void **state)
{
	const struct span far[] = {SPAN("x.example.net"), SPAN("a.mail.example.net.")};
	const struct span near[] = {SPAN("B.MAIL.example.net"), SPAN("a.mail.example.net")};
	const struct span own[] = {SPAN("a.mail.example.net")};
	const struct span mixed[] = {SPAN("a.mail.example.net"), SPAN("mx.example.com")};
	struct match_query q = {.domain = SPAN("example.org"), .mx = far, .mx_count = 2};

	(void)state;
	assert_string_equal(chosen(&q), "wide");
	q.mx = near;
	assert_string_equal(chosen(&q), "narrow");
	q.mx = own;
	q.mx_count = 1;
	assert_string_equal(chosen(&q), "exact");
	/* One strange host among them: the MX hosts decide nothing, the domain does. */
	q.mx = mixed;
	q.mx_count = 2;
	assert_string_equal(chosen(&q), "domain");
	q.domain = SPAN("sub.EXAMPLE.org");
	assert_string_equal(chosen(&q), "domain");
	q.domain = SPAN("example.com");
	assert_string_equal(chosen(&q), "none");
	q.relay = SPAN("SMTP.example.net");
	assert_string_equal(chosen(&q), "relay");
	q = (struct match_query){0};
	assert_string_equal(chosen(&q), "none");
	assert_null(match_profile(NULL, 0, &q));
}

static void test_site_names(void **state)
{
	const struct span near[] = {SPAN("B.MAIL.example.net."), SPAN("a.mail.example.net"),
				    SPAN("b.mail.example.net")};
	struct match_query q = {.domain = SPAN("Example.ORG"), .mx = near, .mx_count = 3};
	char name[SITE_NAME_MAX], other[SITE_NAME_MAX];
	struct span many[20];

	(void)state;
	assert_string_equal(match_site_name(&narrow, &q, name), "provider:narrow");
	assert_string_equal(match_site_name(NULL, &q, name),
			    "a.mail.example.net+b.mail.example.net");
	assert_string_equal(match_site_name(&exact, &q, name),
			    "a.mail.example.net+b.mail.example.net");
	q.mx_count = 0;
	assert_string_equal(match_site_name(NULL, &q, name), "example.org");
	q = (struct match_query){.relay = SPAN("Relay.example.net.")};
	assert_string_equal(match_site_name(NULL, &q, name), "relay.example.net");

	/* Too many for the name: two sets that differ at their end alone are still told apart. */
	for (int i = 0; i < 20; i++)
		many[i] = SPAN("mx-with-a-rather-long-name.example.net");
	for (int i = 0; i < 20; i++)
		many[i].len -= (size_t)i;
	q = (struct match_query){.mx = many, .mx_count = 20};
	match_site_name(NULL, &q, name);
	assert_int_equal(strlen(name), SITE_NAME_MAX - 1);
	many[0] = SPAN("mx-with-a-rather-long-name.example.org");
	match_site_name(NULL, &q, other);
	assert_string_not_equal(name, other);
	assert_memory_equal(name, other, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_profiles),
		cmocka_unit_test(test_site_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
