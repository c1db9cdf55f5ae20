/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * test_ends.c - every way in which a connection can end, told once and by its right name
 */
#include "harness.h"
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A peer with ordinary system calls, so that its behaviour is known exactly. */
struct peer {
	int listener, fd;
	struct endpoint at;
};

static void peer_listen(struct peer *p)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof address;

	p->fd = -1;
	p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(p->listener >= 0);
	assert_int_equal(bind(p->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(p->listener, 16), 0);
	getsockname(p->listener, (struct sockaddr *)&address, &len);
	p->at = endpoint_any("127.0.0.1");
	p->at.port = ntohs(address.sin_port);
}

/* Connects end to the peer, both sides open. */
static void peer_meet(struct peer *p, struct transport *t, struct end *end,
		      const struct link_options *options)
{
	peer_listen(p);
	end_connect(t, end, &p->at, options);
	TURN_UNTIL(t, end->opened);
	p->fd = accept(p->listener, NULL, NULL);
	assert_true(p->fd >= 0);
	turn_some(t, 2); /* the receive is armed */
}

static void peer_reset(struct peer *p)
{
	const struct linger reset = {.l_onoff = 1};

	setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(p->fd);
	p->fd = -1;
}

static void peer_stop(struct peer *p)
{
	if (p->fd >= 0)
		close(p->fd);
	close(p->listener);
}

static struct transport *small_ring(void **state)
{
	return harness_ring(state, (struct ring_options){.link_max = 8});
}

static void expect_failure(void **state, const struct endpoint *to,
			   const struct link_options *options, enum link_end why, int os_error)
{
	struct transport *t = small_ring(state);
	struct end end;

	end_connect(t, &end, to, options);
	assert_int_equal(end.closed, 0);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.opened, 0);
	assert_int_equal(end.why, why);
	assert_int_equal(end.os_error, os_error);
	turn_some(t, 2);
	assert_int_equal(end.closed, 1);
	assert_all_home(t);
}

static void test_refused(void **state)
{
	struct peer p;

	peer_listen(&p);
	close(p.listener); /* a port that was free a moment ago */
	expect_failure(state, &p.at, NULL, LINK_END_REFUSED, ECONNREFUSED);
}

static void test_no_unix_socket(void **state)
{
	const struct endpoint at = endpoint_unique_path();

	expect_failure(state, &at, NULL, LINK_END_REFUSED, ENOENT);
}

static void test_no_endpoint(void **state)
{
	const struct endpoint none = {.family = ENDPOINT_NONE};

	expect_failure(state, &none, NULL, LINK_END_OTHER, EINVAL);
}

static void test_foreign_source(void **state)
{
	struct endpoint to = endpoint_any("127.0.0.1"), source = endpoint_any("192.0.2.7");

	to.port = 9;
	expect_failure(state, &to, &(struct link_options){.source = &source}, LINK_END_NO_SOURCE,
		       EADDRNOTAVAIL);
}

static void test_source_of_other_family(void **state)
{
	struct endpoint to = endpoint_any("127.0.0.1"), source = endpoint_any("::1");

	to.port = 9;
	expect_failure(state, &to, &(struct link_options){.source = &source}, LINK_END_NO_SOURCE,
		       EAFNOSUPPORT);
}

static void test_unreachable(void **state)
{
	/* A broadcast address is refused by connect() with EACCES: denied by this machine. */
	struct endpoint to = endpoint_any("255.255.255.255");

	to.port = 9;
	struct transport *t = small_ring(state);
	struct end end;
	end_connect(t, &end, &to, NULL);
	TURN_UNTIL(t, end.closed);
	assert_true(end.why == LINK_END_DENIED || end.why == LINK_END_UNREACHABLE);
	assert_all_home(t);
}

static void test_more_than_link_max(void **state)
{
	struct transport *t = harness_ring(state, (struct ring_options){.link_max = 2});
	struct endpoint to = endpoint_any("127.0.0.1");
	struct end ends[3];

	to.port = 9;
	end_connect(t, &ends[0], &to, NULL);
	end_connect(t, &ends[1], &to, NULL);
	end_init(&ends[2]);
	assert_null(link_connect(t, &to, NULL, &ends[2].user));
	TURN_UNTIL(t, ends[0].closed && ends[1].closed);
	end_connect(t, &ends[2], &to, NULL);
	TURN_UNTIL(t, ends[2].closed);
}

static void test_eof_after_bytes(void **state)
{
	struct transport *t = small_ring(state);
	struct peer p;
	struct end end;

	peer_meet(&p, t, &end, NULL);
	assert_int_equal(write(p.fd, "221 bye\r\n", 9), 9);
	close(p.fd);
	p.fd = -1;
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.got_len, 9);
	assert_int_equal(end.why, LINK_END_EOF);
	assert_int_equal(end.os_error, 0);
	assert_all_home(t);
	peer_stop(&p);
}

static void test_reset_by_peer(void **state)
{
	struct transport *t = small_ring(state);
	struct peer p;
	struct end end;

	peer_meet(&p, t, &end, NULL);
	peer_reset(&p);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.why, LINK_END_RESET);
	assert_int_equal(end.os_error, ECONNRESET);
	assert_all_home(t);
	peer_stop(&p);
}

/* The peer shut its side but still reads: the send in flight is let end, then EOF is told. */
static void test_eof_with_send_in_flight(void **state)
{
	enum { LEN = 3 << 20 };
	struct transport *t = small_ring(state);
	char *body = calloc(1, LEN), sink[65536];
	struct peer p;
	struct end end;
	size_t got = 0;

	peer_meet(&p, t, &end, &(struct link_options){.send_buffer = 65536});
	link_send(end.link, &(struct iovec){body, LEN}, 1);
	turn_some(t, 3);
	assert_int_equal(end.sent, 0);
	shutdown(p.fd, SHUT_WR);
	turn_some(t, 3);
	assert_int_equal(end.closed, 0);
	while (got < LEN) {
		const ssize_t n = recv(p.fd, sink, sizeof sink, MSG_DONTWAIT);

		if (n > 0)
			got += (size_t)n;
		assert_true(transport_turn(t, 0, NULL) >= 0);
	}
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.sent, 1);
	assert_int_equal(end.why, LINK_END_EOF);
	assert_all_home(t);
	peer_stop(&p);
	free(body);
}

/* What the peer said before it reset the connection is delivered, though our send failed first. */
static void test_bytes_before_a_failed_send(void **state)
{
	struct transport *t = small_ring(state);
	struct peer p;
	struct end end;

	peer_meet(&p, t, &end, NULL);
	link_receive(end.link, false);
	turn_some(t, 3);
	assert_int_equal(write(p.fd, "421 too much\r\n", 14), 14);
	end_send(&end, "unread");
	TURN_UNTIL(t, end.sent);
	close(p.fd); /* unread bytes: a reset */
	p.fd = -1;
	usleep(1000);
	link_receive(end.link, true);
	end_send(&end, "more");
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.got_len, 14);
	assert_int_equal(end.why, LINK_END_RESET);
	assert_int_equal(end.sent, 1);
	assert_all_home(t);
	peer_stop(&p);
}

/* The same over a Unix socket, where a failed send is a broken pipe. */
static void test_bytes_before_a_broken_pipe(void **state)
{
	const struct endpoint at = endpoint_unique_path();
	struct transport *t = small_ring(state);
	struct server server = {0};
	struct end end;

	server_start(&server, t, &at);
	end_connect(t, &end, &server.listener->endpoint, NULL);
	TURN_UNTIL(t, end.opened && server.accepted);
	link_receive(end.link, false);
	turn_some(t, 2);
	end_send(server.ends, "421 bye\r\n");
	TURN_UNTIL(t, server.ends->sent);
	link_close(server.ends->link);
	TURN_UNTIL(t, server.ends->closed);
	link_receive(end.link, true);
	end_send(&end, "more");
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.got_len, 9);
	assert_int_equal(end.sent, 0);
	assert_true(end.why == LINK_END_RESET || end.why == LINK_END_EOF);
	server_stop(&server);
	assert_all_home(t);
}

static void test_failed_send_while_paused(void **state)
{
	struct transport *t = small_ring(state);
	struct peer p;
	struct end end;

	peer_meet(&p, t, &end, NULL);
	link_receive(end.link, false);
	turn_some(t, 3);
	peer_reset(&p);
	usleep(1000);
	end_send(&end, "anyone there?");
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.why, LINK_END_RESET);
	assert_all_home(t);
	peer_stop(&p);
}

static void test_abort_resets(void **state)
{
	struct transport *t = small_ring(state);
	struct peer p;
	struct end end;
	char octet;

	peer_meet(&p, t, &end, NULL);
	link_abort(end.link);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(end.why, LINK_END_LOCAL);
	assert_int_equal(read(p.fd, &octet, 1), -1);
	assert_int_equal(errno, ECONNRESET);
	assert_all_home(t);
	peer_stop(&p);
}

static void test_close_is_in_order(void **state)
{
	struct transport *t = small_ring(state);
	struct peer p;
	struct end end;
	char octet;

	peer_meet(&p, t, &end, NULL);
	link_close(end.link);
	link_close(end.link);
	TURN_UNTIL(t, end.closed);
	assert_int_equal(read(p.fd, &octet, 1), 0);
	turn_some(t, 2);
	assert_int_equal(end.closed, 1);
	assert_all_home(t);
	peer_stop(&p);
}

static void close_with_send_in_flight(void **state, bool aborts)
{
	enum { LEN = 8 << 20 };
	struct transport *t = small_ring(state);
	char *body = calloc(1, LEN), sink[65536];
	struct peer p;
	struct end end;
	ssize_t n;

	peer_meet(&p, t, &end, NULL);
	link_send(end.link, &(struct iovec){body, LEN}, 1);
	turn_some(t, 5); /* the peer does not read */
	assert_int_equal(end.sent, 0);
	if (aborts)
		link_abort(end.link);
	else
		link_close(end.link);
	TURN_UNTIL(t, end.closed);
	turn_some(t, 3);
	assert_int_equal(end.closed, 1);
	assert_int_equal(end.sent, 0);
	assert_int_equal(end.why, LINK_END_LOCAL);
	free(body); /* lent until CLOSED: the kernel is done with it */
	while ((n = read(p.fd, sink, sizeof sink)) > 0)
		;
	assert_int_equal(n, aborts ? -1 : 0);
	assert_all_home(t);
	peer_stop(&p);
}

static void test_close_with_send_in_flight(void **state)
{
	close_with_send_in_flight(state, false);
}

static void test_abort_with_send_in_flight(void **state)
{
	close_with_send_in_flight(state, true);
}

/* Closed at each stage of its way: before it was submitted, on its way, just opened. */
static void test_close_while_opening(void **state)
{
	struct transport *t = small_ring(state);
	struct peer p;

	peer_listen(&p);
	for (int turns = 0; turns < 4; turns++) {
		for (int aborts = 0; aborts < 2; aborts++) {
			struct end end;

			end_connect(t, &end, &p.at, NULL);
			for (int i = 0; i < turns; i++)
				transport_turn(t, 0, NULL);
			if (aborts)
				link_abort(end.link);
			else
				link_close(end.link);
			TURN_UNTIL(t, end.closed);
			turn_some(t, 2);
			assert_int_equal(end.closed, 1);
			assert_int_equal(end.why, LINK_END_LOCAL);
			assert_all_home(t);
		}
	}
	peer_stop(&p);
}

/* A connect that hangs: the listener's backlog is full and SYNs are dropped. */
static void test_close_of_a_hanging_connect(void **state)
{
	enum { COUNT = 6 };
	struct transport *t = small_ring(state);
	struct end ends[COUNT];
	struct peer p;

	peer_listen(&p);
	assert_int_equal(listen(p.listener, 0), 0);
	for (int i = 0; i < COUNT; i++)
		end_connect(t, &ends[i], &p.at, NULL);
	turn_some(t, 10);
	assert_int_equal(ends[COUNT - 1].opened, 0);
	for (int i = 0; i < COUNT; i++) {
		link_deadline(ends[i].link, clock_now(t->clock));
		link_close(ends[i].link);
	}
	for (int i = 0; i < COUNT; i++) {
		TURN_UNTIL(t, ends[i].closed);
		assert_int_equal(ends[i].why, LINK_END_LOCAL);
		assert_int_equal(ends[i].late, 0);
	}
	assert_all_home(t);
	peer_stop(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_refused),
		BOTH(test_no_unix_socket),
		BOTH(test_no_endpoint),
		BOTH(test_foreign_source),
		BOTH(test_source_of_other_family),
		BOTH(test_unreachable),
		BOTH(test_more_than_link_max),
		BOTH(test_eof_after_bytes),
		BOTH(test_reset_by_peer),
		BOTH(test_eof_with_send_in_flight),
		BOTH(test_bytes_before_a_failed_send),
		BOTH(test_bytes_before_a_broken_pipe),
		BOTH(test_failed_send_while_paused),
		BOTH(test_abort_resets),
		BOTH(test_close_is_in_order),
		BOTH(test_close_with_send_in_flight),
		BOTH(test_abort_with_send_in_flight),
		BOTH(test_close_while_opening),
		BOTH(test_close_of_a_hanging_connect),
	};

	return cmocka_run_group_tests_name("ring/ends", tests, NULL, NULL);
}
