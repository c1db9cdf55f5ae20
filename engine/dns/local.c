/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * local.c - literals, localhost and the hosts file
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "dns/local.h"
#include "dns/name.h"

bool dns_literal_read(struct span text, struct endpoint *ret_endpoint)
{
	const struct span tag = SPAN("IPv6:");

	if (text.len < 2 || text.data[0] != '[')
		return endpoint_parse_address(text, ret_endpoint);
	if (text.data[text.len - 1] != ']')
		return false;
	text = (struct span){text.data + 1, text.len - 2};
	if (text.len > tag.len && span_equal_nocase((struct span){text.data, tag.len}, tag))
		return endpoint_parse_address(span_skip(text, tag.len), ret_endpoint) &&
		       ret_endpoint->family == ENDPOINT_IPV6;
	return endpoint_parse_address(text, ret_endpoint);
}

bool dns_name_is_localhost(const char *name)
{
	return dns_name_is_below(name, "localhost");
}

int dns_localhost(struct endpoint *ret_endpoints)
{
	ret_endpoints[0] = (struct endpoint){.family = ENDPOINT_IPV6, .v6 = {[15] = 1}};
	ret_endpoints[1] = (struct endpoint){.family = ENDPOINT_IPV4, .v4 = {127, 0, 0, 1}};
	return 2;
}

/* Cuts the next field off the front of a line; empty at its end, where a comment may begin. */
static struct span field_take(struct span *line)
{
	const char blanks[] = " \t\r\n";
	struct span field;

	while (line->len > 0 && memchr(blanks, line->data[0], sizeof(blanks) - 1))
		*line = span_skip(*line, 1);
	field = (struct span){line->data, 0};
	while (field.len < line->len && line->data[field.len] != '#' &&
	       !memchr(blanks, line->data[field.len], sizeof(blanks) - 1))
		field.len++;
	*line = span_skip(*line, field.len);
	return field;
}

/* True when a line names name; its address is set then. */
static bool hosts_line_read(struct span line, const char *name, struct endpoint *ret_endpoint)
{
	struct span field = field_take(&line);
	char known[RESOLVER_NAME_MAX];

	if (field.len == 0 || !endpoint_parse_address(field, ret_endpoint))
		return false;
	for (field = field_take(&line); field.len > 0; field = field_take(&line))
		if (dns_name_read(field, known) == NULL && strcmp(known, name) == 0)
			return true;
	return false;
}

int dns_hosts_file(const char *path, const char *name, struct endpoint *ret_endpoints, int max)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t line_size = 0;
	ssize_t len;
	int count = 0;

	if (!file)
		return 0;
	while (count < max && (len = getline(&line, &line_size, file)) > 0)
		if (hosts_line_read((struct span){line, (size_t)len}, name, &ret_endpoints[count]))
			count++;
	free(line);
	fclose(file);
	return count;
}
