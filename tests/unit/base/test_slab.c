/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_slab.c - objects do not overlap, stay where they are and are used again
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "base/slab.h"

#define COUNT 1000

static void objects_keep_apart(void **state)
{
	static const size_t sizes[] = {1, 8, 16, 17, 333, 4096, 20000};

	(void)state;
	for (size_t n = 0; n < sizeof(sizes) / sizeof(sizes[0]); n++) {
		static unsigned char *objects[COUNT];
		struct slab s;
		size_t size = sizes[n];

		slab_init(&s, size);
		for (int i = 0; i < COUNT; i++) {
			objects[i] = slab_alloc(&s);
			assert_non_null(objects[i]);
			assert_int_equal((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
			memset(objects[i], i & 0xff, size);
		}
		for (int i = 0; i < COUNT; i++) {
			assert_int_equal(objects[i][0], i & 0xff);
			assert_int_equal(objects[i][size - 1], i & 0xff);
		}
		assert_int_equal(s.in_use, COUNT);
		for (int i = 0; i < COUNT; i++)
			slab_free(&s, objects[i]);
		assert_int_equal(s.in_use, 0);
		assert_int_equal(s.peak, COUNT);
		slab_fini(&s);
	}
}

static void last_freed_comes_first(void **state)
{
	struct slab s;
	void *a, *b;

	(void)state;
	slab_init(&s, 100);
	a = slab_alloc(&s);
	b = slab_alloc(&s);
	slab_free(&s, a);
	slab_free(&s, b);
	slab_free(&s, NULL);
	assert_ptr_equal(slab_alloc(&s), b);
	assert_ptr_equal(slab_alloc(&s), a);
	/* Abandoned: the chunks take both along. */
	slab_fini(&s);
	assert_int_equal(s.in_use, 0);
	assert_non_null(slab_alloc(&s));
	slab_fini(&s);
}

static void chunks_are_about_64_kib(void **state)
{
	struct slab s;

	(void)state;
	slab_init(&s, 1000);
	assert_int_equal(s.object_size, 1008);
	assert_int_equal(s.per_chunk, 65536 / 1008);
	slab_init(&s, 60000);
	assert_int_equal(s.per_chunk, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_keep_apart),
		cmocka_unit_test(last_freed_comes_first),
		cmocka_unit_test(chunks_are_about_64_kib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
