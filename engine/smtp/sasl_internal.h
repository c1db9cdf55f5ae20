/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl_internal.h - what the parts of SASL share: sasl*.c alone include it
 */
#ifndef VOLLEY_SMTP_SASL_INTERNAL_H
#define VOLLEY_SMTP_SASL_INTERNAL_H
#include <gsasl.h>
#include "smtp/sasl.h"

struct sasl {
	enum sasl_mechanism mechanism;
	bool is_server, is_complete, is_begun;
	bool has_said_error;	/* OAuth server: the error went out */
	Gsasl_session *session; /* NULL for the OAuth mechanisms, which the library lacks */
	const struct sasl_params *params;     /* client */
	const struct sasl_accounts *accounts; /* server */
	char *user;			      /* OAuth server: who it is */
};

static inline bool sasl_is_oauth(enum sasl_mechanism mechanism)
{
	return mechanism == SASL_XOAUTH2 || mechanism == SASL_OAUTHBEARER;
}

/* Compares in a time that does not tell where two secrets differ. */
bool sasl_secret_equal(struct span a, struct span b);

/* sasl_oauth.c: one round of XOAUTH2 or OAUTHBEARER, either side. */
enum sasl_step sasl_oauth_step(struct sasl *s, struct span challenge, struct buf *out);

/*
 * sasl_scram.c: the keys that SCRAM derives from a password, remembered by each thread, since they
 * cost 4096 rounds of HMAC a time. Called from the library's callback: GSASL_OK when the property
 * was set, GSASL_NO_CALLBACK when it is not known.
 */
int sasl_scram_client_recall(Gsasl_session *session, const char *password);
void sasl_scram_client_remember(Gsasl_session *session, const char *password);
int sasl_scram_server_keys(Gsasl_session *session, const char *password);

/* The salt and the number of rounds that this process's servers announce. */
int sasl_scram_server_salt(Gsasl_session *session);
void sasl_scram_forget(void);

#endif
