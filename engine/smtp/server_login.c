/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server_login.c - the server's side of the AUTH dialogue
 *
 * RFC 4954. Challenges and responses are base64 here and raw in sasl.c. A mechanism that ends
 * with something to say to the client (SCRAM's proof, OAuth's error) says it in a challenge, since
 * a reply has no room for it; whatever the client answers to that ends the dialogue. The line of
 * the client holds secrets, so that events carry none of it.
 */
#include <string.h>
#include "smtp/base64.h"
#include "smtp/server_internal.h"

static enum smtp_server_step owe_final(struct smtp_server *s, enum smtp_request_fault fault,
				       struct smtp_server_event *ret_event)
{
	ret_event->is_challenge = false;
	ret_event->request.fault = fault;
	s->is_challenge = false;
	smtp_server_owe(s, SMTP_VERB_AUTH, fault);
	return SMTP_SERVER_EVENT;
}

/* Puts the challenge into the line buffer, from which smtp_server_answer() takes it. */
static enum smtp_server_step owe_challenge(struct smtp_server *s, struct span challenge,
					   struct smtp_server_event *ret_event)
{
	smtp_server_forget_line(s);
	s->is_line_used = true;
	if (!buf_append(&s->line, "334 ", 4) || !base64_encode(challenge, &s->line) ||
	    !buf_append(&s->line, "\r\n", 2))
		return owe_final(s, SMTP_REQUEST_NO_MEMORY, ret_event);
	ret_event->is_challenge = true;
	s->is_challenge = true;
	smtp_server_owe(s, SMTP_VERB_AUTH, SMTP_REQUEST_FINE);
	return SMTP_SERVER_EVENT;
}

static void wipe(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_fini(b);
}

void smtp_server_forget_line(struct smtp_server *s)
{
	wipe(&s->line);
	s->is_line_used = false;
}

/* Hands the mechanism what the client said. */
static enum smtp_server_step step(struct smtp_server *s, struct span response,
				  struct smtp_server_event *ret_event)
{
	struct buf out;
	enum sasl_step result;
	enum smtp_server_step done;

	buf_init(&out, SMTP_SERVER_AUTH_LINE_MAX / 2);
	result = sasl_step(s->sasl, response, &out);
	s->is_login_over = result != SASL_STEP_MORE;
	s->is_login_good = result == SASL_STEP_DONE;
	if (result == SASL_STEP_MORE || out.len > 0)
		done = owe_challenge(s, buf_span(&out), ret_event);
	else
		done = owe_final(s, s->is_login_good ? SMTP_REQUEST_FINE : SMTP_REQUEST_AUTH_FAILED,
				 ret_event);
	wipe(&out);
	return done;
}

/* Decodes a response and goes on with it. "=" stands for an empty one (RFC 4954 s4). */
static enum smtp_server_step respond(struct smtp_server *s, struct span text,
				     struct smtp_server_event *ret_event)
{
	struct buf raw;
	enum smtp_server_step done;

	if (text.len == 0 || span_equal(text, SPAN("=")))
		return step(s, SPAN(""), ret_event);
	buf_init(&raw, SMTP_SERVER_AUTH_LINE_MAX);
	if (base64_decode(text, &raw))
		done = step(s, buf_span(&raw), ret_event);
	else
		done = owe_final(s, SMTP_REQUEST_BASE64, ret_event);
	wipe(&raw);
	return done;
}

enum smtp_server_step smtp_server_login_begin(struct smtp_server *s,
					      struct smtp_server_event *ret_event)
{
	const struct smtp_server_params *p = &s->texts->params;
	struct smtp_request *r = &ret_event->request;
	uint32_t mechanism = sasl_mechanism_from_name(r->mechanism);
	struct span initial = r->initial;

	*r = (struct smtp_request){.verb = SMTP_VERB_AUTH};
	s->is_login_over = false;
	if (!(mechanism & p->auth_mechanisms))
		return owe_final(s, SMTP_REQUEST_MECHANISM, ret_event);
	r->mechanism = span_of(sasl_mechanism_name((enum sasl_mechanism)mechanism));
	if (!s->is_sealed && !p->allow_clear_auth &&
	    !(mechanism & (SASL_CRAM_MD5 | SASL_SCRAM_SHA_256)))
		return owe_final(s, SMTP_REQUEST_CLEAR_AUTH, ret_event);
	/* RFC 4954 s4: a mechanism in which the server speaks first takes no initial response. */
	if (initial.len > 0 && mechanism == SASL_CRAM_MD5)
		return owe_final(s, SMTP_REQUEST_ARGUMENT, ret_event);
	s->sasl = sasl_server_new(p->accounts, (enum sasl_mechanism)mechanism);
	if (!s->sasl)
		return owe_final(s, SMTP_REQUEST_NO_MEMORY, ret_event);
	s->state = SMTP_SERVER_LOGIN;
	/* LOGIN, too, begins with a question; clients answer it in advance with the user's name. */
	if (initial.len > 0 && mechanism == SASL_LOGIN) {
		struct buf question;

		buf_init(&question, SMTP_SERVER_AUTH_LINE_MAX);
		(void)sasl_step(s->sasl, SPAN(""), &question);
		buf_fini(&question);
	}
	return respond(s, initial, ret_event);
}

enum smtp_server_step smtp_server_login_line(struct smtp_server *s, struct span line,
					     struct smtp_server_event *ret_event)
{
	*ret_event = (struct smtp_server_event){
		.kind = SMTP_SERVER_COMMAND,
		.request = {.verb = SMTP_VERB_AUTH},
		.rcpt_idx = -1,
	};
	if (s->is_login_over)
		return owe_final(s, s->is_login_good ? SMTP_REQUEST_FINE : SMTP_REQUEST_AUTH_FAILED,
				 ret_event);
	if (span_equal(line, SPAN("*")))
		return owe_final(s, SMTP_REQUEST_AUTH_CANCELLED, ret_event);
	return respond(s, line, ret_event);
}

void smtp_server_login_end(struct smtp_server *s, bool is_good)
{
	if (is_good && !s->user)
		s->user = strdup(s->sasl ? sasl_user(s->sasl) : "");
	if (s->sasl)
		sasl_free(s->sasl);
	s->sasl = NULL;
	if (s->state == SMTP_SERVER_LOGIN)
		s->state = SMTP_SERVER_READY;
}
