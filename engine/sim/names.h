/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * names.h - what the zone's table and the resolver over it share
 */
#ifndef VOLLEY_SIM_NAMES_H
#define VOLLEY_SIM_NAMES_H
#include "net/exchangers.h"
#include "sim/zone.h"

enum record_type { RECORD_A, RECORD_AAAA, RECORD_MX, RECORD_CNAME };

struct zone_record {
	struct zone_record *next; /* in the order in which they were added */
	enum record_type type;
	uint32_t ttl_s;
	uint16_t preference;	 /* MX */
	struct endpoint address; /* A, AAAA */
	char target[];		 /* MX, CNAME: lower case; "" is the root */
};

struct zone_name {
	struct zone_name *next;
	struct zone_record *records, **records_tail;
	enum resolver_cause fault; /* RESOLVER_OK: none */
	int64_t delay_ns;
	char text[]; /* lower case, no trailing dot */
};

/* Lower case, no trailing dot; false when it is no name (RFC 1035 s2.3.4: 63, 253 octets). */
bool zone_normalize(struct span name, char out[RESOLVER_NAME_MAX]);

/* The name itself or the wildcard that stands for it; NULL: no such name. */
const struct zone_name *zone_find(const struct sim_zone *z, const char *name);

#endif
