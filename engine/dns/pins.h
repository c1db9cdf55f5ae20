/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pins.h - addresses that the person who runs volley gives for a name (--resolve)
 *
 * The form is curl's: "name:port:address[,address]...", IPv6 addresses in brackets or not, '*' in
 * place of the name for all names. Immutable after the last dns_pins_add().
 */
#ifndef VOLLEY_DNS_PINS_H
#define VOLLEY_DNS_PINS_H
#include <stdint.h>
#include "base/err.h"
#include "net/resolver.h"

struct dns_pin {
	char name[RESOLVER_NAME_MAX]; /* "*": all names */
	uint16_t port;
	int address_count;
	struct endpoint *addresses; /* owned */
};

struct dns_pins {
	struct dns_pin *pins;
	int count;
};

/* Reads one pin. -1 with *e set when text is unusable or memory is exhausted. */
int dns_pins_add(struct dns_pins *p, const char *text, struct err *e);

/*
 * The pin for a name (as dns_name_read() writes it) and port; one for the very name goes before
 * '*', an earlier one before a later one. NULL when there is none.
 */
const struct dns_pin *dns_pins_find(const struct dns_pins *p, const char *name, uint16_t port);

void dns_pins_fini(struct dns_pins *p);

#endif
