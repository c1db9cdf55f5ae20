/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * servers.c - the list of servers
 *
 * c-ares reads resolv.conf, so that its rules hold here as in other programs that use the
 * library; a channel is made for that alone and thrown away.
 */
#include <ares.h>
#include <string.h>

#include "dns/name.h"
#include "dns/servers.h"

int dns_server_read(const char *text, struct endpoint *ret_endpoint, struct err *e)
{
	struct span address = span_of(text), port = SPAN("");
	const char *bracket = strchr(text, ']');
	const char *colon = strrchr(text, ':');
	uint16_t number = DNS_PORT;
	struct endpoint endpoint;

	if (text[0] == '[' && bracket) {
		address = (struct span){text + 1, (size_t)(bracket - text) - 1};
		port = span_of(bracket + 1);
	} else if (colon && strchr(text, ':') == colon) {
		address.len = (size_t)(colon - text);
		port = span_of(colon);
	}
	if (!endpoint_parse_address(address, &endpoint))
		return err_set(e, EXIT_USAGE, 0,
			       "--resolver %s: expected the address of a DNS server, "
			       "192.0.2.1:53 or [2001:db8::1]:53",
			       text);
	if (port.len > 0 && (port.data[0] != ':' || !dns_port_read(span_skip(port, 1), &number)))
		return err_set(e, EXIT_USAGE, 0,
			       "--resolver %s: the port is not a number from 1 to 65535", text);
	endpoint.port = number;
	*ret_endpoint = endpoint;
	return 0;
}

int dns_servers_of_system(struct endpoint *ret_endpoints, int max, struct err *e)
{
	struct ares_addr_port_node *nodes = NULL;
	ares_channel channel = NULL;
	int count = 0;
	int status = ares_init(&channel);

	if (status == ARES_SUCCESS) {
		status = ares_get_servers_ports(channel, &nodes);
		ares_destroy(channel);
	}
	if (status != ARES_SUCCESS)
		return err_set(
			e, EXIT_FAILED, 0,
			"cannot read the system's DNS servers (%s); name one with --resolver",
			ares_strerror(status));
	for (const struct ares_addr_port_node *n = nodes; n && count < max; n = n->next) {
		struct endpoint *server = &ret_endpoints[count];
		*server = (struct endpoint){.port = n->udp_port ? (uint16_t)n->udp_port : DNS_PORT};
		if (n->family == AF_INET) {
			server->family = ENDPOINT_IPV4;
			memcpy(server->v4, &n->addr.addr4, sizeof(server->v4));
		} else if (n->family == AF_INET6) {
			server->family = ENDPOINT_IPV6;
			memcpy(server->v6, &n->addr.addr6, sizeof(server->v6));
		} else {
			continue;
		}
		count++;
	}
	ares_free_data(nodes);
	if (count == 0)
		return err_set(e, EXIT_FAILED, 0,
			       "the system names no DNS server; name one with --resolver");
	return count;
}
