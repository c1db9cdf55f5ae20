/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_memory.c - loading while memory runs out, at each allocation in turn
 *
 * The linker puts the functions below in the place of those that the profile room calls. Whatever
 * the allocation that fails, the load ends in an error that says so, and nothing is left behind
 * (which the address sanitizer's leak check sees).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include "folder.h"
#include "profile/faults.h"
#include "profile/store.h"

static long left = -1; /* allocations until one fails; below 0: none does */

static bool is_out(void)
{
	return left >= 0 && left-- == 0;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);

void *__wrap_malloc(size_t size)
{
	return is_out() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_out() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return is_out() ? NULL : __real_realloc(old, size);
}

static const char text[] =
	"title: x\n"
	"about: a text that fills some room\n"
	"match: {mx: ['*.a.example', b.example], relays: c.example}\n"
	"submission:\n"
	"  servers: [{host: h.example, port: 25, security: tls}]\n"
	"  auth: [plain, login]\n"
	"limits:\n"
	"  a: {max: 5, of: connections, per: source}\n"
	"replies:\n"
	"  r: {text: 'too (fast|quick)', code: [421, 450], class: throttled,\n"
	"      when: {over: a}, say: '421 too fast', samples: ['421 too quick']}\n"
	"  s: {class: unknown-user, when: {recipient: 'x*'}, say: '550 5.1.1 no'}\n";

/* One load with a store of its own; true when it was good. */
static bool load(const struct folder *f)
{
	const char *const folders[] = {f->path};
	struct profile_store *s = profile_store_new(folders, 1);
	struct err e = {0};
	bool is_good = s && profile_store_load(s, "x", &e);

	if (s && !is_good) {
		if (e.status != EXIT_FAILED || e.text[0] == '\0')
			fail_msg("\"%s\" does not blame the memory", e.text);
	}
	profile_store_free(s);
	return is_good;
}

static void test_each_allocation(void **state)
{
	struct folder f;
	long k = 0;

	(void)state;
	folder_open(&f);
	folder_write(&f, "x.yaml", text);
	assert_true(load(&f));
	for (;; k++) {
		bool is_good;

		left = k;
		is_good = load(&f);
		/* None failed any more. */
		if (is_good && left >= 0)
			break;
		left = -1;
		if (is_good)
			fail_msg("allocation %ld failed and nobody saw it", k);
	}
	left = -1;
	assert_in_range(k, 10, 1000);
	folder_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
