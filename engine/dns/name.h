/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name.h - host and domain names in the form in which they are asked, compared and kept
 *
 * RFC 1035 s2.3, RFC 2181 s11. Pure values.
 */
#ifndef VOLLEY_DNS_NAME_H
#define VOLLEY_DNS_NAME_H
#include <stdbool.h>
#include <stdint.h>
#include "base/span.h"
#include "net/resolver.h"

#define DNS_NAME_LEN_MAX  253 /* octets of the text without the last dot: 255 on the wire */
#define DNS_LABEL_LEN_MAX 63

/*
 * Writes text in lower case and without its last dot. NULL when it is a name of letters, digits,
 * hyphens and underscores in labels of the right length; else a clause that says what is wrong
 * with it ("has an empty label"), static; out is untouched then.
 */
const char *dns_name_read(struct span text, char out[RESOLVER_NAME_MAX]);

/* A hash of a name as read and a record type, seeded so that no list of names can collide. */
uint64_t dns_name_hash(uint64_t seed, const char *name, unsigned type);

/* Reads the digits of a port, 1 to 65535; false when text is anything else. */
bool dns_port_read(struct span text, uint16_t *ret_port);

/* True when name is domain itself or lies below it; "" is the root. Both as read. */
bool dns_name_is_below(const char *name, const char *domain);

#endif
