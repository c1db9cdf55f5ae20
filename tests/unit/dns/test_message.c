/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_message.c - answers of servers, good, strange and broken
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dns/message.h"
#include "wire.h"

static struct wire wire;
static struct dns_reply reply;

/* Reads a copy of the exact size, so that a read beyond the end shows in ASan. */
static void read_exactly(size_t len, const char *name, enum dns_type type)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, wire.data, len);
	memset(&reply, 0xAA, sizeof(reply));
	dns_message_read(copy, len, name, type, &reply);
	free(copy);
}

static void read_reply(unsigned flags, enum dns_type type, const char *answers,
		       const char *authorities)
{
	wire_begin(&wire, 7, flags, "example.test.", type);
	wire_records(&wire, WIRE_ANSWER, answers);
	wire_records(&wire, WIRE_AUTHORITY, authorities);
	read_exactly(wire.len, "example.test", type);
}

static void test_addresses_and_smallest_ttl(void **state)
{
	(void)state;
	read_reply(0, DNS_A,
		   "example.test. 300 A 192.0.2.1\n"
		   "example.test. 60 A 192.0.2.2\n"
		   "example.test. 900 A 192.0.2.3",
		   NULL);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_false(reply.is_alias);
	assert_int_equal(reply.count, 3);
	assert_int_equal(reply.ttl_s, 60);
	assert_memory_equal(reply.records.addresses[1], "\xC0\x00\x02\x02", 4);

	read_reply(0, DNS_AAAA, "@ 300 AAAA 2001:db8::7", NULL);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_int_equal(reply.count, 1);
	assert_int_equal(reply.records.addresses[0][15], 7);
}

static void test_exchangers(void **state)
{
	(void)state;
	read_reply(0, DNS_MX,
		   "EXAMPLE.Test. 300 MX 20 MX2.example.test.\n"
		   "@ 200 MX 10 mx1.example.test.\n"
		   "@ 200 MX 0 .",
		   NULL);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_int_equal(reply.count, 3);
	assert_int_equal(reply.ttl_s, 200);
	assert_int_equal(reply.records.exchangers[0].preference, 20);
	assert_string_equal(reply.records.exchangers[0].name, "mx2.example.test");
	assert_string_equal(reply.records.exchangers[1].name, "mx1.example.test");
	assert_string_equal(reply.records.exchangers[2].name, "");
}

/* RFC 2181 s8: a TTL with its highest bit set is to be taken as 0. */
static void test_ttl_of_2_to_the_31(void **state)
{
	(void)state;
	read_reply(0, DNS_A, "@ 2147483648 A 192.0.2.1", NULL);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_int_equal(reply.ttl_s, 0);
	read_reply(0, DNS_A, "@ 2147483647 A 192.0.2.1", NULL);
	assert_int_equal(reply.ttl_s, 2147483647);
}

static void test_records_of_others_are_ignored(void **state)
{
	(void)state;
	read_reply(0, DNS_A,
		   "other.test. 1 A 192.0.2.66\n"
		   "sub.example.test. 1 A 192.0.2.66\n"
		   "test. 1 CNAME evil.test.\n"
		   "@ 1 AAAA 2001:db8::1\n"
		   "@ 300 A 192.0.2.1",
		   NULL);
	assert_int_equal(reply.count, 1);
	assert_int_equal(reply.ttl_s, 300);
	assert_int_equal(reply.records.addresses[0][3], 1);
}

static void test_aliases_in_any_order(void **state)
{
	(void)state;
	read_reply(0, DNS_A,
		   "c.test. 40 A 192.0.2.1\n"
		   "b.test. 30 CNAME c.test.\n"
		   "@ 50 CNAME b.test.",
		   NULL);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_false(reply.is_alias);
	assert_int_equal(reply.count, 1);
	assert_int_equal(reply.ttl_s, 30);
	assert_int_equal(reply.alias_count, 2);
}

static void test_alias_that_leads_out(void **state)
{
	(void)state;
	read_reply(0, DNS_A, "@ 50 CNAME b.test.\nb.test. 40 CNAME elsewhere.example.", NULL);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_true(reply.is_alias);
	assert_string_equal(reply.alias, "elsewhere.example");
	assert_int_equal(reply.ttl_s, 40);
	assert_int_equal(reply.count, 0);

	/* The name servers of the target's zone beside it are no negative answer either. */
	read_reply(0, DNS_A, "@ 50 CNAME elsewhere.example.", "example. 60 NS ns.example.");
	assert_true(reply.is_alias);
	/* Nor is the SOA of a zone that the target is not in. */
	read_reply(0, DNS_A, "@ 50 CNAME elsewhere.example.", "test. 60 SOA 60");
	assert_true(reply.is_alias);
}

static void test_alias_to_nothing(void **state)
{
	(void)state;
	read_reply(0, DNS_A, "@ 50 CNAME b.test.", "test. 600 SOA 70");
	assert_int_equal(reply.cause, RESOLVER_NO_ADDRESS);
	assert_false(reply.is_alias);
	assert_int_equal(reply.ttl_s, 50);
	/* RFC 6604 s3: the code is about the last name of the chain. */
	read_reply(3, DNS_A, "@ 50 CNAME b.test.", "test. 600 SOA 20");
	assert_int_equal(reply.cause, RESOLVER_NO_NAME);
	assert_int_equal(reply.ttl_s, 20);
}

static void test_alias_loops(void **state)
{
	(void)state;
	read_reply(0, DNS_A, "@ 50 CNAME b.test.\nb.test. 50 CNAME example.test.", NULL);
	assert_int_equal(reply.cause, RESOLVER_MALFORMED);
	assert_string_equal(reply.word, "sent a loop of aliases");
	read_reply(0, DNS_A, "@ 50 CNAME @", NULL);
	assert_int_equal(reply.cause, RESOLVER_MALFORMED);
}

static void test_negative_answers(void **state)
{
	(void)state;
	/* RFC 2308 s5: the smaller of the SOA's TTL and its MINIMUM. */
	read_reply(3, DNS_MX, NULL, "test. 600 SOA 70");
	assert_int_equal(reply.cause, RESOLVER_NO_NAME);
	assert_int_equal(reply.ttl_s, 70);
	read_reply(0, DNS_MX, NULL, "test. 60 SOA 700");
	assert_int_equal(reply.cause, RESOLVER_NO_ADDRESS);
	assert_int_equal(reply.ttl_s, 60);
	/* Without an SOA record nothing may be kept. */
	read_reply(3, DNS_MX, NULL, NULL);
	assert_int_equal(reply.cause, RESOLVER_NO_NAME);
	assert_int_equal(reply.ttl_s, 0);
	read_reply(0, DNS_MX, NULL, NULL);
	assert_int_equal(reply.cause, RESOLVER_NO_ADDRESS);
	assert_int_equal(reply.ttl_s, 0);
	/* The SOA record of another zone says nothing. */
	read_reply(3, DNS_MX, NULL, "other.test. 600 SOA 600");
	assert_int_equal(reply.ttl_s, 0);
	read_reply(3, DNS_MX, NULL, "ample.test. 600 SOA 600");
	assert_int_equal(reply.ttl_s, 0);
}

static void test_referral_is_no_answer(void **state)
{
	(void)state;
	read_reply(0, DNS_A, NULL, "test. 600 NS ns.test.");
	assert_int_equal(reply.cause, RESOLVER_SERVFAIL);
	/* With the authority to say so, it is a name without such a record (RFC 2308 s2.2). */
	read_reply(0x0400, DNS_A, NULL, "test. 600 NS ns.test.");
	assert_int_equal(reply.cause, RESOLVER_NO_ADDRESS);
}

static void test_codes(void **state)
{
	static const enum resolver_cause causes[] = {
		[1] = RESOLVER_MALFORMED, [2] = RESOLVER_SERVFAIL, [4] = RESOLVER_SERVFAIL,
		[5] = RESOLVER_REFUSED,	  [9] = RESOLVER_SERVFAIL,
	};

	(void)state;
	for (unsigned code = 0; code < sizeof(causes) / sizeof(causes[0]); code++) {
		if (causes[code] == RESOLVER_OK)
			continue;
		read_reply(code, DNS_A, "@ 50 A 192.0.2.1", NULL);
		assert_int_equal(reply.cause, causes[code]);
		assert_int_equal(reply.count, 0);
	}
}

static void test_more_records_than_are_kept(void **state)
{
	(void)state;
	wire_begin(&wire, 7, 0, "example.test.", DNS_A);
	for (int i = 0; i < DNS_RECORD_MAX + 50; i++)
		wire_records(&wire, WIRE_ANSWER, "@ 300 A 192.0.2.1");
	read_exactly(wire.len, "example.test", DNS_A);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_int_equal(reply.count, DNS_RECORD_MAX);

	wire_begin(&wire, 7, 0, "example.test.", DNS_MX);
	for (int i = 0; i < DNS_RECORD_MAX + 50; i++)
		wire_records(&wire, WIRE_ANSWER, "@ 300 MX 10 mx.example.test.");
	read_exactly(wire.len, "example.test", DNS_MX);
	assert_int_equal(reply.count, DNS_RECORD_MAX);
}

/* Raw records behind the question, claimed as one answer. */
static void read_raw(const void *raw, size_t len, enum dns_type type)
{
	wire_begin(&wire, 7, 0, "example.test.", type);
	wire_raw(&wire, raw, len);
	wire_set(&wire, WIRE_ANSWER, 1);
	read_exactly(wire.len, "example.test", type);
}

static void test_broken_records(void **state)
{
	/* A name that points to itself: octet 30 is where the first answer begins. */
	static const uint8_t self[] = {0xC0, 30, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
	/* Two that point to each other. */
	static const uint8_t each_other[] = {0xC0, 32, 0xC0, 30, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0};
	/* A pointer beyond the end; a label that runs beyond it; a label type that does not exist.
	 */
	static const uint8_t beyond[] = {0xFF, 0xFF, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
	static const uint8_t label[] = {63, 'a', 'b'};
	static const uint8_t label_type[] = {0x80, 1, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4};
	/* Lengths of RDATA that do not fit. */
	static const uint8_t a_of_5[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 5, 1, 2, 3, 4, 5};
	static const uint8_t a_of_0[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 0};
	static const uint8_t a_cut[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 1, 2};
	static const uint8_t mx_of_2[] = {0xC0, 12, 0, 15, 0, 1, 0, 0, 0, 9, 0, 2, 0, 10};
	static const uint8_t mx_of_0[] = {0xC0, 12, 0, 15, 0, 1, 0, 0, 0, 9, 0, 0};
	/* The exchanger's name ends before its record does, and behind it. */
	static const uint8_t mx_loose[] = {0xC0, 12, 0, 15, 0,	1,    0,  0, 0,
					   9,	 0,  5, 0,  10, 0xC0, 12, 0};
	static const uint8_t mx_tight[] = {0xC0, 12, 0, 15, 0, 1,  0,	 0,
					   0,	 9,  0, 3,  0, 10, 0xC0, 12};
	static const uint8_t cname_of_0[] = {0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 0};
	static const struct {
		const uint8_t *raw;
		size_t len;
		enum dns_type type;
	} broken[] = {
		{self, sizeof(self), DNS_A},
		{each_other, sizeof(each_other), DNS_A},
		{beyond, sizeof(beyond), DNS_A},
		{label, sizeof(label), DNS_A},
		{label_type, sizeof(label_type), DNS_A},
		{a_of_5, sizeof(a_of_5), DNS_A},
		{a_of_0, sizeof(a_of_0), DNS_A},
		{a_cut, sizeof(a_cut), DNS_A},
		{mx_of_2, sizeof(mx_of_2), DNS_MX},
		{mx_of_0, sizeof(mx_of_0), DNS_MX},
		{mx_loose, sizeof(mx_loose), DNS_MX},
		{mx_tight, sizeof(mx_tight), DNS_MX},
		{cname_of_0, sizeof(cname_of_0), DNS_A},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
		read_raw(broken[i].raw, broken[i].len, broken[i].type);
		if (reply.cause != RESOLVER_MALFORMED)
			fail_msg("broken record %zu: %s", i, resolver_cause_name(reply.cause));
		assert_int_equal(reply.count, 0);
	}
}

static void test_every_cut_is_broken(void **state)
{
	size_t whole;

	(void)state;
	read_reply(0, DNS_MX,
		   "example.test. 300 MX 20 mx2.example.test.\n"
		   "@ 200 MX 10 mx1.example.test.",
		   NULL);
	assert_int_equal(reply.cause, RESOLVER_OK);
	whole = wire.len;
	for (size_t len = 0; len < whole; len++) {
		read_exactly(len, "example.test", DNS_MX);
		assert_int_equal(reply.cause, RESOLVER_MALFORMED);
	}
	/* The same for what follows a negative answer. */
	read_reply(3, DNS_MX, "@ 50 CNAME b.test.", "test. 600 SOA 70");
	assert_int_equal(reply.cause, RESOLVER_NO_NAME);
	whole = wire.len;
	for (size_t len = 0; len < whole; len++) {
		read_exactly(len, "example.test", DNS_MX);
		assert_int_equal(reply.cause, RESOLVER_MALFORMED);
	}
}

/* Any octet may be any other: the reply stays within its limits (and ASan silent). */
static void test_every_octet_changed(void **state)
{
	static const uint8_t values[] = {0x00, 0x01, 0x05, 0x0F, 0x3F, 0x40, 0x7F, 0xC0, 0xFF};
	size_t whole;

	(void)state;
	read_reply(0, DNS_MX,
		   "@ 50 CNAME b.test.\n"
		   "b.test. 300 MX 20 mx2.b.test.\n"
		   "b.test. 200 MX 10 @",
		   "test. 600 SOA 70");
	assert_int_equal(reply.cause, RESOLVER_OK);
	whole = wire.len;
	for (size_t at = 0; at < whole; at++) {
		for (size_t i = 0; i < sizeof(values); i++) {
			uint8_t before = wire.data[at];

			wire.data[at] = values[i];
			read_exactly(whole, "example.test", DNS_MX);
			wire.data[at] = before;
			assert_in_range(reply.cause, RESOLVER_OK, RESOLVER_MALFORMED);
			assert_in_range(reply.count, 0, DNS_RECORD_MAX);
			assert_true(reply.ttl_s <= INT32_MAX);
			for (int j = 0; j < reply.count; j++)
				assert_non_null(memchr(reply.records.exchangers[j].name, '\0',
						       RESOLVER_NAME_MAX));
		}
	}
}

/* On the wire a label may hold anything, a dot and a NUL included; none of it may pass as a name.
 */
static void test_octets_that_no_name_has(void **state)
{
	static const uint8_t odd[] = {0xC0, 12, 0, 15,	0,   1,	  0,   0, 0,   9,   0,	  12,
				      0,    10, 8, 'm', 'x', '.', 'a', 0, ' ', 'b', '\n', 0};

	(void)state;
	read_raw(odd, sizeof(odd), DNS_MX);
	assert_int_equal(reply.cause, RESOLVER_OK);
	assert_int_equal(reply.count, 1);
	assert_non_null(strchr(reply.records.exchangers[0].name, '\\'));
	assert_null(strchr(reply.records.exchangers[0].name, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_and_smallest_ttl),
		cmocka_unit_test(test_exchangers),
		cmocka_unit_test(test_ttl_of_2_to_the_31),
		cmocka_unit_test(test_records_of_others_are_ignored),
		cmocka_unit_test(test_aliases_in_any_order),
		cmocka_unit_test(test_alias_that_leads_out),
		cmocka_unit_test(test_alias_to_nothing),
		cmocka_unit_test(test_alias_loops),
		cmocka_unit_test(test_negative_answers),
		cmocka_unit_test(test_referral_is_no_answer),
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_more_records_than_are_kept),
		cmocka_unit_test(test_broken_records),
		cmocka_unit_test(test_every_cut_is_broken),
		cmocka_unit_test(test_every_octet_changed),
		cmocka_unit_test(test_octets_that_no_name_has),
	};

	return cmocka_run_group_tests_name("dns/message", tests, NULL, NULL);
}
