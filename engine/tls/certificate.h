/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * certificate.h - certificates made on the spot, good ones and bad ones on purpose
 *
 * For a sink that is given none, and for its faults: expired, not yet valid, for another name,
 * self-signed, from an unknown CA. X.509 v3 (RFC 5280) with the names as subject alternative
 * names (RFC 6125). Any thread may call.
 */
#ifndef VOLLEY_TLS_CERTIFICATE_H
#define VOLLEY_TLS_CERTIFICATE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"

enum certificate_key {
	CERTIFICATE_ECDSA_P256,
	CERTIFICATE_RSA_2048, /* takes some 100 ms to make */
	CERTIFICATE_ED25519,
};

#define CERTIFICATE_NAMES_MAX 32

/* PEM texts. Zeroed is empty; freed by certificate_fini(). */
struct certificate {
	struct buf cert;   /* the certificate, without its CA */
	struct buf key;	   /* its private key */
	struct buf ca;	   /* the CA's certificate; empty when self-signed */
	struct buf ca_key; /* the CA's private key; empty when self-signed */
};

struct certificate_request {
	enum certificate_key key;

	/* Host names (with "*." at will) and IP addresses; the first is the common name too. */
	const char *const *names;
	int name_count; /* 1 to CERTIFICATE_NAMES_MAX */

	/* Validity in seconds since 1970-01-01T00:00:00Z; not_before < not_after. */
	int64_t not_before, not_after;

	bool self_signed; /* signed by its own key, no CA */

	/*
	 * With a CA: sign with this one's, which is copied into the result; NULL makes a throw-away
	 * CA, valid one day longer on both sides so that only the certificate itself is at fault.
	 * ca_not_before and ca_not_after override that when not both 0.
	 */
	const struct certificate *issuer;
	int64_t ca_not_before, ca_not_after;
};

/*
 * Makes key and certificate. 0, or -1 with *e set and *ret_certificate untouched: bad request, or
 * memory or random numbers were not to be had.
 */
int tls_certificate_make(const struct certificate_request *request,
			 struct certificate *ret_certificate, struct err *e);

/* Wipes the private keys and frees everything. */
void certificate_fini(struct certificate *c);

#endif
