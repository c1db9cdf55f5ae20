/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * sasl_oauth.c - XOAUTH2 and OAUTHBEARER, which libgsasl does not have
 *
 * Both are one message of key=value pairs that end in ^A. OAUTHBEARER (RFC 7628 s3.1) puts a GS2
 * header before them, with the user's name in it; XOAUTH2, its predecessor, has the user as a
 * pair. A server that refuses says why in one more challenge, and the client must answer before it
 * gets its final reply: with ^A (RFC 7628 s3.2.3), or with nothing in XOAUTH2.
 */
#include <stdlib.h>
#include "smtp/sasl_internal.h"

#define PAIR_END "\001"

/* saslname of RFC 5801 s4: ',' and '=' are written as =2C and =3D. */
static bool append_name(struct buf *out, struct span name)
{
	bool is_fine = true;

	for (size_t i = 0; i < name.len && is_fine; i++) {
		if (name.data[i] == ',')
			is_fine = buf_append_text(out, "=2C");
		else if (name.data[i] == '=')
			is_fine = buf_append_text(out, "=3D");
		else
			is_fine = buf_append(out, &name.data[i], 1);
	}
	return is_fine;
}

/* The octets of the client's message, or more: room is taken at once, so that nothing moves. */
static size_t message_size(const struct sasl_params *p)
{
	return sizeof("n,a=,.host=.port=65535.auth=Bearer ..") + 3 * strlen(p->user) +
	       (p->authzid ? 3 * strlen(p->authzid) : 0) + strlen(p->password) +
	       (p->host ? strlen(p->host) : 0);
}

static bool append_token(struct buf *out, const struct sasl_params *p)
{
	return buf_append_text(out, "auth=Bearer ") && buf_append_text(out, p->password) &&
	       buf_append_text(out, PAIR_END PAIR_END);
}

static bool append_bearer(struct buf *out, const struct sasl_params *p)
{
	bool is_fine = buf_append_text(out, "n,a=") &&
		       append_name(out, span_of(p->authzid ? p->authzid : p->user)) &&
		       buf_append_text(out, "," PAIR_END);

	if (is_fine && p->host)
		is_fine = buf_append_text(out, "host=") && buf_append_text(out, p->host) &&
			  buf_append_text(out, PAIR_END);
	if (is_fine && p->port != 0)
		is_fine = buf_printf(out, "port=%u" PAIR_END, p->port);
	return is_fine && append_token(out, p);
}

static bool append_xoauth2(struct buf *out, const struct sasl_params *p)
{
	return buf_append_text(out, "user=") && buf_append_text(out, p->user) &&
	       buf_append_text(out, PAIR_END) && append_token(out, p);
}

static enum sasl_step client_step(struct sasl *s, struct buf *out)
{
	const struct sasl_params *p = s->params;
	bool is_fine;

	if (!s->is_begun) {
		s->is_begun = true;
		is_fine = buf_reserve(out, message_size(p)) &&
			  (s->mechanism == SASL_OAUTHBEARER ? append_bearer(out, p)
							    : append_xoauth2(out, p));
		s->is_complete = is_fine;
		return is_fine ? SASL_STEP_DONE : SASL_STEP_FAILED;
	}
	/* A challenge now is the server's error, whatever it says; it is answered once. */
	if (!s->is_complete)
		return SASL_STEP_FAILED;
	s->is_complete = false;
	if (s->mechanism == SASL_OAUTHBEARER && !buf_append_text(out, PAIR_END))
		return SASL_STEP_FAILED;
	return SASL_STEP_MORE;
}

/* Takes what stands before the next ^A; false when there is none. */
static bool pair_take(struct span *message, struct span *ret_pair)
{
	const char *end = message->len > 0 ? memchr(message->data, 1, message->len) : NULL;

	if (!end)
		return false;
	*ret_pair = (struct span){message->data, (size_t)(end - message->data)};
	*message = span_skip(*message, ret_pair->len + 1);
	return true;
}

/* When text begins with prefix, case ignored, takes that off. */
static bool prefix_take(struct span *text, struct span prefix)
{
	if (text->len < prefix.len ||
	    !span_equal_nocase((struct span){text->data, prefix.len}, prefix))
		return false;
	*text = span_skip(*text, prefix.len);
	return true;
}

/* Copies a saslname, NUL-terminated; NULL when it holds a NUL or memory is exhausted. */
static char *name_copy(struct span name)
{
	char *copy = malloc(name.len + 1);
	size_t len = 0;

	if (!copy || memchr(name.data, 0, name.len)) {
		free(copy);
		return NULL;
	}
	while (name.len > 0) {
		if (prefix_take(&name, SPAN("=2C"))) {
			copy[len++] = ',';
		} else if (prefix_take(&name, SPAN("=3D"))) {
			copy[len++] = '=';
		} else {
			copy[len++] = name.data[0];
			name = span_skip(name, 1);
		}
	}
	copy[len] = '\0';
	return copy;
}

/* Finds user and token in the client's message. False when it is malformed. */
static bool message_read(enum sasl_mechanism mechanism, struct span message, struct span *ret_user,
			 struct span *ret_token)
{
	struct span pair, user = {.len = 0}, token = {.len = 0};

	if (mechanism == SASL_OAUTHBEARER) {
		if (!pair_take(&message, &pair) || !prefix_take(&pair, SPAN("n,a=")) ||
		    pair.len < 2 || pair.data[pair.len - 1] != ',')
			return false;
		user = (struct span){pair.data, pair.len - 1};
	}
	while (pair_take(&message, &pair) && pair.len > 0) {
		if (prefix_take(&pair, SPAN("auth=Bearer ")))
			token = pair;
		else if (mechanism == SASL_XOAUTH2 && prefix_take(&pair, SPAN("user=")))
			user = pair;
	}
	*ret_user = user;
	*ret_token = token;
	return user.len > 0 && token.len > 0;
}

static bool is_let_in(struct sasl *s, struct span message)
{
	struct span user, token;
	const char *password;

	if (!message_read(s->mechanism, message, &user, &token))
		return false;
	s->user = name_copy(user);
	if (!s->user)
		return false;
	password = s->accounts->password(s->accounts, s->user);
	return password && sasl_secret_equal(span_of(password), token);
}

static enum sasl_step server_step(struct sasl *s, struct span response, struct buf *out)
{
	if (s->has_said_error)
		return SASL_STEP_FAILED;
	if (!s->is_begun && response.len == 0) {
		s->is_begun = true;
		return SASL_STEP_MORE;
	}
	s->is_begun = true;
	s->is_complete = is_let_in(s, response);
	if (s->is_complete)
		return SASL_STEP_DONE;
	free(s->user);
	s->user = NULL;
	s->has_said_error = true;
	(void)buf_append_text(out, s->mechanism == SASL_OAUTHBEARER
					   ? "{\"status\":\"invalid_token\"}"
					   : "{\"status\":\"401\",\"schemes\":\"bearer\"}");
	return SASL_STEP_FAILED;
}

enum sasl_step sasl_oauth_step(struct sasl *s, struct span challenge, struct buf *out)
{
	return s->is_server ? server_step(s, challenge, out) : client_step(s, out);
}
