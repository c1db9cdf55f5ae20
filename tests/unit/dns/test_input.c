/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_input.c - names, servers, pins and literals as people type them
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "dns/local.h"
#include "dns/name.h"
#include "dns/pins.h"
#include "dns/servers.h"

#define LABEL_63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_names(void **state)
{
	static const char *const good[][2] = {
		{"example.test", "example.test"},
		{"Example.TEST.", "example.test"},
		{"a", "a"},
		{"_dmarc.x-y.test", "_dmarc.x-y.test"},
		{"xn--bcher-kva.example", "xn--bcher-kva.example"},
		{LABEL_63 ".test", LABEL_63 ".test"},
		/* 253 octets */
		{LABEL_63 "." LABEL_63 "." LABEL_63 ".aaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaa."
			  "aaaaaaaaaaaaaaaaaaa",
		 LABEL_63 "." LABEL_63 "." LABEL_63 ".aaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaa."
			  "aaaaaaaaaaaaaaaaaaa"},
	};
	static const char *const bad[] = {
		"",
		".",
		"..",
		"a..b",
		".a",
		"a b",
		"a\nb",
		"a/b",
		"a\\b",
		"*",
		"b\xC3\xBCrger.example",
		"user@example.test",
		"[192.0.2.1",
		LABEL_63 "a.test",
		LABEL_63 "." LABEL_63 "." LABEL_63 ".aaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaa."
			 "aaaaaaaaaaaaaaaaaaaa",
	};
	char out[RESOLVER_NAME_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_null(dns_name_read(span_of(good[i][0]), out));
		assert_string_equal(out, good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(out, "before", 7);
		if (dns_name_read(span_of(bad[i]), out) == NULL)
			fail_msg("\"%s\" passed", bad[i]);
		assert_string_equal(out, "before");
	}
}

static void test_name_is_below(void **state)
{
	(void)state;
	assert_true(dns_name_is_below("a.b.test", "b.test"));
	assert_true(dns_name_is_below("b.test", "b.test"));
	assert_true(dns_name_is_below("b.test", ""));
	assert_false(dns_name_is_below("ab.test", "b.test"));
	assert_false(dns_name_is_below("test", "b.test"));
}

static void test_ports(void **state)
{
	static const char *const bad[] = {"", "0", "65536", "99999", "100000", "-1", "2 5", "25x"};
	uint16_t port = 7;

	(void)state;
	assert_true(dns_port_read(span_of("1"), &port));
	assert_int_equal(port, 1);
	assert_true(dns_port_read(span_of("65535"), &port));
	assert_int_equal(port, 65535);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dns_port_read(span_of(bad[i]), &port));
}

static void test_servers(void **state)
{
	static const char *const good[][2] = {
		{"192.0.2.1", "192.0.2.1:53"},
		{"192.0.2.1:5353", "192.0.2.1:5353"},
		{"2001:db8::1", "[2001:db8::1]:53"},
		{"[2001:db8::1]", "[2001:db8::1]:53"},
		{"[2001:db8::1]:5353", "[2001:db8::1]:5353"},
		{"::1", "[::1]:53"},
	};
	static const char *const bad[] = {
		"",
		":",
		":53",
		"dns.example",
		"dns.example:53",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		"192.0.2.1:x",
		"192.0.2",
		"[2001:db8::1",
		"[2001:db8::1]53",
		"[2001:db8::1]:",
		"[]:53",
		"2001:db8::1:53:x",
	};
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint endpoint;
	struct err e = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		if (dns_server_read(good[i][0], &endpoint, &e) < 0)
			fail_msg("%s: %s", good[i][0], e.text);
		assert_string_equal(endpoint_text(&endpoint, text), good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = (struct err){0};
		if (dns_server_read(bad[i], &endpoint, &e) == 0)
			fail_msg("\"%s\" passed", bad[i]);
		assert_int_equal(e.status, EXIT_USAGE);
		assert_non_null(strstr(e.text, "--resolver"));
	}
}

static void test_pins(void **state)
{
	struct dns_pins pins = {0};
	const struct dns_pin *pin;
	char text[ENDPOINT_TEXT_MAX];
	struct err e = {0};

	(void)state;
	assert_int_equal(dns_pins_add(&pins, "*:25:192.0.2.9", &e), 0);
	assert_int_equal(
		dns_pins_add(&pins, "MX.example.test.:25:192.0.2.1,[2001:db8::1],2001:db8::2", &e),
		0);
	assert_int_equal(dns_pins_add(&pins, "mx.example.test:25:192.0.2.5", &e), 0);
	assert_int_equal(dns_pins_add(&pins, "mx.example.test:587:192.0.2.3", &e), 0);

	pin = dns_pins_find(&pins, "mx.example.test", 25);
	assert_int_equal(pin->address_count, 3);
	assert_string_equal(endpoint_text(&pin->addresses[0], text), "192.0.2.1:25");
	assert_string_equal(endpoint_text(&pin->addresses[1], text), "[2001:db8::1]:25");
	assert_string_equal(endpoint_text(&pin->addresses[2], text), "[2001:db8::2]:25");
	pin = dns_pins_find(&pins, "mx.example.test", 587);
	assert_string_equal(endpoint_text(&pin->addresses[0], text), "192.0.2.3:587");
	pin = dns_pins_find(&pins, "other.test", 25);
	assert_string_equal(endpoint_text(&pin->addresses[0], text), "192.0.2.9:25");
	assert_null(dns_pins_find(&pins, "other.test", 26));
	dns_pins_fini(&pins);
}

static void test_bad_pins(void **state)
{
	static const char *const bad[] = {
		"",
		"name",
		"name:25",
		"name:25:",
		"name:25:192.0.2.1,",
		"name:25:,192.0.2.1",
		"name:x:192.0.2.1",
		"name:0:192.0.2.1",
		"name:65536:192.0.2.1",
		":25:192.0.2.1",
		"a..b:25:192.0.2.1",
		"name:25:other.test",
		"name:25:[192.0.2.1]",
		"name:25:[2001:db8::1",
		"name:25:192.0.2.1:26",
		"n me:25:192.0.2.1",
	};
	struct dns_pins pins = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct err e = {0};

		if (dns_pins_add(&pins, bad[i], &e) == 0)
			fail_msg("\"%s\" passed", bad[i]);
		assert_int_equal(e.status, EXIT_USAGE);
		assert_non_null(strstr(e.text, "--resolve"));
		assert_int_equal(pins.count, 0);
	}
	dns_pins_fini(&pins);
}

static void test_too_many_pinned_addresses(void **state)
{
	struct dns_pins pins = {0};
	struct err e = {0};
	char text[RESOLVER_ADDRESS_MAX * 12 + 64] = "name:25:192.0.2.1";

	(void)state;
	for (size_t len = strlen(text), i = 1; i < RESOLVER_ADDRESS_MAX; i++, len += 10)
		memcpy(text + len, ",192.0.2.1", 11);
	assert_int_equal(dns_pins_add(&pins, text, &e), 0);
	memcpy(text + strlen(text), ",192.0.2.1", 11);
	assert_int_equal(dns_pins_add(&pins, text, &e), -1);
	assert_int_equal(e.status, EXIT_USAGE);
	dns_pins_fini(&pins);
}

static void test_literals(void **state)
{
	static const char *const good[][2] = {
		{"192.0.2.1", "192.0.2.1"},
		{"[192.0.2.1]", "192.0.2.1"},
		{"2001:db8::1", "2001:db8::1"},
		{"[2001:db8::1]", "2001:db8::1"},
		{"[IPv6:2001:db8::1]", "2001:db8::1"},
		{"[ipv6:::1]", "::1"},
	};
	static const char *const bad[] = {"",
					  "[]",
					  "[",
					  "[192.0.2.1",
					  "IPv6:::1",
					  "[IPv6:]",
					  "[IPv6:192.0.2.1]",
					  "example.test",
					  "192.0.2.256",
					  "1.2.3"};
	char text[ENDPOINT_TEXT_MAX];
	struct endpoint endpoint;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(dns_literal_read(span_of(good[i][0]), &endpoint));
		assert_string_equal(endpoint_address_text(&endpoint, text), good[i][1]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(dns_literal_read(span_of(bad[i]), &endpoint));
}

/* hosts(5): fields by blanks, comments from '#', several names and lines for one address. */
static void test_hosts_file(void **state)
{
	static const char text[] = "# 192.0.2.9 a.test\n"
				   "\n"
				   "192.0.2.1\tA.test. b.test # c.test\n"
				   "   2001:db8::1   b.test\r\n"
				   "192.0.2.300 a.test\n"
				   "a.test 192.0.2.2\n"
				   "192.0.2.3\n"
				   "192.0.2.4 x..y a.test#b.test\n"
				   "192.0.2.5 b.test";
	static const struct {
		const char *name;
		int count;
	} expected[] = {{"a.test", 2}, {"b.test", 3}, {"c.test", 0}, {"test", 0}};
	char path[] = "/tmp/volley-hosts-XXXXXX", address[ENDPOINT_TEXT_MAX];
	struct endpoint endpoints[4];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		assert_int_equal(dns_hosts_file(path, expected[i].name, endpoints, 4),
				 expected[i].count);
	assert_int_equal(dns_hosts_file(path, "b.test", endpoints, 2), 2);
	assert_string_equal(endpoint_address_text(&endpoints[0], address), "192.0.2.1");
	assert_string_equal(endpoint_address_text(&endpoints[1], address), "2001:db8::1");
	unlink(path);
	assert_int_equal(dns_hosts_file(path, "b.test", endpoints, 4), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_is_below),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_pins),
		cmocka_unit_test(test_bad_pins),
		cmocka_unit_test(test_too_many_pinned_addresses),
		cmocka_unit_test(test_literals),
		cmocka_unit_test(test_hosts_file),
	};

	return cmocka_run_group_tests_name("dns/input", tests, NULL, NULL);
}
