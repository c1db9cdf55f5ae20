/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * upstream.h - puts DNS questions to servers, until one of them says something of use
 *
 * Knows c-ares, sockets and time-outs; knows nothing of mail, aliases, caches or look-ups. Nothing
 * calls back: what is finished is taken with dns_upstream_take(). One thread.
 */
#ifndef VOLLEY_DNS_UPSTREAM_H
#define VOLLEY_DNS_UPSTREAM_H
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/endpoint.h"
#include "base/err.h"
#include "dns/message.h"
#include "dns/resolver.h"
#include "dns/set.h"

struct dns_upstream;

/* One question under way. Its memory is the owner's, and lent from start to take. */
struct dns_query {
	char name[RESOLVER_NAME_MAX];
	enum dns_type type;

	/* The result, when taken: one of set (owned by the taker) and alias; neither: no memory. */
	struct dns_set *set;
	char alias[RESOLVER_NAME_MAX]; /* "": there is none */
	uint32_t alias_ttl_s;
	int alias_count;

	/* The upstream's own. */
	struct dns_upstream *upstream;
	struct dns_query *next;
	int attempt; /* attempts go round the servers */
	int first_server_idx, server_idx;
	uint32_t spent_servers;	     /* a bit for each that need not be asked again */
	enum resolver_cause failure; /* the most telling one so far */
	int failure_server_idx;
	const char *failure_word;
};

struct dns_query_list {
	struct dns_query *first, **end;
};

struct dns_upstream_socket;
struct dns_upstream_server {
	struct ares_channeldata *channel;
	struct dns_upstream *upstream;
	bool is_unreachable; /* found so by a query: the others in flight there need not wait */
	bool has_used_tcp;
	char text[ENDPOINT_TEXT_MAX];
};

struct dns_upstream {
	struct clock *clock;
	struct dns_upstream_server servers[DNS_SERVER_MAX];
	int server_count;
	int preferred_idx; /* asked first: the server after one that was silent */
	int tries;
	int64_t timeout_ns;
	struct dns_query_list queued, done;
	int in_flight, in_flight_max;
	struct dns_upstream_socket *sockets;
	struct pollfd *polls;
	int socket_count, socket_capacity;
	struct dns_reply reply; /* scratch of the answer that is being read */
	uint64_t queries, repeated, timed_out;
};

/*
 * servers are copied; the options' other fields are used with their defaults filled in. -1 with *e
 * set when the library fails; nothing has to be undone then.
 */
int dns_upstream_init(struct dns_upstream *u, const struct endpoint *servers, int server_count,
		      const struct dns_options *options, struct err *e);

/* Queries under way are forgotten: their memory is free again. */
void dns_upstream_fini(struct dns_upstream *u);

/* Starts a question; the owner has set name, as dns_name_read() writes it, and type. */
void dns_upstream_start(struct dns_upstream *u, struct dns_query *q);

/* Sends what may be sent. */
void dns_upstream_pump(struct dns_upstream *u);

/* A question that is over, or NULL. */
struct dns_query *dns_upstream_take(struct dns_upstream *u);

/*
 * Waits for the servers until until_ns at most and lets c-ares work. True when the caller should
 * not wait again: until_ns has passed, or a signal came.
 */
bool dns_upstream_wait(struct dns_upstream *u, int64_t until_ns);

/* As dns_poll_fds(). */
int dns_upstream_fds(struct dns_upstream *u, struct pollfd *fds, int max, int64_t *ret_until_ns);

#endif
