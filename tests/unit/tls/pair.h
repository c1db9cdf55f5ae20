/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pair.h - a TLS client and a TLS server that talk to each other in memory
 *
 * Drives both through net/secure.h alone, hands ciphertext over in pieces of a chosen size, and
 * keeps what each side answered.
 */
#ifndef VOLLEY_TESTS_TLS_PAIR_H
#define VOLLEY_TESTS_TLS_PAIR_H
#include <stdbool.h>
#include "tls/certificate.h"
#include "tls/tls.h"

struct end {
	struct secure *secure;
	struct secure_session *session;
	struct buf tx;	       /* sealed, not yet handed over */
	struct buf received;   /* plain text */
	enum secure_step step; /* the last answer that was not SECURE_DATA */
	int opens;	       /* how often SECURE_OPEN was answered */
};

struct pair {
	struct end client, server;
	size_t split;	 /* octets handed over at once, 0: all there are */
	size_t out_size; /* room for plain text in a secure_read(), 0: 16 KiB */
};

/* A certificate for localhost, valid a day to both sides of now, from a throw-away CA. */
void make_certificate(struct certificate *ret);

/* One for a whole program: made and freed around its tests. */
extern struct certificate cert;
int cert_set_up(void **state);
int cert_tear_down(void **state);

/* The same with changes: days relative to now, key, and so on. */
struct certificate_request usual_request(void);
int64_t days_from_now(int days);

/* Options that fit the certificate; the client verifies fully against its CA. */
struct tls_options client_options(const struct certificate *c);
struct tls_options server_options(const struct certificate *c);

/* Fails the test when tls_new() does. */
struct secure *new_secure(const struct tls_options *options);

/* Sessions of two contexts, which stay the caller's; name NULL for none. */
void pair_open(struct pair *p, struct secure *client, struct secure *server, const char *name,
	       const char *resume_key);

/* Hands bytes over until neither side has anything to say. */
void pair_run(struct pair *p);

/* Hands over what one end has sealed, and reads. */
void pair_deliver(struct pair *p, struct end *from, struct end *to);

/* Feeds bytes from elsewhere. */
void pair_feed(struct pair *p, struct end *to, struct span bytes);

/* Sessions and buffers go, contexts stay. */
void pair_close(struct pair *p);

/* Opens, runs and says whether both ends opened. */
bool pair_connect(struct pair *p, struct secure *client, struct secure *server, const char *name,
		  const char *resume_key);

enum secure_failure end_failure(struct end *e);
const char *end_detail(struct end *e); /* static */
struct secure_facts end_facts(struct end *e);

#endif
