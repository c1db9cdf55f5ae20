/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * extension.h - SMTP service extensions, as announced in reply to EHLO
 *
 * RFC 5321 s2.2 and s4.1.1.1. Both sides use it: the client reads announcements, the server
 * writes them. Pure values.
 */
#ifndef VOLLEY_SMTP_EXTENSION_H
#define VOLLEY_SMTP_EXTENSION_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/span.h"

enum smtp_extension {
	SMTP_EXT_PIPELINING = 1u << 0,		/* RFC 2920 */
	SMTP_EXT_SIZE = 1u << 1,		/* RFC 1870 */
	SMTP_EXT_8BITMIME = 1u << 2,		/* RFC 6152 */
	SMTP_EXT_SMTPUTF8 = 1u << 3,		/* RFC 6531 */
	SMTP_EXT_CHUNKING = 1u << 4,		/* RFC 3030 */
	SMTP_EXT_DSN = 1u << 5,			/* RFC 3461 */
	SMTP_EXT_STARTTLS = 1u << 6,		/* RFC 3207 */
	SMTP_EXT_AUTH = 1u << 7,		/* RFC 4954 */
	SMTP_EXT_ENHANCEDSTATUSCODES = 1u << 8, /* RFC 2034 */
	SMTP_EXT_LIMITS = 1u << 9,		/* RFC 9422 */
	SMTP_EXT_BINARYMIME = 1u << 10,		/* RFC 3030 */
};

struct smtp_capabilities {
	uint32_t extensions;	   /* of enum smtp_extension */
	uint32_t auth_mechanisms;  /* of enum sasl_mechanism */
	uint64_t size_max;	   /* SIZE; 0: no limit told */
	uint32_t limit_mail_max;   /* RFC 9422 MAILMAX: messages a session; 0: none told */
	uint32_t limit_rcpt_max;   /* RCPTMAX */
	uint32_t limit_domain_max; /* RCPTDOMAINMAX */
};

/* "pipelining", case ignored, to its bit; 0 when unknown. For options that hide extensions. */
uint32_t smtp_extension_from_name(struct span name);

/*
 * Reads one line of an EHLO reply (keyword and parameters, without the code) into c, which is all
 * zero before the first. Unknown keywords and parameters are ignored, numbers that are none or do
 * not fit count as not given. "AUTH=" in place of "AUTH " is understood, as old servers write it.
 */
void smtp_capabilities_read(struct smtp_capabilities *c, struct span line);

/*
 * Writes the lines, "250-KEYWORD ...\r\n", the last with "250 ". first is the text of the first
 * line. Returns the length, or 0 when out_size is too small.
 */
size_t smtp_capabilities_write(const struct smtp_capabilities *c, struct span first, char *out,
			       size_t out_size);

#endif
