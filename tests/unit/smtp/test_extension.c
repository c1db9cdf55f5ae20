/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_extension.c - EHLO keywords: written, and read back
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "smtp/extension.h"
#include "smtp/sasl.h"

/* What a client makes of the lines of a reply, the first excepted. */
static struct smtp_capabilities read_back(const char *text, size_t len)
{
	struct smtp_capabilities c = {.extensions = 0};
	struct span left = {text, len};
	bool is_first = true;

	while (left.len > 0) {
		const char *end = memchr(left.data, '\r', left.len);
		size_t line = (size_t)(end - left.data);

		assert_memory_equal(left.data, left.len > line + 2 ? "250-" : "250 ", 4);
		if (!is_first)
			smtp_capabilities_read(&c, (struct span){left.data + 4, line - 4});
		is_first = false;
		left = span_skip(left, line + 2);
	}
	return c;
}

static void assert_same(const struct smtp_capabilities *a, const struct smtp_capabilities *b)
{
	assert_int_equal(a->extensions, b->extensions);
	assert_int_equal(a->auth_mechanisms, b->auth_mechanisms);
	assert_true(a->size_max == b->size_max);
	assert_int_equal(a->limit_mail_max, b->limit_mail_max);
	assert_int_equal(a->limit_rcpt_max, b->limit_rcpt_max);
	assert_int_equal(a->limit_domain_max, b->limit_domain_max);
}

static const struct smtp_capabilities everything = {
	.extensions = SMTP_EXT_PIPELINING | SMTP_EXT_SIZE | SMTP_EXT_8BITMIME | SMTP_EXT_SMTPUTF8 |
		      SMTP_EXT_CHUNKING | SMTP_EXT_DSN | SMTP_EXT_STARTTLS | SMTP_EXT_AUTH |
		      SMTP_EXT_ENHANCEDSTATUSCODES | SMTP_EXT_LIMITS | SMTP_EXT_BINARYMIME,
	.auth_mechanisms = SASL_PLAIN | SASL_LOGIN | SASL_CRAM_MD5 | SASL_SCRAM_SHA_256 |
			   SASL_XOAUTH2 | SASL_OAUTHBEARER,
	.size_max = UINT64_MAX,
	.limit_mail_max = 1,
	.limit_rcpt_max = 999999,
	.limit_domain_max = 20,
};

static void test_write_and_read(void **state)
{
	struct smtp_capabilities back;
	char out[1024];
	size_t len = smtp_capabilities_write(&everything, SPAN("mail hello"), out, sizeof(out));

	(void)state;
	assert_true(len > 0);
	assert_memory_equal(out, "250-mail hello\r\n", 16);
	back = read_back(out, len);
	assert_same(&everything, &back);
}

/* Each extension alone, and none: the last line is always the one with a space. */
static void test_each(void **state)
{
	(void)state;
	for (uint32_t bit = 0; bit <= SMTP_EXT_BINARYMIME; bit = bit ? bit << 1 : 1) {
		struct smtp_capabilities c = {.extensions = bit}, back;
		char out[256];
		size_t len;

		if (bit == SMTP_EXT_AUTH)
			c.auth_mechanisms = SASL_PLAIN;
		if (bit == SMTP_EXT_LIMITS)
			c.limit_rcpt_max = 5;
		len = smtp_capabilities_write(&c, SPAN("mail"), out, sizeof(out));
		assert_true(len > 0);
		back = read_back(out, len);
		assert_same(&c, &back);
	}
}

static void test_nothing_to_say(void **state)
{
	struct smtp_capabilities c = {.extensions = SMTP_EXT_AUTH | SMTP_EXT_LIMITS | 1u << 30};
	char out[64];
	size_t len = smtp_capabilities_write(&c, SPAN("mail"), out, sizeof(out));

	(void)state;
	assert_int_equal(len, 10);
	assert_memory_equal(out, "250 mail\r\n", len);
}

static void test_too_small(void **state)
{
	char out[1024];
	size_t len = smtp_capabilities_write(&everything, SPAN("mail"), out, sizeof(out));

	(void)state;
	for (size_t size = 0; size < len; size++)
		assert_int_equal(smtp_capabilities_write(&everything, SPAN("mail"), out, size), 0);
	assert_int_equal(smtp_capabilities_write(&everything, SPAN("mail"), out, len), len);
}

static void test_names(void **state)
{
	(void)state;
	assert_int_equal(smtp_extension_from_name(SPAN("pipelining")), SMTP_EXT_PIPELINING);
	assert_int_equal(smtp_extension_from_name(SPAN("8BitMime")), SMTP_EXT_8BITMIME);
	assert_int_equal(smtp_extension_from_name(SPAN("PIPELINING ")), 0);
	assert_int_equal(smtp_extension_from_name(SPAN("")), 0);
}

static void test_odd_lines(void **state)
{
	static const char *const lines[] = {"",
					    " ",
					    "\t",
					    "SIZE -5",
					    "SIZE 12x",
					    "LIMITS",
					    "LIMITS =",
					    "LIMITS RCPTMAX=",
					    "LIMITS RCPTMAX=-1",
					    "LIMITS RCPTMAX=99999999999",
					    "AUTH",
					    "AUTH="};
	struct smtp_capabilities c = {.extensions = 0};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		smtp_capabilities_read(&c, span_of(lines[i]));
	assert_int_equal(c.extensions, SMTP_EXT_SIZE | SMTP_EXT_LIMITS | SMTP_EXT_AUTH);
	assert_true(c.size_max == 0);
	assert_int_equal(c.limit_rcpt_max, 0);
	assert_int_equal(c.auth_mechanisms, 0);
	smtp_capabilities_read(&c, SPAN("size\t77"));
	assert_true(c.size_max == 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_and_read), cmocka_unit_test(test_each),
		cmocka_unit_test(test_nothing_to_say), cmocka_unit_test(test_too_small),
		cmocka_unit_test(test_names),	       cmocka_unit_test(test_odd_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
