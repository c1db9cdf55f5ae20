/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_exchangers.c - RFC 5321 s5.1 and RFC 8305 s4: the order in which addresses are tried
 */
#include "support.h"
#include <stdio.h>
#include "net/exchangers.h"

/* "mx1:6a,4b mx2:4c" as the answer stands. */
static const char *text_of(const struct resolver_answer *a, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (int i = 0; i < a->exchanger_count; i++) {
		const struct resolver_exchanger *x = &a->exchangers[i];

		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? " " : "", x->name);
		for (int k = 0; k < x->address_count; k++) {
			const struct endpoint *e = &a->addresses[x->address_first + k];
			bool is_six = e->family == ENDPOINT_IPV6;

			len += (size_t)snprintf(out + len, size - len, "%c%c%u", k ? ',' : ':',
						is_six ? 's' : 'f', is_six ? e->v6[15] : e->v4[3]);
		}
	}
	return out;
}

static void add(struct resolver_answer *a, const char *text)
{
	struct endpoint e = address(text, 0);

	assert_true(exchangers_add_address(a, &e, 25));
}

static void families_alternate(void **state)
{
	static struct resolver_answer a;
	char text[200];

	(void)state;
	exchangers_clear(&a);
	assert_true(exchangers_add(&a, "MX1.Example.COM.", 10));
	add(&a, "192.0.2.1");
	add(&a, "192.0.2.2");
	add(&a, "2001:db8::3");
	add(&a, "192.0.2.4");
	assert_true(exchangers_add(&a, "mx2", 5));
	add(&a, "2001:db8::5");
	add(&a, "2001:db8::6");
	add(&a, "192.0.2.7");
	assert_true(exchangers_add(&a, "mx3", 1)); /* has no address: left out */
	exchangers_order(&a, NULL);
	assert_string_equal(text_of(&a, text, sizeof(text)),
			    "mx2:s5,f7,s6 mx1.example.com:s3,f1,f2,f4");
	assert_int_equal(a.address_count, 7);
	assert_int_equal(a.exchangers[0].address_first, 0);
	assert_int_equal(a.exchangers[1].address_first, 3);
	for (int i = 0; i < a.address_count; i++)
		assert_int_equal(a.addresses[i].port, 25);
}

static void limits(void **state)
{
	static struct resolver_answer a;
	struct endpoint e = address("192.0.2.1", 0);
	char name[RESOLVER_NAME_MAX + 1];

	(void)state;
	exchangers_clear(&a);
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_false(exchangers_add(&a, name, 1));
	name[RESOLVER_NAME_MAX - 1] = '\0';
	for (int i = 0; i < RESOLVER_EXCHANGER_MAX; i++)
		assert_true(exchangers_add(&a, name, 1));
	assert_false(exchangers_add(&a, "x", 1));
	for (int i = 0; i < RESOLVER_ADDRESS_MAX; i++)
		assert_true(exchangers_add_address(&a, &e, 25));
	assert_false(exchangers_add_address(&a, &e, 25));
	exchangers_order(&a, NULL);
	assert_int_equal(a.exchanger_count, 1);
	assert_int_equal(a.address_count, RESOLVER_ADDRESS_MAX);
}

/* Every order of three equal ones comes about as often as any other; preferences always hold. */
static void equal_ones_are_shuffled(void **state)
{
	static struct resolver_answer a;
	int seen[3][3] = {{0}};
	struct rng rng;

	(void)state;
	rng_init(&rng, 11);
	for (int round = 0; round < 3000; round++) {
		static const char *const names[] = {"a", "b", "c"};

		exchangers_clear(&a);
		assert_true(exchangers_add(&a, "last", 20));
		add(&a, "192.0.2.9");
		for (int i = 0; i < 3; i++) {
			assert_true(exchangers_add(&a, names[i], 10));
			add(&a, "192.0.2.1");
		}
		assert_true(exchangers_add(&a, "first", 0));
		add(&a, "192.0.2.8");
		exchangers_order(&a, &rng);
		assert_string_equal(a.exchangers[0].name, "first");
		assert_string_equal(a.exchangers[4].name, "last");
		assert_int_equal(a.addresses[0].v4[3], 8);
		assert_int_equal(a.addresses[4].v4[3], 9);
		for (int i = 0; i < 3; i++)
			seen[a.exchangers[1 + i].name[0] - 'a'][i]++;
	}
	for (int i = 0; i < 3; i++)
		for (int k = 0; k < 3; k++)
			assert_in_range(seen[i][k], 850, 1150);
}

static void names_are_ordered_too(void **state)
{
	struct exchanger_name names[20];
	struct rng one, two;
	int moved = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		snprintf(names[i].name, sizeof(names[i].name), "mx%02d", i);
		names[i].preference = (uint16_t)(i % 3);
	}
	rng_init(&one, 4);
	two = one;
	exchanger_names_order(names, 20, &one);
	for (int i = 1; i < 20; i++) {
		assert_true(names[i - 1].preference <= names[i].preference);
		moved += strcmp(names[i - 1].name, names[i].name) > 0 &&
			 names[i - 1].preference == names[i].preference;
	}
	assert_true(moved > 0);
	/* As many numbers are drawn for any twenty names. */
	for (int i = 0; i < 20; i++)
		names[i].preference = 7;
	exchanger_names_order(names, 20, &two);
	assert_int_equal(rng_next(&one), rng_next(&two));
	exchanger_names_order(names, 0, &one);
	exchanger_names_order(names, 1, &one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(families_alternate),
		cmocka_unit_test(limits),
		cmocka_unit_test(equal_ones_are_shuffled),
		cmocka_unit_test(names_are_ordered_too),
	};

	return cmocka_run_group_tests_name("net: exchangers", tests, NULL, NULL);
}
