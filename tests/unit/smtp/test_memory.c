/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_memory.c - the SMTP client when memory is not to be had
 *
 * A session that needs memory wherever one can is played with the first allocation failing, then
 * the second, and so on, until it goes through. Each time it must end in an orderly way: with a
 * fault that says so, or by doing without; where memory fails within a mechanism, the fault is the
 * mechanism's. The linker puts the failing functions in place of the
 * C library's for what is linked in statically: everything of volley's, nothing of libgsasl's.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "base/clock.h"
#include "smtp/client.h"

static long allowed = -1; /* allocations to go before one fails; below 0: none does */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__wrap_strdup(const char *text);

static bool is_refused(void)
{
	return allowed >= 0 && allowed-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return is_refused() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return is_refused() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return is_refused() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
	return is_refused() ? NULL : __real_strdup(text);
}

static const struct span rcpts[] = {{"a@example.com", 13}, {"b@example.com", 13}};
static const struct smtp_message message = {
	.mail_from = {"s@example.org", 13}, .rcpt = rcpts, .rcpt_count = 2};

#define LONG_TEXT                                                                                  \
	"this text is so long that it does not fit into the octets that a session has for the "    \
	"reply which decided about its message"

struct play {
	struct smtp_client client;
	struct buf tx;
	bool is_over;
	enum smtp_fault fault;
	int done_count;
};

static void on_event(struct play *p, const struct smtp_event *ev)
{
	if (ev->kind == SMTP_EVENT_READY)
		smtp_client_message(&p->client, &message, 0);
	if (ev->kind == SMTP_EVENT_DONE) {
		p->done_count++;
		assert_int_equal(ev->outcome->rejected, 1);
		assert_int_equal(ev->outcome->accepted, 1);
		assert_int_equal(ev->outcome->reply.code, 550);
		assert_memory_equal(ev->outcome->reply.text.data, LONG_TEXT, SMTP_KEPT_TEXT);
	}
	if (ev->kind == SMTP_EVENT_FAILED) {
		p->is_over = true;
		p->fault = ev->fault;
	}
}

static void feed(struct play *p, struct span in)
{
	struct smtp_event ev;
	size_t used;

	while (smtp_client_feed(&p->client, in, 0, &used, &ev) == SMTP_FEED_EVENT) {
		on_event(p, &ev);
		if (used > 0)
			in = span_skip(in, used);
	}
}

static void drain(struct play *p)
{
	struct iovec segments[8];

	while (smtp_client_output(&p->client, 0, &p->tx, segments, 8) > 0) {
		smtp_client_sent(&p->client, 0);
		buf_clear(&p->tx);
	}
	feed(p, (struct span){.len = 0});
}

/* Each reply in two pieces, so that it must be kept. True when nothing was refused. */
static bool play(const struct sasl_params *auth, const char *const *replies, long allow)
{
	struct smtp_client_params params = {.helo_name = "c", .auth = auth};
	struct play p = {.is_over = false};
	bool was_refused;

	smtp_timeouts_rfc5321(&params.timeouts);
	buf_init(&p.tx, 16384);
	allowed = allow;
	smtp_client_init(&p.client, &params, 0);
	for (; *replies && !p.is_over; replies++) {
		struct span reply = span_of(*replies);

		feed(&p, (struct span){reply.data, 5});
		feed(&p, span_skip(reply, 5));
		drain(&p);
	}
	was_refused = allowed < 0;
	allowed = -1;
	assert_int_equal(p.done_count, p.is_over ? 0 : 1);
	assert_true(was_refused || !p.is_over);
	if (p.is_over)
		assert_true(p.fault == SMTP_FAULT_NO_MEMORY || p.fault == SMTP_FAULT_NO_AUTH ||
			    p.fault == SMTP_FAULT_BAD_CHALLENGE);
	smtp_client_fini(&p.client);
	buf_fini(&p.tx);
	sasl_thread_fini();
	return !was_refused;
}

static void play_until_through(const struct sasl_params *auth, const char *const *replies)
{
	long allow = 0;

	while (!play(auth, replies, allow))
		allow++;
	assert_true(allow > 5);
}

#define MESSAGE_REPLIES                                                                            \
	"250 mail ok\r\n", "550 " LONG_TEXT "\r\n", "250 rcpt ok\r\n", "354 go on\r\n",            \
		"250 dot ok\r\n", NULL

static void test_plain(void **state)
{
	static const char *const replies[] = {"220 mail\r\n", "250-mail\r\n250 AUTH PLAIN\r\n",
					      "235 fine\r\n", MESSAGE_REPLIES};
	const struct sasl_params auth = {.user = "u", .password = "p", .allow_clear = true};

	(void)state;
	play_until_through(&auth, replies);
}

static void test_cram_md5(void **state)
{
	static const char *const replies[] = {
		"220 mail\r\n", "250-mail\r\n250 AUTH CRAM-MD5\r\n",
		"334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n", "235 fine\r\n",
		MESSAGE_REPLIES};
	const struct sasl_params auth = {.user = "u", .password = "p"};

	(void)state;
	play_until_through(&auth, replies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_cram_md5),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
