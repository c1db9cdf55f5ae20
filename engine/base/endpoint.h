/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * endpoint.h - where a connection goes to or comes from
 *
 * An IPv4 or IPv6 address with a port, or the path of a Unix socket. A plain value: compared,
 * copied and printed without the system's socket headers, which stay in ring/ and dns/.
 */
#ifndef VOLLEY_BASE_ENDPOINT_H
#define VOLLEY_BASE_ENDPOINT_H
#include <stdbool.h>
#include <stdint.h>
#include "base/err.h"
#include "base/span.h"

enum endpoint_family { ENDPOINT_NONE, ENDPOINT_IPV4, ENDPOINT_IPV6, ENDPOINT_UNIX };

#define ENDPOINT_PATH_MAX 108 /* sun_path with its NUL, unix(7) */
#define ENDPOINT_TEXT_MAX 128 /* "[v6%scope]:port", or "unix:path" */

struct endpoint {
	enum endpoint_family family;
	uint16_t port;	/* host order; 0 for Unix and for "any" */
	uint32_t scope; /* IPv6 scope id, 0 for none */
	union {
		uint8_t v4[4];
		uint8_t v6[16];
		char path[ENDPOINT_PATH_MAX];
	};
};

/* "192.0.2.1" or "2001:db8::1" (no brackets); false when it is neither. Port becomes 0. */
bool endpoint_parse_address(struct span text, struct endpoint *ret_endpoint);

/* "unix:/path" without the prefix; false when too long or empty. */
bool endpoint_from_path(struct span path, struct endpoint *ret_endpoint);

/* Prints "192.0.2.1:25", "[2001:db8::1]:25", "unix:/path"; text must hold ENDPOINT_TEXT_MAX. */
const char *endpoint_text(const struct endpoint *e, char *text);

/* The same without the port: the form that logs and counts by address use. */
const char *endpoint_address_text(const struct endpoint *e, char *text);

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);	/* with the port */
bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b); /* without it */
uint64_t endpoint_address_hash(const struct endpoint *e);			/* without it */

/*
 * True for addresses that cannot belong to a stranger's public server: loopback, RFC 1918, RFC
 * 6598, link-local, unique local (RFC 4193), the documentation and benchmarking ranges (RFC 5737,
 * 3849, 2544), and Unix sockets. IPv4-mapped IPv6 addresses are judged as IPv4.
 */
bool endpoint_is_private(const struct endpoint *e);

/* True for loopback and Unix sockets alone. */
bool endpoint_is_loopback(const struct endpoint *e);

#endif
