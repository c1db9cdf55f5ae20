/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * resolver.h - the interface that turns names into addresses
 *
 * Two implementations: dns/ (c-ares, in the control thread) and sim/ (a zone table). One thread
 * per resolver. An answer comes from within resolver_turn(), never from within
 * resolver_ask().
 */
#ifndef VOLLEY_NET_RESOLVER_H
#define VOLLEY_NET_RESOLVER_H
#include <stdbool.h>
#include <stdint.h>
#include "base/endpoint.h"
#include "base/err.h"

enum resolver_question {
	RESOLVE_HOST,	/* A and AAAA of the name itself */
	RESOLVE_DOMAIN, /* the mail exchangers of a domain, RFC 5321 s5.1 */
};

/* How a look-up ended; the words of reports and of errors[].kind, "dns " before them. */
enum resolver_cause {
	RESOLVER_OK,
	RESOLVER_NO_NAME,    /* NXDOMAIN: permanent */
	RESOLVER_NO_ADDRESS, /* the name exists, with no address of a wanted family: permanent */
	RESOLVER_NULL_MX,    /* RFC 7505: the domain takes no mail: permanent */
	RESOLVER_SERVFAIL,   /* the server could not say: temporary */
	RESOLVER_REFUSED,    /* temporary */
	RESOLVER_TIMED_OUT,  /* no answer: temporary */
	RESOLVER_MALFORMED,  /* a broken answer, a loop of CNAMEs, a bad name */
	RESOLVER_NO_MEMORY,
};
#define RESOLVER_CAUSE_COUNT (RESOLVER_NO_MEMORY + 1)

enum resolver_families { RESOLVE_ANY, RESOLVE_IPV4, RESOLVE_IPV6 };

#define RESOLVER_NAME_MAX      256
#define RESOLVER_EXCHANGER_MAX 32 /* mail exchangers that are tried, in order */
#define RESOLVER_ADDRESS_MAX   64 /* addresses in one answer, all exchangers together */

struct resolver_exchanger {
	char name[RESOLVER_NAME_MAX]; /* lower case, no trailing dot: for SNI and site names */
	uint16_t preference;	      /* 0 for RESOLVE_HOST and for the implicit MX */
	uint8_t address_first, address_count; /* its part of addresses[] */
};

/*
 * Addresses of one exchanger alternate between the families, IPv6 first (RFC 8305 s4);
 * exchangers are by preference, equal ones shuffled with the resolver's seed.
 */
struct resolver_answer {
	enum resolver_cause cause;
	bool is_implicit_mx; /* no MX record: the domain's own address (RFC 5321 s5.1) */
	bool is_from_cache;
	int64_t expires_ns; /* monotonic, by the smallest TTL; TIME_NEVER for pinned names */
	int64_t took_ns;    /* from the question to the answer */
	int exchanger_count, address_count;
	struct resolver_exchanger exchangers[RESOLVER_EXCHANGER_MAX];
	struct endpoint addresses[RESOLVER_ADDRESS_MAX]; /* with the port that was asked for */
	char detail[160]; /* for people: which question failed, the server's word */
};

struct resolver_user {
	/* answer is borrowed for the call. */
	void (*on_answer)(struct resolver_user *self, const struct resolver_answer *answer);
};

struct resolver_request {
	const char *name; /* copied; an address literal ("192.0.2.1", "2001:db8::1") is its own
			     answer */
	uint16_t port;
	enum resolver_question question;
	enum resolver_families families;
};

struct resolver;

struct resolver_ops {
	int (*ask)(struct resolver *, const struct resolver_request *, struct resolver_user *,
		   struct err *);
	int (*turn)(struct resolver *, int64_t until_ns);
	void (*free)(struct resolver *);
};

struct resolver {
	const struct resolver_ops *ops;
};

/* Starts a look-up. -1 with *e set when the request itself is unusable (name too long, empty). */
static inline int resolver_ask(struct resolver *r, const struct resolver_request *request,
			       struct resolver_user *user, struct err *e)
{
	return r->ops->ask(r, request, user, e);
}

/*
 * Goes on with what is open: waits until until_ns at most, delivers answers. Returns how many
 * look-ups are still open.
 */
static inline int resolver_turn(struct resolver *r, int64_t until_ns)
{
	return r->ops->turn(r, until_ns);
}

/* Open look-ups are dropped without an answer. */
static inline void resolver_free(struct resolver *r)
{
	r->ops->free(r);
}

/* "no such name", "no address", "null MX" ... */
const char *resolver_cause_name(enum resolver_cause cause);

#endif
