/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * message.h - reads a DNS message: records with TTLs, aliases followed, negative answers
 *
 * RFC 1035 s4, RFC 2308 (negative answers), RFC 6604 (aliases and RCODE). Pure; one message in,
 * one reply out. c-ares has checked that the message answers the question that was asked; its own
 * parsers of 1.18 give neither the TTL of an MX record nor the SOA of a negative answer.
 */
#ifndef VOLLEY_DNS_MESSAGE_H
#define VOLLEY_DNS_MESSAGE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "dns/set.h"

#define DNS_ALIAS_MAX 12 /* CNAMEs that are followed, within one message and over several */

struct dns_reply {
	enum resolver_cause cause; /* as in struct dns_set; NO_MEMORY and TIMED_OUT never */
	bool is_alias;		   /* RESOLVER_OK: alias must be asked for in place of the name */
	int alias_count;	   /* CNAMEs that were followed in this message */
	uint32_t ttl_s;		   /* the smallest of all records used; negative: RFC 2308 s5 */
	int count;
	union dns_records records;
	char alias[RESOLVER_NAME_MAX];
	const char *word; /* what the server did, for people: "answered SERVFAIL". Static */
};

/*
 * Reads the answer to (name, type). data is borrowed for the call; name is as dns_name_read()
 * writes it. Records of other names and classes are ignored: a server can say nothing about what
 * it was not asked for.
 */
void dns_message_read(const uint8_t *data, size_t len, const char *name, enum dns_type type,
		      struct dns_reply *ret_reply);

#endif
