/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * name.c - checks names before they are asked for
 *
 * The DNS itself carries any octet in a label. What a mail host is called does not: a name with
 * anything but letters, digits, hyphens and underscores comes from a mistake or from malice, and
 * would end up in SNI, in logs and in reports. Hyphens at the edges of labels do exist in the
 * wild and do no harm, so they pass.
 */
#include "dns/name.h"
#include "base/hash.h"

static bool is_name_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

const char *dns_name_read(struct span text, char out[RESOLVER_NAME_MAX])
{
	size_t label_len = 0;

	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.len--;
	if (text.len == 0)
		return "is empty";
	if (text.len > DNS_NAME_LEN_MAX)
		return "is longer than 253 octets";
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.data[i];
		if (c == '.') {
			if (label_len == 0)
				return "has an empty label";
			label_len = 0;
			continue;
		}
		if (c >= 0x80)
			return "is not ASCII: give its xn-- form";
		if (!is_name_char(c))
			return "holds a character that no host name has";
		if (++label_len > DNS_LABEL_LEN_MAX)
			return "has a label longer than 63 octets";
	}
	if (label_len == 0)
		return "has an empty label";

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		out[i] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
	}
	out[text.len] = '\0';
	return NULL;
}

/* From a seed, and a last mix because the low bits choose the bucket. */
uint64_t dns_name_hash(uint64_t seed, const char *name, unsigned type)
{
	uint64_t hash = hash_octet(HASH_START ^ seed, (unsigned char)type);

	hash = hash_octets(hash, name, strlen(name));
	return hash ^ (hash >> 32);
}

bool dns_port_read(struct span text, uint16_t *ret_port)
{
	unsigned port = 0;

	if (text.len == 0 || text.len > 5)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		if (text.data[i] < '0' || text.data[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text.data[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

bool dns_name_is_below(const char *name, const char *domain)
{
	size_t name_len = strlen(name), domain_len = strlen(domain);

	if (domain_len == 0)
		return true;
	if (name_len < domain_len || strcmp(name + name_len - domain_len, domain) != 0)
		return false;
	return name_len == domain_len || name[name_len - domain_len - 1] == '.';
}
