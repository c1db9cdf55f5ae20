/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cache.h - record sets kept until their TTL has passed
 *
 * Bounded in entries; the one that was used least recently gives way. Time is an argument. One
 * thread.
 */
#ifndef VOLLEY_DNS_CACHE_H
#define VOLLEY_DNS_CACHE_H
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "dns/set.h"

struct dns_cache_entry;

struct dns_cache {
	struct dns_cache_entry **buckets;
	size_t bucket_count; /* a power of two */
	uint64_t seed;	     /* of dns_name_hash() */
	int count, max;
	struct dns_cache_entry *newest, *oldest;
	uint64_t drops; /* entries that gave way before their time */
};

/* max entries, at least 1. -1 with *e set when memory is exhausted. */
int dns_cache_init(struct dns_cache *c, int max, uint64_t seed, struct err *e);
void dns_cache_fini(struct dns_cache *c);

/* The set for (name, type), or NULL. Borrowed: take a reference to keep it. */
struct dns_set *dns_cache_find(struct dns_cache *c, const char *name, enum dns_type type,
			       int64_t now_ns);

/*
 * Keeps a set, with a reference of its own, in place of an older one of the same name and type.
 * A set that has expired already, or for which there is no memory, is not kept.
 */
void dns_cache_put(struct dns_cache *c, const char *name, struct dns_set *set, int64_t now_ns);

#endif
