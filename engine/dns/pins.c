/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pins.c - reads and finds pinned names
 *
 * There are a handful of pins at most, typed by hand: a list is searched from the front.
 */
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/pins.h"

static bool address_read(struct span text, struct endpoint *ret_endpoint)
{
	bool is_bracketed = text.len >= 2 && text.data[0] == '[';

	if (is_bracketed) {
		if (text.data[text.len - 1] != ']')
			return false;
		text = (struct span){text.data + 1, text.len - 2};
	}
	return endpoint_parse_address(text, ret_endpoint) &&
	       (!is_bracketed || ret_endpoint->family == ENDPOINT_IPV6);
}

/* Reads all addresses into pin, which owns them even when reading fails half-way. */
static int addresses_read(struct dns_pin *pin, struct span rest, const char *text, struct err *e)
{
	bool is_more;

	do {
		struct span field;
		struct endpoint *grown;

		is_more = span_cut(&rest, ',', &field);
		if (pin->address_count == RESOLVER_ADDRESS_MAX)
			return err_set(e, EXIT_USAGE, 0, "--resolve %s: more than %d addresses",
				       text, RESOLVER_ADDRESS_MAX);
		grown = realloc(pin->addresses,
				((size_t)pin->address_count + 1) * sizeof(pin->addresses[0]));
		if (!grown)
			return err_set(e, EXIT_FAILED, 0, "no memory for --resolve");
		pin->addresses = grown;
		if (!address_read(field, &pin->addresses[pin->address_count]))
			return err_set(e, EXIT_USAGE, 0,
				       "--resolve %s: \"%.*s\" is not an IPv4 or IPv6 address",
				       text, (int)field.len, field.data);
		pin->addresses[pin->address_count++].port = pin->port;
	} while (is_more);
	return 0;
}

int dns_pins_add(struct dns_pins *p, const char *text, struct err *e)
{
	struct span rest = span_of(text), name, port;
	struct dns_pin pin = {.name = "*"};
	struct dns_pin *grown;
	const char *fault;

	if (!span_cut(&rest, ':', &name) || !span_cut(&rest, ':', &port))
		return err_set(e, EXIT_USAGE, 0,
			       "--resolve %s: expected name:port:address[,address]...", text);
	if (!span_equal(name, SPAN("*"))) {
		fault = dns_name_read(name, pin.name);
		if (fault)
			return err_set(e, EXIT_USAGE, 0, "--resolve %s: the name %s", text, fault);
	}
	if (!dns_port_read(port, &pin.port))
		return err_set(e, EXIT_USAGE, 0,
			       "--resolve %s: the port is not a number from 1 to 65535", text);
	if (addresses_read(&pin, rest, text, e) < 0) {
		free(pin.addresses);
		return -1;
	}
	grown = realloc(p->pins, ((size_t)p->count + 1) * sizeof(p->pins[0]));
	if (!grown) {
		free(pin.addresses);
		return err_set(e, EXIT_FAILED, 0, "no memory for --resolve");
	}
	p->pins = grown;
	p->pins[p->count++] = pin;
	return 0;
}

const struct dns_pin *dns_pins_find(const struct dns_pins *p, const char *name, uint16_t port)
{
	const struct dns_pin *wildcard = NULL;

	for (int i = 0; i < p->count; i++) {
		const struct dns_pin *pin = &p->pins[i];
		if (pin->port != port)
			continue;
		if (strcmp(pin->name, name) == 0)
			return pin;
		if (!wildcard && strcmp(pin->name, "*") == 0)
			wildcard = pin;
	}
	return wildcard;
}

void dns_pins_fini(struct dns_pins *p)
{
	for (int i = 0; i < p->count; i++)
		free(p->pins[i].addresses);
	free(p->pins);
	*p = (struct dns_pins){0};
}
