/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl.c - SASL for AUTH, both sides, over GNU SASL
 *
 * A thin layer: the library does the mechanisms, its context is a thread's own, and what it needs
 * to know is given as properties of the session or asked for by the callback. Properties are
 * copies that the library frees without wiping: the secret ones are overwritten here before.
 */
#include "smtp/sasl.h"
#include <stdlib.h>
#include "base/check.h"
#include "smtp/sasl_internal.h"

static __thread Gsasl *context;

static const struct {
	enum sasl_mechanism mechanism;
	const char *name;
	bool is_clear;	      /* the secret itself goes over the line */
	bool is_client_first; /* the client has something to say without being asked */
	bool is_oauth;
} mechanisms[] = {
	/* In order of preference. */
	{SASL_OAUTHBEARER, "OAUTHBEARER", true, true, true},
	{SASL_XOAUTH2, "XOAUTH2", true, true, true},
	{SASL_SCRAM_SHA_256, "SCRAM-SHA-256", false, true, false},
	{SASL_CRAM_MD5, "CRAM-MD5", false, false, false},
	{SASL_PLAIN, "PLAIN", true, true, false},
	{SASL_LOGIN, "LOGIN", true, false, false},
};
#define MECHANISM_COUNT (sizeof(mechanisms) / sizeof(mechanisms[0]))

const char *sasl_mechanism_name(enum sasl_mechanism mechanism)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (mechanisms[i].mechanism == mechanism)
			return mechanisms[i].name;
	return "other";
}

uint32_t sasl_mechanism_from_name(struct span name)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (span_equal_nocase(name, span_of(mechanisms[i].name)))
			return mechanisms[i].mechanism;
	return 0;
}

uint32_t sasl_choose(const struct sasl_params *p, uint32_t offered, bool is_sealed)
{
	bool may_be_clear = is_sealed || p->allow_clear;

	for (size_t i = 0; i < MECHANISM_COUNT; i++) {
		uint32_t bit = mechanisms[i].mechanism;
		bool is_allowed =
			p->mechanisms != 0 ? (p->mechanisms & bit) != 0 : !mechanisms[i].is_oauth;

		if ((offered & bit) && is_allowed && (may_be_clear || !mechanisms[i].is_clear))
			return bit;
	}
	return 0;
}

bool sasl_is_client_first(enum sasl_mechanism mechanism)
{
	for (size_t i = 0; i < MECHANISM_COUNT; i++)
		if (mechanisms[i].mechanism == mechanism)
			return mechanisms[i].is_client_first;
	return false;
}

bool sasl_secret_equal(struct span a, struct span b)
{
	unsigned char differ = a.len != b.len;

	for (size_t i = 0; i < a.len && i < b.len; i++)
		differ |= (unsigned char)a.data[i] ^ (unsigned char)b.data[i];
	return differ == 0;
}

static const char *account_password(const struct sasl *s, Gsasl_session *session)
{
	const char *user = gsasl_property_fast(session, GSASL_AUTHID);

	return user ? s->accounts->password(s->accounts, user) : NULL;
}

/* PLAIN and LOGIN: the client sent the password. Nobody may act for somebody else (RFC 4616 s2). */
static int validate(const struct sasl *s, Gsasl_session *session)
{
	const char *user = gsasl_property_fast(session, GSASL_AUTHID);
	const char *authzid = gsasl_property_fast(session, GSASL_AUTHZID);
	const char *given = gsasl_property_fast(session, GSASL_PASSWORD);
	const char *password = account_password(s, session);

	if (!given || !password || !sasl_secret_equal(span_of(given), span_of(password)))
		return GSASL_AUTHENTICATION_ERROR;
	if (authzid && authzid[0] != '\0' && strcmp(authzid, user) != 0)
		return GSASL_AUTHENTICATION_ERROR;
	return GSASL_OK;
}

static int on_server_property(const struct sasl *s, Gsasl_session *session, Gsasl_property property)
{
	const char *password;

	switch (property) {
	case GSASL_VALIDATE_SIMPLE:
		return validate(s, session);
	case GSASL_PASSWORD:
		password = account_password(s, session);
		if (!password)
			return GSASL_NO_PASSWORD;
		return gsasl_property_set(session, GSASL_PASSWORD, password);
	case GSASL_SCRAM_SALT:
	case GSASL_SCRAM_ITER:
		return sasl_scram_server_salt(session);
	case GSASL_SCRAM_SERVERKEY:
	case GSASL_SCRAM_STOREDKEY:
		password = account_password(s, session);
		return password ? sasl_scram_server_keys(session, password) : GSASL_NO_CALLBACK;
	default:
		return GSASL_NO_CALLBACK;
	}
}

static int on_property(Gsasl *library, Gsasl_session *session, Gsasl_property property)
{
	const struct sasl *s = session ? gsasl_session_hook_get(session) : NULL;

	(void)library;
	if (!s)
		return GSASL_NO_CALLBACK;
	if (s->is_server)
		return on_server_property(s, session, property);
	if (property == GSASL_SCRAM_SALTED_PASSWORD)
		return sasl_scram_client_recall(session, s->params->password);
	return GSASL_NO_CALLBACK;
}

/* This thread's library context, made at first use. */
static Gsasl *library(void)
{
	if (!context && gsasl_init(&context) == GSASL_OK)
		gsasl_callback_set(context, on_property);
	return context;
}

void sasl_thread_fini(void)
{
	sasl_scram_forget();
	if (context)
		gsasl_done(context);
	context = NULL;
}

static struct sasl *sasl_new(enum sasl_mechanism mechanism, bool is_server)
{
	struct sasl *s = calloc(1, sizeof(*s));
	const char *name = sasl_mechanism_name(mechanism);
	int result;

	if (!s)
		return NULL;
	s->mechanism = mechanism;
	s->is_server = is_server;
	if (sasl_is_oauth(mechanism))
		return s;
	if (!library()) {
		free(s);
		return NULL;
	}
	result = is_server ? gsasl_server_start(context, name, &s->session)
			   : gsasl_client_start(context, name, &s->session);
	if (result != GSASL_OK) {
		free(s);
		return NULL;
	}
	gsasl_session_hook_set(s->session, s);
	return s;
}

static bool property_set(struct sasl *s, Gsasl_property property, const char *value)
{
	return !value || gsasl_property_set(s->session, property, value) == GSASL_OK;
}

struct sasl *sasl_client_new(const struct sasl_params *p, enum sasl_mechanism mechanism)
{
	struct sasl *s = sasl_new(mechanism, false);

	if (!s)
		return NULL;
	s->params = p;
	if (s->session &&
	    !(property_set(s, GSASL_AUTHID, p->user) &&
	      property_set(s, GSASL_PASSWORD, p->password) &&
	      property_set(s, GSASL_AUTHZID, p->authzid) &&
	      property_set(s, GSASL_SERVICE, "smtp") && property_set(s, GSASL_HOSTNAME, p->host))) {
		sasl_free(s);
		return NULL;
	}
	return s;
}

struct sasl *sasl_server_new(const struct sasl_accounts *accounts, enum sasl_mechanism mechanism)
{
	struct sasl *s = sasl_new(mechanism, true);

	if (s)
		s->accounts = accounts;
	return s;
}

enum sasl_step sasl_step(struct sasl *s, struct span challenge, struct buf *out)
{
	char *response = NULL;
	size_t len = 0;
	bool is_fine;
	int result;

	if (!s->session)
		return sasl_oauth_step(s, challenge, out);
	/* The library would begin some mechanisms anew. */
	if (s->is_complete)
		return SASL_STEP_FAILED;
	result = gsasl_step(s->session, challenge.data ? challenge.data : "", challenge.len,
			    &response, &len);
	s->is_complete = result == GSASL_OK;
	if (result != GSASL_OK && result != GSASL_NEEDS_MORE)
		return SASL_STEP_FAILED;
	is_fine = len == 0 || (buf_reserve(out, len) && buf_append(out, response, len));
	if (response)
		explicit_bzero(response, len);
	gsasl_free(response);
	if (s->is_complete && !s->is_server && s->mechanism == SASL_SCRAM_SHA_256)
		sasl_scram_client_remember(s->session, s->params->password);
	if (!is_fine)
		return SASL_STEP_FAILED;
	return s->is_complete ? SASL_STEP_DONE : SASL_STEP_MORE;
}

bool sasl_is_complete(const struct sasl *s)
{
	return s->is_complete;
}

/* Overwrites the library's copy of a secret: it is the session's own memory, freed next. */
static void property_wipe(Gsasl_session *session, Gsasl_property property)
{
	const char *value = gsasl_property_fast(session, property);

	if (value)
		explicit_bzero((void *)(uintptr_t)value, strlen(value));
}

void sasl_free(struct sasl *s)
{
	static const Gsasl_property secret[] = {GSASL_PASSWORD, GSASL_SCRAM_SALTED_PASSWORD,
						GSASL_SCRAM_SERVERKEY, GSASL_SCRAM_STOREDKEY};

	if (!s)
		return;
	if (s->session) {
		for (size_t i = 0; i < sizeof(secret) / sizeof(secret[0]); i++)
			property_wipe(s->session, secret[i]);
		gsasl_finish(s->session);
	}
	free(s->user);
	free(s);
}

const char *sasl_user(const struct sasl *s)
{
	const char *user;

	if (!s->is_complete)
		return "";
	user = s->session ? gsasl_property_fast(s->session, GSASL_AUTHID) : s->user;
	return user ? user : "";
}
