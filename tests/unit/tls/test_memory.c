/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_memory.c - every allocation of the library fails once, and an idle session stays small
 *
 * The library's allocator is replaced by one that counts, and that answers NULL at the n-th call.
 */
#include <setjmp.h>
#include <malloc.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "pair.h"
#include "tls/internal.h"

#define NEVER SIZE_MAX

/* There when the leak sanitizer is. */
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

static size_t calls, fail_at = NEVER, live; /* live in octets */

static void *counted(void *memory)
{
	if (memory)
		live += malloc_usable_size(memory);
	return memory;
}

static void *count_malloc(size_t size)
{
	return ++calls == fail_at ? NULL : counted(malloc(size));
}

static void count_free(void *memory)
{
	if (memory)
		live -= malloc_usable_size(memory);
	free(memory);
}

static void *count_realloc(void *memory, size_t size)
{
	size_t before = memory ? malloc_usable_size(memory) : 0;
	void *moved;

	if (++calls == fail_at)
		return NULL;
	moved = realloc(memory, size);
	if (moved)
		live -= before;
	return counted(moved);
}

static int set_up(void **state)
{
	if (wolfSSL_SetAllocators(count_malloc, count_free, count_realloc) != 0)
		return -1;
	return cert_set_up(state);
}

struct contexts {
	struct secure *client, *server;
};

static struct contexts contexts_new(bool resume)
{
	struct tls_options client = client_options(&cert), server = server_options(&cert);

	client.resume = server.resume = resume;
	return (struct contexts){new_secure(&client), new_secure(&server)};
}

static void contexts_free(struct contexts c)
{
	secure_free(c.client);
	secure_free(c.server);
}

/* Opens both ends without a word on failure, which may be what is wanted. */
static bool try_open(struct end *end, struct secure *secure, enum secure_role role)
{
	struct secure_request request = {
		.role = role, .server_name = "localhost", .resume_key = "k"};
	struct err e = {0};

	*end = (struct end){.secure = secure};
	buf_init(&end->tx, 1u << 20);
	buf_init(&end->received, 1u << 20);
	end->session = secure_open(secure, &request, &end->tx, &e);
	if (!end->session)
		buf_fini(&end->tx);
	return end->session;
}

/* A handshake with a word after it; both as far as they come. */
static void try_session(struct contexts c)
{
	struct iovec plain = {(void *)(uintptr_t) "NOOP\r\n", 6};
	struct pair p = {0};

	if (!try_open(&p.client, c.client, SECURE_CLIENT))
		return;
	if (!try_open(&p.server, c.server, SECURE_SERVER)) {
		secure_release(p.client.session);
		buf_fini(&p.client.tx);
		return;
	}
	pair_run(&p);
	assert_int_equal(p.client.step == SECURE_FAILED, end_failure(&p.client) != SECURE_OK);
	assert_int_equal(p.server.step == SECURE_FAILED, end_failure(&p.server) != SECURE_OK);
	if (p.client.opens && p.server.opens) {
		secure_seal(p.client.session, &plain, 1, SIZE_MAX, &p.client.tx);
		secure_seal(p.server.session, &plain, 1, SIZE_MAX, &p.server.tx);
		pair_run(&p);
	}
	pair_close(&p);
}

static void test_each_allocation_fails_once(void **state)
{
	struct contexts c = contexts_new(true);
	size_t needed;

	(void)state;
	try_session(c);
	calls = 0;
	try_session(c);
	needed = calls;
	assert_in_range(needed, 20, 2000);
	/* wolfSSL 5.5 itself loses a key share when one of its allocations fails. */
	if (__lsan_disable)
		__lsan_disable();
	for (size_t n = 1; n <= needed; n++) {
		calls = 0;
		fail_at = n;
		try_session(c);
		fail_at = NEVER;
	}
	if (__lsan_enable)
		__lsan_enable();
	/* After all of that, a session works as before. */
	c.client->handshakes_full = c.client->handshakes_resumed = 0;
	try_session(c);
	assert_int_equal(c.client->handshakes_full + c.client->handshakes_resumed, 1);
	contexts_free(c);
}

static void test_nothing_is_left_behind(void **state)
{
	struct contexts c = contexts_new(false);
	size_t before;

	(void)state;
	try_session(c);
	before = live;
	for (int i = 0; i < 5; i++)
		try_session(c);
	assert_int_equal(live, before);
	contexts_free(c);
}

/* The handshake's memory is given back when it is done; Debian's build keeps 60 KB and more. */
static void test_idle_session_is_small(void **state)
{
	struct contexts c = contexts_new(false);
	struct pair p = {0};
	size_t before;

	(void)state;
	for (int i = 0; i < 5; i++)
		try_session(c);
	before = live;
	assert_true(pair_connect(&p, c.client, c.server, "localhost", NULL));
	secure_release(p.server.session);
#ifdef VOLLEY_LEAN_BUILD
	assert_in_range(live - before, 1024, 5120);
#endif
	secure_release(p.client.session);
	assert_int_equal(live, before);
	buf_fini(&p.client.tx);
	buf_fini(&p.server.tx);
	contexts_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails_once),
		cmocka_unit_test(test_nothing_is_left_behind),
		cmocka_unit_test(test_idle_session_is_small),
	};

	return cmocka_run_group_tests_name("tls memory", tests, set_up, cert_tear_down);
}
