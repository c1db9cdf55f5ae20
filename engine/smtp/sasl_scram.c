/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl_scram.c - the keys that SCRAM derives from a password, remembered
 *
 * A login with SCRAM costs each side 4096 or more rounds of HMAC, milliseconds of CPU, and yields
 * the same keys whenever password, salt and rounds are the same (RFC 5802 s5.1 suggests to keep
 * them). A load test logs in to one account thousands of times: the last keys are kept, a slot
 * for each side in each thread. They are as good as the password, and wiped like one.
 *
 * Servers of this process announce one random salt, as a server with a store of accounts would
 * announce the same one each time; the client's memory would be of no use otherwise.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "smtp/base64.h"
#include "smtp/sasl_internal.h"

#define ROUNDS	    4096 /* RFC 7677 s4: at least that for SHA-256 */
#define ROUNDS_TEXT "4096"
#define SALT_SIZE   12
#define KEY_SIZE    GSASL_HASH_SHA256_SIZE

struct client_slot {
	char *password, *salt, *rounds, *salted;
};

struct server_slot {
	char *password;
	char server_key[(KEY_SIZE + 2) / 3 * 4 + 1], stored_key[(KEY_SIZE + 2) / 3 * 4 + 1];
};

static __thread struct client_slot client;
static __thread struct server_slot server;

static struct {
	char raw[SALT_SIZE];
	char text[SALT_SIZE / 3 * 4 + 1];
	bool is_set;
} salt;
static pthread_once_t salt_once = PTHREAD_ONCE_INIT;

static void text_forget(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static void client_forget(void)
{
	text_forget(&client.password);
	text_forget(&client.salt);
	text_forget(&client.rounds);
	text_forget(&client.salted);
}

static void server_forget(void)
{
	text_forget(&server.password);
	explicit_bzero(&server, sizeof(server));
}

void sasl_scram_forget(void)
{
	client_forget();
	server_forget();
}

static bool is_same(const char *a, const char *b)
{
	return a && b && sasl_secret_equal(span_of(a), span_of(b));
}

int sasl_scram_client_recall(Gsasl_session *session, const char *password)
{
	if (!is_same(client.password, password) ||
	    !is_same(client.salt, gsasl_property_fast(session, GSASL_SCRAM_SALT)) ||
	    !is_same(client.rounds, gsasl_property_fast(session, GSASL_SCRAM_ITER)))
		return GSASL_NO_CALLBACK;
	return gsasl_property_set(session, GSASL_SCRAM_SALTED_PASSWORD, client.salted);
}

void sasl_scram_client_remember(Gsasl_session *session, const char *password)
{
	const char *salted = gsasl_property_fast(session, GSASL_SCRAM_SALTED_PASSWORD);
	const char *its_salt = gsasl_property_fast(session, GSASL_SCRAM_SALT);
	const char *rounds = gsasl_property_fast(session, GSASL_SCRAM_ITER);

	if (!salted || !its_salt || !rounds || is_same(client.salted, salted))
		return;
	client_forget();
	client.password = strdup(password);
	client.salt = strdup(its_salt);
	client.rounds = strdup(rounds);
	client.salted = strdup(salted);
	if (!client.password || !client.salt || !client.rounds || !client.salted)
		client_forget();
}

static bool base64_text(const char *raw, size_t len, char *out, size_t out_size)
{
	struct buf text;
	bool is_fine;

	buf_init(&text, out_size);
	is_fine = base64_encode((struct span){raw, len}, &text) && text.len < out_size;
	if (is_fine) {
		memcpy(out, text.data, text.len);
		out[text.len] = '\0';
	}
	if (text.data)
		explicit_bzero(text.data, text.cap);
	buf_fini(&text);
	return is_fine;
}

static void salt_make(void)
{
	salt.is_set = gsasl_nonce(salt.raw, sizeof(salt.raw)) == GSASL_OK &&
		      base64_text(salt.raw, sizeof(salt.raw), salt.text, sizeof(salt.text));
}

int sasl_scram_server_salt(Gsasl_session *session)
{
	pthread_once(&salt_once, salt_make);
	if (!salt.is_set)
		return GSASL_NO_CALLBACK;
	if (gsasl_property_set(session, GSASL_SCRAM_ITER, ROUNDS_TEXT) != GSASL_OK)
		return GSASL_MALLOC_ERROR;
	return gsasl_property_set(session, GSASL_SCRAM_SALT, salt.text);
}

/* Derives the keys of the password into the slot. */
static bool server_derive(const char *password)
{
	char salted[KEY_SIZE], client_key[KEY_SIZE], server_key[KEY_SIZE], stored_key[KEY_SIZE];
	bool is_fine;

	server_forget();
	is_fine = gsasl_scram_secrets_from_password(GSASL_HASH_SHA256, password, ROUNDS, salt.raw,
						    sizeof(salt.raw), salted, client_key,
						    server_key, stored_key) == GSASL_OK &&
		  base64_text(server_key, KEY_SIZE, server.server_key, sizeof(server.server_key)) &&
		  base64_text(stored_key, KEY_SIZE, server.stored_key, sizeof(server.stored_key));
	if (is_fine)
		server.password = strdup(password);
	explicit_bzero(salted, sizeof(salted));
	explicit_bzero(client_key, sizeof(client_key));
	explicit_bzero(server_key, sizeof(server_key));
	explicit_bzero(stored_key, sizeof(stored_key));
	return is_fine && server.password;
}

int sasl_scram_server_keys(Gsasl_session *session, const char *password)
{
	int result;

	pthread_once(&salt_once, salt_make);
	if (!salt.is_set || (!is_same(server.password, password) && !server_derive(password)))
		return GSASL_NO_CALLBACK;
	result = gsasl_property_set(session, GSASL_SCRAM_SERVERKEY, server.server_key);
	if (result == GSASL_OK)
		result = gsasl_property_set(session, GSASL_SCRAM_STOREDKEY, server.stored_key);
	return result;
}
