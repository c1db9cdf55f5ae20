/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * phase.h - the phases of a mail session, as they are timed and reported
 *
 * The names are keys of the JSON result (latency_us.NAME, errors[].phase) and tags of the
 * histogram log: they stay.
 */
#ifndef VOLLEY_TERMS_PHASE_H
#define VOLLEY_TERMS_PHASE_H
#include "base/span.h"

enum phase {
	PHASE_DNS,	/* question to answer */
	PHASE_CONNECT,	/* SYN to established */
	PHASE_BANNER,	/* established (implicit TLS: handshake done) to the 220 greeting */
	PHASE_EHLO,	/* EHLO, LHLO or HELO to its reply */
	PHASE_TLS,	/* ClientHello to handshake done; STARTTLS and its reply included */
	PHASE_AUTH,	/* AUTH to the final reply */
	PHASE_MAIL,	/* MAIL FROM to its reply */
	PHASE_RCPT,	/* one RCPT TO to its reply */
	PHASE_DATA,	/* DATA to 354 */
	PHASE_BODY,	/* 354 (BDAT: first octet) to the last octet taken by the kernel */
	PHASE_HOLD,	/* before the final dot, until the spool lets it go (send only) */
	PHASE_ACCEPT,	/* final dot (BDAT LAST) to its reply */
	PHASE_QUIT,	/* QUIT to 221 */
	PHASE_SESSION,	/* SYN to the end of the session */
	PHASE_RESPONSE, /* a message: from when it was due to its outcome */
	PHASE_SERVICE,	/* a message: from when it was started to its outcome */
};
#define PHASE_COUNT (PHASE_SERVICE + 1)

const char *phase_name(enum phase phase);

/* False when the name is none. */
_Bool phase_from_name(struct span name, enum phase *ret_phase);

#endif
