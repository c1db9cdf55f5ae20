/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_random.c - random numbers from the kernel
 *
 * That they can't be guessed is the kernel's to show; here it is that all of the memory asked for
 * is filled, nothing beside it, and not twice the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "crypt/random.h"

/* More than 256 octets, above which the kernel may give less than was asked for. */
#define SIZE 4096
#define EDGE 16

static void test_fills_all_and_no_more(void **state)
{
	unsigned char memory[EDGE + SIZE + EDGE];
	int seen[8] = {0};

	(void)state;
	memset(memory, 0xa5, sizeof(memory));
	crypt_random(memory + EDGE, SIZE);
	for (int i = 0; i < EDGE; i++) {
		assert_int_equal(memory[i], 0xa5);
		assert_int_equal(memory[EDGE + SIZE + i], 0xa5);
	}
	/* About 512 octets fall into each eighth of the values; half or twice as many never do. */
	for (int i = 0; i < SIZE; i++)
		seen[memory[EDGE + i] / 32]++;
	for (int i = 0; i < 8; i++)
		assert_in_range(seen[i], SIZE / 16, SIZE / 4);
}

static void test_nothing_asked_for(void **state)
{
	unsigned char byte = 7;

	(void)state;
	crypt_random(&byte, 0);
	assert_int_equal(byte, 7);
}

static void test_never_twice(void **state)
{
	uint64_t a[4], b[4];

	(void)state;
	crypt_random(a, sizeof(a));
	crypt_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_true(crypt_random_seed() != crypt_random_seed());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fills_all_and_no_more),
		cmocka_unit_test(test_nothing_asked_for),
		cmocka_unit_test(test_never_twice),
	};

	return cmocka_run_group_tests_name("crypt random", tests, NULL, NULL);
}
