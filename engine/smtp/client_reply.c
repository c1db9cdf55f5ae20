/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * client_reply.c - what each reply leads to: the table, and the session's part of it
 *
 * The table is total: what is waited for by class of reply, every cell written out and checked by
 * the compiler, so that no reply can leave a session waiting for ever. 421 is a class of its own,
 * since it ends the session whatever it answers (RFC 5321 s3.8).
 */
#include "smtp/client_internal.h"

enum reply_class { CLASS_FINE, CLASS_MORE, CLASS_TEMPORARY, CLASS_CLOSING, CLASS_PERMANENT };
#define CLASS_COUNT (CLASS_PERMANENT + 1)

enum action {
	ACTION_MISSING, /* stands in no cell */
	GREETED,
	GREETING_REFUSED,
	EHLO_FINE,
	EHLO_UNKNOWN, /* 5xx: HELO may help (s3.2, s4.1.1.1) */
	EHLO_REFUSED,
	HELO_FINE,
	TLS_FINE,
	TLS_REFUSED,
	AUTH_FINAL,
	AUTH_CHALLENGE,
	MAIL_ANSWERED,
	RCPT_ANSWERED,
	DATA_ANSWERED,
	CONTENT_ANSWERED,
	ACTION_DONE, /* of the owner's RSET or NOOP, or of our own RSET */
	QUIT_ANSWERED,
	CLOSING,
	BAD, /* a class that no reply to this command has */
	UNASKED,
};

/* command, 2xx, 3xx, 4xx, 421, 5xx */
#define REPLY_TABLE(ROW)                                                                           \
	ROW(CONNECT, GREETED, BAD, GREETING_REFUSED, GREETING_REFUSED, GREETING_REFUSED)           \
	ROW(EHLO, EHLO_FINE, BAD, EHLO_REFUSED, CLOSING, EHLO_UNKNOWN)                             \
	ROW(HELO, HELO_FINE, BAD, EHLO_REFUSED, CLOSING, EHLO_REFUSED)                             \
	ROW(LHLO, EHLO_FINE, BAD, EHLO_REFUSED, CLOSING, EHLO_REFUSED)                             \
	ROW(STARTTLS, TLS_FINE, BAD, TLS_REFUSED, CLOSING, TLS_REFUSED)                            \
	ROW(AUTH, AUTH_FINAL, AUTH_CHALLENGE, AUTH_FINAL, CLOSING, AUTH_FINAL)                     \
	ROW(MAIL, MAIL_ANSWERED, BAD, MAIL_ANSWERED, CLOSING, MAIL_ANSWERED)                       \
	ROW(RCPT, RCPT_ANSWERED, BAD, RCPT_ANSWERED, CLOSING, RCPT_ANSWERED)                       \
	ROW(DATA, BAD, DATA_ANSWERED, DATA_ANSWERED, CLOSING, DATA_ANSWERED)                       \
	ROW(DOT, CONTENT_ANSWERED, BAD, CONTENT_ANSWERED, CLOSING, CONTENT_ANSWERED)               \
	ROW(BDAT, CONTENT_ANSWERED, BAD, CONTENT_ANSWERED, CLOSING, CONTENT_ANSWERED)              \
	ROW(RSET, ACTION_DONE, BAD, ACTION_DONE, CLOSING, ACTION_DONE)                             \
	ROW(NOOP, ACTION_DONE, BAD, ACTION_DONE, CLOSING, ACTION_DONE)                             \
	ROW(QUIT, QUIT_ANSWERED, QUIT_ANSWERED, QUIT_ANSWERED, QUIT_ANSWERED, QUIT_ANSWERED)       \
	ROW(UNASKED, UNASKED, UNASKED, UNASKED, CLOSING, UNASKED)

#define ROW_COUNT(command, c2, c3, c4, c421, c5) +1
#define ROW_CELLS(command, c2, c3, c4, c421, c5) [SMTP_##command] = {c2, c3, c4, c421, c5},
#define ROW_BIT(command, c2, c3, c4, c421, c5)	 | 1u << SMTP_##command
#define ROW_IS_FULL(command, c2, c3, c4, c421, c5)                                                 \
	&&(c2) != ACTION_MISSING && (c3) != ACTION_MISSING && (c4) != ACTION_MISSING &&            \
		(c421) != ACTION_MISSING && (c5) != ACTION_MISSING

static const uint8_t reply_table[SMTP_COMMAND_COUNT][CLASS_COUNT] = {REPLY_TABLE(ROW_CELLS)};

_Static_assert((0 REPLY_TABLE(ROW_COUNT)) == SMTP_COMMAND_COUNT, "a row for each command");
_Static_assert((0 REPLY_TABLE(ROW_BIT)) == (1u << SMTP_COMMAND_COUNT) - 1, "no row twice");
_Static_assert(1 REPLY_TABLE(ROW_IS_FULL), "no empty cell");

static enum reply_class reply_class(unsigned code)
{
	static const uint8_t classes[] = {
		[2] = CLASS_FINE, [3] = CLASS_MORE, [4] = CLASS_TEMPORARY, [5] = CLASS_PERMANENT};

	return code == 421 ? CLASS_CLOSING : (enum reply_class)classes[code / 100];
}

void smtp_client_greet(struct smtp_client *c)
{
	if (c->params->is_lmtp)
		c->next = SMTP_NEXT_LHLO;
	else
		c->next = c->params->use_helo ? SMTP_NEXT_HELO : SMTP_NEXT_EHLO;
}

static bool is_tls_wanted(const struct smtp_client *c)
{
	return !c->is_sealed &&
	       (c->params->tls == SMTP_TLS_START || c->params->tls == SMTP_TLS_MAY);
}

/* The session has authenticated, or goes on without. */
static void become_ready(struct smtp_client *c)
{
	c->due = SMTP_DUE_READY;
}

static void go_on_to_auth(struct smtp_client *c, enum smtp_command command,
			  const struct reply *reply)
{
	const struct sasl_params *auth = c->params->auth;
	uint32_t mechanism = 0;

	if (auth && (c->capabilities.extensions & SMTP_EXT_AUTH))
		mechanism = sasl_choose(auth, c->capabilities.auth_mechanisms, c->is_sealed);
	if (mechanism != 0)
		smtp_auth_begin(c, (enum sasl_mechanism)mechanism);
	else if (auth && c->params->is_auth_required)
		smtp_client_fail(c, SMTP_FAULT_NO_AUTH, command, PHASE_AUTH, reply);
	else
		become_ready(c);
}

/* EHLO, HELO or LHLO was accepted: STARTTLS, AUTH or ready. */
static void go_on(struct smtp_client *c, enum smtp_command command, const struct reply *reply)
{
	if (is_tls_wanted(c)) {
		if (c->capabilities.extensions & SMTP_EXT_STARTTLS) {
			c->next = SMTP_NEXT_STARTTLS;
			return;
		}
		if (c->params->tls == SMTP_TLS_START) {
			smtp_client_fail(c, SMTP_FAULT_NO_STARTTLS, command, PHASE_TLS, reply);
			return;
		}
	}
	go_on_to_auth(c, command, reply);
}

/* Reads the keywords of an EHLO reply: all lines but the first (s4.1.1.1). */
static void read_capabilities(struct smtp_client *c, struct span text)
{
	const char *lf;

	c->capabilities = (struct smtp_capabilities){.extensions = 0};
	lf = text.len > 0 ? memchr(text.data, '\n', text.len) : NULL;
	while (lf) {
		struct span rest = span_skip(text, (size_t)(lf - text.data) + 1);

		lf = rest.len > 0 ? memchr(rest.data, '\n', rest.len) : NULL;
		smtp_capabilities_read(
			&c->capabilities,
			(struct span){rest.data, lf ? (size_t)(lf - rest.data) : rest.len});
		text = rest;
	}
}

/* 5xx to EHLO: an old server knows HELO. Not where that cannot lead to what is required. */
static void on_ehlo_unknown(struct smtp_client *c, const struct reply *reply)
{
	const struct smtp_client_params *p = c->params;
	bool is_tls_required = !c->is_sealed && p->tls == SMTP_TLS_START;

	if (is_tls_required || (p->auth && p->is_auth_required))
		smtp_client_fail(c, SMTP_FAULT_REFUSED_EHLO, SMTP_EHLO, PHASE_EHLO, reply);
	else
		c->next = SMTP_NEXT_HELO;
}

static void on_unasked(struct smtp_client *c, enum smtp_command command, enum phase phase,
		       const struct reply *reply)
{
	smtp_client_fail(c, SMTP_FAULT_UNASKED, command, phase, reply);
}

static void on_closing(struct smtp_client *c, enum smtp_command command, enum phase phase,
		       const struct reply *reply)
{
	if (c->message)
		smtp_message_on_closing(c, reply, command);
	smtp_client_fail(c, SMTP_FAULT_CLOSING, command, phase, reply);
}

/* What the session's own commands lead to; the phase is that of the reply. */
static void act_on_session(struct smtp_client *c, enum action action, enum smtp_command command,
			   const struct reply *reply)
{
	enum phase phase = smtp_command_phase(command);

	switch (action) {
	case GREETED:
		smtp_client_greet(c);
		return;
	case GREETING_REFUSED:
		smtp_client_fail(c, SMTP_FAULT_REFUSED_GREETING, command, phase, reply);
		return;
	case EHLO_FINE:
		read_capabilities(c, reply->text);
		go_on(c, command, reply);
		return;
	case EHLO_UNKNOWN:
		on_ehlo_unknown(c, reply);
		return;
	case HELO_FINE:
		c->capabilities = (struct smtp_capabilities){.extensions = 0};
		go_on(c, command, reply);
		return;
	case TLS_FINE:
		c->due = SMTP_DUE_STARTTLS;
		return;
	case TLS_REFUSED:
		if (c->params->tls == SMTP_TLS_MAY)
			go_on_to_auth(c, command, reply);
		else
			smtp_client_fail(c, SMTP_FAULT_REFUSED_STARTTLS, command, phase, reply);
		return;
	case AUTH_FINAL:
		if (smtp_auth_on_final(c, reply))
			become_ready(c);
		return;
	case ACTION_DONE:
		if (c->state == SMTP_STATE_BUSY && c->pending_count == 0 &&
		    c->next == SMTP_NEXT_NOTHING)
			become_ready(c);
		return;
	case QUIT_ANSWERED:
		c->fault_command = SMTP_QUIT;
		c->fault_phase = PHASE_QUIT;
		c->state = SMTP_STATE_OVER;
		c->due = SMTP_DUE_CLOSED;
		return;
	case BAD:
		smtp_client_fail(c, SMTP_FAULT_BAD_REPLY, command, phase, reply);
		return;
	default:
		CHECK(action == EHLO_REFUSED);
		smtp_client_fail(c, SMTP_FAULT_REFUSED_EHLO, command, phase, reply);
		return;
	}
}

/*
 * Takes one reply off the head's run. Where replies belong to accepted recipients alone (the final
 * replies of LMTP), the run moves on to the next of those.
 */
static void pop(struct smtp_client *c, struct smtp_pending *head)
{
	c->pending_count--;
	if (--head->count > 0) {
		head->rcpt_idx++;
		if (head->command != SMTP_RCPT)
			head->rcpt_idx = (uint16_t)smtp_message_next_accepted(c, head->rcpt_idx);
		return;
	}
	c->pending_head = (uint8_t)((c->pending_head + 1) % SMTP_PENDING_RUNS);
	c->pending_runs--;
}

static bool is_per_recipient(const struct smtp_client *c, enum smtp_command command)
{
	return command == SMTP_RCPT ||
	       (c->params->is_lmtp && (command == SMTP_DOT || command == SMTP_BDAT));
}

bool smtp_client_on_reply(struct smtp_client *c, const struct reply *reply,
			  struct smtp_event *ret_event)
{
	struct smtp_pending *head = smtp_pending_head(c);
	enum smtp_command command = head ? (enum smtp_command)head->command : SMTP_UNASKED;
	enum action action = (enum action)reply_table[command][reply_class(reply->code)];
	enum phase phase = smtp_command_phase(command);

	if (!head) {
		enum smtp_command waited_for;

		smtp_client_waited_for(c, &waited_for, &phase);
	}
	*ret_event = (struct smtp_event){
		.kind = SMTP_EVENT_REPLY,
		.command = command,
		.phase = head ? phase : PHASE_SESSION,
		.reply = *reply,
		.sent_ns = head ? head->sent_ns : 0,
		.rcpt_idx = head && is_per_recipient(c, command) ? head->rcpt_idx : -1,
	};
	if (head)
		pop(c, head);
	switch (action) {
	case AUTH_CHALLENGE:
		smtp_auth_on_challenge(c, reply);
		return false;
	case MAIL_ANSWERED:
		smtp_message_on_mail(c, reply);
		break;
	case RCPT_ANSWERED:
		smtp_message_on_rcpt(c, reply, ret_event->rcpt_idx);
		break;
	case DATA_ANSWERED:
		smtp_message_on_data(c, reply);
		break;
	case CONTENT_ANSWERED:
		smtp_message_on_final(c, reply, command, c->pending_count == 0);
		break;
	case CLOSING:
		on_closing(c, command, phase, reply);
		break;
	case UNASKED:
		on_unasked(c, command, phase, reply);
		break;
	default:
		act_on_session(c, action, command, reply);
		break;
	}
	if (c->state == SMTP_STATE_MESSAGE)
		smtp_message_check_done(c);
	return true;
}
