/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolver.h - names to addresses by DNS, over c-ares
 *
 * The real implementation of net/resolver.h: it lives in the control thread and nowhere else,
 * for c-ares 1.18 has no locks. Answers come from within resolver_turn() alone.
 *
 * In this order, the first that knows the name answers: an address literal; a pin (--resolve);
 * "localhost" and what ends in it (RFC 6761 s6.3); the hosts file, for RESOLVE_HOST; the cache;
 * the servers. No search domains are ever appended. Equal questions in flight are sent once.
 *
 * Known gap: names are taken in their ASCII form alone; a U-label is refused, not converted.
 */
#ifndef VOLLEY_DNS_RESOLVER_H
#define VOLLEY_DNS_RESOLVER_H
#include <poll.h>
#include <stdint.h>
#include "base/clock.h"
#include "base/err.h"
#include "net/resolver.h"

#define DNS_SERVER_MAX 8 /* more are refused */

/* All of it is lent for dns_new() alone, but for the clock. Zero means the default throughout. */
struct dns_options {
	/* "192.0.2.1:53", "[2001:db8::1]:53", or without a port (53). None: resolv.conf's. */
	const char *const *servers;
	int server_count;
	/* "name:port:address[,address]...", IPv6 addresses in brackets or not; name may be '*'. */
	const char *const *pins;
	int pin_count;
	int64_t timeout_ns;	/* of one try at one server; 2 s */
	int tries;		/* how often each server is asked before giving up; 3 */
	int in_flight_max;	/* queries at the servers at once, the rest waits here; 128 */
	int cache_max;		/* entries, a name and a record type each; 16384 */
	const char *hosts_path; /* hosts(5); "" for none; "/etc/hosts" */
	uint64_t seed;		/* for the order of exchangers of equal preference */
	struct clock *clock;	/* for TTLs and took_ns; the system's */
};

/* NULL with *e set: an unusable option (EXIT_USAGE), or the library failed (EXIT_FAILED). */
struct resolver *dns_new(const struct dns_options *options, struct err *e);

/*
 * What to poll between turns, for a thread that waits for other things too: sets up to max
 * entries and *ret_until_ns, the latest time at which resolver_turn() must be called even when
 * none of them is ready (a time in the past: at once; TIME_NEVER: nothing is open). When any is
 * ready, call resolver_turn() with 0. Valid until the next call of any function of the resolver.
 * Returns how many entries there are, which may be more than max; two a server suffice.
 */
int dns_poll_fds(struct resolver *r, struct pollfd *fds, int max, int64_t *ret_until_ns);

/* Monotone counts since dns_new(). */
struct dns_counters {
	uint64_t queries;     /* put to a server, repetitions included */
	uint64_t repeated;    /* of these, after a failure or silence */
	uint64_t timed_out;   /* tries without an answer */
	uint64_t cache_hits;  /* record sets taken from the cache */
	uint64_t cache_drops; /* entries put out of a full cache before their time */
	uint64_t shared;      /* questions that joined an equal one in flight */
};

void dns_counters_read(struct resolver *r, struct dns_counters *ret_counters);

#endif
