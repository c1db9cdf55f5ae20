/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_listen.c - listeners: addresses, pausing, holding back, refusing, closing
 */
#include "harness.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static void test_wildcard_tells_the_local_address(void **state)
{
	const struct endpoint any = endpoint_any("0.0.0.0");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 8});
	struct server server = {.echoes = true};
	struct endpoint to = endpoint_any("127.0.0.9");
	struct end end;

	server_start(&server, t, &any);
	to.port = server.listener->endpoint.port;
	assert_true(to.port != 0);
	end_connect(t, &end, &to, NULL);
	TURN_UNTIL(t, end.opened && server.accepted);
	assert_true(endpoint_equal(&server.ends->local, &to));
	end_send(&end, "hello");
	TURN_UNTIL(t, end.got_len == 5);
	link_close(end.link);
	TURN_UNTIL(t, end.closed && server.ends->closed);
	server_stop(&server);
	turn_some(t, 3);
	assert_all_home(t);
}

static void test_user_refuses(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 8});
	struct server server = {.refuses = true};
	struct end end;

	server_start(&server, t, &at);
	end_connect(t, &end, &server.listener->endpoint, NULL);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.why, LINK_END_RESET);
	assert_int_equal(server.accepted, 1);
	server_stop(&server);
	turn_some(t, 3);
	assert_all_home(t);
}

static void test_pause(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 16});
	struct server server = {.greeting = "220\r\n"};
	struct end ends[3];

	server_start(&server, t, &at);
	turn_some(t, 2);
	t->ops->listener_pause(server.listener, true);
	for (int i = 0; i < 3; i++)
		end_connect(t, &ends[i], &server.listener->endpoint, NULL);
	TURN_UNTIL(t, ends[0].opened && ends[1].opened && ends[2].opened); /* by the backlog */
	turn_some(t, 5);
	assert_int_equal(server.accepted, 0);
	t->ops->listener_pause(server.listener, false);
	TURN_UNTIL(t, server.accepted == 3);
	TURN_UNTIL(t, ends[0].got_len && ends[1].got_len && ends[2].got_len);
	server_stop(&server);
}

/* More come in than links are left: the rest waits, and gets its turn. */
static void test_held_until_a_link_is_free(void **state)
{
	enum { COUNT = 20 };
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct harness *h = *state;
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 4});
	struct transport *clients =
		harness_ring_of(h->is_direct, (struct ring_options){.link_max = COUNT});
	struct server server = {.greeting = "220\r\n"};
	struct end ends[COUNT];
	int greeted = 0, finished = 0;

	server_start(&server, t, &at);
	for (int i = 0; i < COUNT; i++)
		end_connect(clients, &ends[i], &server.listener->endpoint, NULL);
	for (int rounds = 0; finished < COUNT && rounds < 5000; rounds++) {
		turn_some(t, 1);
		turn_some(clients, 1);
		assert_in_range(ring_of(t)->link_open, 0, 4);
		for (int i = 0; i < COUNT; i++) {
			if (ends[i].got_len && ends[i].link && !ends[i].echoes) {
				ends[i].echoes = true; /* said goodbye to */
				greeted++;
				link_close(ends[i].link);
			}
		}
		finished = 0;
		for (int i = 0; i < COUNT; i++)
			finished += ends[i].closed;
	}
	assert_int_equal(finished, COUNT);
	assert_int_equal(greeted, COUNT);
	assert_int_equal(server.accepted, COUNT);
	server_stop(&server);
	turn_some(t, 10);
	assert_all_home(t);
	transport_free(clients);
}

static void test_close_with_connections_held(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct harness *h = *state;
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 1});
	struct transport *clients =
		harness_ring_of(h->is_direct, (struct ring_options){.link_max = 8});
	struct server server = {0};
	struct end ends[8];

	server_start(&server, t, &at);
	turn_some(t, 2);
	for (int i = 0; i < 8; i++)
		end_connect(clients, &ends[i], &server.listener->endpoint, NULL);
	turn_some(clients, 5);
	turn_some(t, 5);
	assert_int_equal(server.accepted, 1);
	link_close(server.ends->link);
	t->ops->listener_close(server.listener);
	t->ops->listener_close(server.listener);
	server.listener = NULL;
	TURN_UNTIL(t, server.ends->closed && !ring_of(t)->listener_count);
	for (int i = 0; i < 8; i++)
		TURN_UNTIL(clients, ends[i].closed);
	assert_int_equal(server.accepted, 1);
	assert_all_home(t);
	server_stop(&server);
	transport_free(clients);
}

static void test_address_in_use(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 4});
	struct server server = {0};
	struct listener_user nobody = {0};
	struct err e = {0};

	server_start(&server, t, &at);
	assert_null(transport_listen(t, &server.listener->endpoint, NULL, &nobody, &e));
	assert_int_equal(e.os_error, EADDRINUSE);
	assert_non_null(strstr(e.text, "127.0.0.1:"));
	assert_non_null(strstr(e.text, "choose another port"));
	server_stop(&server);
}

static void test_shared_port(void **state)
{
	const struct endpoint at = endpoint_any("127.0.0.1");
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 4});
	struct listener_user nobody = {0};
	const struct listen_options shared = {.share_port = true, .backlog = 7};
	struct err e = {0};
	struct listener *first = transport_listen(t, &at, &shared, &nobody, &e);

	assert_non_null(first);
	struct listener *second = transport_listen(t, &first->endpoint, &shared, &nobody, &e);
	assert_non_null(second);
	t->ops->listener_close(first);
	t->ops->listener_close(second);
	turn_some(t, 3);
	assert_all_home(t);
}

static void test_stale_unix_path(void **state)
{
	const struct endpoint at = endpoint_unique_path();
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 4});
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct listener_user nobody = {0};
	struct server server = {0};
	struct err e = {0};
	FILE *file;

	snprintf(address.sun_path, sizeof address.sun_path, "%s", at.path);
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_null(transport_listen(t, &at, NULL, &nobody, &e)); /* alive: left alone */
	assert_int_equal(e.os_error, EADDRINUSE);
	close(fd); /* its owner went away without removing it */
	server_start(&server, t, &at);
	server_stop(&server);
	assert_int_not_equal(access(at.path, F_OK), 0);
	file = fopen(at.path, "w"); /* a file that is no socket is never removed */
	assert_non_null(file);
	fclose(file);
	assert_null(transport_listen(t, &at, NULL, &nobody, &e));
	assert_int_equal(access(at.path, F_OK), 0);
	unlink(at.path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_wildcard_tells_the_local_address),
		BOTH(test_user_refuses),
		BOTH(test_pause),
		BOTH(test_held_until_a_link_is_free),
		BOTH(test_close_with_connections_held),
		BOTH(test_address_in_use),
		BOTH(test_shared_port),
		BOTH(test_stale_unix_path),
	};

	return cmocka_run_group_tests_name("ring/listen", tests, NULL, NULL);
}
