/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_address.c - what may stand in MAIL FROM and RCPT TO, and what must not
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "terms/address.h"

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10

/* A span as an initialiser of static data, with NUL octets inside allowed. */
#define TEXT(literal)                                                                              \
	{                                                                                          \
		(literal), sizeof(literal) - 1                                                     \
	}

struct sample {
	struct span address;
	enum address_fault fault;
};

static const struct sample samples[] = {
	{TEXT("user@example.com"), ADDRESS_FINE},
	{TEXT("u.s.e.r+tag@mail.example.com"), ADDRESS_FINE},
	{TEXT("!#$%&'*+-/=?^_`{|}~@example.com"), ADDRESS_FINE},
	{TEXT("\"john smith\"@example.com"), ADDRESS_FINE},
	{TEXT("\"a@b<c>\"@example.com"), ADDRESS_FINE},
	{TEXT("\"a\\\"b\\\\\"@example.com"), ADDRESS_FINE},
	{TEXT("\"\"@example.com"), ADDRESS_FINE},
	{TEXT("user@localhost"), ADDRESS_FINE},
	{TEXT("user@1.example"), ADDRESS_FINE},
	{TEXT("user@a_b.example"), ADDRESS_FINE},
	{TEXT("two..dots.@example.com"), ADDRESS_FINE},
	{TEXT("user@[192.0.2.1]"), ADDRESS_FINE},
	{TEXT("user@[IPv6:2001:db8::1]"), ADDRESS_FINE},
	{TEXT("user@[ipv6:::1]"), ADDRESS_FINE},
	{TEXT("user@[x-tag:some,content]"), ADDRESS_FINE},
	{TEXT("j\xC3\xB6rg@b\xC3\xBCrger.example"), ADDRESS_FINE},
	{TEXT("\xF0\x9F\x93\xAE@example.com"), ADDRESS_FINE},
	{TEXT(A60 "aaaa@example.com"), ADDRESS_FINE},
	{TEXT("u@" A60 "aaa.example"), ADDRESS_FINE},

	{TEXT(""), ADDRESS_EMPTY},

	{TEXT(A60 "aaaaa@example.com"), ADDRESS_TOO_LONG},
	{TEXT("u@" A60 "." A60 "." A60 "." A60 "." A10), ADDRESS_TOO_LONG},

	/* Whatever could end the command or start another one. */
	{TEXT("user@example.com\r\nRCPT TO:<x@y>"), ADDRESS_CONTROL},
	{TEXT("user\n@example.com"), ADDRESS_CONTROL},
	{TEXT("user\r@example.com"), ADDRESS_CONTROL},
	{TEXT("us\0er@example.com"), ADDRESS_CONTROL},
	{TEXT("user\t@example.com"), ADDRESS_CONTROL},
	{TEXT("user\x7F@example.com"), ADDRESS_CONTROL},
	{TEXT("\"a\nb\"@example.com"), ADDRESS_CONTROL},
	{TEXT("\"a\\\nb\"@example.com"), ADDRESS_CONTROL},

	{TEXT("<user@example.com>"), ADDRESS_BRACKET},
	{TEXT("user@example.com>"), ADDRESS_BRACKET},
	{TEXT("user@example.com> SIZE=1"), ADDRESS_BRACKET},
	{TEXT("a user@example.com"), ADDRESS_BRACKET},
	{TEXT("user @example.com"), ADDRESS_BRACKET},
	{TEXT("user@exa mple.com"), ADDRESS_BRACKET},
	{TEXT("\"user\" @example.com"), ADDRESS_BRACKET},
	{TEXT("user@[x-tag:a>b]"), ADDRESS_BRACKET},

	{TEXT("user"), ADDRESS_NO_DOMAIN},
	{TEXT("user@"), ADDRESS_NO_DOMAIN},
	{TEXT("\"user@example.com\""), ADDRESS_NO_DOMAIN},

	{TEXT("@example.com"), ADDRESS_BAD_LOCAL},
	{TEXT("@a.example,@b.example:user@c.example"), ADDRESS_BAD_LOCAL},
	{TEXT("a,b@example.com"), ADDRESS_BAD_LOCAL},
	{TEXT("a(comment)@example.com"), ADDRESS_BAD_LOCAL},
	{TEXT("a\"b@example.com"), ADDRESS_BAD_LOCAL},
	{TEXT("\"open@example.com"), ADDRESS_BAD_LOCAL},
	{TEXT("\"open\\\"@example.com"), ADDRESS_BAD_LOCAL},
	{TEXT("\"open\\"), ADDRESS_BAD_LOCAL},
	{TEXT("\"a\"b@example.com"), ADDRESS_BAD_LOCAL},
	{TEXT("\"\\\xC3\xB6\"@example.com"), ADDRESS_BAD_LOCAL},

	{TEXT("a@b@example.com"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@.example.com"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@example..com"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@example.com."), ADDRESS_BAD_DOMAIN},
	{TEXT("user@-example.com"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@example-.com"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@example.com-"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@exam!ple.com"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@" A60 "aaaa.example"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[192.0.2.256]"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[2001:db8::1]"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[IPv6:192.0.2.1]"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[IPv6:]"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[]"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@["), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[192.0.2.1"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[x-:y]"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[x:]"), ADDRESS_BAD_DOMAIN},
	{TEXT("user@[x:a[b]"), ADDRESS_BAD_DOMAIN},

	{TEXT("j\xF6rg@example.com"), ADDRESS_BAD_UTF8},	   /* Latin-1 */
	{TEXT("a\xC0\xBC@example.com"), ADDRESS_BAD_UTF8},	   /* '<', overlong */
	{TEXT("a\xE0\x80\xBC@example.com"), ADDRESS_BAD_UTF8},	   /* '<', overlong */
	{TEXT("a\xED\xA0\x80@example.com"), ADDRESS_BAD_UTF8},	   /* a surrogate */
	{TEXT("a\xF4\x90\x80\x80@example.com"), ADDRESS_BAD_UTF8}, /* beyond U+10FFFF */
	{TEXT("a\xF0\x80\x80\xBC@example.com"), ADDRESS_BAD_UTF8},
	{TEXT("a@example.\xE2\x82"), ADDRESS_BAD_UTF8}, /* cut off */
	{TEXT("a@example.\xE2\x82x"), ADDRESS_BAD_UTF8},
	{TEXT("\x80@example.com"), ADDRESS_BAD_UTF8},
};

static void test_check(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		struct span address = samples[i].address;
		/* A copy of the exact size, so that a read beyond the end shows in ASan. */
		char *copy = malloc(address.len ? address.len : 1);
		enum address_fault fault;

		assert_non_null(copy);
		memcpy(copy, address.data, address.len);
		fault = address_check((struct span){copy, address.len});
		free(copy);
		if (fault != samples[i].fault)
			fail_msg("\"%s\" %s; expected: %s", address.data, address_fault_text(fault),
				 address_fault_text(samples[i].fault));
	}
}

/* No address that passes may break out of "RCPT TO:<...>", whatever its octets are. */
static void test_no_octet_breaks_out(void **state)
{
	(void)state;
	for (int place = 0; place < 8; place++) {
		for (int octet = 0; octet < 256; octet++) {
			char address[] = "us.er@ex.ample";
			address[place] = (char)octet;
			if (address_check((struct span){address, sizeof(address) - 1}) !=
			    ADDRESS_FINE)
				continue;
			if (octet < 0x21 || octet >= 0x7F || octet == '<' || octet == '>')
				fail_msg("octet %#x at %d passed", (unsigned)octet, place);
		}
	}
}

static void test_domain(void **state)
{
	static const char *const pairs[][2] = {
		{"user@example.com", "example.com"},
		{"\"a@b\"@example.com", "example.com"},
		{"user@[192.0.2.1]", "[192.0.2.1]"},
		{"user@", ""},
		{"user", ""},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct span domain = address_domain(span_of(pairs[i][0]));
		assert_true(span_equal(domain, span_of(pairs[i][1])));
	}
}

static void test_needs_utf8(void **state)
{
	(void)state;
	assert_false(address_needs_utf8(span_of("user@example.com")));
	assert_false(address_needs_utf8(span_of("")));
	assert_true(address_needs_utf8(span_of("j\xC3\xB6rg@example.com")));
	assert_true(address_needs_utf8(span_of("user@b\xC3\xBCrger.example")));
}

static void test_each_fault_has_words(void **state)
{
	(void)state;
	for (int i = ADDRESS_FINE; i <= ADDRESS_BAD_UTF8; i++)
		for (int j = i + 1; j <= ADDRESS_BAD_UTF8; j++)
			assert_string_not_equal(address_fault_text((enum address_fault)i),
						address_fault_text((enum address_fault)j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_no_octet_breaks_out),
		cmocka_unit_test(test_domain),
		cmocka_unit_test(test_needs_utf8),
		cmocka_unit_test(test_each_fault_has_words),
	};

	return cmocka_run_group_tests_name("terms/address", tests, NULL, NULL);
}
