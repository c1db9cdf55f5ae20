/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * server_reply.c - an SMTP or LMTP server as a pure state machine: replies and what follows
 *
 * Every default reply is a constant line, in two forms: with an enhanced status code (RFC 2034)
 * and without, for servers that do not announce ENHANCEDSTATUSCODES. The greeting and the replies
 * to EHLO are written once, into the texts that all sessions share. Nothing is formatted per
 * reply.
 */
#include <stdio.h>
#include "base/check.h"
#include "smtp/server_internal.h"

struct canned {
	struct span enhanced, plain;
	int code;
};

#define CANNED(number, status, text)                                                               \
	{                                                                                          \
		.enhanced = {number " " status " " text "\r\n",                                    \
			     sizeof(number " " status " " text "\r\n") - 1},                       \
		.plain = {number " " text "\r\n", sizeof(number " " text "\r\n") - 1},             \
		.code = (number[0] - '0') * 100 + (number[1] - '0') * 10 + (number[2] - '0'),      \
	}

/* RFC 2034 s4: no enhanced code in replies to EHLO, in the greeting and in 3xx. */
#define CANNED_PLAIN(number, text)                                                                 \
	{                                                                                          \
		.enhanced = {number " " text "\r\n", sizeof(number " " text "\r\n") - 1},          \
		.plain = {number " " text "\r\n", sizeof(number " " text "\r\n") - 1},             \
		.code = (number[0] - '0') * 100 + (number[1] - '0') * 10 + (number[2] - '0'),      \
	}

/* CONNECT, HELO, EHLO and LHLO have their own texts. */
static const struct canned good[SMTP_VERB_COUNT] = {
	[SMTP_VERB_CONNECT] = {.code = 220},
	[SMTP_VERB_HELO] = {.code = 250},
	[SMTP_VERB_EHLO] = {.code = 250},
	[SMTP_VERB_LHLO] = {.code = 250},
	[SMTP_VERB_STARTTLS] = CANNED("220", "2.0.0", "Ready to start TLS"),
	[SMTP_VERB_AUTH] = CANNED("235", "2.7.0", "Authentication successful"),
	[SMTP_VERB_MAIL] = CANNED("250", "2.1.0", "Ok"),
	[SMTP_VERB_RCPT] = CANNED("250", "2.1.5", "Ok"),
	[SMTP_VERB_DATA] = CANNED_PLAIN("354", "End data with <CR><LF>.<CR><LF>"),
	[SMTP_VERB_BDAT] = CANNED("250", "2.0.0", "Ok"),
	[SMTP_VERB_DOT] = CANNED("250", "2.0.0", "Ok"),
	[SMTP_VERB_RSET] = CANNED("250", "2.0.0", "Ok"),
	[SMTP_VERB_NOOP] = CANNED("250", "2.0.0", "Ok"),
	[SMTP_VERB_VRFY] = CANNED("252", "2.5.0", "Cannot verify, will take mail and try"),
	[SMTP_VERB_EXPN] = CANNED("502", "5.5.1", "Command not implemented"),
	[SMTP_VERB_HELP] = CANNED("214", "2.0.0", "See RFC 5321"),
	[SMTP_VERB_QUIT] = CANNED("221", "2.0.0", "Bye"),
	[SMTP_VERB_UNKNOWN] = CANNED("500", "5.5.2", "Command not recognized"),
};

static const struct canned bad[SMTP_REQUEST_FAULT_COUNT] = {
	[SMTP_REQUEST_FINE] = CANNED("250", "2.0.0", "Ok"),
	[SMTP_REQUEST_TOO_LONG] = CANNED("500", "5.5.2", "Line too long"),
	[SMTP_REQUEST_BARE_LF] = CANNED("500", "5.5.2", "Line does not end in CRLF"),
	[SMTP_REQUEST_UNKNOWN] = CANNED("500", "5.5.2", "Command not recognized"),
	[SMTP_REQUEST_NOT_SMTP] = CANNED("421", "4.7.0", "This is an SMTP port; closing"),
	[SMTP_REQUEST_TLS_ON_PLAIN] =
		CANNED("421", "4.7.0", "No TLS before STARTTLS on this port; closing"),
	[SMTP_REQUEST_NOT_IMPLEMENTED] = CANNED("502", "5.5.1", "Command not implemented"),
	[SMTP_REQUEST_ARGUMENT] = CANNED("501", "5.5.4", "Syntax error in argument"),
	[SMTP_REQUEST_BAD_FROM] = CANNED("501", "5.1.7", "Bad sender address syntax"),
	[SMTP_REQUEST_BAD_TO] = CANNED("501", "5.1.3", "Bad recipient address syntax"),
	[SMTP_REQUEST_NEEDS_UTF8] = CANNED("553", "5.6.7", "Address needs SMTPUTF8"),
	[SMTP_REQUEST_PARAMETER] = CANNED("501", "5.5.4", "Bad parameter value"),
	[SMTP_REQUEST_NO_PARAMETER] = CANNED("555", "5.5.4", "Parameter not recognized"),
	[SMTP_REQUEST_TOO_BIG] = CANNED("552", "5.3.4", "Message size exceeds limit"),
	[SMTP_REQUEST_NO_HELLO] = CANNED("503", "5.5.1", "Say hello first"),
	[SMTP_REQUEST_NO_MAIL] = CANNED("503", "5.5.1", "MAIL first"),
	[SMTP_REQUEST_NO_RCPT] = CANNED("503", "5.5.1", "RCPT first"),
	[SMTP_REQUEST_NO_VALID_RCPT] = CANNED("554", "5.5.1", "No valid recipients"),
	[SMTP_REQUEST_NESTED] = CANNED("503", "5.5.1", "Not within a transaction"),
	[SMTP_REQUEST_TWICE] = CANNED("503", "5.5.1", "Already done"),
	[SMTP_REQUEST_MIXED] = CANNED("503", "5.5.1", "Not together with BDAT"),
	[SMTP_REQUEST_NEEDS_TLS] = CANNED("530", "5.7.0", "Must issue STARTTLS first"),
	[SMTP_REQUEST_NEEDS_AUTH] = CANNED("530", "5.7.0", "Authentication required"),
	[SMTP_REQUEST_MECHANISM] = CANNED("504", "5.5.4", "Unrecognized authentication type"),
	[SMTP_REQUEST_CLEAR_AUTH] =
		CANNED("538", "5.7.11", "Encryption required for this mechanism"),
	[SMTP_REQUEST_AUTH_FAILED] = CANNED("535", "5.7.8", "Authentication credentials invalid"),
	[SMTP_REQUEST_AUTH_CANCELLED] = CANNED("501", "5.7.0", "Authentication cancelled"),
	[SMTP_REQUEST_BASE64] = CANNED("501", "5.5.2", "Not base64"),
	[SMTP_REQUEST_TOO_MANY_RCPT] = CANNED("452", "4.5.3", "Too many recipients"),
	[SMTP_REQUEST_TOO_MANY_MAIL] =
		CANNED("421", "4.7.0", "Too many messages on this connection"),
	[SMTP_REQUEST_INJECTION] =
		CANNED("554", "5.5.1", "Commands in clear behind STARTTLS; closing"),
	[SMTP_REQUEST_BARE_LINE_END] = CANNED("554", "5.6.0", "Message holds bare CR or LF"),
	[SMTP_REQUEST_NO_MEMORY] = CANNED("451", "4.3.0", "Out of memory"),
};

struct span smtp_request_fault_line(enum smtp_request_fault fault, bool has_enhanced, int *ret_code)
{
	*ret_code = bad[fault].code;
	return has_enhanced ? bad[fault].enhanced : bad[fault].plain;
}

/* A domain, or an address literal in brackets: what may stand in a greeting. */
static bool is_host_name(const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len == 0 || len > SMTP_SERVER_NAME_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c != '\0' && strchr("-._[]:", c))))
			return false;
	}
	return true;
}

/* Mechanisms that hand over the secret itself are not told in clear, unless allowed. */
static struct smtp_capabilities capabilities(const struct smtp_server_params *p, bool is_sealed)
{
	struct smtp_capabilities c = {
		.extensions = p->extensions,
		.auth_mechanisms = p->accounts ? p->auth_mechanisms : 0,
		.size_max = p->size_max,
		.limit_mail_max = p->mail_max,
		.limit_rcpt_max = p->rcpt_max,
	};

	if (is_sealed)
		c.extensions &= ~(uint32_t)SMTP_EXT_STARTTLS;
	else if (p->is_tls_required)
		c.auth_mechanisms = 0;
	else if (!p->allow_clear_auth)
		c.auth_mechanisms &= SASL_CRAM_MD5 | SASL_SCRAM_SHA_256;
	if (c.auth_mechanisms == 0)
		c.extensions &= ~(uint32_t)SMTP_EXT_AUTH;
	if (p->mail_max == 0 && p->rcpt_max == 0)
		c.extensions &= ~(uint32_t)SMTP_EXT_LIMITS;
	return c;
}

int smtp_server_texts_init(struct smtp_server_texts *t, const struct smtp_server_params *p,
			   struct err *e)
{
	if (!is_host_name(p->name))
		return err_set(e, EXIT_USAGE, 0,
			       "the server's name \"%s\" is no host name: use letters, digits, "
			       "dots and hyphens",
			       p->name ? p->name : "");
	*t = (struct smtp_server_texts){.params = *p};
	if (t->params.line_max == 0)
		t->params.line_max = SMTP_SERVER_LINE_MAX;
	t->greeting_len =
		(uint16_t)snprintf(t->greeting, sizeof(t->greeting), "220 %s %s volley\r\n",
				   p->name, p->is_lmtp ? "LMTP" : "ESMTP");
	t->helo_len = (uint16_t)snprintf(t->helo, sizeof(t->helo), "250 %s\r\n", p->name);
	for (int sealed = 0; sealed < 2; sealed++) {
		struct smtp_capabilities c = capabilities(p, sealed);
		size_t len = smtp_capabilities_write(&c, span_of(p->name), t->ehlo[sealed],
						     sizeof(t->ehlo[sealed]));

		if (len == 0)
			return err_set(e, EXIT_FAILED, 0,
				       "the reply to EHLO is too long: announce fewer extensions");
		t->ehlo_len[sealed] = (uint16_t)len;
	}
	return 0;
}

static struct span answer_of(const struct smtp_server *s, int *ret_code)
{
	const struct smtp_server_texts *t = s->texts;
	const struct canned *c;

	if (s->owed_fault != SMTP_REQUEST_FINE) {
		c = &bad[s->owed_fault];
	} else {
		c = &good[s->owed_verb];
		if (s->owed_verb == SMTP_VERB_AUTH && s->is_challenge) {
			*ret_code = 334;
			return buf_span(&s->line);
		}
		*ret_code = c->code;
		if (s->owed_verb == SMTP_VERB_CONNECT)
			return (struct span){t->greeting, t->greeting_len};
		if (s->owed_verb == SMTP_VERB_HELO)
			return (struct span){t->helo, t->helo_len};
		if (s->owed_verb == SMTP_VERB_EHLO || s->owed_verb == SMTP_VERB_LHLO)
			return (struct span){t->ehlo[s->is_sealed], t->ehlo_len[s->is_sealed]};
	}
	*ret_code = c->code;
	return t->params.extensions & SMTP_EXT_ENHANCEDSTATUSCODES ? c->enhanced : c->plain;
}

int smtp_server_answer_code(const struct smtp_server *s)
{
	int code;

	CHECK(s->is_owed);
	(void)answer_of(s, &code);
	return code;
}

int smtp_server_answer(struct smtp_server *s, struct buf *out)
{
	struct span line;
	int code;

	CHECK(s->is_owed);
	line = answer_of(s, &code);
	if (!buf_append(out, line.data, line.len))
		return 0;
	smtp_server_settle(s, code);
	return code;
}

bool smtp_server_reply(struct smtp_server *s, int code, struct span lines, struct buf *out)
{
	CHECK(s->is_owed);
	if (!buf_append(out, lines.data, lines.len))
		return false;
	smtp_server_settle(s, code);
	return true;
}

/* Commands that came when they may not, or that there are not: no reply makes them happen. */
static bool is_out_of_order(enum smtp_request_fault fault)
{
	switch (fault) {
	case SMTP_REQUEST_TOO_LONG:
	case SMTP_REQUEST_BARE_LF:
	case SMTP_REQUEST_UNKNOWN:
	case SMTP_REQUEST_NOT_SMTP:
	case SMTP_REQUEST_TLS_ON_PLAIN:
	case SMTP_REQUEST_NOT_IMPLEMENTED:
	case SMTP_REQUEST_NO_HELLO:
	case SMTP_REQUEST_NO_MAIL:
	case SMTP_REQUEST_NO_RCPT:
	case SMTP_REQUEST_NO_VALID_RCPT:
	case SMTP_REQUEST_NESTED:
	case SMTP_REQUEST_TWICE:
	case SMTP_REQUEST_MIXED:
	case SMTP_REQUEST_INJECTION:
		return true;
	case SMTP_REQUEST_FINE:
	case SMTP_REQUEST_ARGUMENT:
	case SMTP_REQUEST_BAD_FROM:
	case SMTP_REQUEST_BAD_TO:
	case SMTP_REQUEST_NEEDS_UTF8:
	case SMTP_REQUEST_PARAMETER:
	case SMTP_REQUEST_NO_PARAMETER:
	case SMTP_REQUEST_TOO_BIG:
	case SMTP_REQUEST_NEEDS_TLS:
	case SMTP_REQUEST_NEEDS_AUTH:
	case SMTP_REQUEST_MECHANISM:
	case SMTP_REQUEST_CLEAR_AUTH:
	case SMTP_REQUEST_AUTH_FAILED:
	case SMTP_REQUEST_AUTH_CANCELLED:
	case SMTP_REQUEST_BASE64:
	case SMTP_REQUEST_TOO_MANY_RCPT:
	case SMTP_REQUEST_TOO_MANY_MAIL:
	case SMTP_REQUEST_BARE_LINE_END:
	case SMTP_REQUEST_NO_MEMORY:
		break;
	}
	return false;
}

/* The end of a transaction, whichever way: RFC 5321 s4.1.1.5. */
static void forget_transaction(struct smtp_server *s)
{
	s->state = SMTP_SERVER_READY;
	s->rcpt_count = 0;
	s->rcpt_tried = 0;
	s->rcpt_answered = 0;
	s->size = 0;
	s->body = SMTP_BODY_UNSAID;
	s->is_utf8 = false;
	s->has_content_begun = false;
	s->has_bare_line_end = false;
	s->hold = '\0';
}

static void settle_hello(struct smtp_server *s, bool is_good)
{
	if (!is_good)
		return;
	forget_transaction(s);
	s->is_extended = s->owed_verb != SMTP_VERB_HELO;
}

static void settle_rcpt(struct smtp_server *s, bool is_good)
{
	s->rcpt_tried++;
	if (!is_good)
		return;
	s->rcpt_count++;
	s->state = SMTP_SERVER_RCPT;
}

static void settle_mail(struct smtp_server *s, bool is_good)
{
	if (!is_good) {
		s->body = SMTP_BODY_UNSAID;
		s->is_utf8 = false;
		return;
	}
	s->mail_count++;
	s->rcpt_count = 0;
	s->rcpt_tried = 0;
	s->state = SMTP_SERVER_MAIL;
}

static void settle_data(struct smtp_server *s, int code)
{
	if (code / 100 != 3)
		return;
	s->state = SMTP_SERVER_DATA;
	s->size = 0;
	s->scan = SCAN_START;
	s->hold = '\0';
	s->has_content_begun = false;
	s->has_bare_line_end = false;
}

static void settle_dot(struct smtp_server *s)
{
	s->rcpt_answered++;
	if (!s->texts->params.is_lmtp || s->rcpt_answered >= s->rcpt_count)
		forget_transaction(s);
}

static void settle_verb(struct smtp_server *s, int code)
{
	bool is_good = code / 100 == 2;

	switch (s->owed_verb) {
	case SMTP_VERB_CONNECT:
		s->state = SMTP_SERVER_HELLO;
		s->is_refused = !is_good;
		break;
	case SMTP_VERB_HELO:
	case SMTP_VERB_EHLO:
	case SMTP_VERB_LHLO:
		settle_hello(s, is_good);
		break;
	case SMTP_VERB_STARTTLS:
		if (is_good)
			s->state = SMTP_SERVER_TLS;
		break;
	case SMTP_VERB_AUTH:
		if (!s->is_challenge || code != 334)
			smtp_server_login_end(s, is_good);
		break;
	case SMTP_VERB_MAIL:
		settle_mail(s, is_good);
		break;
	case SMTP_VERB_RCPT:
		settle_rcpt(s, is_good);
		break;
	case SMTP_VERB_DATA:
		settle_data(s, code);
		break;
	case SMTP_VERB_BDAT:
		if (is_good)
			s->state = SMTP_SERVER_BETWEEN;
		else
			forget_transaction(s);
		break;
	case SMTP_VERB_DOT:
		settle_dot(s);
		break;
	case SMTP_VERB_RSET:
		if (is_good && s->state != SMTP_SERVER_HELLO)
			forget_transaction(s);
		break;
	case SMTP_VERB_QUIT:
		s->state = SMTP_SERVER_CLOSING;
		break;
	case SMTP_VERB_NOOP:
	case SMTP_VERB_VRFY:
	case SMTP_VERB_EXPN:
	case SMTP_VERB_HELP:
	case SMTP_VERB_UNKNOWN:
		break;
	}
}

void smtp_server_settle(struct smtp_server *s, int code)
{
	CHECK(s->is_owed);
	s->is_owed = false;
	if (!is_out_of_order(s->owed_fault))
		settle_verb(s, code);
	else if (s->owed_verb == SMTP_VERB_BDAT && s->before_chunk == SMTP_SERVER_BETWEEN)
		forget_transaction(s);
	/* RFC 5321 s3.8: 421 closes, whatever it answers. */
	if (code == 421 || s->owed_fault == SMTP_REQUEST_INJECTION) {
		smtp_server_login_end(s, false);
		s->state = SMTP_SERVER_CLOSING;
	}
}

void smtp_server_injected(struct smtp_server *s)
{
	CHECK(s->is_owed && s->owed_verb == SMTP_VERB_STARTTLS);
	if (s->owed_fault == SMTP_REQUEST_FINE) {
		s->owed_fault = SMTP_REQUEST_INJECTION;
		s->errors++;
	}
}

void smtp_server_shut(struct smtp_server *s)
{
	s->is_owed = false;
	smtp_server_login_end(s, false);
	s->state = SMTP_SERVER_CLOSING;
}

void smtp_server_sealed(struct smtp_server *s)
{
	CHECK(s->state == SMTP_SERVER_TLS);
	forget_transaction(s);
	free(s->user);
	s->user = NULL;
	s->state = SMTP_SERVER_HELLO;
	s->is_sealed = true;
	s->is_extended = false;
	s->mail_count = 0;
}
