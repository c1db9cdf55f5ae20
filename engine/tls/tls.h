/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * tls.h - net/secure.h by wolfSSL over memory
 *
 * tls_new() makes one thread's contexts for one role; sessions come from secure_open(). Nothing is
 * left to the library's defaults: verification, versions, groups and the session cache are always
 * set, because builds differ in them (Debian's verifies nothing and allows TLS 1.1 unless told).
 *
 * TLS 1.2 and 1.3 (RFC 5246, 8446). Not done: renegotiation, 0-RTT, OCSP and CRL checks, client
 * authentication after the handshake.
 */
#ifndef VOLLEY_TLS_TLS_H
#define VOLLEY_TLS_TLS_H
#include <stdbool.h>
#include <stddef.h>
#include "base/err.h"
#include "base/span.h"
#include "net/secure.h"

/* What a client demands of the server's certificate. */
enum tls_verify {
	TLS_VERIFY_FULL, /* a chain to a trusted CA, for the name of secure_request.server_name */
	TLS_VERIFY_CA,	 /* a chain to a trusted CA, for whatever name */
	TLS_VERIFY_NONE, /* nothing: encrypts, and does not know with whom */
};

enum tls_version {
	TLS_VERSION_DEFAULT, /* as min_version TLS 1.2, as max_version TLS 1.3 */
	TLS_VERSION_1_2,
	TLS_VERSION_1_3,
};

#define TLS_GROUPS_DEFAULT  "X25519:P-256:P-384"
#define TLS_TICKETS_DEFAULT 4096u
#define TLS_CREDENTIAL_MAX  (16u << 20) /* octets of a certificate, key or CA file */

/* All zero is a client that verifies fully against the system's CA store. Borrowed for tls_new().
 */
struct tls_options {
	enum secure_role role;
	enum tls_verify verify; /* client */

	/*
	 * Whom to trust: PEM in memory, a PEM file, a folder of PEM files; added up. With none of
	 * them the system's CA store. A client reads them unless verify is TLS_VERIFY_NONE, a
	 * server only with require_client_cert (and then one of them must be given).
	 */
	struct span ca_pem;
	const char *ca_file;
	const char *ca_path;

	/* Own certificate (with its chain) and key: in memory or as PEM files; a server must. */
	struct span cert_pem, key_pem;
	const char *cert_file;
	const char *key_file; /* NULL: the key stands in cert_file too */

	enum tls_version min_version, max_version;

	/*
	 * Suites in order of preference, separated by colons, by IANA's or OpenSSL's names, those
	 * of TLS 1.3 among them. NULL: AEAD first, AES-128-GCM before ChaCha20 where AES has
	 * hardware.
	 */
	const char *ciphers;

	/*
	 * Groups in order of preference, separated by colons; a client offers a key share for the
	 * first. NULL: TLS_GROUPS_DEFAULT for a client, for a server whatever the client offers.
	 */
	const char *groups;

	/*
	 * Client: offer to resume what a session with the same resume_key left behind. A TLS 1.3
	 * ticket is used once (RFC 8446 sC.4). Server: give out tickets, good for every thread of
	 * this process. Off is the default: a load test wants full handshakes unless it says so.
	 */
	bool resume;
	unsigned tickets_max; /* client: kept at once over all keys; 0: TLS_TICKETS_DEFAULT */

	bool require_client_cert; /* server: no session without a certificate that verifies */
};

/*
 * Contexts for the calling thread, to be freed with secure_free() by the same thread. Reads files:
 * for start-up (the system's CA store takes some 40 ms and 5 MB). NULL with *e set when an option
 * is wrong, a file is unreadable or unusable, or memory is exhausted.
 */
struct secure *tls_new(const struct tls_options *options, struct err *e);

/*
 * Which TLS library this is, whose build, and what it has of hardware: "wolfSSL 5.5.4 (lean build,
 * AES-NI)" or "wolfSSL 5.5.4 (the distribution's build, no hardware AES)". Static.
 */
const char *tls_library(void);

/* "none", "ca", "full" as options name them; false when text is none of these. */
bool tls_verify_parse(struct span text, enum tls_verify *ret_verify);

/* "1.2", "1.3", also with "TLS", "TLSv" before; false when text is neither. */
bool tls_version_parse(struct span text, enum tls_version *ret_version);

#endif
