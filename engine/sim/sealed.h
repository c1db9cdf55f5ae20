/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sealed.h - sealed links: what TLS looks like from outside, without cryptography
 *
 * net/secure.h for simulated runs, where real handshakes would cost more than all the rest. The
 * framing is that of TLS records (RFC 8446 s5.1), so that whatever recognizes TLS by its first
 * octets does so here; messages have realistic sizes and take the round trips of TLS 1.2 or 1.3,
 * full or resumed; certificates are a few fields. Records carry plain text and a trailer in place
 * of the tag, which tells a foreign, repeated or damaged trailer, but not damaged text. Nothing
 * here protects anything.
 *
 * Everything that ends in one of enum secure_failure can be brought about: by certificates, trust,
 * versions, suites and groups that do not go together, or by a fault that a server plays.
 */
#ifndef VOLLEY_SIM_SEALED_H
#define VOLLEY_SIM_SEALED_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "net/secure.h"
#include "sim/sim.h"

enum sim_verify { SIM_VERIFY_FULL, SIM_VERIFY_CA, SIM_VERIFY_NONE };

enum sim_tls_version { SIM_TLS_DEFAULT, SIM_TLS_1_2, SIM_TLS_1_3 };

/* All it points to is copied. */
struct sim_certificate {
	const char *names;    /* DNS names, separated by spaces, "*.example.com" among them */
	const char *issuer;   /* the CA's name; NULL: signed by itself */
	int64_t not_before_s; /* wall time; 0: since ever */
	int64_t not_after_s;  /* wall time; 0: for ever */
	bool is_revoked;
	size_t size; /* octets on the wire, with its chain; 0: 1,200 */
};

/* What a server does wrong on purpose, decided at each ClientHello; the first that fits counts. */
struct sim_sealed_fault {
	const char *server_name; /* only for this SNI, case ignored; NULL: for all. Copied */
	double probability;	 /* seeded; 0: always */
	/*
	 * NOT_TLS answers in clear text, ALERT sends `alert`, VERSION and NO_COMMON their alerts,
	 * the certificate kinds show a certificate with that fault (CERT_OTHER: an unreadable one,
	 * CERT_MISSING: a client's is demanded), RECORD sends a malformed record, CLOSED_EARLY a
	 * close_notify, NO_MEMORY and INTERNAL an internal_error alert.
	 */
	enum secure_failure kind;
	uint8_t alert; /* RFC 8446 s6.2; 0: handshake_failure */
};

/* All zero is a client that verifies fully and trusts every issuer. Copied. */
struct sim_secure_options {
	enum secure_role role;
	enum sim_verify verify; /* client */
	const char *trusted;	/* names of CAs, separated by spaces; NULL: any issuer */
	const struct sim_certificate *certificate; /* own; a server must have one */
	enum sim_tls_version min_version, max_version;
	const char *ciphers;	  /* IANA's or OpenSSL's names, colons between, by preference */
	const char *groups;	  /* the same: X25519, P-256, P-384 */
	bool resume;		  /* client: offer tickets, each once; server: give and take them */
	unsigned tickets_max;	  /* client: kept at once; 0: 4096 */
	bool require_client_cert; /* server */
	const struct sim_sealed_fault *faults;
	int fault_count;
};

/*
 * Contexts of one role in a world, whose wall clock and seed they use. NULL with *e set when an
 * option is wrong or memory is exhausted. Freed by secure_free(), before the world. Servers with
 * the same certificate names take each other's tickets.
 */
struct secure *sim_secure(struct sim *s, const struct sim_secure_options *options, struct err *e);

#endif
