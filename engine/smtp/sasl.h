/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl.h - SASL for AUTH, both sides, over GNU SASL
 *
 * RFC 4954 with PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256, XOAUTH2 and OAUTHBEARER. Base64 and the
 * AUTH dialogue are the client's and the server's; this module turns challenges into responses.
 * The library context is one per thread, made at first use, freed by sasl_thread_fini(); params
 * are shared and immutable.
 * Secrets are wiped when freed and never logged.
 */
#ifndef VOLLEY_SMTP_SASL_H
#define VOLLEY_SMTP_SASL_H
#include <stdbool.h>
#include <stdint.h>
#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum sasl_mechanism {
	SASL_PLAIN = 1u << 0,
	SASL_LOGIN = 1u << 1,
	SASL_CRAM_MD5 = 1u << 2,
	SASL_SCRAM_SHA_256 = 1u << 3,
	SASL_XOAUTH2 = 1u << 4,
	SASL_OAUTHBEARER = 1u << 5,
};

struct sasl_params {
	const char *user;     /* authentication identity, UTF-8 */
	const char *password; /* password, or the bearer token of the OAuth mechanisms */
	const char *authzid;  /* authorisation identity, NULL for none */
	const char *host;     /* server name, for OAUTHBEARER's host= */
	uint16_t port;
	uint32_t mechanisms; /* allowed ones; 0: the strongest that fits (never OAuth by itself) */
	bool allow_clear;    /* PLAIN, LOGIN, OAuth without TLS */
};

/* "SCRAM-SHA-256" and so on. */
const char *sasl_mechanism_name(enum sasl_mechanism mechanism);

/* 0 when unknown; case is ignored. */
uint32_t sasl_mechanism_from_name(struct span name);

/*
 * The mechanism to use out of those offered, 0 when none fits: OAUTHBEARER, XOAUTH2 (when named in
 * p->mechanisms), SCRAM-SHA-256, CRAM-MD5, PLAIN, LOGIN, in this order.
 */
uint32_t sasl_choose(const struct sasl_params *p, uint32_t offered, bool is_sealed);

/* True when the client speaks first, so that an initial response makes sense (RFC 4954 s4). */
bool sasl_is_client_first(enum sasl_mechanism mechanism);

struct sasl; /* one authentication under way */

enum sasl_step { SASL_STEP_MORE, SASL_STEP_DONE, SASL_STEP_FAILED };

/* NULL when memory is exhausted or the library lacks the mechanism. */
struct sasl *sasl_client_new(const struct sasl_params *p, enum sasl_mechanism mechanism);

/*
 * One round: challenge (raw, not base64; empty at first for an initial response) to response
 * (appended raw to out, which is a secret). MORE: the peer must answer; DONE: nothing more to say
 * than the response. On the server's side what out holds at DONE (SCRAM's proof) or FAILED (the
 * error of the OAuth mechanisms) is a last challenge, to which the client's answer means nothing.
 * The OAuth client answers such an error with what makes the server end the dialogue.
 */
enum sasl_step sasl_step(struct sasl *s, struct span challenge, struct buf *out);

/* True once the server has proven itself, or the mechanism has no such proof. */
bool sasl_is_complete(const struct sasl *s);
void sasl_free(struct sasl *s);

/* The server's side: looks up the password of a user; NULL: no such user. Borrowed. */
struct sasl_accounts {
	const char *(*password)(const struct sasl_accounts *self, const char *user);
};
struct sasl *sasl_server_new(const struct sasl_accounts *accounts, enum sasl_mechanism mechanism);

/* After DONE on the server's side: who it is; "" before. Valid until sasl_free(). */
const char *sasl_user(const struct sasl *s);

/* Frees this thread's library context; nothing of sasl.h may be under way on it. */
void sasl_thread_fini(void);

#endif
