/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * lookup.h - one look-up on its way from a name to an ordered list of addresses
 *
 * The rules of RFC 5321 s5.1 and RFC 7505: which record sets a look-up wants, and what they mean
 * together. Pure: sets come in, more wants or an answer come out; no c-ares, no cache, no clock.
 */
#ifndef VOLLEY_DNS_LOOKUP_H
#define VOLLEY_DNS_LOOKUP_H
#include <stdbool.h>
#include <stdint.h>
#include "base/rng.h"
#include "dns/pins.h"
#include "dns/set.h"
#include "net/resolver.h"

struct lookup;

/* A record set that a look-up needs. */
struct want {
	struct lookup *lookup;
	struct want *next; /* of those that wait for one question */
	const char *name;  /* borrowed from the look-up */
	enum dns_type type;
	bool is_wanted;	     /* to be fetched; unset by whoever fetches it */
	struct dns_set *set; /* owned; NULL: not yet, or no memory for it */
};

struct lookup_host {
	char name[RESOLVER_NAME_MAX];
	uint16_t preference;
	const struct dns_pin *pin; /* addresses by hand: nothing is wanted then */
	bool is_localhost;	   /* nor here */
	struct want wants[2];	   /* A and AAAA, as the families asked for allow */
	int want_count;
};

enum lookup_stage {
	LOOKUP_ASKED, /* nothing was tried yet */
	LOOKUP_MX,    /* wants the MX set */
	LOOKUP_HOSTS, /* wants the addresses of hosts */
};

struct lookup {
	struct lookup *next_open, **link_open; /* all that are open */
	struct lookup *next_ready;	       /* those that can go on */
	struct resolver_user *user;
	char name[RESOLVER_NAME_MAX];
	uint16_t port;
	enum resolver_question question;
	enum resolver_families families;
	int64_t asked_ns;
	bool is_literal;
	struct endpoint literal;
	enum lookup_stage stage;
	int waiting;	 /* wants that are being fetched */
	bool is_cached;	 /* at least one set came from the cache */
	bool is_fetched; /* at least one did not */
	bool is_implicit_mx;
	bool lacks_memory; /* for hosts: nothing can be known */
	struct want mx;
	struct lookup_host *hosts;
	int host_count;
};

/* Copies a request. -1 with *e set when the name is unusable. */
int lookup_init(struct lookup *l, const struct resolver_request *request,
		struct resolver_user *user, int64_t now_ns, struct err *e);

/* Gives its sets back. */
void lookup_fini(struct lookup *l);

/* Wants the MX set, or for RESOLVE_HOST the addresses. */
void lookup_begin(struct lookup *l, const struct dns_pins *pins);

/*
 * The wants of the stage, for idx from 0 on; NULL behind the last. Those with is_wanted set are
 * to be fetched; when all have come, lookup_go_on() is called.
 */
struct want *lookup_want(struct lookup *l, int idx);

/*
 * All wants of the stage have come. True: answer is set, but for took_ns. False: there are new
 * wants. names is scratch for DNS_RECORD_MAX names.
 */
bool lookup_go_on(struct lookup *l, const struct dns_pins *pins, struct rng *rng,
		  struct exchanger_name *names, struct resolver_answer *answer);

/* Answers with addresses that are known without DNS; RESOLVER_NO_ADDRESS if no family fits. */
void lookup_answer_known(const struct lookup *l, const struct endpoint *addresses, int count,
			 struct resolver_answer *answer);

#endif
