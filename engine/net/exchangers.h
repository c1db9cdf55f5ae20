/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * exchangers.h - the order in which the addresses of a resolver's answer are tried
 *
 * What dns/ and sim/ share, so that a rehearsal tries servers as a real run does: exchangers by
 * preference with equal ones shuffled (RFC 5321 s5.1), the addresses of one exchanger alternating
 * between the families, IPv6 first (RFC 8305 s4). Pure; chance comes from the caller's stream.
 */
#ifndef VOLLEY_NET_EXCHANGERS_H
#define VOLLEY_NET_EXCHANGERS_H
#include <stdbool.h>
#include <stdint.h>
#include "base/endpoint.h"
#include "base/rng.h"
#include "net/resolver.h"

/* One mail exchanger as a zone names it, before its addresses are known. */
struct exchanger_name {
	char name[RESOLVER_NAME_MAX];
	uint16_t preference;
};

/*
 * Sorts names by preference, lowest first; every order of those of equal preference is equally
 * likely (RFC 5321 s5.1). Where a resolver asks for addresses name by name, it does so in this
 * order and may stop at RESOLVER_EXCHANGER_MAX. Takes the same count of numbers from rng for the
 * same count of names.
 */
void exchanger_names_order(struct exchanger_name *names, int count, struct rng *rng);

/* Empties an answer: no exchangers, no addresses, RESOLVER_OK, expires TIME_NEVER. */
void exchangers_clear(struct resolver_answer *a);

/*
 * Adds an exchanger behind the last; its addresses follow by exchanger_add_address(). The name is
 * put in lower case and loses a trailing dot. False, with nothing changed, when the answer holds
 * RESOLVER_EXCHANGER_MAX already or the name does not fit.
 */
bool exchangers_add(struct resolver_answer *a, const char *name, uint16_t preference);

/*
 * Adds an address to the exchanger that was added last (checked: there is one); the port is set
 * as told. False, with nothing changed, when the answer holds RESOLVER_ADDRESS_MAX already.
 */
bool exchangers_add_address(struct resolver_answer *a, const struct endpoint *address,
			    uint16_t port);

/*
 * Puts a whole answer in order: exchangers without an address are dropped, the others sorted by
 * preference with equal ones shuffled, the addresses of each interleaved, IPv6 first, within each
 * family in the order in which they were added. addresses[] is rearranged to follow exchangers[],
 * so that walking it from the front is the order to try. rng may be NULL: equal ones keep their
 * order then (they were shuffled before by exchanger_names_order()).
 */
void exchangers_order(struct resolver_answer *a, struct rng *rng);

#endif
