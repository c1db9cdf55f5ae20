/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_cache.c - how long record sets are kept, and how many
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "dns/cache.h"

#define NOW 1000

static void cache_with(struct dns_cache *c, int max)
{
	struct err e = {0};

	assert_int_equal(dns_cache_init(c, max, 42, &e), 0);
}

/* Puts a set whose first octet tells it apart. */
static void put(struct dns_cache *c, const char *name, enum dns_type type, int64_t expires_ns,
		uint8_t mark, int64_t now_ns)
{
	static union dns_records records;
	struct dns_set *set;

	records.addresses[0][0] = mark;
	set = dns_set_new(type, RESOLVER_OK, expires_ns, &records, 1, NULL);
	assert_non_null(set);
	dns_cache_put(c, name, set, now_ns);
	dns_set_unref(set);
}

static int mark_of(struct dns_cache *c, const char *name, enum dns_type type, int64_t now_ns)
{
	const struct dns_set *set = dns_cache_find(c, name, type, now_ns);

	return set ? set->addresses[0][0] : -1;
}

static void test_kept_until_it_expires(void **state)
{
	struct dns_cache c;

	(void)state;
	cache_with(&c, 10);
	put(&c, "a.test", DNS_A, NOW + 100, 1, NOW);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW), 1);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW + 99), 1);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW + 100), -1);
	/* It is gone, not only hidden. */
	assert_int_equal(c.count, 0);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW), -1);
	dns_cache_fini(&c);
}

static void test_names_and_types_are_apart(void **state)
{
	struct dns_cache c;

	(void)state;
	cache_with(&c, 10);
	put(&c, "a.test", DNS_A, NOW + 100, 1, NOW);
	put(&c, "a.test", DNS_AAAA, NOW + 100, 2, NOW);
	put(&c, "b.test", DNS_A, NOW + 100, 3, NOW);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW), 1);
	assert_int_equal(mark_of(&c, "a.test", DNS_AAAA, NOW), 2);
	assert_int_equal(mark_of(&c, "b.test", DNS_A, NOW), 3);
	assert_int_equal(mark_of(&c, "b.test", DNS_AAAA, NOW), -1);
	dns_cache_fini(&c);
}

static void test_a_newer_set_replaces_an_older_one(void **state)
{
	struct dns_cache c;

	(void)state;
	cache_with(&c, 10);
	put(&c, "a.test", DNS_A, NOW + 100, 1, NOW);
	put(&c, "a.test", DNS_A, NOW + 200, 2, NOW);
	assert_int_equal(c.count, 1);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW + 150), 2);
	/* A set with a TTL of 0 takes the old one's place, and is not kept itself. */
	put(&c, "a.test", DNS_A, NOW + 150, 3, NOW + 150);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW + 150), -1);
	dns_cache_fini(&c);
}

static void test_the_least_used_gives_way(void **state)
{
	struct dns_cache c;

	(void)state;
	cache_with(&c, 3);
	put(&c, "a.test", DNS_A, NOW + 100, 1, NOW);
	put(&c, "b.test", DNS_A, NOW + 100, 2, NOW);
	put(&c, "c.test", DNS_A, NOW + 100, 3, NOW);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW), 1);
	put(&c, "d.test", DNS_A, NOW + 100, 4, NOW);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.drops, 1);
	assert_int_equal(mark_of(&c, "b.test", DNS_A, NOW), -1);
	assert_int_equal(mark_of(&c, "a.test", DNS_A, NOW), 1);
	assert_int_equal(mark_of(&c, "c.test", DNS_A, NOW), 3);
	assert_int_equal(mark_of(&c, "d.test", DNS_A, NOW), 4);
	/* What had expired is no loss. */
	put(&c, "e.test", DNS_A, NOW + 300, 5, NOW + 200);
	assert_int_equal(c.drops, 1);
	dns_cache_fini(&c);
}

static void test_a_set_outlives_its_entry(void **state)
{
	struct dns_cache c;
	struct dns_set *set;

	(void)state;
	cache_with(&c, 1);
	put(&c, "a.test", DNS_A, NOW + 100, 1, NOW);
	set = dns_set_ref(dns_cache_find(&c, "a.test", DNS_A, NOW));
	put(&c, "b.test", DNS_A, NOW + 100, 2, NOW);
	dns_cache_fini(&c);
	assert_int_equal(set->addresses[0][0], 1);
	dns_set_unref(set);
}

static void test_many_names(void **state)
{
	struct dns_cache c;
	char name[32];
	int found = 0;

	(void)state;
	cache_with(&c, 100);
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "%d.test", i);
		put(&c, name, DNS_A, NOW + 100, (uint8_t)i, NOW);
		assert_true(c.count <= 100);
	}
	for (int i = 0; i < 1000; i++) {
		int mark;

		snprintf(name, sizeof(name), "%d.test", i);
		mark = mark_of(&c, name, DNS_A, NOW);
		if (mark >= 0) {
			assert_int_equal(mark, (uint8_t)i);
			assert_true(i >= 900);
			found++;
		}
	}
	assert_int_equal(found, 100);
	assert_int_equal(c.drops, 900);
	dns_cache_fini(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kept_until_it_expires),
		cmocka_unit_test(test_names_and_types_are_apart),
		cmocka_unit_test(test_a_newer_set_replaces_an_older_one),
		cmocka_unit_test(test_the_least_used_gives_way),
		cmocka_unit_test(test_a_set_outlives_its_entry),
		cmocka_unit_test(test_many_names),
	};

	return cmocka_run_group_tests_name("dns/cache", tests, NULL, NULL);
}
