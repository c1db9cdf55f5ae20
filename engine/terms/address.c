/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * address.c - checks a Mailbox of RFC 5321 s4.1.2, with the UTF-8 of RFC 6531 s3.3
 *
 * What could end the command early, start another one or be read as another address is refused
 * without exception: control characters, brackets and spaces outside quotes, a quote that is not
 * closed, broken UTF-8. Two breaches of the grammar pass on purpose, because such mailboxes exist,
 * are delivered to, and cannot be mistaken: dots at the edges of a local part or next to each
 * other, and underscores in a domain. A source route ("@a,@b:user@c") is not a Mailbox.
 */
#include <stdint.h>

#include "base/endpoint.h"
#include "terms/address.h"

/*
 * RFC 5321 s4.5.3.1: a Path is at most 256 octets with its angle brackets, so that the limit of
 * 255 for a domain cannot be passed within it.
 */
#define ADDRESS_LEN_MAX 254
#define LOCAL_LEN_MAX	64
#define LABEL_LEN_MAX	63 /* RFC 1035 s2.3.4 */

static bool is_alnum(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* atext of RFC 5322 s3.2.3, extended by RFC 6531 to everything beyond ASCII. */
static bool is_atext(unsigned char c)
{
	return is_alnum(c) || c >= 0x80 || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

static bool is_bracket(unsigned char c)
{
	return c == '<' || c == '>' || c == ' ';
}

/* The length of the UTF-8 sequence at the start of text, 0 when it is none (RFC 3629 s4). */
static size_t utf8_len(struct span text)
{
	const unsigned char *s = (const unsigned char *)text.data;
	unsigned char low = 0x80, high = 0xBF;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xC2 && s[0] <= 0xDF)
		len = 2;
	else if (s[0] >= 0xE0 && s[0] <= 0xEF)
		len = 3;
	else if (s[0] >= 0xF0 && s[0] <= 0xF4)
		len = 4;
	else
		return 0;
	/* The second octet excludes overlong forms, surrogates and what lies beyond U+10FFFF. */
	if (s[0] == 0xE0)
		low = 0xA0;
	else if (s[0] == 0xED)
		high = 0x9F;
	else if (s[0] == 0xF0)
		low = 0x90;
	else if (s[0] == 0xF4)
		high = 0x8F;
	if (text.len < len || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if (s[i] < 0x80 || s[i] > 0xBF)
			return 0;
	return len;
}

/* What must hold of every octet, wherever it stands. */
static enum address_fault octets_check(struct span address)
{
	for (size_t i = 0; i < address.len; i++) {
		unsigned char c = (unsigned char)address.data[i];
		if (c < 0x20 || c == 0x7F)
			return ADDRESS_CONTROL;
	}
	while (address.len > 0) {
		size_t len = utf8_len(address);
		if (len == 0)
			return ADDRESS_BAD_UTF8;
		address = span_skip(address, len);
	}
	return ADDRESS_FINE;
}

/* A Quoted-string at the start of address; *ret_len counts both quotes. */
static enum address_fault quoted_check(struct span address, size_t *ret_len)
{
	for (size_t i = 1; i < address.len; i++) {
		if (address.data[i] == '"') {
			*ret_len = i + 1;
			return ADDRESS_FINE;
		}
		if (address.data[i] == '\\') {
			i++;
			if (i < address.len && (unsigned char)address.data[i] >= 0x80)
				return ADDRESS_BAD_LOCAL; /* quoted-pairSMTP is ASCII alone */
		}
	}
	return ADDRESS_BAD_LOCAL;
}

/* A Dot-string at the start of address, up to '@' or the end. */
static enum address_fault dotted_check(struct span address, size_t *ret_len)
{
	size_t len = 0;

	while (len < address.len && address.data[len] != '@') {
		unsigned char c = (unsigned char)address.data[len];
		if (is_bracket(c))
			return ADDRESS_BRACKET;
		if (!is_atext(c) && c != '.')
			return ADDRESS_BAD_LOCAL;
		len++;
	}
	*ret_len = len;
	return len > 0 ? ADDRESS_FINE : ADDRESS_BAD_LOCAL;
}

/* What stands between the brackets of an address literal (RFC 5321 s4.1.3). */
static enum address_fault literal_check(struct span literal)
{
	const struct span ipv6_tag = SPAN("IPv6:");
	struct endpoint e;
	size_t tag_len = 0;

	if (literal.len > ipv6_tag.len &&
	    span_equal_nocase((struct span){literal.data, ipv6_tag.len}, ipv6_tag))
		return endpoint_parse_address(span_skip(literal, ipv6_tag.len), &e) &&
				       e.family == ENDPOINT_IPV6
			       ? ADDRESS_FINE
			       : ADDRESS_BAD_DOMAIN;
	if (endpoint_parse_address(literal, &e))
		return e.family == ENDPOINT_IPV4 ? ADDRESS_FINE : ADDRESS_BAD_DOMAIN;

	/* General-address-literal: a standardised tag, a colon, and any dcontent. */
	while (tag_len < literal.len &&
	       (is_alnum((unsigned char)literal.data[tag_len]) || literal.data[tag_len] == '-'))
		tag_len++;
	if (tag_len == 0 || literal.data[tag_len - 1] == '-' || tag_len + 1 >= literal.len ||
	    literal.data[tag_len] != ':')
		return ADDRESS_BAD_DOMAIN;
	for (size_t i = tag_len + 1; i < literal.len; i++) {
		unsigned char c = (unsigned char)literal.data[i];
		if (is_bracket(c))
			return ADDRESS_BRACKET;
		if (c >= 0x80 || c == '[' || c == '\\' || c == ']')
			return ADDRESS_BAD_DOMAIN;
	}
	return ADDRESS_FINE;
}

/* Labels of letters, digits, hyphens and what RFC 6531 adds, joined by single dots. */
static enum address_fault name_check(struct span domain)
{
	size_t label_len = 0;

	for (size_t i = 0; i < domain.len; i++) {
		unsigned char c = (unsigned char)domain.data[i];
		bool is_edge = label_len == 0 || i + 1 == domain.len || domain.data[i + 1] == '.';

		if (is_bracket(c))
			return ADDRESS_BRACKET;
		if (c == '.') {
			if (label_len == 0 || i + 1 == domain.len)
				return ADDRESS_BAD_DOMAIN;
			label_len = 0;
			continue;
		}
		if (!is_alnum(c) && c < 0x80 && c != '_' && (c != '-' || is_edge))
			return ADDRESS_BAD_DOMAIN;
		if (++label_len > LABEL_LEN_MAX)
			return ADDRESS_BAD_DOMAIN;
	}
	return ADDRESS_FINE;
}

enum address_fault address_check(struct span address)
{
	enum address_fault fault;
	struct span domain;
	size_t local_len = 0;

	if (address.len == 0)
		return ADDRESS_EMPTY;
	if (address.len > ADDRESS_LEN_MAX)
		return ADDRESS_TOO_LONG;
	fault = octets_check(address);
	if (fault != ADDRESS_FINE)
		return fault;

	if (address.data[0] == '"')
		fault = quoted_check(address, &local_len);
	else
		fault = dotted_check(address, &local_len);
	if (fault != ADDRESS_FINE)
		return fault;
	if (local_len > LOCAL_LEN_MAX)
		return ADDRESS_TOO_LONG;
	if (local_len == address.len)
		return ADDRESS_NO_DOMAIN;
	if (address.data[local_len] != '@')
		return is_bracket((unsigned char)address.data[local_len]) ? ADDRESS_BRACKET
									  : ADDRESS_BAD_LOCAL;

	domain = span_skip(address, local_len + 1);
	if (domain.len == 0)
		return ADDRESS_NO_DOMAIN;
	if (domain.data[0] != '[')
		return name_check(domain);
	if (domain.len < 2 || domain.data[domain.len - 1] != ']')
		return ADDRESS_BAD_DOMAIN;
	return literal_check((struct span){domain.data + 1, domain.len - 2});
}

const char *address_fault_text(enum address_fault fault)
{
	switch (fault) {
	case ADDRESS_FINE:
		return "is well formed";
	case ADDRESS_EMPTY:
		return "is empty";
	case ADDRESS_TOO_LONG:
		return "is too long (64 octets before the @, 254 in all)";
	case ADDRESS_CONTROL:
		return "holds a control character";
	case ADDRESS_BRACKET:
		return "holds an angle bracket or a space outside quotes";
	case ADDRESS_NO_DOMAIN:
		return "has no domain";
	case ADDRESS_BAD_LOCAL:
		return "has a malformed part before the @";
	case ADDRESS_BAD_DOMAIN:
		return "has a malformed domain";
	case ADDRESS_BAD_UTF8:
		return "is not valid UTF-8";
	}
	return "is malformed";
}

struct span address_domain(struct span address)
{
	for (size_t i = address.len; i > 0; i--)
		if (address.data[i - 1] == '@')
			return span_skip(address, i);
	return (struct span){address.data, 0};
}

bool address_needs_utf8(struct span address)
{
	for (size_t i = 0; i < address.len; i++)
		if ((unsigned char)address.data[i] >= 0x80)
			return true;
	return false;
}
