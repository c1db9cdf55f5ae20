/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * set.h - what the DNS says about one name and one record type
 *
 * A set of records, or the fact that there are none, or that it could not be found out. Immutable
 * once made and counted by references, for the cache and several look-ups hold the same one. One
 * thread.
 */
#ifndef VOLLEY_DNS_SET_H
#define VOLLEY_DNS_SET_H
#include <stdint.h>
#include "net/exchangers.h"
#include "net/resolver.h"

enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_AAAA = 28 };

#define DNS_RECORD_MAX 128 /* records of a set that are kept, of however many were sent */
#define DNS_DETAIL_MAX 96

/* Records of one type: addresses in network order (4 octets used by A), or exchangers. */
union dns_records {
	uint8_t addresses[DNS_RECORD_MAX][16];
	struct exchanger_name exchangers[DNS_RECORD_MAX]; /* "" is the root: RFC 7505 */
};

struct dns_set {
	unsigned refs;
	enum dns_type type;
	/* RESOLVER_NO_ADDRESS: the name exists, with no record of this type. */
	enum resolver_cause cause;
	int64_t expires_ns;
	int count;			   /* 0 unless RESOLVER_OK */
	uint8_t (*addresses)[16];	   /* A, AAAA */
	struct exchanger_name *exchangers; /* MX; unordered */
	char detail[DNS_DETAIL_MAX];	   /* "" unless the cause is a failure */
};

/* "A", "AAAA", "MX". */
const char *dns_type_name(enum dns_type type);

/*
 * A set with one reference, the caller's. records are copied; detail may be NULL. NULL when
 * memory is exhausted.
 */
struct dns_set *dns_set_new(enum dns_type type, enum resolver_cause cause, int64_t expires_ns,
			    const union dns_records *records, int count, const char *detail);

static inline struct dns_set *dns_set_ref(struct dns_set *set)
{
	set->refs++;
	return set;
}

/* Gives a reference back; NULL is allowed. */
void dns_set_unref(struct dns_set *set);

#endif
