/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * address.h - mail addresses as they stand in an envelope
 *
 * RFC 5321 s4.1.2 (Mailbox), RFC 6531 (UTF-8). Only what keeps an address from breaking out of
 * its command is refused strictly; what is unusual but legal passes.
 */
#ifndef VOLLEY_TERMS_ADDRESS_H
#define VOLLEY_TERMS_ADDRESS_H
#include <stdbool.h>
#include "base/span.h"

enum address_fault {
	ADDRESS_FINE,
	ADDRESS_EMPTY,
	ADDRESS_TOO_LONG, /* over 254 octets, local part over 64, domain over 255 */
	ADDRESS_CONTROL,  /* CR, LF, NUL or another control character */
	ADDRESS_BRACKET,  /* '<' or '>' or white space outside quotes */
	ADDRESS_NO_DOMAIN,
	ADDRESS_BAD_LOCAL,
	ADDRESS_BAD_DOMAIN,
	ADDRESS_BAD_UTF8,
};

/* Checks a Mailbox without angle brackets. */
enum address_fault address_check(struct span address);

/* One clause for people: "has no domain". */
const char *address_fault_text(enum address_fault fault);

/* The part behind the last '@'; empty when there is none. Points into address. */
struct span address_domain(struct span address);

/* True when it holds octets above 127, so that SMTPUTF8 is needed (RFC 6531). */
bool address_needs_utf8(struct span address);

#endif
