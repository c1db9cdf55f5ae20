/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * set.c - one allocation a set, sized by the records that it really holds
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "dns/set.h"

const char *dns_type_name(enum dns_type type)
{
	switch (type) {
	case DNS_A:
		return "A";
	case DNS_AAAA:
		return "AAAA";
	case DNS_MX:
		return "MX";
	}
	return "other";
}

struct dns_set *dns_set_new(enum dns_type type, enum resolver_cause cause, int64_t expires_ns,
			    const union dns_records *records, int count, const char *detail)
{
	const bool is_mx = type == DNS_MX;
	size_t size = is_mx ? sizeof(records->exchangers[0]) : sizeof(records->addresses[0]);
	struct dns_set *set;

	CHECK(count >= 0 && count <= DNS_RECORD_MAX);
	size *= (size_t)count;
	set = calloc(1, sizeof(*set) + size);
	if (!set)
		return NULL;
	set->refs = 1;
	set->type = type;
	set->cause = cause;
	set->expires_ns = expires_ns;
	set->count = count;
	/* Both kinds of record need no more alignment than the structure before them has. */
	if (count > 0)
		memcpy(set + 1, records, size);
	if (is_mx)
		set->exchangers = (struct exchanger_name *)(set + 1);
	else
		set->addresses = (uint8_t(*)[16])(set + 1);
	if (detail)
		snprintf(set->detail, sizeof(set->detail), "%s", detail);
	return set;
}

void dns_set_unref(struct dns_set *set)
{
	if (!set)
		return;
	CHECK(set->refs > 0);
	if (--set->refs == 0)
		free(set);
}
