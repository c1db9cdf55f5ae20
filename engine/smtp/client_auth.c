/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_auth.c - the client's side of the AUTH dialogue (RFC 4954)
 *
 * The mechanism speaks in raw octets (sasl.c), the dialogue in base64 lines. The lines stand in
 * memory of their own, which is wiped as soon as they are sent: no buffer that is passed around
 * ever holds a credential. An initial response goes into the AUTH command where the mechanism lets
 * the client begin and the command stays within 512 octets (s4: otherwise it MUST NOT); else it
 * answers the server's empty challenge.
 */
#include <stdlib.h>
#include "smtp/base64.h"
#include "smtp/client_internal.h"

#define COMMAND_MAX  512	     /* RFC 5321 s4.5.3.1.4, with CRLF */
#define RESPONSE_MAX ((size_t)65536) /* raw; tokens are a few KiB. RFC 4954 s4 speaks of 12288 */

struct smtp_auth {
	struct sasl *sasl;
	struct buf response; /* raw: an initial response that waits for the empty challenge */
	struct buf line;     /* what is put out, with CRLF */
	struct buf flying;   /* the line before, answered before it was reported as sent */
	int64_t sent_ns;     /* when AUTH was put out */
	bool is_begun;	     /* it was */
	bool is_held;	     /* response is the initial one */
	bool is_cancelled;   /* "*" was the answer to a challenge */
	bool is_over;	     /* freed as soon as the line is no longer in flight */
};

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_fini(b);
}

void smtp_auth_free(struct smtp_client *c)
{
	struct smtp_auth *a = c->auth;

	if (!a)
		return;
	if (a->sasl)
		sasl_free(a->sasl);
	wipe(&a->response);
	wipe(&a->line);
	wipe(&a->flying);
	free(a);
	c->auth = NULL;
}

/* The dialogue is over; a line that the transport still reads stays until it is sent. */
static void end(struct smtp_client *c)
{
	c->auth->is_over = true;
	if (!c->is_in_flight)
		smtp_auth_free(c);
}

static void fail(struct smtp_client *c, enum smtp_fault fault, const struct reply *reply)
{
	end(c);
	smtp_client_fail(c, fault, SMTP_AUTH, PHASE_AUTH, reply);
}

void smtp_auth_sent(struct smtp_client *c)
{
	struct smtp_auth *a = c->auth;

	wipe(&a->flying);
	if (a->is_over)
		smtp_auth_free(c);
	else if (a->is_begun && c->next != SMTP_NEXT_AUTH)
		wipe(&a->line);
}

struct span smtp_auth_line(struct smtp_client *c, int64_t now_ns, int64_t *ret_sent_ns)
{
	struct smtp_auth *a = c->auth;

	if (!a->is_begun) {
		a->is_begun = true;
		a->sent_ns = now_ns;
	}
	*ret_sent_ns = a->sent_ns;
	return buf_span(&a->line);
}

/* Builds the line in one allocation, so that no freed memory holds a part of it. */
static bool line_set(struct smtp_auth *a, struct span text, struct span raw)
{
	wipe(&a->line);
	return buf_reserve(&a->line, text.len + base64_size(raw.len) + 2) &&
	       buf_append(&a->line, text.data, text.len) && base64_encode(raw, &a->line) &&
	       buf_append(&a->line, "\r\n", 2);
}

/* "AUTH MECHANISM", with the initial response where there is one and it fits. */
static bool command_set(struct smtp_auth *a, enum sasl_mechanism mechanism, bool has_initial)
{
	const char *name = sasl_mechanism_name(mechanism);
	size_t len = sizeof("AUTH  \r\n") - 1 + strlen(name) + base64_size(a->response.len);
	bool is_initial = has_initial && len <= COMMAND_MAX;
	bool is_empty = is_initial && a->response.len == 0;
	struct buf text;
	bool is_set;

	buf_init(&text, COMMAND_MAX);
	is_set = buf_append_text(&text, "AUTH ") && buf_append_text(&text, name) &&
		 (!is_initial || buf_append_text(&text, is_empty ? " =" : " ")) &&
		 line_set(a, buf_span(&text),
			  is_initial ? buf_span(&a->response) : (struct span){.len = 0});
	buf_fini(&text);
	a->is_held = has_initial && !is_initial;
	if (!a->is_held)
		wipe(&a->response);
	return is_set;
}

void smtp_auth_begin(struct smtp_client *c, enum sasl_mechanism mechanism)
{
	struct smtp_auth *a = calloc(1, sizeof(*a));
	bool has_initial = sasl_is_client_first(mechanism);

	c->auth = a;
	if (!a) {
		smtp_client_fail(c, SMTP_FAULT_NO_MEMORY, SMTP_AUTH, PHASE_AUTH, NULL);
		return;
	}
	buf_init(&a->response, RESPONSE_MAX);
	buf_init(&a->line, base64_size(RESPONSE_MAX) + COMMAND_MAX);
	buf_init(&a->flying, a->line.limit);
	a->sasl = sasl_client_new(c->params->auth, mechanism);
	if (!a->sasl)
		fail(c, SMTP_FAULT_NO_MEMORY, NULL);
	else if (has_initial &&
		 sasl_step(a->sasl, (struct span){.len = 0}, &a->response) == SASL_STEP_FAILED)
		fail(c, SMTP_FAULT_NO_AUTH, NULL);
	else if (!command_set(a, mechanism, has_initial))
		fail(c, SMTP_FAULT_NO_MEMORY, NULL);
	else
		c->next = SMTP_NEXT_AUTH;
}

/* Turns the challenge into a response. False when it is none that the mechanism knows. */
static bool respond(struct smtp_auth *a, struct span text)
{
	struct buf challenge;
	bool is_fine;

	buf_init(&challenge, SMTP_REPLY_LINE_MAX);
	is_fine = base64_decode(text, &challenge) &&
		  sasl_step(a->sasl, buf_span(&challenge), &a->response) != SASL_STEP_FAILED;
	wipe(&challenge);
	return is_fine;
}

void smtp_auth_on_challenge(struct smtp_client *c, const struct reply *reply)
{
	struct smtp_auth *a = c->auth;
	bool is_set;

	if (a->is_cancelled) {
		/* s4: "*" is answered with 501, not with another challenge. */
		fail(c, SMTP_FAULT_BAD_CHALLENGE, reply);
		return;
	}
	/* What stands in the challenge that the initial response waited for means nothing. */
	a->is_cancelled = !a->is_held && !respond(a, reply->text);
	if (a->is_cancelled)
		wipe(&a->response);
	a->is_held = false;
	if (c->is_in_flight) {
		wipe(&a->flying);
		a->flying = a->line;
		buf_init(&a->line, a->flying.limit);
	}
	is_set = line_set(a, a->is_cancelled ? SPAN("*") : SPAN(""), buf_span(&a->response));
	wipe(&a->response);
	if (is_set)
		c->next = SMTP_NEXT_AUTH;
	else
		fail(c, SMTP_FAULT_NO_MEMORY, NULL);
}

bool smtp_auth_on_final(struct smtp_client *c, const struct reply *reply)
{
	const struct smtp_auth *a = c->auth;

	if (a->is_cancelled) {
		fail(c, SMTP_FAULT_BAD_CHALLENGE, reply);
		return false;
	}
	if (reply->code >= 400) {
		fail(c, SMTP_FAULT_REFUSED_AUTH, reply);
		return false;
	}
	if (!sasl_is_complete(a->sasl)) {
		fail(c, SMTP_FAULT_BAD_CHALLENGE, reply);
		return false;
	}
	end(c);
	return true;
}
