/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upstream.c - c-ares, one channel a server, driven by poll(2)
 *
 * Why a channel for each server: a channel with several servers goes to the next one on SERVFAIL
 * and REFUSED, and in the end says "connection refused" for all of it; told to report the codes
 * (ARES_FLAG_NOCHECKRESP), it no longer goes on. Both are wanted: the next server is asked, and
 * the report says what was answered. So each channel has one server and one try, and the order of
 * attempts is made here: all servers once, then those that were silent again, up to the number
 * of tries. All channels belong to one thread.
 *
 * Callbacks of c-ares record and nothing else: they may come from within ares_query() itself, and
 * a channel must not be touched from all of them. What follows from a reply happens in
 * dns_upstream_pump() and at the taker's.
 *
 * EDNS is not used: an answer over 512 octets comes truncated and is fetched by TCP, which works
 * with every server, while 1.18 turns EDNS off for the whole channel at the first server that
 * does not know it.
 */
#include <ares.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "base/check.h"
#include "base/units.h"
#include "dns/upstream.h"

#define CLASS_IN	   1
#define MESSAGE_HEADER_LEN 12

/*
 * Bounds on what a TTL may ask for, s. Failures are kept for a moment, so that a dead server is
 * not asked for every message (RFC 9520 s3.2); so are negative answers, for an hour at most.
 */
#define TTL_MAX_S	   86400
#define TTL_NEGATIVE_MAX_S 3600
#define TTL_FAILURE_S	   5

struct dns_upstream_socket {
	ares_socket_t fd;
	short events;
	ares_channel channel;
};

static void list_init(struct dns_query_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_push(struct dns_query_list *list, struct dns_query *q)
{
	q->next = NULL;
	*list->end = q;
	list->end = &q->next;
}

static struct dns_query *list_pop(struct dns_query_list *list)
{
	struct dns_query *q = list->first;

	if (q) {
		list->first = q->next;
		if (!list->first)
			list->end = &list->first;
	}
	return q;
}

/* --- sockets ---------------------------------------------------------------------------------- */

static bool sockets_grow(struct dns_upstream *u)
{
	int capacity = u->socket_capacity ? 2 * u->socket_capacity : 2 * DNS_SERVER_MAX;
	struct dns_upstream_socket *sockets;
	struct pollfd *polls;

	sockets = realloc(u->sockets, (size_t)capacity * sizeof(*sockets));
	if (!sockets)
		return false;
	u->sockets = sockets;
	polls = realloc(u->polls, (size_t)capacity * sizeof(*polls));
	if (!polls)
		return false;
	u->polls = polls;
	u->socket_capacity = capacity;
	return true;
}

/*
 * c-ares tells which socket it wants to be called for; neither to read nor to write means that it
 * closes the socket next. A socket for which there is no memory is not watched: its queries time
 * out, which is the truth as far as the person waiting for them is concerned.
 */
static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct dns_upstream_server *server = data;
	struct dns_upstream *u = server->upstream;
	int idx = 0;

	while (idx < u->socket_count && u->sockets[idx].fd != fd)
		idx++;
	if (!readable && !writable) {
		if (idx < u->socket_count)
			u->sockets[idx] = u->sockets[--u->socket_count];
		return;
	}
	if (idx == u->socket_count) {
		if (idx == u->socket_capacity && !sockets_grow(u))
			return;
		u->socket_count++;
	}
	u->sockets[idx] = (struct dns_upstream_socket){
		.fd = fd,
		.events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0)),
		.channel = server->channel,
	};
}

static int on_socket_made(ares_socket_t fd, int type, void *data)
{
	struct dns_upstream_server *server = data;

	(void)fd;
	if (type == SOCK_STREAM)
		server->has_used_tcp = true;
	return ARES_SUCCESS;
}

/* When c-ares wants to be called even if no socket is ready; TIME_NEVER: nothing is in flight. */
static int64_t timers_next_ns(struct dns_upstream *u, int64_t now_ns)
{
	int64_t next_ns = TIME_NEVER;

	for (int i = 0; i < u->server_count; i++) {
		struct timeval buf;
		const struct timeval *left = ares_timeout(u->servers[i].channel, NULL, &buf);
		int64_t at_ns;
		if (!left)
			continue;
		at_ns = now_ns + left->tv_sec * NS_PER_SEC + left->tv_usec * NS_PER_US;
		if (at_ns < next_ns)
			next_ns = at_ns;
	}
	return next_ns;
}

int dns_upstream_fds(struct dns_upstream *u, struct pollfd *fds, int max, int64_t *ret_until_ns)
{
	int64_t now_ns = clock_now(u->clock);

	for (int i = 0; i < u->socket_count && i < max; i++)
		fds[i] = (struct pollfd){.fd = u->sockets[i].fd, .events = u->sockets[i].events};
	*ret_until_ns = u->done.first || (u->queued.first && u->in_flight < u->in_flight_max)
				? now_ns
				: timers_next_ns(u, now_ns);
	return u->socket_count;
}

/* Lets c-ares read and write where poll() said that it can. */
static void sockets_process(struct dns_upstream *u, int count)
{
	for (int i = 0; i < count; i++) {
		const struct pollfd *p = &u->polls[i];
		ares_channel channel = NULL;

		if (p->revents == 0)
			continue;
		/*
		 * The socket may have been closed since, by what was processed before it. A new one
		 * under the same number does no harm: it is not ready, and c-ares finds that out.
		 */
		for (int j = 0; j < u->socket_count; j++)
			if (u->sockets[j].fd == p->fd)
				channel = u->sockets[j].channel;
		if (!channel)
			continue;
		/* An error shows when it is read. */
		ares_process_fd(channel,
				p->revents & (POLLIN | POLLERR | POLLHUP) ? p->fd : ARES_SOCKET_BAD,
				p->revents & POLLOUT ? p->fd : ARES_SOCKET_BAD);
	}
}

bool dns_upstream_wait(struct dns_upstream *u, int64_t until_ns)
{
	int64_t now_ns = clock_now(u->clock), wait_until_ns;
	int64_t wait_ms = 0;
	int count = u->socket_count, ready;

	wait_until_ns = timers_next_ns(u, now_ns);
	if (wait_until_ns == TIME_NEVER || until_ns < wait_until_ns)
		wait_until_ns = until_ns;
	if (wait_until_ns == TIME_NEVER)
		return true; /* nothing is in flight: there is nothing to wait for */
	if (wait_until_ns > now_ns)
		wait_ms = (wait_until_ns - now_ns - 1) / NS_PER_MS + 1;
	if (wait_ms > INT_MAX)
		wait_ms = INT_MAX;

	for (int i = 0; i < count; i++)
		u->polls[i] =
			(struct pollfd){.fd = u->sockets[i].fd, .events = u->sockets[i].events};
	ready = poll(u->polls, (nfds_t)count, (int)wait_ms);
	if (ready < 0)
		return true; /* EINTR: whoever waits for the signal goes first */
	if (ready > 0)
		sockets_process(u, count);
	/* Time-outs are looked for even when sockets were ready, or a busy one would hide them. */
	for (int i = 0; i < u->server_count; i++)
		ares_process_fd(u->servers[i].channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	return clock_now(u->clock) >= until_ns;
}

/* --- queries ---------------------------------------------------------------------------------- */

/* How much a failure tells: what a server said goes before what it did not say. */
static int failure_rank(enum resolver_cause cause)
{
	switch (cause) {
	case RESOLVER_SERVFAIL:
		return 4;
	case RESOLVER_REFUSED:
		return 3;
	case RESOLVER_MALFORMED:
		return 2;
	case RESOLVER_TIMED_OUT:
		return 1;
	default:
		return 0;
	}
}

static void query_finish(struct dns_query *q, enum resolver_cause cause, uint32_t ttl_s,
			 const struct dns_reply *reply, const char *detail)
{
	struct dns_upstream *u = q->upstream;
	int64_t expires_ns = clock_now(u->clock) + (int64_t)ttl_s * NS_PER_SEC;

	q->set = dns_set_new(q->type, cause, expires_ns, reply ? &reply->records : NULL,
			     reply ? reply->count : 0, detail);
	list_push(&u->done, q);
}

static void query_fail(struct dns_query *q)
{
	struct dns_upstream *u = q->upstream;
	char detail[DNS_DETAIL_MAX], duration[UNITS_TEXT_MAX];

	if (q->failure == RESOLVER_NO_MEMORY) {
		list_push(&u->done, q);
		return;
	}
	if (q->failure == RESOLVER_TIMED_OUT && !q->failure_word)
		snprintf(detail, sizeof(detail), "%s did not answer, %d x %s",
			 u->servers[q->failure_server_idx].text, u->tries,
			 units_duration_text(u->timeout_ns, duration));
	else
		snprintf(detail, sizeof(detail), "%s %s", u->servers[q->failure_server_idx].text,
			 q->failure_word);
	query_finish(q, q->failure, TTL_FAILURE_S, NULL, detail);
}

/*
 * An attempt came to nothing. word: what the server did, NULL: it was silent. is_spent: asking it
 * again would be of no use.
 */
static void attempt_fail(struct dns_query *q, enum resolver_cause cause, const char *word,
			 bool is_spent)
{
	struct dns_upstream *u = q->upstream;

	if (failure_rank(cause) > failure_rank(q->failure) ||
	    (cause == q->failure && word && !q->failure_word)) {
		q->failure = cause;
		q->failure_server_idx = q->server_idx;
		q->failure_word = word;
	}
	if (is_spent)
		q->spent_servers |= UINT32_C(1) << q->server_idx;
	/* Once a server is found dead, the questions that follow do not wait for it first. */
	if (cause == RESOLVER_TIMED_OUT && u->preferred_idx == q->server_idx)
		u->preferred_idx = (q->server_idx + 1) % u->server_count;
	q->attempt++;
	list_push(&u->queued, q);
}

/* A definite answer: records, none, no such name, or an alias. */
static void attempt_succeed(struct dns_query *q, const struct dns_reply *reply)
{
	uint32_t ttl_max_s = reply->cause == RESOLVER_OK ? TTL_MAX_S : TTL_NEGATIVE_MAX_S;
	uint32_t ttl_s = reply->ttl_s < ttl_max_s ? reply->ttl_s : ttl_max_s;
	char detail[DNS_DETAIL_MAX];

	q->alias_count = reply->alias_count;
	if (reply->is_alias) {
		memcpy(q->alias, reply->alias, sizeof(q->alias));
		q->alias_ttl_s = ttl_s;
		list_push(&q->upstream->done, q);
		return;
	}
	snprintf(detail, sizeof(detail), "%s %s", q->upstream->servers[q->server_idx].text,
		 reply->word);
	query_finish(q, reply->cause, ttl_s, reply, reply->cause == RESOLVER_OK ? NULL : detail);
}

/* What c-ares says when there is no message to read. */
static void attempt_fail_by_status(struct dns_query *q, int status)
{
	struct dns_upstream_server *server = &q->upstream->servers[q->server_idx];

	switch (status) {
	case ARES_ETIMEOUT:
		q->upstream->timed_out++;
		attempt_fail(q, RESOLVER_TIMED_OUT, NULL, false);
		break;
	case ARES_ECONNREFUSED:
		/*
		 * c-ares gives up on all queries at a server when one cannot be sent, also when it
		 * was only TCP that was refused: then UDP may still have an answer.
		 */
		if (server->has_used_tcp) {
			attempt_fail(q, RESOLVER_TIMED_OUT, "cannot be reached by UDP or by TCP",
				     false);
			break;
		}
		server->is_unreachable = true;
		attempt_fail(q, RESOLVER_TIMED_OUT, "cannot be reached", true);
		break;
	case ARES_ECANCELLED:
		attempt_fail(q, RESOLVER_TIMED_OUT, "cannot be reached", true);
		break;
	case ARES_ENOMEM:
		q->failure = RESOLVER_NO_MEMORY;
		query_fail(q);
		break;
	default:
		attempt_fail(q, RESOLVER_MALFORMED, ares_strerror(status), true);
		break;
	}
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *data, int len)
{
	struct dns_query *q = arg;
	struct dns_reply *reply;

	(void)timeouts; /* a channel makes one try */
	if (status == ARES_EDESTRUCTION)
		return;
	q->upstream->in_flight--;
	if (!data || len < MESSAGE_HEADER_LEN) {
		attempt_fail_by_status(q, status);
		return;
	}
	reply = &q->upstream->reply;
	dns_message_read(data, (size_t)len, q->name, q->type, reply);
	if (failure_rank(reply->cause) > 0)
		attempt_fail(q, reply->cause, reply->word, true);
	else
		attempt_succeed(q, reply);
}

/* The server of the next attempt; false when all attempts were made. */
static bool attempt_choose(struct dns_query *q)
{
	const struct dns_upstream *u = q->upstream;

	for (; q->attempt < u->tries * u->server_count; q->attempt++) {
		q->server_idx = (q->first_server_idx + q->attempt) % u->server_count;
		if (!(q->spent_servers & UINT32_C(1) << q->server_idx))
			return true;
	}
	return false;
}

void dns_upstream_start(struct dns_upstream *u, struct dns_query *q)
{
	q->upstream = u;
	q->set = NULL;
	q->alias[0] = '\0';
	q->alias_count = 0;
	q->attempt = 0;
	q->first_server_idx = u->preferred_idx;
	q->spent_servers = 0;
	q->failure = RESOLVER_OK;
	q->failure_word = NULL;
	list_push(&u->queued, q);
}

/*
 * The kernel tells of an unreachable server once, to whichever query touches the socket next; the
 * others in flight there would wait for their time-out.
 */
static void unreachable_cancel(struct dns_upstream *u)
{
	for (int i = 0; i < u->server_count; i++) {
		if (!u->servers[i].is_unreachable)
			continue;
		ares_cancel(u->servers[i].channel);
		u->servers[i].is_unreachable = false;
	}
}

void dns_upstream_pump(struct dns_upstream *u)
{
	unreachable_cancel(u);
	while (u->queued.first && u->in_flight < u->in_flight_max) {
		struct dns_query *q = list_pop(&u->queued);

		if (!attempt_choose(q)) {
			query_fail(q);
			continue;
		}
		u->in_flight++;
		u->queries++;
		if (q->attempt > 0)
			u->repeated++;
		ares_query(u->servers[q->server_idx].channel, q->name, CLASS_IN, (int)q->type,
			   on_answer, q);
		unreachable_cancel(u);
	}
}

struct dns_query *dns_upstream_take(struct dns_upstream *u)
{
	return list_pop(&u->done);
}

/* --- set-up ----------------------------------------------------------------------------------- */

static int server_open(struct dns_upstream_server *server, const struct endpoint *endpoint,
		       int timeout_ms, struct err *e)
{
	char no_config[] = "/dev/null";
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP,
		.timeout = timeout_ms,
		.tries = 1,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = server,
		.resolvconf_path = no_config,
	};
	const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
			 ARES_OPT_SOCK_STATE_CB | ARES_OPT_NOROTATE | ARES_OPT_RESOLVCONF;
	struct ares_addr_port_node node = {.udp_port = endpoint->port, .tcp_port = endpoint->port};
	int status;

	endpoint_text(endpoint, server->text);
	if (endpoint->family == ENDPOINT_IPV4) {
		node.family = AF_INET;
		memcpy(&node.addr.addr4, endpoint->v4, sizeof(endpoint->v4));
	} else {
		node.family = AF_INET6;
		memcpy(&node.addr.addr6, endpoint->v6, sizeof(endpoint->v6));
	}
	status = ares_init_options(&server->channel, &options, mask);
	if (status == ARES_SUCCESS)
		status = ares_set_servers_ports(server->channel, &node);
	if (status != ARES_SUCCESS)
		return err_set(e, EXIT_FAILED, 0, "cannot set up DNS queries to %s: %s",
			       server->text, ares_strerror(status));
	ares_set_socket_configure_callback(server->channel, on_socket_made, server);
	return 0;
}

int dns_upstream_init(struct dns_upstream *u, const struct endpoint *servers, int server_count,
		      const struct dns_options *options, struct err *e)
{
	int64_t timeout_ms = options->timeout_ns / NS_PER_MS;

	CHECK(server_count >= 1 && server_count <= DNS_SERVER_MAX);
	memset(u, 0, sizeof(*u));
	u->clock = options->clock;
	u->tries = options->tries;
	u->timeout_ns = options->timeout_ns;
	u->in_flight_max = options->in_flight_max;
	list_init(&u->queued);
	list_init(&u->done);
	if (timeout_ms < 1)
		timeout_ms = 1;
	if (timeout_ms > INT_MAX)
		timeout_ms = INT_MAX;
	for (int i = 0; i < server_count; i++) {
		u->servers[i].upstream = u;
		u->server_count++;
		if (server_open(&u->servers[i], &servers[i], (int)timeout_ms, e) < 0) {
			dns_upstream_fini(u);
			return -1;
		}
	}
	return 0;
}

void dns_upstream_fini(struct dns_upstream *u)
{
	for (int i = 0; i < u->server_count; i++)
		if (u->servers[i].channel)
			ares_destroy(u->servers[i].channel);
	u->server_count = 0;
	for (struct dns_query *q = list_pop(&u->done); q; q = list_pop(&u->done))
		dns_set_unref(q->set);
	free(u->sockets);
	free(u->polls);
	u->sockets = NULL;
	u->polls = NULL;
	u->socket_count = u->socket_capacity = 0;
}
