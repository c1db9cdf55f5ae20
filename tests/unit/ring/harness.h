/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * harness.h - a ring, users that note what happens to them, and a bounded way to wait
 *
 * Each test runs on a ring with direct descriptors and on one with ordinary ones (the fallback
 * of older kernels). Waiting is by condition, bounded so that a failure ends; nothing asserts
 * how long something took.
 */
#ifndef VOLLEY_TESTS_RING_HARNESS_H
#define VOLLEY_TESTS_RING_HARNESS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "ring/private.h"

/* One end of a connection. */
struct end {
	struct link_user user;
	struct link *link; /* NULL after CLOSED */
	struct end *chain; /* ends made by a server */
	bool echoes;	   /* sends back what it gets */
	bool closes_after_echo;
	int opened, sent, late, closed;
	enum link_end why;
	int os_error;
	size_t got_len; /* all that came; the first of it is kept */
	uint64_t got_sum;
	char got[4096], out[4096];
	struct endpoint peer, local;
	int64_t last_at_ns;
};

/* Accepts, and gives each connection an end of its own. */
struct server {
	struct listener_user user;
	struct listener *listener;
	struct end *ends;
	int accepted, closed;
	bool echoes, refuses;
	const char *greeting;
};

struct harness {
	struct transport *t;
	bool is_direct;
	int inside; /* calls of the transport under way: no event may come meanwhile */
};

/* Makes the ring that the test asked for with these options; freed by the teardown. */
struct transport *harness_ring(void **state, struct ring_options options);
struct transport *harness_ring_of(bool is_direct, struct ring_options options);

void end_init(struct end *end);
struct end *end_connect(struct transport *t, struct end *end, const struct endpoint *to,
			const struct link_options *options);
void end_send(struct end *end, const char *text);
void server_start(struct server *s, struct transport *t, const struct endpoint *at);
/* Closes the listener, aborts what is open, turns until all of it is gone, frees the ends. */
void server_stop(struct server *s);

struct endpoint endpoint_any(const char *address); /* port 0 */
struct endpoint endpoint_unique_path(void);	   /* a Unix socket that does not exist yet */

/* Turns until the condition holds; false when it did not within a generous bound. */
#define TURN_UNTIL(t, condition)                                                                   \
	do {                                                                                       \
		struct err turn_err_ = {0};                                                        \
		for (int turns_ = 0; turns_ < 2000 && !(condition); turns_++)                      \
			if (transport_turn((t), clock_now((t)->clock) + 5 * NS_PER_MS,             \
					   &turn_err_) < 0)                                        \
				fail_msg("%s", turn_err_.text);                                    \
		if (!(condition))                                                                  \
			fail_msg("never came true: %s", #condition);                               \
	} while (0)

/* Some turns in which nothing is expected. */
void turn_some(struct transport *t, int count);

/* All links given back, all slots home, all buffers home. */
void assert_all_home(struct transport *t);

int harness_direct(void **state);
int harness_plain(void **state);
int harness_teardown(void **state);

#define BOTH(test)                                                                                 \
	{#test " (direct)", test, harness_direct, harness_teardown, NULL},                         \
	{                                                                                          \
#test " (plain)", test, harness_plain, harness_teardown, NULL                      \
	}

#endif
