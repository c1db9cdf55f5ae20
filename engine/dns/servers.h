/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * servers.h - which DNS servers to ask
 *
 * Given by hand (--resolver) or read from the system's resolv.conf.
 */
#ifndef VOLLEY_DNS_SERVERS_H
#define VOLLEY_DNS_SERVERS_H
#include "base/endpoint.h"
#include "base/err.h"

#define DNS_PORT 53

/*
 * Reads "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]" or "[2001:db8::1]:53". A host
 * name is refused: it would need a server to be found. -1 with *e set.
 */
int dns_server_read(const char *text, struct endpoint *ret_endpoint, struct err *e);

/*
 * Reads the system's servers, at most max (> 0). Where resolv.conf names none, it is 127.0.0.1, as
 * resolv.conf(5) has it. Returns how many, or -1 with *e set.
 */
int dns_servers_of_system(struct endpoint *ret_endpoints, int max, struct err *e);

#endif
