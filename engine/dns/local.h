/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * local.h - names that are answered without asking a DNS server
 *
 * Address literals, "localhost" (RFC 6761 s6.3) and the hosts file.
 */
#ifndef VOLLEY_DNS_LOCAL_H
#define VOLLEY_DNS_LOCAL_H
#include <stdbool.h>
#include "base/endpoint.h"
#include "base/span.h"

/*
 * Reads "192.0.2.1" and "2001:db8::1", and the forms that stand behind an '@' (RFC 5321 s4.1.3):
 * "[192.0.2.1]", "[IPv6:2001:db8::1]". False when it is none.
 */
bool dns_literal_read(struct span text, struct endpoint *ret_endpoint);

/* True for "localhost" and all names below it. */
bool dns_name_is_localhost(const char *name);

/* The loopback addresses; ret_endpoints must hold two. Returns how many. */
int dns_localhost(struct endpoint *ret_endpoints);

/*
 * The addresses that a hosts file (hosts(5)) has for a name, as dns_name_read() writes it, at most
 * max. The file is read each time, so that an edit counts at once. Returns how many; 0 when the
 * name is not there, or the file cannot be read.
 */
int dns_hosts_file(const char *path, const char *name, struct endpoint *ret_endpoints, int max);

#endif
