/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_endpoint.c - addresses are read, printed, compared and judged
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/endpoint.h"

static struct endpoint address(const char *text, uint16_t port)
{
	struct endpoint e;

	if (!endpoint_parse_address(span_of(text), &e))
		fail_msg("\"%s\" is refused", text);
	e.port = port;
	return e;
}

static void reads_and_prints(void **state)
{
	static const struct {
		const char *in, *with_port, *alone;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1:25", "192.0.2.1"},
		{"255.255.255.255", "255.255.255.255:25", "255.255.255.255"},
		{"2001:db8::1", "[2001:db8::1]:25", "2001:db8::1"},
		{"2001:DB8:0:0:0:0:0:1", "[2001:db8::1]:25", "2001:db8::1"},
		{"::", "[::]:25", "::"},
		{"::ffff:192.0.2.1", "[::ffff:192.0.2.1]:25", "::ffff:192.0.2.1"},
		{"fe80::1%7", "[fe80::1%7]:25", "fe80::1%7"},
		{"fe80::1%lo", "[fe80::1%1]:25", "fe80::1%1"},
		{"fe80:1111:2222:3333:4444:5555:6666:7777%4294967295",
		 "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:25",
		 "fe80:1111:2222:3333:4444:5555:6666:7777%4294967295"},
	};
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e = address(cases[i].in, 25);

		assert_string_equal(endpoint_text(&e, text), cases[i].with_port);
		assert_string_equal(endpoint_address_text(&e, text), cases[i].alone);
	}
}

static void refuses(void **state)
{
	static const struct span cases[] = {
		SPAN_INIT(""),
		SPAN_INIT("192.0.2"),
		SPAN_INIT("192.0.2.256"),
		SPAN_INIT("192.0.2.1 "),
		SPAN_INIT("192.0.2.1:25"),
		SPAN_INIT("[::1]"),
		SPAN_INIT("1.2.3.4%1"),
		SPAN_INIT("fe80::1%"),
		SPAN_INIT("fe80::1%0"),
		SPAN_INIT("fe80::1%4294967296"),
		SPAN_INIT("fe80::1%no-such-if0"),
		SPAN_INIT("localhost"),
		SPAN_INIT("::1\0"),
		SPAN_INIT(":::"),
		SPAN_INIT("0x7f.1"),
		SPAN_INIT("010.0.0.1"),
		SPAN_INIT("1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee"),
	};
	struct endpoint e = {.port = 77};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (endpoint_parse_address(cases[i], &e))
			fail_msg("\"%s\" is taken", cases[i].data);
		assert_int_equal(e.port, 77);
	}
}

static void unix_paths(void **state)
{
	char path[ENDPOINT_PATH_MAX + 1], text[ENDPOINT_TEXT_MAX];
	struct endpoint e, other;

	(void)state;
	assert_true(endpoint_from_path(SPAN("/run/lmtp.sock"), &e));
	assert_string_equal(endpoint_text(&e, text), "unix:/run/lmtp.sock");
	assert_string_equal(endpoint_address_text(&e, text), "unix:/run/lmtp.sock");
	assert_true(endpoint_from_path(SPAN("/run/lmtp.sock"), &other));
	assert_true(endpoint_equal(&e, &other));
	assert_true(endpoint_address_hash(&e) == endpoint_address_hash(&other));
	assert_true(endpoint_is_private(&e));
	assert_true(endpoint_is_loopback(&e));
	memset(path, 'p', sizeof(path));
	assert_true(endpoint_from_path((struct span){path, ENDPOINT_PATH_MAX - 1}, &e));
	assert_int_equal(strlen(endpoint_text(&e, text)), 5 + ENDPOINT_PATH_MAX - 1);
	assert_false(endpoint_from_path((struct span){path, ENDPOINT_PATH_MAX}, &e));
	assert_false(endpoint_from_path(SPAN(""), &e));
	assert_false(endpoint_from_path(SPAN("a\0b"), &e));
}

static void compares(void **state)
{
	struct endpoint a = address("192.0.2.1", 25), b = address("192.0.2.1", 587);
	struct endpoint c = address("192.0.2.2", 25), d = address("::ffff:192.0.2.1", 25);
	struct endpoint e = address("fe80::1%1", 25), f = address("fe80::1%2", 25);
	struct endpoint none = {.family = ENDPOINT_NONE};
	char text[ENDPOINT_TEXT_MAX];

	(void)state;
	assert_false(endpoint_equal(&a, &b));
	assert_true(endpoint_same_address(&a, &b));
	assert_true(endpoint_address_hash(&a) == endpoint_address_hash(&b));
	assert_false(endpoint_same_address(&a, &c));
	assert_true(endpoint_address_hash(&a) != endpoint_address_hash(&c));
	assert_false(endpoint_same_address(&a, &d));
	assert_false(endpoint_same_address(&e, &f));
	assert_true(endpoint_address_hash(&e) != endpoint_address_hash(&f));
	assert_true(endpoint_equal(&e, &e));
	assert_false(endpoint_equal(&none, &a));
	assert_false(endpoint_is_private(&none));
	assert_string_equal(endpoint_text(&none, text), "none");
}

static void low_bits_of_hashes_differ(void **state)
{
	/* 256 neighbouring addresses in a table of 256: an even hash fills about 162 places. */
	bool seen[256] = {false};
	int filled = 0;

	(void)state;
	for (int i = 0; i < 256; i++) {
		struct endpoint e = {.family = ENDPOINT_IPV4, .v4 = {127, 0, 0, (uint8_t)i}};
		size_t place = endpoint_address_hash(&e) & 255;

		filled += !seen[place];
		seen[place] = true;
	}
	assert_in_range(filled, 130, 256);
}

static void judges(void **state)
{
	static const struct {
		const char *text;
		bool is_private, is_loopback;
	} cases[] = {
		{"127.0.0.1", true, true},
		{"127.255.255.255", true, true},
		{"126.255.255.255", false, false},
		{"128.0.0.1", false, false},
		{"0.0.0.0", true, false},
		{"0.0.0.1", false, false},
		{"10.0.0.1", true, false},
		{"11.0.0.1", false, false},
		{"172.15.255.255", false, false},
		{"172.16.0.0", true, false},
		{"172.31.255.255", true, false},
		{"172.32.0.0", false, false},
		{"192.168.3.4", true, false},
		{"192.169.0.0", false, false},
		{"100.63.255.255", false, false},
		{"100.64.0.0", true, false},
		{"100.127.255.255", true, false},
		{"100.128.0.0", false, false},
		{"169.254.1.1", true, false},
		{"192.0.2.9", true, false},
		{"192.0.3.1", false, false},
		{"198.51.100.1", true, false},
		{"203.0.113.1", true, false},
		{"198.17.255.255", false, false},
		{"198.18.0.1", true, false},
		{"198.19.255.255", true, false},
		{"198.20.0.0", false, false},
		{"8.8.8.8", false, false},
		{"::1", true, true},
		{"::", true, false},
		{"::2", false, false},
		{"fe80::1", true, false},
		{"febf::1", true, false},
		{"fec0::1", false, false},
		{"fc00::1", true, false},
		{"fdff::1", true, false},
		{"fe00::1", false, false},
		{"2001:db8:ffff::1", true, false},
		{"2001:db9::1", false, false},
		{"2001:2::1", true, false},
		{"2001:2:1::1", false, false},
		{"3fff:fff::1", true, false},
		{"3fff:1000::1", false, false},
		{"2001:4860:4860::8888", false, false},
		{"::ffff:127.0.0.1", true, true},
		{"::ffff:10.1.2.3", true, false},
		{"::ffff:8.8.8.8", false, false},
		{"64:ff9b::a00:1", false, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct endpoint e = address(cases[i].text, 25);

		if (endpoint_is_private(&e) != cases[i].is_private ||
		    endpoint_is_loopback(&e) != cases[i].is_loopback)
			fail_msg("%s is misjudged", cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_and_prints),
		cmocka_unit_test(refuses),
		cmocka_unit_test(unix_paths),
		cmocka_unit_test(compares),
		cmocka_unit_test(low_bits_of_hashes_differ),
		cmocka_unit_test(judges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
