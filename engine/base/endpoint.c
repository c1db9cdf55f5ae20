/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * endpoint.c - where a connection goes to or comes from
 *
 * Addresses are read and printed by the C library's inet_pton() and inet_ntop() (RFC 5952 form);
 * what is private stands in two tables of prefixes, one a family.
 */
#include "base/endpoint.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include "base/hash.h"

/* "%eth0" or "%2" behind an IPv6 address, RFC 4007 s11. */
static bool parse_scope(const char *text, uint32_t *ret_scope)
{
	uint64_t value = 0;
	const char *p = text;

	if (*text == '\0')
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		value = value * 10 + (uint64_t)(*p - '0');
		if (value > UINT32_MAX)
			return false;
	}
	if (*p != '\0')
		value = if_nametoindex(text);
	if (value == 0)
		return false;
	*ret_scope = (uint32_t)value;
	return true;
}

bool endpoint_parse_address(struct span text, struct endpoint *ret_endpoint)
{
	struct endpoint e = {.family = ENDPOINT_NONE};
	char copy[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
	char *percent;

	if (text.len == 0 || text.len >= sizeof(copy) || memchr(text.data, '\0', text.len))
		return false;
	memcpy(copy, text.data, text.len);
	copy[text.len] = '\0';
	percent = strchr(copy, '%');
	if (percent) {
		*percent = '\0';
		if (!parse_scope(percent + 1, &e.scope))
			return false;
	}
	if (inet_pton(AF_INET6, copy, e.v6) == 1)
		e.family = ENDPOINT_IPV6;
	else if (!percent && inet_pton(AF_INET, copy, e.v4) == 1)
		e.family = ENDPOINT_IPV4;
	else
		return false;
	*ret_endpoint = e;
	return true;
}

bool endpoint_from_path(struct span path, struct endpoint *ret_endpoint)
{
	struct endpoint e = {.family = ENDPOINT_UNIX};

	if (path.len == 0 || path.len >= sizeof(e.path) || memchr(path.data, '\0', path.len))
		return false;
	memset(e.path, 0, sizeof(e.path));
	memcpy(e.path, path.data, path.len);
	*ret_endpoint = e;
	return true;
}

const char *endpoint_address_text(const struct endpoint *e, char *text)
{
	char address[INET6_ADDRSTRLEN];

	switch (e->family) {
	case ENDPOINT_IPV4:
		inet_ntop(AF_INET, e->v4, text, ENDPOINT_TEXT_MAX);
		break;
	case ENDPOINT_IPV6:
		inet_ntop(AF_INET6, e->v6, address, sizeof(address));
		if (e->scope)
			snprintf(text, ENDPOINT_TEXT_MAX, "%s%%%u", address, (unsigned)e->scope);
		else
			snprintf(text, ENDPOINT_TEXT_MAX, "%s", address);
		break;
	case ENDPOINT_UNIX:
		snprintf(text, ENDPOINT_TEXT_MAX, "unix:%.*s", ENDPOINT_PATH_MAX - 1, e->path);
		break;
	case ENDPOINT_NONE:
	default:
		snprintf(text, ENDPOINT_TEXT_MAX, "none");
		break;
	}
	return text;
}

const char *endpoint_text(const struct endpoint *e, char *text)
{
	char address[ENDPOINT_TEXT_MAX];

	endpoint_address_text(e, address);
	if (e->family == ENDPOINT_IPV4)
		snprintf(text, ENDPOINT_TEXT_MAX, "%.*s:%u", INET_ADDRSTRLEN, address,
			 (unsigned)e->port);
	else if (e->family == ENDPOINT_IPV6)
		snprintf(text, ENDPOINT_TEXT_MAX, "[%.*s]:%u", INET6_ADDRSTRLEN + 11, address,
			 (unsigned)e->port);
	else
		memcpy(text, address, sizeof(address));
	return text;
}

bool endpoint_same_address(const struct endpoint *a, const struct endpoint *b)
{
	if (a->family != b->family)
		return false;
	switch (a->family) {
	case ENDPOINT_IPV4:
		return memcmp(a->v4, b->v4, sizeof(a->v4)) == 0;
	case ENDPOINT_IPV6:
		return a->scope == b->scope && memcmp(a->v6, b->v6, sizeof(a->v6)) == 0;
	case ENDPOINT_UNIX:
		return strncmp(a->path, b->path, sizeof(a->path)) == 0;
	case ENDPOINT_NONE:
	default:
		return true;
	}
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	if (!endpoint_same_address(a, b))
		return false;
	return a->family == ENDPOINT_NONE || a->family == ENDPOINT_UNIX || a->port == b->port;
}

uint64_t endpoint_address_hash(const struct endpoint *e)
{
	uint64_t hash = HASH_START + (uint64_t)e->family;

	switch (e->family) {
	case ENDPOINT_IPV4:
		hash = hash_octets(hash, e->v4, sizeof(e->v4));
		break;
	case ENDPOINT_IPV6:
		hash = hash_octets(hash, e->v6, sizeof(e->v6)) ^ e->scope;
		break;
	case ENDPOINT_UNIX:
		hash = hash_octets(hash, e->path, strnlen(e->path, sizeof(e->path)));
		break;
	case ENDPOINT_NONE:
	default:
		break;
	}
	/* Tables take the low bits, which FNV alone leaves uneven. */
	hash = (hash ^ (hash >> 32)) * UINT64_C(0xd6e8feb86659fd93);
	return hash ^ (hash >> 32);
}

struct prefix {
	uint8_t octets[16];
	int bits;
};

static bool in_prefix(const uint8_t *address, const struct prefix *prefix)
{
	int whole = prefix->bits / 8, rest = prefix->bits % 8;

	if (memcmp(address, prefix->octets, (size_t)whole) != 0)
		return false;
	return rest == 0 || (address[whole] ^ prefix->octets[whole]) >> (8 - rest) == 0;
}

static bool in_any(const uint8_t *address, const struct prefix *prefixes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (in_prefix(address, &prefixes[i]))
			return true;
	return false;
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_private_ipv4(const uint8_t *address)
{
	static const struct prefix prefixes[] = {
		{{127}, 8},	    /* loopback */
		{{0, 0, 0, 0}, 32}, /* "this host", RFC 1122: a connect to it stays here */
		{{10}, 8},	    /* RFC 1918 */
		{{172, 16}, 12},    /* RFC 1918 */
		{{192, 168}, 16},   /* RFC 1918 */
		{{100, 64}, 10},    /* RFC 6598 */
		{{169, 254}, 16},   /* link-local, RFC 3927 */
		{{192, 0, 2}, 24},  /* documentation, RFC 5737 */
		{{198, 51, 100}, 24},
		{{203, 0, 113}, 24},
		{{198, 18}, 15}, /* benchmarking, RFC 2544 */
	};

	return in_any(address, prefixes, COUNT(prefixes));
}

static bool is_private_ipv6(const uint8_t *address)
{
	static const struct prefix prefixes[] = {
		{{[15] = 1}, 128},		      /* loopback */
		{{0}, 128},			      /* unspecified: a connect to it stays here */
		{{0xfe, 0x80}, 10},		      /* link-local */
		{{0xfc}, 7},			      /* unique local, RFC 4193 */
		{{0x20, 0x01, 0x0d, 0xb8}, 32},	      /* documentation, RFC 3849 */
		{{0x3f, 0xff, 0x00}, 20},	      /* documentation, RFC 9637 */
		{{0x20, 0x01, 0x00, 0x02, 0, 0}, 48}, /* benchmarking, RFC 5180 */
	};

	return in_any(address, prefixes, COUNT(prefixes));
}

/* The IPv4 address behind ::ffff:0:0/96 (RFC 4291 s2.5.5.2), or NULL. */
static const uint8_t *mapped_ipv4(const struct endpoint *e)
{
	static const struct prefix mapped = {{[10] = 0xff, [11] = 0xff}, 96};

	return in_prefix(e->v6, &mapped) ? e->v6 + 12 : NULL;
}

bool endpoint_is_private(const struct endpoint *e)
{
	const uint8_t *ipv4;

	switch (e->family) {
	case ENDPOINT_IPV4:
		return is_private_ipv4(e->v4);
	case ENDPOINT_IPV6:
		ipv4 = mapped_ipv4(e);
		return ipv4 ? is_private_ipv4(ipv4) : is_private_ipv6(e->v6);
	case ENDPOINT_UNIX:
		return true;
	case ENDPOINT_NONE:
	default:
		return false;
	}
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	static const struct prefix one = {{[15] = 1}, 128};
	const uint8_t *ipv4;

	switch (e->family) {
	case ENDPOINT_IPV4:
		return e->v4[0] == 127;
	case ENDPOINT_IPV6:
		ipv4 = mapped_ipv4(e);
		return ipv4 ? ipv4[0] == 127 : in_prefix(e->v6, &one);
	case ENDPOINT_UNIX:
		return true;
	case ENDPOINT_NONE:
	default:
		return false;
	}
}
